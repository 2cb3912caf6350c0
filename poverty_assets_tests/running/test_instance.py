"""Records of runs in SQLite on a machine, in Postgres on a server: begun by many at once, and what is said where they cannot be had."""

import datetime as dt
import multiprocessing
import os
import sqlite3

import dagster as dg
import pytest

from poverty_assets.errors import UsageError
from poverty_assets.running.instance import DATABASE, open_instance, prepare_instance, read_instance
from poverty_assets.running.status import concerns
from poverty_assets.settings import Settings
from poverty_assets_tests.command_line import exit_code
from poverty_assets_tests.postgres import PASSWORD, postgres

PROCESSES = 6


@pytest.fixture(scope="module")
def server():
    with postgres() as started:
        yield started


@pytest.fixture
def on_a_server(server, tmp_path, monkeypatch):
    monkeypatch.setenv(DATABASE, server.new_database(tmp_path.name))
    return tmp_path / "dagster"


@pytest.fixture(params=["machine", "server"])
def dagster_home(request, tmp_path):
    return tmp_path / "dagster" if request.param == "machine" else request.getfixturevalue("on_a_server")


def record(dagster_home, ready):
    ready.wait()
    with open_instance(dagster_home) as instance:
        instance.add_run(dg.DagsterRun("publish", tags={"process": str(os.getpid())}))


def recorded(dagster_home):
    with read_instance(dagster_home) as instance:
        return [run.job_name for run in instance.get_runs()]


@pytest.mark.slow
def test_many_processes_begin_one_home_at_once(dagster_home):
    context = multiprocessing.get_context("fork")
    ready = context.Barrier(PROCESSES)
    started = [context.Process(target=record, args=(dagster_home, ready)) for _ in range(PROCESSES)]
    for process in started:
        process.start()
    for process in started:
        process.join()
    assert [process.exitcode for process in started] == [0] * PROCESSES
    assert recorded(dagster_home) == ["publish"] * PROCESSES


@pytest.mark.slow
def test_on_a_server_nothing_of_a_run_and_no_password_lies_in_the_home(on_a_server):
    with open_instance(on_a_server) as instance:
        instance.add_run(dg.DagsterRun("publish"))
        (run,) = instance.get_runs()
        assert run.remote_job_origin.location_name == "poverty_assets"
    files = [path for path in on_a_server.rglob("*") if path.is_file()]
    assert [path for path in files if path.suffix == ".db"] == []
    assert [path for path in files if PASSWORD in path.read_text()] == []


@pytest.mark.slow
def test_a_home_whose_records_are_in_a_database_is_not_begun_anew_by_who_does_not_know_it(on_a_server, monkeypatch):
    prepare_instance(on_a_server)
    monkeypatch.delenv(DATABASE)
    with pytest.raises(UsageError, match=f"{DATABASE} is not set"):
        prepare_instance(on_a_server)


@pytest.mark.slow
def test_a_home_goes_over_to_a_database_and_says_so(on_a_server, monkeypatch, caplog):
    address = os.environ[DATABASE]
    monkeypatch.delenv(DATABASE)
    with open_instance(on_a_server) as instance:
        instance.add_run(dg.DagsterRun("quarter"))
    monkeypatch.setenv(DATABASE, address)
    with caplog.at_level("WARNING", "poverty_assets"):
        assert recorded(on_a_server) == []
    assert "go to the database from now on" in caplog.text


def test_an_address_that_is_none_is_refused_without_being_shown(tmp_path, monkeypatch):
    monkeypatch.setenv(DATABASE, f"poverty:{PASSWORD}@db.example.org")
    with pytest.raises(UsageError, match="is not the address of a database") as caught:
        prepare_instance(tmp_path)
    assert PASSWORD not in caught.value.message


@pytest.mark.slow
def test_a_database_that_is_down_is_said_in_one_sentence(on_a_server, server, monkeypatch, capfd):
    prepare_instance(on_a_server)
    settings = Settings(home=on_a_server.parent, country="khm")
    monkeypatch.setenv("POVERTY_ASSETS_HOME", str(on_a_server.parent))
    server.stop()
    try:
        commands = (("refresh",), ("ui", "--port", "0"))
        said = [(exit_code(monkeypatch, *one), capfd.readouterr()) for one in commands]
        told = [concern.what for concern in concerns(settings, dt.datetime.now(dt.UTC))]
    finally:
        server.start()
    (code, refused), (ui, _) = said
    assert code == ui == 1
    assert "does not answer: " in refused.err
    assert "Remedy: start it, or correct POVERTY_ASSETS_DATABASE_URL" in refused.err
    assert PASSWORD not in refused.err
    assert "Traceback" not in refused.err
    assert any(what.startswith("records of runs cannot be read: the database of records does not") for what in told)


def spoil(path):
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 3)
        file.write(b"spoilt" * 2000)


def cut(path):
    path.write_bytes(path.read_bytes()[:5000])


def empty(path):
    path.write_bytes(b"")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "how"),
    [("history/runs.db", spoil), ("history/runs/index.db", cut), ("schedules/schedules.db", empty)],
)
def test_spoilt_records_are_set_aside_and_begin_anew(tmp_path, caplog, name, how):
    with open_instance(tmp_path) as instance:
        instance.add_run(dg.DagsterRun("quarter"))
    how(tmp_path / name)
    with caplog.at_level("WARNING", "poverty_assets"), open_instance(tmp_path) as instance:
        instance.add_run(dg.DagsterRun("publish"))
        assert instance.get_runs()[0].job_name == "publish"
        assert instance.all_instigator_state() == []
        assert instance.event_log_storage.get_maximum_record_id() is None
    with sqlite3.connect(tmp_path / name) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
