"""When the file of a source can be expected, and what is there in its place.

Belongs here: what an entry and the landing folder tell of a file that is not there. Does not belong here: whether a quarter waits for it
(``intake.due``), or which release serves a quarter (``pack.source``).
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

from poverty_assets.atomic import write_text
from poverty_assets.pack.as_of import Release
from poverty_assets.pack.source import SourceSpec, TableSource
from poverty_assets.sources.landed import landed_files, read_record

AWAITED = "awaited.json"
"""In the landing folder: files that were fetched for when they were expected, and could not be had, each with the day of the first try."""


def expected_on(wanted: Release) -> dt.date | None:
    """By when the file of a release can be expected; None where its entry does not say."""
    spec = wanted.spec
    if spec.fetch is None:
        return None
    if spec.cadence == "once":
        return wanted.quarter.end + dt.timedelta(spec.fetch.lag_days) if _grows(spec) else None
    return wanted.observed_to + dt.timedelta(spec.fetch.lag_days)


def earlier_file(wanted: Release) -> str | None:
    """The newest file of an earlier period; labels and years sort as they follow one another."""
    spec = wanted.spec
    if spec.cadence == "once":
        return None
    pattern = spec.path.replace("{label}", "*").replace("{year}", "*")
    there = [path for path in landed_files(wanted.landing, pattern) if path < wanted.path]
    return max(there).relative_to(wanted.landing).as_posix() if there else None


def is_outgrown(wanted: Release) -> bool:
    """Whether it is a series in one file that was fetched before the quarter had ended."""
    record = read_record(wanted.path) if _grows(wanted.spec) else None
    return record is not None and record.fetched_at.date() <= wanted.quarter.end


def awaited(landing: Path) -> dict[str, str]:
    """Files of a landing folder that were fetched for when they were expected and could not be had; none where nothing is noted."""
    try:
        said = json.loads((landing / AWAITED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(file): str(day) for file, day in said.items()} if isinstance(said, dict) else {}


def note_awaited(wanted: Release, day: dt.date | None) -> None:
    """Note that the file of a release could not be had on a day though it was expected; with None that nobody waits for it any more."""
    known, file = awaited(wanted.landing), wanted.file(wanted.landing)
    if day is None and file not in known:
        return
    rest = {name: since for name, since in known.items() if name != file}
    held = rest if day is None else rest | {file: known.get(file, day.isoformat())}
    if held:
        write_text(wanted.landing / AWAITED, json.dumps(dict(sorted(held.items())), indent=1) + "\n")
    else:
        (wanted.landing / AWAITED).unlink()


def is_awaited(wanted: Release) -> bool:
    """Whether a file that is not there was to be expected: one of an earlier period is there, or it was fetched for in vain."""
    return earlier_file(wanted) is not None or wanted.file(wanted.landing) in awaited(wanted.landing)


def as_noted(wanted: Release) -> dict[str, Any]:
    """What the lake notes of a file that is not there: ``late`` where it was to be expected (`is_awaited`), else ``missing``."""
    noted: dict[str, Any] = {
        "state": "late" if is_awaited(wanted) else "missing",
        "wanted": wanted.file(wanted.landing),
        "wanted_from": wanted.observed_from.isoformat(),
        "wanted_to": wanted.observed_to.isoformat(),
    }
    expected = expected_on(wanted)
    return noted if expected is None else noted | {"expected_on": expected.isoformat()}


def _grows(spec: SourceSpec) -> bool:
    """Whether it is a series in one file, which has to be fetched again to have what is new."""
    return isinstance(spec, TableSource) and spec.options.dated_by is not None
