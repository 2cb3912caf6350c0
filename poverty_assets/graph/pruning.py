"""Records and logs of old runs, let go.

Belongs here: which runs nobody needs any more. Does not belong here: runs that were interrupted (``running.interrupted``), or ticks of
schedules and sensors, which Dagster lets go by itself (``running.instance``).

Dagster takes the state of an asset from the records of the run that made it. So the last run of a job and quarter that succeeded is
kept for ever, and with it whatever came after it. A run of some assets of a job, or of its checks alone, takes the place of none that made
others, nor one of another home that the same server serves.
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
    newest = instance.get_run_records(asked, limit=_AT_ONCE)
    return any(one.storage_id > storage_id and _takes_the_place(one.dagster_run, run) for one in newest)


def _takes_the_place(later: dg.DagsterRun, earlier: dg.DagsterRun) -> bool:
    """Whether a run of the same job and quarter did all that an earlier one was to do."""
    if _home(later) != _home(earlier):
        return False
    chosen, before = (
        [one.asset_selection or frozenset(), one.asset_check_selection or frozenset()] for one in (later, earlier)
    )
    if not any(chosen):  # nothing is chosen of a whole run
        return True
    return any(before) and all(was <= of for of, was in zip(chosen, before, strict=True))


def _home(run: dg.DagsterRun) -> str | None:
    """The code location that a run is of."""
    origin = run.remote_job_origin
    return origin.repository_origin.code_location_origin.location_name if origin else None
