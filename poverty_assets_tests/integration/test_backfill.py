"""Quarters made by two processes at once, each its own or both the same, with records in SQLite or in Postgres, give the lake that one run
after the other gives."""

import pytest

from poverty_assets.pack.country import COUNTRIES
from poverty_assets.quarter import Quarter
from poverty_assets.running.instance import DATABASE, read_instance
from poverty_assets_tests.integration.conftest import ISLES_QUARTERS
from poverty_assets_tests.integration.refresher import Refresher
from poverty_assets_tests.integration.test_refresh import lake_bytes
from poverty_assets_tests.postgres import postgres


@pytest.fixture
def database():
    with postgres() as server:
        yield server.new_database("records")


def labels(quarters):
    return [Quarter(2022, 4).shift(-n).label for n in reversed(range(quarters))]


def two_at_a_time(first, home, log, quarters, address, landing, environment=None):
    """Every other quarter in a child of one program, the rest in one of another at the same time; returns the lake."""
    with Refresher() as second:
        for program, own in ((first, quarters[0::2]), (second, quarters[1::2])):
            variables = {DATABASE: address, **(environment or {})}
            program.ask(home=home, landing=landing, log=log, environment=variables, quarters=own)
        assert (first.answer()["code"], second.answer()["code"]) == (0, 0), log.read_text()[-3000:]
    return lake_bytes(home)


def assert_recorded(home, quarters, address, monkeypatch):
    monkeypatch.setenv(DATABASE, address)
    with read_instance(home / "dagster") as instance:
        partitions = sorted(run.tags.get("dagster/partition", "") for run in instance.get_runs())
    assert partitions == ["", "", *(Quarter.from_label(label).key for label in quarters)]  # and two publications


def test_two_at_a_time_with_records_in_postgres_give_the_lake_of_one_alone(
    isle, isle_whole, refresher, tmp_path, database, monkeypatch
):
    quarters, home, log = ISLES_QUARTERS, tmp_path / "home", tmp_path / "log"
    lake = two_at_a_time(refresher, home, log, quarters, database, isle["landing"], isle["environment"])
    alone = lake_bytes(isle_whole["home"])
    assert [file for file, content in alone.items() if lake.get(file) != content] == []
    assert sum(name.startswith("lake/fct_mpi/") for name in lake) == len(quarters)
    monkeypatch.setenv(COUNTRIES, isle["environment"][COUNTRIES])
    assert_recorded(home, quarters, database, monkeypatch)
    assert list((home / "dagster").rglob("*.db")) == []


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("quarters", [1, 2])
def test_two_refreshes_of_the_same_quarters_at_once_wait_for_each_other_and_give_the_lake_of_one(
    landing, published_home, refresher, tmp_path, quarters
):
    home, asked, logs = tmp_path / "home", labels(quarters), [tmp_path / "one", tmp_path / "other"]
    with Refresher() as second:
        for program, log, own in ((refresher, logs[0], asked), (second, logs[1], asked[::-1])):
            program.ask(home=home, landing=landing, log=log, quarters=own, full=True)
        codes = [refresher.answer()["code"], second.answer()["code"]]
    said = [log.read_text() for log in logs]
    assert codes == [0, 0], said
    assert [text for text in said if "Traceback" in text] == []
    assert any("waiting for" in text for text in said)
    lake, alone = lake_bytes(home), lake_bytes(published_home)
    assert [file for file, content in alone.items() if lake.get(file) != content] == []
    assert sum(name.startswith("lake/fct_mpi/") for name in lake) == quarters
    assert [path for path in home.rglob("*.tmp*") if path.is_file()] == []


@pytest.mark.soak
@pytest.mark.timeout(14400)
def test_twenty_four_quarters_two_at_a_time_and_one_after_the_other_agree_byte_for_byte(
    landing, refresher, tmp_path, database, monkeypatch
):
    quarters, log = labels(24), tmp_path / "log"
    refresher.ask(home=tmp_path / "single", landing=landing, quarters=quarters, log=log, full=True)
    assert refresher.answer()["code"] == 0, log.read_text()[-3000:]
    single = lake_bytes(tmp_path / "single")
    assert sum(name.startswith("lake/fct_mpi/") for name in single) == len(quarters)
    for name, address in (("machine", ""), ("server", database)):
        lake = two_at_a_time(refresher, tmp_path / name, log, quarters, address, landing)
        assert sorted(lake) == sorted(single)
        assert [file for file in lake if lake[file] != single[file]] == [], name
    assert_recorded(tmp_path / "server", quarters, database, monkeypatch)
