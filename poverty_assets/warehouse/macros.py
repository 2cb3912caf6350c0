"""Macros of the published file: questions that are asked of draws and joint profiles, put once.

Belongs here: the SQL of each macro and what it answers. Does not belong here: tables (``catalog``), views (``views``), or packing draws
(``small_area.packed``).

All take an area, a quarter (``'2022Q1'``, or its first day) and what they are asked for, and may be put to many areas at once
(``SELECT p_above(area_id, '2022Q1', 'mpi', 0.1) FROM dim_area``). An unknown figure, quarter or area is refused by name, since a
NULL would be taken for an answer; a known area without estimates gets NULL.
"""

from __future__ import annotations

from dataclasses import dataclass

from poverty_assets.catalog.uncertainty import NEWEST

TO_ACT_ON = 0.8
"""Probability at which an area is one to act on, where the analyst states no other."""


@dataclass(frozen=True)
class Macro:
    """A macro of the published file.

    Attributes
    ----------
    name : str
    parameters : str
        As they are written in ``CREATE MACRO``.
    description : str
    sql : str
        The expression that it stands for.
    """

    name: str
    parameters: str
    description: str
    sql: str

    @property
    def ddl(self) -> str:
        """``CREATE MACRO``."""
        return f"CREATE MACRO {self.name}({self.parameters}) AS ({self.sql})"


# a parameter and a column of one name are a conflict to DuckDB: tables are read with columns that no parameter is called after
_QUARTERS = "(SELECT x.quarter AS day, x.label AS name FROM dim_quarter x)"
_DAY = f"(SELECT max(q.day) FROM {_QUARTERS} q WHERE CAST(quarter AS VARCHAR) IN (q.name, CAST(q.day AS VARCHAR)))"
_DRAWS = "(SELECT x.area_id AS code, x.quarter AS day, x.figure_id AS figure, x.draw AS draw, x.value AS value FROM v_draw x)"
_OF_DRAWS = f"FROM {_DRAWS} d WHERE d.code = area AND d.day = {_DAY} AND d.figure = statistic"
_RANKS = "(SELECT x.* EXCLUDE (quarter, statistic), x.quarter AS day FROM fct_rank x)"
_OF_RANKS = f"FROM {_RANKS} r WHERE r.area_id = area AND r.day = {_DAY} AND r.figure_id = statistic"
_PROFILES = (
    "(SELECT x.area_id AS code, x.quarter AS day, x.population AS people, x.indicators AS bits, x.profile AS cells"
    " FROM fct_profile x)"
)
_AREA = "EXISTS (SELECT 1 FROM dim_area x WHERE x.area_id = area)"


_NO_QUARTER = (
    f"WHEN {_DAY} IS NULL THEN error('no quarter ' || CAST(quarter AS VARCHAR) || ' in this file: see dim_quarter')"
)
_TOO_OLD = f"""WHEN (SELECT count(*) FROM {_QUARTERS} q WHERE q.day > {_DAY}) >= {NEWEST}
            THEN error('draws and profiles are published of the newest {NEWEST} quarters, not of ' || CAST(quarter AS VARCHAR))"""


def _known(answer: str, figures: str) -> str:
    """The answer, if the quarter, the area and the figure are those of the file."""
    too_old = _TOO_OLD if figures == "fct_draw" else ""
    return f"""
    CASE
        {_NO_QUARTER}
        {too_old}
        WHEN NOT {_AREA} THEN error('no area ' || CAST(area AS VARCHAR) || ': see dim_area')
        WHEN NOT EXISTS (SELECT 1 FROM (SELECT y.figure_id AS figure FROM {figures} y) x WHERE x.figure = statistic)
            THEN error('no figure ' || CAST(statistic AS VARCHAR) || ' in {figures}: SELECT DISTINCT figure_id FROM {figures}')
        ELSE {answer}
    END"""


def _bound(share: float) -> str:
    """SQL of a bound of a 95% interval of sorted draws s.l: the one at share (n + 1), as ``small_area.intervals`` has it."""
    place = f"greatest(least({share} * (len(s.l) + 1) - 1, len(s.l) - 1), 0)"
    below, above = (f"s.l[least(CAST(floor({place}) AS BIGINT) + {one}, len(s.l))]" for one in (1, 2))
    return f"({below} + ({place} - floor({place})) * ({above} - {below}))"


MACROS: tuple[Macro, ...] = (
    Macro(
        "estimate_of",
        "area, quarter, statistic",
        "The estimate of a figure (figure_id of fct_rank) from joint profiles, of an area of any level",
        _known(f"(SELECT r.estimate {_OF_RANKS})", "fct_rank"),
    ),
    Macro(
        "draws_of",
        "area, quarter, statistic",
        "The draws of a figure (figure_id of fct_draw) of an area of any level, as a list in the order of replicates",
        _known(f"(SELECT list(d.value ORDER BY d.draw) {_OF_DRAWS})", "fct_draw"),
    ),
    Macro(
        "share_with",
        "area, quarter, indicators, how",
        "Share of people deprived in all (how = 'all') or in at least one (how = 'any') of a list of indicators",
        f"""
    CASE
        {_NO_QUARTER}
        {_TOO_OLD}
        WHEN NOT {_AREA} THEN error('no area ' || CAST(area AS VARCHAR) || ': see dim_area')
        WHEN how NOT IN ('all', 'any') THEN error('how is all or any, not ' || CAST(how AS VARCHAR))
        WHEN EXISTS (SELECT 1 FROM {_PROFILES} x WHERE NOT list_has_all(x.bits, indicators))
            THEN error('an indicator of ' || CAST(indicators AS VARCHAR) || ' is none of the measure: see dim_indicator')
        ELSE (
            SELECT sum(w.people * list_sum(list_transform(w.cells, lambda c, i:
                       CASE WHEN CASE WHEN how = 'all' THEN ((i - 1) & w.mask) = w.mask ELSE ((i - 1) & w.mask) <> 0 END
                            THEN (c / 65535.0) ** 2 ELSE 0 END))
                       / list_sum(list_transform(w.cells, lambda c: (c / 65535.0) ** 2))) / sum(w.people)
            FROM (SELECT f.*, CAST(list_sum(list_transform(f.bits, lambda one, j:
                         CASE WHEN list_contains(indicators, one) THEN 1 << CAST(j - 1 AS INTEGER) ELSE 0 END)) AS BIGINT) AS mask
                  FROM {_PROFILES} f) w
            JOIN v_area_part p ON p.part_id = w.code
            WHERE p.area_id = area AND w.day = {_DAY})
    END""",
    ),
    Macro(
        "p_above",
        "area, quarter, statistic, threshold",
        "Probability that a figure (figure_id of fct_draw) of an area lies above a threshold: the share of draws that do, half of those"
        " that equal it",
        _known(
            f"(SELECT avg(CASE WHEN d.value > threshold THEN 1.0 WHEN d.value = threshold THEN 0.5 ELSE 0.0 END) {_OF_DRAWS})",
            "fct_draw",
        ),
    ),
    Macro(
        "to_act_on",
        f"area, quarter, statistic, threshold, level := {TO_ACT_ON}",
        f"Whether the probability that a figure lies above a threshold (p_above) is at least a level, {TO_ACT_ON} where none is stated",
        "p_above(area, quarter, statistic, threshold) >= level",
    ),
    Macro(
        "difference",
        "a, b, quarter, statistic",
        "What a figure (figure_id of fct_draw) of area a is above that of area b: difference, 95% interval (ci_low, ci_high), and p_above,"
        " the probability that it is above. Both are drawn together, so that what they share cancels",
        f"""
    (SELECT struct_pack(difference := s.difference, ci_low := least(s.difference, {_bound(0.025)}),
                        ci_high := greatest(s.difference, {_bound(0.975)}),
                        p_above := list_avg(list_transform(s.l, lambda x: CASE WHEN x > 0 THEN 1.0 WHEN x = 0 THEN 0.5 ELSE 0.0 END)))
     FROM (SELECT e.difference, list_sort(list_transform(list_zip(e.of_a, e.of_b), lambda x: x[1] - x[2])) AS l
           FROM (SELECT estimate_of(a, quarter, statistic) - estimate_of(b, quarter, statistic) AS difference,
                        draws_of(a, quarter, statistic) AS of_a, draws_of(b, quarter, statistic) AS of_b) e) s)""",
    ),
    Macro(
        "rank_within",
        "area, quarter, statistic",
        "Rank of an area among those of its level by a figure (figure_id of fct_rank), 1 the largest: rank, its 90% interval (rank_low,"
        " rank_high), n_areas, and the probability to be among the worst tenth and fifth",
        _known(
            f"""(SELECT struct_pack(rank := r.rank, rank_low := r.rank_low, rank_high := r.rank_high, n_areas := r.n_areas,
                                    p_worst_tenth := r.p_worst_tenth, p_worst_fifth := r.p_worst_fifth)
                 {_OF_RANKS})""",
            "fct_rank",
        ),
    ),
)
