"""The next published file made from the present one: a copy of it, in which rows of quarters that have changed are replaced.

Belongs here: when the present file may be built on, what of it goes, and what the lists of texts in it must hold besides. Does not belong
here: which rows come (``build``, ``changes``), or how they lie (``narrow``).

Of forty quarters one changes in a night. Its rows are replaced; those of others stay as they lie, so that publishing takes as long as
a quarter does. Views, macros and what is said of large tables stay, too; small tables are made anew. Where anything else than the
lake may have changed (code, libraries, the pack; the file itself), or too many quarters, the file is built from nothing: what is
replaced leaves room behind that a file of few quarters would be seen to keep.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from poverty_assets.catalog import Table
from poverty_assets.catalog.model import LOT, LOTS, STORED
from poverty_assets.quarter import Quarter
from poverty_assets.warehouse.narrow import Lots, Rows, insert, listed, texts_of

if TYPE_CHECKING:
    import duckdb

_STAY = 3
"""So many quarters stay for each that is replaced."""
_LOOKED_UP = {
    "dim_area": "area_id, area_level, parent_id",
    "dim_indicator": "*",
    "dim_level": "*",
}
"""Columns of tables without quarters that figures of a quarter are held against; the others of ``dim_area`` are of no check."""


@dataclass(frozen=True)
class Renewal:
    """What is replaced in a copy of the published file.

    Attributes
    ----------
    fresh : frozenset of Quarter
        Quarters whose rows come from the lake: new ones, and those that are published of other files.
    quarters : tuple of Quarter
        All that the new file is of, in order.
    """

    fresh: frozenset[Quarter]
    quarters: tuple[Quarter, ...]

    def looked_at(self, connection: duckdb.DuckDBPyConnection) -> set[Quarter]:
        """Quarters of which any row is another: the fresh ones, and those that are compared with them."""
        rows = connection.execute(
            "SELECT DISTINCT quarter FROM fct_change WHERE list_contains(?, baseline_quarter)",
            [[q.start for q in self.fresh]],
        ).fetchall()
        return {*self.fresh, *(Quarter.from_key(str(day)) for (day,) in rows)}


def renewal(held: Collection[Quarter], fresh: Collection[Quarter], quarters: Collection[Quarter]) -> Renewal | None:
    """What would be replaced in a file of the quarters ``held``; None where it had better be built anew."""
    replaced, stay = {*held} & {*fresh}, {*held} - {*fresh}
    all_known = {*held} <= {*quarters} and {*quarters} - stay == {*fresh}
    if not all_known or len(fresh) > len(stay) or len(replaced) * _STAY > len(stay):
        return None
    return Renewal(frozenset(fresh), tuple(sorted(quarters)))


def copied(published: Path, beside: Path, sha256: str) -> bool:
    """Copy the published file; whether the copy is the one of that digest. There is none where not."""
    shutil.copyfile(published, beside)
    with beside.open("rb") as stream:
        if hashlib.file_digest(stream, "sha256").hexdigest() == sha256:
            return True
    beside.unlink()
    return False


def take_out(connection: duckdb.DuckDBPyConnection, tables: Iterable[Table], of: Renewal) -> None:
    """Take out the rows that others come for, and those of quarters of which the file no longer has any; small tables go whole."""
    connection.execute("BEGIN")
    for definition in tables:
        if not definition.narrow:
            connection.execute(f'DROP TABLE "{definition.name}"')
            continue
        gone = [*of.fresh, *of.quarters[: -definition.newest or 0]]
        connection.execute(
            f"DELETE FROM {LOTS} WHERE table_name = ? AND list_contains(?, quarter)",
            [definition.name, [quarter.start for quarter in gone]],
        )
        if definition.name == "fct_change":
            _take_out_changes(connection, definition, of)
        orphans = connection.execute(
            f"SELECT DISTINCT {LOT} FROM {definition.kept_in}"
            f" WHERE {LOT} NOT IN (SELECT {LOT} FROM {LOTS} WHERE table_name = '{definition.name}')"
        ).fetchall()
        for place in [definition.kept_in, *[definition.shared_in for _ in definition.shared[:1]]] if orphans else ():
            connection.execute(f"DELETE FROM {place} WHERE {LOT} IN ({', '.join(str(lot) for (lot,) in orphans)})")
    connection.execute("COMMIT")
    connection.execute("CHECKPOINT")  # what comes lies where the other rows lay


def _take_out_changes(connection: duckdb.DuckDBPyConnection, definition: Table, of: Renewal) -> None:
    """Changes of other quarters since one of the fresh: each pair of quarters is a lot of its own, or several."""
    connection.execute(
        f"""DELETE FROM {LOTS} WHERE table_name = '{definition.name}' AND {LOT} IN (
                SELECT {LOT} FROM {definition.kept_in}
                WHERE method NOT IN ('direct', 'published') AND list_contains(?, baseline_quarter))""",
        [[quarter.start for quarter in of.fresh]],
    )


def put_in(connection: duckdb.DuckDBPyConnection, rows: Mapping[Table, Sequence[Rows]]) -> None:
    """Put rows into narrow tables that are there.

    Raises
    ------
    GateFailed
        As of ``fill_narrow``.
    """
    for name, texts in texts_of(connection, rows).items():
        _widen(connection, name, texts, rows)
    for definition, sources in rows.items():
        lots = Lots(definition)
        if sources:
            lots.look(connection)
        for source in sources:
            insert(connection, lots, source)


def _widen(connection: duckdb.DuckDBPyConnection, name: str, texts: set[str], tables: Iterable[Table]) -> None:
    """Let columns of a name hold further texts: a list cannot be added to, so that another takes its name and place."""
    (held,) = connection.execute(
        "SELECT labels FROM duckdb_types() WHERE schema_name = ? AND type_name = ? AND database_name = current_database()",
        [STORED, name],
    ).fetchone() or ([],)
    if texts <= {*held}:
        return
    wider, final = f'{STORED}."{name} wider"', f'{STORED}."{name}"'
    columns = [one.kept_in for one in tables if any(c.name == name for c in one.kept_columns)]
    connection.execute("BEGIN")
    for made, left in ((wider, final), (final, wider)):
        connection.execute(f"CREATE TYPE {made} AS ENUM ({listed(texts.union(held))})")
        for column in columns:
            connection.execute(f'ALTER TABLE {column} ALTER "{name}" TYPE {made}')
        connection.execute(f"DROP TYPE {left}")
    connection.execute("COMMIT")


def same_lookups(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether figures of all quarters are held against the same areas and weights as in the file before, which is open as ``old``."""
    for name, columns in _LOOKED_UP.items():
        now, then = (f"SELECT {columns} FROM {file}{name}" for file in ("", "old.main."))
        for one, other in ((now, then), (then, now)):
            if connection.execute(f"{one} EXCEPT {other} LIMIT 1").fetchone():
                return False
    return True
