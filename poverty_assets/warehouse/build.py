"""Building the warehouse beside the published one, checking it, and swapping it in whole.

Belongs here: the one way from the lake to ``poverty.duckdb``. Does not belong here: what is checked (``gate``), views
(``views``), what of the file before stays (``renewal``), or what a table means (``catalog``).

A quarter enters when its seal matches the lake. One that is half remade (a run was killed, or failed a blocking check)
keeps the rows that are published now, so that it never holds up the others and good data is never lost. Where the published file is
known to be of the same code, rows of quarters that are as they were stay as they lie (``renewal``).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from poverty_assets import __version__
from poverty_assets.atomic import replacing
from poverty_assets.catalog import SCHEMA_VERSION, Table, table
from poverty_assets.errors import GateFailed
from poverty_assets.pack.country import Country
from poverty_assets.quarter import Quarter
from poverty_assets.warehouse import revisions
from poverty_assets.warehouse.approval import held_back
from poverty_assets.warehouse.changes import ChangesHeld, made_changes
from poverty_assets.warehouse.editions import keep, set_aside_log, set_aside_unreadable, want_again
from poverty_assets.warehouse.gate import run_gate
from poverty_assets.warehouse.lake import SEAL, Lake
from poverty_assets.warehouse.local import level_rows, tables_of
from poverty_assets.warehouse.macros import MACROS
from poverty_assets.warehouse.narrow import STORAGE, Rows, days, fill_narrow, literal
from poverty_assets.warehouse.provenance import Backing, nowcast_choice, replicates, survey_wave
from poverty_assets.warehouse.renewal import Renewal, copied, put_in, renewal, same_lookups, take_out
from poverty_assets.warehouse.revisions import Revised
from poverty_assets.warehouse.views import View, views_of

if TYPE_CHECKING:
    import duckdb

LOCK_SECONDS = 600


@dataclass
class Publication:
    """What was published.

    Attributes
    ----------
    path : Path
    quarters : list of Quarter
        Quarters in the file.
    kept : dict
        Quarters whose lake files are half remade, with the tables at fault; their published rows were kept.
    waiting : list of Quarter
        Complete quarters that nobody has approved, or that are under embargo: not in the file, or as they were published before.
    rows : dict
        Rows of each table.
    """

    path: Path
    quarters: list[Quarter]
    kept: dict[Quarter, list[str]] = field(default_factory=dict)
    waiting: list[Quarter] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Edition:
    """What a file is made from, and what is said of it.

    ``sealed`` quarters come from the lake, ``kept`` ones from the file before, which is attached as ``old`` where there is one;
    ``tables`` and ``views`` are those of the country.
    """

    lake: Lake
    country: Country
    sealed: list[Quarter]
    kept: list[Quarter]
    is_simulated: bool
    run_id: str
    now: dt.datetime
    backing: Backing = field(default_factory=Backing)

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        return tables_of(self.country)

    @property
    def plain(self) -> list[Table]:
        """Tables that lie as they are read."""
        return [one for one in self.tables if not one.narrow]

    def revised(self, quarters: set[Quarter]) -> Revised:
        """That these quarters are published of other files than before."""
        return Revised(quarters, self.now, self.run_id, self.country.area_id, self.country.default_measure)

    @property
    def with_methods(self) -> list[Table]:
        """Tables whose rows say their evidence."""
        return [one for one in self.tables if any(column.name == "method" for column in one.columns)]

    @property
    def newest(self) -> Quarter:
        """The newest quarter of the file."""
        return max([*self.sealed, *self.kept])

    @cached_property
    def views(self) -> tuple[View, ...]:
        return views_of(self.country)

    def new_views(self, is_new: bool) -> tuple[View, ...]:
        """Views that are made: all in a new file; in a copy of the one before, those that say which quarter is the newest."""
        return tuple(view for view in self.views if is_new or view.is_of_latest)


def publish(
    lake: Lake,
    target: Path,
    country: Country,
    *,
    is_simulated: bool,
    run_id: str,
    now: dt.datetime | None = None,
    backing: Backing | None = None,
) -> Publication:
    """Build ``target`` from the sealed quarters of the lake and swap it in.

    Readers that hold the old file open keep it. Where approvals are given, even if none, a quarter that has none stays as it is
    published, or out.

    Raises
    ------
    GateFailed
        If the new file breaks a key, range or identity, or there is nothing to publish; ``target`` is as it was.
    """
    with _turn(target):
        sealed, kept = _quarters(lake, target)
        behind = backing or Backing()
        waiting = [] if behind.approved is None else held_back(lake, target, sealed, behind.approved)
        held = _published_quarters(target)
        sealed = [quarter for quarter in sealed if quarter not in waiting]
        stay = sorted({*kept, *(quarter for quarter in waiting if quarter in held)})
        if not sealed and not stay:
            labels = ", ".join(quarter.label for quarter in waiting)
            raise GateFailed(
                f"nobody has approved {labels}; nothing to publish"
                if waiting
                else "no quarter of the lake is complete; nothing to publish"
            )
        moment = now or dt.datetime.now(dt.UTC)
        with replacing(target) as beside:
            edition = _Edition(lake, country, sealed, stay, is_simulated, run_id, moment, behind)
            rows = _build(edition, beside, target)
            beside.with_name(beside.name + ".wal").unlink(missing_ok=True)
            keep(target)
        want_again(target)
    return Publication(target, sorted([*sealed, *stay]), kept, waiting, rows)


def propose(
    lake: Lake,
    published: Path,
    candidate: Path,
    country: Country,
    *,
    is_simulated: bool,
    run_id: str,
    backing: Backing | None = None,
) -> Publication:
    """Build ``candidate``: what would be published if every complete quarter were approved; the published file is as it was.

    Raises
    ------
    GateFailed
        As of ``publish``.
    """
    with _turn(published):
        sealed, kept = _quarters(lake, published)
        if not sealed:
            raise GateFailed("no quarter of the lake is complete; nothing to propose")
        moment = dt.datetime.now(dt.UTC)
        with replacing(candidate) as beside:
            rows = _build(
                _Edition(lake, country, sealed, sorted(kept), is_simulated, run_id, moment, backing or Backing()),
                beside,
                published,
            )
            beside.with_name(beside.name + ".wal").unlink(missing_ok=True)
    return Publication(candidate, sorted([*sealed, *kept]), kept, [], rows)


def clear(published: Path) -> None:
    """Set aside what a session that was cut off left beside a published file, and the file where nobody can read it.

    Raises
    ------
    HeldElsewhere
        If another program has it open for writing.
    """
    with _turn(published):
        return


@contextmanager
def _turn(published: Path) -> Iterator[None]:
    """One at a time beside a published file, once what others have left there is out of the way."""
    from filelock import FileLock

    published.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(published.parent / ".publish.lock", timeout=LOCK_SECONDS):
        set_aside_log(published)
        set_aside_unreadable(published)
        for stale in published.parent.glob(".poverty*.tmp*"):
            stale.unlink(missing_ok=True)
        yield


def _quarters(lake: Lake, published: Path) -> tuple[list[Quarter], dict[Quarter, list[str]]]:
    """Complete quarters of the lake, and those that stay as they are published since they are not complete, with what is wrong there."""
    wrong = {quarter: lake.unsealed(quarter) for quarter in lake.quarters()}
    sealed = [quarter for quarter, tables in wrong.items() if not tables]
    # what is published stays, also where the lake has lost its seal: no refresh of another quarter takes it away
    return sealed, {q: wrong.get(q, [SEAL]) for q in _published_quarters(published) if q not in sealed}


def _published_quarters(target: Path) -> set[Quarter]:
    return {*_published_digests(target)}


def _published_digests(target: Path) -> dict[Quarter, str | None]:
    """Digest of the sealed files of each quarter of a published file; None in one of a form without them."""
    import duckdb

    if not target.is_file():
        return {}
    with duckdb.connect(str(target), read_only=True) as connection:
        try:
            rows = connection.execute("SELECT * FROM dim_quarter").fetchall()
        except duckdb.CatalogException:
            return {}
        names = [part[0] for part in connection.description or []]
    found = (dict(zip(names, row, strict=True)) for row in rows)
    return {Quarter.from_key(str(row["quarter"])): row.get("lake_digest") for row in found}


def _build(edition: _Edition, path: Path, old: Path) -> dict[str, int]:
    import duckdb

    renewed = _renewal(edition, old)
    if renewed is not None and not copied(old, path, edition.backing.before):
        renewed = None
    connection = duckdb.connect(str(path), config=STORAGE)
    try:
        connection.execute("SET preserve_insertion_order = true")
        if old.is_file():
            connection.execute(f"ATTACH {literal(str(old))} AS old (READ_ONLY)")
        if renewed is None:
            revised = _fill(connection, edition, path, has_old=old.is_file())
        else:
            revised = _refill(connection, edition, path, renewed)
        for view in edition.new_views(renewed is None):
            connection.execute(f'CREATE OR REPLACE VIEW "{view.name}" AS {view.published(edition.newest)}')
        for macro in MACROS if renewed is None else ():
            connection.execute(macro.ddl)
        revisions.note(connection, revised)
        _comment(connection, edition, is_new=renewed is None)
        looked_at = renewed.looked_at(connection) if renewed is not None and same_lookups(connection) else None
        failures = run_gate(connection, edition.country, looked_at)
        if failures:
            raise GateFailed(
                f"{len(failures)} check(s) of the new warehouse failed; nothing was published, the last good file stays:",
                failures,
            )
        rows = {t.name: _count(connection, t) for t in edition.tables}
        if old.is_file():
            connection.execute("DETACH old")
        connection.execute("CHECKPOINT")
        return rows
    finally:
        connection.close()
        for scratch in path.parent.glob(f"{path.name}.*.parquet"):
            scratch.unlink(missing_ok=True)


def _renewal(edition: _Edition, old: Path) -> Renewal | None:
    """What a copy of the file before would have to be given; None where there is none, or it had better be built anew."""
    held = _published_digests(old) if edition.backing.before else {}
    same = {q for q in edition.sealed if held.get(q) == edition.lake.sealed_digest(q)}
    fresh = {*edition.sealed} - same
    return renewal(held, fresh, [*edition.sealed, *edition.kept]) if held else None


def _fill(connection: duckdb.DuckDBPyConnection, edition: _Edition, path: Path, *, has_old: bool) -> Revised:
    """Make the tables and fill them: first those that lie as they are read, then the narrow ones. Returns what is revised."""
    unchanged, revised = _fill_plain_tables(connection, edition, has_old)
    rows = {one: list(_rows(connection, one, edition).values()) for one in edition.tables if one.narrow}
    changes = next(one for one in rows if one.name == "fct_change")
    own = _rows(connection, changes, edition)
    rows[changes] += made_changes(
        connection, edition.lake, edition.country, ChangesHeld(edition.sealed, unchanged, edition.kept, own, path)
    )
    fill_narrow(connection, rows)
    _count_views(connection, edition, None)
    _fill_made(connection, edition, has_old)
    return edition.revised(revised)


def _refill(connection: duckdb.DuckDBPyConnection, edition: _Edition, path: Path, renewed: Renewal) -> Revised:
    """The same of a copy of the file before, of which only rows of some quarters are replaced."""
    take_out(connection, edition.tables, renewed)
    unchanged, revised = _fill_plain_tables(connection, edition, has_old=True, fresh=renewed.fresh)
    of_lake = {one: _rows(connection, one, edition, renewed.fresh) for one in edition.tables if one.narrow}
    rows = {one: list(found.values()) for one, found in of_lake.items()}
    changes = next(one for one in rows if one.name == "fct_change")
    own = _rows(connection, changes, edition)
    held = ChangesHeld(edition.sealed, unchanged, edition.kept, own, path, is_renewed=True)
    rows[changes] += made_changes(connection, edition.lake, edition.country, held)
    put_in(connection, rows)
    _count_views(connection, edition, renewed.fresh if same_lookups(connection) else None)
    _fill_made(connection, edition, has_old=True)
    return edition.revised(revised)


def _count_views(connection: duckdb.DuckDBPyConnection, edition: _Edition, fresh: Collection[Quarter] | None) -> None:
    """Carry out what views count once; of fresh quarters alone, where it is there of the others."""
    for view in (one for one in edition.views if one.counted):
        if fresh is None:
            connection.execute(f"CREATE OR REPLACE TABLE {view.counted_in} AS {view.counted}")
            text = f"What {view.name} counts, as it was when the file was made: read {view.name} instead"
            said = f"SIMULATED DATA. {text}" if edition.is_simulated else text
            connection.execute(f"COMMENT ON TABLE {view.counted_in} IS {literal(said)}")
        # one by one: a single day is looked up in every table of the count before it is carried out
        for quarter in fresh or ():
            day = f"quarter = DATE '{quarter.key}'"
            connection.execute(f"DELETE FROM {view.counted_in} WHERE {day}")
            connection.execute(f"INSERT INTO {view.counted_in} SELECT * FROM ({view.counted}) WHERE {day}")


def _fill_plain_tables(
    connection: duckdb.DuckDBPyConnection,
    edition: _Edition,
    has_old: bool,
    fresh: Collection[Quarter] | None = None,
) -> tuple[set[Quarter], set[Quarter]]:
    """Make the tables that lie as they are read, and fill all but those that say how the file was made; as of ``_fill_quarters``."""
    for definition in edition.plain:
        connection.execute(definition.ddl)
        if definition.partitioned:
            _fill_plain(connection, definition, edition, fresh)
    _fill_levels(connection, edition.country)
    return _fill_quarters(connection, edition, has_old)


def _fill_made(connection: duckdb.DuckDBPyConnection, edition: _Edition, has_old: bool) -> None:
    """Say how the file was made, and lay keys on what lies as it is read."""
    _fill_build(connection, edition)
    if has_old:
        revisions.take_over(connection, [*edition.sealed, *edition.kept])
    _add_keys(connection, edition.plain)


def _rows(
    connection: duckdb.DuckDBPyConnection,
    definition: Table,
    edition: _Edition,
    only: Collection[Quarter] | None = None,
) -> dict[Quarter, Rows]:
    """A partitioned table's rows of each quarter, or of some; a column that a quarter lacks, and that may be empty, is empty of it."""
    lake, sealed, kept = edition.lake, edition.sealed, edition.kept
    has_quarter = not definition.keeps_newest
    found = {}
    for quarter in sorted([*sealed, *kept], reverse=definition.keeps_newest)[-definition.newest :]:
        values: list[list[str]] = []
        if only is not None and quarter not in only:
            continue
        if quarter in kept:
            if not _same_columns(connection, definition):
                continue
            where = f" WHERE quarter = DATE '{quarter.key}'" if has_quarter else ""
            source = f'old.main."{definition.name}"{where}'
        else:
            files = (
                lake.part_files(definition.name, [quarter])
                if definition.in_parts
                else [lake.path(definition.name, quarter)]
            )
            if not files or not all(file.is_file() for file in files):
                continue
            source, values = "read_parquet(?)", [[str(file) for file in files]]
        held = {row[0] for row in connection.execute(f"DESCRIBE FROM {source}", values).fetchall()}
        names = [f'"{c.name}"' for c in definition.lake_columns if c.name in held or not (c.language or c.nullable)]
        picked = ", ".join([f"DATE '{quarter.key}' AS quarter"] * has_quarter + names)
        found[quarter] = Rows(f"SELECT {picked} FROM {source}", tuple(values))
    return found


def _fill_plain(
    connection: duckdb.DuckDBPyConnection,
    definition: Table,
    edition: _Edition,
    fresh: Collection[Quarter] | None,
) -> None:
    """Insert a table's rows as they are, quarter by quarter; of a dimension, those of keys that are not there yet. Where it is known
    which quarters are fresh, rows of the others are those of the file before."""
    there, only = "", None
    if definition.keeps_newest:
        there = f' ANTI JOIN "{definition.name}" USING ({", ".join(definition.key)})'
    elif fresh is not None:
        names = ", ".join(f'"{c.name}"' for c in definition.stored_columns)
        connection.execute(
            f'INSERT INTO "{definition.name}" ({names})'
            f' SELECT {names} FROM old.main."{definition.name}" WHERE quarter NOT IN ({days(fresh)})'
        )
        only = fresh
    for rows in _rows(connection, definition, edition, only).values():
        connection.execute(
            f'INSERT INTO "{definition.name}" BY NAME SELECT * FROM ({rows.sql}){there}', list(rows.values)
        )


def _fill_levels(connection: duckdb.DuckDBPyConnection, country: Country) -> None:
    rows = level_rows(country)
    columns = ", ".join(f'"{name}"' for name in rows[0])
    marks = ", ".join("?" * len(rows[0]))
    connection.executemany(f"INSERT INTO dim_level ({columns}) VALUES ({marks})", [list(row.values()) for row in rows])


def _add_keys(connection: duckdb.DuckDBPyConnection, tables: list[Table]) -> None:
    """Add the primary keys; a key that stands twice fails the gate."""
    import duckdb

    broken = []
    for definition in tables:
        try:
            connection.execute(definition.key_ddl)
        except duckdb.ConstraintException as error:
            broken.append(("keys", f"{definition.name}: {str(error).splitlines()[0]}"))
    if broken:
        raise GateFailed(f"{len(broken)} tables hold a key twice; nothing was published:", broken)


def _same_columns(connection: duckdb.DuckDBPyConnection, definition: Table) -> bool:
    """Whether the file before has the table's columns, in whatever languages."""
    held = _old_columns(connection, definition.name)
    return held == [column.name for column in table(definition.name).as_in(held).columns]


def _has_columns(connection: duckdb.DuckDBPyConnection, table_name: str, *names: str) -> bool:
    return set(names) <= set(_old_columns(connection, table_name))


def _old_columns(connection: duckdb.DuckDBPyConnection, table_name: str) -> list[str]:
    held = connection.execute(
        "SELECT column_name FROM duckdb_columns() WHERE database_name = 'old' AND table_name = ? ORDER BY column_index",
        [table_name],
    ).fetchall()
    return [row[0] for row in held]


def _fill_quarters(
    connection: duckdb.DuckDBPyConnection, edition: _Edition, has_old: bool
) -> tuple[set[Quarter], set[Quarter]]:
    """One row a quarter; its day of publication stays as long as its sealed files do. Returns the quarters that are as they
    were, and those that were published of other files."""
    lake = edition.lake
    before: dict[str, tuple[str, dt.datetime]] = {}
    if has_old and _has_columns(connection, "dim_quarter", "quarter", "lake_digest", "published_at"):
        before = {
            str(row[0]): (row[1], row[2])
            for row in connection.execute(
                "SELECT quarter, lake_digest, published_at FROM old.main.dim_quarter"
            ).fetchall()
        }
    for quarter in edition.kept:
        connection.execute(
            "INSERT INTO dim_quarter BY NAME SELECT * FROM old.main.dim_quarter WHERE quarter = ?", [quarter.start]
        )
    unchanged: set[Quarter] = set()
    revised: set[Quarter] = set()
    for quarter in edition.sealed:
        digest = lake.sealed_digest(quarter)
        held = before.get(quarter.key)
        if held:
            (unchanged if held[0] == digest else revised).add(quarter)
        published = held[1] if held and quarter in unchanged else edition.now.replace(tzinfo=None)
        wave, wave_end = survey_wave(lake, quarter)
        nowcast = wave_end is not None and wave_end < quarter.start
        connection.execute(
            f"INSERT INTO dim_quarter VALUES ({', '.join('?' * 16)})",
            [quarter.start, quarter.label, quarter.start, quarter.end, wave, nowcast, *nowcast_choice(lake, quarter),
             replicates(lake, quarter), edition.is_simulated, digest, published,
             *edition.backing.signed(quarter), *edition.backing.made_by(quarter)],
        )  # fmt: skip
    return unchanged, revised


def _fill_build(connection: duckdb.DuckDBPyConnection, edition: _Edition) -> None:
    digests = {quarter.label: edition.lake.sealed_digest(quarter) for quarter in edition.sealed}
    digest = hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()
    labels = [quarter.label for quarter in sorted([*edition.sealed, *edition.kept])]
    connection.execute(
        "INSERT INTO meta_build VALUES (?, ?, ?, ?, ?, ?, (SELECT min(replicates) FROM dim_quarter), ?, ?, ?, ?)",
        [
            uuid.uuid4().hex,
            edition.run_id,
            __version__,
            SCHEMA_VERSION,
            digest,
            labels,
            edition.is_simulated,
            edition.now.replace(tzinfo=None),
            *edition.backing.signed(),
        ],
    )
    used = {(one.name, method) for one in edition.with_methods for method in _methods(connection, one)}
    rows = [row for row in edition.backing.lineage() if not row[1] or row[:2] in used]
    if rows:
        # one statement: DuckDB takes a millisecond for each of many
        connection.execute(
            "INSERT INTO meta_lineage SELECT unnest(?), unnest(?), unnest(?)",
            [list(column) for column in zip(*rows, strict=True)],
        )


def _methods(connection: duckdb.DuckDBPyConnection, definition: Table) -> list[str]:
    rows = connection.execute(f"SELECT DISTINCT method FROM {definition.kept_in}").fetchall()
    return [str(method) for (method,) in rows]


def _comment(connection: duckdb.DuckDBPyConnection, edition: _Edition, *, is_new: bool) -> None:
    """COMMENTs of every table, view and column, more than a thousand, which are read and written to disk at once; of tables that are
    made anew in each file alone, where the others are there."""
    prefix = "SIMULATED DATA. " if edition.is_simulated else ""
    described: dict[str, str] = {}
    of_table = {one.name: {column.name: column.comment for column in one.columns} for one in edition.tables}
    for texts in of_table.values():
        described = texts | described
    said: list[tuple[str, str]] = []
    for definition in edition.tables if is_new else edition.plain:
        text = f"{prefix}{definition.description}. One row per {definition.grain}."
        said.append((f'{"VIEW" if definition.narrow else "TABLE"} "{definition.name}"', text))
        said += [(f'COLUMN "{definition.name}"."{name}"', text) for name, text in of_table[definition.name].items()]
        if definition.narrow:
            text = f"{prefix}Rows of {definition.name} as they are kept: read {definition.name} instead"
            places = (definition.kept_in, *(definition.shared_in for _ in definition.shared[:1]))
            said += [(f"TABLE {place}", text) for place in places]
    columns = connection.execute(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = current_database()"
    ).fetchall()
    for view in edition.new_views(is_new):
        said.append((f'VIEW "{view.name}"', prefix + view.description))
        known = described | of_table.get(view.of, {}) | view.columns
        said += [(f'COLUMN "{view.name}"."{name}"', known[name]) for of, name in columns if of == view.name]
    said += [(f"MACRO {macro.name}", prefix + macro.description) for macro in MACROS if is_new]
    statements = [f"COMMENT ON {what} IS {literal(text)};" for what, text in said]
    connection.execute("\n".join(["BEGIN;", *statements, "COMMIT;"]))


def _count(connection: duckdb.DuckDBPyConnection, definition: Table) -> int:
    place = definition.kept_from if definition.narrow else f'"{definition.name}"'
    (rows,) = connection.execute(f"SELECT count(*) FROM {place}").fetchone() or (0,)
    return int(rows)
