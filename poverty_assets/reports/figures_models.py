"""Pictures of how commune margins are learnt: features that matter, the nowcast's skill, covariates that drift.

Belongs here: choosing what of a model's scores is drawn. Does not belong here: scores (``small_area``, ``modelling``).
"""

from __future__ import annotations

import pandas as pd

from poverty_assets.measurement.measure import Measure
from poverty_assets.modelling.covariate_drift import quarter_stability
from poverty_assets.reports.figures import ranked
from poverty_assets.reports.figures_change import nowcast_skill_bars, stability_bars

_SHOWN = 20


def margin_plots(
    metrics: pd.DataFrame, importance: pd.DataFrame, measure: Measure, is_simulated: bool
) -> dict[str, bytes]:
    """Caption to picture: the nowcast's skill where it was judged, and what features are worth over all indicators."""
    names = {indicator.indicator_id: indicator.name_en for indicator in measure.indicators}
    plots = {}
    judged = metrics[metrics["target"].str.startswith("nowcast:")] if len(metrics) else metrics
    if len(judged):
        title = "Nowcast against persistence, judged by the latest survey wave"
        plots["Skill of the nowcast against persistence"] = nowcast_skill_bars(judged, names, title, is_simulated)
    if len(importance):
        mean = importance.groupby("feature")["importance"].mean().sort_values(ascending=False).head(_SHOWN)
        plots["Permutation importance over all indicators"] = ranked(
            list(mean.index),
            mean,
            "Permutation importance, held out by 50 km blocks",
            "fall of the rank correlation",
            is_simulated,
        )
    return plots


def drift_plot(
    wave_features: pd.DataFrame, features: pd.DataFrame, areas: pd.DataFrame, is_simulated: bool
) -> bytes | None:
    """Population stability index of the features against those of the latest wave; None without a wave."""
    communes = pd.Index(areas.loc[areas["area_level"] == "commune", "area_id"])
    stable = quarter_stability(wave_features, features, communes)
    if stable.empty:
        return None
    return stability_bars(stable, {}, "Features against those that the survey was modelled with", is_simulated)
