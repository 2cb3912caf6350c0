"""Features of areas.

Belongs here: the asset of group ``features``. Does not belong here: zonal statistics and distances (``spatial``).
"""

import datetime as dt

import dagster as dg
import pandas as pd

from poverty_assets.assets.describe import of_table, picture
from poverty_assets.partitions import quarter_of
from poverty_assets.resources import Home
from poverty_assets.sources.spec import SourceSpec, release


def build(specs: list[SourceSpec], partitions: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """All assets of the group."""
    featured = [spec for spec in specs if spec.features]

    @dg.asset(
        **of_table(
            "commune_feature",
            featured,
            partitions,
            kinds={"exactextract"},
            deps=[f"src_{spec.source_id}" for spec in featured],
        )
    )
    def commune_feature(
        context: dg.AssetExecutionContext, dim_area: pd.DataFrame, area_crosswalk: pd.DataFrame, home: Home
    ) -> pd.DataFrame:
        from poverty_assets.reports.figures_features import feature_maps
        from poverty_assets.sources.rasters import load_raster
        from poverty_assets.spatial.assemble import quarter_features

        quarter = quarter_of(context)
        features = quarter_features(
            featured,
            dim_area,
            area_crosswalk,
            home.country,
            rows=lambda source_id: home.observed(source_id, quarter),
            raster=lambda spec: load_raster(release(spec, quarter, home.landing), home.country.bounds),
            observed_on=lambda source_id: dt.date.fromisoformat(
                home.lake.metadata(f"src_{source_id}", quarter)["observed_to"]
            ),
        )
        png = feature_maps(features, dim_area, home.settings.is_simulated)
        context.add_output_metadata(
            {"maps": picture(png, "Features by commune, each from low (dark) to high (bright)")}
        )
        return features

    return [commune_feature]
