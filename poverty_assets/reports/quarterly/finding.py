"""A sentence of the report and the query that proves it.

Belongs here: ``Question`` (a template and its SQL), ``Finding`` (a question that a quarter has an answer to), and how
figures are written in words. Does not belong here: any question in particular.
"""

from __future__ import annotations

import datetime as dt
import math
import re
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from poverty_assets.catalog.model import FALLBACK
from poverty_assets.quarter import Quarter
from poverty_assets.reports.words import in_words


@dataclass(frozen=True)
class Question:
    """What a quarter is asked of an area.

    Parameters
    ----------
    key : str
        Name of the finding; one question, one key. Its words are ``say_<key>``, the sentence, and ``say_<key>_item``, one row of its
        ``{items}``. In braces stand the columns of the first row; ``{items}`` stands for all rows. ``{x_interval:form}`` is written from
        the columns ``x_low`` and ``x_high``: "between a and b (95%)", or "a to b" with ``/short`` after the form, in a list that says
        what stands in its brackets. ``{finest}`` and ``{finest_many}`` are what the country calls an area of its finest level and
        several of them; ``{level_key:one}`` and ``{level_key:many}`` those of the row's own level.
    sql : str
        A query over the frames and the warehouse with any of the parameters ``$area, $quarter, $baseline, $measure``. No row: the
        question has no answer, and no sentence is written. ``x.name_en`` becomes the name in the language of the report, and English
        where there is none. The column ``method`` says what the figures rest on.
    joined : str
        What stands between the items, where the language has no ``say_<key>_joined``.
    needs : tuple of str
        Tables, or columns as ``table.column``, without which the question is not put.
    """

    key: str
    sql: str
    joined: str = "; "
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """A question with its answer: ``text`` is the sentence, ``rows`` the figures in it, ``words`` those of the language."""

    question: Question
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

    @property
    def evidence(self) -> str:
        """What its figures rest on, in words; empty where the sentence is of no figure."""
        methods: list[str] = []
        for row in self.rows:
            own = row.get("method") or []
            methods += [own] if isinstance(own, str) else own
        return "; ".join(_WORDED["method"](one, self.words) for one in sorted(set(methods)))


def ask(
    connection: Any,
    question: Question,
    parameters: Mapping[str, Any],
    words: Mapping[str, str],
    language: str = FALLBACK,
) -> Finding | None:
    """Put a question; None where there is no answer."""
    cursor = connection.execute(spoken(question.sql, language), bound(question.sql, parameters))
    names = [column[0] for column in cursor.description]
    rows = tuple(dict(zip(names, row, strict=True)) for row in cursor.fetchall())
    return Finding(question, rows, words) if rows else None


def bound(sql: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that a query has."""
    return {name: value for name, value in parameters.items() if f"${name}" in sql}


def spoken(sql: str, language: str) -> str:
    """A query with names in a language, and in English where one lacks."""
    return sql if language == FALLBACK else _NAME.sub(rf"coalesce(\g<1>\g<2>_{language}, \g<1>\g<2>_{FALLBACK})", sql)


_NAME = re.compile(rf"(\b\w+\.)(name|plural)_{FALLBACK}\b")


def written(question: Question, rows: tuple[Mapping[str, Any], ...], words: Mapping[str, str]) -> str:
    """The sentence of a question whose answer is ``rows``."""
    key, writer = f"say_{question.key}", _Writer(words)
    item = words.get(f"{key}_item", "")
    items = words.get(f"{key}_joined", question.joined).join(_fill(writer, item, row) for row in rows) if item else ""
    return _fill(writer, words[key], {**words, **rows[0], "items": items})


def _fill(writer: _Writer, template: str, row: Mapping[str, Any]) -> str:
    return writer.vformat(template, (), {**row, **_intervals(row)})


@dataclass(frozen=True)
class _Interval:
    low: float | None
    high: float | None


def _intervals(row: Mapping[str, Any]) -> dict[str, _Interval]:
    stems = [name.removesuffix("_low") for name in row if name.endswith("_low")]
    return {f"{stem}_interval": _Interval(row[f"{stem}_low"], row[f"{stem}_high"]) for stem in stems}


class _Writer(string.Formatter):
    """Writes a figure in one of ``_FORMS`` or ``_WORDED``, else in any of Python's."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self.words = words

    def format_field(self, value: Any, form: str) -> str:
        if isinstance(value, _Interval):
            if value.low is None or value.high is None:
                return self.words["say_no_interval"]
            low, high = (self.format_field(bound, form.removesuffix("/short")) for bound in (value.low, value.high))
            key = "say_interval_short" if form.endswith("/short") else "say_interval"
            return self.words[key].format(low=low, high=high)
        if form in _WORDED:
            return _WORDED[form](value, self.words)
        if form in _FORMS:
            return _FORMS[form](value)
        if isinstance(value, str):
            return format(in_words(value, self.words), form)
        return str(format(value, form))


def percent(value: float, words: Mapping[str, str]) -> str:
    """``0.1317`` as ``13.2%``; a share that would round to 0 is written as such only where it is 0."""
    shown = f"{100 * value:.1f}%"
    return words["say_under"].format(value="0.1%") if shown == "0.0%" and value > 0 else shown


def points(value: float) -> str:
    """A difference of shares in percentage points, with its sign: ``−3.2``."""
    return f"{100 * value:+.1f}".replace("-", "−")


def rise(value: float) -> str:
    """A change in percent of what was, with its sign: ``+10.8%``."""
    return f"{points(value)}%"


def day(value: dt.date, words: Mapping[str, str]) -> str:
    """``2026-01-31`` as ``31 January 2026``."""
    return words["say_day"].format(day=value.day, month=words[f"say_month_{value.month}"], year=value.year)


def about(value: float) -> str:
    """A number of people, in three significant digits."""
    return f"{float(f'{value:.3g}'):,.0f}"


def listed(value: list[str], words: Mapping[str, str]) -> str:
    """A list as people say it: ``a, b and c``."""
    *before, last = (in_words(one, words) for one in value)
    return words["say_and"].format(before=", ".join(before), last=last) if before else last


def households(value: int | None, words: Mapping[str, str]) -> str:
    """`` (1,234 households)``; nothing where the number is not known."""
    return "" if value is None else words["say_households"].format(n=f"{value:,}")


def living(value: float | None, words: Mapping[str, str]) -> str:
    """``; about 1,230 people live there``; nothing where the number is not known."""
    return "" if value is None else words["say_living"].format(n=about(value))


def chance(value: float, words: Mapping[str, str]) -> str:
    """A probability in whole percent, rounded down; never 0 or 100, which no number of draws can show."""
    if value > 0.99 or value < 0.01:
        return words["chance_over" if value > 0.5 else "chance_under"]
    return f"{math.floor(100 * value + 1e-6)}%"


_FORMS: dict[str, Any] = {
    "points": points,
    "rise": rise,
    "ratio": lambda value: f"{value:.1f}",
    "about": about,
    "n": lambda value: f"{value:,.0f}",
    "quarter": lambda value: Quarter.containing(value).label,
}
_WORDED: dict[str, Any] = {
    "pct": percent,
    "chance": chance,
    "size": lambda value, words: words["say_points"].format(value=f"{100 * abs(value):.1f}"),
    "times": lambda value, words: words["say_times"].format(value=f"{value:.1f}"),
    "day": day,
    "words": listed,
    "households": households,
    "living": living,
    "word": lambda value, words: words[value],
    "one": lambda value, words: words[value],
    "many": lambda value, words: words[f"{value}_many"],
    "Many": lambda value, words: words[f"{value}_many"][:1].upper() + words[f"{value}_many"][1:],
    "method": lambda value, words: words.get(f"say_method_{value}", value),
}
