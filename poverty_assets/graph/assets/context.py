"""What is drawn over maps for orientation: roads, services, places.

Belongs here: the asset of that. Does not belong here: simplifying and thinning (``geography.context``), or which layers there are
(``country.yaml``).
"""

import dagster as dg
import pandas as pd

from poverty_assets.graph.assets.recipe import KNOWS_NO_QUARTER, Pack, Said, asset
from poverty_assets.graph.partitions import quarter_of
from poverty_assets.graph.resources import Home
from poverty_assets.pack.country import Country
from poverty_assets.pack.source import SourceSpec


def drawn(specs: list[SourceSpec], country: Country) -> list[SourceSpec]:
    """Sources of the layers that the country's maps show."""
    wanted = {source_id for layer in country.context_layers for source_id in layer.sources}
    return [spec for spec in specs if spec.source_id in wanted]


def _drawn(pack: Pack) -> list[SourceSpec]:
    return drawn(pack.specs, pack.country)


@asset(Said(of=_drawn, kinds=("python", "parquet", "shapely")), reads=_drawn, again=KNOWS_NO_QUARTER)
def dim_context(context: dg.AssetExecutionContext, area_boundary: pd.DataFrame, home: Home) -> pd.DataFrame:
    """Layers for orientation."""
    from poverty_assets.geography.context import context_layers

    outline = area_boundary.set_index("area_id")["geometry"][home.country.area_id]
    layers, sources = home.country.context_layers, drawn(home.specs, home.country)
    read = home.reader(quarter_of(context))
    return context_layers(layers, sources, read, outline, home.country.language_codes)


ASSETS = (dim_context,)
