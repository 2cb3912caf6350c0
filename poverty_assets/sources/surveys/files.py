"""Tables of survey rows as their owners store them: Parquet, CSV, Stata, SPSS.

Belongs here: opening such a file and its faults. Does not belong here: what the columns mean (``canonical``, ``dhs``).
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from poverty_assets.errors import MissingFile, UnreadableFile

FORMATS = {".parquet": "Parquet", ".csv": "CSV", ".dta": "Stata", ".sav": "SPSS", ".zsav": "SPSS"}
_ICONV = {"mac-roman": "MACINTOSH"}
"""Encodings that Python and the library which reads Stata and SPSS call by different names."""


@dataclass(frozen=True)
class SurveyTable:
    """Rows of a file, values of Stata and SPSS as their codes.

    Attributes
    ----------
    file : Path
    frame : DataFrame
    labels : dict
        Of each column that has labels: code to label. Empty for other formats.
    """

    file: Path
    frame: pd.DataFrame
    labels: dict[str, dict[Any, str]] = field(default_factory=dict)


def read_table(file: Path, columns: Sequence[str] | None = None, *, encoding: str | None = None) -> SurveyTable:
    """Read a table.

    Parameters
    ----------
    file : path
    columns : sequence of str, optional
        Read no others (Stata and SPSS recodes hold thousands). Names are matched in any case and come back in lower
        case; those that the file lacks are left out.
    encoding : str, optional
        Of the file's text, where it is not what the file itself says (old Stata and SPSS files) or not UTF-8 (CSV).

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
        table = _read(file, kind, columns, encoding)
    except Exception as error:  # each library fails in its own way on a broken file
        reason = " ".join(str(error).split())[:200]
        if isinstance(error, UnicodeError) or "requested encoding" in reason:
            raise UnreadableFile(
                f"its text is not in {encoding or 'the encoding that it says, or UTF-8'}: {reason}",
                file=file,
                remedy="say in survey.yaml which it is, as in encoding: latin-1 (or cp1252, cp874, mac_roman)",
            ) from error
        raise UnreadableFile(
            f"the file cannot be read as {kind}: {reason}",
            file=file,
            remedy="obtain the file again; it is cut short or not what its name says",
        ) from error
    if table.frame.empty:
        raise UnreadableFile("the file has no rows", file=file, remedy="obtain the file again")
    return table


def _read(file: Path, kind: str, columns: Sequence[str] | None, encoding: str | None) -> SurveyTable:
    if kind == "Parquet":
        return SurveyTable(file, _chosen(pd.read_parquet(file), columns))
    if kind == "CSV":
        # a spreadsheet may begin a file with a byte order mark
        text = encoding or "utf-8-sig"
        frame = pd.read_csv(file, dtype="str", keep_default_na=False, na_values=["", "NA", "NULL"], encoding=text)
        return SurveyTable(file, _chosen(frame, columns))
    import pyreadstat

    read = pyreadstat.read_dta if kind == "Stata" else pyreadstat.read_sav
    name = None if encoding is None else codecs.lookup(encoding).name
    options: dict[str, Any] = {} if name is None else {"encoding": _ICONV.get(name, name)}
    if columns is not None:
        wanted = {column.lower() for column in columns}
        _, meta = read(str(file), metadataonly=True, **options)
        options["usecols"] = [column for column in meta.column_names if column.lower() in wanted]
    frame, meta = read(str(file), **options)
    table = SurveyTable(file, pd.DataFrame(frame), meta.variable_value_labels)
    if columns is None:
        return table
    labels = {column.lower(): named for column, named in table.labels.items()}
    return SurveyTable(file, table.frame.rename(columns=str.lower), labels)


def _chosen(frame: pd.DataFrame, columns: Sequence[str] | None) -> pd.DataFrame:
    if columns is None:
        return frame
    wanted = {column.lower() for column in columns}
    return frame[[column for column in frame.columns if column.lower() in wanted]].rename(columns=str.lower)
