"""The analyst's page and the README: every block of SQL in them is run."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest
import shapely

import poverty_assets
from poverty_assets.warehouse.query import answer
from poverty_assets_tests.warehouse.made_warehouse import FINEST, shared_made

ROOT = Path(poverty_assets.__file__).parents[1]
README, PAGE = (ROOT / name for name in ("README.md", "docs/analyst.md"))
SPATIAL, BY_HAND = "LOAD spatial", "max(abs(m.estimate - c.total))"
"""What the two blocks hold that answer no question of the page's ten."""


def questions() -> dict[int, str]:
    """The SQL of each numbered question of the page."""
    found = re.findall(r"^\*\*(\d+)\. [^\n]*?\*\*.*?```sql\n(.*?)```", text_of(PAGE), re.DOTALL | re.MULTILINE)
    return {int(number): sql for number, sql in found}


def blocks(page: Path = PAGE) -> list[str]:
    return re.findall(r"```sql\n(.*?)```", text_of(page), re.DOTALL)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def answers(connection: duckdb.DuckDBPyConnection) -> dict[int, list[dict[str, object]]]:
    """Rows of every question, by its number."""
    found = {}
    for number, sql in questions().items():
        relation = connection.sql(sql)
        found[number] = [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
    return found


def assert_answered(connection: duckdb.DuckDBPyConnection) -> None:
    """Every question has an answer that says something, whatever the warehouse (with a survey) it is put to."""
    rows = answers(connection)
    assert sorted(rows) == list(range(1, 19))
    of_no_graph = set() if connection.sql("FROM meta_lineage LIMIT 1").fetchall() else {17}
    assert {number for number, found in rows.items() if not found} <= {
        5,
        18,
    } | of_no_graph  # no commune need fall short, no quarter be revised
    assert all(row["low"] <= row["poor"] <= row["high"] and row["high"] - row["low"] > 0 for row in rows[1])
    assert all(0 < row["both"] <= 1 and row["low"] <= row["both"] <= row["high"] for row in rows[2])
    assert any(row["indicators"] for row in rows[3])
    assert sum(row["share"] for row in rows[3]) <= 1
    assert all(
        row["is_significant"] == (row["low"] > 0 or row["high"] < 0)
        for row in rows[4]
        if abs(row["low"] * row["high"]) > 1e-5
    )
    assert all(row["gap_low"] > 0 for row in rows[5])
    assert all(row["shown"] == 0 and row["quality_flag"] != "ok" for row in rows[6])
    assert all(0 <= row["probability"] <= 1 and row["act"] == (row["probability"] >= 0.9) for row in rows[11])
    assert all(row["ci_low"] <= row["difference"] <= row["ci_high"] and 0 <= row["p_above"] <= 1 for row in rows[12])
    assert all(row["rank_low"] <= row["rank"] <= row["rank_high"] for row in rows[13])
    assert all(0 < row["all_three"] < row["any_of_them"] < 1 for row in rows[14])
    assert all(row["low"] <= row["poor_people"] <= row["high"] and row["district_name_en"] for row in rows[15])
    assert all(row["headcount_ratio"] > 0 and row["uncensored:sanitation"] > 0 for row in rows[16])
    assert all(row["largest_difference"] < 1e-6 for row in rows[7])
    assert all(row["licence"] for row in rows[8])
    assert all(row["withheld"] <= row["figures"] for row in rows[9])
    assert [row["subgroup"] for row in rows[10]] == ["is_urban=false", "is_urban=true"]
    assert all(row["low"] < row["poor"] < row["high"] for row in rows[10])
    assert all(len(row["sha256"]) == 12 and row["licence"] for row in rows[17])


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    with duckdb.connect(str(shared_made(tmp_path_factory)), read_only=True) as connection:
        yield connection


def test_every_question_has_an_answer_that_says_something(made):
    assert_answered(made)


def test_every_block_of_the_page_is_a_numbered_question_or_one_of_two():
    assert len(blocks()) == 20
    others = [block for block in blocks() if block not in questions().values()]
    assert sorted(others) == sorted(block for block in blocks() if SPATIAL in block or BY_HAND in block)


def test_what_was_counted_when_the_file_was_made_is_what_one_counts_by_hand(made):
    (by_hand,) = (block for block in blocks() if BY_HAND in block)
    counted, found = (sorted(made.sql(sql).fetchall()) for sql in (questions()[7], by_hand))
    assert len(counted) > 1
    assert [row[:3] for row in counted] == [row[:3] for row in found]
    assert [row[3] for row in counted] == pytest.approx([row[3] for row in found], abs=1e-12)


def test_the_readmes_question_is_answered_by_the_pair_that_meets_most_beyond_chance(made):
    (sql,) = blocks(README)
    ((first, second, lift, low, high),) = made.sql(sql).fetchall()
    ask = "SELECT max(lift) FROM fct_overlap_pair WHERE area_id = 'KH' AND subgroup = 'all' AND is_headline"
    assert first != second
    assert low <= lift <= high
    assert lift == pytest.approx(made.sql(ask).fetchone()[0], abs=0.05)


def test_the_answers_are_those_of_the_made_up_communes(made):
    rows = answers(made)
    assert rows[1][0]["area_id"] == FINEST[-1]
    assert [row["area_id"] for row in rows[2]] == list(FINEST[:-4:-1])
    assert {row["area_id"] for row in rows[5]} == set(FINEST[-3:])
    assert rows[6] == [
        {"area_level": "commune", "method": "direct", "quality_flag": "too_few_households", "figures": 6, "shown": 0}
    ]
    assert [row["source_id"] for row in rows[8]] == ["boundaries", "idpoor", "survey_2025_26"]
    assert [row["poor"] for row in rows[10]] == [0.3, 0.1]


def test_python_and_the_command_line_open_it_as_shown(made, tmp_path, monkeypatch):
    folder = tmp_path / "data" / "warehouse"
    folder.mkdir(parents=True)
    (folder / "poverty.duckdb").symlink_to(
        made.execute("SELECT path FROM duckdb_databases() WHERE path IS NOT NULL").fetchone()[0]
    )
    monkeypatch.chdir(tmp_path)
    python = re.search(r"```python\n(import duckdb\n)(.*?)\n```", text_of(PAGE), re.DOTALL)[2]
    assert len(eval(python, {"duckdb": duckdb})) > 100
    shown = re.search(r'^poverty-assets query "(.*?)"', text_of(PAGE), re.MULTILINE)[1]
    assert answer(folder / "poverty.duckdb", shown, "csv").count(b"\n") > 100


def test_boundaries_are_valid_well_known_binary_that_nests(made):
    rows = made.execute("SELECT area_id, parent_id, geometry FROM dim_area").fetchall()
    shapes = {area: shapely.from_wkb(bytes(wkb)) for area, _, wkb in rows}
    assert all(shape.is_valid and shape.area > 0 for shape in shapes.values())
    assert all(shapes[parent].buffer(1e-9).covers(shapes[area]) for area, parent, _ in rows if parent is not None)


def test_the_spatial_extension_reads_the_boundaries(made):
    with duckdb.connect() as connection:
        try:
            connection.execute(SPATIAL)
        except duckdb.Error:
            pytest.skip("DuckDB's spatial extension is not installed here")
    load, sql = next(block for block in blocks() if SPATIAL in block).split(";", 1)
    made.execute(load)
    rows = made.sql(sql).fetchall()
    assert [name for name, *_ in rows] == ["Province 01", "Province 02"]
    assert all(abs(square_degrees - 6 * 0.25 * 0.5) < 1e-9 for *_, square_degrees in rows)
