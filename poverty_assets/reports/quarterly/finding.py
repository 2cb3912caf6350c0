"""A sentence of the report and the query that proves it.

Belongs here: ``Question`` (a template and its SQL), ``Finding`` (a question that a quarter has an answer to), and how
figures are written in words. Does not belong here: any question in particular.
"""

from __future__ import annotations

import datetime as dt
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from poverty_assets.quarter import Quarter

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


@dataclass(frozen=True)
class Question:
    """What a quarter is asked.

    Parameters
    ----------
    key : str
        Name of the finding; one question, one key.
    section : str
        Section of the report.
    template : str
        The sentence, with the columns of the first row in braces; ``{items}`` stands for all rows, each by ``item``.
        ``{x_interval:form}`` is written from the columns ``x_low`` and ``x_high``: "between a and b (95%)", or "a to b"
        with ``/short`` after the form, in a list that says what stands in its brackets. ``{finest}`` and ``{finest_many}`` are what
        the country calls an area of its finest level and several of them; so ``{published}`` and ``{between}``.
    sql : str
        A query over the warehouse with any of the parameters ``$quarter, $previous, $baseline, $measure``. No row: the
        question has no answer, and no sentence is written.
    item : str
        Template of one row in ``{items}``.
    joined : str
        What stands between the items.
    needs : tuple of str
        Tables, or columns as ``table.column``, without which the question is not put.
    """

    key: str
    section: str
    template: str
    sql: str
    item: str = ""
    joined: str = "; "
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """A question with its answer: ``text`` is the sentence, ``rows`` the figures in it, ``words`` those for levels of areas."""

    question: Question
    parameters: Mapping[str, Any]
    rows: tuple[Mapping[str, Any], ...]
    words: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Name of the finding."""
        return self.question.key

    @property
    def text(self) -> str:
        """The sentence."""
        return written(self.question, self.rows, self.words)


def ask(connection: Any, question: Question, parameters: Mapping[str, Any], words: Mapping[str, str]) -> Finding | None:
    """Put a question; None where the quarter has no answer."""
    used = {name: value for name, value in parameters.items() if f"${name}" in question.sql}
    cursor = connection.execute(question.sql, used)
    names = [column[0] for column in cursor.description]
    rows = tuple(dict(zip(names, row, strict=True)) for row in cursor.fetchall())
    return Finding(question, used, rows, words) if rows else None


def written(question: Question, rows: tuple[Mapping[str, Any], ...], words: Mapping[str, str]) -> str:
    """The sentence of a question whose answer is ``rows``."""
    items = question.joined.join(_fill(question.item, row) for row in rows) if question.item else ""
    return _fill(question.template, {**words, **rows[0], "items": items})


def _fill(template: str, row: Mapping[str, Any]) -> str:
    return _Writer().vformat(template, (), {**row, **_intervals(row)})


@dataclass(frozen=True)
class _Interval:
    low: float | None
    high: float | None


def _intervals(row: Mapping[str, Any]) -> dict[str, _Interval]:
    stems = [name.removesuffix("_low") for name in row if name.endswith("_low")]
    return {f"{stem}_interval": _Interval(row[f"{stem}_low"], row[f"{stem}_high"]) for stem in stems}


class _Writer(string.Formatter):
    """Writes a figure in one of ``_FORMS``, else in any of Python's."""

    def format_field(self, value: Any, form: str) -> str:
        if isinstance(value, _Interval):
            if value.low is None or value.high is None:
                return "no interval published"
            low, high = (self.format_field(bound, form.removesuffix("/short")) for bound in (value.low, value.high))
            return f"{low} to {high}" if form.endswith("/short") else f"between {low} and {high} (95%)"
        if form in _FORMS:
            return _FORMS[form](value)
        return str(format(value, form))


def percent(value: float) -> str:
    """``0.1317`` as ``13.2%``; a share that would round to 0 is written as such only where it is 0."""
    shown = f"{100 * value:.1f}%"
    return "under 0.1%" if shown == "0.0%" and value > 0 else shown


def points(value: float) -> str:
    """A difference of shares in percentage points, with its sign: ``−3.2``."""
    return f"{100 * value:+.1f}".replace("-", "−")


def day(value: dt.date) -> str:
    """``2026-01-31`` as ``31 January 2026``."""
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"


def about(value: float) -> str:
    """A number of people, in three significant digits."""
    return f"{float(f'{value:.3g}'):,.0f}"


def begin(value: str) -> str:
    """A word as it begins a sentence."""
    return value[:1].upper() + value[1:]


def words(value: list[str]) -> str:
    """A list as people say it: ``a, b and c``."""
    return value[0] if len(value) == 1 else ", ".join(value[:-1]) + " and " + value[-1]


_FORMS: dict[str, Any] = {
    "pct": percent,
    "points": points,
    "size": lambda value: f"{100 * abs(value):.1f} points",
    "times": lambda value: f"{value:.1f} times",
    "ratio": lambda value: f"{value:.1f}",
    "about": about,
    "n": lambda value: f"{value:,.0f}",
    "day": day,
    "quarter": lambda value: Quarter.containing(value).label,
    "words": words,
    "begin": begin,
}
