"""Opening survey tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyreadstat
import pytest

from poverty_assets.errors import MissingFile, UnreadableFile
from poverty_assets.sources.surveys.files import read_table

FRAME = pd.DataFrame({"HHID": ["a", "b"], "d": [1.0, 0.0]})


def write(folder: Path, suffix: str) -> Path:
    file = folder / f"t{suffix}"
    if suffix == ".parquet":
        FRAME.to_parquet(file)
    elif suffix == ".csv":
        FRAME.to_csv(file, index=False)
    else:
        (pyreadstat.write_dta if suffix == ".dta" else pyreadstat.write_sav)(FRAME, str(file))
    return file


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".dta", ".sav"])
def test_all_formats_give_the_same_rows(tmp_path: Path, suffix: str) -> None:
    frame = read_table(write(tmp_path, suffix)).frame
    assert frame["HHID"].tolist() == ["a", "b"]
    assert frame["d"].astype(float).tolist() == [1, 0]


def test_wanted_columns_of_a_recode_are_found_in_any_case(tmp_path: Path) -> None:
    assert read_table(write(tmp_path, ".dta"), ["hhid", "hv001"]).frame.columns.tolist() == ["hhid"]


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".dta", ".sav"])
def test_empty_file_is_unreadable(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"t{suffix}"
    file.touch()
    with pytest.raises(UnreadableFile, match=f"t{suffix}: the file is empty"):
        read_table(file)


@pytest.mark.parametrize("suffix", [".parquet", ".dta", ".sav"])
def test_file_cut_short_is_unreadable(tmp_path: Path, suffix: str) -> None:
    file = write(tmp_path, suffix)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 3])
    with pytest.raises(UnreadableFile, match="cannot be read as"):
        read_table(file)


def test_table_without_rows_is_unreadable(tmp_path: Path) -> None:
    FRAME.iloc[:0].to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(UnreadableFile, match="no rows"):
        read_table(tmp_path / "t.csv")


def test_absent_file_and_unknown_format_are_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match=r"none\.csv"):
        read_table(tmp_path / "none.csv")
    (tmp_path / "t.docx").write_text("x")
    with pytest.raises(UnreadableFile, match=r"'\.docx' is not known"):
        read_table(tmp_path / "t.docx")
