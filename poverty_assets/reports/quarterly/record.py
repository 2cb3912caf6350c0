"""Questions about the record: registers, quality of the figures, and sources.

Belongs here: what the report says about registers and about its own evidence. Does not belong here: poverty itself.
"""

from __future__ import annotations

from poverty_assets.catalog.columns import FINEST
from poverty_assets.reports.quarterly.finding import Question
from poverty_assets.reports.quarterly.fragments import GAP, HEADCOUNT, PLACE, ctes

REGISTER, QUALITY, SOURCES = "Registers", "How good the figures are", "Sources"

REGISTERS: tuple[Question, ...] = (
    Question(
        "register_country",
        REGISTER,
        "The register {register_id} lists {listed:n} of {households:n} households ({rate:pct}). It says who is listed, not who"
        " is poor.",
        """SELECT register_id, listed, households, rate FROM fct_register
        WHERE quarter = $quarter AND area_level = 'country' AND is_headline AND NOT suppressed AND rate IS NOT NULL
        ORDER BY register_id LIMIT 1""",
    ),
    Question(
        "gap_tally",
        REGISTER,
        "In {short:n} of {areas:n} {finest_many} it lists significantly fewer households than a model expects that has not seen"
        " them, in {over:n} significantly more.",
        f"""{ctes(gap=GAP)}
        SELECT count(*) AS areas, count(*) FILTER (WHERE coverage_gap_ci_low > 0) AS short,
               count(*) FILTER (WHERE coverage_gap_ci_high < 0) AS over
        FROM gap HAVING count(*) > 0""",
    ),
    Question(
        "gap_largest",
        REGISTER,
        "Largest significant shortfalls (95% interval of the gap in brackets, in points): {items}.",
        f"""{ctes(gap=GAP, place=PLACE)}
        SELECT place, rate, modelled_rate, coverage_gap, coverage_gap_ci_low AS gap_low, coverage_gap_ci_high AS gap_high
        FROM gap JOIN place USING (area_id) WHERE coverage_gap_ci_low > 0 ORDER BY coverage_gap DESC, area_id LIMIT 2""",
        "{place} lists {rate:pct}, expected {modelled_rate:pct} (gap {gap_interval:points/short})",
    ),
    Question(
        "gap_none",
        REGISTER,
        "No {finest}'s register falls significantly short of what the model expects.",
        f"""{ctes(gap=GAP)}
        SELECT count(*) AS areas FROM gap HAVING count(*) > 0 AND count(*) FILTER (WHERE coverage_gap_ci_low > 0) = 0""",
    ),
    Question(
        "audit_country",
        REGISTER,
        "Of poor households, an estimated {share_missed:pct} are not listed by {register_id}, {missed_interval:pct}: about"
        " {missed_households:about} households.",
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
        "On {finest_many} held out by blocks of land, the model's rates correlate {value:.2f} (Spearman) with the register's.",
        """SELECT m.value FROM model_metric m JOIN model_run r ON r.quarter = m.quarter AND r.target_kind = m.target_kind
          AND r.target = m.target
          AND r.learner = m.learner
        WHERE m.quarter = $quarter AND m.metric = 'spearman' AND m.fold_design SIMILAR TO 'block[0-9.]+km'
          AND m.target_kind = 'register_rate' ORDER BY m.target LIMIT 1""",
    ),
    Question(
        "register_absent",
        REGISTER,
        "No register serves {quarter:quarter}.",
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
        "Of {checks:n} data checks of this quarter, {failed:n} failed, all of the kind that warns.",
        """SELECT count(*) AS checks, count(*) FILTER (WHERE NOT passed) AS failed FROM check_result WHERE quarter = $quarter
        HAVING failed > 0 AND count(*) FILTER (WHERE NOT passed AND severity = 'error') = 0""",
    ),
    Question(
        "checks_passed",
        QUALITY,
        "All {checks:n} data checks of this quarter passed.",
        """SELECT count(*) AS checks FROM check_result WHERE quarter = $quarter
        HAVING count(*) > 0 AND count(*) FILTER (WHERE NOT passed) = 0""",
    ),
    Question(
        "checks_stopping",
        QUALITY,
        "Of {checks:n} data checks of this quarter, {failed:n} failed, {errors:n} of them of the kind that stops publication:"
        " do not use these figures.",
        """SELECT count(*) AS checks, count(*) FILTER (WHERE NOT passed) AS failed,
               count(*) FILTER (WHERE NOT passed AND severity = 'error') AS errors
        FROM check_result WHERE quarter = $quarter HAVING errors > 0""",
    ),
    Question(
        "checks_failed",
        QUALITY,
        "Failed: {items}.",
        """SELECT table_name, check_name, failing_rows FROM check_result WHERE quarter = $quarter AND NOT passed
        ORDER BY severity, failing_rows DESC, table_name, check_name LIMIT 3""",
        "{check_name} ({table_name}, {failing_rows:n} rows)",
    ),
    Question(
        "flags",
        QUALITY,
        "Of {areas:n} {finest_many} with a headcount ratio, {flagged:n} carry a flag; the most frequent is {flag} ({times:n}).",
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
        "None of the {areas:n} {finest_many} with a headcount ratio carries a flag.",
        f"""{ctes(headcount=HEADCOUNT)}
        SELECT count(*) AS areas FROM headcount WHERE area_level = {FINEST}
        HAVING count(*) > 0 AND count(*) FILTER (WHERE quality_flag <> 'ok') = 0""",
    ),
    Question(
        "screening",
        QUALITY,
        "Before modelling, the survey's own figures of these levels were refused or advised against: {items}.",
        """SELECT l.plural_en AS many, s.share_without_data AS without, s.share_few_clusters AS few, s.verdict
        FROM screening s JOIN dim_level l USING (area_level)
        WHERE s.quarter = $quarter AND s.indicator_id = 'all' AND s.method = 'direct' AND s.verdict <> 'fine'
        ORDER BY l.depth""",
        "{many} ({verdict}: {without:pct} without data, {few:pct} with one cluster)",
        needs=("screening",),
    ),
    Question(
        "width",
        QUALITY,
        "The 95% interval of the headcount ratio is {items}.",
        f"""{ctes(headcount=HEADCOUNT)}
        SELECT l.name_en AS level, median(ci_high - ci_low) AS width FROM headcount JOIN dim_level l USING (area_level)
        WHERE ci_low IS NOT NULL AND l.role <> 'country' GROUP BY l.name_en, l.depth ORDER BY l.depth""",
        "{width:size} wide in the middle {level}",
        ", ",
    ),
    Question(
        "wide",
        QUALITY,
        "In {wide:n} of {areas:n} {finest_many} it is wider than 30 points: do not use those alone.",
        f"""{ctes(headcount=HEADCOUNT)}
        SELECT count(*) AS areas, count(*) FILTER (WHERE ci_high - ci_low > 0.3) AS wide FROM headcount
        WHERE ci_low IS NOT NULL AND area_level = {FINEST} HAVING wide > 0""",
    ),
    Question(
        "evidence",
        QUALITY,
        "Evidence behind the {finest_many}' headcount ratios: {items}.",
        f"""{ctes(headcount=HEADCOUNT)}
        SELECT method, count(*) AS areas FROM headcount WHERE area_level = {FINEST} GROUP BY method
        ORDER BY areas DESC, method""",
        "{method} {areas:n}",
        ", ",
    ),
    Question(
        "nowcast",
        QUALITY,
        "Composite and modelled figures of this quarter are {meaning}.",
        """SELECT CASE nowcast_method WHEN 'nowcast' THEN 'nowcasts: the quarter''s own covariates move them on from the survey'
                   WHEN 'trend' THEN 'those of the survey wave, gone on by half of the country''s trend: no nowcast has beaten that'
                   ELSE 'those of the survey wave, carried on unchanged: no nowcast has beaten that' END AS meaning
        FROM dim_quarter WHERE quarter = $quarter AND is_nowcast AND nowcast_method IS NOT NULL""",
        needs=("dim_quarter.nowcast_method",),
    ),
    Question(
        "suppressed",
        QUALITY,
        "To protect respondents, {withheld:n} of {figures:n} figures are withheld ({share:pct}); they are nowhere in"
        " this report.",
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
        "{sources:n} source files serve this quarter, the newest observed to {newest:day}, the oldest to {oldest:day};"
        " licences: {licences:words}.",
        """SELECT count(*) AS sources, max(observed_to) AS newest, min(observed_to) AS oldest,
               list_sort(list(DISTINCT licence)) AS licences
        FROM meta_source WHERE quarter = $quarter HAVING count(*) > 0""",
    ),
    Question(
        "sources_newer",
        SOURCES,
        "Against {previous:quarter}, {count:n} of the files have other content, among them {items}.",
        f"""{ctes(this=_THIS, before=_PREVIOUS)}
        SELECT $previous::DATE AS previous, this.title, this.observed_to, count(*) OVER () AS count
        FROM this JOIN before USING (source_id) WHERE this.sha256 <> before.sha256 ORDER BY this.observed_to DESC, title LIMIT 6""",
        "{title}",
        ", ",
    ),
    Question(
        "sources_added",
        SOURCES,
        "New since {previous:quarter}: {items}.",
        f"""{ctes(this=_THIS, before=_PREVIOUS)}
        SELECT $previous::DATE AS previous, title, observed_from, observed_to FROM this ANTI JOIN before USING (source_id)
        WHERE EXISTS (FROM before) ORDER BY title LIMIT 6""",
        "{title} (observed {observed_from:day} to {observed_to:day})",
    ),
    Question(
        "sources_gone",
        SOURCES,
        "Used in {previous:quarter} and absent now: {items}.",
        f"""{ctes(this=_THIS, before=_PREVIOUS)}
        SELECT $previous::DATE AS previous, title FROM before ANTI JOIN this USING (source_id) ORDER BY title LIMIT 6""",
        "{title}",
        ", ",
    ),
    Question(
        "sources_same",
        SOURCES,
        "All sources are the same files as in {previous:quarter}.",
        f"""{ctes(this=_THIS, before=_PREVIOUS)}
        SELECT $previous::DATE AS previous FROM before FULL JOIN this USING (source_id)
        HAVING count(before.title) > 0
           AND count(*) = count(*) FILTER (WHERE coalesce(this.sha256 = before.sha256, false))""",
    ),
    Question(
        "sources_first",
        SOURCES,
        "{quarter:quarter} is the first quarter published here, so that its sources have nothing to be compared with.",
        """SELECT q.quarter FROM dim_quarter q
        WHERE q.quarter = $quarter AND NOT EXISTS (FROM dim_quarter b WHERE b.quarter < q.quarter)""",
    ),
    Question(
        "sources_simulated",
        SOURCES,
        "Simulated: {simulated:n} of the {sources:n} source files. No figure of this report describes the real country.",
        """SELECT count(*) AS sources, count(*) FILTER (WHERE is_simulated) AS simulated FROM meta_source
        WHERE quarter = $quarter HAVING simulated > 0""",
    ),
)
