"""What several questions read: the quarter's rows that may be quoted, and which area lies in which.

Belongs here: those frames, made once a quarter and language as temporary tables, so that a report of each area asks small tables. Does
not belong here: a question.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from poverty_assets.warehouse.view import EVERYBODY, OF_QUARTER

QUOTED = "subgroup = 'all' AND is_headline AND NOT suppressed"
"""Of all people, the row to quote, not withheld."""

THIRD = "k BETWEEN 0.333 AND 0.334"
"""The poverty cut-off of one third."""


@dataclass(frozen=True)
class Extract:
    """A temporary table: its name, its query, and the tables without which it is left out."""

    name: str
    sql: str
    needs: tuple[str, ...] = ()


EXTRACTS: tuple[Extract, ...] = (
    Extract(
        "rung",
        """SELECT area_level, depth, role, CASE WHEN role = 'between' AND nth > 1 THEN 'between' || nth ELSE role END AS level_key
        FROM (SELECT *, row_number() OVER (PARTITION BY role ORDER BY depth) AS nth FROM dim_level)""",
    ),
    Extract("people", "SELECT area_id, population FROM dim_area"),
    Extract(
        "people",
        f"""SELECT f.area_id, {OF_QUARTER} AS population
        FROM (SELECT area_id, $quarter::DATE AS quarter FROM dim_area) f JOIN dim_area a USING (area_id) {EVERYBODY}""",
        ("fct_population",),
    ),
    Extract(
        "place",
        """SELECT a.area_id, w.population, CASE WHEN p.area_id IS NULL THEN a.name_en
               ELSE a.name_en || ' (' || concat_ws(', ', p.name_en, g.name_en, h.name_en) || ')' END AS place
        FROM dim_area a JOIN people w ON w.area_id = a.area_id
        LEFT JOIN dim_area p ON p.area_id = a.parent_id AND p.parent_id IS NOT NULL
        LEFT JOIN dim_area g ON g.area_id = p.parent_id AND g.parent_id IS NOT NULL
        LEFT JOIN dim_area h ON h.area_id = g.parent_id AND h.parent_id IS NOT NULL""",
    ),
    Extract(
        "inside",
        """WITH RECURSIVE down AS (
            SELECT area_id AS subject, area_id FROM dim_area JOIN rung USING (area_level) WHERE role IN ('country', 'published')
            UNION ALL SELECT d.subject, a.area_id FROM down d JOIN dim_area a ON a.parent_id = d.area_id)
        SELECT subject, area_id FROM down WHERE area_id <> subject""",
    ),
    Extract(
        "headcount",
        f"""SELECT f.area_id, f.estimate, f.ci_low, f.ci_high, f.method, f.n_households, r.depth, r.role, r.level_key,
               p.place, p.population
        FROM fct_mpi f JOIN rung r USING (area_level) JOIN place p USING (area_id)
        WHERE quarter = $quarter AND measure_id = $measure AND {QUOTED} AND {THIRD} AND statistic = 'headcount_ratio'
          AND estimate IS NOT NULL""",
    ),
    Extract(
        "change",
        f"""SELECT area_id, difference, ci_low, ci_high, is_significant, baseline_quarter, method FROM fct_change
        WHERE quarter = $quarter AND baseline_quarter = $baseline AND measure_id = $measure AND {QUOTED} AND {THIRD}
          AND statistic = 'headcount_ratio' AND change = 'absolute' AND ci_low IS NOT NULL""",
    ),
    Extract(
        "wave_change",
        f"""WITH told AS (
            SELECT * FROM fct_change WHERE quarter = $quarter AND method = 'direct' AND measure_id = $measure AND {QUOTED} AND {THIRD}
              AND statistic = 'headcount_ratio' AND change = 'absolute')
        SELECT area_id, difference, ci_low, ci_high, is_significant, baseline_quarter, method FROM told
        WHERE ci_low IS NOT NULL AND baseline_quarter = (
            SELECT coalesce(max(baseline_quarter) FILTER (baseline_quarter = $baseline), max(baseline_quarter)) FROM told)""",
    ),
    Extract(
        "pair",
        f"""SELECT o.area_id, o.share_both, o.lift, o.lift_ci_low, o.lift_ci_high, o.method,
               lower(i.name_en) AS name_a, lower(j.name_en) AS name_b
        FROM fct_overlap_pair o JOIN rung r USING (area_level)
        JOIN dim_indicator i ON i.measure_id = o.measure_id AND i.indicator_id = o.indicator_a
        JOIN dim_indicator j ON j.measure_id = o.measure_id AND j.indicator_id = o.indicator_b
        WHERE o.quarter = $quarter AND o.measure_id = $measure AND {QUOTED} AND r.role IN ('country', 'published')""",
    ),
    Extract(
        "ranked",
        f"""SELECT f.area_id, f.estimate, f."rank", f.rank_low, f.rank_high, f.n_areas, f.p_worst_tenth, f.method,
               r.role, r.level_key, p.place, p.population
        FROM fct_rank f JOIN rung r USING (area_level) JOIN place p USING (area_id)
        WHERE quarter = $quarter AND measure_id = $measure AND is_headline AND NOT suppressed AND {THIRD}
          AND statistic = 'headcount_ratio' AND f."rank" IS NOT NULL""",
        ("fct_rank",),
    ),
    Extract(
        "gap",
        """SELECT area_id, coverage_gap_ci_low, coverage_gap_ci_high FROM fct_register JOIN rung USING (area_level)
        WHERE quarter = $quarter AND role = 'finest' AND is_headline AND NOT suppressed AND coverage_gap_ci_low IS NOT NULL""",
    ),
)


def prepare(connection: Any, parameters: Mapping[str, Any], there: set[str], language: str) -> None:
    """Make the frames of a quarter, with names in a language; those of the quarter before are put away."""
    from poverty_assets.reports.quarterly.finding import bound, spoken

    for frame in EXTRACTS:
        if set(frame.needs) <= there:
            sql = f"CREATE OR REPLACE TEMP TABLE {frame.name} AS {spoken(frame.sql, language)}"
            connection.execute(sql, bound(sql, parameters))
