"""How the rows of a table become rows of areas where the file has no column of area codes, or a column for each year.

Belongs here: what an entry of ``sources.yaml`` says of it (``options.coded_by``, ``options.wide``), reading the pack's tables of
codes, and how names and keys are compared. Does not belong here: carrying it out on a file (``sources.keyed``, ``sources.wide``), or
codes of areas that changed (``geography.crosswalk``).
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from poverty_assets.errors import SpecificationError
from poverty_assets.lined_yaml import Form, misfit

AREA_CODE, REASON = "area_code", "reason"
_NUMBER = re.compile(r"0*(\d+)(\.0+)?")
_ACCENTS = re.compile("[\u0300-\u036f]")
_PRINTED = {"\u2018": "'", "\u2019": "'", "\u02bc": "'", "`": "'", "\u2212": "-"}
Key = tuple[str, ...]


def plain_name(name: object) -> str:
    """A name as names are compared: without regard to case, kinds of dashes, blanks and apostrophes, and invisible signs.

    Examples
    --------
    >>> plain_name(" Issyk\u2013Kul\u00a0 City") == plain_name("issyk-kul city")
    True
    """
    plain = unicodedata.normalize("NFKC", str(name)).casefold()
    signs = ("-" if unicodedata.category(one) == "Pd" else _PRINTED.get(one, one) for one in plain)
    plain = "".join(one for one in signs if unicodedata.category(one) != "Cf")
    return " ".join(unicodedata.normalize("NFC", plain).split())


def letters_of(name: object) -> str:
    """A name that is spelt in several ways, as such are compared: as names are, and its letters and digits alone, without accents.

    Examples
    --------
    >>> letters_of("Krâchéh  (Town)"), letters_of(None)
    ('krachehtown', '')
    """
    if not isinstance(name, str):
        return ""
    plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", plain_name(name)))
    return "".join(one for one in plain if unicodedata.category(one)[0] in "LMN")


def comparable_key(value: object) -> str:
    """A key of a table as keys are compared: as names are, and whole numbers without the zeros before and behind them.

    Examples
    --------
    >>> comparable_key("007"), comparable_key(7.0), comparable_key(" Osh ")
    ('7', '7', 'osh')
    """
    plain = plain_name(value)
    whole = _NUMBER.fullmatch(plain)
    return whole[1] if whole else plain


class CodedBy(Form):
    """Which columns of a table are its own coding (old codes, names, numbers of its own), and what turns it into area codes.

    Attributes
    ----------
    key : list of str
        Columns, by our names, that together say which area a row is of.
    table : str, optional
        A csv of the pack, with those columns, ``area_code``, and ``reason`` where the code is empty: such rows are left out.
    source : str, optional
        In place of it: a source of the landing folder that has those columns and ``area_code``.
    unmatched : {"refuse", "leave_out"}
        What happens to a file with rows that do not join: it is refused, or they are left out; counted and named in any case.
    """

    key: list[str] = Field(min_length=1)
    table: str | None = Field(default=None, pattern=r"^[\w./-]+\.csv$")
    source: str | None = None
    unmatched: Literal["refuse", "leave_out"] = "refuse"

    @model_validator(mode="after")
    def _one_way(self) -> CodedBy:
        if (self.table is None) == (self.source is None):
            raise misfit("the codes are in one place", "state table, a csv of the pack, or source, one of sources.yaml")
        return self


class Wide(Form):
    """The columns of a table that has one for each year.

    Attributes
    ----------
    columns : str
        How they are named: ``{year}`` stands for the year, ``{variable}``, if there are several, for what is counted, as in
        ``{variable}_{year}``. Each year then is a row, with the columns ``year`` and ``value`` (or one for each variable).
    """

    columns: str

    @model_validator(mode="after")
    def _names_a_year(self) -> Wide:
        if self.columns.count("{year}") != 1 or self.columns.count("{variable}") > 1:
            raise misfit(
                "columns does not say where the year stands", "write {year} in it once, as in poverty_{year}", "columns"
            )
        return self

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What such a column's name matches: groups ``year`` and, where there are several, ``variable``."""
        plain = re.escape(self.columns).replace(r"\{year\}", r"(?P<year>(?:18|19|20)\d{2})")
        return re.compile(plain.replace(r"\{variable\}", r"(?P<variable>\S(?:.*?\S)?)"))


@dataclass(frozen=True)
class Codes:
    """What turns another coding into area codes.

    Attributes
    ----------
    codes : dict
        Area code by comparable key; none where rows are left out.
    reasons : dict
        Why, for keys without a code.
    name : str
        What messages call it.
    """

    codes: dict[Key, str | None]
    reasons: dict[Key, str]
    name: str

    @classmethod
    def of(cls, rows: Sequence[dict[str, str]], key: Sequence[str], name: str, file: object, first_line: int) -> Codes:
        """Of rows with the key's columns and ``area_code``.

        Raises
        ------
        SpecificationError
            If a key stands for two codes, or a row without a code has no reason.
        """
        codes: dict[Key, str | None] = {}
        reasons: dict[Key, str] = {}
        faults = []
        for line, row in enumerate(rows, start=first_line):
            at = tuple(comparable_key(row[column]) for column in key)
            code, shown = row[AREA_CODE] or None, ", ".join(row[column] for column in key)
            problem = remedy = ""
            if at in codes and codes[at] != code:
                problem, remedy = (
                    f"{shown!r} stands for {codes[at] or 'nothing'} and {code or 'nothing'}",
                    "keep one of them",
                )
            elif code is None and not row.get(REASON):
                problem = f"{shown!r} has no area_code"
                remedy = "enter it, or in the column reason why such rows are left out"
            if problem:
                faults.append(SpecificationError(problem, file=str(file), place=f"line {line}", remedy=remedy))
            codes[at] = code
            reasons |= {at: row.get(REASON, "")} if code is None else {}
        if faults:
            raise SpecificationError.together(faults)
        return cls(codes, reasons, name)


def read_codes(coded: CodedBy, pack: Path) -> Codes:
    """The pack's csv of codes.

    Raises
    ------
    SpecificationError
        Naming every fault with its line.
    """
    file = pack / str(coded.table)
    form = f"give it the columns {', '.join(coded.key)}, area_code, and reason where rows are to be left out"
    return Codes.of(read_table_of_pack(file, [*coded.key, AREA_CODE], form), coded.key, str(coded.table), file, 2)


def read_table_of_pack(file: Path, columns: Sequence[str], form: str) -> list[dict[str, str]]:
    """Rows of a csv of a pack as text, the first of line 2; ``form`` is the remedy where it is missing or lacks a column."""
    if not file.is_file():
        raise SpecificationError("there is no such file", file=file, remedy=form)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpecificationError(
            f"the file is not UTF-8: {error.reason}", file=file, remedy="save it as UTF-8"
        ) from None
    table = csv.DictReader(text.splitlines())
    absent = [name for name in columns if name not in (table.fieldnames or ())]
    if absent:
        raise SpecificationError(f"column {absent[0]!r} is missing", file=file, place="line 1", remedy=form)
    return [{key: (value or "").strip() for key, value in row.items() if key} for row in table]
