"""Runs whose process was ended before they were: found, and given up.

Belongs here: telling which processes of a home still live, and closing the runs of those that do not. Does not belong here: what a
run does (``refresh``).

Dagster's records cannot tell a run that was killed from one that is still at work. Left alone, such a run keeps its slot of the
pool, for which the next publication would wait for ever, and counts among the runs that the schedule may have at once.
"""

from __future__ import annotations

import contextlib
import logging
import uuid
from collections.abc import Iterator
from pathlib import Path

LOG = logging.getLogger("poverty_assets")
PROCESS_TAG = "poverty_assets/process"
_WHY = "the process of this run was ended before the run was; run it again"


@contextlib.contextmanager
def living(dagster_home: Path) -> Iterator[dict[str, str]]:
    """Tags for the runs of this process; while it lives it holds a lock of that name, which the system takes from the dead."""
    from filelock import FileLock

    name = uuid.uuid4().hex
    place = _place(dagster_home, name)
    place.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(place):
        yield {PROCESS_TAG: name}
        place.unlink(missing_ok=True)  # not after an error: the next refresh then looks whether a run was left open


def give_up_interrupted(dagster_home: Path) -> list[str]:
    """Record the unfinished runs of dead processes as failed and free what they hold.

    Returns
    -------
    list of str
        Their ids.
    """
    from filelock import FileLock, Timeout

    with contextlib.ExitStack() as held:
        dead = []
        for place in sorted(_place(dagster_home, "any").parent.glob("*.lock")):
            with contextlib.suppress(Timeout):
                held.enter_context(FileLock(place, timeout=0))
                dead.append(place)
        given_up = _close_runs(dagster_home, [place.stem for place in dead]) if dead else []
        for place in dead:
            place.unlink(missing_ok=True)
    if given_up:
        LOG.warning("%s earlier runs were interrupted; they are recorded as failed", len(given_up))
    return given_up


def _close_runs(dagster_home: Path, names: list[str]) -> list[str]:
    import dagster as dg  # takes seconds, and hardly ever is a process found dead

    finished = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
    given_up = []
    with dg.DagsterInstance.from_config(str(dagster_home.resolve())) as instance:
        for name in names:
            for run in instance.get_runs(dg.RunsFilter(tags={PROCESS_TAG: name})):
                if run.status not in finished:
                    instance.report_run_failed(run, _WHY)
                    given_up.append(run.run_id)
                instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    return given_up


def _place(dagster_home: Path, name: str) -> Path:
    return dagster_home / "processes" / f"{name}.lock"
