"""Further parts of an area's wide row: change, rank, the register's audit, hot spots, and every pair of deprivations.

Belongs here: the query of each part, and what its columns mean. Does not belong here: the row that they are parts of (``profile``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from poverty_assets.catalog.figures import HEADLINE_K
from poverty_assets.warehouse.opening import relations

PARTS = {
    "change_since": "First day of the quarter that headcount_ratio_change is since: the newest that is a year or more before",
    "headcount_ratio_change": "Change of the headcount ratio since then",
    "headcount_ratio_change_is_significant": "True only where the 95% interval of the change leaves out 0",
    "headcount_ratio_rank": "Place among the areas of the level, 1 the largest headcount ratio",
    "headcount_ratio_rank_low": "Lower bound of the 90% interval of the true rank",
    "headcount_ratio_rank_high": "Upper bound of it",
    "headcount_ratio_rank_of": "Areas of the level that are ranked",
    "p_worst_tenth": "Probability to be among the tenth of areas with the largest headcount ratios",
    "p_worst_fifth": "Probability to be among the fifth of areas with the largest headcount ratios",
    "p_above_country": "Probability that the headcount ratio lies above the country's",
    "register_poor_households": "Households that are poor, by the survey's estimate",
    "register_missed_households": "Poor households that are expected not to be listed",
    "register_share_missed": "Share of poor households that are expected not to be listed",
    "register_probability_short": "Probability that fewer households are listed than are poor",
    "n_hot": "Indicators in which the area is a hot spot",
    "hot_indicators": "Those indicators, the strongest first",
    "is_poverty_hot": "Whether it is a hot spot of the headcount ratio",
}
_OF_PAIRS = {
    "both_": "Share of people deprived in both {}",
    "lift_": "Of {}: how many times as often together as if independent",
}


def parts_of(connection: Any, measure: str, level: str) -> dict[str, str]:
    """SQL of each part, a row a quarter and area; a file published by an earlier version may lack the tables of some.

    ``measure`` and ``level`` are SQL literals.
    """
    makers: tuple[tuple[str, str, Callable[[str, str], str]], ...] = (
        ("change", "fct_change", _change),
        ("ranked", "fct_rank", _rank),
        ("audit", "fct_register_audit", _audit),
        ("hot", "fct_hot_spot", _hot),
    )
    there = relations(connection)
    found = {name: make(measure, level) for name, table, make in makers if table in there}
    pairs = _pairs(connection, measure, level)
    return found | ({"pairs": pairs} if pairs else {})


def part_described(stem: str) -> str | None:
    """What a column of a part means; None where it is none of theirs."""
    for prefix, text in _OF_PAIRS.items():
        if stem.startswith(prefix) and "_and_" in stem:
            return text.format(stem.removeprefix(prefix).replace("_and_", " and "))
    return PARTS.get(stem)


def _bounds(column: str, name: str) -> str:
    return ", ".join(f"{column}{suffix} AS {name}{suffix}" for suffix in ("", "_ci_low", "_ci_high"))


def _change(measure: str, level: str) -> str:
    return f"""
        SELECT quarter, area_id, baseline_quarter AS change_since, difference AS headcount_ratio_change,
               ci_low AS headcount_ratio_change_ci_low, ci_high AS headcount_ratio_change_ci_high,
               is_significant AS headcount_ratio_change_is_significant
        FROM fct_change
        WHERE is_headline AND NOT suppressed AND subgroup = 'all' AND change = 'absolute' AND statistic = 'headcount_ratio' AND {HEADLINE_K}
          AND measure_id = {measure} AND area_level = {level} AND baseline_quarter <= quarter - INTERVAL 1 YEAR
        QUALIFY row_number() OVER (PARTITION BY quarter, area_id ORDER BY baseline_quarter DESC) = 1"""


def _rank(measure: str, level: str) -> str:
    return f"""
        SELECT quarter, area_id, rank AS headcount_ratio_rank, rank_low AS headcount_ratio_rank_low, rank_high AS headcount_ratio_rank_high,
               n_areas AS headcount_ratio_rank_of, p_worst_tenth, p_worst_fifth, p_above_country
        FROM fct_rank WHERE is_headline AND figure_id = 'headcount_ratio' AND measure_id = {measure} AND area_level = {level}"""


def _audit(measure: str, level: str) -> str:
    figures = ", ".join(
        _bounds(name, f"register_{name}") for name in ("poor_households", "missed_households", "share_missed")
    )
    return f"""
        SELECT quarter, area_id, {figures}, probability_short AS register_probability_short
        FROM fct_register_audit WHERE is_headline AND area_level = {level}
        QUALIFY row_number() OVER (PARTITION BY quarter, area_id ORDER BY register_id) = 1"""


def _hot(measure: str, level: str) -> str:
    return f"""
        SELECT quarter, area_id, any_value(n_hot) AS n_hot, any_value(n_hot_ci_low) AS n_hot_ci_low,
               any_value(n_hot_ci_high) AS n_hot_ci_high,
               list(indicator_id ORDER BY g_star DESC, indicator_id) FILTER (is_hot AND indicator_id <> 'all') AS hot_indicators,
               bool_or(is_hot) FILTER (indicator_id = 'all') AS is_poverty_hot
        FROM fct_hot_spot WHERE is_headline AND measure_id = {measure} AND area_level = {level} GROUP BY quarter, area_id"""


def _pairs(connection: Any, measure: str, level: str) -> str:
    """A share with its interval, and the lift, of each pair; nothing where there is none."""
    where = f"is_headline AND subgroup = 'all' AND measure_id = {measure}"
    pairs = connection.execute(
        f"SELECT DISTINCT indicator_a, indicator_b FROM fct_overlap_pair WHERE {where} ORDER BY 1, 2"
    ).fetchall()
    columns = []
    for a, b in pairs:
        chosen, name = f"indicator_a = '{a}' AND indicator_b = '{b}'", f"{a}_and_{b}"
        columns += [
            f'max(share_both{suffix}) FILTER ({chosen}) AS "both_{name}{suffix}"'
            for suffix in ("", "_ci_low", "_ci_high")
        ]
        columns.append(f'max(lift) FILTER ({chosen}) AS "lift_{name}"')
    if not columns:
        return ""
    return (
        f"SELECT quarter, area_id, {', '.join(columns)} FROM fct_overlap_pair WHERE {where} AND area_level = {level}"
        " GROUP BY quarter, area_id"
    )
