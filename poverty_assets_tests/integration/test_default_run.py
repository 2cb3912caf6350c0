"""The main job on the embedded default, one quarter of the simulated twin."""

import json
import re
from pathlib import Path

import duckdb
import pytest

import poverty_assets
from benchmarks.bench_own_areas import covered, unions
from poverty_assets.catalog import TABLES
from poverty_assets.catalog import table as definition_of
from poverty_assets.measurement.disclosure import SURVEY_MINIMUM
from poverty_assets.pack.country import load_country
from poverty_assets.quarter import Quarter
from poverty_assets.warehouse.lake import Lake
from poverty_assets_tests.attacker import follows_by_turns, interviewed, told
from poverty_assets_tests.chromium import opened_chromium
from poverty_assets_tests.command_line import answer_of, unset
from poverty_assets_tests.integration.test_refresh import lake_bytes
from poverty_assets_tests.reports.explorer_data import data_of

README = Path(poverty_assets.__file__).parents[1] / "README.md"


def refreshed(folder, *further):
    """A refresh by the default settings, with replicates enough for a look."""
    with pytest.MonkeyPatch.context() as patch:
        unset(patch, "POVERTY_ASSETS_")
        done = answer_of(folder, "refresh", "--quarter", "2026Q3", *further, POVERTY_ASSETS_REPLICATES="40")
    assert done.code == 0, done.err
    return done


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("twin")
    assert "SIMULATED DATA" in refreshed(folder).out
    return folder


@pytest.fixture(scope="module")
def warehouse(home):
    with duckdb.connect(str(home / "warehouse/poverty.duckdb"), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="module", params=[("lake", 1e-12), ("file", 1e-6)], ids=lambda one: one[0])
def kept(request, home, warehouse):
    """Facts as they were made, and as the published file keeps them; and to what their identities hold there."""
    where, tolerance = request.param
    if where == "file":
        yield warehouse, tolerance
        return
    with duckdb.connect() as connection:
        for name in ("fct_headcount", "fct_deprivation_count", "fct_overlap_pair", "fct_mpi", "dim_area"):
            files = home / "lake" / name / "*" / "part.parquet"
            connection.execute(f"CREATE VIEW {name} AS FROM read_parquet('{files}', hive_partitioning = false)")
        yield connection, tolerance


def test_buildings_people_services_and_protected_areas_are_there_to_look_at(home, warehouse):
    sql = """
        SELECT feature_id, count(DISTINCT area_id) FROM commune_feature JOIN dim_area USING (area_id)
        WHERE feature_id IN ('building_count', 'population_sum', 'protected_area_share') AND area_level = 'commune' GROUP BY 1
    """
    communes = dict(warehouse.execute(sql).fetchall())
    assert communes == dict.fromkeys(("building_count", "population_sum", "protected_area_share"), 1661)
    layers = {layer for (layer,) in warehouse.execute("SELECT DISTINCT layer_id FROM dim_context").fetchall()}
    assert layers >= {"roads", "health_posts", "schools", "markets", "protected_areas"}
    shown = data_of((home / "reports/explorer.html").read_text(encoding="utf-8"))
    assert '"Buildings"' in shown
    arrays = {name.split(":")[0] for block in json.loads(shown)["arrays"].values() for name, *_ in block}
    assert arrays >= {"rank", "p_worst_tenth", "draws", "lift", "profile_areas"}
    assert "Protected areas" in shown


def test_each_province_has_a_report_to_pass_on_in_each_language(home):
    made = {path.name for path in (home / "reports/areas/2026Q3").iterdir()}
    provinces = [f"{number:02d}" for number in range(1, 26)]
    assert made >= {
        f"{area}_{code}.{form}" for area in provinces for code in ("en", "km") for form in ("html", "pdf", "png")
    }
    assert max(path.stat().st_size for path in (home / "reports/areas/2026Q3").glob("*.pdf")) < 400_000


def test_the_countrys_report_prints_on_two_sheets(home, tmp_path):
    with opened_chromium() as browser:
        page = browser.new_page()
        sheets = {}
        for name in ("2026Q3.html", "2026Q3_km.html", "areas/2026Q3/17_en.html", "areas/2026Q3/17_km.html"):
            page.goto((home / "reports" / name).as_uri())
            printed = page.pdf(prefer_css_page_size=True, print_background=True)
            sheets[name] = len(re.findall(rb"/Type\s*/Page\b", printed))
    assert set(sheets.values()) == {2}, sheets


def test_every_level_has_direct_estimates_of_every_statistic_with_intervals(warehouse):
    sql = """
        SELECT area_level, count(DISTINCT statistic), count(DISTINCT subgroup), bool_and(ci_low <= estimate AND estimate <= ci_high)
        FROM fct_mpi WHERE method = 'direct' AND se IS NOT NULL GROUP BY 1
    """
    rows = {level: rest for level, *rest in warehouse.execute(sql).fetchall()}
    assert set(rows) == {"country", "province", "district", "commune"}
    assert rows["country"] == [5, 11, True]


def test_overlap_change_and_typology_are_published_with_their_uncertainty(warehouse):
    for table in (
        "fct_overlap_pair",
        "fct_bundle",
        "fct_deprivation_count",
        "fct_dimension_overlap",
        "fct_typology",
        "fct_change",
    ):
        assert warehouse.execute(f"SELECT count(*) > 100 FROM {table}").fetchone() == (True,), table
    assert warehouse.execute(
        "SELECT bool_and(is_significant = (ci_low > 0 OR ci_high < 0)) FROM fct_change"
    ).fetchone() == (True,)


def test_withheld_cells_are_those_of_few_households_or_protect_another(warehouse):
    sql = "SELECT count(*) FROM fct_mpi WHERE method = 'direct' AND n_households < 25 AND NOT suppressed"
    assert warehouse.execute(sql).fetchone() == (0,)
    assert warehouse.execute("SELECT count(*) > 0 FROM fct_mpi WHERE suppressed").fetchone() == (True,)


def test_every_direct_row_that_counts_some_households_counts_five_of_two_clusters_or_none(home, warehouse):
    households = Lake(home / "lake").read("survey_household", Quarter(2026, 3))
    parent = dict(warehouse.execute("SELECT area_id, parent_id FROM dim_area").fetchall())
    behind = interviewed(households, parent, warehouse)
    tables = [t for t in TABLES if not t.of_all and {"method", "suppressed"} <= {c.name for c in t.columns}]
    direct = {
        t.name
        for t in tables
        if warehouse.execute(f"SELECT count(*) FROM {t.name} WHERE method = 'direct'").fetchone() != (0,)
    }
    assert direct == {*behind}  # a table made later has to be counted here, too
    for name, rows in behind.items():
        shown = rows[~rows["suppressed"] & (rows["n"] > 0)]
        assert len(shown) > 1000, name
        assert shown["n"].min() >= 5, name
        assert shown["clusters"].min() >= 2, name


def test_no_headcount_or_h_of_a_small_cell_follows_from_all_that_the_file_shows_of_them(home, warehouse):
    households = Lake(home / "lake").read("survey_household", Quarter(2026, 3))
    parent = dict(warehouse.execute("SELECT area_id, parent_id FROM dim_area").fetchall())
    known = told(households, parent, warehouse).means()
    small = (known.cells["n_households"] < SURVEY_MINIMUM).to_numpy()[:, None]
    secret = known.secrets() & small
    assert secret.sum() > 50_000
    found = follows_by_turns(known.cells, parent, known.identities, known.shown, known.n == 0)
    assert (found & secret).sum() == 0


def test_draws_and_joint_profiles_of_a_quarter_take_at_most_8_megabytes(warehouse):
    blocks = "SELECT count(DISTINCT block_id) FROM pragma_storage_info('{}') WHERE persistent"
    names = [definition_of("fct_draw").kept_in, definition_of("fct_profile").kept_in]
    taken = sum(warehouse.execute(blocks.format(name)).fetchone()[0] for name in names)
    (size,) = warehouse.execute("SELECT block_size FROM pragma_database_size()").fetchone()
    rows = warehouse.execute(
        "SELECT count(*), count(DISTINCT area_id), count(DISTINCT figure_id) FROM fct_draw"
    ).fetchone()
    assert rows == (1661 * 24, 1661, 24)
    assert 1e6 < taken * size <= 8e6


def test_areas_of_ones_own_hold_the_truth_and_unions_are_the_roll_up(home):
    country, quarter = load_country("khm"), Quarter.from_label("2026Q3")
    rows = covered(home, country, quarter, 40, 7)
    assert 0.9 < rows["held"].mean() < 0.99
    assert {"none", "people"} >= set(rows["cut_by"])
    assert unions(home, country, quarter) < 1e-6


def test_household_rows_and_the_twins_truth_never_enter_the_warehouse(warehouse, home):
    columns = {
        row[0]
        for row in warehouse.execute("SELECT DISTINCT column_name FROM duckdb_columns() WHERE NOT internal").fetchall()
    }
    assert not columns & {"household_id", "psu", "weight_household", "interview_date"}
    assert not [p for p in (home / "landing").rglob("*") if "truth" in p.name]
    assert (home / "evaluation" / "truth").is_dir()


def test_the_readmes_largest_claim_of_overlap_is_what_its_query_answers(warehouse):
    text = README.read_text(encoding="utf-8")
    claimed = float(re.search(r"\*\*([\d.]+) times\*\*", text)[1])
    sql = re.search(r"```sql\n(.*?)```", text, re.DOTALL)[1]
    first, second, lift, low, high = warehouse.execute(sql).fetchone()
    assert {first, second} == {"electricity", "assets"}
    assert lift == claimed
    assert low > 1
    assert high > lift


def test_every_commune_has_every_figure_with_an_interval_and_none_is_0_or_1(warehouse):
    communes = warehouse.execute("SELECT count(*) FROM dim_area WHERE area_level = 'commune'").fetchone()[0]
    sql = """
        SELECT count(*), count(DISTINCT area_id), bool_and(estimate > 0 AND estimate < 1 AND ci_low <= estimate AND estimate <= ci_high)
        FROM {} WHERE area_level = 'commune' AND is_headline AND subgroup = 'all' AND method IN ('composite', 'modelled') AND {}
    """
    for table, which, each in (
        ("fct_headcount", "kind = 'uncensored'", 10),
        ("fct_mpi", "statistic = 'headcount_ratio' AND k < 0.4", 2),
    ):
        found = warehouse.execute(sql.format(table, which)).fetchone()
        assert found == (each * communes, communes, True), table


def test_a_communes_pairs_counts_headcounts_and_h_come_from_one_distribution(kept):
    sql = """
        WITH c AS (SELECT area_id, indicator_id, estimate FROM fct_headcount
                   WHERE method IN ('composite', 'modelled') AND kind = 'uncensored'),
             n AS (SELECT area_id, sum(n_deprivations * estimate) AS mean FROM fct_deprivation_count
                   WHERE method IN ('composite', 'modelled') GROUP BY 1)
        SELECT max(abs(p.share_a - c.estimate)), max(abs(n.mean - t.total))
        FROM fct_overlap_pair p JOIN c ON c.area_id = p.area_id AND c.indicator_id = p.indicator_a
        JOIN n ON n.area_id = p.area_id
        JOIN (SELECT area_id, sum(estimate) AS total FROM c GROUP BY 1) t ON t.area_id = p.area_id
        WHERE p.method IN ('composite', 'modelled')
    """
    connection, tolerance = kept
    assert max(connection.execute(sql).fetchone()) < tolerance


def test_communes_add_up_to_districts_provinces_and_the_country(kept):
    sql = """
        WITH f AS (SELECT area_id, area_level, statistic, estimate FROM fct_mpi WHERE method IN ('composite', 'modelled')
                   AND statistic IN ('headcount_ratio', 'mpi') AND k BETWEEN 0.33 AND 0.34),
             c AS (SELECT f.*, a.population AS w FROM f JOIN dim_area a USING (area_id) WHERE f.area_level = 'commune')
        SELECT u.area_level, max(abs(u.estimate - s.total)) FROM f u JOIN (
            SELECT u.area_id, c.statistic, sum(c.w * c.estimate) / sum(c.w) AS total FROM f u JOIN c
            ON u.area_level = 'country' OR starts_with(c.area_id, u.area_id) WHERE u.statistic = c.statistic GROUP BY ALL) s
        ON s.area_id = u.area_id AND s.statistic = u.statistic WHERE u.area_level <> 'commune' GROUP BY 1
    """
    connection, tolerance = kept
    gaps = dict(connection.execute(sql).fetchall())
    assert set(gaps) == {"country", "province", "district"}
    assert max(gaps.values()) < tolerance


def test_margins_meet_the_direct_totals_of_the_country_and_the_nowcast_is_judged(home, warehouse):
    from poverty_assets.quarter import Quarter
    from poverty_assets.warehouse.lake import Lake

    noted = Lake(home / "lake").notes("area_draw", Quarter(2026, 3))
    assert noted["largest gap to direct totals of the country"] < 1e-6
    assert warehouse.execute("SELECT nowcast_method FROM dim_quarter").fetchone() == (noted["nowcast"],)
    scored = (
        "SELECT count(*) FROM model_metric WHERE fold_design = 'next_wave' AND metric = 'skill_against_persistence'"
    )
    assert warehouse.execute(scored).fetchone()[0] >= 12


def test_every_covariate_of_the_judged_nowcast_is_one_of_the_published_nowcasts(home):
    from poverty_assets.quarter import Quarter
    from poverty_assets.warehouse.lake import Lake

    lake, quarter, named = Lake(home / "lake"), Quarter(2026, 3), ["feature_id", "register_id"]
    then = lake.read("wave_feature", quarter, ["wave", *named]).query("wave != ''")
    judged, latest = (set(rows[named].itertuples(index=False, name=None)) for _, rows in then.groupby("wave"))
    now = {(name, "") for name in lake.read("area_feature", quarter, ["feature_id"])["feature_id"]}
    now |= {("", name) for name in lake.read("register_count", quarter, ["register_id"])["register_id"]}
    assert ("", "simulated_register") in judged
    assert judged & latest <= now


def test_learners_and_baselines_compete_for_every_margin_and_estimates_are_scored_against_truth(warehouse, home):
    sql = "SELECT count(DISTINCT target), count(DISTINCT learner) FROM model_metric WHERE target_kind = 'margin' AND fold_design = ?"
    for design in ("block50km", "leave_province_out"):
        targets, learners = warehouse.execute(sql, [design]).fetchone()
        assert targets == 10
        assert learners >= 6
    sql = """
        SELECT value FROM model_metric WHERE fold_design = 'truth' AND target = 'headcount_ratio' AND learner = 'modelled'
          AND subgroup = 'all'
          AND metric = 'coverage95'
    """
    assert 0.88 <= warehouse.execute(sql).fetchone()[0] <= 0.99
    files = {row[0] for row in warehouse.execute("SELECT artifact FROM model_run").fetchall()}
    assert files
    assert all((home / file).is_file() for file in files)


def test_hazards_shocks_the_registers_audit_and_hot_spots_are_published(warehouse):
    for table in (
        "fct_hazard",
        "fct_hazard_overlap",
        "fct_vulnerability",
        "fct_register_audit",
        "fct_hot_spot",
        "v_hotspot",
    ):
        assert warehouse.execute(f"SELECT count(*) > 50 FROM {table}").fetchone() == (True,), table
    sql = "SELECT count(DISTINCT hazard_id), bool_and(share_poor_exposed <= share_exposed + 1e-9) FROM fct_hazard"
    assert warehouse.execute(sql).fetchone() == (3, True)


def test_features_that_drifted_are_named_by_the_check(warehouse):
    sql = "SELECT severity, observed FROM check_result WHERE check_name LIKE 'no feature has drifted%'"
    severity, observed = warehouse.execute(sql).fetchone()
    assert severity == "warn"
    assert "land_surface_temperature" in observed


def test_the_analysts_hour_is_answered(warehouse):
    from poverty_assets_tests.test_analyst_hour import assert_answered

    assert_answered(warehouse)


def test_every_sentence_of_the_quarterly_report_is_true(home):
    from poverty_assets.quarter import Quarter
    from poverty_assets_tests.reports.test_quarterly import assert_every_sentence_true

    findings = assert_every_sentence_true(home / "warehouse/poverty.duckdb", Quarter(2026, 3))
    assert len(findings) == 26
    assert min(findings) >= 7


def test_the_pages_are_written_and_say_that_data_are_simulated(home):
    for name in ("explorer.html", "2026Q3.html"):
        text = (home / "reports" / name).read_text(encoding="utf-8")
        assert "SIMULATED DATA" in text
        assert len(text) < 8e6
    assert (home / "reports" / "dictionary.html").is_file()


@pytest.mark.soak  # its short form is in test_refresh
def test_running_the_quarter_again_gives_the_same_lake(home):
    before = lake_bytes(home)
    refreshed(home, "--full")
    after = lake_bytes(home)
    assert [name for name in after if after[name] != before.get(name)] == []
