"""Records and logs of old runs, let go.

Belongs here: which runs nobody needs any more. Does not belong here: runs that were interrupted (``interrupted``), or ticks of schedules
and sensors, which Dagster lets go by itself (``instance``).

Dagster takes the state of an asset from the records of the run that made it. So the last run of a job and quarter that succeeded is
kept for ever, and with it whatever came after it.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import dagster as dg

_AT_ONCE = 500


def prune(instance: dg.DagsterInstance, dagster_home: Path, now: dt.datetime, keep_days: int) -> list[str]:
    """Let go of runs that are older and after which the same job succeeded for the same quarter; returns their ids."""
    import dagster as dg

    finished = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
    cutoff = now - dt.timedelta(days=keep_days)
    old = instance.get_run_records(
        dg.RunsFilter(statuses=finished, created_before=cutoff), limit=_AT_ONCE, ascending=True
    )
    gone = []
    for record in old:
        run = record.dagster_run
        if _succeeded_since(instance, run, record.storage_id):
            instance.delete_run(run.run_id)
            instance.compute_log_manager.delete_logs(prefix=[run.run_id])
            for part in ("", "-wal", "-shm"):
                with contextlib.suppress(OSError):
                    (dagster_home / "history" / "runs" / f"{run.run_id}.db{part}").unlink(missing_ok=True)
            gone.append(run.run_id)
    return gone


def _succeeded_since(instance: dg.DagsterInstance, run: dg.DagsterRun, storage_id: int) -> bool:
    import dagster as dg

    key = run.tags.get("dagster/partition")
    asked = dg.RunsFilter(
        job_name=run.job_name,
        statuses=[dg.DagsterRunStatus.SUCCESS],
        tags={"dagster/partition": key} if key else {},
    )
    newest = instance.get_run_records(asked, limit=1)
    return bool(newest) and newest[0].storage_id > storage_id
