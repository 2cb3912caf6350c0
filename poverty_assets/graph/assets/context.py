"""What is drawn over maps for orientation: roads, services, places.

Belongs here: the asset of that. Does not belong here: simplifying and thinning (``geography.context``), or which layers there are
(``country.yaml``).
"""

import dagster as dg
import pandas as pd

from poverty_assets.graph.assets.describe import of_table
from poverty_assets.graph.partitions import quarter_of
from poverty_assets.graph.resources import Home
from poverty_assets.pack.country import Country
from poverty_assets.pack.source import SourceSpec


def build(specs: list[SourceSpec], partitions: dg.PartitionsDefinition, country: Country) -> list[dg.AssetsDefinition]:
    """All assets of the module."""
    wanted = {source_id for layer in country.context_layers for source_id in layer.sources}
    drawn = [spec for spec in specs if spec.source_id in wanted]

    @dg.asset(
        **of_table("dim_context", drawn, partitions, kinds={"shapely"}, deps=[f"src_{s.source_id}" for s in drawn])
    )
    def dim_context(context: dg.AssetExecutionContext, area_boundary: pd.DataFrame, home: Home) -> pd.DataFrame:
        from poverty_assets.geography.context import context_layers

        quarter = quarter_of(context)
        outline = area_boundary.set_index("area_id")["geometry"][home.country.area_id]
        return context_layers(
            home.country.context_layers, drawn, lambda source_id: home.observed(source_id, quarter), outline
        )

    return [dim_context]
