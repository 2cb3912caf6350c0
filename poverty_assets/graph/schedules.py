"""The quarterly schedule, and by when its work has to be done.

Belongs here: when a quarter is made by itself. Written by hand, because ``build_schedule_from_partitioned_job`` fires at the
first midnight of the new quarter and takes no day or hour for quarterly partitions.
"""

import datetime as dt

import dagster as dg

from poverty_assets.graph.jobs import QUARTER

# 02:00 on the twentieth day after a quarter's end: by then its satellite products and counts have been released
CRON = "0 2 20 1,4,7,10 *"
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
    def quarterly_refresh(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        return request(quarters, context.scheduled_execution_time)

    return [quarterly_refresh]


def request(quarters: dg.TimeWindowPartitionsDefinition, now: dt.datetime) -> dg.RunRequest | dg.SkipReason:
    """The run for the last quarter complete at ``now``; its key keeps one tick from running it twice."""
    keys = quarters.get_partition_keys(current_time=now)
    if not keys:
        return dg.SkipReason("no quarter is complete yet")
    tags = {"who": "quarterly_refresh", "why": "the schedule"}
    return dg.RunRequest(run_key=f"{keys[-1]}@{now:%Y-%m-%d}", partition_key=keys[-1], tags=tags)
