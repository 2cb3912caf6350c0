import numpy as np
import pandas as pd
import pytest

from poverty_assets.catalog import TABLES, table
from poverty_assets.graph.checks.coverage import feature_coverage
from poverty_assets.graph.checks.suites import expectations, validate
from poverty_assets_tests.warehouse.small_lake import mpi

DEFINITION = table("fct_mpi")


def failed(frame):
    return {f.check: f for f in validate(frame, DEFINITION) if not f.passed}


def test_every_table_of_the_lake_has_a_suite_with_its_key():
    for definition in TABLES:
        if definition.partitioned:
            groups = {group for group, _, _ in expectations(definition)}
            assert {"keys", "completeness"} <= groups, definition.name


def test_good_rows_pass_every_expectation():
    assert failed(mpi(0.2)) == {}


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"estimate": 1.2}, "estimate from 0 to 1"),
        ({"method": "guess"}, "method is one of 6 values"),
        ({"subgroup": "urban"}, "subgroup has its form"),
        ({"quality_flag": None}, "quality_flag is never NULL"),
        ({"statistic": "mpi"}, "unique (area_id, measure_id, subgroup, k, statistic, method)"),
    ],
)
def test_a_broken_row_fails_the_expectation_that_the_catalog_states(change, check):
    found = failed(mpi(0.2, **change))
    assert list(found) == [check]
    assert found[check].failing_rows == 3
    assert "3 of 3 rows fail" in found[check].observed


def test_no_rows_are_no_failure():
    assert all(f.passed for f in validate(mpi(0.2).iloc[:0], DEFINITION))


def test_communes_without_a_feature_are_named():
    areas = pd.DataFrame({"area_id": ["010101", "010102"], "area_level": "commune", "name_en": ["Upper", "Lower"]})
    features = pd.DataFrame({"area_id": ["010101", "010102", "010101"], "feature_id": ["a", "a", "b"]})
    findings = {f.check: f for f in feature_coverage(features, areas, "commune")}
    assert findings["a for every area"].passed
    assert "010102 Lower" in findings["b for every area"].observed
    assert not findings["at least 99% of areas have every feature"].passed


def test_what_is_doubtful_of_published_tables_is_found_and_nothing_else_is_said():
    from poverty_assets.graph.checks.coverage import published_figures

    assert published_figures({}, [{}, {}]) == []
    found = published_figures(
        {"Khangai": "the file gives it the code of an aimag"}, [{}, {"X, mpi": "1.00000001 set to 1"}]
    )
    assert [(one.group, one.passed, one.severity, one.observed) for one in found] == [
        ("published", False, "warn", "1.00000001 set to 1"),
        ("published", False, "warn", "the file gives it the code of an aimag"),
    ]


def test_a_national_figure_that_departs_from_the_published_one_of_the_same_survey_is_said():
    from poverty_assets.graph.checks.coverage import national_departures

    rows = [
        ("KH", "headcount_ratio", 1 / 3, m, v) for m, v in (("direct", 0.190), ("published", 0.168), ("composite", 0.5))
    ]
    rows += [("KH", "mpi", 0.333333, m, v) for m, v in (("direct", 0.0701), ("published", 0.0703))]
    rows += [("01", "mpi", 0.333333, m, v) for m, v in (("direct", 0.3), ("published", 0.1))]
    figures = pd.DataFrame(rows, columns=["area_id", "statistic", "k", "method", "estimate"]).assign(
        measure_id="m", subgroup="all"
    )
    said = {one.check: one for one in national_departures(figures, "KH", {2021}, {2021, 2022})}
    departs = said["national headcount_ratio (k 0.3333) is the published one of the same survey"]
    assert (departs.passed, departs.severity) == (False, "warn")
    assert departs.observed == "0.1900 from the survey's households, 0.1680 published of it"
    assert said["national mpi (k 0.3333) is the published one of the same survey"].passed
    assert len(said) == 2
    assert national_departures(figures, "KH", {2014}, {2021, 2022}) == []
    assert national_departures(figures[figures["method"] == "direct"], "KH", {2021}, {2021}) == []


def test_an_area_of_which_the_survey_says_something_else_is_found():
    from poverty_assets.graph.checks.coverage import agreement

    rows = pd.DataFrame(
        [("01", "composite", 0.30, 0.02), ("01", "direct", 0.35, 0.03), ("02", "composite", 0.20, 0.02), ("02", "direct", 0.40, 0.03)],
        columns=["area_id", "method", "estimate", "se"],
    ).assign(area_level="province", statistic="headcount_ratio", subgroup="all", k=1 / 3, quality_flag="ok")  # fmt: skip
    [found] = agreement(rows, "province")
    assert (found.severity, found.passed, found.failing_rows) == ("warn", False, 1)
    assert found.observed == "02 at k = 0.33: 0.200, directly 0.400"
    assert agreement(rows[rows["area_id"] == "01"], "province")[0].passed
    later = rows.assign(quality_flag=np.where(rows["method"] == "direct", "few_psu,earlier_survey", "ok"))
    assert agreement(later, "province")[0].passed
