"""Questions about places: the worst off, and what changed.

Belongs here: ranking areas, with how sure the ranks are; where deprivations cluster; change, with its significance. Does not
belong here: overlap.
"""

from __future__ import annotations

from poverty_assets.reports.quarterly.finding import Question
from poverty_assets.reports.quarterly.fragments import CHANGE, HEADCOUNT, LEVELS, PLACE, PUBLISHED, SMALLER, ctes

WORST, CHANGED = "report_worst", "report_changed"


def _worst(level: str, count: int) -> Question:
    return Question(
        f"worst_{level}",
        WORST,
        f"""{ctes(headcount=HEADCOUNT, place=PLACE)}
        SELECT place, estimate, ci_low, ci_high FROM headcount JOIN place USING (area_id)
        WHERE area_level = {LEVELS[level]} AND ci_low IS NOT NULL ORDER BY estimate DESC, area_id LIMIT {count}""",
        say="worst",
        level=level,
    )


def _certainty(level: str) -> Question:
    return Question(
        f"worst_{level}_certainty",
        WORST,
        f"""{ctes(headcount=HEADCOUNT, place=PLACE)},
        known AS (FROM headcount WHERE area_level = {LEVELS[level]} AND ci_low IS NOT NULL),
        first AS (FROM known ORDER BY estimate DESC, area_id LIMIT 1)
        SELECT (SELECT count(*) - 1 FROM known) AS others, place,
               (SELECT count(*) FROM known k WHERE k.area_id <> first.area_id AND k.ci_high >= first.ci_low) AS overlapping
        FROM first JOIN place USING (area_id) WHERE overlapping > 0""",
        say="certainty",
        level=level,
    )


WORST_AREAS: tuple[Question, ...] = (
    _worst("published", 3),
    _certainty("published"),
    Question(
        "most_poor_people",
        WORST,
        f"""{ctes(headcount=HEADCOUNT, place=PLACE)}
        SELECT place, population, estimate * population AS people, ci_low * population AS people_low,
               ci_high * population AS people_high
        FROM headcount JOIN place USING (area_id)
        WHERE area_level = {PUBLISHED} AND ci_low IS NOT NULL AND population IS NOT NULL
        ORDER BY people DESC, area_id LIMIT 1""",
    ),
    *(_worst(level, 3 if level == "finest" else 2) for level in SMALLER),
    _certainty("finest"),
    Question(
        "hot_spots",
        WORST,
        """WITH spot AS (
            SELECT area_id, any_value(n_hot) AS n_hot FROM fct_hot_spot
            WHERE quarter = $quarter AND is_headline AND NOT suppressed AND measure_id = $measure GROUP BY area_id)
        SELECT count(*) AS areas, count(*) FILTER (n_hot > 0) AS hot, count(*) FILTER (n_hot >= 3) AS several
        FROM spot HAVING count(*) > 0""",
        needs=("fct_hot_spot",),
    ),
    Question(
        "levels_absent",
        WORST,
        f"""{ctes(headcount=HEADCOUNT)}
        SELECT l.name_en AS level FROM dim_level l
        WHERE role <> 'country' AND area_level NOT IN (SELECT area_level FROM headcount WHERE ci_low IS NOT NULL)
        ORDER BY depth""",
    ),
)


def _tally(level: str) -> Question:
    return Question(
        f"change_{level}_tally",
        CHANGED,
        f"""{ctes(change=CHANGE)}
        SELECT count(*) AS areas, count(*) FILTER (WHERE is_significant AND difference < 0) AS fell,
               count(*) FILTER (WHERE is_significant AND difference > 0) AS rose,
               count(*) FILTER (WHERE NOT is_significant) AS unsure, 0.05 * count(*) AS by_chance
        FROM change WHERE area_level = {LEVELS[level]} HAVING count(*) > 0""",
        say="change_tally",
        level=level,
    )


def _moved(level: str, way: str, sign: str, count: int) -> Question:
    return Question(
        f"change_{level}_{way}",
        CHANGED,
        f"""{ctes(change=CHANGE, place=PLACE)}
        SELECT place, difference, ci_low, ci_high FROM change JOIN place USING (area_id)
        WHERE area_level = {LEVELS[level]} AND is_significant AND difference {sign} 0
        ORDER BY abs(difference) DESC, area_id LIMIT {count}""",
        say=f"change_{way}",
        level=level,
    )


CHANGES: tuple[Question, ...] = (
    Question(
        "change_country",
        CHANGED,
        f"""{ctes(change=CHANGE)}
        SELECT baseline_quarter, difference, ci_low, ci_high,
               CASE WHEN is_significant THEN 'say_significant' ELSE 'say_not_significant' END AS verdict
        FROM change WHERE area_level = 'country'""",
    ),
    _tally("published"),
    _moved("published", "fell", "<", 3),
    _moved("published", "rose", ">", 2),
    _tally("finest"),
    _moved("finest", "fell", "<", 2),
    _moved("finest", "rose", ">", 2),
    Question(
        "change_none_significant",
        CHANGED,
        f"""{ctes(change=CHANGE)}
        SELECT $baseline::DATE AS baseline FROM change WHERE area_level <> 'country'
        HAVING count(*) > 0 AND count(*) FILTER (WHERE is_significant AND difference < 0) = 0""",
    ),
    Question(
        "change_absent",
        CHANGED,
        """SELECT q.quarter FROM dim_quarter q
        WHERE q.quarter = $quarter AND NOT EXISTS (FROM fct_change c WHERE c.quarter = q.quarter)""",
    ),
)
