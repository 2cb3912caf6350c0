"""From households to the one aggregate, and the algebra of profiles."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poverty_assets.errors import ContractViolation, SpecificationError
from poverty_assets.measurement import coding
from poverty_assets.measurement.coding import Columns, household_masks
from poverty_assets.measurement.joint import JointFigures, figures_of_profiles, figures_of_totals, joint_columns
from poverty_assets.measurement.masks import (
    Cells,
    MaskCounts,
    cells_of,
    count_masks,
    count_masks_parquet,
    pair_index,
    profile_bits,
)
from poverty_assets_tests.measurement.overlap_cases import (
    AREAS,
    HIERARCHY,
    INDICATORS,
    make_households,
    make_measure,
    make_survey,
)

MEASURE = make_measure()


def counted(frame: pd.DataFrame, **options: object) -> tuple:
    counts = count_masks(frame, Columns(tuple(INDICATORS), **options))
    return counts, cells_of(counts, HIERARCHY)


def figures_in(counts: MaskCounts, cells: Cells) -> JointFigures:
    return figures_of_totals(cells.rollup @ np.asarray(counts.weight @ joint_columns(counts.masks, MEASURE)), MEASURE)


def test_bit_j_is_indicator_j_and_an_unknown_household_is_told():
    masks, known = household_masks(make_households(["000", "100", "011", "1?1"]), INDICATORS)
    assert masks.tolist() == [0b000, 0b001, 0b110, 0b101]
    assert known.tolist() == [True, True, True, False]


@pytest.mark.parametrize("dtype", ["int64", "uint8", "Int8", "boolean", "float32", "object"])
def test_indicators_of_any_type_give_the_same_masks(dtype):
    frame = make_households(["010", "111", "001"])
    frame[INDICATORS] = frame[INDICATORS].astype("int64").astype(dtype)
    assert household_masks(frame, INDICATORS)[0].tolist() == [0b010, 0b111, 0b100]


@pytest.mark.parametrize("dtype", ["Int8", "object", "float64"])
def test_null_of_any_type_is_unknown(dtype):
    frame = make_households(["010", "111"])
    frame["water"] = pd.Series([1, None], dtype=dtype)
    masks, known = household_masks(frame, INDICATORS)
    assert masks.tolist() == [0b010, 0b101]
    assert known.tolist() == [True, False]


def test_a_value_that_is_neither_0_nor_1_is_refused_with_its_place():
    frame = make_households(["000", "000"])
    frame["water"] = [0, 2]
    with pytest.raises(ContractViolation, match="the first is 2") as error:
        household_masks(frame, INDICATORS)
    assert "household 1, column water" in str(error.value)


def test_seventeen_indicators_and_a_missing_column_are_refused():
    with pytest.raises(SpecificationError, match="17 indicators"):
        household_masks(make_households(["0"]), [f"i{j}" for j in range(17)])
    with pytest.raises(ContractViolation, match="'roof'"):
        household_masks(make_households(["000"]), ["fuel", "roof"])


@pytest.mark.parametrize(
    ("column", "value"), [("weight", -1.0), ("hh_size", np.nan), ("weight", np.inf), ("psu", None)]
)
def test_a_household_without_weight_size_or_cluster_is_refused(column, value):
    frame = make_households(["000", "000"]).astype({column: object})
    frame.loc[1, column] = value
    with pytest.raises(ContractViolation, match="1 values of"):
        count_masks(frame, Columns(tuple(INDICATORS)))


def test_the_aggregate_holds_persons_households_and_those_left_out():
    frame = make_households(["110", "110", "000", "?00"], weight=[1.0, 2.0, 1.0, 1.0], hh_size=[3, 1, 5, 5])
    counts, cells = counted(frame)
    assert counts.masks.tolist() == [0b000, 0b011]
    country = cells.table.iloc[0]
    assert (country["area_id"], country["n_households"], country["n_left_out"]) == ("KH", 3, 1)
    assert country["share_left_out"] == pytest.approx(5 / 15)
    assert (cells.rollup[[0]] @ counts.weight).tolist() == [[5.0, 5.0]]


def test_communes_add_up_to_districts_provinces_and_country():
    counts, cells = counted(make_survey())
    table = cells.table.assign(weight=cells.rollup @ np.asarray(counts.weight.sum(axis=1)).ravel())
    for level in ("province", "district", "commune"):
        of_level = table[(table["area_level"] == level) & (table["subgroup"] == "all")]
        assert of_level["weight"].sum() == pytest.approx(table["weight"].iloc[0])
        assert of_level["n_households"].sum() == table["n_households"].iloc[0]


def test_a_household_known_only_to_its_province_is_in_no_district():
    _, cells = counted(make_households(["000", "100", "110"], area_id=["010101", "01", None]))
    n = cells.table.set_index("area_id")["n_households"].to_dict()
    assert n == {"KH": 3, "01": 2, "0101": 1, "010101": 1}


def test_subgroups_part_households_and_age_groups_part_persons():
    frame = make_households(["100", "000"], is_urban=[True, None], hh_size=[4, 2], n_children=[3, 0])
    counts, cells = counted(frame, subgroups=["is_urban", "age_group", "hh_size_class"])
    totals = cells.rollup @ np.asarray(counts.weight.sum(axis=1)).ravel()
    country = cells.table["area_id"] == "KH"
    size = dict(zip(cells.table.loc[country, "subgroup"], totals[country], strict=True))
    assert size == {
        "all": 6, "age_group=adult": 3, "age_group=child": 3, "hh_size_class=1-2": 2, "hh_size_class=3-4": 4,
        "is_urban=true": 4,
    }  # fmt: skip


def test_a_parquet_file_gives_what_its_frame_gives(tmp_path, monkeypatch):
    monkeypatch.setattr(coding, "CHUNK", 64)  # several chunks a row group
    frame = make_survey().astype({"fuel": "Int8", "area_id": "category"})
    frame["is_urban"] = frame["is_urban"].astype("boolean").mask(frame.index % 7 == 0)
    frame.to_parquet(tmp_path / "survey.parquet", row_group_size=150)
    options = {"subgroups": ["is_urban", "age_group"]}
    counts, cells = counted(frame, **options)
    again = count_masks_parquet(tmp_path / "survey.parquet", Columns(tuple(INDICATORS), **options))
    pd.testing.assert_frame_equal(again.units, counts.units)
    pd.testing.assert_frame_equal(again.psus, counts.psus, check_dtype=False)
    np.testing.assert_allclose((cells.rollup @ again.weight).sum(axis=0), (cells.rollup @ counts.weight).sum(axis=0))


@st.composite
def surveys(draw):
    n = draw(st.integers(1, 40))
    column = lambda values: st.lists(values, min_size=n, max_size=n)  # noqa: E731
    data = {name: draw(column(st.sampled_from([0.0, 1.0, np.nan]))) for name in INDICATORS}
    data["area_id"] = draw(column(st.sampled_from(list(AREAS["area_id"]))))
    data["is_urban"] = draw(column(st.sampled_from([True, False])))
    data["weight"] = draw(column(st.sampled_from([0.5, 1.0, 3.0])))
    data["hh_size"] = draw(column(st.integers(1, 9)))
    data["psu"] = draw(column(st.integers(0, 5)))
    return pd.DataFrame(data).assign(stratum=1)


def by_household(frame: pd.DataFrame, area: str, subgroup: str) -> dict[str, object]:
    """The figures of one cell computed household by household."""
    known = frame[frame[INDICATORS].notna().all(axis=1)]
    inside = known[known["area_id"].str.startswith(area if area != "KH" else "")]
    if subgroup != "all":
        inside = inside[inside["is_urban"] == (subgroup == "is_urban=true")]
    people = (inside["weight"] * inside["hh_size"]).to_numpy()
    held = inside[INDICATORS].to_numpy()
    score, total = held.sum(axis=1) / len(INDICATORS), people.sum()
    poor = score >= 1 / 3 - 1e-9
    return {
        "headcount": people[poor].sum() / total,
        "mpi": (people * score)[poor].sum() / total,
        "both": [(people * held[:, a] * held[:, b]).sum() / total for a, b in zip(*pair_index(3), strict=True)],
        "counts": [people[held.sum(axis=1) == number].sum() / total for number in range(4)],
    }


@settings(max_examples=40, deadline=None)
@given(surveys())
@pytest.mark.slow
def test_figures_from_masks_equal_those_household_by_household(frame):
    counts, cells = counted(frame, subgroups=("is_urban",))
    figures = figures_in(counts, cells)
    for row, cell in cells.table.iterrows():
        if cell["n_households"] == 0:
            continue
        wanted = by_household(frame, cell["area_id"], cell["subgroup"])
        assert figures.headcount_ratio[row, 1] == pytest.approx(wanted["headcount"])
        assert figures.mpi[row, 1] == pytest.approx(wanted["mpi"])
        assert figures.pairs["share_both"][row] == pytest.approx(wanted["both"])
        assert figures.counts[row] == pytest.approx(wanted["counts"])


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(surveys(), st.randoms(use_true_random=False))
def test_order_of_households_and_scale_of_weights_do_not_matter(frame, random):
    order = random.sample(range(len(frame)), len(frame))
    other = frame.iloc[order].reset_index(drop=True).assign(weight=lambda f: f["weight"] * 8)
    first, second = (figures_in(*counted(data, subgroups=("is_urban",))) for data in (frame, other))
    np.testing.assert_allclose(second.size, 8 * first.size)
    np.testing.assert_allclose(second.pairs["lift"], first.pairs["lift"], atol=1e-12)
    np.testing.assert_allclose(second.censored, first.censored, atol=1e-12)


def test_figures_of_profiles_are_those_of_the_households_they_count():
    frame = make_survey()
    counts, cells = counted(frame)
    country = cells.rollup[[0]] @ counts.weight
    profile = np.zeros(8)
    profile[counts.masks] = country[0]
    modelled, direct = figures_of_profiles(profile, MEASURE), figures_in(counts, cells)
    np.testing.assert_allclose(modelled.mpi, direct.mpi[0])
    np.testing.assert_allclose(modelled.pairs["phi"], direct.pairs["phi"][0])
    held = [sum(n for mask, n in enumerate(profile) if mask & both == both) for both in (0b011, 0b101, 0b110)]
    np.testing.assert_allclose(held / profile.sum(), modelled.pairs["share_both"])


def test_profile_bits_are_read_from_the_lowest():
    assert profile_bits(np.array([0b100, 0b011]), 3).tolist() == [[0, 0, 1], [1, 1, 0]]
