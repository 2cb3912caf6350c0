"""What came into the landing folder: noticed, judged by the gate, written down, or moved to quarantine with a report.

Belongs here: which files are new or other than they were, the record of them (``arrivals.json`` of the home), and which quarters an
accepted one touches. Does not belong here: the verdict (``gate``), starting runs (``graph.sensors``), or fetching (``fetching``).

A file is known by its digest: one that comes a second time changes nothing.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from poverty_assets.atomic import write_text
from poverty_assets.errors import ContractViolation, InputError, UnreadableFile
from poverty_assets.intake.bench import Bench
from poverty_assets.intake.validation import bench_of, releases, verdict
from poverty_assets.measure.measure import Measure
from poverty_assets.pack.as_of import Release
from poverty_assets.pack.source import RasterSource, SourceSpec, VectorSource
from poverty_assets.quarter import Quarter
from poverty_assets.settings import Settings
from poverty_assets.sources.earlier import earlier_times, release_then, waves_stated
from poverty_assets.sources.landed import landed_files, read_record, record_path
from poverty_assets.sources.readers import digest

SETTLED_SECONDS = 60.0
"""A file that was written to less than this ago may still be on its way."""
MOST_ROWS = 10_000
"""Rows that a report lists."""


@dataclass(frozen=True)
class Arrival:
    """A file as it was when it was judged.

    Attributes
    ----------
    file : str
        Within the landing folder.
    source_id : str
    state : list
        Size and time of each of its parts, so that it need not be read again to see that it is the same.
    sha256 : str
    origin, licence : str
        Where it came from, by the record beside it if it was fetched, else by its entry.
    observed_from, observed_to : str
        Days that it is of.
    rows, set_aside : int
    verdict : {"accepted", "refused"}
    said : str
        Why it was refused.
    at : str
        When, in UTC.
    first_look : bool
        Whether it was there when the folder was looked at for the first time, so that quarters may have used it before.
    """

    file: str
    source_id: str
    state: list[list[Any]]
    sha256: str
    origin: str
    licence: str
    observed_from: str
    observed_to: str
    verdict: Literal["accepted", "refused"]
    at: str
    first_look: bool
    rows: int = 0
    set_aside: int = 0
    said: str = ""


def read_arrivals(record: Path) -> list[Arrival]:
    """The record, the oldest first; nothing where there is none.

    Raises
    ------
    UnreadableFile
    """
    if not record.is_file():
        return []
    try:
        return [Arrival(**row) for row in json.loads(record.read_text(encoding="utf-8"))]
    except (ValueError, TypeError) as error:
        raise UnreadableFile(
            f"the record of arrivals cannot be read ({type(error).__name__}: {error})",
            file=record,
            remedy="move it away: every file of the landing folder is then looked at again",
        ) from error


def latest(arrivals: Sequence[Arrival]) -> dict[str, Arrival]:
    """Each file as it was judged last."""
    return {one.file: one for one in arrivals}


def noticed(specs: Sequence[SourceSpec], landing: Path, arrivals: Sequence[Arrival], now: dt.datetime) -> list[Release]:
    """Files of sources that are there, are not as they were judged last, and are not written to any more."""
    known = latest(arrivals)
    found: dict[str, Release] = {}
    for spec in specs:
        for one in releases(spec, landing) if spec.package is None else ():
            state = state_of(one)
            if not state or one.file(landing) in found:
                continue
            held = known.get(one.file(landing))
            # by the clock of another machine it may have been written later than now
            still = abs(now.timestamp() - max(modified for _, _, modified in state) / 1e9) >= SETTLED_SECONDS
            if still and (held is None or held.state != state or held.verdict == "refused"):
                found[one.file(landing)] = one
    return list(found.values())


def state_of(found: Release) -> list[list[Any]]:
    """Name, size and time of each part of a release; empty where it is not there."""
    parts = [found.path, *(record_path(found.path),)]
    if found.path.is_dir():
        parts = sorted(path for path in found.path.rglob("*") if path.is_file())
    if isinstance(found.spec, VectorSource):
        parts += [part for pattern in found.spec.options.also for part in landed_files(found.landing, pattern)]
    if not found.path.exists():
        return []
    known = [(part, part.stat()) for part in parts if part.is_file()]
    return [[part.relative_to(found.landing).as_posix(), seen.st_size, seen.st_mtime_ns] for part, seen in known]


def receive(settings: Settings, now: dt.datetime) -> list[Arrival]:
    """Judge what came, write it down, and move what is refused to quarantine; returns what was judged anew.

    What came again as it was judged before (touched, or copied once more) is not among it.
    """
    arrivals = read_arrivals(settings.arrivals)
    bench, measure = bench_of(settings)
    first_look = not settings.arrivals.is_file()
    judged: list[Arrival] = []
    for found in noticed(bench.specs, bench.landing, arrivals, now):
        before = latest(arrivals).get(found.file(bench.landing))
        one = _judged(found, bench, measure, now, first_look)
        if one.verdict == "refused":
            _set_aside(found, one, settings.quarantine)
        if before is not None and (before.sha256, before.verdict) == (one.sha256, one.verdict):
            one = replace(one, at=before.at, first_look=before.first_look)
            arrivals = [one if held is before else held for held in arrivals]
        else:
            judged.append(one)
            arrivals = [*arrivals, one]
        write_text(settings.arrivals, json.dumps([asdict(each) for each in arrivals], indent=1) + "\n")
    return judged


def _judged(found: Release, bench: Bench, measure: Measure, now: dt.datetime, first_look: bool) -> Arrival:
    sha256, record = digest(found.path), read_record(found.path)
    fetched = record if record is not None and record.sha256 == sha256 else None
    one = Arrival(
        found.file(bench.landing),
        found.spec.source_id,
        state_of(found),
        sha256,
        fetched.url if fetched else found.spec.url,
        fetched.licence if fetched else found.spec.licence,
        found.observed_from.isoformat(),
        found.observed_to.isoformat(),
        "refused",
        now.isoformat(timespec="seconds"),
        first_look,
    )
    try:
        seen = verdict(found, bench, measure)
    except InputError as error:
        return replace(one, said=_report(error))
    days: Any = {name: str(seen.metadata[name]) for name in ("observed_from", "observed_to") if name in seen.metadata}
    set_aside = sum(seen.quarantined.values())
    return replace(
        one, verdict="accepted", sha256=seen.sha256 or one.sha256, rows=seen.rows, set_aside=set_aside, **days
    )


def _report(error: InputError) -> str:
    """What is wrong, then row by row where single rows are."""
    rows = error.rows if isinstance(error, ContractViolation) else ()
    lines = [error.message, *(f"  {place}, {column}: {value}" for place, column, value in rows[:MOST_ROWS])]
    return "\n".join([*lines, *([f"  ... and {len(rows) - MOST_ROWS:,} more"] if len(rows) > MOST_ROWS else [])])


def _set_aside(found: Release, one: Arrival, quarantine: Path) -> None:
    """Move a refused file, and the record beside it, out of the landing folder; its report lies beside it."""
    target = quarantine / one.file
    target.parent.mkdir(parents=True, exist_ok=True)
    for path, aside in ((found.path, target), (record_path(found.path), record_path(target))):
        if aside.is_dir():
            shutil.rmtree(aside)
        if path.exists():
            shutil.move(path, aside)
    write_text(
        target.with_name(f"{target.name}.report.txt"),
        f"{one.file} (source {one.source_id}) was refused on {one.at} and moved here.\nSHA-256 {one.sha256}\n\n{one.said}\n\n"
        "Correct the file and put it into the landing folder again.\n",
    )


def touched(
    arrivals: Sequence[Arrival],
    specs: Sequence[SourceSpec],
    landing: Path,
    made: Mapping[Quarter, dt.datetime],
    used: Callable[[str, Quarter], str | None],
) -> dict[Quarter, list[Arrival]]:
    """Quarters that are made and would be another with the files as they are now, each with the files that touch it.

    Parameters
    ----------
    made : mapping
        Quarters that are complete, with when each was sealed.
    used : callable
        Digest of the file that a source gave a quarter; None where it gave none.
    """
    known = {name: one for name, one in latest(arrivals).items() if one.verdict == "accepted"}
    found: dict[Quarter, list[Arrival]] = {}
    for quarter, sealed in sorted(made.items()):
        own = [_serving(spec, quarter, landing, known) for spec in specs]
        touching = [one for one in own if one is not None and used(one.source_id, quarter) != one.sha256]
        times = earlier_times(waves_stated(list(specs), quarter), quarter)
        then = [
            _serving(spec, time.quarter, landing, known)
            for time in times
            for spec in specs
            if isinstance(spec, RasterSource)
        ]
        touching += [
            one
            for one in then
            if one is not None and one not in own and not one.first_look and dt.datetime.fromisoformat(one.at) > sealed
        ]
        if touching:
            found[quarter] = list({one.file: one for one in touching}.values())
    return found


def _serving(spec: SourceSpec, quarter: Quarter, landing: Path, known: Mapping[str, Arrival]) -> Arrival | None:
    """The accepted file that serves a quarter, if it is there as it was judged."""
    found = None if spec.package is not None else release_then(spec, quarter, landing)
    if found is None:
        return None
    one = known.get(found.file(landing))
    return replace(one, source_id=spec.source_id) if one is not None and one.state == state_of(found) else None
