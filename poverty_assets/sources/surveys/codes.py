"""Codes of a survey's answers, compared as what they are.

Belongs here: when a value of a file is the code that ``survey.yaml`` lists, and what it stands for; values as
text. Does not belong here: the yaml (``wave``), columns (``mapped``).

A Stata file gives 1.0 where yaml says 1, a CSV file gives ``01`` or ``Yes``, and yaml reads an unquoted yes as truth: numbers are
compared as numbers, text without case and outer blanks, and a truth of yaml with 1 or 0 and with the words that yaml reads so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

Code = bool | int | float | str | None
"""A code as yaml gives it; None is an empty cell."""
T = TypeVar("T")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?")
_TRUTH: dict[bool, set[float | str | None]] = {True: {1.0, "yes", "true", "on"}, False: {0.0, "no", "false", "off"}}


class SameCode(ValueError):
    """Two codes that stand for different things are the same when compared."""


def comparable(value: Any) -> float | str | None:
    """A value in the form in which values are compared; None where there is none.

    Examples
    --------
    >>> [comparable(v) for v in (1, "01", " Yes ", True, "")]
    [1.0, 1.0, 'yes', 1.0, None]
    """
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, Real | np.bool_):
        return None if np.isnan(float(value)) else float(value)
    text = str(value).strip().casefold()
    if _NUMBER.fullmatch(text):
        return float(text)
    return text or None


def lookup(meanings: Iterable[tuple[Code, T]]) -> dict[float | str | None, T]:
    """What each code stands for, by its comparable form.

    Raises
    ------
    SameCode
        If two codes that stand for different things are the same.
    """
    table: dict[float | str | None, T] = {}
    for code, meaning in meanings:
        for form in _TRUTH[code] if isinstance(code, bool) else {comparable(code)}:
            if form in table and table[form] != meaning:
                raise SameCode(f"{'an empty cell' if form is None else shown(form)} stands for two things")
            table[form] = meaning
    return table


def looked_up(values: pd.Series, table: Mapping[float | str | None, Any]) -> tuple[pd.Series, npt.NDArray[np.bool_]]:
    """What each value stands for (None where it is empty and the table does not say), and which are not in the table."""
    place, kinds = pd.factorize(values.astype(object), use_na_sentinel=False)
    forms = [comparable(kind) for kind in kinds]
    meant = np.empty(len(forms), dtype=object)
    meant[:] = [table.get(form) for form in forms]
    unlisted = np.array([form is not None and form not in table for form in forms], dtype=bool)
    return pd.Series(meant[place], index=values.index, name=values.name, dtype=object), unlisted[place]


def as_text(values: pd.Series) -> pd.Series:
    """Text without blanks; whole numbers stored as floating point lose their .0."""
    text = values.map(_as_text, na_action="ignore").astype("str").str.strip()
    return text.mask(values.isna() | (text == ""))


def _as_text(value: Any) -> str:
    return str(int(value)) if isinstance(value, float | np.floating) and float(value).is_integer() else str(value)


def shown(value: Any) -> str:
    """A value as people write it: whole numbers without .0, text in quotes."""
    if isinstance(value, np.generic):
        value = value.item()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else repr(value)
