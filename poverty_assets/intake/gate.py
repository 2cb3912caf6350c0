"""The one verdict on a landing file: ``validate`` gives it, and the source assets of a refresh.

Belongs here: reading a release, holding it against what its entry says of form and sense, and one refusal with all that is wrong. Does not
belong here: any single check (``place``, ``size``, ``published.identities``, ``sources``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import pandas as pd

from poverty_assets.errors import ContractViolation, InputError, PovertyAssetsError, UnreadableFile
from poverty_assets.intake import place, size
from poverty_assets.intake.bench import Bench
from poverty_assets.measure.measure import Measure
from poverty_assets.pack.as_of import Release, release
from poverty_assets.pack.country import Country
from poverty_assets.pack.keys import plain_name
from poverty_assets.pack.source import (
    OphiCsvSource,
    OphiWorkbookSource,
    RasterSource,
    SourceSpec,
    SurveySource,
    TableSource,
    VectorSource,
)
from poverty_assets.published.identities import (
    refuse_contradictions,
    refuse_disagreement,
    refuse_later,
    refuse_regions_lost,
)
from poverty_assets.published.regions import region_map
from poverty_assets.published.rows import PublishedSource, published_tables
from poverty_assets.quarter import Quarter
from poverty_assets.sources.readers import Observation, observe

T = TypeVar("T")
CHECKS = {
    "place": "Shapes, points and codes are of the country (refuses).",
    "size": "Sums are about those of other sources (refuses).",
    "unit": "Middle values, cells and identities are of the unit that the entry states (refuses).",
    "completeness": "No rows or areas are lost beyond the shares of the entry (refuses).",
    "step": "No size differs from the release before as no quarter does (refuses).",
}
"""What is held of the sense of a file: `pack.contract.Sense` has the levels."""


def checks_of(spec: SourceSpec) -> list[str]:
    """Which of ``CHECKS`` there is something to hold against, by what the entry states."""
    published = isinstance(spec, OphiWorkbookSource | OphiCsvSource)
    medians = isinstance(spec, TableSource) and any(one.median for one in spec.columns.values())
    is_raster = isinstance(spec, RasterSource)
    cells = is_raster and (spec.sense.values is not None or spec.sense.mean is not None)
    there = {
        "place": not is_raster,
        "size": bool(spec.sense.against),
        "unit": published or medians or cells or isinstance(spec, VectorSource),
        "completeness": True,
        "step": spec.cadence != "once" and (not is_raster or "step" in spec.sense.model_fields_set),
    }
    return [name for name, is_held in there.items() if is_held]


@dataclass(frozen=True)
class SenseFinding:
    """What one check found: ``said`` of what passed, or the ``error``."""

    check: str
    said: str = ""
    error: InputError | None = None


class RefusedFile(ContractViolation):
    """A file that can be read, and whose sense is wrong.

    Attributes
    ----------
    findings : sequence of SenseFinding
        Of every check.
    """

    findings: Sequence[SenseFinding] = ()

    @classmethod
    def by(cls, findings: Sequence[SenseFinding]) -> RefusedFile:
        """One refusal with all that is wrong, the first before the others."""
        first, *rest = [found.error for found in findings if found.error is not None]
        remedy = "\n".join(
            [first.remedy or "see the entry of the source", *(f"Also: {error.message}" for error in rest)]
        )
        refused = cls(first.problem, file=first.file, place=first.place, remedy=remedy)
        refused.findings = tuple(findings)
        return refused


def admit(
    spec: SourceSpec,
    quarter: Quarter,
    landing: Path,
    country: Country,
    specs: Sequence[SourceSpec],
    measure: Measure | None = None,
) -> tuple[Observation, list[SenseFinding]]:
    """What a quarter sees of a source, and what each check found of it; nothing where it is absent.

    Parameters
    ----------
    specs : sequence of SourceSpec
        All sources of the country.

    Raises
    ------
    InputError
        If the file cannot be used.
    """
    seen = guarded(lambda: observe(spec, quarter, landing, country, measure), spec, landing / spec.path)
    if "absent" in seen.metadata:
        return seen, []
    return seen, judged(release(spec, quarter, landing), seen, Bench(specs, quarter, landing, country))


def judged(found: Release, seen: Observation, bench: Bench) -> list[SenseFinding]:
    """What each check finds of a release that has been read.

    Raises
    ------
    RefusedFile
        With all that they find.
    """
    findings = []
    for check, hold in _checks(found, seen, bench):
        try:
            said = guarded(hold, found.spec, found.path)
        except InputError as error:
            file = error.file or str(found.path)
            named = type(error)(error.problem, file=file, place=error.place, remedy=error.remedy)
            findings.append(SenseFinding(check, error=named))
        else:
            findings += [SenseFinding(check, said)] if said else []
    if any(finding.error for finding in findings):
        raise RefusedFile.by(findings)
    return findings


def guarded(act: Callable[[], T], spec: SourceSpec, file: Path) -> T:
    """Do what a library may fail at on a file that it was not written for: that is the file's fault, in words.

    Raises
    ------
    UnreadableFile
    """
    try:
        return act()
    except (PovertyAssetsError, MemoryError):
        raise
    except Exception as error:  # whichever of a dozen libraries it comes from
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise UnreadableFile(
            f"it cannot be used, in a way that was not expected ({reason})",
            file=file,
            remedy=f"replace the file; {spec.obtain} If it is right, report this with the file",
        ) from error


def _checks(found: Release, seen: Observation, bench: Bench) -> list[tuple[str, Callable[[], str]]]:
    """Checks by name in the order in which they are held: first where the rows lie, then how many and how much they say."""
    return [*_of_place(found, seen, bench), *_of_size(found, seen, bench)]


def _of_place(found: Release, seen: Observation, bench: Bench) -> list[tuple[str, Callable[[], str]]]:
    spec, file, frame = found.spec, found.path, seen.frame
    held: list[tuple[str, Callable[[], str]]] = []
    if isinstance(spec, RasterSource):
        return held
    if len(frame):
        held.append(("place", lambda: place.refuse_elsewhere(spec, frame, bench, file)))
    if isinstance(spec, VectorSource) and spec.options.polygons is not None:
        held.append(("place", lambda: _boundaries(seen, bench, file)))
    elif isinstance(spec, SurveySource):
        held.append(("place", lambda: place.refuse_strange_households(frame, spec, bench, file)))
    elif isinstance(spec, OphiWorkbookSource | OphiCsvSource):
        held.append(("place", lambda: _together(spec, bench)))
    else:
        held.append(("completeness", lambda: place.refuse_strange_codes(spec, frame, bench, file)))
    return held


def _of_size(found: Release, seen: Observation, bench: Bench) -> list[tuple[str, Callable[[], str]]]:
    spec, file, frame, looked = found.spec, found.path, seen.frame, seen.summary
    held: list[tuple[str, Callable[[], str]]] = [("completeness", lambda: size.refuse_rows_lost(spec, seen, file))]
    if isinstance(spec, OphiWorkbookSource | OphiCsvSource):
        held.append(("unit", lambda: _published(found, seen)))
        held.append(("completeness", lambda: _left_out(found, seen, bench)))
        held.append(("completeness", lambda: _regions_lost(found, seen, bench)))
    if isinstance(spec, RasterSource):
        if looked is not None:
            held.append(("unit", lambda: size.refuse_strange_cells(spec, looked.of_country, file)))
    elif len(frame):
        held.append(("unit", lambda: size.refuse_other_units(spec, frame, file)))
        held.append(("size", lambda: size.refuse_other_sizes(spec, frame, bench, file)))
    if isinstance(spec, RasterSource) or len(frame):
        held.append(("step", lambda: _step(found, seen, bench)))
    return held


def _boundaries(seen: Observation, bench: Bench, file: Path) -> str:
    if bench.areas_fault is not None:
        raise bench.areas_fault
    place.refuse_overlaps(seen.frame, file)
    return "" if bench.areas is None else f"{len(bench.areas)} areas of all levels"


def _step(found: Release, seen: Observation, bench: Bench) -> str:
    spec, earlier = found.spec, bench.before(found)
    asked = not isinstance(spec, RasterSource) or "step" in spec.sense.model_fields_set
    if earlier is None or not spec.sense.step or not asked:
        return ""
    try:
        before = bench.reading(replace(found, path=earlier))
    except InputError:  # refused for itself, in its own quarter
        return ""
    now, then = (one.frame if one.summary is None else one.summary.mean for one in (seen, before))
    return size.refuse_step(spec, now, then, found.path, earlier)


def _published(found: Release, seen: Observation) -> str:
    refuse_later(seen.frame, found.observed_to, found.path)
    refuse_contradictions(seen.frame, found.path)
    return f"{len(seen.frame)} figures"


def _left_out(found: Release, seen: Observation, bench: Bench) -> str:
    """Regions without a code in a file, of which another file of the same publisher has figures: a code was lost."""
    lost = [name for name in seen.metadata.get("left out", {}) if name]
    if not lost:
        return ""
    known = {plain_name(name) for _, frame in _others(found, bench) for name in frame["area_name"].dropna()}
    lost = [name for name in lost if plain_name(name) in known]
    if lost:
        raise ContractViolation(
            f"{len(lost)} regions have no P-code, and other files have figures of them; first {lost[0]!r}",
            file=found.path,
            place=f"region {lost[0]}",
            remedy="enter the code, or say in the entry what the region is: options: {regions: {NAME: code, or null}}",
        )
    return ""


def _regions_lost(found: Release, seen: Observation, bench: Bench) -> str:
    """Regions of a survey of which another file of the same publisher has figures: what is left of a file that was cut."""
    spec = found.spec
    if isinstance(spec, OphiWorkbookSource) and spec.options.table == "national":
        return ""
    period = found.observed_from, found.observed_to
    return refuse_regions_lost(seen.frame, _others(found, bench), period, spec.sense.areas, found.path)


def _others(found: Release, bench: Bench) -> list[tuple[str, pd.DataFrame]]:
    """Published files beside one, and what they say."""
    others = [s for s in _of_publishers(bench) if s.source_id != found.spec.source_id]
    return [(s.path, frame) for s in others if (frame := bench.rows(s.source_id)) is not None]


def _of_publishers(bench: Bench) -> list[OphiWorkbookSource | OphiCsvSource]:
    return [s for s in bench.specs if isinstance(s, OphiWorkbookSource | OphiCsvSource) and s.role == "published"]


def _together(spec: SourceSpec, bench: Bench) -> str:
    """Published tables of one country held against each other and the areas, with the first of them."""
    each = _of_publishers(bench)
    if spec.source_id != next((s.source_id for s in each if bench.is_there(s)), None):
        return ""
    frames = {s.source_id: frame for s in each if (frame := bench.rows(s.source_id)) is not None}
    read = [s for s in each if s.source_id in frames]
    refuse_disagreement([(s.path, frames[s.source_id]) for s in read])
    if bench.areas is not None:
        publications = [PublishedSource(frames[s.source_id], region_map(s.options, bench.country.folder)) for s in read]
        try:
            published_tables(publications, bench.areas, bench.country)
        except ContractViolation as error:
            named = error.file or ", ".join(s.path for s in read)
            raise ContractViolation(error.problem, file=named, place=error.place, remedy=error.remedy) from error
    return f"{len(read)} files agree"
