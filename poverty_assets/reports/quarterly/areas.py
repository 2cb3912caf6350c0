"""Questions about places: the worst off, and what changed.

Belongs here: ranking areas, with how sure the ranks are; change, with its significance. Does not belong here: overlap.
"""

from __future__ import annotations

from poverty_assets.reports.quarterly.finding import Question
from poverty_assets.reports.quarterly.fragments import CHANGE, HEADCOUNT, LEVELS, PLACE, PUBLISHED, SMALLER, ctes

WORST, CHANGED = "Where poverty is highest", "What changed"


def _worst(level: str, count: int) -> Question:
    return Question(
        f"worst_{level}",
        WORST,
        f"{{{level}_many:begin}} with the highest estimated headcount ratio (95% intervals in brackets): {{items}}.",
        f"""{ctes(headcount=HEADCOUNT, place=PLACE)}
        SELECT place, estimate, ci_low, ci_high FROM headcount JOIN place USING (area_id)
        WHERE area_level = {LEVELS[level]} AND ci_low IS NOT NULL ORDER BY estimate DESC, area_id LIMIT {count}""",
        "{place} {estimate:pct} ({ci_interval:pct/short})",
    )


def _certainty(level: str) -> Question:
    return Question(
        f"worst_{level}_certainty",
        WORST,
        f"The first place is not certain: the intervals of {{overlapping:n}} of the other {{others:n}} {{{level}_many}} reach"
        " into that of {place}.",
        f"""{ctes(headcount=HEADCOUNT, place=PLACE)},
        known AS (FROM headcount WHERE area_level = {LEVELS[level]} AND ci_low IS NOT NULL),
        first AS (FROM known ORDER BY estimate DESC, area_id LIMIT 1)
        SELECT (SELECT count(*) - 1 FROM known) AS others, place,
               (SELECT count(*) FROM known k WHERE k.area_id <> first.area_id AND k.ci_high >= first.ci_low) AS overlapping
        FROM first JOIN place USING (area_id) WHERE overlapping > 0""",
    )


WORST_AREAS: tuple[Question, ...] = (
    _worst("published", 3),
    _certainty("published"),
    Question(
        "most_poor_people",
        WORST,
        "Most poor people live in the {published} of {place}: about {people:about} (headcount ratio times {population:about}"
        " people), {people_interval:about}.",
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
        "levels_absent",
        WORST,
        "No headcount ratio with an interval is published for {items}.",
        f"""{ctes(headcount=HEADCOUNT)}
        SELECT name_en AS level FROM dim_level
        WHERE role <> 'country' AND area_level NOT IN (SELECT area_level FROM headcount WHERE ci_low IS NOT NULL)
        ORDER BY depth""",
        "any {level}",
        " or ",
    ),
)


def _tally(level: str) -> Question:
    return Question(
        f"change_{level}_tally",
        CHANGED,
        f"Of {{areas:n}} {{{level}_many}} compared, the ratio fell significantly in {{fell:n}} and rose in {{rose:n}}; in"
        " {unsure:n} the change cannot be told from none. By chance alone {by_chance:ratio} would seem to change.",
        f"""{ctes(change=CHANGE)}
        SELECT count(*) AS areas, count(*) FILTER (WHERE is_significant AND difference < 0) AS fell,
               count(*) FILTER (WHERE is_significant AND difference > 0) AS rose,
               count(*) FILTER (WHERE NOT is_significant) AS unsure, 0.05 * count(*) AS by_chance
        FROM change WHERE area_level = {LEVELS[level]} HAVING count(*) > 0""",
    )


def _moved(level: str, way: str, sign: str, count: int) -> Question:
    return Question(
        f"change_{level}_{way}",
        CHANGED,
        f"{'Most improved' if way == 'fell' else 'Most worsened'} {{{level}_many}}, of significant changes (points; 95% intervals"
        " in brackets): {items}.",
        f"""{ctes(change=CHANGE, place=PLACE)}
        SELECT place, difference, ci_low, ci_high FROM change JOIN place USING (area_id)
        WHERE area_level = {LEVELS[level]} AND is_significant AND difference {sign} 0
        ORDER BY abs(difference) DESC, area_id LIMIT {count}""",
        "{place} {difference:points} ({ci_interval:points/short})",
    )


CHANGES: tuple[Question, ...] = (
    Question(
        "change_country",
        CHANGED,
        "Against {baseline_quarter:quarter}, the country's headcount ratio changed by {difference:points} percentage points,"
        " {ci_interval:points}: {verdict}.",
        f"""{ctes(change=CHANGE)}
        SELECT baseline_quarter, difference, ci_low, ci_high,
               CASE WHEN is_significant THEN 'a significant change' ELSE 'not to be told from no change' END AS verdict
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
        "No area's fall since {baseline:quarter} is significant, so none is named as improved.",
        f"""{ctes(change=CHANGE)}
        SELECT $baseline::DATE AS baseline FROM change WHERE area_level <> 'country'
        HAVING count(*) > 0 AND count(*) FILTER (WHERE is_significant AND difference < 0) = 0""",
    ),
    Question(
        "change_absent",
        CHANGED,
        "No change is published for {quarter:quarter}: there is no earlier quarter or survey wave that it can be compared with.",
        """SELECT q.quarter FROM dim_quarter q
        WHERE q.quarter = $quarter AND NOT EXISTS (FROM fct_change c WHERE c.quarter = q.quarter)""",
    ),
)
