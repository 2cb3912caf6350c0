"""Administrative areas, and the codes of other years mapped to them.

Belongs here: the assets of group ``areas``, people among them. Does not belong here: geometry and matching (``geography.areas``,
``geography.crosswalk``), or adding up people (``features.people``, ``geography.population``).
"""

import datetime as dt
from collections.abc import Iterator

import dagster as dg
import pandas as pd

from poverty_assets.geography.areas import boundary_source
from poverty_assets.graph.assets.describe import picture
from poverty_assets.graph.assets.recipe import KNOWS_NO_QUARTER, Again, Pack, Said, asset, assets, of_role
from poverty_assets.graph.partitions import quarter_of
from poverty_assets.graph.resources import Compute, Home
from poverty_assets.graph.reuse.step import Statement
from poverty_assets.pack.source import SourceSpec, TableSource, grids_of_people
from poverty_assets.quarter import Quarter
from poverty_assets.sources.readers import Observation


def coded(specs: list[SourceSpec]) -> list[TableSource]:
    """Tables of which each row says, by a code, which area it is of."""
    tables = [spec for spec in specs if isinstance(spec, TableSource) and spec.role != "areas"]
    return [spec for spec in tables if spec.has_codes]


def _coded(pack: Pack) -> list[TableSource]:
    return coded(pack.specs)


def _lists(specs: list[SourceSpec]) -> list[str]:
    """Sources that tell which codes of areas there are."""
    return boundary_source(specs).options.names_from


def _listed_and_coded(pack: Pack) -> list[SourceSpec]:
    lists = _lists(pack.specs)
    return [*(spec for spec in pack.specs if spec.source_id in lists), *_coded(pack)]


def _areas_and_coded(pack: Pack) -> list[SourceSpec]:
    return [*of_role("areas")(pack), *_coded(pack)]


@asset(
    Said("areas", of_role("areas"), ("python", "parquet", "shapely")), reads=of_role("areas"), again=KNOWS_NO_QUARTER
)
def area_boundary(context: dg.AssetExecutionContext, home: Home) -> pd.DataFrame:
    """Boundaries and names of areas at every level: the finest as observed, the others dissolved from it."""
    from poverty_assets.geography.areas import areas_from_sources

    return areas_from_sources(home.of_role("areas"), home.reader(quarter_of(context)), home.country)


@asset(Said(of=_coded), reads=_listed_and_coded, again=KNOWS_NO_QUARTER)
def area_crosswalk(context: dg.AssetExecutionContext, area_boundary: pd.DataFrame, home: Home) -> pd.DataFrame:
    """Codes of other years and editions, mapped, with the share of a unit's people in each area that it became."""
    from poverty_assets.geography.crosswalk import map_sources

    read = home.reader(quarter_of(context))
    return map_sources(coded(home.specs), read, area_boundary, home.country, boundary_source(home.specs))


def _grids(pack: Pack) -> list[SourceSpec]:
    return [*grids_of_people(pack.specs)]


def held_against(specs: list[SourceSpec]) -> list[TableSource]:
    """Tables of persons at points that the population is held against."""
    return [
        spec for spec in specs if isinstance(spec, TableSource) and spec.options.cross_check and spec.options.points
    ]


def _coded_and_held_against(pack: Pack) -> list[SourceSpec]:
    return [*_coded(pack), *held_against(pack.specs)]


def _counted(pack: Pack) -> list[SourceSpec]:
    return [*_coded(pack), *_grids(pack)]


def _then(home: Home, quarter: Quarter) -> Statement:
    """The grid of a census year, which the lake does not have."""
    from poverty_assets.sources.earlier import census_files

    return Statement([], census_files(home.specs, home.country, quarter, home.landing))


@asset(
    Said("areas", _grids, ("python", "parquet", "exactextract")),
    reads=_grids,
    again=Again(states=_then),
)
def grid_population(
    context: dg.AssetExecutionContext, area_boundary: pd.DataFrame, home: Home, compute: Compute
) -> Observation | pd.DataFrame:
    """People of the finest areas by a grid of the year, made to add up to the census that the pack cites."""
    from poverty_assets.features.people import people_of_quarter

    seen = home.seen(quarter_of(context), (), compute.raster_workers)
    made = people_of_quarter(home.specs, area_boundary, home.country, seen)
    return home.noted(made.rows, {"population": made.said})


@assets(
    {"dim_area": Said(of=_areas_and_coded), "fct_population": Said(of=_counted)},
    reads=_coded_and_held_against,
    again=KNOWS_NO_QUARTER,
)
def areas(
    context: dg.AssetExecutionContext,
    area_boundary: pd.DataFrame,
    area_crosswalk: pd.DataFrame,
    grid_population: pd.DataFrame,
    home: Home,
) -> Iterator[dg.Output]:
    """Areas with their people: by a grid of the year where there is one, else as tables count them."""
    from poverty_assets.geography.counts import MIXED, SOURCE, counts_from_sources
    from poverty_assets.geography.population import noted_sizes, population_rows, with_grid
    from poverty_assets.reports.pictures.drawing import area_map

    quarter, tables, finest = quarter_of(context), coded(home.specs), home.country.levels.finest
    said: list[str] = []
    counted = counts_from_sources(area_boundary, area_crosswalk, tables, home.reader(quarter), said)
    made = with_grid(counted, grid_population)
    title = f"Households by {home.country.levels[finest].name('en')}"
    png = area_map(made, made.set_index("area_id")["households"], title, "households", home.settings.is_simulated)
    yield dg.Output(made.drop(columns=[SOURCE, MIXED]), "dim_area", metadata={"map": picture(png, title)})
    people = population_rows(made, grid_population, _days(home, quarter, tables))
    own = {"numbers of larger areas": {str(place): one for place, one in enumerate(said, start=1)}}
    checked = {"cross-check": _cross_checked(home, quarter, people, made)}
    notes = {**noted_sizes(people, made, finest), **own, **checked}
    yield dg.Output(home.noted(people, notes), "fct_population")


def _cross_checked(home: Home, quarter: Quarter, people: pd.DataFrame, areas: pd.DataFrame) -> dict[str, str]:
    """How the population differs from what others count at points, by source."""
    from poverty_assets.geography.population import said_of_points

    found = {}
    for spec in held_against(home.specs):
        rows = home.observed(spec.source_id, quarter)
        if rows is not None and len(rows) and spec.options.points and spec.options.cross_check:
            points = rows[[*spec.options.points, spec.options.cross_check]].to_numpy(dtype=float)
            found[spec.source_id] = said_of_points(people, areas, home.country.levels.published, points)
    return found


def _days(home: Home, quarter: Quarter, tables: list[TableSource]) -> dict[str, dt.date]:
    """Last day that each table observed, as the quarter sees it."""
    noted = {spec.source_id: home.lake.notes(f"src_{spec.source_id}", quarter) for spec in tables}
    return {name: said["observed_to"] for name, said in noted.items() if "absent" not in said}


ASSETS = (area_boundary, area_crosswalk, grid_population, areas)
