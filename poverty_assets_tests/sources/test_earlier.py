"""Which earlier quarters matter to a quarter."""

import datetime as dt

from poverty_assets.quarter import Quarter
from poverty_assets.sources.earlier import earlier_times

WAVES = [("one", {"observed_to": dt.date(2021, 2, 15)}), ("two", {"observed_to": dt.date(2022, 1, 31)})]


def times(quarter: str) -> list[tuple[str, str, str]]:
    return [(one.kind, one.wave, one.quarter.label) for one in earlier_times(WAVES, Quarter.from_label(quarter))]


ENDS = [("wave", "one", "2021Q1"), ("wave", "two", "2022Q1")]


def test_the_waves_own_quarters_and_the_last_one_of_the_same_season_before_the_latest_waves_end():
    assert times("2022Q3") == [*ENDS, ("same_season", "", "2021Q3")]
    assert times("2023Q1") == [*ENDS, ("same_season", "", "2022Q1")]


def test_when_a_wave_comes_the_quarters_between_it_and_the_one_before_are_named():
    between = [("between_waves", "", label) for label in ("2021Q2", "2021Q3", "2021Q4")]
    assert times("2022Q1") == [*ENDS, ("same_season", "", "2022Q1"), *between]


def test_without_a_wave_there_is_nothing_to_look_back_to():
    assert earlier_times([], Quarter.from_label("2022Q1")) == []
