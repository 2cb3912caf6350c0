import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poverty_assets.errors import UsageError
from poverty_assets.quarter import Quarter

QUARTERS = st.builds(Quarter, st.integers(1900, 2200), st.integers(1, 4))


@given(QUARTERS)
def test_label_and_key_lead_back_to_the_quarter(quarter):
    assert Quarter.from_label(quarter.label) == quarter
    assert Quarter.from_key(quarter.key) == quarter
    assert Quarter.from_label(quarter.key) == quarter


@given(QUARTERS, QUARTERS)
def test_keys_are_distinct_and_ordered_as_the_quarters(one, other):
    assert (one.key < other.key) == (one < other)
    assert (one.key == other.key) == (one == other)


@given(QUARTERS, st.integers(-40, 40))
def test_shift_goes_there_and_back_and_days_are_contiguous(quarter, n):
    assert quarter.shift(n).shift(-n) == quarter
    assert quarter.end + dt.timedelta(days=1) == quarter.shift(1).start
    assert Quarter.containing(quarter.start) == Quarter.containing(quarter.end) == quarter


@pytest.mark.parametrize("text", ["2022Q5", "2022", "Q12022", "2022-02-01", "", "2022Q0"])
def test_what_is_not_a_quarter_is_refused_with_the_remedy(text):
    with pytest.raises(UsageError, match="2022Q1"):
        Quarter.from_label(text)


def test_latest_complete_quarter_is_the_one_before_todays():
    assert Quarter.latest_complete(dt.date(2026, 11, 22)).label == "2026Q3"
    assert Quarter.latest_complete(dt.date(2027, 1, 1)).label == "2026Q4"
