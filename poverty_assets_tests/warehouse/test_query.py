import io
import json

import pandas as pd
import pytest

from poverty_assets.errors import MissingFile, UsageError
from poverty_assets.quarter import Quarter
from poverty_assets.warehouse.build import publish
from poverty_assets.warehouse.lake import Lake
from poverty_assets.warehouse.query import answer, status_text
from poverty_assets_tests.warehouse.small_lake import KHM, write_quarter

pytestmark = pytest.mark.slow

SQL = "SELECT statistic, round(estimate, 3) AS value FROM fct_mpi ORDER BY 1"


@pytest.fixture
def warehouse(tmp_path):
    lake = Lake(tmp_path / "lake")
    write_quarter(lake, Quarter(2022, 4))
    publish(lake, tmp_path / "poverty.duckdb", KHM, is_simulated=True, run_id="r")
    return tmp_path / "poverty.duckdb"


def test_each_format_holds_the_same_rows(warehouse):
    expected = [("headcount_ratio", 0.2), ("intensity", 0.4), ("mpi", 0.08)]
    csv = pd.read_csv(io.BytesIO(answer(warehouse, SQL, "csv")))
    parquet = pd.read_parquet(io.BytesIO(answer(warehouse, SQL, "parquet")))
    records = json.loads(answer(warehouse, SQL, "json"))
    assert list(csv.itertuples(index=False, name=None)) == expected
    assert list(parquet.itertuples(index=False, name=None)) == expected
    assert [(r["statistic"], r["value"]) for r in records] == expected
    assert answer(warehouse, SQL, "table").decode().splitlines()[2].split() == ["headcount_ratio", "0.2"]


@pytest.mark.parametrize(
    "sql", ["DELETE FROM fct_mpi", "SELECT nonsense", "SELECT * FROM read_csv('/etc/hosts')", "COPY fct_mpi TO 'x.csv'"]
)
def test_what_would_write_or_reach_other_files_is_refused(warehouse, sql):
    with pytest.raises(UsageError):
        answer(warehouse, sql, "csv")


def test_a_home_without_a_warehouse_says_what_to_run(tmp_path):
    with pytest.raises(MissingFile, match="refresh"):
        answer(tmp_path / "none.duckdb", SQL, "csv")


def test_status_tells_quarters_evidence_and_that_data_are_simulated(warehouse):
    text = status_text(warehouse)
    assert "SIMULATED DATA" in text
    assert "2022Q4: published" in text
    assert "evidence direct" in text
    assert "0 failed checks" in text
