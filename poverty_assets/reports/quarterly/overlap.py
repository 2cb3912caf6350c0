"""Questions about how poor people are and which of their deprivations meet in the same household.

Belongs here: the country at a glance, pairs, sets and numbers of deprivations. Does not belong here: ranking areas (``areas``).
"""

from __future__ import annotations

from poverty_assets.reports.quarterly.finding import Question
from poverty_assets.reports.quarterly.fragments import (
    BUNDLE,
    HEADCOUNT,
    LEVELS,
    PAIR,
    PLACE,
    PUBLISHED,
    QUOTED,
    THIRD,
    ctes,
)

GLANCE, OVERLAP = "report_glance", "report_overlap"

_OF_COUNTRY = f"""
    SELECT statistic, estimate, ci_low, ci_high, n_households FROM fct_mpi
    WHERE quarter = $quarter AND measure_id = $measure AND {QUOTED} AND area_level = 'country' AND estimate IS NOT NULL
"""

COUNTRY: tuple[Question, ...] = (
    Question(
        "country_poor",
        GLANCE,
        f"""{ctes(headcount=HEADCOUNT, place=PLACE)}
        SELECT place, estimate, ci_low, ci_high FROM headcount JOIN place USING (area_id) WHERE area_level = 'country'""",
    ),
    Question(
        "country_intensity",
        GLANCE,
        f"""{ctes(figure=_OF_COUNTRY + f" AND {THIRD}")}
        SELECT a.estimate AS intensity, a.ci_low AS intensity_low, a.ci_high AS intensity_high,
               m.estimate AS mpi, m.ci_low AS mpi_low, m.ci_high AS mpi_high
        FROM figure a, figure m WHERE a.statistic = 'intensity' AND m.statistic = 'mpi'""",
    ),
    Question(
        "country_vulnerable",
        GLANCE,
        f"""{ctes(figure=_OF_COUNTRY)}
        SELECT v.estimate AS near, v.ci_low AS near_low, v.ci_high AS near_high,
               s.estimate AS severe, s.ci_low AS severe_low, s.ci_high AS severe_high
        FROM figure v, figure s WHERE v.statistic = 'vulnerable' AND s.statistic = 'severe'""",
    ),
    Question(
        "country_urban_rural",
        GLANCE,
        f"""WITH figure AS (
            SELECT subgroup, estimate, ci_low, ci_high FROM fct_mpi
            WHERE quarter = $quarter AND measure_id = $measure AND area_level = 'country' AND is_headline AND NOT suppressed
              AND statistic = 'headcount_ratio' AND {THIRD} AND estimate IS NOT NULL)
        SELECT r.estimate AS rural, r.ci_low AS rural_low, r.ci_high AS rural_high,
               u.estimate AS urban, u.ci_low AS urban_low, u.ci_high AS urban_high
        FROM figure r, figure u WHERE r.subgroup = 'is_urban=false' AND u.subgroup = 'is_urban=true'""",
    ),
    Question(
        "country_contribution",
        GLANCE,
        f"""SELECT lower(i.name_en) AS name, c.share FROM fct_contribution c JOIN dim_indicator i USING (measure_id, indicator_id)
        WHERE c.quarter = $quarter AND c.measure_id = $measure AND {QUOTED} AND c.{THIRD} AND c.area_level = 'country'
          AND c.share IS NOT NULL
        ORDER BY c.share DESC, 1 LIMIT 3""",
        ", ",
    ),
    Question(
        "country_evidence",
        GLANCE,
        f"""{ctes(headcount=HEADCOUNT)}
        SELECT h.method, h.n_households AS households,
               coalesce(s.title, q.survey_wave) AS wave,
               CASE WHEN q.is_nowcast THEN 'say_before_quarter' ELSE 'say_within_quarter' END AS "when"
        FROM headcount h, dim_quarter q LEFT JOIN meta_source s ON s.quarter = q.quarter AND s.source_id = q.survey_wave
        WHERE h.area_level = 'country' AND q.quarter = $quarter AND q.survey_wave IS NOT NULL""",
    ),
    Question(
        "country_evidence_published",
        GLANCE,
        f"""{ctes(headcount=HEADCOUNT)}
        SELECT h.method FROM headcount h, dim_quarter q
        WHERE h.area_level = 'country' AND q.quarter = $quarter AND q.survey_wave IS NULL""",
    ),
    Question(
        "country_absent",
        GLANCE,
        f"""{ctes(headcount=HEADCOUNT)}
        SELECT q.quarter FROM dim_quarter q
        WHERE q.quarter = $quarter AND NOT EXISTS (FROM headcount WHERE area_level = 'country')""",
    ),
)

PATTERNS: tuple[Question, ...] = (
    Question(
        "overlap_inferred",
        OVERLAP,
        f"""SELECT DISTINCT method FROM fct_overlap_pair
        WHERE quarter = $quarter AND measure_id = $measure AND {QUOTED} AND area_level = 'country' AND method <> 'direct'
          AND share_both_ci_low IS NOT NULL
        ORDER BY method LIMIT 1""",
    ),
    Question(
        "pair_largest",
        OVERLAP,
        f"""{ctes(pair=PAIR)}
        SELECT name_a, name_b, share_both, share_both_ci_low AS both_low, share_both_ci_high AS both_high FROM pair
        WHERE area_level = 'country' ORDER BY share_both DESC, name_a, name_b LIMIT 3""",
    ),
    Question(
        "pair_strongest",
        OVERLAP,
        f"""{ctes(pair=PAIR)}
        SELECT name_a, name_b, lift, lift_ci_low AS lift_low, lift_ci_high AS lift_high FROM pair
        WHERE area_level = 'country' AND share_both >= 0.01 AND lift_ci_low IS NOT NULL
        ORDER BY lift DESC, name_a, name_b LIMIT 1""",
    ),
    *(
        Question(
            f"pair_where_{level}",
            OVERLAP,
            f"""{ctes(pair=PAIR, place=PLACE)},
            largest AS (SELECT indicator_a, indicator_b FROM pair WHERE area_level = 'country'
                        ORDER BY share_both DESC, name_a, name_b LIMIT 1)
            SELECT name_a, name_b, place, share_both, share_both_ci_low AS both_low, share_both_ci_high AS both_high
            FROM pair JOIN largest USING (indicator_a, indicator_b) JOIN place USING (area_id)
            WHERE area_level = {LEVELS[level]} ORDER BY share_both DESC, area_id LIMIT 2""",
            say="pair_where",
            level=level,
        )
        for level in ("published", "finest")
    ),
    Question(
        "bundle_largest",
        OVERLAP,
        f"""{ctes(bundle=BUNDLE)}
        SELECT names, share, share_ci_low AS share_low, share_ci_high AS share_high FROM bundle
        WHERE area_level = 'country' AND n_deprivations >= 2 ORDER BY share DESC, bundle_mask LIMIT 2""",
    ),
    Question(
        "bundle_excess",
        OVERLAP,
        f"""{ctes(bundle=BUNDLE)}
        SELECT names, share, share_expected, excess_ci_low AS excess_low, excess_ci_high AS excess_high FROM bundle
        WHERE area_level = 'country' AND n_deprivations >= 2 AND excess_ci_low > 0
        ORDER BY excess DESC, bundle_mask LIMIT 1""",
    ),
    Question(
        "bundle_where",
        OVERLAP,
        f"""{ctes(bundle=BUNDLE, place=PLACE)},
        largest AS (SELECT bundle_mask FROM bundle WHERE area_level = 'country' AND n_deprivations >= 2
                    ORDER BY share DESC, bundle_mask LIMIT 1)
        SELECT names, place, share, share_ci_low AS share_low, share_ci_high AS share_high
        FROM bundle JOIN largest USING (bundle_mask) JOIN place USING (area_id)
        WHERE area_level = {PUBLISHED} ORDER BY share DESC, area_id LIMIT 1""",
    ),
    Question(
        "count_none",
        OVERLAP,
        f"""SELECT estimate, ci_low, ci_high FROM fct_deprivation_count
        WHERE quarter = $quarter AND measure_id = $measure AND {QUOTED} AND area_level = 'country' AND n_deprivations = 0
          AND estimate IS NOT NULL""",
    ),
    Question(
        "overlap_absent",
        OVERLAP,
        f"""{ctes(pair=PAIR)}
        SELECT q.quarter FROM dim_quarter q WHERE q.quarter = $quarter AND NOT EXISTS (FROM pair)
          AND q.survey_wave IS NULL""",
    ),
    Question(
        "headcount_largest",
        OVERLAP,
        f"""SELECT lower(i.name_en) AS name, h.estimate FROM fct_headcount h JOIN dim_indicator i USING (measure_id, indicator_id)
        WHERE h.quarter = $quarter AND h.measure_id = $measure AND {QUOTED} AND h.area_level = 'country'
          AND h.kind = 'uncensored' AND h.estimate IS NOT NULL
        ORDER BY h.estimate DESC, 1 LIMIT 3""",
        ", ",
    ),
)
