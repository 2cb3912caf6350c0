"""The two charts of the report, as SVG.

Belongs here: drawing rows of the warehouse. Does not belong here: choosing sentences, or the page around them.

Same rows, same bytes. Dots are estimates, bars their 95% intervals; what is told apart by colour is told apart by form, too.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from poverty_assets.reports.pictures.overlap import BLUE, DARK, GREY, ORANGE, PALE
from poverty_assets.reports.quarterly.fragments import HEADCOUNT, PAIR, PLACE, PUBLISHED, QUOTED, ctes

AREAS = f"""{ctes(headcount=HEADCOUNT, place=PLACE)}
    SELECT place AS name, estimate, ci_low, ci_high FROM headcount JOIN place USING (area_id)
    WHERE area_level = {PUBLISHED} ORDER BY estimate DESC, area_id"""

PAIRS = f"""{ctes(pair=PAIR)}
    SELECT name_a, name_b, share_both AS estimate, share_both_ci_low AS ci_low,
           share_both_ci_high AS ci_high, share_both / lift AS expected
    FROM pair WHERE area_level = 'country' AND lift > 0 ORDER BY share_both DESC, name_a, name_b LIMIT 9"""

INDICATORS = f"""
    SELECT lower(i.name_en) AS name, h.estimate, h.ci_low, h.ci_high
    FROM fct_headcount h JOIN dim_indicator i USING (measure_id, indicator_id)
    WHERE h.quarter = $quarter AND h.measure_id = $measure AND {QUOTED} AND h.area_level = 'country'
      AND h.kind = 'uncensored' AND h.estimate IS NOT NULL ORDER BY h.estimate DESC, 1 LIMIT 12"""


_LATIN, _CYRILLIC = 0x0250, 0x0530
"""Letters below these are Latin; Latin, Greek and Cyrillic, which the picture's own font has."""
_FITTING = 22
"""Letters of a name that have room where the names take four tenths of the width."""


def ranked_svg(
    rows: list[dict[str, Any]], x_label: str, is_simulated: bool, *, size: tuple[float, float], words: Mapping[str, str]
) -> bytes:
    """Dots with intervals, the first row on top; a diamond where a row has ``expected``.

    Parameters
    ----------
    rows : list of dict
        ``name, estimate, ci_low, ci_high`` as shares (an interval may be None), and ``expected`` if known.
    x_label : str
    is_simulated : bool
        Draws the mark SIMULATED DATA across the chart.
    size : tuple of float
        Width and height, inches.
    words : mapping
        Of the language: the legend's.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    names = [row["name"] for row in rows]
    drawn, measured = _lettering([x_label, words["report_interval"], words["simulated_stamp"]], names)
    longest = max(map(len, names))
    # letters of other scripts are left to the browser, which has fonts for them and knows how to join them
    style = {"svg.hashsalt": x_label, "font.size": 7, "svg.fonttype": "path" if drawn else "none"}
    with mpl.rc_context(style), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.add_subplot()
        place = np.arange(len(rows))[::-1]
        estimate, low, high = (
            100 * np.array([row[name] if row[name] is not None else np.nan for row in rows], dtype=float)
            for name in ("estimate", "ci_low", "ci_high")
        )
        axes.hlines(place, low, high, color=BLUE, lw=4, alpha=0.35, label=words["report_interval"])
        axes.plot(estimate, place, "o", color=BLUE, ms=3.6, label=words["report_estimate"])
        if "expected" in rows[0]:
            expected = 100 * np.array([row["expected"] for row in rows], dtype=float)
            axes.plot(expected, place, "D", mfc="white", mec=ORANGE, ms=3.4, label=words["report_independent"])
        axes.set_yticks(place, names, fontsize=6.5, color=DARK)
        axes.set_ylim(-0.7, len(rows) - 0.3)
        axes.set_xlim(left=0)
        axes.set_xlabel(x_label, fontsize=6.5, color=DARK)
        axes.tick_params(axis="x", labelsize=6.5, colors=DARK)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color=PALE, lw=0.6)
        axes.set_axisbelow(True)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        axes.spines["bottom"].set_color(GREY)
        figure.legend(loc="outside upper right", ncols=3, fontsize=6, frameon=False)
        if is_simulated:
            _stamp(axes, words["simulated_stamp"], drawn)
        if not measured:  # long names, or letters whose width is not known here
            figure.set_layout_engine("none")
            axes.tick_params(axis="y", labelsize=6.5 * min(1, _FITTING / longest))
            axes.set_position((0.4, 0.4 / size[1], 0.57, 1 - 0.65 / size[1]))
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def _stamp(axes: Any, text: str, drawn: bool) -> None:
    """The mark of simulated data across the chart; letters that are left to the browser begin where they are told to."""
    at: dict[str, Any] = {"x": 0.5, "y": 0.5, "ha": "center"}
    if not drawn:
        at = {"x": 0.1, "y": 0.3, "ha": "left", "rotation_mode": "anchor"}
    axes.text(
        s=text, transform=axes.transAxes, va="center", rotation=18, fontsize=15,
        color="#b2182b", alpha=0.16, weight="bold", zorder=0, **at,
    )  # fmt: skip


def _lettering(words: list[str], names: list[str]) -> tuple[bool, bool]:
    """Whether the picture's own font has every letter, and whether the room for names is to be measured by it."""
    highest = max(ord(letter) for text in (*words, *names) for letter in text if letter.isalpha())
    drawn = highest < _CYRILLIC
    return drawn, highest < _LATIN or (drawn and max(map(len, names)) <= _FITTING // 2)
