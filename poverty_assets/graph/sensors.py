"""What happens by itself: a quarter of real data is begun when what it needs has arrived, files that came are judged, quarters that they
touch are made again, the publication (or the candidate for one) when quarters are done, word of what failed, a heartbeat, old records.

Belongs here: sensors, which ask and start runs. Does not belong here: when a quarter is due (``intake.due``), what is behind
(``warehouse.behind``), what came (``intake.arrivals``), how word is sent (``alerts``, ``heartbeat``), or what is old (``pruning``).
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import dagster as dg
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES

from poverty_assets.errors import HeldElsewhere
from poverty_assets.graph import alerts
from poverty_assets.graph.heartbeat import beat
from poverty_assets.graph.jobs import BEGINS, CANDIDATE, FETCH, LANDING, PUBLISH, QUARTER
from poverty_assets.graph.pruning import prune
from poverty_assets.graph.resources import Home
from poverty_assets.quarter import Quarter
from poverty_assets.settings import PROCESS_SIGNS
from poverty_assets.signs_of_life import anyone_alive

ERRORS = HeldElsewhere.__module__
LAKE_TAG = "poverty_assets/lake"
MISSING_TAG = "missing"
"""Tag of a run that goes without sources which were promised: their names."""
MOST_TRIES = 2
MOST_NAMED = 5
LOOK_EVERY, BEAT_EVERY, PRUNE_EVERY = 10, 60, 24 * 3600
PUT_BACK = "somebody put an earlier file back and the lake is as it was; any refresh, or the job publish, publishes it"
NOTHING_NEW = "what is published is what the lake holds"
_WHO = {"fetch": "fetch_when_due", "start": BEGINS}
_BACKFILLS_AT_WORK = [BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING, BulkActionStatus.FAILING]


def build(*, wants_approval: bool = False, lands: bool = False) -> list[dg.SensorDefinition]:
    """All sensors; those of the landing folder where files of real sources land in it."""
    of_approval = [propose_when_done] if wants_approval else []
    of_landing = [fetch_when_due, quarterly_refresh, look_at_landing, revise] if lands else []
    return [publish_when_done, *of_approval, *of_landing, tell_failures, heartbeat, let_go_of_old_runs]


@dg.sensor(
    job_name=FETCH,
    minimum_interval_seconds=BEAT_EVERY,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Where the home fetches: fetches for a quarter that is due, before it begins, and once a day while something lacks.",
)
def fetch_when_due(context: dg.SensorEvaluationContext, home: Home) -> dg.SensorResult | dg.SkipReason:
    """What is to be fetched now, once nothing is under way."""
    busy = _busy(context, home)
    return dg.SkipReason(busy) if busy else begin(home, dt.datetime.now(dt.UTC), "fetch")


@dg.sensor(
    job_name=QUARTER,
    minimum_interval_seconds=BEAT_EVERY,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Begins a quarter once, from the twentieth day after its end, when every source that is promised for it is there, or when"
    " it has waited its longest. Its publication follows by itself.",
)
def quarterly_refresh(context: dg.SensorEvaluationContext, home: Home) -> dg.SensorResult | dg.SkipReason:
    """The one sensor that begins quarters: those whose time has come, once nothing is under way."""
    busy = _busy(context, home)
    return dg.SkipReason(busy) if busy else begin(home, dt.datetime.now(dt.UTC), "start")


def begin(home: Home, now: dt.datetime, what: Literal["fetch", "start"]) -> dg.SensorResult | dg.SkipReason:
    """Fetches, or quarters, to start now; what is waited for, where there is none.

    Whether a quarter is made is read from the lake, what it lacks from the landing folder, when it was last fetched for from
    ``waiting.json``: Dagster's records keep one and the same run from being asked for twice, and nothing more.
    """
    from poverty_assets.intake.arrivals import noticed, read_arrivals
    from poverty_assets.intake.due import (
        MOST_COMPLETED,
        completed_by,
        decide,
        due_quarters,
        read_waiting,
        write_waiting,
    )

    if noticed(home.specs, home.landing, read_arrivals(home.settings.arrivals), now):
        return dg.SkipReason("files came that are to be judged first")
    waiting, last_day = read_waiting(home.settings.waiting, now.date()), home.country.last_day
    first, requests, said = Quarter.from_label(home.country.first_quarter), [], []
    for quarter in due_quarters(now, first, home.lake.quarters(), waiting.since, last_day):
        found, tried = home.standings(quarter), waiting.tried_on(quarter)
        made = decide(quarter, found, now, last_day=last_day, fetches=bool(home.fetched), tried=tried)
        said.append(made.why)
        if made.do != what:
            continue
        key = (
            f"fetch:{quarter.key}:{now:%Y-%m-%d}"
            if what == "fetch"
            else f"begin:{quarter.key}:{','.join(made.lacking)}"
        )
        tags = {"who": _WHO[what], "why": made.why} | ({MISSING_TAG: ", ".join(made.lacking)} if made.lacking else {})
        requests.append(dg.RunRequest(key, partition_key=quarter.key, tags=tags))
        waiting = waiting.with_try(quarter, now.date()) if what == "fetch" else waiting
    if what == "fetch" and home.fetched:
        for quarter in home.lake.quarters()[-MOST_COMPLETED:]:
            found = [
                one for one in home.standings(quarter) if one.source_id in {spec.source_id for spec in home.fetched}
            ]
            names = completed_by(found, now, waiting.tried_on(quarter))
            if names:
                tags = {
                    "who": _WHO[what],
                    "why": f"{quarter} was made without {', '.join(names)}, or with a preliminary release",
                }
                requests.append(
                    dg.RunRequest(f"fetch:{quarter.key}:{now:%Y-%m-%d}", partition_key=quarter.key, tags=tags)
                )
                waiting = waiting.with_try(quarter, now.date())
    write_waiting(home.settings.waiting, waiting)
    return dg.SensorResult(run_requests=requests) if requests else dg.SkipReason("; ".join(said) or "no quarter is due")


@dg.sensor(
    job_name=PUBLISH,
    minimum_interval_seconds=LOOK_EVERY,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Publishes once when every quarter that was asked for is done and the lake holds what is not published; where quarters"
    " are approved, those that are.",
)
def publish_when_done(context: dg.SensorEvaluationContext, home: Home) -> dg.SensorResult | dg.SkipReason:
    """One publication for all that was asked for: by the schedule, by hand, or as a backfill.

    What is behind is read from the lake and the published file, not from Dagster's records: so it makes no difference who made a
    quarter, and a publication that failed is tried again, but not for ever.
    """
    from poverty_assets.warehouse.behind import lake_version, moment_of
    from poverty_assets.warehouse.editions import unwanted_lake
    from poverty_assets.warehouse.opening import write_ahead_log

    if unwanted_lake(home.settings.warehouse) == lake_version(home.lake):
        return dg.SkipReason(PUT_BACK)
    now = dt.datetime.now(dt.UTC)
    let_through = home.let_through(now)  # an embargo ends though no file changes
    files = home.settings.warehouse, write_ahead_log(home.settings.warehouse)
    moment = moment_of(home.lake, *files) + let_through
    return _once(
        context,
        home,
        _Due(
            "publish_when_done",
            PUBLISH,
            "published",
            lake_version(home.lake) + let_through,
            moment,
            partial(home.behind, now),
        ),
    )


@dg.sensor(
    job_name=CANDIDATE,
    minimum_interval_seconds=LOOK_EVERY,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Makes the candidate once when quarters that were asked for are done and wait for approval, and it does not show them.",
)
def propose_when_done(context: dg.SensorEvaluationContext, home: Home) -> dg.SensorResult | dg.SkipReason:
    """The same for the candidate, of quarters that nobody has approved."""
    from poverty_assets.warehouse.behind import lake_version, moment_of

    moment = moment_of(home.lake, home.settings.warehouse, home.settings.candidate, home.settings.approvals)
    return _once(
        context,
        home,
        _Due("propose_when_done", CANDIDATE, "proposed", lake_version(home.lake), moment, home.desk.unshown),
    )


@dataclass(frozen=True)
class _Due:
    """What may be due: a job of a sensor, what it does to quarters, of which lake, at which moment of the files, and for which."""

    sensor: str
    job: str
    done: str
    version: str
    moment: str
    quarters: Callable[[], list[Quarter]]


def _once(context: dg.SensorEvaluationContext, home: Home, due: _Due) -> dg.SensorResult | dg.SkipReason:
    """One run for all quarters that are due, once nothing is under way; one that fails is tried again, but not for ever."""
    busy = _busy(context, home)
    if busy:
        return dg.SkipReason(busy)
    if due.moment == context.cursor:
        return dg.SkipReason(NOTHING_NEW)
    try:
        behind = due.quarters()
    except HeldElsewhere as error:
        return dg.SkipReason(error.message)
    if not behind:
        context.update_cursor(due.moment)
        return dg.SkipReason(NOTHING_NEW)
    failed = context.instance.get_runs_count(
        dg.RunsFilter(job_name=due.job, tags={LAKE_TAG: due.version}, statuses=[dg.DagsterRunStatus.FAILURE])
    )
    if failed >= MOST_TRIES:
        return dg.SkipReason(
            f"the job {due.job} failed {failed} times for this lake; see its runs, mend the cause, and run it by hand"
        )
    labels = ", ".join(quarter.label for quarter in behind)
    tags = {
        LAKE_TAG: due.version,
        "quarters": labels,
        "who": due.sensor,
        "why": f"not {due.done} as they are: {labels}",
    }
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=f"{due.version}:{due.moment}:{failed}", tags=tags)])


@dg.sensor(
    job_name=LANDING,
    minimum_interval_seconds=BEAT_EVERY,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Has files that are new in the landing folder, or not as they were, judged: written down, or moved to quarantine.",
)
def look_at_landing(context: dg.SensorEvaluationContext, home: Home) -> dg.SensorResult | dg.SkipReason:
    """One run for all that came, once nothing reads the folder; a file that is still being written is left for later."""
    from poverty_assets.intake.arrivals import noticed, read_arrivals, state_of

    busy = _busy(context, home)
    if busy:
        return dg.SkipReason(busy)
    came = noticed(home.specs, home.landing, read_arrivals(home.settings.arrivals), dt.datetime.now(dt.UTC))
    if not came:
        return dg.SkipReason("nothing came")
    files = ", ".join(found.file(home.landing) for found in came[:MOST_NAMED])
    tags = {"who": "look_at_landing", "why": f"{len(came)} files came: {files}"}
    key = hashlib.sha256(repr([state_of(found) for found in came]).encode()).hexdigest()
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=key, tags=tags)])


@dg.sensor(
    job_name=QUARTER,
    minimum_interval_seconds=BEAT_EVERY,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Makes those quarters again that a file touches which was accepted since; quarters that are not made yet are begun"
    " by quarterly_refresh.",
)
def revise(context: dg.SensorEvaluationContext, home: Home) -> dg.SensorResult | dg.SkipReason:
    """A revision of each quarter that would be another with the files as they are now; once for the same files."""
    from poverty_assets.intake.arrivals import read_arrivals, touched

    busy = _busy(context, home)
    if busy:
        return dg.SkipReason(busy)
    lake, came = home.lake, read_arrivals(home.settings.arrivals)
    found = touched(came, home.specs, home.landing, lake.sealed_at(), lake.source_digest) if came else {}
    if not found:
        return dg.SkipReason("no quarter is touched by what came")
    requests = []
    for quarter, files in found.items():
        digests = hashlib.sha256("".join(sorted(one.file + one.sha256 for one in files)).encode()).hexdigest()
        why = f"revised: {', '.join(one.file for one in files[:MOST_NAMED])}"
        tags = {"who": "revise", "why": why}
        requests.append(
            dg.RunRequest(run_key=f"revision:{quarter.key}:{digests}", partition_key=quarter.key, tags=tags)
        )
    return dg.SensorResult(run_requests=requests)


@dg.run_failure_sensor(
    minimum_interval_seconds=LOOK_EVERY,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Sends word of a run that failed to the address or mailbox that the environment names; else does nothing.",
)
def tell_failures(context: dg.RunFailureSensorContext, home: Home) -> dg.SkipReason | None:
    """Word of one failed run."""
    key = context.partition_key
    quarter = Quarter.from_key(key).label if key else ""
    sent = alerts.send(
        alerts.Alert(
            str(home.settings.home), context.dagster_run.job_name, quarter, context.dagster_run.run_id, _why(context)
        )
    )
    return None if sent else dg.SkipReason("no word was sent: the environment names nobody, or nobody could be reached")


@dg.sensor(
    minimum_interval_seconds=BEAT_EVERY,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Writes heartbeat.json into the home and asks for the address that the environment names, for a monitor outside.",
)
def heartbeat(context: dg.SensorEvaluationContext, home: Home) -> dg.SkipReason:
    """A sign that the daemon lives; it never asks for a run."""
    return dg.SkipReason(beat(home.settings.home, dt.datetime.now(dt.UTC)))


@dg.sensor(
    minimum_interval_seconds=PRUNE_EVERY,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Lets go of records and logs of runs that are old and after which the same work succeeded, as a refresh from the command"
    " line does.",
)
def let_go_of_old_runs(context: dg.SensorEvaluationContext, home: Home) -> dg.SkipReason:
    """Once a day; it never asks for a run."""
    days = home.settings.keep_days
    gone = prune(context.instance, Path(context.instance.root_directory), dt.datetime.now(dt.UTC), days)
    return dg.SkipReason(f"{len(gone)} runs older than {days} days are let go")


def _why(context: dg.RunFailureSensorContext) -> str:
    """The cause and its remedy: of the step that failed, else of the run."""
    for event in context.get_step_failure_events():
        error = event.step_failure_data.error
        while error is not None and error.cause is not None:
            error = error.cause
        if error is not None:
            said = error.message.removeprefix(f"{ERRORS}.{error.cls_name}: ").strip()
            return "; ".join(said.splitlines()[:2])
    return (context.failure_event.message or "").strip()


def _busy(context: dg.SensorEvaluationContext, home: Home) -> str | None:
    """Why nothing is to be started now, in a sentence."""
    if anyone_alive(home.settings.dagster_home / PROCESS_SIGNS):
        return "a refresh from the command line is at work; it publishes by itself"
    return _at_work(context)


def _at_work(context: dg.SensorEvaluationContext) -> str | None:
    """What has been asked for of this home and is not done, in a sentence."""
    instance = context.instance
    elsewhere = partial(_elsewhere, context.code_location_origin)
    asked = instance.get_backfills(filters=BulkActionsFilter(statuses=_BACKFILLS_AT_WORK))
    backfills = [one for one in asked if not elsewhere(one.partition_set_origin, one.asset_selection or ())]
    if backfills:
        return f"backfill {backfills[0].backfill_id} is not done"
    unfinished = instance.get_runs(dg.RunsFilter(statuses=NOT_FINISHED_STATUSES))
    runs = [one for one in unfinished if not elsewhere(one.remote_job_origin, one.asset_selection or ())]
    return f"run {runs[0].run_id} of {runs[0].job_name} is not done" if runs else None


def _elsewhere(own: Any, origin: Any, keys: Collection[dg.AssetKey]) -> bool:
    """Whether a run or backfill is of another home that the same server serves: by its origin, else by the keys of its assets."""
    if own is None:
        return False
    if origin is not None:
        return bool(origin.repository_origin.code_location_origin.location_name != own.location_name)
    return bool(keys) and all(len(key.path) > 1 and key.path[0] != own.location_name for key in keys)
