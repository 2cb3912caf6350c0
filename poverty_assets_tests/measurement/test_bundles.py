"""Full sets of deprivations against independence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poverty_assets.catalog import table
from poverty_assets.measurement.bundles import bundles, expected_shares, top_profiles
from poverty_assets.measurement.coding import Columns
from poverty_assets.measurement.masks import cells_of, count_masks, profile_bits
from poverty_assets_tests.measurement.overlap_cases import (
    HIERARCHY,
    INDICATORS,
    make_households,
    make_measure,
    make_survey,
)

MEASURE = make_measure()


def bundled(frame: pd.DataFrame, **options: object) -> pd.DataFrame:
    counts = count_masks(frame, Columns(tuple(INDICATORS)))
    rows = bundles(counts, cells_of(counts, HIERARCHY), MEASURE, **options)
    return rows[rows["area_id"] == "KH"].reset_index(drop=True)


def test_bundles_by_hand():
    rows = bundled(make_households(["000"] * 4 + ["110"] * 3 + ["100"] * 2 + ["001"]))
    assert rows["bundle_mask"].tolist() == [0b000, 0b011, 0b001, 0b100]
    assert rows["rank"].tolist() == [0, 1, 2, 3]
    assert rows["indicators"].tolist() == [[], ["fuel", "water"], ["fuel"], ["school"]]
    assert rows["share"].tolist() == pytest.approx([0.4, 0.3, 0.2, 0.1])
    assert rows["share_expected"][1] == pytest.approx(0.5 * 0.3 * 0.9)
    assert rows["excess"][1] == pytest.approx(0.3 - 0.5 * 0.3 * 0.9)


def test_table_has_the_columns_of_the_catalog():
    rows = bundled(make_survey())
    assert {c.name for c in table("fct_bundle").lake_columns} - set(rows) == {"is_headline"}


def test_the_empty_set_is_there_even_where_nobody_has_it():
    rows = bundled(make_households(["100", "110"] * 20, psu=[0, 1, 2, 3] * 10))
    assert rows.loc[0, ["bundle_mask", "rank", "share"]].tolist() == [0, 0, 0]
    assert np.isnan(rows.loc[0, "share_se"])
    assert "no_variation" in rows.loc[0, "quality_flag"]


def test_the_rule_keeps_the_top_ones_and_every_frequent_one():
    frame = make_households(["110"] * 50 + ["100"] * 30 + ["010"] * 15 + ["001"] * 4 + ["111"])
    assert bundled(frame, top=1, always_above=0.1)["bundle_mask"].tolist() == [0, 0b011, 0b001, 0b010]
    assert bundled(frame, top=1, always_above=1.0)["bundle_mask"].tolist() == [0, 0b011]
    assert bundled(frame, top=30, always_above=1.0)["rank"].tolist() == [0, 1, 2, 3, 4, 5]


def test_ties_at_the_end_of_the_top_are_decided_by_mask():
    rows = bundled(make_households(["100", "010", "001", "000"]), top=2, always_above=1.0)
    assert rows["bundle_mask"].tolist() == [0, 0b001, 0b010]


@pytest.mark.parametrize("statistic", ["share", "excess"])
def test_linearised_errors_agree_with_the_jackknife(statistic):
    frame = make_survey(n=1200, seed=2, n_psus=60)
    row = bundled(frame).iloc[1]
    known = frame[frame[INDICATORS].notna().all(axis=1)]
    weight, held = (known["weight"] * known["hh_size"]).to_numpy(), known[INDICATORS].to_numpy()
    bits = profile_bits(np.array([row["bundle_mask"]]), 3)[0]
    exact = (held == bits).all(axis=1)

    def value(w):
        share = (w @ exact) / w.sum()
        return share - (
            0
            if statistic == "share"
            else expected_shares(np.array([row["bundle_mask"]]), ((w @ held) / w.sum())[None], np.array([0]))[0]
        )

    total = 0.0
    for stratum in (0, 1):
        psus = known.loc[known["stratum"] == stratum, "psu"].unique()
        grown = np.where(known["stratum"] == stratum, len(psus) / (len(psus) - 1), 1.0)
        left = np.array([value(weight * np.where(known["psu"] == psu, 0, grown)) for psu in psus])
        total += (len(psus) - 1) / len(psus) * ((left - value(weight)) ** 2).sum()
    assert row[statistic] == pytest.approx(value(weight))
    assert row[f"{statistic}_se"] == pytest.approx(np.sqrt(total), rel=0.05)


def test_independent_deprivations_have_an_excess_near_zero():
    rng = np.random.default_rng(99)
    frame = make_survey(n=4000, n_psus=200)
    frame[INDICATORS] = (rng.random((4000, 3)) < [0.3, 0.5, 0.2]).astype(float)
    rows = bundled(frame)
    assert (rows["excess"].abs() < 3.5 * rows["excess_se"]).all()


def test_expected_shares_are_products_of_margins_and_add_to_one():
    margins, masks = np.array([[0.1, 0.5, 0.8], [0.0, 1.0, 0.3]]), np.arange(8)
    first, second = (expected_shares(masks, margins, np.full(8, cell)) for cell in (0, 1))
    assert first[0b101] == pytest.approx(0.1 * 0.5 * 0.8)
    assert second.tolist() == pytest.approx([0, 0, 0.7, 0, 0, 0, 0.3, 0])
    assert first.sum() == pytest.approx(1)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_all_bundles_of_a_cell_add_to_one_and_the_top_ones_are_the_largest(seed):
    counts = count_masks(make_survey(n=50, seed=seed, n_psus=10), Columns(tuple(INDICATORS), psu=None))
    cells = cells_of(counts, HIERARCHY)
    cell, _, share, _ = top_profiles(counts, cells, top=8, always_above=0.0)
    np.testing.assert_allclose(np.bincount(cell, share), 1)
    few, _, least, rank = top_profiles(counts, cells, top=3, always_above=1.0)
    for number in range(len(cells.table)):
        own = np.sort(share[(cell == number)][1:])[::-1][:3]
        np.testing.assert_allclose(least[(few == number) & (rank > 0)], own)
