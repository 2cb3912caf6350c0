"""Estimates of small areas: composite, modelled or downscaled, with a joint profile and replicates of each.

Belongs here: the assets of group ``small_area``. Does not belong here: any model (``small_area``), or the fact tables that the
rows go into (``estimates``).
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import dagster as dg
import pandas as pd

from poverty_assets.graph.assets.describe import pictures, scores_table
from poverty_assets.graph.assets.recipe import Said, asset, assets, evidence
from poverty_assets.graph.partitions import quarter_of
from poverty_assets.graph.resources import Compute, Home
from poverty_assets.pack.source import covariates
from poverty_assets.sources.readers import Observation

if TYPE_CHECKING:
    from poverty_assets.small_area.estimate import Estimated

TABLES = {
    "area_mpi": "mpi",
    "area_headcount": "headcount",
    "area_contribution": "contribution",
    "area_pair": "pairs",
    "area_count": "counts",
    "area_dimension": "dimensions",
    "area_bundle": "bundles",
}
ROWS = "Rows of {} for every area of every level from joint profiles of the finest."
OTHERS = {
    "area_profile": "Joint profile of every area of the finest level: shares of people with each set of deprivations, by mask."
    " Every figure of an area is a sum over it.",
    "area_draw": "Replicates of the figures that later steps compare: one row a figure, all its draws in one list.",
    "margin_run": "The model of margins of small areas, saved as a skops archive: rows of model_run.",
    "margin_metric": "How learners and baselines predict held-out areas, indicator by indicator; and how the nowcast from the"
    " wave before did when the latest wave came, beside persistence.",
}
MODEL, FIGURES = "small_area_model", "small_area_figures"
SCORES = ("log_loss", "rmse", "mae", "bias", "spearman", "skill_against_persistence")


@assets(
    {name: Said(FIGURES, evidence, description=ROWS.format(field)) for name, field in TABLES.items()}
    | {"fct_rank": Said(of=evidence)}
    | {name: Said(MODEL, evidence, description=text) for name, text in OTHERS.items()}
)
def small_area_estimates(
    context: dg.AssetExecutionContext,
    dim_area: pd.DataFrame,
    area_feature: pd.DataFrame,
    wave_feature: pd.DataFrame,
    feature_drift: pd.DataFrame,
    register_count: pd.DataFrame,
    survey_household: pd.DataFrame,
    survey_household_before: pd.DataFrame,
    wave_level: pd.DataFrame,
    published_mpi: pd.DataFrame,
    published_headcount: pd.DataFrame,
    home: Home,
    compute: Compute,
) -> Iterator[dg.Output]:
    """Estimates of every area, from the survey where there is one, else from published totals."""
    from poverty_assets.small_area.estimate import estimate_quarter, save
    from poverty_assets.small_area.inputs import Inputs, waves_of
    from poverty_assets.small_area.wanted import Options
    from poverty_assets.vulnerability.shocks import functionals_of, shocks_of

    quarter, measure = quarter_of(context), home.measure
    waves = waves_of([survey_household_before, survey_household], home.survey_waves(quarter))
    frames = (dim_area, covariates(area_feature, home.specs), wave_feature, feature_drift, register_count)
    inputs = Inputs(*frames, waves, published_mpi, published_headcount, measure, home.country, quarter, wave_level)
    wanted = functionals_of(shocks_of(home.country, measure, home.sources), measure, len(inputs.place.finest))
    options = Options(home.settings.replicates, workers=compute.workers, kept=home.settings.waves)
    made = estimate_quarter(inputs, functionals=wanted, options=options)
    context.log.info("%s replicates; %s", made.note["replicates"], made.note["reason"])
    yield from (dg.Output(getattr(made.tables, field), name) for name, field in TABLES.items())
    yield dg.Output(made.tables.ranks, "fct_rank")
    yield dg.Output(made.profiles, "area_profile")
    noted = {name: str(value) for name, value in made.note.items()}
    yield dg.Output(Observation(made.draws, "", len(made.draws), metadata=made.note), "area_draw", metadata=noted)
    yield dg.Output(save(made, home.settings.models, quarter), "margin_run")
    yield dg.Output(made.metrics, "margin_metric", metadata={**noted, **_scores(made, home)})


def _scores(made: "Estimated", home: Home) -> dict[str, Any]:
    from poverty_assets.reports.pictures.models import margin_plots

    plots = margin_plots(made.metrics, made.importance, home.measure, home.settings.is_simulated)
    return {**pictures(plots), "scores": scores_table(made.metrics, SCORES)}


@asset(Said(of=evidence))
def fct_draw(area_draw: pd.DataFrame, area_profile: pd.DataFrame, dim_area: pd.DataFrame, home: Home) -> pd.DataFrame:
    """Replicates for people, in small numbers."""
    from poverty_assets.small_area.packed import draw_rows

    return draw_rows(area_draw, area_profile, dim_area, home.measure)


@asset(Said(of=evidence))
def fct_profile(area_profile: pd.DataFrame, area_draw: pd.DataFrame, home: Home) -> pd.DataFrame:
    """Joint profiles for people, in small numbers."""
    from poverty_assets.small_area.packed import profile_rows

    return profile_rows(area_profile, area_draw, home.measure)


ASSETS = (small_area_estimates, fct_draw, fct_profile)
