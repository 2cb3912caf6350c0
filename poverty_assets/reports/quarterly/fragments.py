"""Pieces of SQL that several questions share.

Belongs here: which rows may be quoted, and names of areas and indicators. Does not belong here: a whole question.
"""

from __future__ import annotations

from poverty_assets.catalog.columns import FINEST

QUOTED = "subgroup = 'all' AND is_headline AND NOT suppressed"
"""Of all people, the row to quote, not withheld."""

THIRD = "k BETWEEN 0.333 AND 0.334"
"""The poverty cut-off of one third."""

HEADCOUNT = f"""
    SELECT area_id, area_level, estimate, ci_low, ci_high, method, n_households, quality_flag FROM fct_mpi
    WHERE quarter = $quarter AND measure_id = $measure AND {QUOTED} AND {THIRD} AND statistic = 'headcount_ratio'
      AND estimate IS NOT NULL
"""
"""Headcount ratios of the quarter at one third."""

PAIR = f"""
    SELECT o.area_id, o.area_level, o.indicator_a, o.indicator_b, o.share_both, o.share_both_ci_low, o.share_both_ci_high,
           o.lift, o.lift_ci_low, o.lift_ci_high, o.quality_flag, lower(i.name_en) AS name_a, lower(j.name_en) AS name_b
    FROM fct_overlap_pair o
    JOIN dim_indicator i ON i.measure_id = o.measure_id AND i.indicator_id = o.indicator_a
    JOIN dim_indicator j ON j.measure_id = o.measure_id AND j.indicator_id = o.indicator_b
    WHERE o.quarter = $quarter AND o.measure_id = $measure AND {QUOTED} AND o.share_both_ci_low IS NOT NULL
"""
"""Pairs of the quarter that have an interval, with readable names."""

BUNDLE = f"""
    SELECT b.area_id, b.area_level, b.bundle_mask, b.n_deprivations, b.share, b.share_ci_low, b.share_ci_high,
           b.share_expected, b.excess, b.excess_ci_low, b.excess_ci_high, b."rank", (
               SELECT list(lower(i.name_en) ORDER BY list_position(b.indicators, i.indicator_id)) FROM dim_indicator i
               WHERE i.measure_id = b.measure_id AND list_contains(b.indicators, i.indicator_id)) AS names
    FROM fct_bundle b
    WHERE b.quarter = $quarter AND b.measure_id = $measure AND {QUOTED} AND b.share_ci_low IS NOT NULL
"""
"""Sets of deprivations of the quarter that have an interval, with readable names."""

CHANGE = f"""
    SELECT area_id, area_level, difference, ci_low, ci_high, is_significant, baseline_quarter FROM fct_change
    WHERE quarter = $quarter AND baseline_quarter = $baseline AND measure_id = $measure AND {QUOTED} AND {THIRD}
      AND statistic = 'headcount_ratio' AND change = 'absolute' AND ci_low IS NOT NULL
"""
"""Changes of the headcount ratio since the baseline, each with its interval."""

PUBLISHED = "(SELECT area_level FROM dim_level WHERE role = 'published')"
"""The level below the country."""

SMALLER: dict[str, str] = {
    "between": "(SELECT area_level FROM dim_level WHERE role = 'between' ORDER BY depth LIMIT 1)",
    "between2": "(SELECT area_level FROM dim_level WHERE role = 'between' ORDER BY depth LIMIT 1 OFFSET 1)",
    "finest": FINEST,
}
"""The levels below that one, by the word that stands for each in a sentence; a country need not have those between."""

LEVELS: dict[str, str] = {"published": PUBLISHED, **SMALLER}

GAP = f"""
    SELECT area_id, register_id, rate, modelled_rate, coverage_gap, coverage_gap_ci_low, coverage_gap_ci_high
    FROM fct_register
    WHERE quarter = $quarter AND area_level = {FINEST} AND is_headline AND NOT suppressed AND coverage_gap_ci_low IS NOT NULL
"""
"""Areas of the finest level with a register rate, a modelled one, and the interval of the gap between them."""

PLACE = """
    SELECT a.area_id, a.population, CASE WHEN p.area_id IS NULL THEN a.name_en
               ELSE a.name_en || ' (' || concat_ws(', ', p.name_en, g.name_en, h.name_en) || ')' END AS place
    FROM dim_area a
    LEFT JOIN dim_area p ON p.area_id = a.parent_id AND p.parent_id IS NOT NULL
    LEFT JOIN dim_area g ON g.area_id = p.parent_id AND g.parent_id IS NOT NULL
    LEFT JOIN dim_area h ON h.area_id = g.parent_id AND h.parent_id IS NOT NULL
"""
"""Areas as people name them: with those that each lies in, up to the country."""


def ctes(**named: str) -> str:
    """``WITH name AS (...), ...`` of the pieces given."""
    return "WITH " + ", ".join(f"{name} AS ({sql})" for name, sql in named.items())
