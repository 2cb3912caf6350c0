"""The key of household identifiers stands nowhere in a home: not in a record of a run, a log, a table or a page."""

import base64
import shutil
import sqlite3
import time
import zipfile
import zlib
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

from poverty_assets.pack.country import COUNTRIES
from poverty_assets.quarter import Quarter
from poverty_assets.settings import HOUSEHOLD_KEY
from poverty_assets.sources.surveys.canonical import hashed
from poverty_assets.warehouse.lake import Lake
from poverty_assets_tests.integration.conftest import HOUSEHOLDS, QUARTER, SECRET
from poverty_assets_tests.integration.test_ui import FOR_EVER, LAUNCH, SELECTOR, Ui
from poverty_assets_tests.sources.surveys.families import numbers_of

# base64 begins anew every three bytes: whatever stood before it, one of these stands within
FORMS = [SECRET.encode()] + [
    base64.b64encode(b"-" * shift + SECRET.encode())[4 * (shift > 0) : -4].rstrip(b"=") for shift in range(3)
]


def holds(data: bytes) -> bool:
    """Whether the bytes hold the key, plain or in base64, as they are or compressed."""
    for kind in (zlib.MAX_WBITS, zlib.MAX_WBITS | 16):
        try:
            data += zlib.decompressobj(kind).decompress(data)
        except zlib.error:
            continue
    return any(form in data for form in FORMS)


def contents(path: Path):
    """Everything in a file, taken apart: the bytes, and each value of a database, a table or an archive."""
    yield path.read_bytes()
    if path.read_bytes()[:6] == b"SQLite":
        with sqlite3.connect(path) as connection:
            for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                for row in connection.execute(f'SELECT * FROM "{table}"'):
                    yield from (value if isinstance(value, bytes) else str(value).encode() for value in row)
    elif path.suffix == ".parquet":
        data = pq.ParquetFile(path)
        yield str(data.schema_arrow.metadata).encode()
        for column in data.read().columns:
            values = column.to_pylist()
            yield from (value for value in values if isinstance(value, bytes))
            yield "\n".join(str(value) for value in values if not isinstance(value, bytes)).encode()
    elif path.suffix == ".duckdb":
        with duckdb.connect(str(path), read_only=True) as connection:
            tables = "SELECT table_schema, table_name FROM information_schema.tables"
            for schema, table in connection.execute(tables).fetchall():
                yield str(connection.execute(f'SELECT * FROM "{schema}"."{table}"').fetchall()).encode()
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield from (archive.read(name) for name in archive.namelist())


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
def test_the_search_finds_the_key_however_it_was_put_away(tmp_path, before):
    told = (before + SECRET + "!").encode()
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("CREATE TABLE snapshot (body BLOB)")
        connection.execute("INSERT INTO snapshot VALUES (?)", [zlib.compress(base64.b64encode(told))])
    pd.DataFrame({"x": [base64.b64encode(told).decode()] * 2}).to_parquet(tmp_path / "a.parquet")
    with zipfile.ZipFile(tmp_path / "a.skops", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", told)
    for path in tmp_path.iterdir():
        assert any(holds(part) for part in contents(path)), path
    (tmp_path / "b").write_text("nothing of the kind")
    assert not any(holds(part) for part in contents(tmp_path / "b"))


def assert_no_trace(home: Path) -> None:
    files = [path for path in home.rglob("*") if path.is_file()]
    assert any(path.suffix == ".db" for path in files)
    assert [path for path in files if any(holds(part) for part in contents(path))] == []


def test_a_home_holds_no_trace_of_the_key_that_hashed_its_households(run_cli, regions, tmp_path, monkeypatch):
    folder = Path(shutil.copytree(regions, tmp_path / "regions"))
    home, landing = folder / "home", folder / "landing"
    kept = set(Lake(home / "lake").read("survey_household", Quarter.from_label(QUARTER))["household_id"])
    at = numbers_of(HOUSEHOLDS)
    assert kept == set(hashed(at["cluster"].astype(str) + "-" + at["number"].astype(str), SECRET.encode()))
    assert_no_trace(home)
    households = landing / "survey" / "dhs_2021_22" / "hh.sav"
    households.write_bytes(households.read_bytes()[:5000])
    monkeypatch.setenv(HOUSEHOLD_KEY, SECRET)
    monkeypatch.setenv(COUNTRIES, str(folder / "packs"))
    failed = run_cli(home, "refresh", "--quarter", QUARTER, "--sources", "landing", "--landing", landing)
    assert failed.code != 0
    assert SECRET not in failed.out + failed.err
    assert_no_trace(home)


TICKS = f"""{{ sensorOrError(sensorSelector: {{{SELECTOR}, sensorName: "heartbeat"}}) {{ ... on Sensor {{
  sensorState {{ ticks(limit: 500) {{ timestamp }} }} }} }} }}"""


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_two_minutes_of_a_ui_with_its_daemon_leave_no_trace_of_the_key(regions, tmp_path, monkeypatch):
    folder = Path(shutil.copytree(regions, tmp_path / "regions"))
    monkeypatch.setenv(HOUSEHOLD_KEY, SECRET)
    monkeypatch.setenv(COUNTRIES, str(folder / "packs"))
    ui, ends = Ui(folder / "home"), time.monotonic() + 120
    try:
        ui.wait_for(lambda: ui.ask(LAUNCH)["launchRun"]["__typename"] == "LaunchRunSuccess", "the code is loaded")
        ui.wait_for(lambda: "SUCCESS" in ui.runs()[:1], "its run succeeds")
        ui.wait_for(lambda: time.monotonic() > ends and ui.get("/server_info"), "two minutes are over", every=5)
        ticks = ui.ask(TICKS)["sensorOrError"]["sensorState"]["ticks"]
    finally:
        ui.process.terminate()
        ui.process.wait(timeout=FOR_EVER)
    assert len(ticks) > 1
    assert_no_trace(folder / "home")
