"""One screen says what wants a person's eye and what to do; nothing to do is said, too."""

import datetime as dt
import sys

import dagster as dg
import pandas as pd
import pytest

from poverty_assets import cli
from poverty_assets.atomic import write_text
from poverty_assets.quarter import Quarter
from poverty_assets.running.instance import open_instance
from poverty_assets.running.source_status import newest_due
from poverty_assets.running.status import concerns
from poverty_assets.settings import Settings, claim_home
from poverty_assets.sources.landed import LandedRecord, write_record
from poverty_assets.warehouse.build import publish
from poverty_assets.warehouse.lake import SEAL, Lake
from poverty_assets_tests.warehouse.small_lake import KHM, mpi, write_quarter

FIRST, SECOND = Quarter(2022, 3), Quarter(2022, 4)
IN_TIME = dt.datetime(2023, 1, 26, tzinfo=dt.UTC)


@pytest.fixture
def settings(tmp_path):
    """A home with one published quarter."""
    made = claim_home(Settings(home=tmp_path, country="khm", sources="landing", landing=tmp_path))
    write_quarter(Lake(made.lake), FIRST)
    publish_all(made)
    return made


def publish_all(settings):
    publish(Lake(settings.lake), settings.warehouse, KHM, is_simulated=False, run_id="r")


def said(settings, now=IN_TIME):
    return [(concern.what, concern.remedy) for concern in concerns(settings, now)]


@pytest.mark.slow
def test_a_home_that_is_as_it_should_be_has_nothing_to_do(settings):
    assert said(settings) == []


@pytest.mark.slow
def test_a_quarter_that_was_due_is_missed_a_week_after_its_schedule(settings):
    due = ("2022Q4 was due on 2023-01-26 and is not published", "poverty-assets refresh --quarter 2022Q4")
    assert said(settings, dt.datetime(2023, 1, 27, tzinfo=dt.UTC)) == [due]
    write_quarter(Lake(settings.lake), SECOND)
    publish_all(settings)
    assert said(settings, dt.datetime(2023, 1, 27, tzinfo=dt.UTC)) == []


@pytest.mark.slow
def test_of_a_home_of_old_quarters_the_newest_is_told_beside_the_one_that_is_due(settings):
    [(what, remedy)] = said(settings, dt.datetime(2026, 11, 27, tzinfo=dt.UTC))
    assert what == "2026Q3 was due on 2026-10-26 and is not published (the newest is 2022Q3)"
    assert remedy == "poverty-assets refresh --quarter 2026Q3; nothing, where only older ones are wanted"


@pytest.mark.slow
def test_what_is_complete_and_what_is_half_remade_is_told_apart(settings):
    lake = Lake(settings.lake)
    write_quarter(lake, SECOND)
    lake.write("fct_mpi", FIRST, mpi(0.9))
    assert [what for what, _ in said(settings)] == [
        "complete and not published: 2022Q4",
        "2022Q3 is half remade (fct_mpi)",
    ]


@pytest.mark.slow
def test_a_published_quarter_whose_files_are_gone_is_told(settings):
    Lake(settings.lake).path(SEAL, FIRST).unlink()
    what = "2022Q3 is published, and its files in the lake are gone"
    assert (what, "poverty-assets refresh --quarter 2022Q3") in said(settings)


@pytest.mark.slow
def test_a_quarter_made_of_a_file_that_was_replaced_since_is_named(settings):
    lake, used = Lake(settings.lake), "1" * 64
    days = {"observed_from": dt.date(2022, 7, 1), "observed_to": dt.date(2022, 9, 30), "rows": 1}
    noted = {
        "sha256": used,
        "source_id": "rainfall",
        "file": "rasters/chirps_2022Q3.tif",
        "is_preliminary": True,
        **days,
    }
    lake.write("src_rainfall", FIRST, pd.DataFrame({"a": [1]}), noted)
    assert lake.notes("src_rainfall", FIRST)["is_preliminary"] is True
    file = settings.landing_folder / "rasters" / "chirps_2022Q3.tif"
    write_text(file, "rain")
    write_record(file, record("rainfall", sha256=used))
    assert said(settings) == []
    write_record(file, record("rainfall", sha256="2" * 64))
    what = "2022Q3 was made of files that have been replaced since, of 1 sources: rainfall"
    assert said(settings) == [(what, "poverty-assets refresh --quarter 2022Q3")]


def record(source_id, sha256):
    day = dt.date(2022, 9, 30)
    return LandedRecord(
        source_id=source_id, url="u", licence="l", publisher="p", citation="c", sha256=sha256, size=4, observed_from=day, observed_to=day,
        fetched_at=IN_TIME, client="https", recipe="r", parts=[],
    )  # fmt: skip


@pytest.mark.slow
def test_the_last_run_of_a_job_that_failed_is_told_until_one_succeeds(settings):
    with open_instance(settings.dagster_home) as instance:
        tags = {"dagster/partition": SECOND.key}
        instance.add_run(dg.DagsterRun("quarter", status=dg.DagsterRunStatus.FAILURE, tags=tags))
        assert [what.split(" (run")[0] for what, _ in said(settings)] == ["the last run of quarter of 2022Q4 failed"]
        instance.add_run(dg.DagsterRun("quarter", status=dg.DagsterRunStatus.SUCCESS, tags=tags))
        assert said(settings) == []


@pytest.mark.slow
def test_the_command_ends_with_1_only_where_it_is_asked_to_and_there_is_something_to_do(settings, monkeypatch, capsys):
    monkeypatch.setenv("POVERTY_ASSETS_HOME", str(settings.home))
    for arguments, code in ((["status"], 0), (["status", "--exit-code"], 1)):
        monkeypatch.setattr(sys, "argv", ["poverty-assets", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert int(ended.value.code or 0) == code
        shown = capsys.readouterr().out
        assert "2022Q3: published" in shown
        assert "To do:\n" in shown
        assert "was due on" in shown


def told(monkeypatch, capsys, home, *words):
    """Exit code and lines of ``status --sources``."""
    monkeypatch.setenv("POVERTY_ASSETS_HOME", str(home))
    monkeypatch.setattr(sys, "argv", ["poverty-assets", "status", "--sources", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0), capsys.readouterr().out.splitlines()


@pytest.mark.slow
def test_each_source_is_told_as_it_stands_to_a_quarter_and_what_the_quarter_waits_for(settings, monkeypatch, capsys):
    rasters = settings.landing_folder / "rasters"
    rasters.mkdir()
    (rasters / "chirps_2022Q3.tif").write_bytes(b"II*\0")
    code, lines = told(monkeypatch, capsys, settings.home, "--quarter", "2022Q4", "--exit-code")
    assert code == 1
    assert lines[0].startswith("2022Q4: 0 present, 1 stale, ")
    (rain,) = [line for line in lines if " rainfall:" in line]
    assert rain.startswith(
        "stale     rainfall: the newest is rasters/chirps_2022Q3.tif; expected by 2023-02-14; poverty-assets fetch"
    )
    assert lines[-1].startswith("Waited until 2023-03-16 for ")
    assert ", rainfall" in lines[-1]
    assert told(monkeypatch, capsys, settings.home, "--quarter", "2022Q4")[0] == 0


def test_without_a_quarter_the_newest_that_is_due_is_told():
    assert newest_due(dt.datetime(2026, 10, 20, 1, tzinfo=dt.UTC)) == Quarter(2026, 2)
    assert newest_due(dt.datetime(2026, 10, 20, 2, tzinfo=dt.UTC)) == Quarter(2026, 3)
