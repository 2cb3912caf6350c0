"""The quarterly schedule of the simulated twin, whose files are always there, and the weekly look at real sources.

Belongs here: what goes by the clock. Quarters of real data are begun by a sensor, when what they need has arrived (``sensors``). Written
by hand, because ``build_schedule_from_partitioned_job`` fires at the first midnight of the new quarter and takes no day or hour for
quarterly partitions.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import dagster as dg

from poverty_assets.graph.jobs import ASK, BEGINS, QUARTER
from poverty_assets.graph.resources import Home
from poverty_assets.intake.due import MOST_MADE_UP
from poverty_assets.quarter import Quarter

# 02:00 on the twentieth day after a quarter's end: by then its satellite products and counts have been released
CRON = "0 2 20 1,4,7,10 *"
LOOK = "0 3 * * 1"


def build(
    quarters: dg.TimeWindowPartitionsDefinition, jobs: Sequence[Any], *, lands: bool = False
) -> list[dg.ScheduleDefinition]:
    """All schedules: where real files land, the weekly look at every source; of the twin, its quarters."""
    return [_weekly_look(quarters, jobs)] if lands else [_of_twin(quarters)]


def _of_twin(quarters: dg.TimeWindowPartitionsDefinition) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=BEGINS,
        cron_schedule=CRON,
        job_name=QUARTER,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Makes the last complete quarter twenty days after its end; its publication follows by itself.",
    )
    def quarterly_refresh(context: dg.ScheduleEvaluationContext, home: Home) -> list[dg.RunRequest] | dg.SkipReason:
        return requests(quarters, context.scheduled_execution_time, home.lake.quarters())

    return quarterly_refresh


def _weekly_look(quarters: dg.TimeWindowPartitionsDefinition, jobs: Sequence[Any]) -> dg.ScheduleDefinition:
    @dg.schedule(
        name="weekly_look",
        cron_schedule=LOOK,
        job=next(job for job in jobs if job.name == ASK),
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Observes how every source stands to the last complete quarter; asks publishers where the home fetches.",
    )
    def weekly_look(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        keys = quarters.get_partition_keys(current_time=context.scheduled_execution_time)
        if not keys:
            return dg.SkipReason("no quarter is complete yet")
        tags = {"who": "weekly_look", "why": "the schedule"}
        return dg.RunRequest(run_key=f"{context.scheduled_execution_time:%Y-%m-%d}", partition_key=keys[-1], tags=tags)

    return weekly_look


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
    tags = {"who": BEGINS, "why": "the schedule"}
    late = {"who": BEGINS, "why": "the schedule, which could not run when it was due"}
    return [
        dg.RunRequest(run_key=f"{key}@{now:%Y-%m-%d}", partition_key=key, tags=tags if key == keys[-1] else late)
        for key in [*missed, keys[-1]]
    ]
