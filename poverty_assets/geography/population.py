"""How many people live in each area in a quarter: a grid laid on a census, or counts as their source states them, with day and source.

Belongs here: the benchmark of a grid's people to a census total, whole numbers that add up to it, and the rows of ``fct_population``. Does
not belong here: counts that tables hold (``counts``), adding up cells (``features.people``), or who cites a census (``pack.census``).

Let G_i(t) be the people of the grid of year t in area i, c the census year and C the census's total of the area A that it is given for (the
country, or an area of the published level). Then area i in A has

    P_i(t) = C * [sum_A G(t) / sum_A G(c)] * [G_i(t) / sum_A G(t)] = C * G_i(t) / sum_A G(c):

the census says how many there were, the grid how many more there are and where. In the census year the areas add up to the census.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from poverty_assets.arrays import FloatArray, IntArray
from poverty_assets.errors import InputError
from poverty_assets.geography.counts import MIXED, SOURCE, UNKNOWN_PARTS
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.pack.census import ALL_AGES, Census

COUNTED, BENCHMARKED, UNKNOWN = "counted", "grid_benchmarked", "unknown"
FEWEST, MOST = 2.0, 8.0
"""Persons per household that are plausible of an area; what lies outside is said."""
HOUSEHOLD_SIZE, OTHER_YEAR, SEVERAL = "household_size", "census_year_without_grid", "several_sources"
GRID_COLUMNS = [
    "area_id", "age_group", "people_of_grid", "population", "source_id", "observed_on", "benchmark_area", "benchmark_total",
    "benchmark_on", "benchmark_source", "benchmark_grid_year",
]  # fmt: skip
APART = 1.25
"""How many times as many people one count of an area may have as another before that is said."""
_SHOWN = 5


@dataclass(frozen=True)
class GridOfPeople:
    """People of a grid in the areas of the finest level, in the order of the hierarchy; NaN where not known.

    Attributes
    ----------
    source_id : str
    observed_on : date
        Of the year that the quarter sees.
    now : ndarray, shape (n,)
    then : ndarray, shape (n,)
        In the census year, or in the year next to it that there is.
    year_then : int
        That year.
    ages : mapping of str to ndarray, shape (n,)
        People of age groups now.
    """

    source_id: str
    observed_on: dt.date
    now: FloatArray
    then: FloatArray
    year_then: int
    ages: Mapping[str, FloatArray] = field(default_factory=dict)


def benchmarked(hierarchy: Hierarchy, grid: GridOfPeople, census: Census) -> pd.DataFrame:
    """People of the areas of the finest level (catalog: ``grid_population``), all and by age group.

    Everybody in an area that the census has a total of adds up to the whole number that total and growth give; those of age groups
    take the same ratio.
    """
    group, totals = _totals(hierarchy, census)
    before = np.bincount(group, np.nan_to_num(grid.then), len(totals))
    ratio = np.divide(totals, before, out=np.full(len(totals), np.nan), where=before > 0)[group]
    everybody = whole_numbers(ratio * grid.now, group)
    rows = [_rows(hierarchy, ALL_AGES, grid.now, everybody)]
    for name, people in sorted(grid.ages.items()):
        rows.append(_rows(hierarchy, name, people, np.fmin(np.rint(ratio * people), everybody)))
    said = {
        "source_id": grid.source_id,
        "observed_on": grid.observed_on,
        "benchmark_area": np.tile(np.array([*sorted(census.areas), hierarchy.root], dtype=object)[group], len(rows)),
        "benchmark_total": np.tile(totals[group].astype(np.int64), len(rows)),
        "benchmark_on": census.day,
        "benchmark_source": census.source,
        "benchmark_grid_year": grid.year_then,
    }
    return pd.concat(rows, ignore_index=True).assign(**said)[GRID_COLUMNS]


def _rows(hierarchy: Hierarchy, age_group: str, of_grid: FloatArray, people: FloatArray) -> pd.DataFrame:
    codes = hierarchy.codes(hierarchy.finest)
    rows = {"area_id": codes, "age_group": age_group, "people_of_grid": of_grid, "population": people}
    return pd.DataFrame(rows).astype({"population": "Int64"})


def _totals(hierarchy: Hierarchy, census: Census) -> tuple[IntArray, FloatArray]:
    """Which total each area of the finest level is a part of, and the totals: those of areas, then what is left for all others."""
    given = sorted(census.areas)
    numbers = hierarchy.number(given)
    unknown = [code for code, number in zip(given, numbers, strict=True) if number < 0]
    if unknown:
        raise InputError(
            f"the census of {census.day} has totals of {len(unknown)} areas that are not there, the first {unknown[0]}",
            file="country.yaml",
            remedy="use the codes of the areas in use, or leave them out: they then share what is left of the total",
        )
    group = np.full(len(hierarchy.codes(hierarchy.finest)), len(given), dtype=np.int64)
    finest = hierarchy.members(hierarchy.finest)
    for place, number in enumerate(numbers):
        group[(hierarchy.ancestors[finest] == number).any(axis=1)] = place
    return group, np.array([*(census.areas[code] for code in given), census.total - sum(census.areas.values())], float)


def whole_numbers(values: FloatArray, group: IntArray) -> FloatArray:
    """Whole numbers next to some that in each group add up to the whole number next to their sum: the largest remainders are rounded up.

    Examples
    --------
    >>> whole_numbers(np.array([1.4, 1.4, 1.2, np.nan, 0.0]), np.array([0, 0, 0, 0, 0]))
    array([ 2.,  1.,  1., nan,  0.])
    """
    down = np.floor(values)
    left = np.nan_to_num(values - down)
    short = np.rint(np.bincount(group, np.nan_to_num(values))) - np.bincount(group, np.nan_to_num(down))
    order = np.lexsort((np.arange(len(values)), -left, group))
    place = np.arange(len(values)) - np.searchsorted(group[order], group[order])
    up = np.zeros(len(values))
    up[order] = place < short[group[order]]
    return np.asarray(down + up)


def with_grid(areas: pd.DataFrame, grid: pd.DataFrame) -> pd.DataFrame:
    """Areas with the population of the grid in place of what tables count, where there is one.

    Parameters
    ----------
    areas : DataFrame (catalog: ``dim_area``)
        With ``counts.SOURCE`` and ``counts.MIXED``.
    grid : DataFrame (catalog: ``grid_population``)
        Empty where there is none.
    """
    everybody = grid[grid["age_group"] == ALL_AGES]
    if everybody.empty:
        return areas
    hierarchy = Hierarchy.of(areas)
    people, unknown = _added_up(hierarchy, everybody, "population")
    by_area = {
        "population": pd.Series(people, hierarchy.ids).astype("Int64"),
        UNKNOWN_PARTS: pd.Series(unknown, hierarchy.ids),
        SOURCE: pd.Series(everybody["source_id"].iloc[0], hierarchy.ids).where(np.isfinite(people)),
        MIXED: pd.Series(False, hierarchy.ids),
    }
    return areas.assign(**{name: areas["area_id"].map(values) for name, values in by_area.items()})


def _added_up(hierarchy: Hierarchy, rows: pd.DataFrame, column: str) -> tuple[FloatArray, IntArray]:
    """Number of every area of the hierarchy, NaN where none of its parts is known, and how many of its parts are not."""
    number = hierarchy.number(rows["area_id"])
    values = rows[column].to_numpy(dtype=float, na_value=np.nan)
    known = np.isfinite(values)
    total = hierarchy.add_up(number[known], values[known])
    some = hierarchy.add_up(number[known], np.ones(int(known.sum())))
    unknown = hierarchy.add_up(number[~known], np.ones(int((~known).sum())))
    return np.where(some > 0, total, np.nan), unknown.astype(np.int64)


def population_rows(areas: pd.DataFrame, grid: pd.DataFrame, days: Mapping[str, dt.date]) -> pd.DataFrame:
    """Rows of ``fct_population``: every area, and its age groups where the grid has them.

    Parameters
    ----------
    areas : DataFrame
        As ``with_grid`` gives them.
    grid : DataFrame (catalog: ``grid_population``)
    days : mapping of str to date
        Last day that each source of counts observed.
    """
    hierarchy = Hierarchy.of(areas)
    own = areas.set_index("area_id").loc[hierarchy.ids]
    rows = pd.DataFrame({"area_id": hierarchy.ids, "area_level": own["area_level"].to_numpy(), "age_group": ALL_AGES})
    rows["population"] = own["population"].astype("Int64").to_numpy()
    rows["population_urban"] = _urban(hierarchy, own)
    rows["persons_per_household"] = _household_size(own)
    rows["source_id"] = own[SOURCE].to_numpy()
    rows["observed_on"] = rows["source_id"].map(days)
    rows["method"] = np.where(rows["population"].isna(), UNKNOWN, COUNTED)
    rows["quality_flag"] = _flags(rows, own[MIXED].to_numpy(dtype=bool))
    none = pd.Series(None, index=rows.index, dtype=object)
    rows = rows.assign(people_of_grid=np.nan, benchmark_on=none, benchmark_source=none)
    for name in ("benchmark_total", "benchmark_grid_year"):
        rows[name] = none.astype("Int64")
    return rows if grid.empty else _of_grid(hierarchy, rows, grid)


def _of_grid(hierarchy: Hierarchy, rows: pd.DataFrame, grid: pd.DataFrame) -> pd.DataFrame:
    """The same with what is said of a grid and its census, and the rows of age groups."""
    first = grid.iloc[0]
    said = {name: first[name] for name in ("observed_on", "benchmark_on", "benchmark_source", "benchmark_grid_year")}
    parts = grid[grid["age_group"] == ALL_AGES]
    totals = pd.Series(_widest(hierarchy, parts), hierarchy.ids)
    made = []
    for name, own in grid.groupby("age_group", sort=True):
        people, _ = _added_up(hierarchy, own, "population")
        of_grid, _ = _added_up(hierarchy, own, "people_of_grid")
        part = rows.assign(age_group=name, population=pd.array(people).astype("Int64"), people_of_grid=of_grid)
        if name != ALL_AGES:
            part = part.assign(population_urban=pd.NA, persons_per_household=np.nan, quality_flag="ok")
            part["quality_flag"] = _flags(part, np.zeros(len(part), dtype=bool))
        part["method"] = np.where(np.isfinite(people), BENCHMARKED, UNKNOWN)
        made.append(part.assign(benchmark_total=part["area_id"].map(totals), **said))
    out = pd.concat(made, ignore_index=True)
    if first["benchmark_grid_year"] != first["benchmark_on"].year:
        out["quality_flag"] = [_with(flag, OTHER_YEAR) for flag in out["quality_flag"]]
    return out


def _widest(hierarchy: Hierarchy, parts: pd.DataFrame) -> IntArray:
    """The census total that each area is a part of, or that totals of its parts make up."""
    total = np.zeros(len(hierarchy), dtype=np.int64)
    for (_, value), own in parts.groupby(["benchmark_area", "benchmark_total"]):
        holders = np.unique(hierarchy.ancestors[hierarchy.number(own["area_id"])])
        total[holders[holders >= 0]] += value
    return total


def _urban(hierarchy: Hierarchy, areas: pd.DataFrame) -> Any:
    """People in areas of the finest level that are urban; missing unless all people of the area live in parts whose status is known."""
    finest = areas[areas["area_level"] == hierarchy.finest]
    number = hierarchy.number(finest.index)
    people = finest["population"].to_numpy(dtype=float, na_value=np.nan)
    known = finest["is_urban"].notna().to_numpy() & np.isfinite(people)
    urban = known & finest["is_urban"].eq(True).to_numpy()
    all_known = hierarchy.add_up(number[known], people[known])
    in_towns = hierarchy.add_up(number[urban], people[urban])
    whole = areas["population"].to_numpy(dtype=float, na_value=np.nan)
    return pd.array(np.where(all_known == whole, in_towns, np.nan)).astype("Int64")


def _household_size(areas: pd.DataFrame) -> FloatArray:
    people, households = (areas[name].to_numpy(dtype=float, na_value=np.nan) for name in ("population", "households"))
    return np.divide(people, households, out=np.full(len(areas), np.nan), where=households > 0)


def _flags(rows: pd.DataFrame, mixed: Any) -> list[str]:
    size = rows["persons_per_household"]
    flags = ["ok"] * len(rows)
    for name, there in (
        ("population_unknown", rows["population"].isna().to_numpy()),
        (SEVERAL, mixed),
        (HOUSEHOLD_SIZE, (size.notna() & ~size.between(FEWEST, MOST)).to_numpy()),
    ):
        flags = [_with(flag, name) if is_so else flag for flag, is_so in zip(flags, there, strict=True)]
    return flags


def _with(flag: str, name: str) -> str:
    return name if flag == "ok" else f"{flag},{name}"


def strange_households(rows: pd.DataFrame, names: pd.Series, level: str) -> tuple[int, int, str]:
    """How many areas of a level have fewer than 2 or more than 8 persons per household, of how many, and the first of them in words.

    Parameters
    ----------
    rows : DataFrame (catalog: ``fct_population``)
    names : Series
        By code of the area.
    """
    known = rows[
        (rows["age_group"] == ALL_AGES) & (rows["area_level"] == level) & rows["persons_per_household"].notna()
    ]
    strange = known[~known["persons_per_household"].between(FEWEST, MOST)].sort_values("area_id")
    shown = [
        f"{row.area_id} {names[row.area_id]} {row.persons_per_household:.2f}"
        for row in strange.head(_SHOWN).itertuples()
    ]
    return len(strange), len(known), ", ".join(shown) + (", ..." if len(strange) > _SHOWN else "")


def noted_sizes(rows: pd.DataFrame, areas: pd.DataFrame, level: str) -> dict[str, dict[str, str]]:
    """What is to be noted of persons per household: how many areas of a level are strange, and the first of them; nothing if none is."""
    strange, known, shown = strange_households(rows, areas.set_index("area_id")["name_en"], level)
    said = f"{strange} of {known} areas have fewer than {FEWEST:g} or more than {MOST:g} persons per household: {shown}"
    return {"persons per household": {level: said} if strange else {}}


def said_of_points(rows: pd.DataFrame, areas: pd.DataFrame, level: str, points: FloatArray) -> str:
    """How the population of areas of a level differs from persons counted at points, in words.

    Parameters
    ----------
    rows : DataFrame (catalog: ``fct_population``)
    areas : DataFrame (catalog: ``dim_area``)
    level : str
    points : ndarray, shape (n, 3)
        Longitude, latitude and persons; NaN where these are not known.
    """
    import shapely

    own = areas[areas["area_level"] == level].sort_values("area_id").reset_index(drop=True)
    people = rows[rows["age_group"] == ALL_AGES].set_index("area_id")["population"].reindex(own["area_id"])
    here = people.to_numpy(dtype=float, na_value=np.nan)
    known = points[np.isfinite(points).all(axis=1)]
    shapes = shapely.from_wkb(own["geometry"].map(bytes).to_numpy())
    place, point = shapely.STRtree(shapely.points(known[:, 0], known[:, 1])).query(shapes, predicate="intersects")
    there = np.bincount(place, known[point, 2], len(own))
    both = np.isfinite(here) & (there > 0)
    ratio = np.divide(here, there, out=np.full(len(own), np.nan), where=both)
    far = np.flatnonzero((ratio > APART) | (ratio < 1 / APART))
    shown = [f"{own['area_id'][i]} {own['name_en'][i]} {ratio[i]:.2f}" for i in far[:_SHOWN]]
    named = f": {', '.join(shown)}" + (", ..." if len(far) > _SHOWN else "") if shown else ""
    return (
        f"{here[both].sum():,.0f} persons where there are {there[both].sum():,.0f} by points, in {int(both.sum())} areas;"
        f" in {len(far)} one is more than {APART:g} times the other{named}"
    )
