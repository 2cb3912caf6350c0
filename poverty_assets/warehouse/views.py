"""Views for analysts.

Belongs here: the SQL of each ``v_...`` view, and what its own columns mean; views under names that a table or view had before
(``aliases`` of the pack). A column that keeps its table's name keeps its description from the catalog.
"""

from __future__ import annotations

from dataclasses import replace

from poverty_assets.catalog import RENAMED
from poverty_assets.catalog.columns import FINEST
from poverty_assets.catalog.figures import HEADLINE_K, ONE_CUTOFF
from poverty_assets.catalog.vulnerability import HOTSPOT_COLUMNS, HOTSPOT_SQL, REGISTER_AUDIT_SQL
from poverty_assets.errors import SpecificationError
from poverty_assets.pack.country import Country
from poverty_assets.warehouse.figures import area_view, figure_view
from poverty_assets.warehouse.local import tables_of
from poverty_assets.warehouse.view import EVERYBODY, LATEST, OF_QUARTER, View, holders, people_of, shared_columns


def views_of(country: Country) -> tuple[View, ...]:
    """The views as they are in a country, those under older names after the others.

    Raises
    ------
    SpecificationError
        If a name of the pack's ``aliases`` is taken, or stands for no table or view.
    """
    names = ", ".join(f"a.name_{code}" for code in country.language_codes)
    above = "".join(f", a.{level.level_id}_name_en" for level in holders(country))
    shared = shared_columns(country)
    views = [area_view(country), *(_VIEWS), figure_view()]
    views = [
        replace(
            view,
            sql=view.sql.replace("{names}", names).replace("{above}", above),
            columns=shared | view.columns,
        )
        for view in views
    ]
    own = {view.name: view.columns for view in views}
    described = {view.name: view.description for view in views}
    described |= {one.name: one.description for one in tables_of(country)}
    older = RENAMED | country.aliases
    wrong = [f"{old}: {new}" for old, new in older.items() if old in described or new not in described]
    if wrong:
        raise SpecificationError(
            f"{len(wrong)} aliases name no table or view, or have the name of one; first {wrong[0]}",
            file=country.folder / "country.yaml",
            remedy="write the old name, which nothing has now, and the name of a table or view after it",
        )
    return (
        *views,
        *(
            View(
                old,
                f"Other name of {new}. {described[new]}",
                f'SELECT * FROM "{new}"',
                own.get(new, {}),
                of=new,
                released=False,
            )
            for old, new in older.items()
        ),
    )


_COUNTS = " UNION ALL ".join(
    f"""
    SELECT quarter, '{name}' AS table_name, area_level, method, count(*) AS figures,
           count(*) FILTER (suppressed) AS withheld, count(*) FILTER (NOT suppressed AND {width} IS NULL) AS without_interval,
           count(*) FILTER (NOT suppressed AND quality_flag <> 'ok') AS flagged
    FROM {name} WHERE is_headline GROUP BY ALL"""
    for name, width in (
        ("fct_mpi", "ci_low"),
        ("fct_headcount", "ci_low"),
        ("fct_contribution", "ci_low"),
        ("fct_overlap_pair", "share_both_ci_low"),
        ("fct_deprivation_count", "ci_low"),
        ("fct_bundle", "share_ci_low"),
        ("fct_register", "coverage_gap_ci_low"),
    )
)
_SUMS = """
    SELECT m.quarter, m.area_level, m.method, count(*) AS figures, max(abs(m.estimate - c.total)) AS largest_difference
    FROM fct_mpi m JOIN (
        SELECT quarter, area_id, measure_id, subgroup, method, sum(estimate * weight) AS total
        FROM fct_headcount JOIN dim_indicator USING (measure_id, indicator_id)
        WHERE kind = 'censored' GROUP BY ALL HAVING count(*) = count(estimate)) c
      USING (quarter, area_id, measure_id, subgroup, method)
    WHERE m.statistic = 'mpi' AND m.k BETWEEN 0.33 AND 0.34 AND m.estimate IS NOT NULL GROUP BY ALL"""

_PEOPLE_OF_MPI = people_of("estimate", "f.statistic NOT IN ('intensity', 'mpi')")

_VIEWS: tuple[View, ...] = (
    View(
        "v_mpi_latest",
        "Headline figures of the latest quarter for all people: a row per area, measure, k and statistic",
        f"""
        SELECT f.quarter, q.label AS quarter_label, f.area_id, a.area_level, {{names}}, a.parent_id{{above}}, f.measure_id,
               f.k, ({HEADLINE_K} OR {ONE_CUTOFF}) AS is_headline_k, f.statistic, f.estimate, f.se, f.ci_low, f.ci_high,
               {_PEOPLE_OF_MPI}, f.method, f.n_households, f.suppressed, f.quality_flag
        FROM fct_mpi f JOIN v_area a USING (area_id) JOIN dim_quarter q USING (quarter) {EVERYBODY}
        WHERE f.is_headline AND f.subgroup = 'all' AND f.quarter = {LATEST}
        """,
    ),
    View(
        "v_overlap_latest",
        "Overlap of deprivations in the latest quarter for all people: a row per area and pair, the strongest first",
        f"""
        SELECT f.quarter, q.label AS quarter_label, f.area_id, a.area_level, {{names}}{{above}}, f.measure_id,
               f.indicator_a, f.indicator_b, f.share_a, f.share_b, f.share_both, f.share_both_ci_low, f.share_both_ci_high,
               {people_of("share_both")}, f.lift, f.lift_ci_low, f.lift_ci_high, f.phi, f.redundancy, f.odds_ratio,
               f.method, f.n_households, f.suppressed, f.quality_flag
        FROM fct_overlap_pair f JOIN v_area a USING (area_id) JOIN dim_quarter q USING (quarter) {EVERYBODY}
        WHERE f.is_headline AND f.subgroup = 'all' AND f.quarter = {LATEST}
        ORDER BY f.area_id, f.share_both DESC NULLS LAST
        """,
    ),
    View(
        "v_population",
        "People of every area in each quarter and age group, with their day and source, and the census that a grid was laid on",
        """
        SELECT f.quarter, q.label AS quarter_label, f.area_id, f.area_level, {names}{above}, f.age_group, f.population, f.population_urban,
               f.persons_per_household, f.method, f.observed_on, f.source_id, s.title AS source_title, f.people_of_grid,
               f.benchmark_total, f.benchmark_on, f.benchmark_source, f.benchmark_grid_year, f.quality_flag
        FROM fct_population f JOIN v_area a USING (area_id) JOIN dim_quarter q USING (quarter)
        LEFT JOIN meta_source s ON s.quarter = f.quarter AND s.source_id = f.source_id
        """,
        {"source_title": "Title of that source"},
    ),
    View(
        "v_register_gap",
        "Areas by how far the register falls short of what a model expects, the largest gap first (latest quarter)",
        f"""
        SELECT r.quarter, q.label AS quarter_label, r.area_id, {{names}}, a.parent_id{{above}}, r.register_id,
               r.households, r.listed, r.rate, r.modelled_rate, r.modelled_rate_ci_low, r.modelled_rate_ci_high,
               r.coverage_gap, r.coverage_gap_ci_low, r.coverage_gap_ci_high, r.quality_flag
        FROM fct_register r JOIN v_area a USING (area_id) JOIN dim_quarter q USING (quarter)
        WHERE r.is_headline AND r.area_level = {FINEST} AND r.coverage_gap IS NOT NULL AND r.quarter = {LATEST}
        ORDER BY r.coverage_gap DESC
        """,
    ),
    View(
        "v_change_latest",
        "Change of every headline statistic up to the latest quarter, for all people: a row per area, statistic and baseline",
        f"""
        SELECT c.quarter, q.label AS quarter_label, c.baseline_quarter, c.area_id, a.area_level, {{names}}, a.parent_id{{above}},
               c.measure_id, c.k, (c.{HEADLINE_K} OR {ONE_CUTOFF}) AS is_headline_k, c.statistic, c.indicator_id,
               c.difference, c.se, c.ci_low, c.ci_high, c.is_significant, c.edition, c.method, c.n_households, c.quality_flag
        FROM fct_change c JOIN v_area a USING (area_id) JOIN dim_quarter q USING (quarter)
        WHERE c.is_headline AND NOT c.suppressed AND c.subgroup = 'all' AND c.change = 'absolute' AND c.quarter = {LATEST}
        """,
    ),
    View(
        "v_quality",
        "How far the headline figures of each table can be used: counts by quarter, table, level and method",
        f"SELECT q.quarter, q.label AS quarter_label, u.* EXCLUDE (quarter) FROM ({_COUNTS}) u JOIN dim_quarter q USING (quarter)",
        {
            "table_name": "Table that holds the figures",
            "figures": "Headline figures",
            "withheld": "Of them, those suppressed to protect respondents",
            "without_interval": "Of those shown, those without a 95% interval",
            "flagged": "Of those shown, those whose quality_flag is not ok",
        },
        counted=_COUNTS,
    ),
    View(
        "v_adding_up",
        "How near the adjusted headcount ratio is to the weighted sum of the censored headcounts, over all areas and subgroups: a row a"
        " quarter, level and method",
        f"SELECT q.quarter, q.label AS quarter_label, u.* EXCLUDE (quarter) FROM ({_SUMS}) u JOIN dim_quarter q USING (quarter)",
        {
            "figures": "Adjusted headcount ratios (k of one third) of which every censored headcount is shown, too",
            "largest_difference": "Largest difference between one and its sum; the file keeps figures to 1e-8, and holds sums to 1e-6",
        },
        counted=_SUMS,
    ),
    View(
        "v_lineage",
        "Where figures come from: for each quarter, table and method the source files behind them, the run and version of the code that"
        " made the quarter, and those that built this file",
        """
        SELECT s.quarter, q.label AS quarter_label, l.table_name, l.method, l.source_id, s.title, s.publisher, s.licence, s.url, s.file,
               s.sha256, s.observed_from, s.observed_to, s.released_on, q.run_id, q.code_version, b.run_id AS build_run_id,
               b.code_version AS build_code_version, b.built_at, q.approved_by
        FROM meta_lineage l JOIN meta_source s USING (source_id) JOIN dim_quarter q ON q.quarter = s.quarter CROSS JOIN meta_build b
        WHERE s.sha256 IS NOT NULL ORDER BY ALL
        """,
        {
            "table_name": "Table that holds the figures",
            "method": "Evidence behind them, as the figure's row has it; empty where the table's rows have none",
            "run_id": "Run that made the quarter",
            "code_version": "Version of poverty_assets that made the quarter",
            "build_run_id": "Run that built this file",
            "build_code_version": "Version of poverty_assets that built this file",
        },
    ),
    View(
        "v_hotspot",
        "Areas where deprivations are high together and next to each other in the latest quarter, the most indicators first",
        HOTSPOT_SQL,
        HOTSPOT_COLUMNS,
    ),
    View(
        "v_area_part",
        "Areas of the finest level that each area holds, itself where it is one",
        f"""
        WITH RECURSIVE part(area_id, part_id) AS (
            SELECT a.area_id, a.area_id FROM dim_area a WHERE a.area_level = {FINEST}
            UNION ALL
            SELECT a.parent_id, p.part_id FROM part p JOIN dim_area a ON a.area_id = p.area_id WHERE a.parent_id IS NOT NULL)
        SELECT area_id, part_id FROM part
        """,
        {"part_id": "Area of the finest level that lies in it"},
    ),
    View(
        "v_draw",
        "Replicates of H, M0 and headcounts of areas of every level: a row a draw; draw r of any two rows belongs to the same replicate",
        """
        WITH drawn AS (
            SELECT d.quarter, d.area_id, d.measure_id, d.figure_id, generate_subscripts(d.draws, 1) AS draw,
                   d.low + d.step * unnest(d.draws) AS value
            FROM fct_draw d)
        SELECT o.quarter, p.area_id, o.measure_id, o.figure_id, o.draw, sum(o.value * w.population) / sum(w.population) AS value
        FROM drawn o JOIN fct_profile w USING (quarter, area_id, measure_id) JOIN v_area_part p ON p.part_id = o.area_id
        WHERE NOT EXISTS (FROM fct_draw x WHERE x.quarter = o.quarter AND x.measure_id = o.measure_id AND x.figure_id = o.figure_id
                          AND x.area_id = p.area_id AND x.area_id <> o.area_id)
        GROUP BY ALL
        UNION ALL
        SELECT o.* FROM drawn o ANTI JOIN fct_profile w USING (quarter, area_id, measure_id)
        """,
        {"draw": "Number of the replicate", "value": "The figure in it. Unit: share, 0 to 1."},
        released=False,
    ),
    View(
        "v_register_audit",
        "Areas by the share of poor households that the register is expected to miss, the latest quarter, worst first",
        REGISTER_AUDIT_SQL,
    ),
    View(
        "v_area_profile",
        "One wide row per area of the finest level and quarter: poverty, register and the most frequent features",
        f"""
WITH mpi AS (
    SELECT quarter, area_id, measure_id,
           max(estimate) FILTER (WHERE statistic = 'headcount_ratio') AS headcount_ratio,
           max(ci_low) FILTER (WHERE statistic = 'headcount_ratio') AS headcount_ratio_ci_low,
           max(ci_high) FILTER (WHERE statistic = 'headcount_ratio') AS headcount_ratio_ci_high,
           max(estimate) FILTER (WHERE statistic = 'intensity') AS intensity,
           max(estimate) FILTER (WHERE statistic = 'mpi') AS mpi,
           max(method) FILTER (WHERE statistic = 'headcount_ratio') AS mpi_method
    FROM fct_mpi
    WHERE is_headline AND subgroup = 'all' AND k BETWEEN 0.33 AND 0.34 AND area_level = {FINEST}
    GROUP BY ALL
), people AS (
    SELECT f.quarter, f.area_id, {OF_QUARTER} AS population, w.observed_on
    FROM (SELECT q.quarter, a.area_id FROM dim_quarter q CROSS JOIN dim_area a WHERE a.area_level = {FINEST}) f
    JOIN dim_area a ON a.area_id = f.area_id {EVERYBODY}
)
SELECT q.quarter, q.label AS quarter_label, a.area_id, {{names}}{{above}},
       a.is_urban, people.population, people.observed_on AS population_on, a.households, d.area_km2, d.centroid_lon, d.centroid_lat,
       mpi.measure_id, mpi.headcount_ratio, mpi.headcount_ratio_ci_low, mpi.headcount_ratio_ci_high,
       mpi.headcount_ratio * people.population AS people, mpi.headcount_ratio_ci_low * people.population AS people_ci_low,
       mpi.headcount_ratio_ci_high * people.population AS people_ci_high, mpi.intensity, mpi.mpi, mpi.mpi_method,
       r.rate AS register_rate, r.modelled_rate AS register_modelled_rate, r.coverage_gap
FROM dim_quarter q
CROSS JOIN (SELECT * FROM v_area WHERE area_level = {FINEST}) a
JOIN dim_area d ON d.area_id = a.area_id
JOIN people ON people.quarter = q.quarter AND people.area_id = a.area_id
LEFT JOIN mpi ON mpi.quarter = q.quarter AND mpi.area_id = a.area_id
LEFT JOIN fct_register r ON r.quarter = q.quarter AND r.area_id = a.area_id AND r.is_headline
""",
        {
            "headcount_ratio": "Share of people who are multidimensionally poor at k of one third; NULL where no evidence is published",
            "headcount_ratio_ci_low": "Lower bound of its 95% interval",
            "headcount_ratio_ci_high": "Upper bound of its 95% interval",
            "population": "Persons in the quarter; fct_population says whose figure that is. Unit: persons.",
            "population_on": "Day that they are of",
            "people": "People who are poor: the headcount ratio times the population. Unit: persons.",
            "intensity": "Mean deprivation score among the poor",
            "mpi": "Headcount ratio times intensity",
            "mpi_method": "Evidence behind the headcount ratio",
            "register_rate": "Share of households listed on the register",
            "register_modelled_rate": "Share predicted by a model that did not see the area's block of land",
        },
    ),
)
