"""Pictures of what moves between quarters: change and its significance, the nowcast's skill, drift of covariates.

Belongs here: one function a picture, from rows of one table to the bytes of a PNG. Does not belong here: computing any of the
figures (``small_area.time.change``, ``small_area.time.nowcast``, ``small_area.time.covariate_drift``), other maps (``drawing``).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from poverty_assets.reports.pictures.choropleth import UNKNOWN, Choropleth
from poverty_assets.reports.pictures.style import LESS_TO_MORE, blank, in_style, png_of
from poverty_assets.small_area.time.covariate_drift import DRIFTED, MOVED, OTHER_SEASON
from poverty_assets.small_area.time.nowcast import OVERALL

_BLUE, _ORANGE, _GREY, _PALE = "#0072B2", "#D55E00", "#8a8a8a", "#c9c9c9"
_MOST_INDEX = 1.0  # an index beyond it says no more, and would flatten the bars that matter


@in_style
def change_map(
    change: pd.DataFrame, areas: pd.DataFrame, title: str, is_simulated: bool, *, level: str | None = None
) -> bytes:
    """Map of the change of one statistic: in full colour where its interval leaves out 0, pale and hatched where not.

    Parameters
    ----------
    change : DataFrame (catalog: ``fct_change``)
        Rows of one quarter, baseline, statistic and method an area.
    areas : DataFrame (catalog: ``dim_area``)
    title : str
        What changed and from when to when.
    level : str, optional
        By default the finest: level of the areas drawn.
    """
    from matplotlib.patches import Patch

    shapes = Choropleth(areas, level)
    rows = change.drop_duplicates("area_id").set_index("area_id").reindex(shapes.ids)
    points = 100 * shapes.values(rows["difference"])
    known = np.isfinite(points)
    flagged = known & rows["is_significant"].eq(True).to_numpy(dtype=bool)
    bound = max(float(np.nanpercentile(np.abs(points[known]), 98)), 0.5) if known.any() else 1.0
    figure = blank(6.8, 5.8)
    axes = figure.add_subplot()
    coloured = {"cmap": LESS_TO_MORE, "clim": (-bound, bound)}
    shapes.fill(axes, ~known, **UNKNOWN)
    shapes.fill(axes, known & ~flagged, points, alpha=0.3, edgecolor="white", lw=0.1, **coloured)
    shapes.fill(axes, known & ~flagged, facecolor="none", edgecolor="#bdbdbd", hatch="////", lw=0.0)
    drawn = shapes.fill(axes, flagged, points, edgecolor="#333333", lw=0.35, **coloured)
    figure.colorbar(drawn, ax=axes, shrink=0.72, label="change, percentage points", extend="both")
    entries = [
        Patch(
            facecolor="#7f3b08",
            edgecolor="#333333",
            label=f"told from no change: {int(flagged.sum())} of {known.sum()}",
        ),
        Patch(facecolor="#f3efe9", edgecolor="#bdbdbd", hatch="////", label="not told from no change"),
    ]
    axes.legend(handles=entries, loc="upper left", bbox_to_anchor=(0, 0.02))
    shapes.frame(axes, title)
    return png_of(figure, is_simulated)


@in_style
def nowcast_skill_bars(metrics: pd.DataFrame, names: dict[str, str], title: str, is_simulated: bool) -> bytes:
    """Skill of the nowcast (and of the trend and growth, where scored) against persistence, of small areas, for each target.

    The whisker is one standard error of the overall skill: the nowcast is published where it stays right of the line.

    Parameters
    ----------
    metrics : DataFrame
        From ``small_area.time.nowcast.score_nowcast``.
    names : dict of str to str
        What people read for an indicator or statistic.
    """
    rows = metrics[metrics["metric"] == "skill_against_persistence"]
    skill = rows.pivot(index="target", columns="learner", values="value")
    errors = metrics[metrics["metric"] == "skill_against_persistence_se"].set_index("learner")["value"]
    overall, others = skill.loc[[OVERALL]], skill.drop(index=OVERALL).sort_values("nowcast", ascending=False)
    ordered = pd.concat([overall, others]).iloc[::-1]
    figure = blank(6.8, 0.36 * len(ordered) + 1.6)
    axes = figure.add_subplot()
    place = np.arange(len(ordered))
    learners = [name for name in ("nowcast", "trend", "growth") if name in ordered]
    height = 0.8 / len(learners)
    for number, (learner, colour) in enumerate(zip(learners, (_BLUE, _PALE, _ORANGE), strict=False)):
        at = place + (len(learners) / 2 - number - 0.5) * height
        axes.barh(at, 100 * ordered[learner], height * 0.92, color=colour, label=learner, zorder=2)
        if learner == "nowcast":
            half = 100 * float(errors[learner])
            axes.errorbar(
                100 * overall[learner], at[-1:], xerr=[half], fmt="none", ecolor="#222222", capsize=3, zorder=3
            )
    axes.axvline(0, color=_ORANGE, lw=1.2, zorder=4)
    labels = [_label(target, names) for target in ordered.index]
    axes.set_yticks(place, labels)
    axes.get_yticklabels()[-1].set_fontweight("bold")
    axes.set_xlabel("smaller error than persistence, %", loc="left")
    axes.set_title(f"{title}\nline: nothing changed; whisker: one standard error")
    axes.grid(axis="x")
    axes.legend(loc="lower right")
    # a baseline that fails badly in one target would hide all others
    span = 100 * ordered.to_numpy(dtype=float)
    axes.set_xlim(max(min(float(np.nanmin(span)) * 1.15, -2.0), -40.0), max(float(np.nanmax(span)) * 1.25, 5.0))
    return png_of(figure, is_simulated)


@in_style
def stability_bars(
    stable: pd.DataFrame, names: dict[str, str], title: str, is_simulated: bool, *, top: int = 20
) -> bytes:
    """Population stability index of the features that moved most, with its two limits.

    Parameters
    ----------
    stable : DataFrame
        From ``small_area.time.covariate_drift.stability``; rows may be in any order.
    names : dict of str to str
        What people read for a feature.
    """
    index = stable["psi"].fillna(_MOST_INDEX)
    rows = stable.assign(index=index).sort_values(["index", "feature_id"], ascending=[False, True]).head(top).iloc[::-1]
    figure = blank(7.2, 0.27 * len(rows) + 1.8)
    axes = figure.add_subplot()
    place, length = np.arange(len(rows)), np.minimum(rows["index"].to_numpy(dtype=float), _MOST_INDEX)
    other = (rows["reference"] == OTHER_SEASON).to_numpy()
    drifted, follows = rows["drifted"].to_numpy(dtype=bool), rows["followed"].to_numpy(dtype=bool)
    kinds = [
        (drifted & follows, _ORANGE, "", "drifted, and moves the estimates: flagged"),
        (drifted & ~follows, "#E8A87C", "", "drifted, but held at its training values"),
        (~drifted & ~other, _BLUE, "", "within the limit"),
        (other, "#ffffff", "////", "another season than in training: not judged"),
    ]
    for which, colour, hatch, label in kinds:
        if which.any():
            edge = _GREY if hatch else colour
            axes.barh(
                place[which],
                length[which],
                0.72,
                color=colour,
                hatch=hatch,
                edgecolor=edge,
                lw=0.5,
                label=label,
                zorder=2,
            )
    for at, value in zip(place, rows["psi"].to_numpy(dtype=float), strict=True):
        text = "absent" if np.isnan(value) else f"{value:.2f}"
        axes.text(
            min(np.nan_to_num(value, nan=_MOST_INDEX), _MOST_INDEX) + 0.01,
            at,
            text,
            va="center",
            fontsize=7,
            color="#333333",
        )
    for limit, label in ((MOVED, "watched"), (DRIFTED, "limit")):
        axes.axvline(limit, color="#222222", lw=0.9, ls="--" if limit == MOVED else "-", zorder=3)
        axes.text(limit, len(rows) - 0.1, f"{label} {limit:g}", ha="left", fontsize=7)
    axes.set_yticks(place, [_label(name, names) for name in rows["feature_id"]])
    axes.set(xlim=(0, _MOST_INDEX * 1.08), ylim=(-0.6, len(rows) + 0.5))
    axes.set_xlabel(f"population stability index (bars end at {_MOST_INDEX:g})", loc="left")
    axes.set_title(title, pad=16)
    axes.legend(loc="lower right")
    return png_of(figure, is_simulated)


def _label(key: str, names: dict[str, str]) -> str:
    return names.get(key, "All together" if key == "all" else key.replace("_", " ").capitalize())
