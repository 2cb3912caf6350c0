"""What a publication changes of quarters that were published before: ``meta_revision`` and ``meta_revision_figure``.

Belongs here: holding the file that is being made against the one that it replaces, both open in one connection (the latter as ``old``).
Does not belong here: which files a quarter is made of (``provenance``), the page that shows a candidate (``reports.candidate``), or
making anything again (``graph.sensors.revise``).

A revision is a quarter of which the published file holds other files of the lake than the file before. What earlier publications
revised is taken over from the file before, so that the newest one has the whole history.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from poverty_assets.catalog import TABLES, table
from poverty_assets.catalog.figures import HEADLINE_K
from poverty_assets.quarter import Quarter

if TYPE_CHECKING:
    import duckdb

SAME = 1e-6
"""Figures nearer to each other are the same: the published file is exact to that."""
_TABLES = ("meta_revision", "meta_revision_figure")
_KEY = ("quarter", "area_id", "measure_id", "subgroup", "figure_id")
_CHANGE = (
    "quarter", "baseline_quarter", "area_id", "measure_id", "k", "statistic", "indicator_id", "subgroup", "change",
)  # fmt: skip
_MOST_NAMED = 8


@dataclass(frozen=True)
class Revised:
    """A publication that may revise quarters.

    Attributes
    ----------
    quarters : collection of Quarter
        Those that were published before, and now are of other files of the lake.
    now : datetime
        In UTC, of the publication.
    run_id : str
    country_area, measure_id : str
        Area and measure of the one headcount ratio that is named; the first measure that there is, where this one is not.
    """

    quarters: Collection[Quarter]
    now: dt.datetime
    run_id: str
    country_area: str
    measure_id: str


@dataclass(frozen=True)
class _File:
    """A source file behind a quarter."""

    file: str
    sha256: str
    released_on: dt.date | None
    is_preliminary: bool | None

    @property
    def shown(self) -> str:
        """As a sentence names it."""
        when = f"released {self.released_on}" if self.released_on else self.sha256[:8]
        return f"{self.file}, {when}{', preliminary' if self.is_preliminary else ''}"


@dataclass(frozen=True)
class _Behind:
    """What stands behind a quarter in one of the two files."""

    version: str | None
    replicates: int | None
    sources: Mapping[str, _File]


def take_over(connection: duckdb.DuckDBPyConnection, quarters: Collection[Quarter]) -> None:
    """Take the revisions of these quarters from the file before."""
    for name in _TABLES:
        names = [column.name for column in table(name).columns]
        held = {row[0] for row in connection.execute(_COLUMNS_BEFORE, [name]).fetchall()}
        if held >= {*table(name).key}:
            picked = ", ".join(f'"{column}"' for column in names if column in held)
            connection.execute(
                f"INSERT INTO {name} BY NAME SELECT {picked} FROM old.main.{name} WHERE list_contains(?, quarter)",
                [[quarter.start for quarter in quarters]],
            )


_COLUMNS_BEFORE = "SELECT column_name FROM duckdb_columns() WHERE database_name = 'old' AND table_name = ?"


def note(connection: duckdb.DuckDBPyConnection, made: Revised) -> None:
    """Write down what is revised; views of both files are there."""
    comparable = bool(connection.execute(_COLUMNS_BEFORE, ["v_figure"]).fetchall())
    for quarter in sorted(made.quarters):
        number = _number(connection, quarter)
        if comparable:
            _compare(connection, quarter, number)
        row = _row(connection, made, quarter, number)
        names = ", ".join(f'"{name}"' for name in row)
        marks = ", ".join("?" * len(row))
        connection.execute(f"INSERT INTO meta_revision ({names}) VALUES ({marks})", [*row.values()])


def _number(connection: duckdb.DuckDBPyConnection, quarter: Quarter) -> int:
    asked = "SELECT coalesce(max(revision), 0) + 1 FROM meta_revision WHERE quarter = ?"
    return int(_one(connection, asked, quarter.start)[0])


def _compare(connection: duckdb.DuckDBPyConnection, quarter: Quarter, number: int) -> None:
    """A row of ``meta_revision_figure`` for each level, measure and kind of figure."""
    held = f"SELECT {', '.join(_KEY)}, area_level, table_name, estimate, ci_low, ci_high FROM {{0}}v_figure WHERE quarter = $quarter"
    connection.execute(
        f"""
        INSERT INTO meta_revision_figure BY NAME
        SELECT quarter, $number AS revision, coalesce(n.area_level, o.area_level) AS area_level, measure_id,
               coalesce(n.table_name, o.table_name) AS table_name, split_part(figure_id, ':', 1) AS figure,
               count(n.estimate - o.estimate) AS figures,
               count(*) FILTER (abs(n.estimate - o.estimate) > {SAME}) AS moved,
               count(*) FILTER (n.estimate NOT BETWEEN o.ci_low - {SAME} AND o.ci_high + {SAME}) AS outside,
               count(*) FILTER (n.estimate IS NOT NULL AND o.estimate IS NULL) AS came,
               count(*) FILTER (n.estimate IS NULL AND o.estimate IS NOT NULL) AS gone,
               avg(abs(n.estimate - o.estimate)) AS mean_move,
               max(abs(n.estimate - o.estimate)) AS largest_move,
               arg_max(area_id, abs(n.estimate - o.estimate)) FILTER (abs(n.estimate - o.estimate) > {SAME}) AS largest_move_area_id
        FROM ({held.format("")}) n FULL JOIN ({held.format("old.main.")}) o USING ({", ".join(_KEY)})
        GROUP BY ALL ORDER BY ALL
        """,
        {"quarter": quarter.start, "number": number},
    )


def _row(connection: duckdb.DuckDBPyConnection, made: Revised, quarter: Quarter, number: int) -> dict[str, Any]:
    then, now = (_behind(connection, quarter, file) for file in ("old.main.", ""))
    changed = {
        name: (then.sources.get(name), now.sources.get(name))
        for name in sorted({*then.sources, *now.sources})
        if _digest(then.sources.get(name)) != _digest(now.sources.get(name))
    }
    moves = _one(
        connection,
        "SELECT sum(figures)::BIGINT, sum(moved)::BIGINT, sum(outside)::BIGINT, sum(came)::BIGINT, sum(gone)::BIGINT"
        " FROM meta_revision_figure WHERE quarter = ? AND revision = ?",
        quarter.start,
        number,
    )
    counted = dict(zip(("figures", "moved", "outside", "came", "gone"), moves, strict=True))
    apart = _shown_in_one_alone(connection, quarter)
    turned = dict(zip(("changes", "turned", "turned_clear"), _turned(connection, quarter), strict=True))
    before, after = (_headcount(connection, made, quarter, file) for file in ("old.main.", ""))
    published = _one(connection, "SELECT published_at FROM old.main.dim_quarter WHERE quarter = ?", quarter.start)
    return {
        "quarter": quarter.start,
        "revision": number,
        "what": _what(before, after, counted, turned, apart),
        "why": _why(then, now, changed),
        "sources": [*changed],
        **counted,
        **turned,
        "headcount_ratio_before": before,
        "headcount_ratio": after,
        "wants_new_run": _still_of_what_was_replaced(connection, quarter, [old for old, _ in changed.values() if old]),
        "run_id": made.run_id,
        "replaced": published[0],
        "built_at": made.now.replace(tzinfo=None),
    }


def _behind(connection: duckdb.DuckDBPyConnection, quarter: Quarter, file: str) -> _Behind:
    own = _held(connection, file, "dim_quarter", ("code_version", "replicates"))
    of_sources = _held(
        connection, file, "meta_source", ("source_id", "file", "sha256", "released_on", "is_preliminary")
    )
    version, replicates = _one(connection, f"{own} WHERE quarter = ?", quarter.start)
    rows = connection.execute(f"{of_sources} WHERE quarter = ? AND sha256 IS NOT NULL", [quarter.start]).fetchall()
    return _Behind(version, replicates, {row[0]: _File(*row[1:]) for row in rows})


def _held(connection: duckdb.DuckDBPyConnection, file: str, name: str, columns: Sequence[str]) -> str:
    """SQL of a table's columns in one of the files; NULL where that is of a form without them."""
    there = columns if not file else {row[0] for row in connection.execute(_COLUMNS_BEFORE, [name]).fetchall()}
    picked = ", ".join(column if column in there else f"NULL AS {column}" for column in columns)
    return f"SELECT {picked} FROM {file}{name}"


def _digest(file: _File | None) -> str | None:
    return None if file is None else file.sha256


def _headcount(connection: duckdb.DuckDBPyConnection, made: Revised, quarter: Quarter, file: str) -> float | None:
    row = connection.execute(
        f"SELECT estimate FROM {file}fct_mpi WHERE is_headline AND subgroup = 'all' AND statistic = 'headcount_ratio'"
        f" AND {HEADLINE_K} AND area_id = ? AND quarter = ? ORDER BY measure_id <> ?, measure_id LIMIT 1",
        [made.country_area, quarter.start, made.measure_id],
    ).fetchone()
    return None if row is None else row[0]


def _turned(connection: duckdb.DuckDBPyConnection, quarter: Quarter) -> tuple[int, int, int]:
    """Changes up to or since the quarter that stand in both files, those of them whose direction turned round, and those that were
    clearly one way and now are clearly the other."""
    held = (
        f"SELECT {', '.join(_CHANGE)}, difference, is_significant FROM {{0}}fct_change"
        " WHERE is_headline AND change = 'absolute' AND $quarter IN (quarter, baseline_quarter)"
    )
    same = " AND ".join(f"n.{name} IS NOT DISTINCT FROM o.{name}" for name in _CHANGE)
    row = connection.execute(
        f"""
        SELECT count(n.difference - o.difference),
               count(*) FILTER (sign(n.difference) * sign(o.difference) < 0),
               count(*) FILTER (sign(n.difference) * sign(o.difference) < 0 AND n.is_significant AND o.is_significant)
        FROM ({held.format("")}) n JOIN ({held.format("old.main.")}) o ON {same}
        """,
        {"quarter": quarter.start},
    ).fetchone()
    return (0, 0, 0) if row is None else (row[0], row[1], row[2])


def _still_of_what_was_replaced(
    connection: duckdb.DuckDBPyConnection, quarter: Quarter, replaced: Collection[_File]
) -> list[str]:
    """Other quarters of the file that is being made which rest on files that this quarter no longer does."""
    rows = connection.execute(
        "SELECT DISTINCT q.label FROM meta_source s JOIN dim_quarter q USING (quarter)"
        " WHERE s.quarter <> ? AND list_contains(?, s.file || '|' || s.sha256) ORDER BY 1",
        [quarter.start, [f"{one.file}|{one.sha256}" for one in replaced]],
    ).fetchall()
    return [row[0] for row in rows]


def _shown_in_one_alone(connection: duckdb.DuckDBPyConnection, quarter: Quarter) -> int:
    """Figures of the survey itself (``direct``) that one of the two files shows and the other withholds or does not name: who has both has
    more than was decided on for either."""
    apart = 0
    for one in TABLES:
        before = {row[0] for row in connection.execute(_COLUMNS_BEFORE, [one.name]).fetchall()}
        needed = {*one.key, "suppressed", "method", "subgroup"}
        if one.inner or not needed <= {column.name for column in one.columns} & before:
            continue
        shown = f"SELECT {', '.join(one.key)} FROM {{0}}{one.name} WHERE quarter = $quarter AND method = 'direct' AND NOT suppressed"
        now, then = shown.format(""), shown.format("old.main.")
        sql = f"SELECT count(*) FROM (({now} EXCEPT {then}) UNION ALL ({then} EXCEPT {now}))"
        apart += connection.execute(sql, {"quarter": quarter.start}).fetchall()[0][0]
    return apart


def _what(
    before: float | None,
    after: float | None,
    counted: Mapping[str, int | None],
    turned: Mapping[str, int],
    apart: int,
) -> str:
    """What changed and by how much, in a sentence."""
    said = []
    if before is not None and after is not None:
        moved = abs(after - before) > SAME
        said.append(f"headcount ratio of the country {before:.2%}, {f'now {after:.2%}' if moved else 'as it was'}")
    if counted["figures"] is None:
        said.append("figures not held against those before, which are of another form")
    else:
        said.append(f"{counted['moved']:,} of {counted['figures']:,} figures moved")
        said += [f"{counted['outside']:,} of them out of their interval"] if counted["outside"] else []
        said += [f"{counted['came']:,} came"] if counted["came"] else []
        said += [f"{counted['gone']:,} are gone or withheld"] if counted["gone"] else []
    if apart:
        figures = "1 figure of the survey itself is" if apart == 1 else f"{apart:,} figures of the survey itself are"
        said.append(f"{figures} shown in one of the two files alone: hand on one of them")
    if turned["changes"]:
        clear = f", {turned['turned_clear']:,} of them clear ones" if turned["turned_clear"] else ""
        said.append(f"{turned['turned']:,} of {turned['changes']:,} changes turned round{clear}")
    return "; ".join(said)


def _why(then: _Behind, now: _Behind, changed: Mapping[str, tuple[_File | None, _File | None]]) -> str:
    """Why, in a sentence."""
    said = []
    for name, (old, new) in list(changed.items())[:_MOST_NAMED]:
        if old is None and new is not None:
            said.append(f"new source {name} ({new.shown})")
        elif new is None:
            said.append(f"source {name} no longer there")
        elif old is not None:
            said.append(f"source {name} replaced ({new.shown}; was {old.shown})")
    if len(changed) > _MOST_NAMED:
        said.append(f"{len(changed) - _MOST_NAMED} more sources")
    if then.version != now.version:
        said.append(f"version {now.version} of the code (was {then.version})")
    if then.replicates != now.replicates:
        said.append(f"{now.replicates} replicates (were {then.replicates})")
    return "; ".join(said) or "made anew of the same files: the code, the pack or its settings are others"


def _one(connection: duckdb.DuckDBPyConnection, sql: str, *values: Any) -> tuple[Any, ...]:
    row: tuple[Any, ...] | None = connection.execute(sql, list(values)).fetchone()
    if row is None:
        raise LookupError(sql)
    return row
