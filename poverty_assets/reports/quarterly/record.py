"""Questions about the record: how sure the figures are, what they rest on, and what to know before using them.

Belongs here: what the report says about its own evidence. Does not belong here: poverty itself.
"""

from __future__ import annotations

from poverty_assets.reports.quarterly.finding import Question

HOW_SURE = (
    Question(
        "sure",
        """WITH known AS (SELECT h.* FROM headcount h JOIN inside i ON i.area_id = h.area_id AND i.subject = $area
            WHERE ci_low IS NOT NULL),
        smallest AS (FROM known WHERE depth = (SELECT max(depth) FROM known))
        SELECT any_value(level_key) AS level_key, median(ci_high - ci_low) AS width, count(*) AS areas,
               count(*) FILTER (ci_high - ci_low > 0.3) AS wide, list_sort(list(DISTINCT method)) AS method
        FROM smallest HAVING count(*) > 0""",
    ),
)

_FACTS = ("fct_mpi", "fct_headcount", "fct_contribution", "fct_overlap_pair", "fct_deprivation_count", "fct_bundle")
_EVERY_FACT = " UNION ALL ".join(f"SELECT suppressed FROM {name} WHERE quarter = $quarter" for name in _FACTS)

_PEOPLE = """SELECT place, coalesce(s.title, w.source_id) AS source, observed_on AS on_day, benchmark_on AS held, benchmark_total AS total
    FROM fct_population w JOIN place USING (area_id) LEFT JOIN meta_source s ON s.quarter = w.quarter AND s.source_id = w.source_id
    WHERE w.quarter = $quarter AND area_id = $area AND age_group = 'all' AND observed_on IS NOT NULL AND w.population IS NOT NULL
      AND benchmark_on {}"""

_PRICES = """SELECT place, lower(d.name_en) AS shock, p.price_change AS rise, p.price_change_ci_low AS rise_low,
        p.price_change_ci_high AS rise_high, p.n_markets AS markets, p.baseline, coalesce(s.title, p.source_id) AS source
    FROM price_change p JOIN place USING (area_id) JOIN dim_shock d USING (quarter, shock_id)
    LEFT JOIN meta_source s ON s.quarter = p.quarter AND s.source_id = p.source_id
    WHERE p.quarter = $quarter AND p.area_id = $area AND commodity = 'basket' AND basis = '{}' ORDER BY p.shock_id LIMIT 1"""

_WITHIN = """WITH RECURSIVE down AS (
        SELECT area_id FROM dim_area WHERE area_id = $area
        UNION ALL SELECT a.area_id FROM down d JOIN dim_area a ON a.parent_id = d.area_id),
    finest AS (
        SELECT a.area_id, a.name_en AS own, coalesce(w.population, a.households) IS NULL AS lost,
               count(*) OVER (PARTITION BY a.parent_id) = 1 AS alone
        FROM down JOIN dim_area a USING (area_id) JOIN people w USING (area_id) JOIN rung USING (area_level)
        WHERE role = 'finest' AND a.area_id <> $area)"""
"""Areas of the finest level in the one that is asked of, and whether nobody counts their people."""

NOTES: tuple[Question, ...] = (
    Question(
        "checks_stopping",
        """SELECT count(*) AS checks, count(*) FILTER (WHERE NOT passed) AS failed,
               count(*) FILTER (WHERE NOT passed AND severity = 'error') AS errors
        FROM check_result WHERE quarter = $quarter HAVING errors > 0""",
    ),
    Question(
        "evidence",
        """SELECT h.method, h.n_households AS households,
               coalesce(s.title, q.survey_wave) AS wave,
               CASE WHEN q.is_nowcast THEN 'say_before_quarter' ELSE 'say_within_quarter' END AS "when"
        FROM headcount h, dim_quarter q LEFT JOIN meta_source s ON s.quarter = q.quarter AND s.source_id = q.survey_wave
        WHERE h.area_id = $area AND q.quarter = $quarter AND q.survey_wave IS NOT NULL""",
    ),
    Question(
        "evidence_published",
        """SELECT h.method FROM headcount h, dim_quarter q
        WHERE h.area_id = $area AND q.quarter = $quarter AND q.survey_wave IS NULL""",
    ),
    Question(
        "overlap_inferred",
        """SELECT method FROM pair, dim_quarter q
        WHERE area_id = $area AND method <> 'direct' AND lift_ci_low IS NOT NULL AND q.quarter = $quarter AND q.survey_wave IS NULL
        GROUP BY method ORDER BY method LIMIT 1""",
    ),
    Question(
        "uncounted",
        f"""{_WITHIN} SELECT place, count(*) FILTER (WHERE lost) AS n, count(*) AS areas,
               first(own ORDER BY alone DESC, f.area_id) FILTER (WHERE lost) AS first
        FROM finest f, place p WHERE p.area_id = $area GROUP BY place HAVING n > 0 AND n < count(*)""",
    ),
    Question(
        "alike",
        f"""{_WITHIN} SELECT place, count(*) AS areas FROM finest, place p WHERE p.area_id = $area
        GROUP BY place HAVING bool_and(lost)""",
    ),
    Question("population", _PEOPLE.format("IS NULL"), needs=("fct_population",)),
    Question("population_laid", _PEOPLE.format("IS NOT NULL"), needs=("fct_population",)),
    Question("prices", _PRICES.format("own"), needs=("price_change", "dim_shock")),
    Question("prices_taken", _PRICES.format("level_above"), needs=("price_change", "dim_shock")),
    Question(
        "threshold",
        """SELECT lower(d.name_en) AS hazard, d.source_of_threshold AS word
        FROM fct_hazard f JOIN dim_hazard d USING (quarter, hazard_id)
        WHERE f.quarter = $quarter AND f.area_id = $area AND is_headline AND NOT suppressed AND f.share_poor_exposed > 0
          AND d.observed_to IS NOT NULL
        ORDER BY f.share_poor_exposed DESC, hazard_id LIMIT 1""",
        needs=("fct_hazard", "dim_hazard.observed_to"),
    ),
    Question(
        "nowcast",
        """SELECT CASE nowcast_method WHEN 'nowcast' THEN 'say_is_nowcast' WHEN 'trend' THEN 'say_is_trend'
                   ELSE 'say_is_carried_on' END AS meaning
        FROM dim_quarter WHERE quarter = $quarter AND is_nowcast AND nowcast_method IS NOT NULL""",
        needs=("dim_quarter.nowcast_method",),
    ),
    Question(
        "checks",
        """SELECT count(*) AS checks, count(*) FILTER (WHERE NOT passed) AS failed FROM check_result WHERE quarter = $quarter
        HAVING failed > 0 AND count(*) FILTER (WHERE NOT passed AND severity = 'error') = 0""",
    ),
    Question(
        "checks_passed",
        """SELECT count(*) AS checks FROM check_result WHERE quarter = $quarter
        HAVING count(*) > 0 AND count(*) FILTER (WHERE NOT passed) = 0""",
    ),
    Question(
        "suppressed",
        f"""SELECT count(*) AS figures, count(*) FILTER (WHERE suppressed) AS withheld,
               count(*) FILTER (WHERE suppressed) / count(*) AS share
        FROM ({_EVERY_FACT}) HAVING withheld > 0""",
    ),
    Question(
        "sources",
        """SELECT count(*) AS sources, max(observed_to) AS newest, min(observed_to) AS oldest,
               list_sort(list(DISTINCT licence)) AS licences
        FROM meta_source WHERE quarter = $quarter AND sha256 IS NOT NULL HAVING count(*) > 0""",
    ),
    Question(
        "preliminary",
        """SELECT count(*) AS n, list(title ORDER BY title) AS titles FROM meta_source
        WHERE quarter = $quarter AND is_preliminary HAVING n > 0""",
        needs=("meta_source.is_preliminary",),
    ),
    Question(
        "revised",
        """SELECT revision, CAST(built_at AS DATE) AS on_day, moved, figures, coalesce(outside, 0) AS outside FROM meta_revision
        WHERE quarter = $quarter AND moved > 0 ORDER BY revision DESC LIMIT 1""",
        needs=("meta_revision.moved",),
    ),
    Question(
        "sources_simulated",
        """SELECT count(*) AS sources, count(*) FILTER (WHERE is_simulated) AS simulated FROM meta_source
        WHERE quarter = $quarter AND sha256 IS NOT NULL HAVING simulated > 0""",
    ),
)
