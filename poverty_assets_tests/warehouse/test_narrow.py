"""How rows lie in the published file, and that they are read as they were made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from poverty_assets.catalog import TABLES, table
from poverty_assets.warehouse.views import views_of
from poverty_assets_tests.warehouse.made_warehouse import NOW, shared_made
from poverty_assets_tests.warehouse.small_lake import KHM

PAIR = table("fct_overlap_pair")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared_made(tmp_path_factory)


@pytest.fixture(scope="module")
def made(file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(file), read_only=True) as connection:
        yield connection


def count(made: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = made.execute(f"SELECT count(*) FROM ({sql})").fetchone()
    assert row is not None
    return int(row[0])


def test_a_margin_lies_once_and_is_read_with_each_of_its_pairs(made, file):
    part = file.parents[1] / "lake" / PAIR.name / f"quarter={NOW.key}" / "part.parquet"
    keys = ", ".join(name for name in PAIR.key if name != "quarter")
    of_lake = f"(SELECT * FROM read_parquet('{part}')) k"
    same = f"FROM {PAIR.name} f JOIN {of_lake} USING ({keys}) WHERE f.quarter = DATE '{NOW.key}'"
    rows = count(made, f"SELECT 1 {same}")
    assert rows == count(made, f"FROM {of_lake}") > 0
    for column, exact in (("share_a", 1e-7), ("share_b", 1e-7), ("share_a_se", 1e-5), ("share_b_ci_high", 1e-4)):
        near = f"abs(f.{column} - k.{column}) < {exact} OR f.{column} IS NULL AND k.{column} IS NULL"
        assert count(made, f"SELECT 1 {same} AND ({near})") == rows
    assert count(made, f"FROM {PAIR.shared_in}") < count(made, f"FROM {PAIR.kept_in}") * 2
    assert {"share_a", "share_b_se"}.isdisjoint(column.name for column in PAIR.lying_columns)


def test_rows_of_a_lot_lie_by_what_is_alike_and_areas_go_up_and_down_by_turns(made):
    rows = made.execute(
        "SELECT lot, method, suppressed, area_level, subgroup, kind, indicator_id, list(enum_code(area_id)::INTEGER ORDER BY rowid)"
        " FROM kept.fct_headcount_rows GROUP BY ALL ORDER BY min(rowid)"
    ).fetchall()
    ways = [codes == sorted(codes) for *_, codes in rows if len(codes) > 1]
    assert all(codes in (sorted(codes), sorted(codes, reverse=True)) for *_, codes in rows)
    assert 0.4 < sum(ways) / len(ways) < 0.6


def test_a_view_that_reads_what_was_counted_says_what_counting_says(made):
    counted = [view for view in views_of(KHM) if view.counted]
    assert [view.name for view in counted] == ["v_quality", "v_adding_up"]
    for view in counted:
        rows = made.execute(f"SELECT * FROM {view.name} ORDER BY ALL").fetchall()
        assert rows == made.execute(f"SELECT * FROM ({view.sql}) ORDER BY ALL").fetchall() != []


def test_every_kept_table_says_what_to_read_instead(made):
    names = dict(made.execute("SELECT table_name, comment FROM duckdb_tables() WHERE schema_name = 'kept'").fetchall())
    own = {f"{one.name}_rows" for one in TABLES if one.narrow} | {"fct_overlap_pair_shared"}
    assert own <= names.keys()
    assert all("instead" in names[name] for name in own)
