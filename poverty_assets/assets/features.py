"""Features of areas.

Belongs here: the assets of group ``features``. Does not belong here: zonal statistics and distances (``spatial``).
"""

import datetime as dt
from collections.abc import Iterator
from functools import partial

import dagster as dg
import pandas as pd

from poverty_assets.assets.describe import OWNERS, out_of_table, picture, source_table
from poverty_assets.partitions import quarter_of
from poverty_assets.quarter import Quarter
from poverty_assets.resources import Home
from poverty_assets.sources.readers import observe
from poverty_assets.sources.spec import SourceSpec, release


def build(specs: list[SourceSpec], partitions: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """All assets of the group."""
    featured = [spec for spec in specs if spec.features]
    waves = [spec for spec in specs if spec.role == "survey"]
    registers = [spec for spec in specs if spec.role == "register"]

    @dg.multi_asset(
        name="features",
        outs={
            "commune_feature": out_of_table("commune_feature", featured),
            "wave_feature": dg.AssetOut(
                group_name="features",
                owners=OWNERS,
                kinds={"python", "parquet", "exactextract"},
                metadata={"sources": source_table(featured)},
                description="Features of communes as of the quarters in which the two latest survey waves ended: what their"
                " households are modelled with.",
            ),
        },
        partitions_def=partitions,
        deps=[f"src_{spec.source_id}" for spec in featured] + [f"src_{spec.source_id}" for spec in waves],
    )
    def features(
        context: dg.AssetExecutionContext, dim_area: pd.DataFrame, area_crosswalk: pd.DataFrame, home: Home
    ) -> Iterator[dg.Output]:
        from poverty_assets.measurement.registers import rates_then
        from poverty_assets.reports.figures_features import feature_maps
        from poverty_assets.sources.rasters import load_raster, raster_then
        from poverty_assets.spatial.assemble import quarter_features

        quarter = quarter_of(context)
        ends = {name: Quarter.containing(dt.date.fromisoformat(noted["observed_to"]))
                for name, noted in home.survey_waves(quarter)[-2:]}  # fmt: skip
        now, before = quarter_features(
            featured,
            dim_area,
            area_crosswalk,
            home.country,
            rows=lambda source_id: home.observed(source_id, quarter),
            raster=lambda spec: load_raster(release(spec, quarter, home.landing), home.country.bounds),
            observed_on=lambda source_id: dt.date.fromisoformat(
                home.lake.metadata(f"src_{source_id}", quarter)["observed_to"]
            ),
            earlier={name: partial(raster_then, quarter=end, landing=home.landing, bounds=home.country.bounds)
                     for name, end in ends.items()},
        )  # fmt: skip
        png = feature_maps(now, dim_area, home.settings.is_simulated)
        shown = {"maps": picture(png, "Features by commune, each from low (dark) to high (bright)")}
        yield dg.Output(now, "commune_feature", metadata=shown)
        listed = {name: rates_then(registers, lambda spec, end=end: observe(spec, end, home.landing).frame,  # type: ignore[misc]
                                   area_crosswalk, home.country) for name, end in ends.items()}  # fmt: skip
        then = [pd.concat([frame, listed[name]]).assign(wave=name, quarter_of_wave=str(ends[name]))
                for name, frame in before.items()]  # fmt: skip
        columns = ["wave", "quarter_of_wave", "area_id", "feature_id", "value"]
        yield dg.Output(pd.concat(then)[columns] if then else pd.DataFrame(columns=columns), "wave_feature")

    return [features]
