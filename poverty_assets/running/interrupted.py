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

from poverty_assets.running.instance import read_instance
from poverty_assets.settings import PROCESS_SIGNS, RUN_SIGNS
from poverty_assets.signs_of_life import SignOfLife, cold_signs

if TYPE_CHECKING:
    import dagster as dg

LOG = logging.getLogger("poverty_assets")
PROCESS_TAG = "poverty_assets/process"
_WHY = "the process of this run was ended before the run was; run it again"


@contextlib.contextmanager
def living(dagster_home: Path) -> Iterator[dict[str, str]]:
    """Tags for the runs of this process, which gives a sign of life of that name."""
    name = uuid.uuid4().hex
    sign = SignOfLife(dagster_home / PROCESS_SIGNS / f"{name}.lock")
    try:
        yield {PROCESS_TAG: name}
    except BaseException:
        sign.leave_behind()  # the next refresh then looks whether a run was left open
        raise
    sign.take_back()


def give_up_interrupted(dagster_home: Path) -> list[str]:
    """Record the unfinished runs of dead processes as failed and free what they hold.

    A run is known by the process that started it from the command line, or by its own sign of life, which a run gives wherever it was
    started (by the UI, by the schedule).

    Returns
    -------
    list of str
        Their ids.
    """
    with contextlib.ExitStack() as held:
        processes = cold_signs(dagster_home / PROCESS_SIGNS, held)
        runs = cold_signs(dagster_home / RUN_SIGNS, held)
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


def _close_runs(dagster_home: Path, processes: list[Path], runs: list[Path]) -> list[str]:
    import dagster as dg  # takes seconds, and hardly ever is a process found dead

    finished = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
    filters = [dg.RunsFilter(tags={PROCESS_TAG: place.stem}) for place in processes]
    filters += [dg.RunsFilter(run_ids=[place.stem for place in runs])] if runs else []
    given_up = []
    with read_instance(dagster_home) as instance:
        for run in [run for each in filters for run in instance.get_runs(each)]:
            if run.status not in finished and run.run_id not in given_up:
                instance.report_run_failed(run, _WHY)
                given_up.append(run.run_id)
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    return given_up
