"""What the verdict on a source's file rests on: every file that is looked at on the way, and what else tells of the quarter.

Belongs here: naming those files, so that a verdict can be told to be the same without giving it again. Does not belong here: the verdict
(``gate``), or what files are held against (``bench``).

It names more rather than fewer: a file too many makes a source be read again for nothing, one too few would let an old verdict stand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from poverty_assets.errors import NotObserved
from poverty_assets.geography.areas import boundary_source
from poverty_assets.intake.bench import Bench
from poverty_assets.pack.as_of import release
from poverty_assets.pack.country import Country
from poverty_assets.pack.source import RasterSource, SourceSpec, SurveySource, TableSource, VectorSource
from poverty_assets.quarter import Quarter
from poverty_assets.settings import household_key
from poverty_assets.sources.landed import landed_files, record_path
from poverty_assets.sources.lateness import AWAITED, earlier_file


@dataclass
class Grounds:
    """Facts that tell, and files of which the contents do."""

    facts: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)

    def __iadd__(self, other: Grounds) -> Grounds:
        """Those of another source, too."""
        self.facts += other.facts
        self.files += [path for path in other.files if path not in self.files]
        return self


def grounds_of(
    spec: SourceSpec, quarter: Quarter, landing: Path, country: Country, specs: Sequence[SourceSpec]
) -> Grounds:
    """What `gate.admit` looks at when a quarter asks for a source.

    Parameters
    ----------
    specs : sequence of SourceSpec
        All sources of the country.
    """
    found = Grounds()
    for one in _looked_at(spec, specs):
        found += _of_release(one, quarter, landing)
    try:
        before = Bench(specs, quarter, landing, country).before(release(spec, quarter, landing))
    except NotObserved:
        return found
    if before is not None:
        found += Grounds([f"before {before.relative_to(landing).as_posix()}"], [before])
    return found


def _looked_at(spec: SourceSpec, specs: Sequence[SourceSpec]) -> list[SourceSpec]:
    """The source and those that it is held against, with those that these are read by."""
    by_id = {one.source_id: one for one in specs}
    named = {spec.source_id, *(size.source for size in spec.sense.against)}
    if not isinstance(spec, RasterSource):
        named |= {one.source_id for one in specs if one.role == "areas"} | set(
            boundary_source(specs).options.names_from
        )
    if spec.role == "published":
        named |= {one.source_id for one in specs if one.role == "published"}
    left = [by_id[name] for name in sorted(named) if name in by_id]
    found: dict[str, SourceSpec] = {spec.source_id: spec}
    while left:
        one = left.pop()
        found[one.source_id] = one
        coded = one.options.coded_by if isinstance(one, TableSource) else None
        if coded is not None and coded.source is not None and coded.source not in found and coded.source in by_id:
            left.append(by_id[coded.source])
    return list(found.values())


def _of_release(spec: SourceSpec, quarter: Quarter, landing: Path) -> Grounds:
    try:
        found = release(spec, quarter, landing)
    except NotObserved:
        return Grounds([f"{spec.source_id} not observed by {quarter}"])
    facts = [f"{spec.source_id} {found.file(landing)} {found.observed_from} {found.observed_to}"]
    files = list(_files(spec, found.path, landing))
    if not found.path.exists():
        facts += [f"{spec.source_id} before it {earlier_file(found)}"]
        files.append(landing / AWAITED)
    return Grounds([*facts, *_further_facts(spec, quarter)], files)


def _further_facts(spec: SourceSpec, quarter: Quarter) -> Iterator[str]:
    if isinstance(spec, RasterSource) and spec.options.band == "quarter":
        yield f"{spec.source_id} season {quarter.number}"
    if isinstance(spec, SurveySource):
        key = household_key()
        yield hashlib.sha256(b"none" if key is None else b"key " + key).hexdigest()


def _files(spec: SourceSpec, path: Path, landing: Path) -> Iterator[Path]:
    yield from (path, record_path(path))
    for pattern in spec.options.also if isinstance(spec, VectorSource) else ():
        for also in landed_files(landing, pattern):
            yield from (also, record_path(also))
