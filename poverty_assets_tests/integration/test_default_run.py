"""The main job on the embedded default, one quarter of the simulated twin."""

import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

import poverty_assets

README = Path(poverty_assets.__file__).parents[1] / "README.md"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("twin")
    command = [sys.executable, "-W", "ignore", "-m", "poverty_assets.cli", "refresh", "--quarter", "2026Q3"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("POVERTY_ASSETS_")}
    done = subprocess.run(
        command, env={**environment, "POVERTY_ASSETS_HOME": str(folder)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "SIMULATED DATA" in done.stdout
    return folder


@pytest.fixture(scope="module")
def warehouse(home):
    with duckdb.connect(str(home / "warehouse/poverty.duckdb"), read_only=True) as connection:
        yield connection


def test_every_level_has_direct_estimates_of_every_statistic_with_intervals(warehouse):
    sql = """
        SELECT area_level, count(DISTINCT statistic), count(DISTINCT subgroup), bool_and(ci_low <= estimate AND estimate <= ci_high)
        FROM fct_mpi WHERE method = 'direct' AND se IS NOT NULL GROUP BY 1
    """
    rows = {level: rest for level, *rest in warehouse.execute(sql).fetchall()}
    assert set(rows) == {"country", "province", "district", "commune"}
    assert rows["country"] == [5, 11, True]


def test_overlap_change_and_typology_are_published_with_their_uncertainty(warehouse):
    for table in (
        "fct_overlap_pair",
        "fct_bundle",
        "fct_deprivation_count",
        "fct_dimension_overlap",
        "fct_typology",
        "fct_change",
    ):
        assert warehouse.execute(f"SELECT count(*) > 100 FROM {table}").fetchone() == (True,), table
    assert warehouse.execute(
        "SELECT bool_and(is_significant = (ci_low > 0 OR ci_high < 0)) FROM fct_change"
    ).fetchone() == (True,)


def test_withheld_cells_are_those_of_few_households_or_protect_another(warehouse):
    sql = "SELECT count(*) FROM fct_mpi WHERE method = 'direct' AND n_households < 25 AND NOT suppressed"
    assert warehouse.execute(sql).fetchone() == (0,)
    assert warehouse.execute("SELECT count(*) > 0 FROM fct_mpi WHERE suppressed").fetchone() == (True,)


def test_household_rows_and_the_twins_truth_never_enter_the_warehouse(warehouse, home):
    columns = {
        row[0]
        for row in warehouse.execute("SELECT DISTINCT column_name FROM duckdb_columns() WHERE NOT internal").fetchall()
    }
    assert not columns & {"household_id", "psu", "weight_household", "interview_date"}
    assert not [p for p in (home / "landing").rglob("*") if "truth" in p.name]
    assert (home / "evaluation" / "truth").is_dir()


def test_the_readmes_largest_claim_of_overlap_is_what_its_query_answers(warehouse):
    text = README.read_text(encoding="utf-8")
    claimed = float(re.search(r"\*\*([\d.]+) times\*\*", text)[1])
    sql = re.search(r"```sql\n(.*?)```", text, re.DOTALL)[1]
    first, second, lift, low, high = warehouse.execute(sql).fetchone()
    assert {first, second} == {"electricity", "assets"}
    assert lift == claimed
    assert low > 1
    assert high > lift


def test_running_the_quarter_again_gives_the_same_lake(home):
    from poverty_assets_tests.integration.test_refresh import lake_bytes

    before = lake_bytes(home)
    command = [sys.executable, "-W", "ignore", "-m", "poverty_assets.cli", "refresh", "--quarter", "2026Q3"]
    done = subprocess.run(command, env={**os.environ, "POVERTY_ASSETS_HOME": str(home)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    after = lake_bytes(home)
    assert [name for name in after if after[name] != before.get(name)] == []
