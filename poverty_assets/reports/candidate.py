"""The page that stands beside a candidate: what would change against what is published.

Belongs here: asking both files, and the page. Does not belong here: building the candidate (``warehouse.build``), or who may approve it
(``warehouse.approval``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from poverty_assets.atomic import write_text
from poverty_assets.catalog.model import FALLBACK
from poverty_assets.pack.country import Country
from poverty_assets.quarter import Quarter
from poverty_assets.reports.words import page_languages
from poverty_assets.warehouse.approval import page_of

MOST_AREAS = 15
STATISTICS = {"headcount_ratio": "Headcount ratio (H)", "intensity": "Intensity (A)", "mpi": "MPI (M0)"}
_REVISION = "SELECT what, why FROM meta_revision WHERE quarter = ? ORDER BY revision DESC LIMIT 1"
_OF_ALL = "f.is_headline AND f.subgroup = 'all' AND f.k BETWEEN 0.33 AND 0.34"


@dataclass(frozen=True)
class _Table:
    """A table of the page; the first columns are words, those after ``words`` numbers."""

    title: str
    said: str
    head: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    words: int = 1


def write_changes(candidate: Path, published: Path, country: Country, waiting: Sequence[Quarter]) -> Path:
    """Write ``changes.html`` beside the candidate; returns its path.

    Each quarter that waits is held against itself as it is published, one that is new against the last published quarter before it.
    """
    import duckdb

    with duckdb.connect(str(candidate), read_only=True) as connection:
        has_old = published.is_file()
        if has_old:
            connection.execute(f"ATTACH '{str(published).replace(chr(39), chr(39) * 2)}' AS old (READ_ONLY)")
        held = _rows(connection, "SELECT quarter FROM old.main.dim_quarter ORDER BY 1") if has_old else []
        before = [Quarter.from_key(str(row[0])) for row in held]
        parts = [_of_quarter(connection, quarter, before, country) for quarter in waiting]
        built = _rows(connection, "SELECT built_at, code_version, is_simulated FROM meta_build")[0]
    page = page_of(candidate)
    write_text(page, _page(country, waiting, parts, built))
    return page


def _of_quarter(connection: Any, quarter: Quarter, before: list[Quarter], country: Country) -> str:
    earlier = [one for one in before if one < quarter]
    against = quarter if quarter in before else earlier[-1] if earlier else None
    said = (
        "new; nothing is published that it could be held against"
        if against is None
        else f"revised: held against {quarter} as it is published"
        if against == quarter
        else f"new: held against {against} as it is published"
    )
    if against == quarter:
        said += "".join(f". {what}. Why: {why}" for what, why in _rows(connection, _REVISION, quarter.start))
    tables = [_national(connection, quarter, against, country), _checks(connection, quarter)]
    if against is not None:
        tables[1:1] = [_moves(connection, quarter, against, country, level) for level in _levels(country)]
    tables.append(_sources(connection, quarter, against))
    shown = "\n".join(_shown(table) for table in tables)
    command = f"poverty-assets approve {quarter} --by 'Name, office'"
    return f"""<section id="{quarter}"><h2>{quarter}</h2><p>{escape(said)}.</p>
{shown}
<p>To publish it: <code>{escape(command)}</code>, or the job <code>approve</code> of this quarter in the UI.</p></section>"""


def _levels(country: Country) -> list[str]:
    return [country.levels.published, country.levels.finest]


def _national(connection: Any, quarter: Quarter, against: Quarter | None, country: Country) -> _Table:
    names = ", ".join(f"'{name}'" for name in STATISTICS)
    sql = (
        "SELECT f.statistic, f.estimate, f.ci_low, f.ci_high, f.method FROM {file}fct_mpi f"
        f" WHERE {_OF_ALL} AND f.area_id = ? AND f.quarter = ? AND f.statistic IN ({names}) ORDER BY f.statistic"
    )
    now = _rows(connection, sql.format(file=""), country.area_id, quarter.start)
    then = [] if against is None else _rows(connection, sql.format(file="old.main."), country.area_id, against.start)
    old, words = {row[0]: row[1] for row in then}, page_languages(country)[0].words
    rows = [
        (STATISTICS[name], words[f"method_{method}"], _number(value), f"{_number(low)} to {_number(high)}", _number(old.get(name)),
         _number(None if value is None or old.get(name) is None else value - old[name], sign=True))
        for name, value, low, high, method in now
    ]  # fmt: skip
    head = (
        "figure",
        "evidence",
        "candidate",
        "95% interval",
        f"published ({against})" if against else "published",
        "difference",
    )
    return _Table(f"{country.name_en}, all people, k of one third", "", head, rows, words=2)


def _moves(connection: Any, quarter: Quarter, against: Quarter, country: Country, level: str) -> _Table:
    """Areas of a level whose headcount ratio would move most, and how many lie outside the interval that is published."""
    joined = f"""
        FROM fct_mpi f JOIN old.main.fct_mpi o USING (area_id, measure_id, k, statistic, subgroup) JOIN dim_area a USING (area_id)
        WHERE {_OF_ALL} AND o.is_headline AND f.statistic = 'headcount_ratio' AND a.area_level = ? AND f.quarter = ?
          AND o.quarter = ? AND f.estimate IS NOT NULL AND o.estimate IS NOT NULL"""
    asked = (level, quarter.start, against.start)
    (n, moved, outside), *_ = _rows(
        connection,
        "SELECT count(*), count(*) FILTER (abs(f.estimate - o.estimate) >= 0.0005),"
        f" count(*) FILTER (f.estimate NOT BETWEEN o.ci_low AND o.ci_high) {joined}",
        *asked,
    )
    rows = _rows(
        connection,
        "SELECT a.name_en || ' (' || a.area_id || ')', f.estimate, o.estimate, o.ci_low, o.ci_high, f.estimate - o.estimate"
        f" {joined}"
        f" AND abs(f.estimate - o.estimate) >= 0.0005 ORDER BY abs(f.estimate - o.estimate) DESC, a.area_id LIMIT {MOST_AREAS}",
        *asked,
    )
    shown = [
        (name, _number(now), _number(then), f"{_number(low)} to {_number(high)}", _number(by, sign=True))
        for name, now, then, low, high, by in rows
    ]
    said = (
        f"Of {n:,} areas with a figure in both, {moved:,} would move by a twentieth of a point or more; {outside:,} would lie outside"
        " the interval that is published. The largest moves:"
    )
    head = ("area", "candidate", f"published ({against})", "its 95% interval", "difference")
    return _Table(f"Headcount ratio of {country.levels[level].name(FALLBACK, many=True)}", said, head, shown)


def _checks(connection: Any, quarter: Quarter) -> _Table:
    sql = "SELECT table_name, check_name, severity, coalesce(observed, '') FROM check_result WHERE NOT passed AND quarter = ? ORDER BY 1, 2"
    rows = _rows(connection, sql, quarter.start)
    return _Table(
        "Checks that failed", "" if rows else "None.", ("table", "check", "severity", "observed"), rows, words=4
    )


def _sources(connection: Any, quarter: Quarter, against: Quarter | None) -> _Table:
    """Files that the quarter used, and which of them differ from those behind what is published."""
    sql = "SELECT source_id, title, file, sha256, observed_to FROM meta_source WHERE quarter = ? AND sha256 IS NOT NULL ORDER BY 1"
    now = _rows(connection, sql, quarter.start)
    then = (
        []
        if against is None
        else _rows(
            connection,
            "SELECT source_id, sha256, title FROM old.main.meta_source WHERE quarter = ? AND sha256 IS NOT NULL",
            against.start,
        )
    )
    old = {name: digest for name, digest, _ in then}
    rows = [
        (title, file, "new" if name not in old else "another file" if old[name] != digest else "the same", str(until))
        for name, title, file, digest, until in now
    ]
    rows.sort(key=lambda row: row[2] == "the same")  # what differs is read first
    gone = sorted(title for name, _, title in then if name not in {row[0] for row in now})
    said = f"{sum(row[2] != 'the same' for row in rows)} of {len(rows)} differ from those behind what is published."
    said += f" No longer used: {', '.join(gone)}." if gone else ""
    return _Table("Source files", said, ("source", "file", "against what is published", "observed to"), rows, words=4)


def _rows(connection: Any, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = connection.execute(sql, list(values)).fetchall()
    return found


def _number(value: float | None, *, sign: bool = False) -> str:
    """A share as percent with one decimal."""
    return "–" if value is None else f"{100 * value:+.1f}" if sign else f"{100 * value:.1f}"


def _shown(table: _Table) -> str:
    number = ["" if i < table.words else " class=n" for i in range(len(table.head))]
    head = "".join(f'<th scope="col"{of}>{escape(name)}</th>' for name, of in zip(table.head, number, strict=True))
    body = "\n".join(
        "<tr>" + "".join(f"<td{of}>{escape(str(v))}</td>" for v, of in zip(row, number, strict=True)) + "</tr>"
        for row in table.rows
    )  # fmt: skip
    said = f"<p>{escape(table.said)}</p>" if table.said else ""
    name = escape(table.title)
    listed = (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{name}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table></div>"
        if table.rows
        else ""
    )
    return f"<h3>{name}</h3>{said}{listed}"


def _page(country: Country, waiting: Sequence[Quarter], parts: list[str], built: tuple[dt.datetime, str, bool]) -> str:
    at, version, simulated = built
    title = f"{country.name_en}: what waits for approval"
    warned = '<p class="simulated"><strong>SIMULATED DATA.</strong></p>' if simulated else ""
    labels = ", ".join(quarter.label for quarter in waiting) or "nothing"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_CSS}</style>
</head>
<body>
<h1>{escape(title)}</h1>
{warned}<p>Waits: {labels}. Made {at:%Y-%m-%d %H:%M} UTC by version {escape(version)} of poverty_assets; the gate has passed. Nothing of
this is
published. Shares are percent of people. Every figure is in the file <code>poverty.duckdb</code> beside this page.</p>
{chr(10).join(parts)}
</body>
</html>
"""


_CSS = """
@page { size: A4; margin: 14mm; }
html { font: 14px/1.45 "Noto Sans", "DejaVu Sans", Arial, sans-serif; color: #1a1a1a; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem 1.5rem 4rem; }
h1 { font-size: 1.5rem; color: #10355c; } h2 { margin-top: 2rem; border-bottom: 2px solid #9fb3c8; } h3 { margin: 1.4rem 0 0.2rem; }
table { border-collapse: collapse; width: 100%; font-size: 0.88rem; }
th, td { text-align: left; vertical-align: top; padding: 0.2rem 0.5rem; border-bottom: 1px solid #dde3e8; }
.scroll { overflow-x: auto; }
.simulated { background: #a4161a; color: #ffffff; padding: 0.3rem 0.6rem; }
.n { text-align: right; }
td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
@media (max-width: 600px) { body { padding: 0.6rem; } table { font-size: 0.78rem; } th, td { padding: 0.2rem 0.25rem; } }
"""
