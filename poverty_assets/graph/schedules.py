"""The quarterly schedule, and by when its work has to be done.

Belongs here: when a quarter is made by itself. Written by hand, because ``build_schedule_from_partitioned_job`` fires at the
first midnight of the new quarter and takes no day or hour for quarterly partitions.
"""

import datetime as dt
from collections.abc import Sequence

import dagster as dg

from poverty_assets.graph.jobs import QUARTER
from poverty_assets.graph.resources import Home
from poverty_assets.quarter import Quarter

# 02:00 on the twentieth day after a quarter's end: by then its satellite products and counts have been released
CRON = "0 2 20 1,4,7,10 *"
MOST_MADE_UP = 8
"""Quarters back to which the schedule makes up what it missed; for more, a backfill is asked for by a person."""
# a week for runs that fail and are mended; whatever was made since the quarter's end counts
FRESH = dg.FreshnessPolicy.cron("0 2 27 1,4,7,10 *", lower_bound_delta=dt.timedelta(days=26, hours=2))


def build(quarters: dg.TimeWindowPartitionsDefinition) -> list[dg.ScheduleDefinition]:
    """All schedules."""

    @dg.schedule(
        name="quarterly_refresh",
        cron_schedule=CRON,
        job_name=QUARTER,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Makes the last complete quarter twenty days after its end; its publication follows by itself.",
    )
    def quarterly_refresh(context: dg.ScheduleEvaluationContext, home: Home) -> list[dg.RunRequest] | dg.SkipReason:
        return requests(quarters, context.scheduled_execution_time, home.lake.quarters())

    return [quarterly_refresh]


def requests(
    quarters: dg.TimeWindowPartitionsDefinition, now: dt.datetime, made: Sequence[Quarter]
) -> list[dg.RunRequest] | dg.SkipReason:
    """The run for the last quarter complete at ``now``, and for those before it back to the newest that is made; a key keeps one tick
    from running a quarter twice.

    Dagster makes up the last tick that was missed and no earlier one, so that a machine that was off over two due dates would
    leave a quarter out.
    """
    keys = quarters.get_partition_keys(current_time=now)
    if not keys:
        return dg.SkipReason("no quarter is complete yet")
    missed = [key for key in keys[-MOST_MADE_UP:-1] if made and key > made[-1].key]
    tags = {"who": "quarterly_refresh", "why": "the schedule"}
    late = {"who": "quarterly_refresh", "why": "the schedule, which could not run when it was due"}
    return [
        dg.RunRequest(run_key=f"{key}@{now:%Y-%m-%d}", partition_key=key, tags=tags if key == keys[-1] else late)
        for key in [*missed, keys[-1]]
    ]
