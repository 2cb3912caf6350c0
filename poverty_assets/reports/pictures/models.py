"""Pictures of how models learn: held-out predictions, features that matter, the nowcast's skill, covariates that drift.

Belongs here: choosing what of a model's scores is drawn. Does not belong here: scores (``judging``, ``small_area``, ``registers``).
"""

from __future__ import annotations

import pandas as pd

from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.measure.measure import Measure
from poverty_assets.quarter import Quarter
from poverty_assets.reports.pictures.change import nowcast_skill_bars, stability_bars
from poverty_assets.reports.pictures.drawing import Picture, area_map, ranked, scatter
from poverty_assets.reports.pictures.style import blank, in_style, png_of
from poverty_assets.small_area.time.nowcast import ALL_LEVELS, OVERALL

_SHOWN = 20


def margin_plots(
    metrics: pd.DataFrame, importance: pd.DataFrame, measure: Measure, is_simulated: bool
) -> dict[str, Picture]:
    """Pictures by caption: the nowcast's skill where it was judged, and what features are worth over all indicators."""
    names = {indicator.indicator_id: indicator.name_en for indicator in measure.indicators}
    plots: dict[str, bytes] = {}
    judged = (
        metrics[(metrics["target_kind"] == "nowcast") & (metrics["subgroup"] == "all")] if len(metrics) else metrics
    )
    if len(judged):
        title = "Nowcast against persistence, judged by the latest survey wave"
        finest = metrics.loc[metrics["target_kind"] == "margin", "area_level"]
        latest = judged["as_of_quarter"] == judged["as_of_quarter"].max()
        latest &= judged["area_level"].isin([*finest, ALL_LEVELS])
        plots["Skill of the nowcast against persistence"] = nowcast_skill_bars(
            judged[latest], names, title, is_simulated
        )
    if len(judged) and judged["as_of_quarter"].nunique() > 1:
        plots["Skill by the quarter that was nowcast"] = skill_by_quarter(judged, is_simulated)
    if len(importance):
        mean = importance.groupby("feature")["importance"].mean().sort_values(ascending=False).head(_SHOWN)
        plots["Permutation importance over all indicators"] = ranked(
            list(mean.index),
            mean,
            "Permutation importance, held out by blocks of land",
            "fall of the rank correlation",
            is_simulated,
        )
    return {caption: Picture(png, caption) for caption, png in plots.items()}


def register_plots(scored: pd.DataFrame, importance: pd.DataFrame, is_simulated: bool) -> dict[str, Picture]:
    """Held-out predictions of a register's rate, and what features are worth; nothing where nothing was scored.

    Parameters
    ----------
    scored : DataFrame
        ``rate, modelled_rate`` with its interval, of areas with a rate.
    importance : DataFrame
        ``feature, importance``.
    """
    if scored.empty:
        return {}
    interval = (scored["modelled_rate_ci_low"], scored["modelled_rate_ci_high"])
    labels = ("rate on the register", "rate predicted without the block")
    title = "Register rate, held out by blocks of land"
    png = scatter(scored["rate"], scored["modelled_rate"], title, labels, is_simulated, interval=interval)
    top = importance.sort_values("importance", ascending=False).head(_SHOWN)
    bars = ranked(
        list(top["feature"]), top["importance"], "Permutation importance, held out by blocks of land",
        "fall of the Spearman correlation", is_simulated,
    )  # fmt: skip
    return {
        "plot": Picture(png, "Held-out predictions with 95% intervals (grey)"),
        "importance": Picture(bars, "How much each feature, with its neighbourhood means, is worth"),
    }


def gap_map(rows: pd.DataFrame, areas: pd.DataFrame, is_simulated: bool) -> dict[str, Picture]:
    """Where a register may fall short (rows of ``fct_register``); nothing where there are no rows."""
    if rows.empty:
        return {}
    gap = (
        rows[rows["area_level"] == Hierarchy.of(areas).finest]
        .drop_duplicates("area_id")
        .set_index("area_id")["coverage_gap"]
    )
    title = "Modelled rate less the register's rate: where it may fall short (purple)"
    return {"map": Picture(area_map(areas, gap, title, "share of households", is_simulated, diverging=True), title)}


@in_style
def skill_by_quarter(metrics: pd.DataFrame, is_simulated: bool) -> bytes:
    """Overall skill of the nowcast of each quarter between the waves, as the later wave judged it, with one standard error."""
    between = metrics["as_of_quarter"] < metrics["as_of_quarter"].max()
    own = metrics[between & (metrics["target"] == OVERALL) & (metrics["learner"] == "nowcast")]
    wide = own.pivot(index="as_of_quarter", columns="metric", values="value").sort_index() * 100
    labels = [Quarter.containing(day).label for day in wide.index]
    figure = blank(7.2, 3.4)
    axes = figure.subplots()
    axes.errorbar(
        range(len(wide)), wide["skill_against_persistence"], yerr=wide["skill_against_persistence_se"], fmt="o-",
        color="#0072b2", ecolor="#999999", capsize=2, ms=4,
    )  # fmt: skip
    axes.axhline(0, color="#d55e00", lw=1.2)
    axes.set_xticks(range(len(wide)), labels, rotation=60, fontsize=7)
    axes.set(
        title="Nowcast of each quarter between the waves, judged by the later one",
        ylabel="smaller error than persistence, %",
    )
    axes.grid(axis="y")
    return png_of(figure, is_simulated)


def drift_plot(stable: pd.DataFrame, is_simulated: bool) -> bytes | None:
    """Population stability index of the features against those of the latest wave (lake: ``feature_drift``); None without a wave."""
    if stable.empty:
        return None
    return stability_bars(stable, {}, "Features against those that the survey was modelled with", is_simulated)
