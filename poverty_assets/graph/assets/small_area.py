"""Commune estimates: composite, modelled or downscaled, with a joint profile and replicates of every commune.

Belongs here: the assets of group ``small_area``. Does not belong here: any model (``small_area``), or the fact tables that the
rows go into (``estimates``).
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pandas as pd

from poverty_assets.graph.assets.describe import OWNERS, picture, scores_table, source_table
from poverty_assets.graph.partitions import quarter_of
from poverty_assets.graph.resources import Home
from poverty_assets.pack.source import SourceSpec, covariates
from poverty_assets.sources.readers import Observation

TABLES = {
    "area_mpi": "mpi",
    "area_headcount": "headcount",
    "area_contribution": "contribution",
    "area_pair": "pairs",
    "area_count": "counts",
    "area_dimension": "dimensions",
    "area_bundle": "bundles",
}
OTHERS = {
    "commune_profile": "Joint profile of every commune: shares of people with each set of deprivations, in the order of masks."
    " Every figure of a commune is a sum over it.",
    "area_draw": "Replicates of the figures that later steps compare: one row a figure, all its draws in one list.",
    "margin_run": "The model of commune margins, saved as a skops archive: rows of model_run.",
    "margin_metric": "How learners and baselines predict held-out communes, indicator by indicator; and how the nowcast from the"
    " wave before did when the latest wave came, beside persistence.",
}

SCORES = ("log_loss", "rmse", "mae", "bias", "spearman", "skill_against_persistence")


def build(specs: list[SourceSpec], partitions: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """All assets of the group."""
    used = [spec for spec in specs if spec.features or spec.role in ("survey", "register", "published")]

    def out(description: str) -> dg.AssetOut:
        return dg.AssetOut(
            group_name="small_area",
            owners=OWNERS,
            kinds={"python", "parquet"},
            metadata={"sources": source_table(used)},
            description=description,
        )

    rows = "Rows of {} for every commune, district, province and the country from joint profiles of communes."
    outs = {name: out(rows.format(field)) for name, field in TABLES.items()}

    @dg.multi_asset(
        name="small_area_estimates",
        outs=outs | {name: out(text) for name, text in OTHERS.items()},
        partitions_def=partitions,
    )
    def small_area_estimates(
        context: dg.AssetExecutionContext,
        dim_area: pd.DataFrame,
        commune_feature: pd.DataFrame,
        wave_feature: pd.DataFrame,
        feature_drift: pd.DataFrame,
        register_count: pd.DataFrame,
        survey_household: pd.DataFrame,
        survey_household_before: pd.DataFrame,
        published_mpi: pd.DataFrame,
        published_headcount: pd.DataFrame,
        home: Home,
    ) -> Iterator[dg.Output]:
        from poverty_assets.reports.pictures.models import margin_plots
        from poverty_assets.small_area.estimate import estimate_quarter, save
        from poverty_assets.small_area.inputs import Inputs, waves_of
        from poverty_assets.small_area.wanted import Options
        from poverty_assets.vulnerability.shocks import functionals_of, shocks_of

        quarter, country, measure = quarter_of(context), home.country, home.measure
        n_communes = int((dim_area["area_level"] == "commune").sum())
        inputs = Inputs(
            areas=dim_area,
            features=covariates(commune_feature, specs),
            wave_features=wave_feature,
            stability=feature_drift,
            registers=register_count,
            waves=waves_of([survey_household_before, survey_household], home.survey_waves(quarter)),
            published_mpi=published_mpi,
            published_headcount=published_headcount,
            measure=measure,
            country=country,
            quarter=quarter,
        )
        made = estimate_quarter(
            inputs,
            functionals=functionals_of(shocks_of(country, measure), measure, n_communes),
            options=Options(home.settings.replicates),
        )
        context.log.info("%s replicates; %s", made.note["replicates"], made.note["reason"])
        for name, field in TABLES.items():
            yield dg.Output(getattr(made.tables, field), name)
        yield dg.Output(made.profiles, "commune_profile")
        shown: dict[str, Any] = {name: str(value) for name, value in made.note.items()}
        noted = Observation(made.draws, "", len(made.draws), metadata=made.note)
        yield dg.Output(noted, "area_draw", metadata=shown)
        yield dg.Output(save(made, home.settings.models, quarter), "margin_run")
        plots = margin_plots(made.metrics, made.importance, measure, home.settings.is_simulated)
        shown |= {caption: picture(png, caption) for caption, png in plots.items()}
        yield dg.Output(made.metrics, "margin_metric", metadata=shown | {"scores": scores_table(made.metrics, SCORES)})

    return [small_area_estimates]
