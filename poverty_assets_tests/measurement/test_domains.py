"""Areas above a household, and the classes it falls into."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from poverty_assets.errors import ContractViolation
from poverty_assets.measurement.domains import areas_of, groupings
from poverty_assets_tests.measurement.factories import HIERARCHY


def test_levels_go_from_the_country_down() -> None:
    placed = areas_of(HIERARCHY, pd.Series(["010102", "02", None, "KH"]))
    assert [[HIERARCHY.ids[i] if i >= 0 else None for i in row] for row in placed] == [
        ["KH", "01", "0101", "010102"],
        ["KH", "02", None, None],
        ["KH", None, None, None],
        ["KH", None, None, None],
    ]


def test_household_in_an_area_that_is_not_there_is_refused() -> None:
    with pytest.raises(
        ContractViolation, match="row 1: 2 households name an area that is not there; the first is '9901'"
    ):
        areas_of(HIERARCHY, pd.Series(["01", "9901", "03"]))


def households(**columns: list[object]) -> pd.DataFrame:
    return pd.DataFrame({"hh_size": [2, 3, 6, 7]} | columns)


def test_size_classes() -> None:
    size = groupings(households(), np.ones(4), ["hh_size_class"])[1]
    assert [size.labels[i] for i in size.code] == [f"hh_size_class={c}" for c in ("1-2", "3-4", "5-6", "7+")]


def test_flags_read_true_and_false_and_missing_is_in_no_class() -> None:
    frame = households(is_urban=pd.array([True, False, None, True], dtype="boolean"), tongue=["a", None, "b", "a"])
    urban, tongue = groupings(frame, np.ones(4), ["is_urban", "tongue"])[1:]
    assert (urban.labels, urban.code.tolist()) == (["is_urban=false", "is_urban=true"], [1, 0, -1, 1])
    assert (tongue.labels, tongue.code.tolist()) == (["tongue=a", "tongue=b"], [0, -1, 1, 0])


def test_index_of_the_frame_does_not_matter() -> None:
    frame = households(is_urban=[1, 0, None, 1]).set_index(pd.Index([7, 7, 3, 1]))
    assert groupings(frame, np.ones(4), ["is_urban"])[1].code.tolist() == [1, 0, -1, 1]


def test_people_of_each_age_are_counted() -> None:
    frame = households(n_children=[1, 0, 3, None])
    adult, child = groupings(frame, frame["hh_size"].to_numpy(dtype=float), ["age_group"])[1:]
    assert adult.people.tolist() == [1, 3, 3, 0]
    assert child.people.tolist() == [1, 0, 3, 0]
    assert child.code.tolist() == [0, 0, 0, -1]


def test_more_children_than_members_is_refused() -> None:
    with pytest.raises(
        ContractViolation, match="row 1: 1 households have more children than members; the first 4 of 3"
    ):
        groupings(households(n_children=[0, 4, 0, 0]), np.array([2.0, 3, 6, 7]), ["age_group"])


def test_unknown_column_is_refused() -> None:
    with pytest.raises(ContractViolation, match="no column tribe"):
        groupings(households(), np.ones(4), ["tribe"])
