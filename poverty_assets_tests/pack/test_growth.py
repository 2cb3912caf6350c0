"""Growth of income between two days, by a pack's table."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from pydantic import ValidationError

from poverty_assets.pack.country import load_country
from poverty_assets.pack.growth import Growth, GrowthYear

GINI = 0.5205  # of a lognormal distribution whose logs have a standard deviation of 1
LATER = dt.date(2026, 6, 30)


def table(*growth: float) -> Growth:
    years = [GrowthYear(year=2014 + i, per_person=one, source="made up") for i, one in enumerate(growth)]
    return Growth(years=years, passed_through=0.5, gini=GINI, source="made up")


def test_whole_years_add_up_in_logs_and_half_of_them_reaches_households() -> None:
    gained = table(np.expm1(0.04), np.expm1(0.06)).gained(dt.date(2014, 1, 1), dt.date(2016, 1, 1), as_of=LATER)
    assert gained == pytest.approx(0.5 * (0.04 + 0.06), rel=2e-3)


def test_part_of_a_year_counts_as_that_part() -> None:
    one = table(np.expm1(0.04))
    assert one.gained(dt.date(2014, 7, 2), dt.date(2015, 1, 1), as_of=LATER) == pytest.approx(0.5 * 0.04 / 2, rel=1e-2)


def test_years_to_come_count_with_the_last_three() -> None:
    three = table(0.5, np.expm1(0.03), np.expm1(0.06), np.expm1(0.09))
    gained = three.gained(dt.date(2018, 1, 1), dt.date(2019, 1, 1), as_of=LATER)
    assert gained == pytest.approx(0.5 * 0.06, rel=2e-3)


def test_a_year_counts_from_the_day_its_figure_was_to_be_had() -> None:
    first, boom = np.expm1(0.02), np.expm1(0.4)
    span = dt.date(2015, 1, 1), dt.date(2016, 1, 1)
    before, after = (table(first, boom).gained(*span, as_of=dt.date(2016, month, 30)) for month in (6, 7))
    assert before == pytest.approx(
        0.5 * 0.02, rel=2e-3
    )  # of the year 2015 nothing is known yet: it counts as those before it
    assert after == pytest.approx(0.5 * 0.4, rel=2e-3)
    early = GrowthYear(year=2015, per_person=boom, source="made up", published=dt.date(2015, 12, 1))
    expected = Growth(years=[table(first).years[0], early], passed_through=0.5, gini=GINI, source="made up")
    assert expected.gained(*span, as_of=dt.date(2015, 12, 31)) == pytest.approx(0.5 * 0.4, rel=2e-3)


def test_while_no_year_is_out_nothing_is_known() -> None:
    assert table(0.05).gained(dt.date(2014, 1, 1), dt.date(2015, 1, 1), as_of=dt.date(2015, 6, 30)) is None


def test_before_the_table_nothing_is_known() -> None:
    assert table(0.05).gained(dt.date(2013, 7, 1), dt.date(2015, 1, 1), as_of=LATER) is None


def test_a_year_that_is_missing_is_named() -> None:
    years = [GrowthYear(year=year, per_person=0.05, source="made up") for year in (2014, 2016)]
    with pytest.raises(ValidationError, match="years are 2014, 2016"):
        Growth(years=years, passed_through=0.5, gini=0.3, source="made up")


def test_the_packs_table_covers_its_surveys() -> None:
    growth = load_country("khm").growth
    assert growth is not None
    assert 0.2 < (growth.gained(dt.date(2014, 9, 1), dt.date(2021, 12, 1), as_of=LATER) or 0.0) < 0.8
