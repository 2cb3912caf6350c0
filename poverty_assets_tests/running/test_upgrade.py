"""A home that version 0.1.0 made: its published file is read as ever, and what would write into its lake refuses, with what to do."""

import json

import duckdb
import pandas as pd
import pytest

from poverty_assets_tests.command_line import exit_code


@pytest.fixture
def old_home(tmp_path, monkeypatch):
    """As 0.1.0 left it: no form in ``home.json``, one part a table and quarter, a published file without most of today's tables."""
    home = tmp_path / "home"
    rows = pd.DataFrame({"area_id": ["KH"], "area_level": ["country"], "headcount_ratio": [0.25], "se": [0.01]})
    for table in ("fct_mpi", "quarter_seal"):
        part = home / "lake" / table / "quarter=2021-10-01" / "part.parquet"
        part.parent.mkdir(parents=True)
        rows.to_parquet(part)
    (home / "home.json").write_text(json.dumps({"country": "khm", "sources": "simulated", "landing": None}))
    (home / "warehouse").mkdir()
    with duckdb.connect(str(home / "warehouse/poverty.duckdb")) as connection:
        connection.register("rows", rows)
        connection.execute("CREATE TABLE fct_mpi AS SELECT '2021Q4' AS quarter, * FROM rows")
        connection.execute("CREATE TABLE meta_build AS SELECT '0.1.0' AS code_version")
    monkeypatch.setenv("POVERTY_ASSETS_HOME", str(home))
    return home


def everything(home):
    return {path.relative_to(home).as_posix(): path.read_bytes() for path in home.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "command", [("refresh",), ("refresh", "--quarter", "2021Q4"), ("status",), ("ui", "--port", "0")]
)
def test_what_would_use_the_lake_refuses_in_a_sentence_and_touches_nothing(old_home, monkeypatch, capfd, command):
    before = everything(old_home)
    assert exit_code(monkeypatch, *command) == 2
    said = capfd.readouterr().err
    assert f"{old_home}: the lake of this home has form 1, and this version" in said
    assert "Remedy: name a new folder in POVERTY_ASSETS_HOME and refresh your quarters there" in said
    assert "Traceback" not in said
    assert everything(old_home) == before


def test_its_published_file_answers_as_ever(old_home, monkeypatch, capfd):
    assert exit_code(monkeypatch, "query", "SELECT headcount_ratio FROM fct_mpi", "--format", "csv") == 0
    assert capfd.readouterr().out.split() == ['"headcount_ratio"', "0.25"]
