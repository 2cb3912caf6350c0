"""From the published file to the page.

Belongs here: what a quarter is compared with, the order of questions, writing the file. Does not belong here: the questions
(``overlap``, ``areas``, ``record``) or the markup (``page``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from poverty_assets.atomic import write_text
from poverty_assets.catalog.model import FALLBACK
from poverty_assets.errors import UsageError
from poverty_assets.pack.country import Country
from poverty_assets.quarter import Quarter
from poverty_assets.reports.quarterly.areas import CHANGES, WORST_AREAS
from poverty_assets.reports.quarterly.charts import AREAS, INDICATORS, PAIRS, ranked_svg
from poverty_assets.reports.quarterly.finding import Finding, Question, ask, listed, spoken
from poverty_assets.reports.quarterly.fragments import LEVELS
from poverty_assets.reports.quarterly.overlap import COUNTRY, PATTERNS
from poverty_assets.reports.quarterly.page import Chart, Edition, page
from poverty_assets.reports.quarterly.record import ORIGINS, QUALITIES, REGISTERS
from poverty_assets.reports.quarterly.threats import THREATS
from poverty_assets.reports.words import package_words, page_languages
from poverty_assets.warehouse.local import LevelRow, read_levels
from poverty_assets.warehouse.query import connect

QUESTIONS: tuple[Question, ...] = (
    *COUNTRY, *PATTERNS, *WORST_AREAS, *REGISTERS, *CHANGES, *THREATS, *QUALITIES, *ORIGINS,
)  # fmt: skip


def write_report(
    warehouse: Path, target_folder: Path, quarter: Quarter, country: Country, language: str = FALLBACK
) -> Path:
    """Write the report in a language, ``<target_folder>/<label>.html`` or ``<label>_<language>.html``, whole or not at all.

    Parameters
    ----------
    warehouse : Path
        The published file, opened read-only.
    target_folder : Path
    quarter : Quarter
    country : Country
        That of the file; its pack states the languages of pages.
    language : str
        Code of one of them.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    MissingFile
        If nothing has been published.
    UsageError
        If the quarter has not been published.
    """
    with connect(warehouse) as connection:
        edition = _edition(connection, quarter, country, language)
        parameters = comparison(connection, quarter)
        named = language if f"dim_area.name_{language}" in held(connection) else FALLBACK
        findings = _findings(connection, parameters, edition.words, named)
        text = page(edition, findings, _charts(connection, parameters, edition, named))
    path = target_folder / f"{quarter.label}{'' if language == FALLBACK else f'_{language}'}.html"
    write_text(path, text)
    return path


def findings_of(warehouse: Path, quarter: Quarter) -> list[Finding]:
    """What the report of a quarter says in English, in its order."""
    with connect(warehouse) as connection:
        words = {**package_words(FALLBACK), **level_words(read_levels(connection))}
        return _findings(connection, comparison(connection, quarter), words)


def level_words(levels: Iterable[LevelRow]) -> dict[str, str]:
    """What one area of each level is called and several, by the words of ``SMALLER`` and ``published``; nothing where there is none
    between."""
    words = {f"{name}{form}": "" for name in LEVELS for form in ("", "_many")}
    between = 0
    for level in levels:
        between += level.role == "between"
        name = level.role if between < 2 or level.role != "between" else f"between{between}"
        words |= {name: level.one, f"{name}_many": level.many}
    return words


def comparison(connection: Any, quarter: Quarter) -> dict[str, Any]:
    """What the questions' parameters stand for.

    ``previous`` is the quarter published before; ``baseline`` of change the same quarter of the year before, else the
    newest that change is published against; ``measure`` the one with most figures. None where there is none.
    """
    start = quarter.start
    previous = connection.execute("SELECT max(quarter) FROM dim_quarter WHERE quarter < ?", [start]).fetchone()[0]
    against = connection.execute(
        "SELECT DISTINCT baseline_quarter FROM fct_change WHERE quarter = ? AND area_level = 'country'", [start]
    ).fetchall()
    baselines: list[dt.date] = sorted(row[0] for row in against)
    year_before = quarter.shift(-4).start
    measure = connection.execute(
        "SELECT measure_id FROM fct_mpi WHERE quarter = ? GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1", [start]
    ).fetchone()
    return {
        "quarter": start,
        "previous": previous,
        "baseline": year_before if year_before in baselines else (baselines[-1] if baselines else None),
        "measure": measure and measure[0],
    }


def held(connection: Any) -> set[str]:
    """What questions may need: tables, and columns as ``table.column``."""
    rows = connection.execute(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'main'"
    ).fetchall()
    return {table for table, _ in rows} | {f"{table}.{column}" for table, column in rows}


def _findings(
    connection: Any, parameters: dict[str, Any], words: Mapping[str, str], language: str = FALLBACK
) -> list[Finding]:
    there = held(connection)
    asked = (
        ask(connection, question, parameters, words, language) for question in QUESTIONS if set(question.needs) <= there
    )
    return [finding for finding in asked if finding is not None]


def _edition(connection: Any, quarter: Quarter, country: Country, code: str) -> Edition:
    row = connection.execute(
        """
        SELECT a.name_en, q.end_date, q.published_at, q.is_simulated, q.lake_digest
        FROM dim_quarter q, dim_area a WHERE q.quarter = ? AND a.area_level = 'country'
        """,
        [quarter.start],
    ).fetchone()
    if row is None:
        labels = [r[0] for r in connection.execute("SELECT label FROM dim_quarter ORDER BY 1").fetchall()]
        raise UsageError(
            f"{quarter.label} has not been published", remedy=f"ask for one of {', '.join(labels)}, or refresh it"
        )
    name_en, end, published, is_simulated, digest = row
    language = next(one for one in page_languages(country) if one.code == code)
    levels = [replace(one, **_called(country, one.area_level, code)) for one in read_levels(connection)]
    return Edition(
        quarter.label, name_en if code == FALLBACK else country.names.get(code, name_en), end, published.date(),
        bool(is_simulated), digest[:12], language, {**language.words, **level_words(levels)},
    )  # fmt: skip


def _called(country: Country, level_id: str, language: str) -> dict[str, str]:
    """What the pack calls a level in a language; in English, what the file says."""
    if language == FALLBACK or level_id not in country.levels.ids:
        return {}
    level = country.levels[level_id]
    return {"one": level.name(language), "many": level.name(language, many=True)}


def _charts(connection: Any, parameters: dict[str, Any], edition: Edition, code: str) -> dict[str, Chart]:
    words = edition.words
    asked = {
        "areas": _rows(connection, spoken(AREAS, code), parameters),
        "pairs": _rows(connection, spoken(PAIRS, code), parameters),
        "single": _rows(connection, spoken(INDICATORS, code), parameters),
    }
    for row in asked["pairs"]:
        row["name"] = listed([row["name_a"], row["name_b"]], words)
    charts = {}
    for place, name, height in (("areas", "areas", 3.6), ("overlap", "pairs" if asked["pairs"] else "single", 2.1)):
        if asked[name]:
            label = words[f"report_axis_{name}"]
            svg = ranked_svg(asked[name], label, edition.is_simulated, size=(3.55, height), words=words)
            charts[place] = Chart(svg, words[f"report_chart_{name}"].format(**words))
    return charts


def _rows(connection: Any, sql: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    cursor = connection.execute(sql, {name: value for name, value in parameters.items() if f"${name}" in sql})
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
