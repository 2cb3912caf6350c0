"""People of the finest areas, added up over the cells of a grid: of the year that the quarter sees, and of a census year.

Belongs here: sums of the cells of rasters that hold persons, and what is to be said of them. Does not belong here: what
the sums are laid on (``geography.population``), or people that hazards reach (``vulnerability.exposure``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from poverty_assets.arrays import FloatArray
from poverty_assets.features.coverage import RunningSums, coverage_of
from poverty_assets.features.feature_table import Observed
from poverty_assets.features.zonal import zonal_statistics
from poverty_assets.geography.areas import to_geodataframe
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.geography.population import GRID_COLUMNS, GridOfPeople, benchmarked
from poverty_assets.pack.census import ALL_AGES, census_seen
from poverty_assets.pack.country import Country
from poverty_assets.pack.source import RasterSource, SourceSpec, grids_of_people
from poverty_assets.sources.earlier import file_then
from poverty_assets.sources.raster import RasterCells, opened_raster

if TYPE_CHECKING:
    import geopandas as gpd

REACHED = 0.5
"""Share of an area that has to lie on cells of which it is known how many live there; else nothing is known of its people."""


@dataclass(frozen=True)
class QuarterPeople:
    """What a quarter's grids say.

    Attributes
    ----------
    rows : DataFrame (catalog: ``grid_population``)
        Empty where no grid, or no census, stands behind the quarter.
    said : dict of str to str
        What is to be noted of them, by subject.
    """

    rows: pd.DataFrame
    said: dict[str, str]


def people_of_quarter(
    specs: Sequence[SourceSpec], areas: pd.DataFrame, country: Country, observed: Observed
) -> QuarterPeople:
    """People of the finest areas by the pack's grid, laid on the latest census that the pack cites and the quarter may see."""
    nothing = pd.DataFrame(columns=GRID_COLUMNS)
    rasters = [(spec, observed.raster(spec.source_id)) for spec in grids_of_people(specs)]
    seen = [(spec, grid) for spec, grid in rasters if grid is not None]
    of_all = next(((spec, grid) for spec, grid in seen if _age_group(spec) == ALL_AGES), None)
    if of_all is None or of_all[0].options.people is None:
        return QuarterPeople(nothing, {})
    whole, grid = of_all
    census = census_seen(country.censuses, observed.quarter.end)
    if census is None:
        why = "no census that the pack cites had been held by the end of the quarter; counts of tables stand"
        return QuarterPeople(nothing, {"benchmark": why})
    hierarchy = Hierarchy.of(areas)
    year, sums = _year_of(whole, observed), _Sums(areas, hierarchy, country, observed)
    people = sums.of(whole, grid)
    year_then, then = sums.then(whole, census.day.year, year) or (year, people)
    ages: dict[str, FloatArray] = {}
    said = _said_of_years(whole, census.day.year, year_then)
    for spec, raster in seen:
        name = _age_group(spec)
        if name != ALL_AGES and _year_of(spec, observed) != year:
            said[spec.source_id] = f"is of {_year_of(spec, observed)}, not of {year}, and left out"
        elif name != ALL_AGES:
            ages[name] = ages.get(name, 0.0) + sums.of(spec, raster)
    if np.isnan(people).any():
        lost = np.array(hierarchy.codes(hierarchy.finest))[np.isnan(people)]
        said["unknown"] = (
            f"the grid reaches less than half of {len(lost)} areas, which have no population; the first {lost[0]}"
        )
    counted = GridOfPeople(whole.source_id, of_all[0].options.people.as_of(year), people, then, year_then, ages)
    return QuarterPeople(benchmarked(hierarchy, counted, census), said)


def _age_group(spec: RasterSource) -> str:
    return spec.options.people.age_group if spec.options.people is not None else ""


def _year_of(spec: SourceSpec, observed: Observed) -> int:
    until = observed.noted(spec.source_id)["observed_to"]
    return int(until.year if isinstance(until, dt.date) else str(until)[:4])


def _said_of_years(spec: RasterSource, wanted: int, found: int) -> dict[str, str]:
    if wanted == found:
        return {}
    return {
        "benchmark": f"there is no {spec.source_id} of the census year {wanted}; that of {found} stands for it, so that growth between"
        " the two years is not in the population"
    }


@dataclass(frozen=True)
class _Sums:
    """Sums of cells over the finest areas, in the order of the hierarchy."""

    areas: pd.DataFrame
    hierarchy: Hierarchy
    country: Country
    observed: Observed

    @cached_property
    def zones(self) -> gpd.GeoDataFrame:
        """Boundaries of the finest areas."""
        codes = self.hierarchy.codes(self.hierarchy.finest)
        return to_geodataframe(self.areas, self.hierarchy.finest).set_index("area_id").loc[codes].reset_index()

    def then(self, spec: RasterSource, census_year: int, year: int) -> tuple[int, FloatArray] | None:
        """Year that stands for a census year, and people in it; None where the quarter's own year does."""
        found = file_then(spec, census_year, year, self.observed.landing)
        if found is None or found[0] == year:
            return None
        return found[0], self.of(spec, opened_raster(found[1], spec.options, within=self.country.bounds))

    def of(self, spec: RasterSource, grid: RasterCells) -> FloatArray:
        """People of each area; NaN where not known."""
        zones, codes = self.zones, self.hierarchy.codes(self.hierarchy.finest)
        kept, workers = self.observed.coverages, self.observed.workers
        answers = zonal_statistics([("people", grid)], zones, ["sum"], kept=kept, workers=workers).set_index("area_id")
        people, valid = (answers[name].loc[codes].to_numpy(dtype=float, copy=True) for name in ("value", "coverage"))
        if spec.options.people is not None and spec.options.people.without_value == "nobody":
            coverage = coverage_of(zones, grid, kept)
            inside = RunningSums(len(codes))
            inside.add(coverage, None)
            people, valid = np.nan_to_num(people), inside.total / coverage.cells
        return np.where(valid >= REACHED, people, np.nan)
