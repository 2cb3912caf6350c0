import pandas as pd
import pytest

from poverty_assets.errors import ContractViolation
from poverty_assets.sources.contract import apply_contract
from poverty_assets_tests.pack.test_source import make_spec

COLUMNS = {
    "area_code": {"from": ["Code", "Com_Code"], "type": "code", "digits": 6},
    "households": {"from": "HH", "type": "integer", "minimum": 1},
    "rate": {"from": "Rate", "minimum": 0, "maximum": 1, "on_violation": "quarantine"},
}


def apply(rows, **changes):
    spec = make_spec(
        observed_from="2022-01-01", observed_to="2022-01-01", columns=COLUMNS, key=["area_code"], **changes
    )
    raw = pd.DataFrame(rows, columns=["Code", "HH", "Rate"], dtype="string")
    raw.index = pd.RangeIndex(2, len(raw) + 2)
    return apply_contract(raw, spec, "register.csv")


def test_codes_are_padded_and_numbers_typed():
    frame, quarantine = apply([("10201", "5", "0.2"), ("10202.0", "6", "1")])
    assert list(frame["area_code"]) == ["010201", "010202"]
    assert list(frame["households"]) == [5, 6]
    assert not quarantine.rows


def test_a_row_that_may_be_set_aside_is_counted_and_left_out():
    frame, quarantine = apply([("10201", "5", "1.2"), ("10202", "6", "1")])
    assert list(frame["area_code"]) == ["010202"]
    assert quarantine.reasons == {"Rate: above 1": 1}


@pytest.mark.parametrize(
    ("rows", "place", "reason"),
    [
        ([("10201", "5", "0"), ("10202", "0", "0")], "row 3, column HH", "below 1"),
        ([("10201", "x", "0")], "row 2, column HH", "not a valid integer; first HH = 'x'"),
        ([("10201", "", "0")], "row 2, column HH", "no value"),
        ([("10201", "5", "0"), ("010201", "6", "0")], "row 2, column area_code", "2 of 2 rows: duplicate key"),
        ([("1234567", "5", "0")], "row 2, column Code", "not a valid code"),
        ([("10201", "5.5", "0")], "row 2, column HH", "not a valid integer"),
    ],
)
def test_a_broken_row_is_refused_with_its_place_and_reason(rows, place, reason):
    with pytest.raises(ContractViolation) as caught:
        apply(rows)
    assert place in caught.value.message
    assert reason in caught.value.message
    assert "Remedy" in caught.value.message


def test_a_missing_column_is_refused_by_name():
    raw = pd.DataFrame({"Code": ["10201"], "Rate": ["0"]})
    spec = make_spec(observed_from="2022-01-01", observed_to="2022-01-01", columns=COLUMNS)
    with pytest.raises(ContractViolation, match="column 'HH' is missing; the file has Code, Rate"):
        apply_contract(raw, spec, "register.csv")


def test_a_rule_over_two_columns_names_the_first_offender():
    columns = {"listed": {"from": "HH", "type": "integer"}, "households": {"from": "Rate", "type": "integer"}}
    rules = [{"left": "listed", "at_most": "households"}]
    spec = make_spec(observed_from="2022-01-01", observed_to="2022-01-01", columns=columns, rules=rules)
    raw = pd.DataFrame({"HH": ["1", "9"], "Rate": ["5", "5"]}, index=[2, 3])
    with pytest.raises(ContractViolation, match="listed is above households; first listed = '9 > 5'"):
        apply_contract(raw, spec, "register.csv")
