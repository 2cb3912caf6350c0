import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poverty_assets.warehouse.headline import combine, preference
from poverty_assets_tests.warehouse.small_lake import KHM, mpi

LEVELS = KHM.levels
METHODS = preference(LEVELS)["country"]


def part(method, suppressed=False, level=None):
    rows = mpi(0.2, method=method, suppressed=suppressed).drop(columns="is_headline")
    return rows if level is None else rows.assign(area_level=level)


def test_our_own_direct_figure_is_quoted_before_a_published_one():
    rows = combine("fct_mpi", [part("published"), part("direct")], LEVELS)
    assert set(rows.loc[rows["is_headline"], "method"]) == {"direct"}


def test_a_withheld_figure_gives_way_to_one_that_is_shown():
    rows = combine("fct_mpi", [part("direct", suppressed=True), part("published")], LEVELS)
    assert set(rows.loc[rows["is_headline"], "method"]) == {"published"}


def test_the_country_is_quoted_by_its_own_survey_and_areas_within_it_by_the_joint_profile():
    for level, quoted in (
        ("province", "composite"),
        ("country", "direct"),
        ("district", "composite"),
        ("commune", "composite"),
    ):
        rows = combine("fct_mpi", [part("composite", level=level), part("direct", level=level)], LEVELS)
        assert set(rows.loc[rows["is_headline"], "method"]) == {quoted}


def test_a_published_total_is_quoted_before_the_sum_of_what_was_downscaled_from_it():
    rows = combine("fct_mpi", [part("downscaled", level="province"), part("published", level="province")], LEVELS)
    assert set(rows.loc[rows["is_headline"], "method"]) == {"published"}


@pytest.mark.slow
@given(st.lists(st.tuples(st.sampled_from(METHODS), st.booleans()), min_size=1, max_size=6, unique_by=lambda x: x[0]))
def test_every_figure_has_exactly_one_headline(parts):
    rows = combine("fct_mpi", [part(method, hidden) for method, hidden in parts], LEVELS)
    assert rows.groupby("statistic")["is_headline"].sum().eq(1).all()


def test_no_rows_keep_the_tables_columns():
    assert list(combine("fct_mpi", [pd.DataFrame()], LEVELS).columns) == list(
        combine("fct_mpi", [part("direct")], LEVELS).columns
    )


def test_figures_that_go_without_a_late_source_say_so_and_no_others():
    late = pd.DataFrame(
        [("fct_mpi", "composite", "rain"), ("fct_headcount", "direct", "rain")],
        columns=["table_name", "method", "source_id"],
    )
    parts = [part("direct"), part("composite"), part("modelled", suppressed=True)]
    rows = combine("fct_mpi", parts, LEVELS, late=late).groupby("method")["quality_flag"].unique()
    assert {method: list(flags) for method, flags in rows.items()} == {
        "direct": ["ok"],
        "composite": ["late_source"],
        "modelled": list(part("modelled", suppressed=True)["quality_flag"].unique()),
    }
    both = combine("fct_mpi", parts, LEVELS, earlier=True, late=late.assign(method="direct"))
    assert set(both.loc[both["method"] == "direct", "quality_flag"]) == {"earlier_survey,late_source"}
    pd.testing.assert_frame_equal(
        combine("fct_mpi", parts, LEVELS, late=late.head(0)), combine("fct_mpi", parts, LEVELS)
    )
