"""Handing tables on: which rows are exported, and what is said about them.

Belongs here: the request, its refusal, the rows and their description. Does not belong here: file formats (``export_files``).

Every export says whether its data are simulated, in a column of each table and in the file's metadata (its ``about``), with the
build, the sources and their licences, and what each column means. What is suppressed in the warehouse is empty.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poverty_assets.errors import UsageError
from poverty_assets.quarter import Quarter
from poverty_assets.warehouse.export_files import About, Form, styled, write
from poverty_assets.warehouse.opening import relations
from poverty_assets.warehouse.profile import described, profile_sql
from poverty_assets.warehouse.query import connect

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIXES = {"geoparquet": (".parquet", ".geoparquet"), "xlsx": (".xlsx",), "gpkg": (".gpkg",)}
GEOGRAPHIC = ("geoparquet", "gpkg")


@dataclass(frozen=True)
class Exported:
    """What was written."""

    path: Path
    is_simulated: bool
    rows: dict[str, int] = field(default_factory=dict)


def export(
    warehouse: Path,
    target: Path,
    *,
    form: Form,
    tables: Sequence[str] = (),
    level: str | None = None,
    quarters: Sequence[Quarter] = (),
    force: bool = False,
) -> Exported:
    """Write tables, views or the profile of a level to a file (a new folder, for CSV), whole or not at all.

    Parameters
    ----------
    warehouse, target : Path
    form : {"geoparquet", "csv", "xlsx", "gpkg"}
    tables : sequence of str
        Tables and views; none means the profile of the level: a wide row an area.
    level : str, optional
        Level of the areas; default the finest for the profile, every level for tables.
    quarters : sequence of Quarter
        Default the latest.
    force : bool
        Put it in the place of what is there.

    Raises
    ------
    MissingFile
        If nothing has been published.
    UsageError
        If a table, level or quarter is unknown, a table has no rows of what is asked for, or the target cannot be written.
    """

    _check_target(target, form, force)
    with connect(warehouse) as connection:
        levels = _levels(connection)
        if level is not None and level not in levels:
            raise UsageError(f"{level!r} is not a level", remedy=f"use one of {', '.join(levels)}")
        asked = _quarters(connection, quarters)
        names = _known(connection, tables)
        read = {name: _rows(connection, name, level, asked, geographic=form in GEOGRAPHIC) for name in names}
        if not names:
            level = level or levels[-1]
            sql = f"SELECT * FROM ({profile_sql(connection, level)}) WHERE list_contains($quarters, quarter)"
            read[f"{level}_profile"] = connection.execute(sql, {"quarters": asked}).to_arrow_table()
        if form not in GEOGRAPHIC:
            read = {
                name: data.drop_columns(sorted({"geometry"} & set(data.column_names))) for name, data in read.items()
            }
        about = describe_export(connection, asked, read)
    write(target, form, read, about)
    return Exported(target, about.is_simulated, {name: data.num_rows for name, data in read.items()})


def _check_target(target: Path, form: Form, force: bool) -> None:
    if form == "csv":
        is_export = target.is_dir() and any((target / f"{mark}about.csv").is_file() for mark in ("", "simulated_"))
        if (target.is_file() or (target.is_dir() and any(target.iterdir()))) and not (force and is_export):
            remedy = "name another folder" + (", or add --force to replace that export" if is_export else "")
            raise UsageError("csv is written to a new folder, and this is there already", file=target, remedy=remedy)
        return
    if target.is_dir():
        raise UsageError("this is a folder; a file is written", file=target, remedy="name a file in it")
    if target.suffix.lower() not in SUFFIXES[form]:
        raise UsageError(
            f"a file of format {form} ends in {' or '.join(SUFFIXES[form])}", file=target, remedy="name it so"
        )
    there = [path for path in (target, *styled(target, form)) if path.exists()]
    if there and not force:
        raise UsageError(
            "this is there already", file=there[0], remedy="name another file, or add --force to replace it"
        )


def _levels(connection: Any) -> list[str]:
    """Levels of areas from the country down; a smaller level has more of them, also in a file of an earlier version."""
    rows = connection.execute("SELECT area_level FROM dim_area GROUP BY 1 ORDER BY count(*), min(length(area_id)), 1")
    return [row[0] for row in rows.fetchall()]


def _quarters(connection: Any, asked: Sequence[Quarter]) -> list[Any]:
    published = [row[0] for row in connection.execute("SELECT quarter FROM dim_quarter ORDER BY 1").fetchall()]
    unknown = [quarter.label for quarter in asked if quarter.start not in published]
    if unknown:
        labels = ", ".join(Quarter.containing(day).label for day in published)
        raise UsageError(
            f"{len(unknown)} of the quarters asked for is not published, first {unknown[0]}",
            remedy=f"ask for one of {labels}",
        )
    return [quarter.start for quarter in asked] or published[-1:]


def _known(connection: Any, asked: Sequence[str]) -> list[str]:
    there = relations(connection)
    for name in asked:
        if name not in there:
            near = difflib.get_close_matches(name, sorted(there), n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise UsageError(
                f"no table or view {name!r} is published",
                remedy=f"{hint}There are {', '.join(sorted(there))}",
            )
    return list(dict.fromkeys(asked))


def _rows(connection: Any, name: str, level: str | None, quarters: list[Any], *, geographic: bool) -> pa.Table:
    types = {row[0]: row[1] for row in connection.execute(f'DESCRIBE "{name}"').fetchall()}
    columns = list(types)
    conditions: list[str] = []
    values: dict[str, Any] = {}
    if "quarter" in columns:
        conditions.append("list_contains($quarters, t.quarter)")
        values["quarters"] = quarters
    if level is not None and "area_level" in columns:
        conditions.append("t.area_level = $level")
        values["level"] = level
    if geographic and "area_id" not in columns:
        raise UsageError(f"{name} has no areas to draw", remedy="export it as csv or xlsx")
    picked, joined = "(SELECT bool_or(is_simulated) FROM meta_build) AS is_simulated, t.*", ""
    left_out = [column for column, kind in types.items() if kind.startswith("MAP")]  # no file has a form for it
    if "is_simulated" in columns:
        picked, left_out = "t.is_simulated, t.*", ["is_simulated", *left_out]
    if left_out:
        picked += f" EXCLUDE ({', '.join(left_out)})"
    if geographic and "geometry" not in columns:
        picked, joined = f"{picked}, a.geometry", " JOIN dim_area a ON a.area_id = t.area_id"
    named, joins = _names(connection, columns)
    picked, joined = picked + named, joined + joins
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    data = connection.execute(f'SELECT {picked} FROM "{name}" t{joined}{where} ORDER BY ALL', values)
    found = data.to_arrow_table()
    if found.num_rows == 0 and connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]:
        labels = ", ".join(Quarter.containing(day).label for day in quarters)
        raise UsageError(
            f"{name} has no row of {labels}" + (f" and level {level}" if level else ""),
            remedy="ask for another quarter or level; views named _latest hold the latest quarter only",
        )
    return found


def _names(connection: Any, columns: list[str]) -> tuple[str, str]:
    """What is joined to rows of areas that do not name them: names of areas and of those above, and what people call the quarter."""
    if "area_id" not in columns or "v_area" not in relations(connection):  # or a file published by an earlier version
        return "", ""
    held = [row[0] for row in connection.execute("DESCRIBE v_area").fetchall()]
    named = [name for name in held if "name_" in name and name not in columns]
    picked = "".join(f', n."{name}"' for name in named)
    joins = " LEFT JOIN v_area n ON n.area_id = t.area_id" if named else ""
    if "quarter" in columns and "quarter_label" not in columns:
        picked += ", q.label AS quarter_label"
        joins += " LEFT JOIN dim_quarter q ON q.quarter = t.quarter"
    return picked, joins


def describe_export(connection: Any, quarters: list[Any], read: dict[str, pa.Table]) -> About:
    """What is said of rows that are handed on: whether they are simulated, build, sources with licences, meaning of columns."""
    build, version, digest, built_at, is_simulated = connection.execute(
        "SELECT build_id, code_version, lake_digest, built_at, is_simulated FROM meta_build"
    ).fetchone()
    rows = [
        ("data", "kind", "SIMULATED DATA: every figure is invented; do not quote" if is_simulated else "real data"),
        ("data", "quarters", ", ".join(Quarter.containing(day).label for day in quarters)),
        ("data", "empty cells", "suppressed to protect respondents (see the column suppressed), or not known"),
        ("build", "build_id", build),
        ("build", "code_version", version),
        ("build", "lake_digest", digest),
        ("build", "built_at", f"{built_at:%Y-%m-%d %H:%M} UTC"),
    ]
    sources = connection.execute(
        """
        SELECT DISTINCT source_id, title, publisher, url, licence, observed_from, observed_to, is_simulated FROM meta_source
        WHERE list_contains($quarters, quarter) AND sha256 IS NOT NULL ORDER BY ALL
        """,
        {"quarters": quarters},
    ).fetchall()
    for source_id, title, publisher, url, licence, first, last, simulated in sources:
        mark = "; simulated" if simulated else ""
        rows.append(("source", source_id, f"{title}. {publisher}. {url}. Licence: {licence}. {first} to {last}{mark}"))
    comments = {
        (table, column): comment
        for table, column, comment in connection.execute(
            "SELECT table_name, column_name, comment FROM duckdb_columns() WHERE schema_name = 'main' AND comment IS NOT NULL"
        ).fetchall()
    }
    anywhere = {column: comment for (_, column), comment in sorted(comments.items(), reverse=True)}
    for name, data in read.items():
        for column in data.column_names:
            known = comments.get((name, column)) or described(column) or comments.get(("dim_area", column))
            text = known or anywhere.get(column, "")
            rows.append(("column", f"{name}.{column}", text))
    return About(bool(is_simulated), built_at, tuple(rows))
