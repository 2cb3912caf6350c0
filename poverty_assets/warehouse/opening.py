"""Opening a published file to read it.

Belongs here: the one way to do so, and what is said where it cannot be done. Does not belong here: what is asked of it
(``query``), or writing one (``build``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from poverty_assets.errors import HeldElsewhere, MissingFile, UnreadableFile


def write_ahead_log(warehouse: Path) -> Path:
    """Where a session that writes to the file keeps what it has not yet put into it."""
    return warehouse.with_name(warehouse.name + ".wal")


def connect(warehouse: Path) -> Any:
    """A read-only connection.

    Raises
    ------
    MissingFile
        If nothing has been published.
    HeldElsewhere
        If another program has the file open for writing.
    UnreadableFile
        If the file is empty, damaged, or of another version of DuckDB; or if a program that wrote to it was cut off: what it left would be
        read as if it had been published.
    """
    import duckdb

    if not warehouse.is_file():
        raise MissingFile("nothing has been published here", file=warehouse, remedy="run poverty-assets refresh first")
    log = write_ahead_log(warehouse)
    if log.exists():
        require_unheld(warehouse)
        raise UnreadableFile(
            "a session that wrote to the published file was cut off, and left what is not published",
            file=log,
            remedy="run poverty-assets refresh, which sets it aside",
        )
    try:
        return duckdb.connect(str(warehouse), read_only=True)
    except duckdb.IOException as error:
        _refuse_held(error, warehouse)
        raise UnreadableFile(
            f"the published file cannot be read: {_said(error)}",
            file=warehouse,
            remedy="run poverty-assets refresh, which sets it aside and builds it from the lake; or poverty-assets rollback",
        ) from error


def relations(connection: Any) -> set[str]:
    """Names of the tables and views of an open published file."""
    sql = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'main'"
    return {row[0] for row in connection.execute(sql).fetchall()}


def column_or_null(connection: Any, table: str, column: str) -> str:
    """SQL of a column, or NULL where the file is of an earlier version and has none."""
    held = {row[0] for row in connection.execute(f'DESCRIBE "{table}"').fetchall()}
    return f'"{column}"' if column in held else "NULL"


def require_unheld(warehouse: Path) -> None:
    """Refuse where another program has the file open for writing.

    Raises
    ------
    HeldElsewhere
    """
    import duckdb

    try:
        duckdb.connect(str(warehouse), read_only=True).close()
    except duckdb.IOException as error:
        _refuse_held(error, warehouse)
    except duckdb.Error:
        return  # not held, whatever else is wrong with it


def _refuse_held(error: Exception, warehouse: Path) -> None:
    said = _said(error)
    if "lock" in said.lower() and "PID" in said:
        raise HeldElsewhere(
            f"the published file is open for writing elsewhere: {said.split('. See also')[0]}",
            file=warehouse,
            remedy="close that program, or open the file read-only there",
        ) from error


def _said(error: Exception) -> str:
    return str(error).removeprefix("IO Error: ").splitlines()[0]
