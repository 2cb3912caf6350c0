"""From the published file to the pages.

Belongs here: what a quarter is compared with, which questions make the ten findings, whose reports there are, writing the files. Does
not belong here: the questions (``poverty``, ``action``, ``record``), the maps, or the markup (``page``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from poverty_assets.atomic import write_bytes
from poverty_assets.catalog.model import FALLBACK
from poverty_assets.errors import UsageError
from poverty_assets.pack.country import Country
from poverty_assets.quarter import Quarter
from poverty_assets.reports.quarterly.action import ACT, MISSED, THREATENED, TOGETHER
from poverty_assets.reports.quarterly.finding import Finding, Question, ask
from poverty_assets.reports.quarterly.fragments import prepare
from poverty_assets.reports.quarterly.maps import Outlines, area_maps
from poverty_assets.reports.quarterly.page import Edition, Report, Subject, page
from poverty_assets.reports.quarterly.poverty import HOW_MANY, RANK, SINCE_WHEN, WHERE_HIGHEST, WHERE_MOST, WHO
from poverty_assets.reports.quarterly.record import HOW_SURE, NOTES
from poverty_assets.reports.words import page_languages
from poverty_assets.warehouse.local import LevelRow, read_levels
from poverty_assets.warehouse.query import connect

FINDINGS: tuple[tuple[Question, ...], ...] = (
    HOW_MANY, SINCE_WHEN, (*RANK, *WHO), WHERE_HIGHEST, WHERE_MOST, ACT, TOGETHER, MISSED, THREATENED, HOW_SURE,
)  # fmt: skip
"""The ten findings in the order in which who decides needs them; of each, the first question that has an answer is written."""

OtherForms = Callable[[Report, Outlines], Mapping[str, bytes]]
"""What else is made of a report: files by the ending of their names."""


def write_report(
    warehouse: Path, target_folder: Path, quarter: Quarter, country: Country, language: str = FALLBACK
) -> Path:
    """Write the country's report in a language, ``<target_folder>/<label>.html`` or ``<label>_<language>.html``, whole or not at all.

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
        (report,) = read_reports(connection, quarter, country, language)
        return _write(report, target_folder, Outlines.read(connection), country)[0]


def write_reports(
    warehouse: Path,
    target_folder: Path,
    country: Country,
    quarters: Sequence[Quarter],
    others: OtherForms | None = None,
) -> list[Path]:
    """Write the country's report of each quarter, and of the last of them each area's of the level below, in every language.

    Parameters
    ----------
    warehouse : Path
    target_folder : Path
    country : Country
    quarters : sequence of Quarter
    others : callable, optional
        What else is made of each report of the last quarter: files by the ending of their names.

    Returns
    -------
    list of Path
    """
    written: list[Path] = []
    with connect(warehouse) as connection:
        outlines = Outlines.read(connection)
        for quarter in quarters:
            newest = quarter == quarters[-1]
            for language in country.language_codes:
                for report in read_reports(connection, quarter, country, language, areas=newest):
                    files = others(report, outlines) if others is not None and newest else {}
                    written += _write(report, target_folder, outlines, country, files)
    return written


def _write(
    report: Report, folder: Path, outlines: Outlines, country: Country, others: Mapping[str, bytes] | None = None
) -> list[Path]:
    """Write a report's page and its other files; returns their paths, the page first."""
    text = page(report, outlines, country.languages, list(others or {}))
    files = {".html": text.encode(), **(others or {})}
    paths = []
    for ending, data in files.items():
        paths.append(folder / report.file(ending))
        write_bytes(paths[-1], data)
    return paths


def read_reports(
    connection: Any, quarter: Quarter, country: Country, language: str = FALLBACK, *, areas: bool = False
) -> Iterator[Report]:
    """The country's report in a language, and where asked for those of the areas of the level below."""
    edition = _edition(connection, quarter, country, language)
    there = held(connection)
    named = language if f"dim_area.name_{language}" in there else FALLBACK
    parameters = comparison(connection, quarter)
    prepare(connection, parameters, there, named)
    found = connection.execute(
        f"""SELECT area_id, coalesce(name_{named}, name_en), role = 'country' FROM dim_area JOIN rung USING (area_level)
            WHERE role IN ('country', 'published') ORDER BY depth, area_id"""
    ).fetchall()
    subjects = [Subject(*row) for row in found]
    below, of_all = tuple(subjects[1:]) if areas else (), dict[str, Finding | None]()
    for subject in (subjects[0], *below):
        asked = {**parameters, "area": subject.area_id}
        name = edition.name if subject.is_country else subject.name
        yield Report(
            edition, replace(subject, name=name), _first_answers(connection, asked, edition.words, named, there, of_all),
            [f for q in NOTES if (f := _asked(connection, q, asked, edition.words, named, there, of_all)) is not None],
            area_maps(connection, subject.area_id, edition.words), below,
        )  # fmt: skip


def _first_answers(connection: Any, *asked: Any) -> list[Finding]:
    answers = (next((f for q in slot if (f := _asked(connection, q, *asked)) is not None), None) for slot in FINDINGS)
    return [finding for finding in answers if finding is not None]


def _asked(
    connection: Any,
    question: Question,
    parameters: Mapping[str, Any],
    words: Mapping[str, str],
    language: str,
    there: set[str],
    of_all: dict[str, Finding | None],
) -> Finding | None:
    """The answer to a question; one that names no area is put once for all reports of the edition (``of_all``)."""
    if not set(question.needs) <= there:
        return None
    if "$area" in question.sql:
        return ask(connection, question, parameters, words, language)
    known = f"{question.key} {question.sql}"
    if known not in of_all:
        of_all[known] = ask(connection, question, parameters, words, language)
    return of_all[known]


def level_words(levels: Iterable[LevelRow]) -> dict[str, str]:
    """What one area of each level is called and several, by the level's role: ``published``, ``finest``, and ``between``,
    ``between2`` and so on from above; nothing for a role that there is not."""
    words = {f"{name}{form}": "" for name in ("published", "finest") for form in ("", "_many")}
    between = 0
    for level in levels:
        between += level.role == "between"
        name = level.role if between < 2 or level.role != "between" else f"between{between}"
        words |= {name: level.one, f"{name}_many": level.many}
    return words


def comparison(connection: Any, quarter: Quarter) -> dict[str, Any]:
    """What the questions' parameters stand for.

    ``baseline`` of change is the same quarter of the year before, else the newest that change is published against; ``measure`` the
    one with most figures. None where there is none.
    """
    start = quarter.start
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
        "baseline": year_before if year_before in baselines else (baselines[-1] if baselines else None),
        "measure": measure and measure[0],
    }


def held(connection: Any) -> set[str]:
    """What questions may need: tables, and columns as ``table.column``."""
    rows = connection.execute(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'main'"
    ).fetchall()
    return {table for table, _ in rows} | {f"{table}.{column}" for table, column in rows}


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
