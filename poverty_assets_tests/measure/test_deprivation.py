"""From answers to deprivations by the rules of the shipped measures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from poverty_assets.errors import ContractViolation
from poverty_assets.measure.deprivation import deprivations
from poverty_assets.measure.measure import Measure, load_measure
from poverty_assets_tests.measurement.factories import MEASURES, make_measure

NULL = np.nan


@pytest.fixture(scope="module")
def global_mpi() -> Measure:
    return load_measure(MEASURES / "global_mpi.yaml")


def one_household(measure: Measure, members: list[dict[str, float]] | None = None, **answers: float) -> pd.Series:
    household = dict.fromkeys(measure.columns, NULL) | answers
    people = [dict.fromkeys(measure.member_columns, NULL) | member for member in members or [{"age": 30}]]
    households = pd.DataFrame([{"household_id": "h", **household}])
    return deprivations(measure, households, pd.DataFrame(people).assign(household_id="h")).iloc[0]


@pytest.mark.parametrize(
    ("years", "expected"),
    [([6, 0], 0), ([5, 0], 1), ([6, NULL], 0), ([5, NULL], NULL), ([5, 5, NULL], 1), ([NULL, NULL], NULL)],
)
def test_schooling_needs_answers_from_two_thirds(global_mpi: Measure, years: list[float], expected: float) -> None:
    members = [{"age": 30, "years_of_schooling": y} for y in years]
    np.testing.assert_equal(one_household(global_mpi, members)["years_schooling"], expected)


@pytest.mark.parametrize(
    ("ages", "attends", "expected"),
    [([6, 14], [1, 1], 0), ([6, 14], [1, 0], 1), ([15], [0], 0), ([5], [0], 0), ([8, 9], [1, NULL], NULL),
     ([8, 9], [0, NULL], 1), ([8, 9, 10], [1, 1, NULL], 0)],
)  # fmt: skip
def test_school_age_is_6_to_14(global_mpi: Measure, ages: list[float], attends: list[float], expected: float) -> None:
    members = [{"age": age, "attends_school": a} for age, a in zip(ages, attends, strict=True)]
    np.testing.assert_equal(one_household(global_mpi, members)["school_attendance"], expected)


@pytest.mark.parametrize(("thin", "expected"), [([1, 0], 1), ([0, NULL], 0), ([NULL], NULL), ([], 0)])
def test_nutrition_is_unknown_only_where_nobody_was_measured(
    global_mpi: Measure, thin: list[float], expected: float
) -> None:
    members = [{"is_nutrition_eligible": 1, "is_undernourished": t} for t in thin] + [{"is_nutrition_eligible": 0}]
    np.testing.assert_equal(one_household(global_mpi, members)["nutrition"], expected)


def test_household_without_women_asked_lost_no_child(global_mpi: Measure) -> None:
    assert one_household(global_mpi, [{"is_mortality_eligible": 0}])["child_mortality"] == 0
    assert np.isnan(one_household(global_mpi, [{"is_mortality_eligible": 1}])["child_mortality"])
    mothers = [{"is_mortality_eligible": 1, "child_deaths_5y": n} for n in (0, 2)]
    assert one_household(global_mpi, mothers)["child_mortality"] == 1


@pytest.mark.parametrize(
    ("answers", "indicator", "expected"),
    [
        ({"toilet_improved": 1, "toilet_shared": 0}, "sanitation", 0),
        ({"toilet_improved": 1, "toilet_shared": 1}, "sanitation", 1),
        ({"toilet_improved": 1}, "sanitation", 0),
        ({"water_improved": 1, "minutes_to_water": 30}, "drinking_water", 1),
        ({"water_improved": 1, "minutes_to_water": 29}, "drinking_water", 0),
        ({"water_improved": 0}, "drinking_water", 1),
        ({"minutes_to_water": 5}, "drinking_water", NULL),
        ({"has_electricity": 0}, "electricity", 1),
        ({"floor_inadequate": 0}, "housing", 0),
        ({"floor_inadequate": 0, "roof_inadequate": 1}, "housing", 1),
        ({}, "housing", NULL),
        ({"owns_radio": 1}, "assets", 1),
        ({"owns_radio": 1, "owns_bicycle": 1}, "assets", 0),
        ({"owns_radio": 0, "owns_car": 1}, "assets", 0),
        ({}, "assets", NULL),
    ],
)
def test_living_standards(global_mpi: Measure, answers: dict[str, float], indicator: str, expected: float) -> None:
    np.testing.assert_equal(one_household(global_mpi, **answers)[indicator], expected)


def test_every_rule_of_the_ministrys_measure_can_be_evaluated() -> None:
    measure = load_measure(MEASURES / "undp_mop.yaml")
    deprived = {
        "food_consumption_score": 35, "water_improved": 0, "toilet_improved": 0, "has_hand_washing": 0, "hh_size": 4,
        "sleeping_rooms": 1, "floor_inadequate": 1, "cooks_with_solid_fuel": 1, "has_electricity": 0, "owns_car": 0,
        "n_small_assets": 1, "livelihood_coping_level": 3, "consumption_per_person": 9999, "poverty_line": 10000,
    }  # fmt: skip
    members = [
        {"age": 40, "years_of_schooling": 5, "was_ill": 1, "got_care": 0, "in_labour_force": 1, "has_work": 0},
        {"age": 20, "years_of_schooling": 0, "has_work": 1, "hours_worked": 39, "wants_more_hours": 1},
        {"age": 10, "attends_school": 0},
    ]
    assert one_household(measure, members, **deprived).eq(1).all()


def test_given_column_goes_before_the_rule() -> None:
    frame = pd.DataFrame({"household_id": ["h1", "h2"], "a": [1, 0], "b": [None, 1], "c": ["1", "0"]})
    np.testing.assert_array_equal(deprivations(make_measure(), frame), [[1, NULL, 1], [0, 1, 0]])


def test_flag_that_is_neither_0_nor_1_is_refused_with_its_row() -> None:
    frame = pd.DataFrame({"a": [1, 0], "b": [0, 2], "c": [0, 0]})
    with pytest.raises(ContractViolation, match=r"row 1: 1 values of b are not 1, 0 or empty; the first is .*2"):
        deprivations(make_measure(), frame)


def test_missing_column_names_who_needs_it(global_mpi: Measure) -> None:
    with pytest.raises(ContractViolation, match="nutrition needs the member column"):
        deprivations(global_mpi, pd.DataFrame({"household_id": ["h"]}))


def test_member_without_household_is_refused(global_mpi: Measure) -> None:
    with pytest.raises(ContractViolation, match="belong to no household; the first is in 'x'"):
        deprivations(global_mpi, pd.DataFrame({"household_id": ["h"]}), pd.DataFrame({"household_id": ["x"]}))
