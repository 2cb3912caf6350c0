"""Models and their scores: what was fitted, and how every learner and baseline did.

Belongs here: ``model_run`` and ``model_metric``, which gather what each model reports. Does not belong here: fitting or scoring.
"""

import dagster as dg
import pandas as pd

from poverty_assets.graph.assets.describe import scores_table
from poverty_assets.graph.assets.recipe import Said, asset, featured_or
from poverty_assets.graph.partitions import quarter_of
from poverty_assets.graph.resources import Home
from poverty_assets.pack.source import covariates

USED = featured_or("survey", "register")


@asset(Said(of=USED))
def model_run(register_run: pd.DataFrame, margin_run: pd.DataFrame) -> pd.DataFrame:
    """What was fitted."""
    return pd.concat([register_run, margin_run], ignore_index=True)


@asset(
    Said(
        "models",
        USED,
        ("scikitlearn", "parquet"),
        "What each source is worth: how well held-out blocks of land are foretold without it, and with all; rows of model_metric.",
    )
)
def source_metric(
    context: dg.AssetExecutionContext,
    dim_area: pd.DataFrame,
    area_feature: pd.DataFrame,
    wave_feature: pd.DataFrame,
    register_count: pd.DataFrame,
    survey_household: pd.DataFrame,
    home: Home,
) -> pd.DataFrame:
    """Spatial cross-validation without each source."""
    from poverty_assets.small_area.inputs import Inputs, waves_of
    from poverty_assets.small_area.worth import worth_of_sources

    quarter, none = quarter_of(context), pd.DataFrame()
    waves = waves_of([survey_household], home.survey_waves(quarter))
    features = covariates(area_feature, home.specs)
    known = (dim_area, features, wave_feature, none, register_count, waves, none, none)
    rows = worth_of_sources(Inputs(*known, home.measure, home.country, quarter), home.specs)
    context.add_output_metadata({"scores": scores_table(rows)} if len(rows) else {})
    return rows


@asset(Said(of=USED))
def model_metric(
    context: dg.AssetExecutionContext,
    register_metric: pd.DataFrame,
    margin_metric: pd.DataFrame,
    truth_metric: pd.DataFrame,
    official_metric: pd.DataFrame,
    source_metric: pd.DataFrame,
) -> pd.DataFrame:
    """How everything that was fitted, and every baseline, did."""
    parts = [register_metric, margin_metric, truth_metric, official_metric, source_metric]
    rows = pd.concat(parts, ignore_index=True)
    if len(rows):
        context.add_output_metadata({"scores": scores_table(rows)})
    return rows


ASSETS = (model_run, source_metric, model_metric)
