"""Pairs, counts and dimensions, and their intervals."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poverty_assets.catalog import table
from poverty_assets.measurement.cluster_totals import cluster_totals
from poverty_assets.measurement.coding import Columns
from poverty_assets.measurement.design import SurveyDesign
from poverty_assets.measurement.estimates import estimate_measure
from poverty_assets.measurement.masks import cells_of, count_masks, profile_bits
from poverty_assets.measurement.overlap import (
    PAIR_STATISTICS,
    deprivation_counts,
    dimension_overlap,
    overlap_pairs,
    pair_statistics,
    share_interval,
)
from poverty_assets_tests.measurement.overlap_cases import (
    HIERARCHY,
    INDICATORS,
    make_households,
    make_measure,
    make_survey,
)

MEASURE = make_measure()


def counted(frame: pd.DataFrame, subgroups: tuple[str, ...] = ()) -> tuple:
    counts = count_masks(frame, Columns(tuple(INDICATORS), subgroups=subgroups))
    return counts, cells_of(counts, HIERARCHY)


def country(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[(rows["area_id"] == "KH") & (rows["subgroup"] == "all")].reset_index(drop=True)


def test_statistics_of_a_pair_by_hand():
    # of 10 people 4 have a, 5 have b, 3 have both: table 3 1 / 2 4
    found = pair_statistics(np.array(0.4), np.array(0.5), np.array(0.3))
    wanted = {
        "share_b_given_a": 0.75, "share_a_given_b": 0.6, "lift": 1.5, "redundancy": 0.75, "odds_ratio": 6.0,
        "phi": 0.1 / np.sqrt(0.4 * 0.6 * 0.5 * 0.5),
    }  # fmt: skip
    assert {name: float(found[name]) for name in wanted} == pytest.approx(wanted)


def test_tables_have_the_columns_of_the_catalog():
    counts, cells = counted(make_survey())
    made = {
        "fct_overlap_pair": overlap_pairs(counts, cells, MEASURE),
        "fct_deprivation_count": deprivation_counts(counts, cells, MEASURE),
        "fct_dimension_overlap": dimension_overlap(counts, cells, MEASURE),
    }
    for name, rows in made.items():
        assert {c.name for c in table(name).lake_columns} - set(rows) == {"is_headline"}


def test_share_of_both_and_its_error_are_those_of_the_survey_design():
    frame = make_survey(seed=3)
    rows = overlap_pairs(*counted(frame, ("is_urban",)), MEASURE)
    known = frame[INDICATORS].notna().all(axis=1)
    both = (frame["fuel"] * frame["water"]).fillna(0).to_numpy()
    design = SurveyDesign.build(frame["weight"] * frame["hh_size"], psu=frame["psu"], stratum=frame["stratum"])
    for area, subgroup, inside in (
        ("KH", "all", known),
        ("01", "is_urban=true", known & frame["is_urban"] & frame["area_id"].str.startswith("01")),
    ):
        wanted = design.means(both, np.where(inside, 0, -1), 1)
        row = rows[(rows["area_id"] == area) & (rows["subgroup"] == subgroup) & (rows["indicator_b"] == "water")].iloc[
            0
        ]
        assert row["share_both"] == pytest.approx(wanted.estimate[0, 0], rel=1e-12)
        assert row["share_both_se"] == pytest.approx(wanted.se[0, 0], rel=1e-9)
        assert row["n_households"] == inside.sum()


@pytest.mark.parametrize("statistic", ["share_b_given_a", "share_a_given_b", "lift", "phi", "redundancy", "odds_ratio"])
def test_linearised_errors_agree_with_the_jackknife(statistic):
    frame = make_survey(n=1200, seed=1, n_psus=60)
    row = country(overlap_pairs(*counted(frame), MEASURE)).iloc[1]  # fuel and school
    known = frame[frame[INDICATORS].notna().all(axis=1)]
    weight = (known["weight"] * known["hh_size"]).to_numpy()
    a, b = known["fuel"].to_numpy(), known["school"].to_numpy()

    def value(w):
        return float(pair_statistics(*((w @ x) / w.sum() for x in (a, b, a * b)))[statistic])

    total = 0.0
    for stratum in (0, 1):
        psus = known.loc[known["stratum"] == stratum, "psu"].unique()
        grown = np.where(known["stratum"] == stratum, len(psus) / (len(psus) - 1), 1.0)
        left = np.array([value(weight * np.where(known["psu"] == psu, 0, grown)) for psu in psus])
        total += (len(psus) - 1) / len(psus) * ((left - value(weight)) ** 2).sum()
    assert row[statistic] == pytest.approx(value(weight))
    assert row[f"{statistic}_se"] == pytest.approx(np.sqrt(total), rel=0.06)
    assert row[f"{statistic}_ci_low"] < row[statistic] < row[f"{statistic}_ci_high"]


def test_a_deprivation_that_nobody_has_leaves_null_flagged_and_no_warning():
    frame = make_households(["100", "110", "000", "010"] * 10, psu=[0, 1, 2, 3] * 10)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows = country(overlap_pairs(*counted(frame), MEASURE)).set_index(["indicator_a", "indicator_b"])
    never = rows.loc[("fuel", "school")]
    assert never[["lift", "phi", "redundancy", "odds_ratio", "lift_ci_low", "share_a_given_b"]].isna().all()
    assert never["share_b"] == 0 and np.isnan(never["share_b_se"])  # noqa: PT018
    assert "no_variation" in never["quality_flag"]
    assert rows.loc[("fuel", "water"), "lift"] == 1


def test_two_that_never_meet_stand_at_zero_without_interval():
    frame = make_households(["100", "010", "000"] * 20, psu=[0, 1, 2, 3, 4, 5] * 10)
    row = country(overlap_pairs(*counted(frame), MEASURE)).iloc[0]
    assert row[["share_both", "lift", "odds_ratio"]].tolist() == [0, 0, 0]
    assert row[["share_both_ci_low", "lift_ci_low", "odds_ratio_ci_high"]].isna().all()
    assert row["phi"] < 0
    assert row[["phi_se", "phi_ci_low", "phi_ci_high"]].isna().all()
    assert "no_variation" in row["quality_flag"]


def test_one_cluster_gives_no_interval_and_few_are_flagged():
    frame = make_survey(seed=5)
    rows = deprivation_counts(
        *counted(frame.assign(psu=np.where(frame["area_id"] == "020101", 1000, frame["psu"]))), MEASURE
    )
    alone = rows[rows["area_id"] == "020101"]
    assert alone["estimate"].notna().all()
    assert alone[["se", "ci_low", "ci_high"]].isna().all(axis=None)
    assert alone["quality_flag"].str.contains("one_psu").all()
    assert (country(rows)["quality_flag"] == "ok").all()


def test_a_small_domain_takes_its_own_degrees_of_freedom_as_poverty_does():
    counts, cells = counted(make_survey(seed=3))
    totals = cluster_totals(counts, cells, profile_bits(counts.masks, counts.n_indicators))
    table = estimate_measure(make_survey(seed=3), MEASURE, HIERARCHY, subgroups=()).headcount.query(
        "kind == 'uncensored'"
    )
    wanted = table[table["indicator_id"] == INDICATORS[0]].set_index("area_id")[["ci_low", "ci_high"]]
    made = share_interval(totals.shares, totals.share_errors(), totals.df[:, None])
    found = pd.DataFrame({"ci_low": made[2][:, 0], "ci_high": made[3][:, 0]}, index=totals.cells["area_id"])
    some = wanted.dropna().index.intersection(found.dropna().index)
    assert (totals.df[totals.cells["area_id"].isin(some)] < totals.df.max()).any()
    np.testing.assert_allclose(found.loc[some], wanted.loc[some], rtol=1e-9)


def test_a_register_has_figures_without_intervals():
    counts = count_masks(make_survey(), Columns(tuple(INDICATORS), psu=None))
    rows = overlap_pairs(counts, cells_of(counts, HIERARCHY), MEASURE, method="register")
    assert rows["lift"].notna().all() and rows["lift_se"].isna().all()  # noqa: PT018
    assert (rows["method"] == "register").all()


def test_dimensions_are_touched_by_any_of_their_indicators():
    measure = make_measure(dimensions=["living", "living", "education"])
    frame = make_households(["000", "100", "110", "101"], psu=[0, 1, 2, 3])
    rows = country(dimension_overlap(*counted(frame), measure)).set_index("dimension_mask")
    assert rows["estimate"].to_dict() == {0: 0.25, 1: 0.5, 2: 0.0, 3: 0.25}
    assert rows.loc[3, "dimensions"] == ["living", "education"]


weights = st.lists(st.integers(0, 20), min_size=8, max_size=8).filter(lambda w: sum(w) > 0)


@settings(max_examples=60, deadline=None)
@given(weights)
def test_pairs_keep_within_frechet_bounds_and_lift_is_symmetric(profile):
    share = np.array(profile) / sum(profile)
    bits = (np.arange(8)[:, None] >> np.arange(3)) & 1
    a, b, both = share @ bits[:, 0], share @ bits[:, 1], share @ (bits[:, 0] * bits[:, 1])
    one, other = pair_statistics(a, b, both), pair_statistics(b, a, both)
    assert max(0, a + b - 1) - 1e-12 <= both <= min(a, b) + 1e-12
    for name in ("lift", "phi", "redundancy", "odds_ratio"):
        np.testing.assert_allclose(one[name], other[name], rtol=1e-9)
    assert not one["redundancy"] > 1 + 1e-9
    assert not abs(one["phi"]) > 1 + 1e-9


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_counts_and_dimensions_add_to_one_and_estimates_lie_in_their_intervals(seed):
    counts, cells = counted(make_survey(n=60, seed=seed, n_psus=12), ("is_urban",))
    for rows in (deprivation_counts(counts, cells, MEASURE), dimension_overlap(counts, cells, MEASURE)):
        known = rows[rows["n_households"] > 0]
        np.testing.assert_allclose(known.groupby(["area_id", "subgroup"])["estimate"].sum(), 1)
        has = known["ci_low"].notna()
        assert ((known["ci_low"] <= known["estimate"]) & (known["estimate"] <= known["ci_high"]))[has].all()
    pairs = overlap_pairs(counts, cells, MEASURE)
    for name in PAIR_STATISTICS:
        has = pairs[pairs[f"{name}_ci_low"].notna()]
        assert (has[f"{name}_ci_low"] <= has[name] + 1e-12).all()
        assert (has[name] <= has[f"{name}_ci_high"] + 1e-12).all()
