"""Writing the landing folder and the truth of a made-up country.

Belongs here: which files there are, and writing each output once. Does not belong here: who lives where and lacks what (``world``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from poverty_assets.errors import UsageError
from poverty_assets.quarter import Quarter
from poverty_assets.twin import files
from poverty_assets.twin.general import surveys, truth, world
from poverty_assets.twin.general.settings import MadeRaster
from poverty_assets.twin.grid import Grid
from poverty_assets.twin.streams import smooth_noise, stream

_README = """\
SIMULATED DATA. Nothing in this folder is an observation.

A made-up twin of {country}: {areas}; invented people, deprivations, satellite images and surveys. It is for trying the software and
for measuring its errors. Do not quote any figure made from it. Licence: CC0.
"""
_SHAPES = {
    True: "invented areas, cut from the country's bounds",
    False: "areas with their own codes, names and boundaries",
}


def _check_request(landing: Path, truth_folder: Path, seed: int, difficulty: str | None) -> None:
    """Refuse any difficulty, a negative seed, and folders of which one holds the other: the landing folder is read whole."""
    if difficulty is not None:
        raise UsageError(
            f"this twin has no difficulty {difficulty!r}",
            remedy="unset POVERTY_ASSETS_DIFFICULTY: the settings say all",
        )
    if seed < 0:
        raise UsageError(f"the seed {seed} is negative", remedy="choose a seed of 0 or more")
    a, b = landing.resolve(), truth_folder.resolve()
    if a.is_relative_to(b) or b.is_relative_to(a):
        raise UsageError(
            f"landing folder {landing} and truth folder {truth_folder}: one holds the other",
            remedy="name two folders side by side",
        )


def _built(country_dir: Path, landing: Path, seed: int) -> world.Made:
    """The country; files of real sources would lie in the folder that holds the twin's."""
    return world.build(country_dir, landing.resolve().parent, seed)


def base(landing: Path, truth_folder: Path, *, country_dir: Path, seed: int, difficulty: str | None = None) -> None:
    """Write everything that does not belong to one quarter, unless it is there already."""
    _check_request(landing, truth_folder, seed, difficulty)
    made = _built(country_dir, landing, seed)
    with files.lock(landing, "base"):
        truth_folder.mkdir(parents=True, exist_ok=True)
        if not files.is_complete(landing, "base", made.digest):
            files.record_complete(landing, "base", made.digest, _write_base(landing, made))


def quarter(
    landing: Path, truth_folder: Path, period: Quarter, *, country_dir: Path, seed: int, difficulty: str | None = None
) -> None:
    """Write the rasters of a quarter and its truth, unless they are there already."""
    _check_request(landing, truth_folder, seed, difficulty)
    made = _built(country_dir, landing, seed)
    made.settings.check_quarter(period)
    with files.lock(landing, period.label):
        truth_folder.mkdir(parents=True, exist_ok=True)
        if not files.is_complete(landing, period.label, made.digest):
            files.record_complete(landing, period.label, made.digest, _write_rasters(landing / "rasters", made, period))
        if not files.is_complete(truth_folder, period.label, made.digest):
            files.record_complete(
                truth_folder, period.label, made.digest, truth.write_truth(truth_folder, made, period)
            )


def earlier_rasters(
    landing: Path, periods: list[Quarter], *, country_dir: Path, seed: int, difficulty: str | None = None
) -> None:
    """Write the rasters of quarters, unless they are there already."""
    made = _built(country_dir, landing, seed)
    for period in periods:
        if period < made.settings.horizon.quarters[0]:
            continue
        with files.lock(landing, period.label):
            if not files.is_complete(landing, period.label, made.digest):
                files.record_complete(
                    landing, period.label, made.digest, _write_rasters(landing / "rasters", made, period)
                )


def _write_base(landing: Path, made: world.Made) -> list[Path]:
    readme = _README.format(country=made.country.name_en, areas=_SHAPES[made.made_up])
    written = [files.write_text(landing / "README.txt", readme)]
    written += _write_areas(landing / "boundaries", made)
    written += [_write_counts(landing / "tables", made, year) for year in made.settings.years]
    register = made.settings.register_
    written += [_write_register(landing / "registers", made, year) for year in (register.years if register else [])]
    for wave in made.settings.surveys:
        written += surveys.write_wave(landing / "survey" / wave.wave, made, wave)
    return written


def _write_areas(folder: Path, made: world.Made) -> list[Path]:
    """``areas.geojson``, polygons of the finest level; ``names.csv``, areas of the levels above. Both say in whom each lies."""
    import shapely

    columns = [f"name_{language}" for language in made.country.language_codes]
    told = made.areas.rename(columns={"area_id": "area_code"})
    for level in made.country.levels:
        if level.parent is not None and level.parent.column is not None:
            told[level.parent.column] = told["parent_id"].where(told["area_level"] == level.level_id)
            columns.append(level.parent.column)
    told[columns] = told[columns].astype(object).where(told[columns].notna(), "")
    finest = told["area_level"] == made.country.levels.finest
    shapes = shapely.from_wkb(told.loc[finest, "geometry"].to_numpy())
    return [
        files.write_geojson(
            folder / "areas.geojson", list(shapes), told.loc[finest, ["area_code", *columns]], title="Simulated areas"
        ),
        files.write_csv(folder / "names.csv", told.loc[~finest & told["parent_id"].notna(), ["area_code", *columns]]),
    ]


def _write_counts(folder: Path, made: world.Made, year: int) -> Path:
    """``counts_<year>.csv``: persons and households of areas of the finest level, and whether they are urban."""
    frame = pd.DataFrame(
        {
            "area_code": made.codes,
            "population": np.bincount(made.people.area, made.people.size, len(made.codes)).astype(int),
            "households": made.counts,
            "is_urban": np.where(made.is_urban, "true", "false"),
        }
    )
    return files.write_csv(folder / f"counts_{year}.csv", frame)


def _write_register(folder: Path, made: world.Made, year: int) -> Path:
    """``register_<year>.csv``: households in all, and listed."""
    listed = np.bincount(made.people.area, made.listed(year), len(made.codes)).astype(int)
    frame = pd.DataFrame({"area_code": made.codes, "households": made.counts, "listed": listed})
    return files.write_csv(folder / f"register_{year}.csv", frame)


def _write_rasters(folder: Path, made: world.Made, period: Quarter) -> list[Path]:
    """The settings' rasters of a quarter."""
    if not made.settings.rasters:
        return []
    grid, owner = _cells(made)
    return [
        files.write_geotiff(
            folder / f"{raster.name}_{period.label}.tif", _values(made, raster, grid, owner, period), grid,
            title=f"Simulated {raster.name}", unit=raster.unit,
        )
        for raster in made.settings.rasters
    ]  # fmt: skip


def _cells(made: world.Made) -> tuple[Grid, Any]:
    """The grid over the country's bounds, and the position of the area that each cell lies in, -1 outside."""
    import shapely
    from rasterio import Affine
    from rasterio.features import rasterize

    west, south, east, north = made.country.bounds
    per = made.settings.cells_per_degree
    grid = Grid(west, north, int(np.ceil((east - west) * per)), int(np.ceil((north - south) * per)), per)
    shapes = shapely.from_wkb(made.finest["geometry"].to_numpy())
    transform = Affine(1 / per, 0, west, 0, -1 / per, north)
    numbered = [(shape, number) for number, shape in enumerate(shapes)]
    return grid, rasterize(numbered, out_shape=grid.shape, fill=-1, transform=transform, dtype="int32")


def _values(made: world.Made, raster: MadeRaster, grid: Grid, owner: Any, period: Quarter) -> Any:
    fixed = stream(made.seed, "raster", raster.name).standard_normal(len(made.codes))
    of_area = raster.level + raster.wealth * made.wealth + raster.noise * fixed + raster.season[period.number - 1]
    grain = smooth_noise(stream(made.seed, "raster", raster.name, period), grid.shape, 2)
    values = np.maximum(of_area[owner] + 0.3 * raster.noise * grain, 0)
    return np.where(owner < 0, np.nan, values)
