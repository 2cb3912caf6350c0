"""Runs whose process was ended before they were: found, and given up.

Belongs here: telling which processes of a home still live, and closing the runs of those that do not. Does not belong here: what a
run does (``refresh``).

Dagster's records cannot tell a run that was killed from one that is still at work. Left alone, such a run keeps its slot of the
pool, for which the next publication would wait for ever, and counts among the runs that the schedule may have at once.
"""

from __future__ import annotations

import contextlib
import logging
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from poverty_assets.settings import RUN_LOCKS

if TYPE_CHECKING:
    import dagster as dg

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

    A run is known by the process that started it from the command line, or by its own lock, which a run holds wherever it was
    started (by the UI, by the schedule).

    Returns
    -------
    list of str
        Their ids.
    """
    with contextlib.ExitStack() as held:
        processes = _dead(_place(dagster_home, "any").parent, held)
        runs = _dead(dagster_home / RUN_LOCKS, held)
        given_up = _close_runs(dagster_home, processes, runs) if processes or runs else []
        for place in [*processes, *runs]:
            place.unlink(missing_ok=True)
    if given_up:
        LOG.warning("%s earlier runs were interrupted; they are recorded as failed", len(given_up))
    return given_up


def wait_for_slot(instance: dg.DagsterInstance, dagster_home: Path, pool: str, look_every: float = 1.0) -> None:
    """Wait, asleep, until no living run holds the pool's slot; say once for whom.

    Dagster's own wait would burn a core, say nothing, and never end where the holder is dead.
    """
    said = False
    while True:
        give_up_interrupted(dagster_home)
        slots = instance.event_log_storage.get_concurrency_info(pool).claimed_slots
        if not slots:
            return
        if not said:
            LOG.warning("waiting for run %s, which holds the pool %s", slots[0].run_id, pool)
            said = True
        time.sleep(look_every)


def _dead(folder: Path, held: contextlib.ExitStack) -> list[Path]:
    """Lock files that nobody holds; they are held from now on, until ``held`` is closed."""
    from filelock import FileLock, Timeout

    dead = []
    for place in sorted(folder.glob("*.lock")):
        with contextlib.suppress(Timeout):
            held.enter_context(FileLock(place, timeout=0))
            dead.append(place)
    return dead


def _close_runs(dagster_home: Path, processes: list[Path], runs: list[Path]) -> list[str]:
    import dagster as dg  # takes seconds, and hardly ever is a process found dead

    finished = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
    filters = [dg.RunsFilter(tags={PROCESS_TAG: place.stem}) for place in processes]
    filters += [dg.RunsFilter(run_ids=[place.stem for place in runs])] if runs else []
    given_up = []
    with dg.DagsterInstance.from_config(str(dagster_home.resolve())) as instance:
        for run in [run for each in filters for run in instance.get_runs(each)]:
            if run.status not in finished and run.run_id not in given_up:
                instance.report_run_failed(run, _WHY)
                given_up.append(run.run_id)
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    return given_up


def _place(dagster_home: Path, name: str) -> Path:
    return dagster_home / "processes" / f"{name}.lock"
