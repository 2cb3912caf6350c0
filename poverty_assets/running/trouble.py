"""What the machine does to us, in one sentence: a full disk, a folder that cannot be written, records that cannot be read or reached.

Belongs here: telling such an error by its kind, whichever library raised it, with the place and the remedy. Does not belong here: errors
of input (raised where they are found), or defects of ours, which keep their traceback.
"""

from __future__ import annotations

import errno
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from poverty_assets.errors import MachineTrouble

_FULL = ("no space left on device", "disk is full", "disk quota exceeded", "not enough space")
_UNWRITABLE = ("read-only file system", "permission denied", "readonly database", "operation not permitted")
_NUMBERS = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), _FULL[0]),
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), _UNWRITABLE[0]),
}


def trouble_behind(error: BaseException, home: Path) -> MachineTrouble | None:
    """The machine's trouble behind an error; None where there is none.

    Parameters
    ----------
    error : exception
        With its causes.
    home : Path
        Named where the error itself names no file.
    """
    for one in _chain(error):
        said = _said(one)
        if type(one).__module__.startswith("filelock"):
            return MachineTrouble(
                "another process has held this lock for longer than a publication takes",
                place=_place(one, home),
                remedy="see which poverty-assets works on this home, wait for it or end it, then run the same again",
            )
        if any(words in said for words in _FULL):
            return MachineTrouble(
                "no room is left on the disk",
                place=_disk(one, home),
                remedy="free some there (reports/ and models/ of the home are made again), then run the same again",
            )
        if any(words in said for words in _UNWRITABLE):
            return MachineTrouble(
                "nothing can be written there",
                place=_place(one, home),
                remedy="give the user who runs this the right to write there, or name another home in POVERTY_ASSETS_HOME",
            )
        if any(words in said for words in ("unable to open database file", "disk i/o error")):
            return MachineTrouble(
                f"records of runs cannot be opened: {said}",
                place=home / "dagster",
                remedy="see that the disk has room and that the folder can be written, then run the same again",
            )
        if isinstance(one, sqlite3.DatabaseError):
            return MachineTrouble(
                f"records of runs cannot be used: {one}",
                place=home / "dagster",
                remedy="end other programs that have them open, then run the same again; records that are spoilt are then set aside",
            )
        if type(one).__module__ == "psycopg2":
            return MachineTrouble(
                f"the database of records was lost: {str(one).strip().splitlines()[0] if str(one).strip() else said}",
                remedy="start it again, then run the same again",
            )
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()  # a chain of causes may lead back to itself
    while error is not None and id(error) not in seen:
        yield error
        seen.add(id(error))
        error = (
            error.__cause__ or error.__context__ or getattr(error, "orig", None)
        )  # SQLAlchemy's name for what it wraps


def _said(error: BaseException) -> str:
    """What an error of the system, or of a library that met one, says, in small letters; nothing of other errors."""
    if isinstance(error, OSError) and error.errno in _NUMBERS:
        return _NUMBERS[error.errno]
    of_storage = type(error).__module__.partition(".")[0] in ("_duckdb", "duckdb", "sqlite3", "pyarrow", "psycopg2")
    return str(error).lower() if of_storage or isinstance(error, OSError) else ""


def _place(error: BaseException, home: Path) -> Path:
    """The file that an error names, without what makes its name temporary; else the home."""
    named = getattr(error, "filename", None)
    found = re.search(r"""["'](/[^"']+)["']""", str(error))
    return Path(str(named)) if named else Path(found[1]) if found else home


def _disk(error: BaseException, home: Path) -> Path:
    """The folder of the file that had no room."""
    place = _place(error, home)
    return place if place == home else place.parent
