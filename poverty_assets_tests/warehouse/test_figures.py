"""Views in which every figure has one key, the names of the areas that hold its own, and people beside shares."""

from __future__ import annotations

import datetime as dt

import duckdb
import pytest

from poverty_assets.warehouse.views import views_of
from poverty_assets_tests.warehouse.made_warehouse import FINEST, SHRUNK, shared_made
from poverty_assets_tests.warehouse.small_lake import KHM

DENIALS = ("no 95% interval", "not of a 95% interval", "not one", "none any more")
KEY = "quarter, area_id, measure_id, subgroup, figure_id"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    with duckdb.connect(str(shared_made(tmp_path_factory)), read_only=True) as connection:
        yield connection


def test_every_headline_figure_stands_once_under_one_key(made):
    doubled = f"SELECT {KEY} FROM v_figure GROUP BY ALL HAVING count(*) > 1"
    assert made.sql(doubled).fetchall() == []
    for table, figures in (("fct_mpi", "estimate"), ("fct_headcount", "estimate"), ("fct_bundle", "share")):
        sums = [
            made.sql(f"SELECT count(*), round(sum({column}), 6) FROM {source}").fetchone()
            for source, column in ((f"{table} WHERE is_headline", figures), (f"v_figure WHERE table_name = '{table}'", "estimate"))
        ]  # fmt: skip
        assert sums[0] == sums[1], table


def test_figures_are_called_as_ranks_and_draws_call_them(made):
    unknown = "SELECT figure_id FROM fct_rank EXCEPT SELECT figure_id FROM v_figure"
    assert made.sql(unknown).fetchall() == []
    sql = """SELECT count(*), max(abs(r.estimate - f.estimate)) FROM fct_rank r
             JOIN v_figure f USING (quarter, area_id, measure_id, figure_id)
             WHERE f.subgroup = 'all' AND f.method <> 'direct' AND r.area_level = 'commune'"""
    compared, furthest = made.sql(sql).fetchone()
    assert compared > 100
    assert furthest < 1e-6


def test_bounds_that_rest_on_a_tolerance_are_nowhere_called_a_95_interval(made):
    kinds = dict(made.sql("SELECT DISTINCT split_part(figure_id, ':', 1), bounds FROM v_figure").fetchall())
    of_tolerance = {
        "exposed": "tolerance",
        "n_hazards": "tolerance",
        "poor_exposed": "widened",
        "exposed_near_poor": "widened",
    }
    assert {name: kinds[name] for name in of_tolerance if name in kinds} == {
        n: k for n, k in of_tolerance.items() if n in kinds
    }
    assert {"exposed", "poor_exposed"} <= set(kinds)
    assert kinds["headcount_ratio"] == "interval"
    sql = """SELECT table_name, column_name, comment FROM duckdb_columns()
             WHERE schema_name = 'main' AND regexp_matches(column_name, '_ci_(low|high)$')
             AND (table_name LIKE 'fct_hazard%'
                  OR regexp_matches(column_name, '^(exposed_near_poor|expected_new_poor|exposed_to|poor_and_exposed|newly_poor)'))"""
    rows = made.sql(sql).fetchall()
    assert len(rows) >= 14
    for table, column, comment in rows:
        assert "95%" not in comment or any(denial in comment for denial in DENIALS), (table, column)


def test_people_are_shares_of_the_population_and_add_up(made):
    sql = """SELECT area_id, people, estimate * population, people_ci_low <= people AND people <= people_ci_high
             FROM v_figure JOIN dim_area USING (area_id) WHERE figure_id = 'headcount_ratio' AND subgroup = 'all'"""
    rows = made.sql(sql + " AND quarter = (SELECT max(quarter) FROM dim_quarter)").fetchall()
    assert all(people == pytest.approx(expected) and within for _, people, expected, within in rows)
    people = {area: count for area, count, *_ in rows}
    assert sum(people[code] for code in FINEST) == pytest.approx(people["KH"])
    others = "SELECT count(people) FROM v_figure WHERE share_of <> 'people' OR subgroup NOT IN ('all', 'is_urban=true', 'is_urban=false')"
    assert made.sql(others).fetchone() == (0,)


def test_people_are_those_of_the_quarter(made):
    sql = """SELECT q.label, f.people / f.estimate, (SELECT population FROM dim_area WHERE area_id = 'KH')
             FROM v_figure f JOIN dim_quarter q USING (quarter)
             WHERE figure_id = 'headcount_ratio' AND subgroup = 'all' AND area_id = 'KH' ORDER BY quarter"""
    (_, before, newest), (_, now, _) = made.sql(sql).fetchall()
    assert now == pytest.approx(newest)
    assert before == pytest.approx(SHRUNK * newest, abs=1)
    profiles = made.sql(
        "SELECT quarter, sum(population), min(population_on) FROM v_area_profile GROUP BY 1 ORDER BY 1"
    ).fetchall()
    assert [people for _, people, _ in profiles] == [pytest.approx(before), pytest.approx(now)]
    assert {day for *_, day in profiles} == {dt.date(2024, 12, 31)}


def test_people_of_towns_and_countryside_are_of_their_own_people(made):
    sql = """SELECT subgroup, f.estimate, f.people, w.population, w.population_urban FROM v_figure f
             JOIN fct_population w USING (quarter, area_id)
             WHERE w.age_group = 'all' AND figure_id = 'headcount_ratio' AND area_id = 'KH' AND subgroup LIKE 'is_urban%'"""
    found = {subgroup: (share, *rest) for subgroup, share, *rest in made.sql(sql).fetchall()}
    share, people, everybody, urban = found["is_urban=true"]
    assert people == pytest.approx(share * urban)
    share, people, everybody, urban = found["is_urban=false"]
    assert people == pytest.approx(share * (everybody - urban))


def test_population_says_its_day_and_source_in_words(made):
    sql = """SELECT DISTINCT age_group, method, observed_on, source_title FROM v_population
             WHERE quarter = (SELECT max(quarter) FROM v_population) ORDER BY 1"""
    day = dt.date(2024, 12, 31)
    assert made.sql(sql).fetchall() == [
        (group, "counted", day, "Register of poor households") for group in ("all", "child")
    ]


def test_views_say_the_quarter_and_the_areas_above(made):
    columns = {
        view.name: {row[0] for row in made.sql(f"DESCRIBE {view.name}").fetchall()} for view in views_of(KHM)
    }  # fmt: skip
    unfolded = {"v_draw"}
    assert [n for n, held in columns.items() if n.startswith("v_") and n not in unfolded and "quarter" in held
            and "quarter_label" not in held] == []  # fmt: skip
    assert [n for n, held in columns.items() if n.startswith("v_") and n not in unfolded and "name_en" in held
            and not {"province_name_en", "district_name_en"} <= held] == []  # fmt: skip
    row = made.sql(
        "SELECT province_name_en, district_name_en, quarter_label FROM v_figure WHERE area_id = '010201'"
    ).fetchone()
    assert row[:2] == ("Province 01", "District 0102")
    above = made.sql(
        "SELECT district_id, province_id FROM v_area WHERE area_id IN ('KH', '01') ORDER BY 1, 2"
    ).fetchall()
    assert above == [(None, "01"), (None, None)]


def test_one_cutoff_is_quoted(made):
    sql = "SELECT DISTINCT statistic, k FROM v_mpi_latest WHERE is_headline_k ORDER BY 1"
    assert [(name, round(k, 2)) for name, k in made.sql(sql).fetchall()] == [
        ("headcount_ratio", 0.33), ("intensity", 0.33), ("mpi", 0.33), ("severe", 0.5), ("vulnerable", 0.2),
    ]  # fmt: skip


@pytest.mark.slow
def test_views_give_the_same_rows_without_the_optimizer_that_loses_some(made):
    views = [view.name for view in views_of(KHM) if view.name != "v_draw"]
    digest = "SELECT count(*), sum(hash(COLUMNS(*))::HUGEINT % 1000003) FROM {}"
    before = {name: made.sql(digest.format(name)).fetchall() for name in views}
    made.execute("SET disabled_optimizers = 'common_subplan'")
    try:
        assert {name: made.sql(digest.format(name)).fetchall() for name in views} == before
    finally:
        made.execute("RESET disabled_optimizers")
