"""Codes are compared as what they are."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from poverty_assets.sources.surveys.codes import SameCode, as_text, comparable, looked_up, lookup, shown


@pytest.mark.parametrize(
    "same",
    [
        [1, 1.0, "1", "01", "1.0", " 1 ", True, np.float32(1), np.int8(1), np.bool_(True), Decimal(1), "1e0"],
        ["yes", "YES", " Yes "],
        [None, "", "  ", np.nan, pd.NA, pd.NaT, float("nan")],
        ["1-1", "1-1 "],
    ],
)
def test_values_that_mean_the_same_compare_as_equal(same):
    assert len({comparable(value) for value in same}) == 1


def test_values_that_differ_stay_apart():
    values = [0, 1, 2, "yes", "no", "", "1-1", "nan", "1_0", "inf", "0x1"]
    assert len({comparable(value) for value in values}) == len(values)


def test_truth_of_yaml_is_one_and_the_words_it_was_written_in():
    table = lookup([(True, "a"), (False, "b")])
    found, unlisted = looked_up(pd.Series(["Yes", 1.0, "no", 0, "on", True, False, "y", None], dtype=object), table)
    assert found.tolist() == ["a", "a", "b", "b", "a", "a", "b", None, None]
    assert unlisted.tolist() == [False] * 7 + [True, False]


@pytest.mark.parametrize("pairs", [[(1, 1.0), ("1", 0.0)], [(True, 1.0), (1.0, 0.0)], [(None, 1.0), ("", 0.0)]])
def test_codes_that_cannot_be_told_apart_are_refused(pairs):
    with pytest.raises(SameCode):
        lookup(pairs)


def test_a_code_may_be_listed_twice_for_the_same_thing():
    assert lookup([(1, "a"), ("01", "a")]) == {1.0: "a"}


@pytest.mark.parametrize(
    ("value", "written"),
    [(1.0, "1"), (np.float64(2), "2"), (1.5, "1.5"), ("1", "'1'"), (True, "True"), (12345678.0, "12345678")],
)
def test_values_are_shown_as_people_write_them(value, written):
    assert shown(value) == written


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([1.0, 2.5, np.nan]),
        pd.Series([1.0, 2.5, None], dtype=object),
        pd.Series([" 1", "2.5 ", " "]),
        pd.Series([1.0, 2.5, np.nan], dtype="float32"),
        pd.Series([1, "2.5", pd.NA], dtype=object),
    ],
)
def test_numbers_become_text_without_the_point_that_a_format_gave_them(values):
    text = as_text(values)
    assert text.tolist()[:2] == ["1", "2.5"]
    assert text.isna().tolist() == [False, False, True]
