"""How the large tables lie in the published file: narrow, sorted, and read through a view of the table's name.

Belongs here: from rows as the catalog types them to rows as it says that they are kept (``Column.kept``), and the views that read
them. Does not belong here: which rows a file holds (``build``), or how a column is kept (``catalog``).

Texts are kept as their number in a list of all there are (an ENUM a name of column), so the rows to come are looked through first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from poverty_assets.catalog import Table
from poverty_assets.catalog.model import STORED
from poverty_assets.errors import GateFailed

if TYPE_CHECKING:
    import duckdb

STORAGE: dict[str, Any] = {"storage_compatibility_version": "v1.5.0", "default_block_size": "65536"}
"""Form of the file: that of the DuckDB that reads it; with blocks of DuckDB's own 256 KiB every small table takes half a megabyte."""


@dataclass(frozen=True)
class Rows:
    """Rows of a table: a query whose columns are called as the table's, and the values bound to it."""

    sql: str
    values: tuple[Any, ...] = ()


def fill_narrow(connection: duckdb.DuckDBPyConnection, rows: Mapping[Table, Sequence[Rows]]) -> None:
    """Make the narrow tables, fill them, and lay a view of its name over each.

    Raises
    ------
    GateFailed
        If a row lacks a value that its table must have, or holds one that its column cannot keep.
    """
    connection.execute(f"CREATE SCHEMA {STORED}")
    for name, texts in _texts(connection, rows).items():
        listed = ", ".join(literal(text) for text in sorted(texts) or [""])
        connection.execute(f'CREATE TYPE {STORED}."{name}" AS ENUM ({listed})')
    for definition, sources in rows.items():
        connection.execute(definition.narrow_ddl)
        for source in sources:
            _insert(connection, definition, source)
        connection.execute(f'CREATE VIEW "{definition.name}" AS {definition.reading}')


def _texts(connection: duckdb.DuckDBPyConnection, rows: Mapping[Table, Iterable[Rows]]) -> dict[str, set[str]]:
    """Texts that each column with codes is to hold, over all tables that have one of the name; rows are looked through once."""
    found: dict[str, set[str]] = {}
    for definition, sources in rows.items():
        names = [column for column in definition.kept_columns if column.kept in ("code", "codes")]
        for column in names:
            found.setdefault(column.name, set())
        lists = ", ".join(f"""list(DISTINCT {column.text(f'"{column.name}"')})""" for column in names)
        for source in sources if names else ():
            (held,) = connection.execute(f"SELECT {lists} FROM ({source.sql})", source.values).fetchall()
            for column, texts in zip(names, held, strict=True):
                found[column.name] |= {text for text in texts or () if text is not None}
    return found


def _insert(connection: duckdb.DuckDBPyConnection, definition: Table, source: Rows) -> None:
    import duckdb

    kept = definition.kept_columns
    picked = ", ".join(f'{c.packed(f"""w."{c.name}" """.strip())} AS "{c.name}"' for c in kept)
    order = ", ".join(f'"{name}"' for name in definition.lie)
    sql = f"SELECT * FROM (SELECT {picked} FROM ({source.sql}) w) ORDER BY {order}"
    try:
        connection.execute(f"INSERT INTO {definition.kept_in} {sql}", source.values)
    except (duckdb.ConversionException, duckdb.ConstraintException) as error:
        said = str(error).splitlines()[0]
        raise GateFailed(
            f"rows of {definition.name} cannot be put into the file; nothing was published:",
            [("legal_values", f"{definition.name}: {said}")],
        ) from error


def literal(text: str) -> str:
    """A text as an SQL literal (COMMENT, ATTACH and COPY take no bound values)."""
    return "'" + text.replace("'", "''") + "'"
