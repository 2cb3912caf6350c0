"""Pictures of overlap: bundles, pairs, counts, dimensions and types of households, as PNG.

Belongs here: one function a picture, from rows of one published table for one area and subgroup to the bytes of a PNG.
Does not belong here: computing or choosing figures, pages, maps.

Every picture says what it shows and of whom, its unit, its source, and that data are simulated where they are. Colours are
those of Okabe and Ito, told apart with any colour vision; whiskers are 95% intervals. Same rows, same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from poverty_assets.errors import UsageError
from poverty_assets.reports.pictures.style import LESS_TO_MORE, blank, in_style, png_of

BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
DARK, GREY, PALE = "#222222", "#8A8A8A", "#E3E3E3"
STEPS = (PALE, "#A9CDE4", "#56A0CE", "#0072B2", "#004A75", "#002B45")


@dataclass(frozen=True)
class PlotWords:
    """What surrounds a picture.

    Parameters
    ----------
    area : str
        Area and, if any, subgroup, as people say it: ``Atlantis, rural``.
    source : str
        Source line, without the word "Source".
    is_simulated : bool
        Draws the mark SIMULATED DATA across the picture.
    names : mapping of str to str
        Indicator or dimension to the name that people read.
    """

    area: str
    source: str
    is_simulated: bool = False
    names: Mapping[str, str] = field(default_factory=dict)

    def name(self, key: str) -> str:
        """Readable name of an indicator or dimension."""
        return self.names.get(key, key.replace("_", " ").capitalize())


@in_style
def bundle_upset(bundles: pd.DataFrame, indicators: list[str], words: PlotWords, *, top: int = 15) -> bytes:
    """UpSet plot of the most frequent sets of deprivations: bars of their shares over a matrix of dots.

    Parameters
    ----------
    bundles : DataFrame
        Rows of ``fct_bundle`` of one area and subgroup.
    indicators : list of str
        Rows of the matrix, from the top, in the measure's order (bit 0 first).
    words : PlotWords
    top : int
        Sets drawn.

    Returns
    -------
    bytes
        PNG.
    """
    rows = _published(bundles, "share")
    rows = rows[rows["rank"].between(1, top)].sort_values("rank")
    figure, (bars, dots) = _figure(
        words,
        f"The {len(rows)} most frequent sets of deprivations",
        "Share of people in households with exactly this set of deprivations and no other, %",
        size=(3.4 + 0.42 * len(rows), 3.2 + 0.28 * len(indicators)),
        grid={"nrows": 2, "height_ratios": [2.6, 0.25 * len(indicators)], "hspace": 0.04},
    )
    x = np.arange(len(rows))
    share = 100 * rows["share"].to_numpy(dtype=float)
    expected = 100 * rows["share_expected"].to_numpy(dtype=float)
    bars.bar(x, share, color=BLUE, width=0.62, label="observed")
    _whiskers(bars, x, rows, "share")
    bars.hlines(expected, x - 0.4, x + 0.4, color=ORANGE, lw=2.4, label="expected if independent")
    bars.set_xlim(-0.6, len(rows) - 0.4)
    bars.set_xticks([])
    bars.legend(loc="upper right", fontsize=9)
    _tidy(bars, "y")
    held = (rows["bundle_mask"].to_numpy(dtype=np.int64)[:, None] >> np.arange(len(indicators))) & 1
    for line in range(0, len(indicators), 2):
        dots.axhspan(line - 0.5, line + 0.5, color="#F4F4F4", lw=0)
    for column in x:
        lines = np.flatnonzero(held[column])
        dots.plot([column] * len(indicators), np.arange(len(indicators)), "o", color=PALE, ms=7)
        dots.plot([column] * len(lines), lines, "-o", color=DARK, ms=7, lw=1.6)
    dots.set_yticks(range(len(indicators)), [words.name(name) for name in indicators])
    dots.set_ylim(len(indicators) - 0.5, -0.5)
    dots.set_xlim(-0.6, len(rows) - 0.4)
    dots.set_xticks([])
    _bare(dots)
    return png_of(figure, is_simulated=False)  # marked across, by `_figure`


@in_style
def pair_heatmap(
    pairs: pd.DataFrame, indicators: list[str], words: PlotWords, statistic: Literal["lift", "redundancy"]
) -> bytes:
    """Matrix of every pair of deprivations: how much more often than by chance (lift), or how nested (redundancy).

    Parameters
    ----------
    pairs : DataFrame
        Rows of ``fct_overlap_pair`` of one area and subgroup.
    indicators : list of str
        Order of rows and columns.
    words : PlotWords
    statistic : str
        ``lift`` or ``redundancy``.
    """
    from matplotlib.colors import Normalize, TwoSlopeNorm

    norm: Any
    rows = _published(pairs, statistic)
    value, sure = _square(rows, indicators, statistic)
    if statistic == "lift":
        title, unit = (
            "Deprivations that come together",
            "Lift: 1 = as by chance, 2 = twice as often; grey: interval includes 1",
        )
        shown = np.log2(np.where(value > 0, value, np.nan))
        widest = max(float(np.nanmax(np.abs(shown), initial=0.0)), 0.1)
        colours, norm, text = LESS_TO_MORE, TwoSlopeNorm(0.0, -widest, widest), "{:.1f}"
    else:
        title = "Deprivations within one another"
        unit = "Of people with the rarer deprivation, share who have the other too, %"
        shown, colours, norm, text = 100 * value, "Blues", Normalize(0, 100), "{:.0f}"
        sure = np.ones_like(sure)
    side = 2.6 + 0.52 * len(indicators)
    figure, (axes,) = _figure(words, title, unit, size=(side + 1.2, side))
    lower = np.tril(np.ones_like(shown, dtype=bool), k=-1)
    image = axes.imshow(
        np.ma.masked_where(~lower | np.isnan(shown), shown)[1:, :-1], cmap=colours, norm=norm, aspect="auto"
    )
    for row, column in zip(*np.nonzero(lower), strict=True):
        if np.isnan(value[row, column]):
            axes.text(column, row - 1, "–", ha="center", va="center", color=GREY)
            continue
        red, green, blue = image.cmap(norm(shown[row, column]))[:3] if not np.isnan(shown[row, column]) else (1, 1, 1)
        on_dark = 0.3 * red + 0.59 * green + 0.11 * blue < 0.52
        colour = "white" if on_dark else DARK if sure[row, column] else GREY
        number = text.format(value[row, column] if statistic == "lift" else shown[row, column])
        axes.text(column, row - 1, number, ha="center", va="center", fontsize=9, color=colour)
    axes.set_xticks(np.arange(len(indicators)) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(indicators)) - 0.5, minor=True)
    axes.grid(which="minor", color="white", lw=2)
    axes.tick_params(which="minor", length=0)
    names = [words.name(name) for name in indicators]
    axes.set_xticks(range(len(names) - 1), names[:-1], rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names) - 1), names[1:])
    _bare(axes)
    return png_of(figure, is_simulated=False)  # marked across, by `_figure`


@in_style
def count_bars(counts: pd.DataFrame, words: PlotWords) -> bytes:
    """Bars of ``fct_deprivation_count`` of one area and subgroup: share of people by number of deprivations."""
    rows = _published(counts, "estimate").sort_values("n_deprivations")
    number = rows["n_deprivations"].to_numpy(dtype=np.int64)
    share = 100 * rows["estimate"].to_numpy(dtype=float)
    figure, (axes,) = _figure(
        words,
        "How many deprivations people live with",
        "Share of people by number of deprivations of the household, %",
        size=(7.4, 4.4),
    )
    axes.bar(number, share, color=[GREY if n == 0 else BLUE for n in number], width=0.72)
    tops = _whiskers(axes, number, rows, "estimate")
    for x, y, top in zip(number, share, tops, strict=True):
        axes.annotate(_percent(y), (x, top), xytext=(0, 3), textcoords="offset points", ha="center", fontsize=9)
    axes.set_xticks(number)
    axes.set_xlabel("deprivations")
    axes.margins(y=0.12)
    _tidy(axes, "y")
    return png_of(figure, is_simulated=False)  # marked across, by `_figure`


@in_style
def class_profile_plot(classes: pd.DataFrame, words: PlotWords) -> bytes:
    """One panel a type of household: the probability of each deprivation in it.

    Parameters
    ----------
    classes : DataFrame
        Rows of ``dim_typology`` of one measure, indicators in the measure's order.
    words : PlotWords
    """
    rows = _published(classes, "probability")
    types = sorted(rows["class_id"].unique())
    indicators = list(dict.fromkeys(rows["indicator_id"]))
    figure, panels = _figure(
        words,
        f"{len(types)} types of households",
        "Probability of each deprivation in households of the type, %",
        size=(2.6 + 2.0 * len(types), 2.3 + 0.3 * len(indicators)),
        grid={"ncols": len(types), "wspace": 0.12},
    )
    colours = (GREY, BLUE, ORANGE, GREEN, PURPLE, "#E69F00", "#56B4E9", DARK)
    for order, (axes, kind) in enumerate(zip(panels, types, strict=True)):
        own = rows[rows["class_id"] == kind].set_index("indicator_id").loc[indicators]
        y = np.arange(len(indicators))
        axes.barh(y, np.full(len(y), 100), color="#F4F4F4", height=0.72)
        axes.barh(y, 100 * own["probability"], color=colours[order % len(colours)], height=0.72)
        for at, share in zip(y, 100 * own["probability"], strict=True):
            inside = share > 75
            axes.text(share - 2 if inside else share + 2, at, f"{share:.0f}", va="center", fontsize=8,
                      ha="right" if inside else "left", color="white" if inside else DARK)  # fmt: skip
        axes.set_title(f"Type {kind}: {_percent(100 * own['class_share'].iloc[0])}% of people", fontsize=10, loc="left")
        axes.set_xlim(0, 100)
        axes.set_ylim(len(indicators) - 0.5, -0.5)
        axes.set_xticks([])
        axes.set_yticks(y, [words.name(name) for name in indicators] if order == 0 else [])
        _bare(axes)
    return png_of(figure, is_simulated=False)  # marked across, by `_figure`


@in_style
def dimension_bars(dimensions: pd.DataFrame, words: PlotWords) -> bytes:
    """Bars of ``fct_dimension_overlap`` of one area and subgroup: deprived in which dimensions at once."""
    from matplotlib.patches import Patch

    rows = _published(dimensions, "estimate").sort_values(["n_dimensions", "estimate"], ascending=[True, False])
    share = 100 * rows["estimate"].to_numpy(dtype=float)
    number = rows["n_dimensions"].to_numpy(dtype=np.int64)
    labels = [
        " + ".join(words.name(name) for name in names) if len(names) else "No dimension" for names in rows["dimensions"]
    ]
    figure, (axes,) = _figure(
        words,
        "In which dimensions people are deprived",
        "Share of people whose household has any deprivation in exactly these dimensions, %",
        size=(8.2, 2.0 + 0.36 * len(rows)),
    )
    y = np.arange(len(rows))
    colours = [STEPS[min(n, len(STEPS) - 1)] for n in number]
    axes.barh(y, share, color=colours, height=0.7)
    tops = _whiskers(axes, y, rows, "estimate", horizontal=True)
    for at, value, top in zip(y, share, tops, strict=True):
        axes.annotate(_percent(value), (top, at), xytext=(4, 0), textcoords="offset points", va="center", fontsize=9)
    axes.set_yticks(y, labels)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.margins(x=0.1)
    totals = np.bincount(number, share)
    handles = [
        Patch(color=STEPS[min(n, len(STEPS) - 1)], label=f"{n} dimension{'s' if n > 1 else ''}: {_percent(totals[n])}%")
        for n in range(1, len(totals))
    ]
    axes.legend(handles=handles, loc="best", fontsize=9, title="Exactly", alignment="left")
    _tidy(axes, "x")
    return png_of(figure, is_simulated=False)  # marked across, by `_figure`


# ---- what all pictures share


def _published(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """Rows with a value; an area whose figures are withheld has no picture."""
    withheld = "suppressed" in table and bool(table["suppressed"].any())
    rows = table[table[column].notna()]
    if withheld or rows.empty:
        raise UsageError(
            f"there is nothing to draw: {column} is {'withheld' if withheld else 'empty'} in all {len(table)} rows",
            remedy="choose an area and subgroup with at least 25 households in the survey",
        )
    return rows


def _square(rows: pd.DataFrame, indicators: list[str], statistic: str) -> tuple[np.ndarray, np.ndarray]:
    """Matrix of the statistic, and whether its interval leaves out 1."""
    value, sure = np.full((len(indicators),) * 2, np.nan), np.ones((len(indicators),) * 2, dtype=bool)
    place = {name: number for number, name in enumerate(indicators)}
    a, b = rows["indicator_a"].map(place).to_numpy(), rows["indicator_b"].map(place).to_numpy()
    low, high = rows[f"{statistic}_ci_low"].to_numpy(dtype=float), rows[f"{statistic}_ci_high"].to_numpy(dtype=float)
    value[a, b] = value[b, a] = rows[statistic].to_numpy(dtype=float)
    sure[a, b] = sure[b, a] = (low > 1) | (high < 1)
    return value, sure


def _figure(
    words: PlotWords, title: str, unit: str, *, size: tuple[float, float], grid: Mapping[str, Any] | None = None
) -> tuple[Any, list[Any]]:
    """An empty picture with title, unit, source line and mark, and its axes."""
    width, height = max(size[0], 6.4), size[1]
    figure: Any = blank(width, height)
    figure.get_layout_engine().set(rect=(0.01, 0.34 / height, 0.98, 1 - 1.06 / height))
    figure.text(
        0.012, 1 - 0.12 / height, f"{title}: {words.area}", ha="left", va="top", fontsize=13, weight="bold", color=DARK
    )
    figure.text(0.012, 1 - 0.42 / height, unit, ha="left", va="top", fontsize=9.5, color="#444444", wrap=True)
    figure.text(
        0.012, 0.08 / height, f"Source: {words.source}", ha="left", va="bottom", fontsize=8, color="#555555", wrap=True
    )
    if words.is_simulated:
        figure.text(
            0.988, 0.08 / height, "SIMULATED DATA", ha="right", va="bottom", fontsize=9, weight="bold", color=ORANGE
        )
        figure.text(0.55, 0.45, "SIMULATED DATA", ha="center", va="center", rotation=24, fontsize=4.2 * width, color=GREY,
                    alpha=0.13, weight="bold", zorder=10)  # fmt: skip
    axes = figure.subplots(gridspec_kw=_ratios(grid), **_shape(grid), squeeze=False)
    return figure, list(axes.ravel())


def _shape(grid: Mapping[str, Any] | None) -> dict[str, int]:
    return {key: value for key, value in (grid or {}).items() if key in ("nrows", "ncols")}


def _ratios(grid: Mapping[str, Any] | None) -> dict[str, Any]:
    return {key: value for key, value in (grid or {}).items() if key not in ("nrows", "ncols")}


def _whiskers(axes: Any, at: np.ndarray, rows: pd.DataFrame, column: str, *, horizontal: bool = False) -> np.ndarray:
    """95% intervals over bars in percent where there are any; returns where each whisker (or bar) ends."""
    prefix = "" if column == "estimate" else f"{column}_"
    value = 100 * rows[column].to_numpy(dtype=float)
    low, high = (100 * rows[f"{prefix}ci_{side}"].to_numpy(dtype=float) for side in ("low", "high"))
    has = ~np.isnan(low) & ~np.isnan(high)
    error = np.vstack([value - low, high - value])[:, has]
    style = {"fmt": "none", "ecolor": DARK, "elinewidth": 1.1, "capsize": 2.5}
    if horizontal:
        axes.errorbar(value[has], at[has], xerr=error, **style)
    else:
        axes.errorbar(at[has], value[has], yerr=error, **style)
    return np.where(has, high, value)


def _percent(value: float) -> str:
    return f"{value:.1f}" if value < 10 else f"{value:.0f}"


def _tidy(axes: Any, grid: Literal["x", "y"]) -> None:
    for side in ("top", "right", "left" if grid == "y" else "bottom"):
        axes.spines[side].set_visible(False)
    axes.grid(axis=grid, color=PALE, lw=0.8, alpha=1)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)


def _bare(axes: Any) -> None:
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0)
