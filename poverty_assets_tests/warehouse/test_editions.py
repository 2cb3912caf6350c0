"""What was published before can be read and brought back; what a cut-off session left is never read."""

import duckdb
import pytest

from poverty_assets.atomic import replacing
from poverty_assets.errors import UnreadableFile, UsageError
from poverty_assets.quarter import Quarter
from poverty_assets.warehouse.build import publish
from poverty_assets.warehouse.editions import KEPT, earlier, edition, keep, roll_back
from poverty_assets.warehouse.lake import Lake
from poverty_assets.warehouse.query import answer, connect
from poverty_assets_tests.warehouse.small_lake import KHM, write_quarter

BUILT = "SELECT run_id FROM meta_build"


def built(path):
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(BUILT).fetchone()[0]


def put(target, run_id):
    """Publish a file that holds nothing but who built it, as the publication does."""
    with replacing(target) as beside:
        with duckdb.connect(str(beside)) as connection:
            connection.execute("CREATE TABLE meta_build AS SELECT ? AS run_id", [run_id])
        keep(target)


@pytest.fixture
def warehouse(tmp_path):
    """A file that was published seven times, by runs 0 to 6."""
    target = tmp_path / "warehouse" / "poverty.duckdb"
    for number in range(7):
        put(target, str(number))
    return target


def test_the_last_five_are_kept_the_newest_first(warehouse):
    assert KEPT == 5
    assert built(edition(warehouse, 0)) == "6"
    assert [built(path) for path in earlier(warehouse)] == ["5", "4", "3", "2", "1"]


def test_a_file_that_is_not_kept_is_refused_with_those_that_are(warehouse):
    with pytest.raises(UsageError, match="1 to 5"):
        edition(warehouse, 6)


def test_going_back_publishes_the_earlier_file_and_can_be_undone(warehouse):
    before = warehouse.read_bytes()
    roll_back(warehouse, 2)
    assert built(warehouse) == "4"
    roll_back(warehouse, 1)
    assert warehouse.read_bytes() == before


def test_a_reader_keeps_the_file_it_opened(warehouse):
    with connect(warehouse) as reader:
        roll_back(warehouse, 3)
        assert reader.execute(BUILT).fetchone()[0] == "6"
    assert built(warehouse) == "3"


@pytest.mark.slow
def test_what_a_cut_off_session_left_is_refused_by_readers_and_set_aside_by_the_next_publication(tmp_path):
    lake, warehouse = Lake(tmp_path / "lake"), tmp_path / "warehouse" / "poverty.duckdb"
    write_quarter(lake, Quarter(2022, 4))
    publish(lake, warehouse, KHM, is_simulated=True, run_id="6")
    log = warehouse.with_name("poverty.duckdb.wal")
    log.write_bytes(b"left by a session that crashed")
    with pytest.raises(UnreadableFile, match="was cut off"):
        answer(warehouse, BUILT, "csv")
    publish(lake, warehouse, KHM, is_simulated=True, run_id="7")
    assert not log.exists()
    assert b'"7"' in answer(warehouse, BUILT, "csv")
    assert [built(path) for path in earlier(warehouse)] == ["6"]


def test_a_query_without_end_is_stopped_with_one_sentence(warehouse):
    endless = "SELECT count(*) FROM range(1000000000) a, range(1000000000) b WHERE a.range % 7 = b.range % 5"
    with pytest.raises(UsageError, match=r"took more than 0\.3 s"):
        answer(warehouse, endless, "csv", seconds=0.3)


def test_a_query_that_needs_too_much_memory_is_stopped_with_one_sentence(warehouse, monkeypatch):
    monkeypatch.setattr("poverty_assets.warehouse.query.MOST_MEMORY", "20MB")
    with pytest.raises(UsageError, match="20MB of memory"):
        answer(warehouse, "SELECT list(range) FROM range(20000000)", "csv")
