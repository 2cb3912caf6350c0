"""Tables of survey rows as their owners store them: Parquet, CSV, Stata, SPSS.

Belongs here: opening such a file and its faults. Does not belong here: what the columns mean (``canonical``, ``dhs``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from poverty_assets.errors import MissingFile, UnreadableFile

FORMATS = {".parquet": "Parquet", ".csv": "CSV", ".dta": "Stata", ".sav": "SPSS", ".zsav": "SPSS"}


def read_table(file: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a table; value labels of Stata and SPSS stay codes.

    Parameters
    ----------
    file : path
    columns : sequence of str, optional
        Read no others (Stata and SPSS recodes hold thousands). Names are matched in any case and come back in lower
        case; those that the file lacks are left out.

    Raises
    ------
    MissingFile
        If there is no such file.
    UnreadableFile
        If it is empty, cut short, or not in the format that its name says.
    """
    if not file.is_file():
        raise MissingFile("there is no such file", file=file, remedy="put it there, or correct the name in survey.yaml")
    kind = FORMATS.get(file.suffix.lower())
    if kind is None:
        raise UnreadableFile(
            f"the format {file.suffix!r} is not known", file=file, remedy="save it as .parquet, .csv, .dta or .sav"
        )
    if file.stat().st_size == 0:
        raise UnreadableFile("the file is empty", file=file, remedy="obtain the file again")
    try:
        frame = _read(file, kind, columns)
    except Exception as error:  # each library fails in its own way on a broken file
        reason = " ".join(str(error).split())[:200]
        raise UnreadableFile(
            f"the file cannot be read as {kind}: {reason}",
            file=file,
            remedy="obtain the file again; it is cut short or not what its name says",
        ) from error
    if frame.empty:
        raise UnreadableFile("the file has no rows", file=file, remedy="obtain the file again")
    return frame


def _read(file: Path, kind: str, columns: Sequence[str] | None) -> pd.DataFrame:
    if kind == "Parquet":
        return pd.read_parquet(file)
    if kind == "CSV":
        return pd.read_csv(file, dtype="str", keep_default_na=False, na_values=["", "NA", "NULL"], encoding="utf-8-sig")
    import pyreadstat

    read = pyreadstat.read_dta if kind == "Stata" else pyreadstat.read_sav
    if columns is None:
        return pd.DataFrame(read(str(file))[0])
    _, meta = read(str(file), metadataonly=True)
    wanted = {name.lower() for name in columns}
    frame = read(str(file), usecols=[name for name in meta.column_names if name.lower() in wanted])[0]
    return pd.DataFrame(frame).rename(columns=str.lower)
