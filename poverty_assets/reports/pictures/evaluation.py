"""A page of plots that shows how far estimates of small areas are from what is so in the simulated twin.

Belongs here: drawing. Does not belong here: comparing (``evaluation.scores``). Truth exists in simulated data only, so every page
says so.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from poverty_assets.evaluation.judge import Judged
from poverty_assets.evaluation.scores import Compared, bias_by_decile, coverage_by_level
from poverty_assets.reports.pictures.drawing import Picture, area_map
from poverty_assets.reports.pictures.style import blank, in_style, png_of

_COLOURS = {"modelled": "#3b528b", "composite": "#d95f02", "downscaled": "#5ec962"}


def evaluation_pictures(judged: Judged, areas: pd.DataFrame) -> dict[str, Picture]:
    """Headcount ratio (or what stands for it) against truth, coverage of every figure, and a map of the error."""
    poor, said = judged.poor.table.set_index("area_id"), judged.poor.target.replace("_", " ")
    title = f"Error of the {said}"
    error = area_map(areas, poor["estimate"] - poor["true"], title, "share of people", True, diverging=True)
    return {
        said: Picture(evaluation_page(judged.poor, f"{said.capitalize()} of small areas"), f"{said} against truth"),
        "coverage": Picture(coverage_page(judged.metrics), "Coverage of every figure"),
        "map of error": Picture(error, f"Estimated less true {said}"),
    }


@in_style
def evaluation_page(compared: Compared, title: str) -> bytes:
    """Predicted against true, coverage by nominal level, bias by decile, error against sample size; modelled and composite."""
    figure = blank(11, 8.6)
    axes = figure.subplots(2, 2)
    _against_true(axes[0, 0], compared.table)
    _coverage(axes[0, 1], coverage_by_level(compared))
    _bias(axes[1, 0], bias_by_decile(compared))
    _sample_size(axes[1, 1], compared.table)
    figure.suptitle(title)
    return png_of(figure, True)


@in_style
def coverage_page(metrics: pd.DataFrame) -> bytes:
    """Coverage of 95% intervals of every figure in areas without survey households, with the band from 93 to 97%."""
    rows = metrics[
        (metrics["metric"] == "coverage95") & (metrics["subgroup"] == "all") & (metrics["learner"] != "composite")
    ]
    figure = blank(7, 0.32 * len(rows) + 1.4)
    axes = figure.subplots()
    place = np.arange(len(rows))[::-1]
    axes.axvspan(0.93, 0.97, color="#e8e8e8", zorder=0)
    axes.plot(rows["value"], place, "o", color="#3b528b")
    axes.set_yticks(place, list(rows["target"]))
    axes.set(title="Coverage of 95% intervals, areas without households (band: 93 to 97%)", xlabel="share of areas")
    axes.grid(axis="x")
    return png_of(figure, True)


def _against_true(axes: Any, table: pd.DataFrame) -> None:
    top = float(max(table["true"].max(), table["estimate"].max())) * 1.02
    for method, own in table.groupby("method"):
        axes.scatter(own["true"], own["estimate"], s=7, alpha=0.5, lw=0, color=_COLOURS[method], label=method)
    axes.plot([0, top], [0, top], color="black", lw=0.8)
    axes.set(
        title="Estimated against true", xlabel="true share of people", ylabel="estimated", xlim=(0, top), ylim=(0, top)
    )
    axes.legend()


def _coverage(axes: Any, table: pd.DataFrame) -> None:
    axes.plot([0.4, 1], [0.4, 1], color="black", lw=0.8)
    for method, own in table.groupby("method"):
        axes.plot(own["level"], own["coverage"], "o-", color=_COLOURS[method], label=method)
    axes.set(
        title="Coverage by nominal level",
        xlabel="nominal",
        ylabel="share of areas covered",
        xlim=(0.45, 1),
        ylim=(0.4, 1),
    )
    axes.legend()


def _bias(axes: Any, table: pd.DataFrame) -> None:
    for place, (method, own) in enumerate(table.groupby("method")):
        axes.bar(own["decile"] + 0.38 * (place - 0.5), 100 * own["bias"], 0.36, color=_COLOURS[method], label=method)
    axes.axhline(0, color="black", lw=0.8)
    axes.set(
        title="Mean error by decile of the true share", xlabel="decile, 10 the poorest", ylabel="percentage points"
    )
    axes.set_xticks(range(1, 11))
    axes.legend()


def _sample_size(axes: Any, table: pd.DataFrame) -> None:
    """Mean absolute error by number of households in the survey, none first."""
    n = table["n_households"].astype(float).fillna(0).to_numpy()
    group = np.digitize(n, [1, 31, 61, 121])
    away = 100 * (table["estimate"] - table["true"]).abs()
    means, counts = away.groupby(group).mean(), away.groupby(group).size()
    labels = np.array(["none", "1-30", "31-60", "61-120", "over 120"])[means.index]
    axes.bar(range(len(means)), means, color="#3b528b")
    for place, (mean, count) in enumerate(zip(means, counts, strict=True)):
        axes.annotate(f"{count:,} areas", (place, mean), ha="center", va="bottom", fontsize=8)
    axes.set_xticks(range(len(means)), labels)
    axes.set(title="Mean absolute error by households in the survey", xlabel="households", ylabel="percentage points")
