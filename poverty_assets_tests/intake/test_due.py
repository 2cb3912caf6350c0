"""How sources stand to a quarter, and when it is begun: a late source never holds it for ever, and is always named."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poverty_assets.intake.due import MOST_MADE_UP, decide, due_quarters, first_try, lacking, last_wait
from poverty_assets.intake.standing import Standing, standings
from poverty_assets.quarter import Quarter
from poverty_assets.sources.landed import LandedRecord, write_record
from poverty_assets_tests.fetching.conftest import entry

QUARTER = Quarter(2026, 3)
FIRST, LAST = dt.date(2026, 10, 20), dt.date(2026, 12, 14)


def rain(cadence="quarter", **more):
    return entry("https://example.org/{label}.tif", cadence=cadence, required=False, **more)


def stands(spec, landing, fetched=()):
    (one,) = standings([spec], landing, QUARTER, [], fetched)
    return one


def land(landing, name):
    path = landing / "rasters" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"II*\0")
    return path


def at(day, hour=12):
    return dt.datetime.combine(day, dt.time(hour), tzinfo=dt.UTC)


def one(state="missing", *, promised=True, expected=None, source_id="rain"):
    return Standing(source_id, state, "rasters/rain.tif", expected, promised)


def decided(found, day, *, fetches=False, tried=None, last_day=75):
    made = decide(QUARTER, found, at(day), last_day=last_day, fetches=fetches, tried=tried)
    return made.do, made.lacking


def test_a_source_is_present_stale_or_missing_and_its_line_says_when_it_is_expected(tmp_path):
    missing = stands(rain(), tmp_path)
    assert (missing.state, missing.expected, missing.promised) == ("missing", dt.date(2026, 10, 30), False)
    assert (
        missing.line == "missing   rain: no rasters/rain_2026Q3.tif; expected by 2026-10-30; poverty-assets fetch rain"
    )
    land(tmp_path, "rain_2026Q4.tif")
    assert stands(rain(), tmp_path).state == "missing"
    land(tmp_path, "rain_2026Q1.tif")
    land(tmp_path, "rain_2025Q4.tif")
    stale = stands(rain(), tmp_path)
    assert (stale.state, stale.file, stale.promised) == ("stale", "rasters/rain_2026Q1.tif", True)
    land(tmp_path, "rain_2026Q3.tif")
    present = stands(rain(), tmp_path)
    assert (present.state, present.line) == ("present", "present   rain: rasters/rain_2026Q3.tif")


def test_what_never_came_and_is_not_fetched_here_is_not_waited_for(tmp_path):
    assert not stands(rain(), tmp_path).promised
    assert stands(rain(), tmp_path, fetched={"rain"}).promised
    assert stands(entry("https://example.org/{label}.tif"), tmp_path).promised


def test_a_series_in_one_file_is_stale_once_it_was_fetched_before_the_quarters_end(tmp_path):
    spec = entry(
        "https://example.org/p.csv", cadence="once", reader="csv", path="p.csv", observed_from=dt.date(2020, 1, 1),
        observed_to=dt.date(2020, 12, 31), columns={"day": {"from": "day", "type": "date"}}, options={"dated_by": "day"},
    )  # fmt: skip
    assert stands(spec, tmp_path).state == "missing"
    (tmp_path / "p.csv").write_text("day\n2020-01-01\n")
    assert stands(spec, tmp_path).state == "present"
    for day, state in ((QUARTER.end, "stale"), (dt.date(2026, 10, 20), "present")):
        write_record(tmp_path / "p.csv", record(at(day)))
        assert stands(spec, tmp_path).state == state
        assert stands(spec, tmp_path).expected == dt.date(2026, 10, 30)


def record(fetched_at):
    said = dict.fromkeys(("source_id", "url", "licence", "publisher", "citation", "sha256", "client", "recipe"), "x")
    days = {"observed_from": dt.date(2020, 1, 1), "observed_to": dt.date(2020, 12, 31)}
    return LandedRecord(**said, **days, size=1, fetched_at=fetched_at, parts=[])


def test_a_quarter_begins_once_everything_promised_is_there_and_not_before_the_twentieth_day():
    assert decided([one("present")], FIRST - dt.timedelta(1)) == ("wait", ())
    assert decide(QUARTER, [], at(FIRST, 1), last_day=75, fetches=False, tried=None).do == "wait"
    assert decided([one("present"), one(promised=False)], FIRST) == ("start", ())
    assert decided([one("stale")], FIRST) == ("wait", ("rain",))


def test_what_comes_only_after_the_longest_wait_is_not_waited_for():
    assert decided([one(expected=LAST)], FIRST) == ("wait", ("rain",))
    assert decided([one(expected=LAST + dt.timedelta(1))], FIRST) == ("start", ())


def test_a_late_source_holds_a_quarter_until_the_packs_last_day_and_no_longer():
    assert decided([one()], LAST) == ("wait", ("rain",))
    assert decided([one()], LAST + dt.timedelta(1)) == ("start", ("rain",))
    assert decided([one()], dt.date(2026, 11, 10), last_day=40) == ("start", ("rain",))


def test_a_home_that_fetches_does_so_first_and_once_a_day_while_something_lacks():
    assert decided([one("present")], FIRST, fetches=True) == ("fetch", ())
    assert decided([one("present")], FIRST, fetches=True, tried=FIRST) == ("start", ())
    assert decided([one()], FIRST, fetches=True, tried=FIRST) == ("wait", ("rain",))
    assert decided([one()], FIRST + dt.timedelta(1), fetches=True, tried=FIRST) == ("fetch", ("rain",))
    assert decided([one()], LAST + dt.timedelta(9), fetches=True, tried=FIRST) == ("fetch", ("rain",))
    after = LAST + dt.timedelta(9)
    assert decided([one()], after, fetches=True, tried=after) == ("start", ("rain",))


STATES = st.sampled_from(["present", "stale", "missing"])
DAYS = st.none() | st.dates(dt.date(2026, 10, 1), dt.date(2027, 2, 1))
SOURCES = st.lists(st.builds(one, STATES, promised=st.booleans(), expected=DAYS), max_size=6)


@given(
    SOURCES, st.integers(20, 120), st.booleans(), st.dates(dt.date(2026, 9, 1), dt.date(2027, 3, 1)), st.integers(0, 9)
)
def test_no_source_holds_a_quarter_for_ever_nor_is_forgotten(found, last_day, fetches, day, hour):
    tried = None
    for moment in (at(day, hour), at(day, 23)):
        made = decide(QUARTER, found, moment, last_day=last_day, fetches=fetches, tried=tried)
        if moment < first_try(QUARTER):
            assert made.do == "wait"
            continue
        lacks = lacking(found, QUARTER, last_day)
        assert made.lacking == lacks
        assert set(lacks) <= {each.source_id for each in found if each.promised and each.state != "present"}
        if made.do == "fetch":
            assert fetches
            tried = day
            continue
        assert (made.do == "start") == (not lacks or day > last_wait(QUARTER, last_day))
        assert all(name in made.why for name in lacks)
    if at(day, hour) >= first_try(QUARTER) and day > last_wait(QUARTER, last_day):
        assert made.do == "start"


@pytest.mark.parametrize(
    ("made", "since", "expected"),
    [
        ([Quarter(2026, 2)], "2026-01-01", ["2026Q3"]),
        ([Quarter(2026, 3)], "2026-01-01", []),
        ([Quarter(2020, 1), Quarter(2026, 1)], "2026-01-01", ["2026Q2", "2026Q3"]),
        ([Quarter(2020, 1)], "2010-01-01", [str(QUARTER.shift(-n)) for n in reversed(range(MOST_MADE_UP))]),
        ([Quarter(2020, 1)], "2026-11-01", []),
        ([Quarter(2026, 2)], "2026-11-01", ["2026Q3"]),
        ([], "2026-11-01", ["2026Q3"]),
        ([], "2027-01-01", []),
    ],
)
def test_what_was_missed_is_made_up_and_opening_a_home_of_old_quarters_makes_none_of_them(made, since, expected):
    found = due_quarters(at(dt.date(2026, 11, 27)), Quarter(2010, 1), made, dt.date.fromisoformat(since), 75)
    assert [quarter.label for quarter in found] == expected
