"""Questions whose answer says what to do: what goes together, where to act, who is missed, what threatens.

Belongs here: overlap, certainty of being among the worst, the register, hazards. Does not belong here: how many are poor
(``poverty``).

The range of an exposure is that of its threshold's tolerance, not a sampling interval, and is said to be so.
"""

from __future__ import annotations

from poverty_assets.reports.quarterly.finding import Question
from poverty_assets.reports.quarterly.fragments import QUOTED

SURE = 0.9
"""From which probability on an area is called one of the worst tenth."""
ROUNDED = 1e-6
"""By how much the published file may have rounded it."""

TOGETHER = (
    Question(
        "together",
        """SELECT name_a, name_b, lift, lift_ci_low AS lift_low, lift_ci_high AS lift_high, method FROM pair
        WHERE area_id = $area AND share_both >= 0.01 AND lift_ci_low IS NOT NULL ORDER BY lift DESC, name_a, name_b LIMIT 1""",
    ),
    Question(
        "widespread",
        f"""SELECT lower(i.name_en) AS name, h.estimate, h.ci_low, h.ci_high, h.method
        FROM fct_headcount h JOIN dim_indicator i USING (measure_id, indicator_id)
        WHERE h.quarter = $quarter AND h.measure_id = $measure AND {QUOTED} AND h.area_id = $area
          AND h.kind = 'uncensored' AND h.estimate IS NOT NULL
        ORDER BY h.estimate DESC, 1 LIMIT 3""",
        ", ",
    ),
    Question(
        "overlap_absent",
        """SELECT q.quarter FROM dim_quarter q WHERE q.quarter = $quarter AND NOT EXISTS (FROM pair)
          AND q.survey_wave IS NULL""",
    ),
)

_WITHIN = "within AS (SELECT r.* FROM ranked r JOIN inside i ON i.area_id = r.area_id AND i.subject = $area WHERE role = 'finest')"
_SURE = f"p_worst_tenth >= {SURE} - {ROUNDED}"

ACT = (
    Question(
        "act",
        f"""WITH {_WITHIN}
        SELECT place, level_key, p_worst_tenth, count(*) OVER () AS sure, sum(population) OVER () AS people,
               (SELECT count(*) FROM within) AS areas, method
        FROM within WHERE {_SURE} ORDER BY p_worst_tenth DESC, estimate DESC, area_id LIMIT 3""",
        needs=("fct_rank",),
    ),
    Question(
        "act_none",
        f"""WITH {_WITHIN}
        SELECT place, p_worst_tenth, method FROM within WHERE p_worst_tenth > 0 AND NOT EXISTS (FROM within WHERE {_SURE})
        ORDER BY p_worst_tenth DESC, estimate DESC, area_id LIMIT 1""",
        needs=("fct_rank",),
    ),
    Question(
        "act_far",
        f"""WITH {_WITHIN}
        SELECT any_value(p.place) AS place, list_sort(list(DISTINCT w.method)) AS method FROM within w, place p
        WHERE p.area_id = $area HAVING max(p_worst_tenth) = 0""",
        needs=("fct_rank",),
    ),
)

MISSED = (
    Question(
        "missed",
        """SELECT place, share_missed, share_missed_ci_low AS missed_low, share_missed_ci_high AS missed_high, missed_households,
               method
        FROM fct_register_audit JOIN place USING (area_id)
        WHERE quarter = $quarter AND area_id = $area AND is_headline AND NOT suppressed AND share_missed IS NOT NULL
          AND missed_households IS NOT NULL
        ORDER BY register_id LIMIT 1""",
        needs=("fct_register_audit",),
    ),
    Question(
        "gap_tally",
        """SELECT count(*) AS areas, count(*) FILTER (WHERE coverage_gap_ci_low > 0) AS short,
               count(*) FILTER (WHERE coverage_gap_ci_high < 0) AS over, 'register' AS method
        FROM gap JOIN inside USING (area_id) WHERE subject = $area HAVING count(*) > 0""",
    ),
    Question(
        "register_absent",
        """SELECT q.quarter FROM dim_quarter q
        WHERE q.quarter = $quarter AND NOT EXISTS (FROM fct_register r WHERE r.quarter = q.quarter)
          AND EXISTS (FROM fct_register)""",
    ),
)

THREATENED = (
    Question(
        "threatened",
        """SELECT lower(d.name_en) AS hazard, f.share_poor_exposed, f.share_poor_exposed_ci_low AS poor_low,
               f.share_poor_exposed_ci_high AS poor_high, f.share_exposed, f.method, d.threshold, d.tolerance, d.unit,
               CASE WHEN d.is_assumption THEN 'say_threshold_assumed' ELSE 'say_threshold_published' END AS basis,
               CASE WHEN d.is_of_quarter THEN 'say_hazard_now' ELSE 'say_hazard_before' END AS observed,
               coalesce(s.title, d.source_id) AS source, d.observed_from, d.observed_to
        FROM fct_hazard f JOIN dim_hazard d USING (quarter, hazard_id)
        LEFT JOIN meta_source s ON s.quarter = d.quarter AND s.source_id = d.source_id
        WHERE f.quarter = $quarter AND f.area_id = $area AND is_headline AND NOT suppressed AND f.share_poor_exposed > 0
          AND d.observed_to IS NOT NULL
        ORDER BY f.share_poor_exposed DESC, hazard_id LIMIT 1""",
        needs=("fct_hazard", "dim_hazard.observed_to"),
    ),
)
