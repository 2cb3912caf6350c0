"""Questions about hazards and vulnerability.

Belongs here: who is exposed, who could become poor. Does not belong here: present poverty (``areas``).

The range of an exposure is that of its threshold's tolerance, not a sampling interval, and is said to be so.
"""

from __future__ import annotations

from poverty_assets.reports.quarterly.finding import Question
from poverty_assets.reports.quarterly.fragments import PLACE, PUBLISHED, ctes

THREAT = "report_threats"

_SHOWN = "quarter = $quarter AND is_headline AND NOT suppressed"
_HAZARD = f"""
    SELECT f.area_id, f.area_level, f.hazard_id, lower(d.name_en) AS hazard, f.share_exposed,
           f.share_exposed_ci_low AS exposed_low, f.share_exposed_ci_high AS exposed_high, f.share_poor_exposed,
           f.share_poor_exposed_ci_low AS poor_low, f.share_poor_exposed_ci_high AS poor_high
    FROM fct_hazard f JOIN dim_hazard d USING (quarter, hazard_id) WHERE {_SHOWN}
"""
_SHOCK = f"""
    SELECT f.area_id, f.area_level, f.shock_id, lower(d.name_en) AS shock, f.expected_new_poor,
           f.expected_new_poor_ci_low AS new_low, f.expected_new_poor_ci_high AS new_high
    FROM fct_vulnerability f JOIN (SELECT DISTINCT shock_id, measure_id, COLUMNS('^name_') FROM dim_shock WHERE quarter = $quarter) d
      USING (shock_id, measure_id)
    WHERE {_SHOWN} AND f.measure_id = $measure AND f.expected_new_poor_ci_low IS NOT NULL
"""

THREATS: tuple[Question, ...] = (
    Question(
        "hazard_country",
        THREAT,
        f"""{ctes(hazard=_HAZARD)}
        SELECT hazard, share_exposed, exposed_low, exposed_high FROM hazard
        WHERE area_level = 'country' AND share_exposed IS NOT NULL ORDER BY share_exposed DESC, hazard_id LIMIT 4""",
        ", ",
        needs=("fct_hazard", "dim_hazard"),
    ),
    Question(
        "hazard_poor",
        THREAT,
        f"""{ctes(hazard=_HAZARD, place=PLACE)},
        widest AS (SELECT hazard_id FROM hazard WHERE area_level = 'country' AND share_exposed > 0
                   ORDER BY share_exposed DESC, hazard_id LIMIT 1)
        SELECT hazard, place, share_poor_exposed, poor_low, poor_high
        FROM hazard JOIN widest USING (hazard_id) JOIN place USING (area_id)
        WHERE area_level = {PUBLISHED} AND share_poor_exposed > 0 ORDER BY share_poor_exposed DESC, area_id LIMIT 1""",
        needs=("fct_hazard", "dim_hazard"),
    ),
    Question(
        "near_poor_exposed",
        THREAT,
        f"""SELECT exposed_near_poor, exposed_near_poor_ci_low AS exposed_low, exposed_near_poor_ci_high AS exposed_high
        FROM fct_vulnerability
        WHERE {_SHOWN} AND measure_id = $measure AND area_level = 'country' AND exposed_near_poor IS NOT NULL
        ORDER BY shock_id LIMIT 1""",
        needs=("fct_vulnerability",),
    ),
    Question(
        "shock_country",
        THREAT,
        f"""{ctes(shock=_SHOCK)}
        SELECT shock, expected_new_poor, new_low, new_high FROM shock
        WHERE area_level = 'country' ORDER BY expected_new_poor DESC, shock_id LIMIT 4""",
        needs=("fct_vulnerability", "dim_shock"),
    ),
    Question(
        "shock_where",
        THREAT,
        f"""{ctes(shock=_SHOCK, place=PLACE)},
        worst AS (SELECT shock_id FROM shock WHERE area_level = 'country' ORDER BY expected_new_poor DESC, shock_id LIMIT 1)
        SELECT shock, place, expected_new_poor, new_low, new_high
        FROM shock JOIN worst USING (shock_id) JOIN place USING (area_id)
        WHERE area_level = {PUBLISHED} ORDER BY expected_new_poor DESC, area_id LIMIT 1""",
        needs=("fct_vulnerability", "dim_shock"),
    ),
)
