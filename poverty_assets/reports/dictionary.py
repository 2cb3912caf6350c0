"""The data dictionary as a page, generated from the catalog.

Belongs here: markup of what ``catalog`` and ``warehouse.views`` define. Does not belong here: any definition, or data.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path

from poverty_assets.atomic import write_text
from poverty_assets.catalog import Column, Table
from poverty_assets.pack.country import Country
from poverty_assets.warehouse.local import tables_of
from poverty_assets.warehouse.views import View, views_of


@dataclass(frozen=True)
class _Line:
    """A column as a row of the page."""

    name: str
    type: str
    unit: str
    meaning: str
    key: str = ""
    nullable: str = ""


def write_dictionary(target_folder: Path, country: Country) -> Path:
    """Write ``<target_folder>/dictionary.html``, whole or not at all; returns its path.

    Every table and view of the warehouse with every column: type, unit, meaning, key. Each table and column has an anchor:
    ``dictionary.html#fct_mpi`` and ``dictionary.html#fct_mpi.estimate``.
    """
    path = target_folder / "dictionary.html"
    write_text(path, dictionary_page(country))
    return path


def dictionary_page(country: Country) -> str:
    """The page as HTML, with nothing to be fetched from anywhere; columns of names are those of the country's languages."""
    tables, views = tables_of(country), views_of(country)
    groups: dict[str, list[Table]] = {}
    for table in tables:
        groups.setdefault(table.group, []).append(table)
    parts = [
        f"<nav aria-label='Tables'>{_contents(groups, views)}</nav>",
        *(_table(table) for grouped in groups.values() for table in grouped),
        *(_view(view, columns, tables) for view, columns in _columns_of_views(tables, views)),
    ]
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Data dictionary of the warehouse</title>
<style>{_CSS}</style>
</head>
<body>
<header>
<h1>Data dictionary of the warehouse</h1>
<p>Every table, view and column of <code>poverty.duckdb</code>. Shares run from 0 to 1. The same texts are the COMMENTs of the file.
A column marked <em>may be empty</em> holds NULL where a value is not known, does not apply or is suppressed.</p>
</header>
<main>
{chr(10).join(parts)}
</main>
</body>
</html>
"""


def _contents(groups: dict[str, list[Table]], views: Iterable[View]) -> str:
    lines = [
        f"<li>{escape(group)}: {', '.join(_link(table.name) for table in tables)}</li>"
        for group, tables in groups.items()
    ]
    lines.append(f"<li>views: {', '.join(_link(view.name) for view in views)}</li>")
    return f"<ul>{''.join(lines)}</ul>"


def _link(name: str) -> str:
    return f'<a href="#{name}">{name}</a>'


def _table(table: Table) -> str:
    columns = [
        _Line(
            column.name,
            column.type,
            column.unit,
            _meaning(column),
            "key" if column.name in table.key else "",
            "may be empty" if column.nullable and column.name not in table.key else "",
        )
        for column in table.columns
    ]
    said = f"{table.description}. One row per {table.grain}. Key: {', '.join(table.key)}."
    return _section(table.name, said, columns)


def _meaning(column: Column) -> str:
    """Description with the legal values; the unit stands in its own cell."""
    parts = [column.description.rstrip(".") + "."]
    if column.allowed:
        parts.append(f"One of: {', '.join(column.allowed)}.")
    if column.minimum is not None and column.maximum is not None:
        parts.append(f"From {column.minimum:g} to {column.maximum:g}.")
    return " ".join(parts)


def _view(view: View, columns: Iterable[tuple[str, str]], tables: Iterable[Table]) -> str:
    """A view: a column that has no description of its own has that of the table it comes from."""
    known: dict[str, Column] = {}
    for table in sorted(tables, key=lambda table: table.name != view.of):
        for column in table.columns:
            known.setdefault(column.name, column)
    lines = []
    for name, kind in columns:
        own = view.columns.get(name)
        meaning = f"{own}." if own else _meaning(known[name])
        unit = "" if own or name not in known else known[name].unit
        lines.append(_Line(name, kind, unit, meaning))
    return _section(view.name, f"{view.description}. A view.", lines)


def _columns_of_views(tables: Iterable[Table], views: Iterable[View]) -> list[tuple[View, list[tuple[str, str]]]]:
    """Names and types of the views' columns, as DuckDB derives them from empty tables."""
    import duckdb

    with duckdb.connect(":memory:") as connection:
        for table in tables:
            connection.execute(table.ddl)
        found = []
        for view in views:
            connection.execute(f'CREATE VIEW "{view.name}" AS {view.sql}')
            described = connection.execute(f"DESCRIBE {view.sql}").fetchall()
            found.append((view, [(row[0], row[1]) for row in described]))
    return found


def _section(name: str, said: str, lines: list[_Line]) -> str:
    rows = "\n".join(
        f'<tr id="{name}.{line.name}"><th scope="row"><a href="#{name}.{line.name}">{line.name}</a></th>'
        f"<td>{escape(line.type)}</td><td>{escape(line.unit)}</td><td>{escape(line.meaning)}</td>"
        f"<td>{line.key or line.nullable}</td></tr>"
        for line in lines
    )
    return f"""<section id="{name}">
<h2><a href="#{name}">{name}</a></h2>
<p>{escape(said)}</p>
<table>
<thead><tr><th scope="col">column</th><th scope="col">type</th><th scope="col">unit</th><th scope="col">meaning</th>
<th scope="col">key</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
</section>"""


_CSS = """
@page { size: A4 landscape; margin: 12mm; }
html { font: 14px/1.45 "Noto Sans", "DejaVu Sans", Arial, sans-serif; color: #1a1a1a; scroll-padding-top: 1rem; }
body { margin: 0 auto; max-width: 72rem; padding: 1rem 1.5rem 4rem; }
h1 { font-size: 1.7rem; color: #10355c; margin: 0.5rem 0; }
h2 { font: 600 1.15rem/1.3 ui-monospace, "DejaVu Sans Mono", monospace; margin: 2.2rem 0 0.3rem; break-after: avoid; }
a { color: #0b4f8a; text-decoration: none; }
a:hover, a:focus { text-decoration: underline; }
nav { background: #f3f6f9; padding: 0.5rem 1rem; border-radius: 4px; }
nav ul { margin: 0; padding-left: 1.1rem; }
table { border-collapse: collapse; width: 100%; font-size: 0.86rem; }
th, td { text-align: left; vertical-align: top; padding: 0.22rem 0.5rem; border-bottom: 1px solid #dde3e8; }
thead th { border-bottom: 2px solid #9fb3c8; }
tbody th { font: 0.84rem/1.45 ui-monospace, "DejaVu Sans Mono", monospace; white-space: nowrap; }
td:nth-child(2), td:nth-child(5) { white-space: nowrap; color: #444; }
tr:target, section:target > h2 { background: #fff3c4; }
@media print {
  html { font-size: 9pt; } body { max-width: none; padding: 0; } a { color: inherit; }
  thead { display: table-header-group; } tr { break-inside: avoid; } section > p { break-after: avoid; }
}
"""
