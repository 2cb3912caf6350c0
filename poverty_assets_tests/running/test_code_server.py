"""How runs of the UI are started, and when the code that they are started from is loaded anew."""

import importlib.util
import multiprocessing.forkserver
import sys

import pytest

from poverty_assets.pack.country import COUNTRIES
from poverty_assets.running import code_server
from poverty_assets.running.code_server import StartingRuns, code_folders, modules_of_runs, state_of
from poverty_assets.running.daemon import servers_that_stay

ANY_MODULE = "colorsys"  # small, and nothing else imports it


def has_imported(answers):
    answers.put(ANY_MODULE in sys.modules)


def begins_with_it(context):
    answers = context.Queue()
    process = context.Process(target=has_imported, args=(answers,))
    process.start()
    answer = answers.get(timeout=60)
    process.join()
    return answer


@pytest.fixture
def no_server_stays():
    yield
    multiprocessing.forkserver._forkserver._stop()


def test_a_run_begins_with_everything_imported_and_in_a_new_interpreter_once_the_code_is_another(
    monkeypatch, no_server_stays
):
    monkeypatch.setattr(code_server, "IMPORTS_ALL", ANY_MODULE)
    state = [("a.py", 1, 1)]
    monkeypatch.setattr(code_server, "state_of_code", lambda: tuple(state))
    starting = StartingRuns()
    assert begins_with_it(starting.context())
    state.append(("b.py", 1, 1))
    assert not begins_with_it(starting.context())


def test_whatever_a_run_may_import_is_there_to_be_imported():
    names = modules_of_runs()
    assert {"poverty_assets.definitions", "poverty_assets.small_area.estimate", "duckdb"} <= set(names)
    assert not {name for name in names if name.startswith(("poverty_assets.running", "poverty_assets.cli"))}
    assert [name for name in names if importlib.util.find_spec(name) is None] == []


def test_a_file_that_is_edited_comes_or_goes_makes_the_state_another_and_compiled_code_does_not(tmp_path, monkeypatch):
    monkeypatch.setenv(COUNTRIES, str(tmp_path / "packs"))
    assert code_folders() == [code_server.PACKAGE, tmp_path / "packs"]
    (tmp_path / "code/__pycache__").mkdir(parents=True)

    def state():
        return state_of([tmp_path / "code"], [tmp_path / "home.json"])

    states = [state()]
    for path in ("code/a.py", "code/country.yaml", "home.json"):
        for said in ("one", "other"):
            (tmp_path / path).write_text(said)
            states.append(state())
    (tmp_path / "code/a.py").unlink()
    states.append(state())
    assert len(set(states)) == len(states) == 8
    (tmp_path / "code/__pycache__/a.pyc").write_text("compiled")
    assert state() == states[-1]


def test_the_daemon_loads_the_code_anew_if_it_is_another_or_could_not_be_loaded_and_else_never():
    from dagster._core.remote_representation.grpc_server_registry import ErrorRegistryEntry

    state = [("a.py", 1, 1)]
    servers = servers_that_stay(lambda: tuple(state))
    registry = servers.__new__(servers)
    registry._lock, entry = multiprocessing.Lock(), object()
    registry._active_entries = {"home": entry}
    registry.clear_all_grpc_endpoints()
    assert registry._active_entries == {"home": entry}
    state.append(("b.py", 1, 1))
    registry.clear_all_grpc_endpoints()
    assert registry._active_entries == {}
    registry._active_entries = {"home": entry, "broken": ErrorRegistryEntry(None, 0.0, None)}
    registry.clear_all_grpc_endpoints()
    assert registry._active_entries == {}
