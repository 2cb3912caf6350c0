import pandas as pd
import pytest

from poverty_assets.errors import MissingFile, PovertyAssetsError
from poverty_assets.quarter import Quarter
from poverty_assets.warehouse.lake import Lake
from poverty_assets_tests.warehouse.small_lake import mpi, write_quarter

Q = Quarter(2022, 4)


def test_the_same_rows_in_another_order_give_the_same_bytes(tmp_path):
    one, other = Lake(tmp_path / "a"), Lake(tmp_path / "b")
    rows = mpi(0.2)
    first = one.write("fct_mpi", Q, rows).read_bytes()
    assert other.write("fct_mpi", Q, rows.iloc[::-1]).read_bytes() == first


def test_a_partition_lies_where_the_design_says_and_comes_back(tmp_path):
    lake = Lake(tmp_path)
    path = lake.write("fct_mpi", Q, mpi(0.2), {"why": "test"})
    assert path.relative_to(tmp_path).as_posix() == "fct_mpi/quarter=2022-10-01/part.parquet"
    assert sorted(lake.read("fct_mpi", Q)["estimate"].round(2)) == [0.08, 0.2, 0.4]
    assert lake.metadata("fct_mpi", Q) == {"why": "test"}


def test_a_failed_write_leaves_the_partition_as_it_was(tmp_path):
    lake = Lake(tmp_path)
    before = lake.write("fct_mpi", Q, mpi(0.2)).read_bytes()
    with pytest.raises(PovertyAssetsError, match="columns absent"):
        lake.write("fct_mpi", Q, mpi(0.3).drop(columns="estimate"))
    assert lake.path("fct_mpi", Q).read_bytes() == before
    assert [p.name for p in lake.path("fct_mpi", Q).parent.iterdir()] == ["part.parquet"]


def test_a_missing_partition_names_the_command_that_makes_it(tmp_path):
    with pytest.raises(MissingFile, match="refresh --quarter 2022Q4"):
        Lake(tmp_path).read("fct_mpi", Q)


def test_the_seal_finds_a_table_that_was_remade_or_is_gone(tmp_path):
    lake = Lake(tmp_path)
    write_quarter(lake, Q)
    assert lake.quarters() == [Q]
    assert lake.unsealed(Q) == []
    lake.write("fct_mpi", Q, mpi(0.3))
    lake.path("fct_change", Q).unlink()
    assert sorted(lake.unsealed(Q)) == ["fct_change", "fct_mpi"]


def test_frames_without_catalog_entry_keep_their_columns(tmp_path):
    lake = Lake(tmp_path)
    lake.write("src_x", Q, pd.DataFrame({"a": [1, 2], "b": ["x", None]}))
    assert list(lake.read("src_x", Q).columns) == ["a", "b"]
