"""Questions about the record: registers, quality of the figures, and sources.

Belongs here: what the report says about registers and about its own evidence. Does not belong here: poverty itself.
"""

from __future__ import annotations

from poverty_assets.catalog.columns import FINEST
from poverty_assets.reports.quarterly.finding import Question
from poverty_assets.reports.quarterly.fragments import GAP, HEADCOUNT, PLACE, ctes

REGISTER, QUALITY, SOURCES = "report_registers", "report_quality", "report_sources"

REGISTERS: tuple[Question, ...] = (
    Question(
        "register_country",
        REGISTER,
        """SELECT register_id, listed, households, rate FROM fct_register
        WHERE quarter = $quarter AND area_level = 'country' AND is_headline AND NOT suppressed AND rate IS NOT NULL
        ORDER BY register_id LIMIT 1""",
    ),
    Question(
        "gap_tally",
        REGISTER,
        f"""{ctes(gap=GAP)}
        SELECT count(*) AS areas, count(*) FILTER (WHERE coverage_gap_ci_low > 0) AS short,
               count(*) FILTER (WHERE coverage_gap_ci_high < 0) AS over
        FROM gap HAVING count(*) > 0""",
    ),
    Question(
        "gap_largest",
        REGISTER,
        f"""{ctes(gap=GAP, place=PLACE)}
        SELECT place, rate, modelled_rate, coverage_gap, coverage_gap_ci_low AS gap_low, coverage_gap_ci_high AS gap_high
        FROM gap JOIN place USING (area_id) WHERE coverage_gap_ci_low > 0 ORDER BY coverage_gap DESC, area_id LIMIT 2""",
    ),
    Question(
        "gap_none",
        REGISTER,
        f"""{ctes(gap=GAP)}
        SELECT count(*) AS areas FROM gap HAVING count(*) > 0 AND count(*) FILTER (WHERE coverage_gap_ci_low > 0) = 0""",
    ),
    Question(
        "audit_country",
        REGISTER,
        """SELECT register_id, share_missed, share_missed_ci_low AS missed_low, share_missed_ci_high AS missed_high,
               missed_households
        FROM fct_register_audit
        WHERE quarter = $quarter AND area_level = 'country' AND is_headline AND NOT suppressed AND share_missed IS NOT NULL
          AND missed_households IS NOT NULL
        ORDER BY register_id LIMIT 1""",
        needs=("fct_register_audit",),
    ),
    Question(
        "gap_skill",
        REGISTER,
        """SELECT m.value FROM model_metric m JOIN model_run r ON r.quarter = m.quarter AND r.target_kind = m.target_kind
          AND r.target = m.target
          AND r.learner = m.learner
        WHERE m.quarter = $quarter AND m.metric = 'spearman' AND m.fold_design SIMILAR TO 'block[0-9.]+km'
          AND m.target_kind = 'register_rate' ORDER BY m.target LIMIT 1""",
    ),
    Question(
        "register_absent",
        REGISTER,
        """SELECT q.quarter FROM dim_quarter q
        WHERE q.quarter = $quarter AND NOT EXISTS (FROM fct_register r WHERE r.quarter = q.quarter)
          AND EXISTS (FROM fct_register)""",
    ),
)

_FACTS = ("fct_mpi", "fct_headcount", "fct_contribution", "fct_overlap_pair", "fct_deprivation_count", "fct_bundle")
_EVERY_FACT = " UNION ALL ".join(f"SELECT suppressed FROM {name} WHERE quarter = $quarter" for name in _FACTS)

QUALITIES: tuple[Question, ...] = (
    Question(
        "checks",
        QUALITY,
        """SELECT count(*) AS checks, count(*) FILTER (WHERE NOT passed) AS failed FROM check_result WHERE quarter = $quarter
        HAVING failed > 0 AND count(*) FILTER (WHERE NOT passed AND severity = 'error') = 0""",
    ),
    Question(
        "checks_passed",
        QUALITY,
        """SELECT count(*) AS checks FROM check_result WHERE quarter = $quarter
        HAVING count(*) > 0 AND count(*) FILTER (WHERE NOT passed) = 0""",
    ),
    Question(
        "checks_stopping",
        QUALITY,
        """SELECT count(*) AS checks, count(*) FILTER (WHERE NOT passed) AS failed,
               count(*) FILTER (WHERE NOT passed AND severity = 'error') AS errors
        FROM check_result WHERE quarter = $quarter HAVING errors > 0""",
    ),
    Question(
        "checks_failed",
        QUALITY,
        """SELECT table_name, check_name, failing_rows FROM check_result WHERE quarter = $quarter AND NOT passed
        ORDER BY severity, failing_rows DESC, table_name, check_name LIMIT 3""",
    ),
    Question(
        "flags",
        QUALITY,
        f"""{ctes(headcount=HEADCOUNT)},
        small AS (FROM headcount WHERE area_level = {FINEST}),
        flag AS (SELECT unnest(string_split(quality_flag, ',')) AS flag FROM small WHERE quality_flag <> 'ok')
        SELECT (SELECT count(*) FROM small) AS areas,
               (SELECT count(*) FROM small WHERE quality_flag <> 'ok') AS flagged, flag, count(*) AS times
        FROM flag GROUP BY flag ORDER BY times DESC, flag LIMIT 1""",
    ),
    Question(
        "flags_none",
        QUALITY,
        f"""{ctes(headcount=HEADCOUNT)}
        SELECT count(*) AS areas FROM headcount WHERE area_level = {FINEST}
        HAVING count(*) > 0 AND count(*) FILTER (WHERE quality_flag <> 'ok') = 0""",
    ),
    Question(
        "screening",
        QUALITY,
        """SELECT l.plural_en AS many, s.share_without_data AS without, s.share_few_clusters AS few, s.verdict
        FROM screening s JOIN dim_level l USING (area_level)
        WHERE s.quarter = $quarter AND s.indicator_id = 'all' AND s.method = 'direct' AND s.verdict <> 'fine'
        ORDER BY l.depth""",
        needs=("screening",),
    ),
    Question(
        "width",
        QUALITY,
        f"""{ctes(headcount=HEADCOUNT)}
        SELECT l.name_en AS level, median(ci_high - ci_low) AS width FROM headcount JOIN dim_level l USING (area_level)
        WHERE ci_low IS NOT NULL AND l.role <> 'country' GROUP BY l.name_en, l.depth ORDER BY l.depth""",
        ", ",
    ),
    Question(
        "wide",
        QUALITY,
        f"""{ctes(headcount=HEADCOUNT)}
        SELECT count(*) AS areas, count(*) FILTER (WHERE ci_high - ci_low > 0.3) AS wide FROM headcount
        WHERE ci_low IS NOT NULL AND area_level = {FINEST} HAVING wide > 0""",
    ),
    Question(
        "evidence",
        QUALITY,
        f"""{ctes(headcount=HEADCOUNT)}
        SELECT method, count(*) AS areas FROM headcount WHERE area_level = {FINEST} GROUP BY method
        ORDER BY areas DESC, method""",
        ", ",
    ),
    Question(
        "nowcast",
        QUALITY,
        """SELECT CASE nowcast_method WHEN 'nowcast' THEN 'say_is_nowcast' WHEN 'trend' THEN 'say_is_trend'
                   ELSE 'say_is_carried_on' END AS meaning
        FROM dim_quarter WHERE quarter = $quarter AND is_nowcast AND nowcast_method IS NOT NULL""",
        needs=("dim_quarter.nowcast_method",),
    ),
    Question(
        "suppressed",
        QUALITY,
        f"""SELECT count(*) AS figures, count(*) FILTER (WHERE suppressed) AS withheld,
               count(*) FILTER (WHERE suppressed) / count(*) AS share
        FROM ({_EVERY_FACT}) HAVING withheld > 0""",
    ),
)

_PREVIOUS = "SELECT * FROM meta_source WHERE quarter = $previous"
_THIS = "SELECT * FROM meta_source WHERE quarter = $quarter"

ORIGINS: tuple[Question, ...] = (
    Question(
        "sources",
        SOURCES,
        """SELECT count(*) AS sources, max(observed_to) AS newest, min(observed_to) AS oldest,
               list_sort(list(DISTINCT licence)) AS licences
        FROM meta_source WHERE quarter = $quarter HAVING count(*) > 0""",
    ),
    Question(
        "sources_newer",
        SOURCES,
        f"""{ctes(this=_THIS, before=_PREVIOUS)}
        SELECT $previous::DATE AS previous, this.title, this.observed_to, count(*) OVER () AS count
        FROM this JOIN before USING (source_id) WHERE this.sha256 <> before.sha256 ORDER BY this.observed_to DESC, title LIMIT 6""",
        ", ",
    ),
    Question(
        "sources_added",
        SOURCES,
        f"""{ctes(this=_THIS, before=_PREVIOUS)}
        SELECT $previous::DATE AS previous, title, observed_from, observed_to FROM this ANTI JOIN before USING (source_id)
        WHERE EXISTS (FROM before) ORDER BY title LIMIT 6""",
    ),
    Question(
        "sources_gone",
        SOURCES,
        f"""{ctes(this=_THIS, before=_PREVIOUS)}
        SELECT $previous::DATE AS previous, title FROM before ANTI JOIN this USING (source_id) ORDER BY title LIMIT 6""",
        ", ",
    ),
    Question(
        "sources_same",
        SOURCES,
        f"""{ctes(this=_THIS, before=_PREVIOUS)}
        SELECT $previous::DATE AS previous FROM before FULL JOIN this USING (source_id)
        HAVING count(before.title) > 0
           AND count(*) = count(*) FILTER (WHERE coalesce(this.sha256 = before.sha256, false))""",
    ),
    Question(
        "sources_first",
        SOURCES,
        """SELECT q.quarter FROM dim_quarter q
        WHERE q.quarter = $quarter AND NOT EXISTS (FROM dim_quarter b WHERE b.quarter < q.quarter)""",
    ),
    Question(
        "sources_simulated",
        SOURCES,
        """SELECT count(*) AS sources, count(*) FILTER (WHERE is_simulated) AS simulated FROM meta_source
        WHERE quarter = $quarter HAVING simulated > 0""",
    ),
)
