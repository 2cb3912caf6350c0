"""How the large tables lie in the published file: narrow, sorted, each row once, and read through a view of the table's name.

Belongs here: from rows as the catalog types them to rows as it says that they are kept (``Column.kept``), which quarters they are of, and
the views that read them. Does not belong here: which rows a file holds (``build``), which of another file stay (``renewal``), or how a
column is kept (``catalog``).

Texts are kept as their number in a list of all there are (an ENUM a name of column), so the rows to come are looked through first. Rows lie
in lots, and a lot is of the quarters that it is noted for: a survey's own figures, which stay the same until the next survey, lie there
once for all quarters that have them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from poverty_assets.catalog import Table
from poverty_assets.catalog.model import LOT, LOTS, OF_A_SOURCE, STORED
from poverty_assets.errors import GateFailed
from poverty_assets.quarter import Quarter

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
    connection.execute(
        f"CREATE TABLE {LOTS} (table_name VARCHAR NOT NULL, quarter DATE NOT NULL, {LOT} INTEGER NOT NULL)"
    )
    for name, texts in texts_of(connection, rows).items():
        connection.execute(f'CREATE TYPE {STORED}."{name}" AS ENUM ({listed(texts)})')
    for definition, sources in rows.items():
        connection.execute(definition.narrow_ddl)
        lots = Lots(definition)
        for source in sources:
            insert(connection, lots, source)
        connection.execute(f'CREATE VIEW "{definition.name}" AS {definition.reading}')


@dataclass
class Lots:
    """The lots of a table: those of rows that may come again, by what they hold, and how many there are.

    Attributes
    ----------
    definition : Table
    known : dict
        Number of the lot by evidence, number of rows, and two sums over their digests.
    number : int
        The highest that a lot has.
    """

    definition: Table
    known: dict[tuple[Any, ...], int] = field(default_factory=dict)
    number: int = 0

    @property
    def evidence(self) -> str:
        """SQL of the kind of rows that a quarter's lots are told apart by."""
        return "CAST(method AS VARCHAR)" if any(c.name == "method" for c in self.definition.columns) else "NULL"

    @property
    def may_come_again(self) -> str:
        """SQL of whether rows of a kind are worth looking for among earlier ones."""
        return f"coalesce(({self.evidence}) IN ({', '.join(map(literal, OF_A_SOURCE))}), false)"

    @property
    def digest(self) -> str:
        """SQL of a number that tells a row from others; NULL of one that does not come again."""
        return f"CASE WHEN {self.may_come_again} THEN hash({_names(self.definition)}) END"

    def look(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Learn which lots there are already."""
        kept_in = self.definition.kept_in
        (self.number,) = connection.execute(f"SELECT coalesce(max({LOT}), 0) FROM {kept_in}").fetchone() or (0,)
        for lot, *held in connection.execute(
            f"SELECT {LOT}, {self.evidence}, {_HELD} FROM (SELECT *, {self.digest} AS digest FROM ({self.definition.lying})"
            f" WHERE {self.may_come_again}) GROUP BY 1, 2"
        ).fetchall():
            self.known[tuple(held)] = lot

    def of(self, held: tuple[Any, ...]) -> tuple[int, bool]:
        """The lot of rows of one kind of evidence, and whether it is a new one; what they hold is NULL of those that do not come
        again."""
        again = self.known.get(held) if held[-1] is not None else None
        if again is None:
            self.number += 1
            self.known[held] = self.number
        return again or self.number, again is None


def texts_of(connection: duckdb.DuckDBPyConnection, rows: Mapping[Table, Iterable[Rows]]) -> dict[str, set[str]]:
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


def insert(connection: duckdb.DuckDBPyConnection, lots: Lots, source: Rows) -> None:
    """Insert rows that are not there yet, and note which lots are of their quarters."""
    import duckdb

    definition = lots.definition
    picked = ", ".join(f'{c.packed(f"""w."{c.name}" """.strip())} AS "{c.name}"' for c in definition.kept_columns)
    try:
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE incoming AS SELECT w.quarter, {picked} FROM ({source.sql}) w", source.values
        )
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE incoming_lots (quarter DATE, evidence VARCHAR, {LOT} INTEGER)"
        )
        for quarter, evidence, *held in connection.execute(
            f"SELECT quarter, {lots.evidence}, {_HELD} FROM (SELECT *, {lots.digest} AS digest FROM incoming) GROUP BY 1, 2 ORDER BY 1, 2"
        ).fetchall():
            lot, new = lots.of((evidence, *held))
            connection.execute(f"INSERT INTO {LOTS} VALUES (?, ?, ?)", [definition.name, quarter, lot])
            if new:
                connection.execute("INSERT INTO incoming_lots VALUES (?, ?, ?)", [quarter, evidence, lot])
        rows = f"""SELECT n.{LOT}, i.* FROM incoming i JOIN incoming_lots n
            ON i.quarter = n.quarter AND {lots.evidence} IS NOT DISTINCT FROM n.evidence"""
        numbers = _share(connection, definition, rows) if definition.shared else ""
        columns = ", ".join(
            [f'r."{c.name}"' for c in definition.lying_columns] + [f'"{one.number}"' for one in definition.shared]
        )
        connection.execute(
            f"INSERT INTO {definition.kept_in} SELECT r.{LOT}, {columns} FROM ({rows}) r{numbers} ORDER BY {_order(definition)}"
        )
    except (duckdb.ConversionException, duckdb.ConstraintException) as error:
        said = str(error).splitlines()[0]
        raise GateFailed(
            f"rows of {definition.name} cannot be put into the file; nothing was published:",
            [("legal_values", f"{definition.name}: {said}")],
        ) from error


def _order(definition: Table) -> str:
    """Order of rows. The innermost column goes up and down by turns, so that each row differs little from the one before."""
    outer = [f"r.{LOT}", *(f'r."{name}"' for name in definition.lie if name != "area_id")]
    if "area_id" not in definition.lie:
        return ", ".join(outer)
    last = (
        f'coalesce(r."{definition.lies_by}", 0)'
        if definition.lies_by != "area_id"
        else 'enum_code(r."area_id")::INTEGER'
    )
    groups = ", ".join(outer)
    return f'{groups}, {last} * CASE dense_rank() OVER (ORDER BY {groups}) % 2 WHEN 0 THEN 1 ELSE -1 END, r."area_id"'


def _share(connection: duckdb.DuckDBPyConnection, definition: Table, rows: str) -> str:
    """Lay down what incoming rows share, numbered in their order; gives the joins that bring the numbers."""
    of = {one.of for one in definition.shared}
    keys = [name for name in definition.lie if name not in of]
    by = ", ".join(f'"{name}"' for name in keys)
    parts = " UNION ".join(
        f'SELECT {LOT}, {by}, CAST("{one.of}" AS VARCHAR) AS whose, '
        + ", ".join(f'"{name}" AS "{to}"' for name, to in one.columns.items())
        + f" FROM ({rows})"
        for one in definition.shared
    )
    figures = [f'"{to}"' for to in definition.shared[0].columns.values()]
    # areas outside, so that a pair's numbers go in even steps
    order = ", ".join([*(f'"{name}"' for name in keys), "whose", *figures])
    # one number of the whole table, since a join by one number without large gaps is by far the cheapest
    highest = f"(SELECT coalesce(max(number), 0) FROM {definition.shared_in})"
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE incoming_shared AS"
        f" SELECT *, {highest} + row_number() OVER (ORDER BY {LOT}, {order}) AS number FROM ({parts})"
    )
    connection.execute(
        f"INSERT INTO {definition.shared_in} SELECT {LOT}, number, {', '.join(figures)} FROM incoming_shared ORDER BY {LOT}, number"
    )
    joins = ""
    for place, one in enumerate(definition.shared):
        same = [f'f{place}."{name}" = r."{name}"' for name in (LOT, *keys)]
        same += [f'f{place}."{to}" IS NOT DISTINCT FROM r."{name}"' for name, to in one.columns.items()]
        joins += (
            f' JOIN (SELECT * RENAME (number AS "{one.number}") FROM incoming_shared) f{place}'
            f' ON f{place}.whose = CAST(r."{one.of}" AS VARCHAR) AND {" AND ".join(same)}'
        )
    return joins


def _names(definition: Table) -> str:
    return ", ".join(f'"{c.name}"' for c in definition.kept_columns)


_HELD = "count(*), bit_xor(digest), sum(digest)"


def listed(texts: Iterable[str]) -> str:
    """Texts as SQL lists those of an ENUM, which has one at least."""
    return ", ".join(literal(text) for text in sorted(texts) or [""])


def days(quarters: Iterable[Quarter]) -> str:
    """First days of quarters, as SQL lists them."""
    return ", ".join(f"DATE '{quarter.key}'" for quarter in sorted(quarters)) or "NULL"


def literal(text: str) -> str:
    """A text as an SQL literal (COMMENT, ATTACH and COPY take no bound values)."""
    return "'" + text.replace("'", "''") + "'"
