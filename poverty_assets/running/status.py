"""What wants a person's eye, in one screen, and whether anything does.

Belongs here: what is behind, half made, due or failed in a home, and the remedy of each. Does not belong here: what is published
(``warehouse.query``).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from poverty_assets.errors import InputError, MachineTrouble, UsageError
from poverty_assets.intake.arrivals import latest, read_arrivals
from poverty_assets.intake.due import last_wait
from poverty_assets.pack.country import load_country, load_sources
from poverty_assets.pack.source import SourceSpec
from poverty_assets.quarter import Quarter
from poverty_assets.running.instance import has_records, read_instance
from poverty_assets.running.source_status import awaited
from poverty_assets.running.trouble import trouble_behind
from poverty_assets.settings import Settings
from poverty_assets.sources.earlier import release_then
from poverty_assets.sources.landed import read_record
from poverty_assets.warehouse.approval import ApprovalDesk, page_of
from poverty_assets.warehouse.behind import lake_version, quarters_behind
from poverty_assets.warehouse.editions import unwanted_lake
from poverty_assets.warehouse.lake import Lake
from poverty_assets.warehouse.query import mixed_replicates, published_labels, status_text

DUE_DAYS = 26
"""Days after a quarter's end by which it has to be published: the schedule's, and a week."""
_REFRESH = "poverty-assets refresh --quarter {}"
_MOST_RUNS = 200
_MOST_NAMED = 5


@dataclass(frozen=True)
class Concern:
    """One thing that is not as it should be.

    Attributes
    ----------
    what : str
    remedy : str
    """

    what: str
    remedy: str


def concerns(settings: Settings, now: dt.datetime) -> list[Concern]:
    """What is not as it should be in a home, the most pressing first."""
    lake = Lake.of(settings)
    try:
        behind, published = quarters_behind(lake, settings.warehouse), set(published_labels(settings.warehouse))
    except InputError as error:
        return [Concern(error.problem, error.remedy or "")]
    found = [*_due(settings, published, now), *_failed_runs(settings)]
    if behind and load_country(settings.country).wants_approval:
        found += _waiting(settings)
        behind = ApprovalDesk.of(settings).behind(now)
    found += [*_landing(settings), *_replaced(settings, lake)]
    if behind:
        labels = ", ".join(quarter.label for quarter in behind)
        back = unwanted_lake(settings.warehouse) == lake_version(lake)
        why = "; an earlier file was put back, so that nothing follows by itself" if back else ""
        found.append(Concern(f"complete and not published: {labels}{why}", "run the job publish, or any refresh"))
    found += _not_whole(lake, published)
    mixed = mixed_replicates(settings.warehouse) if published else ""
    if mixed:
        found.append(Concern(mixed, "refresh the ones with fewer"))
    return found


def status_screen(settings: Settings, found: list[Concern]) -> str:
    """What is published, and what to do."""
    if settings.warehouse.is_file() or not Lake.of(settings).quarters():
        lines = [status_text(settings.warehouse)]
    else:
        lines = ["nothing has been published here"]
    lines.append("To do:" if found else "Nothing to do.")
    lines += [f"  {concern.what}\n    -> {concern.remedy}" for concern in found]
    return "\n".join(lines)


def _not_whole(lake: Lake, published: set[str]) -> list[Concern]:
    """Quarters of which the lake holds some files as they were sealed, or none though they are published."""
    sealed = lake.quarters()
    half = {str(quarter): tables[0] for quarter in sealed if (tables := lake.unsealed(quarter))}
    gone = sorted(published - {quarter.label for quarter in sealed})
    return [
        *(Concern(f"{label} is half remade ({table})", _REFRESH.format(label)) for label, table in half.items()),
        *(
            Concern(f"{label} is published, and its files in the lake are gone", _REFRESH.format(label))
            for label in gone
        ),
    ]


def _waiting(settings: Settings) -> list[Concern]:
    """Quarters that want somebody's word."""
    desk = ApprovalDesk.of(settings)
    unshown = desk.unshown()
    return [
        Concern(
            f"{quarter} waits for approval",
            "run the job candidate, or any refresh, which shows what would change"
            if quarter in unshown
            else f"read {page_of(settings.candidate)}, then poverty-assets approve {quarter} --by 'Name, office'",
        )
        for quarter in desk.waiting()
    ]


def _landing(settings: Settings) -> list[Concern]:
    """Files that were refused and have not come again."""
    refused = [one for one in latest(read_arrivals(settings.arrivals)).values() if one.verdict == "refused"]
    return [
        Concern(
            f"{one.file} was refused on {one.at[:10]} and lies in {settings.quarantine}",
            f"its report says why; correct the file and put it into {settings.landing_folder} again",
        )
        for one in refused
    ]


def _replaced(settings: Settings, lake: Lake) -> list[Concern]:
    """Quarters made of a file that its publisher has replaced since, by the record beside the one that was fetched."""
    if settings.is_simulated:
        return []
    specs = load_sources(load_country(settings.country), simulated=False)
    found = []
    for quarter in lake.quarters():
        replaced = [spec.source_id for spec in specs if spec.fetch and _is_replaced(spec, quarter, settings, lake)]
        if replaced:
            named = f"{', '.join(replaced[:_MOST_NAMED])}{', ...' if len(replaced) > _MOST_NAMED else ''}"
            what = f"{quarter} was made of files that have been replaced since, of {len(replaced)} sources: {named}"
            found.append(Concern(what, f"poverty-assets refresh --quarter {quarter}"))
    return found


def _is_replaced(spec: SourceSpec, quarter: Quarter, settings: Settings, lake: Lake) -> bool:
    served = release_then(spec, quarter, settings.landing_folder)
    record = None if served is None else read_record(served.path)
    used = lake.source_digest(spec.source_id, quarter)
    return record is not None and used is not None and record.sha256 != used


def _due(settings: Settings, published: set[str], now: dt.datetime) -> list[Concern]:
    """The newest quarter that has to be there by now, if it is not, and the sources of which it waits for a file."""
    ended = now.date() - dt.timedelta(days=DUE_DAYS)
    quarter = Quarter.latest_complete(ended)
    if quarter.label in published:
        return []
    day = quarter.end + dt.timedelta(days=DUE_DAYS)
    lacking = _awaited(settings, quarter)
    waits = f"; no accepted file of {len(lacking)} sources: {', '.join(lacking)}" if lacking else ""
    last = last_wait(quarter, load_country(settings.country).last_day)
    waits += f" (until {last}, then it begins without them)" if lacking and now.date() <= last else ""
    older = bool(published) and max(published) < quarter.shift(-1).label
    newest = f" (the newest is {max(published)})" if older else ""
    remedy = f"poverty-assets refresh --quarter {quarter}" + (
        "; nothing, where only older ones are wanted" if older else ""
    )
    return [Concern(f"{quarter} was due on {day} and is not published{newest}{waits}", remedy)]


def _awaited(settings: Settings, quarter: Quarter) -> list[str]:
    """Sources without a file for a quarter, once the landing folder has been looked at."""
    arrivals = [] if settings.is_simulated else read_arrivals(settings.arrivals)
    return list(awaited(settings, quarter)[1]) if arrivals else []


def _failed_runs(settings: Settings) -> list[Concern]:
    """Jobs and quarters of which the last run failed."""
    if not has_records(settings.dagster_home):
        return []
    import dagster as dg

    last: dict[tuple[str, str], dg.DagsterRun] = {}
    try:
        with read_instance(settings.dagster_home) as instance:
            for run in instance.get_runs(limit=_MOST_RUNS):  # the newest first
                last.setdefault((run.job_name, run.tags.get("dagster/partition", "")), run)
    except Exception as error:
        trouble = error if isinstance(error, UsageError | MachineTrouble) else trouble_behind(error, settings.home)
        if trouble is None:
            raise
        return [Concern(f"records of runs cannot be read: {trouble.problem}", trouble.remedy or "")]
    failed = [(job, key, run) for (job, key), run in last.items() if run.status == dg.DagsterRunStatus.FAILURE]
    return [
        Concern(
            f"the last run of {job}{f' of {Quarter.from_key(key)}' if key else ''} failed (run {run.run_id[:8]})",
            "its log in the UI has the cause; mend it and run it again",
        )
        for job, key, run in failed
    ]
