"""A quarter of real data is begun once, by one sensor, when what it needs has arrived; it fetches first where the home does so."""

import datetime as dt
import json
import os
import shutil
from dataclasses import replace

import dagster as dg
import pandas as pd
import pytest
import stamina

from poverty_assets.definitions import build_definitions
from poverty_assets.graph.assets.landed import arrived
from poverty_assets.graph.resources import Home
from poverty_assets.graph.sensors import MISSING_TAG, begin
from poverty_assets.intake.arrivals import Arrival, noticed, state_of
from poverty_assets.pack.country import COUNTRIES, country_folder
from poverty_assets.quarter import Quarter
from poverty_assets.settings import Settings
from poverty_assets.warehouse.lake import SEAL, Lake
from poverty_assets_tests.fetching.server import Provider

ENTRIES = """
- source_id: outlines
  title: Outlines
  description: Shapes that somebody puts there once.
  role: areas
  reader: geojson
  path: outlines.geojson
  observed_from: 2020-01-01
  observed_to: 2020-12-31
  options: {columns: {area_code: code}, polygons: commune}
  publisher: &by A provider
  licence: &licence CC BY 4.0
  url: &url https://example.org
  obtain: &obtain Ask for it.
- source_id: rain
  title: Rain
  description: A table that is fetched each quarter.
  role: context
  reader: csv
  path: rain_{label}.csv
  cadence: quarter
  required: false
  columns: {day: {from: day, type: date}}
  publisher: *by
  licence: *licence
  url: *url
  obtain: *obtain
  fetch: {client: https, address: "ADDRESS/rain_{label}.csv", citation: A provider, confirmed: by the test, lag_days: 30, pause_seconds: 0}
"""
QUARTER = Quarter(2026, 3)
OVER = Quarter(2022, 3)
"""Long over, whenever the tests run."""
FIRST, LAST = dt.date(2026, 10, 20), dt.date(2026, 12, 14)


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """A home whose pack has one source that is fetched each quarter, and one put there by hand once."""
    pack_of(tmp_path / "countries", "https://example.org")
    monkeypatch.setenv(COUNTRIES, str(tmp_path / "countries"))
    home = tmp_path / "home"
    land(home, "outlines.geojson", "2026-01-01")
    return Settings(home=home, country="khm", sources="landing", landing=home / "landing")


def pack_of(folder, address):
    """A pack of two sources, whose publisher is at an address."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(country_folder("khm"), folder / "khm")
    (folder / "khm" / "sources.yaml").write_text(ENTRIES.replace("ADDRESS", address))


def land(home, name, day="2026-10-01"):
    path = home / "landing" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("day\n2020-01-01\n")
    seconds = dt.datetime.fromisoformat(day).timestamp()
    os.utime(path, (seconds, seconds))
    return path


def judged(settings):
    """Everything in the landing folder, as accepted."""
    home = Home.of(settings)
    rows = []
    for found in noticed(home.specs, home.landing, [], dt.datetime(2026, 12, 31, tzinfo=dt.UTC)):
        words = dict.fromkeys(("sha256", "origin", "licence", "observed_from", "observed_to"), "")
        rows.append(
            {"file": found.file(home.landing), "source_id": found.spec.source_id, "state": state_of(found), "verdict": "accepted",
             "at": "2026-10-01T00:00:00+00:00", "first_look": True, **words}
        )  # fmt: skip
    settings.arrivals.write_text(json.dumps(rows))


def made(settings, quarter):
    Lake(settings.lake).write(SEAL, quarter, pd.DataFrame({"file": ["f"], "sha256": ["0" * 64]}))


def look(settings, day, hour=12):
    """What the sensors ask for: what, quarter and what is missing of each run, or why there is none."""
    judged(settings)
    now = dt.datetime.combine(day, dt.time(hour), tzinfo=dt.UTC)
    said = [begin(Home.of(settings), now, what) for what in ("start", "fetch")]
    runs = [
        (one.run_key.partition(":")[0], Quarter.from_key(one.partition_key).label, one.tags.get(MISSING_TAG, ""))
        for result in said
        if isinstance(result, dg.SensorResult)
        for one in result.run_requests
    ]
    return runs or said[0].skip_message


def test_a_quarter_waits_for_what_came_before_and_begins_on_the_day_it_comes(settings):
    land(settings.home, "rain_2026Q2.csv")
    made(settings, Quarter(2026, 2))
    assert look(settings, FIRST, hour=1) == "2026Q3 is tried from 2026-10-20 on"
    assert look(settings, FIRST) == "2026Q3 waits for rain, until 2026-12-14 at the latest"
    land(settings.home, "rain_2026Q3.csv")
    assert look(settings, dt.date(2026, 11, 2)) == [("begin", "2026Q3", "")]
    made(settings, QUARTER)
    assert look(settings, dt.date(2026, 11, 3)) == "no quarter is due"
    assert look(settings, dt.date(2027, 1, 2)) == "2026Q4 is tried from 2027-01-20 on"


def test_a_quarter_that_waited_its_longest_begins_and_names_what_it_goes_without(settings):
    land(settings.home, "rain_2026Q2.csv")
    made(settings, Quarter(2026, 2))
    assert "waits for rain" in look(settings, LAST)
    assert look(settings, LAST + dt.timedelta(1)) == [("begin", "2026Q3", "rain")]


def test_what_is_asked_for_again_has_the_same_key_until_something_it_lacked_has_come(settings):
    land(settings.home, "rain_2026Q2.csv")
    made(settings, Quarter(2026, 2))
    look(settings, FIRST)

    def key(day):
        judged(settings)
        (request,) = begin(
            Home.of(settings), dt.datetime.combine(day, dt.time(12), tzinfo=dt.UTC), "start"
        ).run_requests
        return request.run_key

    after = LAST + dt.timedelta(1)
    assert key(after) == key(after + dt.timedelta(1))
    without = key(after)
    land(settings.home, "rain_2026Q3.csv")
    assert key(after) != without


def test_quarters_over_which_the_machine_was_off_are_made_up(settings):
    land(settings.home, "rain_2026Q1.csv")
    made(settings, Quarter(2026, 1))
    assert look(settings, dt.date(2026, 7, 1)) == "2026Q2 is tried from 2026-07-20 on"
    assert look(settings, LAST + dt.timedelta(1)) == [("begin", "2026Q2", "rain"), ("begin", "2026Q3", "rain")]


def test_a_home_that_fetches_does_so_first_once_a_day_and_never_where_it_was_not_told_to(settings):
    fetches = settings.model_copy(update={"fetch": True})
    assert look(fetches, FIRST) == [("fetch", "2026Q3", "rain")]
    assert look(fetches, FIRST) == "2026Q3 waits for rain, until 2026-12-14 at the latest"
    assert look(fetches, FIRST + dt.timedelta(1)) == [("fetch", "2026Q3", "rain")]
    land(settings.home, "rain_2026Q3.csv")
    assert look(fetches, FIRST + dt.timedelta(1)) == [("begin", "2026Q3", "")]
    assert look(settings, FIRST + dt.timedelta(1)) == [("begin", "2026Q3", "")]


def test_a_home_that_fetches_goes_on_asking_for_what_a_quarter_went_without_once_a_week(settings):
    fetches, after = settings.model_copy(update={"fetch": True}), dt.date(2026, 12, 20)
    made(settings, QUARTER)
    assert look(settings, after) == "no quarter is due"
    assert look(fetches, after) == [("fetch", "2026Q3", "")]
    assert look(fetches, after + dt.timedelta(6)) == "no quarter is due"
    assert look(fetches, after + dt.timedelta(7)) == [("fetch", "2026Q3", "")]
    land(settings.home, "rain_2026Q3.csv")
    assert look(fetches, after + dt.timedelta(20)) == "2026Q4 is tried from 2027-01-20 on"


def test_the_job_that_fetches_lands_the_file_and_says_of_which_period_it_is(settings, tmp_path, monkeypatch):
    with Provider() as provider:
        pack_of(tmp_path / "countries", provider.address)
        provider.put("/rain_2022Q3.csv", b"day\n2022-07-01\n")
        fetches = settings.model_copy(update={"fetch": True})
        stamina.set_testing(True, attempts=2, cap=True)
        with dg.DagsterInstance.ephemeral() as instance:
            job = build_definitions(fetches).resolve_job_def("fetch")
            assert job.execute_in_process(instance=instance, partition_key=OVER.key).success
            event = instance.get_latest_materialization_event(dg.AssetKey(["landed", "rain"]))
            assert event.asset_materialization.partition == OVER.key
            assert event.asset_materialization.metadata["state"].value == "fetched"
            assert (settings.landing / "rain_2022Q3.csv").read_bytes() == b"day\n2022-07-01\n"


@pytest.fixture
def publisher(tmp_path):
    """The source's publisher at this machine; the pack names it."""
    with Provider() as provider:
        pack_of(tmp_path / "countries", provider.address)
        stamina.set_testing(True, attempts=2, cap=True)
        yield provider
        stamina.set_testing(False)


def land_by_hand(settings, instance):
    """Make the landing of one period, as somebody does who presses the button in the UI."""
    rain = build_definitions(settings).resolve_assets_def(dg.AssetKey(["landed", "rain"]))
    return dg.materialize([rain], instance=instance, partition_key=OVER.key, raise_on_error=False)


def test_one_landing_is_made_from_the_ui_and_tells_what_came_or_why_nothing_did(settings, publisher):
    with dg.DagsterInstance.ephemeral() as instance:
        failed = land_by_hand(settings, instance)
        (event,) = failed.get_step_failure_events()
        assert (
            "FetchFailed: rain 2022Q3: expected by 2022-10-30, and not there"
            in event.step_failure_data.error.to_string()
        )
        assert not (settings.landing / "rain_2022Q3.csv").exists()
        publisher.put("/rain_2022Q3.csv", b"day\n2022-07-01\n")
        (made,) = land_by_hand(settings, instance).get_asset_materialization_events()
        noted = {name: one.value for name, one in made.materialization.metadata.items()}
        assert (made.partition, noted["state"], noted["bytes"]) == (OVER.key, "fetched", 15)
        assert noted["period"] == "2022-07-01 to 2022-09-30"
        assert made.materialization.tags["dagster/data_version"] == noted["sha256"]


def test_the_weekly_look_observes_every_source_and_asks_publishers_only_where_the_home_fetches(settings, publisher):
    publisher.put("/rain_2022Q3.csv", b"day\n2022-07-01\n")

    def observed(settings):
        with dg.DagsterInstance.ephemeral() as instance:
            job = build_definitions(settings).resolve_job_def("ask_sources")
            assert job.execute_in_process(instance=instance, partition_key=OVER.key).success
            of = {
                name: instance.fetch_observations(dg.AssetKey(["landed", name]), limit=9).records
                for name in ("rain", "outlines")
            }
        said = {
            name: [one.event_log_entry.asset_observation.metadata for one in records] for name, records in of.items()
        }
        return {name: [{k: v.value for k, v in one.items()} for one in found] for name, found in said.items()}

    found = observed(settings)
    assert [one["state"] for one in found["outlines"]] == ["present"]
    assert [one["state"] for one in found["rain"]] == ["missing"]
    assert publisher.asked == []
    asked = observed(settings.model_copy(update={"fetch": True}))["rain"]
    assert {one.get("publisher") or one["state"] for one in asked} == {"missing", "wanted"}
    assert not (settings.landing / "rain_2022Q3.csv").exists()


@pytest.mark.parametrize(("day", "kind"), [("2022-10-20", "AssetMaterialization"), ("2024-10-20", "AssetObservation")])
def test_an_old_file_that_lay_there_at_the_first_look_makes_no_source_fresh(settings, day, kind):
    spec = Home.of(settings).sources["rain"]
    words = dict.fromkeys(("sha256", "origin", "licence"), "x")
    days = {"observed_from": "2022-07-01", "observed_to": "2022-09-30"}
    one = Arrival(
        "rain_2022Q3.csv", "rain", [], **words, **days, verdict="accepted", at=f"{day}T00:00:00+00:00", first_look=True
    )
    event = arrived(one, spec, None)
    assert (type(event).__name__, event.partition) == (kind, "2022-07-01")
    assert type(arrived(replace(one, first_look=False), spec, None)).__name__ == "AssetMaterialization"
    assert type(arrived(replace(one, verdict="refused"), spec, None)).__name__ == "AssetObservation"
