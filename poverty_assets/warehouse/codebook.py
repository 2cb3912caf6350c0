"""The codebook of a release: every table, view and column of a published file, with type, unit, meaning and key.

Belongs here: what the file and the catalog say of each column, and its forms: rows, Markdown, the schema of a data package. Does not belong
here: any meaning of a column (``catalog``), or the rest of a release (``release``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from poverty_assets.catalog import Column, Table
from poverty_assets.warehouse.profile import described

HEADINGS = ("table", "column", "type", "unit", "key", "meaning")
_TYPES = {
    "VARCHAR": "string", "DOUBLE": "number", "FLOAT": "number", "INTEGER": "integer", "BIGINT": "integer", "HUGEINT": "integer",
    "BOOLEAN": "boolean", "DATE": "date", "TIMESTAMP": "datetime", "BLOB": "any",
}  # fmt: skip
"""Types of Table Schema by those of DuckDB."""


@dataclass(frozen=True)
class Entry:
    """A column of a table or view."""

    column: str
    type: str
    meaning: str
    unit: str = ""
    is_key: bool = False
    stated: Column | None = None

    @property
    def kind(self) -> str:
        """Type in the words of Table Schema."""
        if self.type.endswith("[]"):
            return "array"
        return "object" if self.type.startswith("MAP") else _TYPES.get(self.type.split("(")[0], "any")

    @property
    def field(self) -> dict[str, Any]:
        """The column as a field of Table Schema."""
        found: dict[str, Any] = {"name": self.column, "type": self.kind, "description": self.meaning}
        if self.unit:
            found["unit"] = self.unit
        rules: dict[str, Any] = {"required": True} if self.is_key else {}
        if self.stated is not None:
            limits = (
                {"minimum": self.stated.minimum, "maximum": self.stated.maximum}
                if self.kind in ("number", "integer")
                else {}
            )
            rules |= {name: value for name, value in limits.items() if value is not None}
            if self.stated.allowed and self.kind == "string":
                rules["enum"] = list(self.stated.allowed)
        return found | ({"constraints": rules} if rules else {})


@dataclass(frozen=True)
class Chapter:
    """What is said of one table or view."""

    name: str
    description: str
    key: tuple[str, ...]
    entries: tuple[Entry, ...]

    def schema(self, chapters: Mapping[str, Chapter]) -> dict[str, Any]:
        """Table Schema: fields, key, and what keys of dimensions stand in it."""
        columns = {entry.column for entry in self.entries}
        found: dict[str, Any] = {"fields": [entry.field for entry in self.entries], "missingValues": [""]}
        if self.key:
            found["primaryKey"] = list(self.key)
        foreign = [
            {"fields": [column], "reference": {"resource": other, "fields": [key]}}
            for column, other, key in _REFERENCES
            if column in columns and other in chapters and other != self.name and self.name.startswith("fct_")
        ]
        return found | ({"foreignKeys": foreign} if foreign else {})


_REFERENCES = (("area_id", "dim_area", "area_id"), ("quarter", "dim_quarter", "quarter"))


def chapters_of(connection: Any, names: Sequence[str], tables: Sequence[Table]) -> dict[str, Chapter]:
    """What the file's own comments and the catalog's units say of tables and views."""
    stated = {one.name: one for one in tables}
    anywhere = {column.name: column for one in reversed(tables) for column in one.columns}
    said = "SELECT table_name, column_name, comment FROM duckdb_columns() WHERE schema_name = 'main'"
    comments = {(table, column): comment or "" for table, column, comment in connection.execute(said).fetchall()}
    of_all = """SELECT table_name, comment FROM duckdb_tables() WHERE schema_name = 'main'
                UNION ALL SELECT view_name, comment FROM duckdb_views() WHERE schema_name = 'main'"""
    titles = dict(connection.execute(of_all).fetchall())
    found = {}
    for name in names:
        own = stated.get(name)
        known = {column.name: column for column in own.columns} if own else anywhere
        entries = []
        for column, kind, *_ in connection.execute(f'DESCRIBE "{name}"').fetchall():
            one = known.get(column)
            key = own is not None and column in own.key
            unit = one.unit if one is not None and (own or one.comment == comments.get((name, column))) else ""
            entries.append(Entry(column, kind, comments.get((name, column), ""), unit, key, one if own else None))
        found[name] = Chapter(
            name, (titles.get(name) or "").removeprefix("SIMULATED DATA. "), own.key if own else (), tuple(entries)
        )
    return found


def chapter_of_profile(name: str, columns: Mapping[str, str], tables: Sequence[Table]) -> Chapter:
    """What is said of the wide rows of a level: types by column."""
    (areas,) = (one for one in tables if one.name == "dim_area")
    known = {column.name: column for column in areas.columns}
    entries = []
    for column, kind in columns.items():
        stated = known.get(column)
        meaning = described(column) or (stated.comment if stated else "")
        entries.append(Entry(column, kind, meaning, stated.unit if stated else "", column == "area_id"))
    return Chapter(name, "One wide row an area, with its boundary, of the latest quarter", ("area_id",), tuple(entries))


def codebook_rows(chapters: Mapping[str, Chapter]) -> list[tuple[str, ...]]:
    """A row a column, under ``HEADINGS``."""
    return [
        (name, one.column, one.type, one.unit, "key" if one.is_key else "", one.meaning)
        for name, chapter in chapters.items()
        for one in chapter.entries
    ]


def codebook_page(chapters: Mapping[str, Chapter], title: str) -> str:
    """The codebook as Markdown."""
    lines = [f"# {title}", ""]
    for name, chapter in chapters.items():
        lines += [
            f"## {name}",
            "",
            chapter.description,
            "",
            "| column | type | unit | key | meaning |",
            "|---|---|---|---|---|",
        ]
        for one in chapter.entries:
            cells = (one.column, one.type, one.unit, "key" if one.is_key else "", one.meaning)
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        lines.append("")
    return "\n".join(lines)
