"""Features of areas.

Belongs here: the assets of group ``features``. Does not belong here: zonal statistics and distances (``poverty_assets.features``).
"""

from collections.abc import Iterator
from functools import partial

import dagster as dg
import pandas as pd

from poverty_assets.graph.assets.describe import OWNERS, out_of_table, picture, source_table
from poverty_assets.graph.partitions import quarter_of
from poverty_assets.graph.resources import Home
from poverty_assets.pack.source import SourceSpec, TableSource, covariates
from poverty_assets.quarter import Quarter

WAVE_COLUMNS = ["wave", "quarter_of_wave", "area_id", "feature_id", "value", "observed_on"]


def build(specs: list[SourceSpec], partitions: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """All assets of the group."""
    featured = [spec for spec in specs if spec.features]
    waves = [spec for spec in specs if spec.role == "survey"]
    registers = [spec for spec in specs if isinstance(spec, TableSource) and spec.role == "register"]

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
            "feature_drift": dg.AssetOut(
                group_name="features",
                owners=OWNERS,
                kinds={"python", "parquet"},
                metadata={"sources": source_table(featured)},
                description="How far each feature's distribution over communes has moved from the one that the latest wave was"
                " modelled with: population stability index, and whether the nowcast follows the feature.",
            ),
        },
        partitions_def=partitions,
        deps=[f"src_{spec.source_id}" for spec in featured] + [f"src_{spec.source_id}" for spec in waves],
    )
    def features(
        context: dg.AssetExecutionContext, dim_area: pd.DataFrame, area_crosswalk: pd.DataFrame, home: Home
    ) -> Iterator[dg.Output]:
        from poverty_assets.features.feature_table import quarter_features
        from poverty_assets.geography.hierarchy import Hierarchy
        from poverty_assets.registers.counts import rates_then
        from poverty_assets.reports.pictures.features import feature_maps
        from poverty_assets.reports.pictures.models import drift_plot
        from poverty_assets.small_area.time.covariate_drift import quarter_stability
        from poverty_assets.sources.earlier import earlier_times, with_days

        quarter, country, landing = quarter_of(context), home.country, home.landing
        times = earlier_times(home.survey_waves(quarter), quarter)
        hierarchy = Hierarchy.of(dim_area)
        now, before = quarter_features(featured, dim_area, area_crosswalk, country, home.seen(quarter, times))
        png = feature_maps(now, dim_area, home.settings.is_simulated)
        shown = {"maps": picture(png, "Features by commune, each from low (dark) to high (bright)")}
        yield dg.Output(now, "commune_feature", metadata=shown)
        parts = [pd.DataFrame(columns=WAVE_COLUMNS)]
        for name, then in times.items():
            rates = rates_then(registers, partial(_rows_then, quarter=then, home=home), area_crosswalk, hierarchy)
            dated = with_days(covariates(before[name], specs), featured, then, landing, now)
            parts.append(pd.concat([dated, rates]).assign(wave=name, quarter_of_wave=str(then))[WAVE_COLUMNS])
        wave_features = pd.concat(parts[-len(times) or None :], ignore_index=True)
        yield dg.Output(wave_features, "wave_feature")
        communes = pd.Index(dim_area.loc[dim_area["area_level"] == "commune", "area_id"])
        stable = quarter_stability(wave_features, covariates(now, specs), communes)
        drift = drift_plot(stable, home.settings.is_simulated)
        moved = {"drift": picture(drift, "Population stability index by feature")} if drift else {}
        yield dg.Output(stable, "feature_drift", metadata=moved)

    return [features]


def _rows_then(spec: SourceSpec, *, quarter: Quarter, home: Home) -> pd.DataFrame:
    return home.observe(spec.source_id, quarter).frame
