"""Administrative areas, and the codes of other years mapped to them.

Belongs here: the assets of group ``areas``. Does not belong here: geometry and matching (``geography.areas``,
``geography.crosswalk``).
"""

import dagster as dg
import pandas as pd

from poverty_assets.graph.assets.describe import OWNERS, of_table, picture, source_table
from poverty_assets.graph.partitions import quarter_of
from poverty_assets.graph.resources import Home
from poverty_assets.pack.source import SourceSpec, TableSource


def build(specs: list[SourceSpec], partitions: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """All assets of the group."""
    of_areas = [spec for spec in specs if spec.role == "areas"]
    tables = [spec for spec in specs if isinstance(spec, TableSource) and spec.role != "areas"]
    coded = [spec for spec in tables if {"area_code", "village_code"} & set(spec.columns)]

    @dg.asset(
        group_name="areas",
        owners=OWNERS,
        kinds={"python", "parquet", "shapely"},
        partitions_def=partitions,
        deps=[f"src_{spec.source_id}" for spec in of_areas],
        metadata={"sources": source_table(of_areas)},
    )
    def area_boundary(context: dg.AssetExecutionContext, home: Home) -> pd.DataFrame:
        """Boundaries and names of areas at four levels: communes as observed, the others dissolved from them."""
        from poverty_assets.geography.areas import areas_from_sources

        quarter = quarter_of(context)
        return areas_from_sources(of_areas, lambda source_id: home.observed(source_id, quarter), home.country)

    @dg.asset(**of_table("area_crosswalk", coded, partitions, deps=[f"src_{spec.source_id}" for spec in coded]))
    def area_crosswalk(context: dg.AssetExecutionContext, area_boundary: pd.DataFrame, home: Home) -> pd.DataFrame:
        from poverty_assets.geography.crosswalk import map_sources

        quarter = quarter_of(context)
        return map_sources(coded, lambda source_id: home.observed(source_id, quarter), area_boundary, home.country)

    @dg.asset(**of_table("dim_area", [*of_areas, *coded], partitions))
    def dim_area(
        context: dg.AssetExecutionContext, area_boundary: pd.DataFrame, area_crosswalk: pd.DataFrame, home: Home
    ) -> pd.DataFrame:
        from poverty_assets.geography.areas import counts_from_sources
        from poverty_assets.reports.pictures.drawing import area_map

        quarter = quarter_of(context)
        areas = counts_from_sources(
            area_boundary, area_crosswalk, coded, lambda source_id: home.observed(source_id, quarter)
        )
        png = area_map(
            areas,
            areas.set_index("area_id")["households"],
            "Households by commune",
            "households",
            home.settings.is_simulated,
        )
        context.add_output_metadata({"map": picture(png, "Households by commune")})
        return areas

    return [area_boundary, area_crosswalk, dim_area]
