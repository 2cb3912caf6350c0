"""Published files held against each other and themselves: what a file that was cut has lost."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from poverty_assets.errors import ContractViolation
from poverty_assets.published.identities import refuse_regions_lost

PERIOD = dt.date(2010, 7, 1), dt.date(2022, 2, 15)


def figures(*surveys):
    """A figure of the country and of some regions in each survey, by the year in which it began."""
    rows = [(name, f"{year}-01-01") for year, regions in surveys for name in ("", *regions)]
    return pd.DataFrame(rows, columns=["area_name", "observed_from"])


def lost(own, other, least=None):
    with pytest.raises(ContractViolation) as refused:
        refuse_regions_lost(own, [("other.csv", other)], PERIOD, least, "own.csv")
    return refused.value.message


def test_a_file_may_have_half_of_the_regions_of_another_and_surveys_that_no_other_has():
    own = figures((2010, "AB"), (2021, "AB"))
    others = [("other.csv", figures((2021, "ABCD"))), ("before.csv", figures((2006, "ABCD")))]
    assert refuse_regions_lost(own, others, PERIOD, None, "own.csv") == "4 regions looked for"
    assert refuse_regions_lost(figures((2021, "")), [], PERIOD, None, "own.csv") == ""


def test_regions_or_a_survey_that_another_file_has_are_missed():
    assert "1 of 4 regions that other.csv has are here of the survey of 2021, and at least 50% are to be" in lost(
        figures((2021, "A")), figures((2021, "ABCD"))
    )
    assert "nothing of the survey of 2021 is here, and other.csv has it" in lost(
        figures((2010, "A")), figures((2021, ""))
    )


def test_an_entry_may_ask_for_all_regions():
    assert "3 of 4 regions" in lost(figures((2021, "ABC")), figures((2021, "ABCD")), least=1.0)


def test_a_region_of_one_survey_is_missed_in_another_unless_the_entry_allows_it():
    own = figures((2010, "AB"), (2021, "A"))
    assert "1 of 2 regions that the file has of that of 2010 are here of the survey of 2021" in lost(own, own)
    assert refuse_regions_lost(own, [], PERIOD, 0.5, "own.csv") == "2 regions looked for"
