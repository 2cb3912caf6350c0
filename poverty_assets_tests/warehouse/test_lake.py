import datetime as dt

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
    assert lake.notes("fct_mpi", Q) == {"why": "test"}


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


def test_a_table_that_the_catalog_does_not_know_is_refused(tmp_path):
    with pytest.raises(PovertyAssetsError, match="no table mystery"):
        Lake(tmp_path).write("mystery", Q, pd.DataFrame({"a": [1]}))


def test_notes_come_back_as_they_were_noted_and_stand_apart_from_the_rows(tmp_path):
    lake = Lake(tmp_path)
    noted = {"file": "a.csv", "rows": 12, "drift": 0.125, "released_on": None, "quarantined": {"rate above 1": 3}}
    lake.write("src_x", Q, pd.DataFrame({"a": [1]}), noted)
    assert lake.notes("src_x", Q) == {"file": "a.csv", "rows": 12, "drift": 0.125, "quarantined": {"rate above 1": 3}}
    assert lake.notes("src_y", Q) == {}
    assert len(lake.part_files("quarter_note", [Q])) == 1


def test_the_release_that_was_read_comes_back_typed_and_goes_when_there_is_none(tmp_path):
    lake, day = Lake(tmp_path), dt.date(2022, 3, 31)
    release = {
        "source_id": "x", "file": "a.csv", "sha256": "0" * 64, "observed_from": dt.date(2022, 1, 1), "observed_to": day,
        "released_on": None, "rows": 12,
    }  # fmt: skip
    lake.write("src_x", Q, pd.DataFrame({"a": [1]}), {**release, "quarantined": {"rate above 1": 3}})
    found = lake.notes("src_x", Q)
    assert found == {fact: value for fact, value in release.items() if value is not None} | {
        "quarantined": {"rate above 1": 3}
    }
    assert isinstance(found["rows"], int)
    assert set(pd.read_parquet(lake.part_files("quarter_note", [Q])[0])["note"]) == {"quarantined"}
    assert {path.split("/")[0] for path in lake.digests(Q, [])} == {"quarter_note", "source_release"}
    lake.write("survey_household", Q, pd.DataFrame(), found)
    assert lake.notes("survey_household", Q) == found
    lake.write("src_x", Q, pd.DataFrame(), {"absent": "no file"})
    assert lake.notes("src_x", Q) == {"absent": "no file"}


def test_an_empty_table_has_its_columns(tmp_path):
    lake = Lake(tmp_path)
    lake.write("direct_mpi", Q, pd.DataFrame())
    assert {"area_id", "estimate", "method"} <= set(lake.read("direct_mpi", Q).columns)


def test_a_table_without_rows_is_refused_where_its_columns_are_not_the_catalogs(tmp_path):
    lake, none = Lake(tmp_path), mpi(0.2).head(0)
    assert lake.write("fct_mpi", Q, none).is_file()
    with pytest.raises(PovertyAssetsError, match=r"columns absent \['estimate'\]"):
        lake.write("fct_mpi", Q, none.drop(columns="estimate"))
    with pytest.raises(PovertyAssetsError, match=r"unknown to the catalog \['more'\]"):
        lake.write("fct_mpi", Q, none.assign(more=1.0))
