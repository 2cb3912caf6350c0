"""Writing the twin's landing folder and its truth.

Belongs here: which files there are, and writing each output once. Does not belong here: what is in them.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from poverty_assets.errors import UsageError
from poverty_assets.quarter import Quarter
from poverty_assets.twin import files
from poverty_assets.twin.cambodia import csv_tables as tables
from poverty_assets.twin.cambodia import rasters, registers, settings, surveys, truth, vectors, world

_README = """\
SIMULATED DATA. Nothing in this folder is an observation.

A made-up twin of {country}: real codes and names of areas; invented boundaries, people, deprivations, satellite
images, points, surveys and registers, shaped so that provinces come near published figures. It is for trying the
software and for measuring its errors. Do not quote any figure made from it. Licence: CC0.
"""


def _check_request(landing: Path, truth_folder: Path, seed: int) -> None:
    """Refuse a negative seed, and folders of which one holds the other: the pipeline reads the landing folder whole."""
    if seed < 0:
        raise UsageError(f"the seed {seed} is negative", remedy="choose a seed of 0 or more")
    a, b = landing.resolve(), truth_folder.resolve()
    if a.is_relative_to(b) or b.is_relative_to(a):
        raise UsageError(
            f"landing folder {landing} and truth folder {truth_folder}: one holds the other",
            remedy="name two folders side by side",
        )


def base(landing: Path, truth_folder: Path, *, country_dir: Path, seed: int, difficulty: str | None = None) -> None:
    """Write everything that does not belong to one quarter, unless it is there already."""
    _check_request(landing, truth_folder, seed)
    text = settings.read_text(country_dir, difficulty)
    digest = settings.digest(text, seed)
    with files.lock(landing, "base"):
        truth_folder.mkdir(parents=True, exist_ok=True)
        if not files.is_complete(landing, "base", digest):
            files.record_complete(landing, "base", digest, _write_base(landing, world.build(text, seed)))


def _write_base(landing: Path, twin: world.World) -> list[Path]:
    country = twin.settings.country["name_en"]
    written = [files.write_text(landing / "README.txt", _README.format(country=country))]
    written.append(vectors.write_boundaries(landing / "boundaries", twin))
    written += vectors.write_points(landing / "points", twin)
    written.append(vectors.write_roads(landing / "lines", twin))
    written.append(vectors.write_protected_areas(landing / "polygons", twin))
    written += rasters.write_static(landing / "rasters", twin)
    written.append(rasters.write_buildings(landing / "rasters", twin))
    for year in twin.settings.population_years:
        written.append(rasters.write_population(landing / "rasters", twin, year))
        written.append(tables.write_counts(landing / "tables", twin, year))
    return written + _write_households(landing, twin)


def _write_households(landing: Path, twin: world.World) -> list[Path]:
    """Registers and surveys: one pass over the provinces serves them all, since drawing households is the dear part."""
    years, waves = twin.settings.register_.years, twin.settings.surveys
    allocations = [surveys.allocate(twin, wave) for wave in waves]
    register_offsets = [twin.seen(registers.state_quarter(year)) for year in years]
    wave_offsets = [twin.offsets(Quarter.from_label(wave.quarter)) for wave in waves]
    listed: list[list[pd.DataFrame]] = [[] for _ in years]
    sampled: list[list[pd.DataFrame]] = [[] for _ in waves]
    for p in range(len(twin.areas.provinces)):
        province = twin.province(p)
        for rows, year, offsets in zip(listed, years, register_offsets, strict=True):
            rows.append(registers.tabulate(twin, province, year, offsets))
        for rows, wave, allocation, offsets in zip(sampled, waves, allocations, wave_offsets, strict=True):
            masks = province.masks(offsets[province.communes])
            rows.append(surveys.sample_province(twin, wave, allocation, p, province, masks))
    written = [
        registers.write_year(landing / "registers", year, pd.concat(rows, ignore_index=True))
        for year, rows in zip(years, listed, strict=True)
    ]
    for wave, rows in zip(waves, sampled, strict=True):
        folder = landing / "survey" / wave.wave
        written += surveys.write_wave(folder, twin, wave, pd.concat(rows, ignore_index=True))
    return written


def quarter(
    landing: Path, truth_folder: Path, period: Quarter, *, country_dir: Path, seed: int, difficulty: str | None = None
) -> None:
    """Write the rasters of a quarter and its truth, unless they are there already."""
    _check_request(landing, truth_folder, seed)
    text = settings.read_text(country_dir, difficulty)
    settings.parse(text).check_quarter(period)
    digest = settings.digest(text, seed)
    with files.lock(landing, period.label):
        truth_folder.mkdir(parents=True, exist_ok=True)
        have = files.is_complete(landing, period.label, digest), files.is_complete(truth_folder, period.label, digest)
        if all(have):
            return
        twin = world.build(text, seed)
        if not have[0]:
            written = rasters.write_quarter(landing / "rasters", twin, period)
            files.record_complete(landing, period.label, digest, written)
        if not have[1]:
            files.record_complete(truth_folder, period.label, digest, truth.write_truth(truth_folder, twin, period))


def earlier_rasters(
    landing: Path, periods: list[Quarter], *, country_dir: Path, seed: int, difficulty: str | None = None
) -> None:
    """Write the rasters of quarters, unless they are there already."""
    text = settings.read_text(country_dir, difficulty)
    digest = settings.digest(text, seed)
    for period in periods:
        if period < settings.parse(text).first_quarter:
            continue
        with files.lock(landing, period.label):
            if not files.is_complete(landing, period.label, digest):
                written = rasters.write_quarter(landing / "rasters", world.build(text, seed), period)
                files.record_complete(landing, period.label, digest, written)
