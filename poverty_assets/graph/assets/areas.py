"""Administrative areas, and the codes of other years mapped to them.

Belongs here: the assets of group ``areas``. Does not belong here: geometry and matching (``geography.areas``,
``geography.crosswalk``).
"""

import dagster as dg
import pandas as pd

from poverty_assets.geography.areas import boundary_source
from poverty_assets.graph.assets.describe import picture
from poverty_assets.graph.assets.recipe import KNOWS_NO_QUARTER, Pack, Said, asset, of_role
from poverty_assets.graph.partitions import quarter_of
from poverty_assets.graph.resources import Home
from poverty_assets.pack.source import SourceSpec, TableSource


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


@asset(Said(of=_areas_and_coded), again=KNOWS_NO_QUARTER)
def dim_area(
    context: dg.AssetExecutionContext, area_boundary: pd.DataFrame, area_crosswalk: pd.DataFrame, home: Home
) -> pd.DataFrame:
    """Areas with counts of their people."""
    from poverty_assets.geography.counts import counts_from_sources
    from poverty_assets.reports.pictures.drawing import area_map

    read = home.reader(quarter_of(context))
    areas = counts_from_sources(area_boundary, area_crosswalk, coded(home.specs), read)
    households = areas.set_index("area_id")["households"]
    title = f"Households by {home.country.levels[home.country.levels.finest].name('en')}"
    png = area_map(areas, households, title, "households", home.settings.is_simulated)
    context.add_output_metadata({"map": picture(png, title)})
    return areas


ASSETS = (area_boundary, area_crosswalk, dim_area)
