"""Questions about how poor the people of an area are: how many, since when, who, and where.

Belongs here: levels, change and order of the headcount ratio. Does not belong here: what to do about it (``action``), or how good the
figures are (``record``).
"""

from __future__ import annotations

from poverty_assets.reports.quarterly.finding import Question
from poverty_assets.reports.quarterly.fragments import QUOTED, THIRD

_BELOW = """known AS (SELECT h.* FROM headcount h JOIN inside i ON i.area_id = h.area_id AND i.subject = $area
    WHERE ci_low IS NOT NULL), nearest AS (FROM known WHERE depth = (SELECT min(depth) FROM known))"""
"""Areas within the one that is asked of, of the level next below it that has intervals."""

HOW_MANY = (
    Question("poor", "SELECT place, estimate, ci_low, ci_high, method FROM headcount WHERE area_id = $area"),
    Question(
        "absent",
        """SELECT place, $quarter::DATE AS quarter FROM place
        WHERE area_id = $area AND NOT EXISTS (FROM headcount WHERE area_id = $area)""",
    ),
)

_SINCE = """SELECT place, baseline_quarter, difference, ci_low, ci_high, method,
           CASE WHEN is_significant THEN 'say_significant' ELSE 'say_not_significant' END AS verdict
    FROM {} JOIN place USING (area_id) WHERE area_id = $area"""

SINCE_WHEN = (
    Question("change_waves", _SINCE.format("wave_change")),
    Question("change", _SINCE.format("change")),
    Question(
        "change_absent",
        """SELECT q.quarter FROM dim_quarter q
        WHERE q.quarter = $quarter AND NOT EXISTS (FROM fct_change c WHERE c.quarter = q.quarter)""",
    ),
)

WHO = (
    Question(
        "urban_rural",
        f"""WITH figure AS (
            SELECT subgroup, estimate, ci_low, ci_high, method FROM fct_mpi
            WHERE quarter = $quarter AND measure_id = $measure AND area_id = $area AND is_headline AND NOT suppressed
              AND statistic = 'headcount_ratio' AND {THIRD} AND estimate IS NOT NULL)
        SELECT r.estimate AS rural, r.ci_low AS rural_low, r.ci_high AS rural_high, r.method,
               u.estimate AS urban, u.ci_low AS urban_low, u.ci_high AS urban_high
        FROM figure r, figure u WHERE r.subgroup = 'is_urban=false' AND u.subgroup = 'is_urban=true'""",
    ),
    Question(
        "vulnerable",
        f"""WITH figure AS (
            SELECT statistic, estimate, ci_low, ci_high, method FROM fct_mpi
            WHERE quarter = $quarter AND measure_id = $measure AND {QUOTED} AND area_id = $area AND estimate IS NOT NULL)
        SELECT v.estimate AS near, v.ci_low AS near_low, v.ci_high AS near_high, v.method,
               s.estimate AS severe, s.ci_low AS severe_low, s.ci_high AS severe_high
        FROM figure v, figure s WHERE v.statistic = 'vulnerable' AND s.statistic = 'severe'""",
    ),
)

RANK = (
    Question(
        "rank",
        """SELECT place, level_key, "rank", rank_low AS first, rank_high AS last, n_areas AS areas, method
        FROM ranked WHERE area_id = $area""",
        needs=("fct_rank",),
    ),
)

WHERE_HIGHEST = (
    Question(
        "worst",
        f"""WITH {_BELOW}
        SELECT level_key, place, estimate, ci_low, ci_high, method FROM nearest ORDER BY estimate DESC, area_id LIMIT 3""",
    ),
    Question(
        "levels_absent",
        """SELECT level_key FROM rung
        WHERE depth > (SELECT r.depth FROM dim_area JOIN rung r USING (area_level) WHERE area_id = $area)
          AND depth NOT IN (SELECT depth FROM headcount h JOIN inside i ON i.area_id = h.area_id AND i.subject = $area
                            WHERE ci_low IS NOT NULL)
        ORDER BY depth""",
    ),
)

WHERE_MOST = (
    Question(
        "most_poor_people",
        f"""WITH {_BELOW}
        SELECT level_key, place, population, estimate * population AS people, ci_low * population AS people_low,
               ci_high * population AS people_high, method
        FROM nearest WHERE population IS NOT NULL ORDER BY people DESC, area_id LIMIT 1""",
    ),
)
