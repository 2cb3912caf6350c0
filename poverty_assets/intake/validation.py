"""Holding a landing folder against what its sources' entries say, without running anything.

Belongs here: giving each file the verdict of the gate, as a refresh would, and telling what it would refuse.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pandas as pd

from poverty_assets.errors import InputError, MissingFile
from poverty_assets.intake.bench import Bench
from poverty_assets.intake.gate import guarded, judged
from poverty_assets.measure.measure import Measure, load_measure, measure_files
from poverty_assets.pack.as_of import Release, release
from poverty_assets.pack.country import load_country, load_sources, load_truth_sources
from poverty_assets.pack.source import RasterSource, SourceSpec, SurveySource
from poverty_assets.quarter import Quarter
from poverty_assets.settings import Settings, chosen_measure
from poverty_assets.sources.landed import landed_files
from poverty_assets.sources.readers import Observation

_FAR = Quarter(9000, 4)


def validate_landing(
    settings: Settings, kept: dict[str, pd.DataFrame] | None = None
) -> Iterator[tuple[str, str | None]]:
    """Each source with None, or with the message of what is wrong; of sources of a cadence each file that is there.

    Parameters
    ----------
    settings : Settings
    kept : dict, optional
        Takes the rows of each source that could be read, by its id, of the newest file; not those of rasters, which are large and which
        nobody holds against others, and of surveys ``area_id`` alone.

    Raises
    ------
    MissingFile
        If the folder does not exist.
    """
    bench, measure = bench_of(settings)
    folder = bench.landing
    for spec in [*bench.specs, *load_truth_sources(bench.country, simulated=settings.is_simulated)]:
        for found in releases(spec, folder):
            label = spec.source_id if spec.cadence == "once" else f"{spec.source_id} ({found.path.name})"
            if not found.path.is_symlink() and not found.path.exists() and (not spec.required or spec.role == "truth"):
                yield f"{spec.source_id}: absent (optional)", None
                continue
            try:
                seen = verdict(found, bench, measure, kept)
            except InputError as error:
                yield label, error.message
            else:
                set_aside = sum(seen.quarantined.values())
                yield f"{label}: {seen.rows:,} rows" + (f", {set_aside} set aside" if set_aside else ""), None


def bench_of(settings: Settings) -> tuple[Bench, Measure]:
    """What files of a home are held against, as nobody's quarter sees it, and the measure of its surveys.

    Raises
    ------
    MissingFile
        If the landing folder does not exist.
    """
    folder = settings.landing_folder
    if not folder.is_dir():
        raise MissingFile("no such landing folder", file=folder, remedy="name the folder that holds the files")
    country = load_country(settings.country)
    name = chosen_measure(settings, country.default_measure)
    measure = load_measure(measure_files(country.folder)[name])
    return Bench(load_sources(country, simulated=settings.is_simulated), _FAR, folder, country), measure


def verdict(found: Release, bench: Bench, measure: Measure, kept: dict[str, pd.DataFrame] | None = None) -> Observation:
    """What is read of a file that the gate admits; ``kept`` takes its rows as of ``validate_landing``.

    Raises
    ------
    InputError
        With all that is wrong.
    """
    spec = found.spec
    seen = guarded(partial(bench.reading, found, measure), spec, found.path)
    if kept is not None and not isinstance(spec, RasterSource):
        kept[spec.source_id] = seen.frame[["area_id"]] if isinstance(spec, SurveySource) else seen.frame
    judged(found, seen, bench)
    return seen


def releases(spec: SourceSpec, folder: Path) -> list[Release]:
    """The one file of a source, or each of a cadence that is there; where none is, the place where it would be."""
    if spec.cadence == "once":
        return [release(spec, _FAR, folder)]
    begins, ends = spec.path.split("{year}" if spec.cadence == "year" else "{label}")[:2]
    made = []
    for path in landed_files(folder, f"{begins}*{ends}"):
        label = path.relative_to(folder).as_posix()[len(begins) :].removesuffix(ends)
        try:
            quarter = Quarter(int(label), 4) if spec.cadence == "year" else Quarter.from_label(label)
        except (InputError, ValueError):
            continue
        made.append(Release(spec, quarter, path, quarter.start, quarter.end, folder))
    return made or [Release(spec, _FAR, folder / spec.path, _FAR.start, _FAR.end, folder)]
