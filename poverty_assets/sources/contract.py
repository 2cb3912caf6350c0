"""Holding the rows of a table against the contract of its source.

Belongs here: typing, ranges, keys and row rules of tables as ``sources.yaml`` states them. Does not belong here: opening
files (``readers``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from poverty_assets.errors import ContractViolation
from poverty_assets.pack.contract import ColumnContract, RowRule
from poverty_assets.pack.keys import AREA_CODE, Codes
from poverty_assets.pack.source import TableSource
from poverty_assets.sources.keyed import joined

CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
"""Signs that no name holds, and that a spreadsheet or a page cannot."""
LARGEST = 2.0**53
"""Whole numbers above it are not told apart, and nothing that is counted or measured is as large."""


@dataclass
class Quarantine:
    """Rows set aside, by the reason why."""

    rows: set[int] = field(default_factory=set)
    reasons: dict[str, int] = field(default_factory=dict)

    def add(self, reason: str, rows: list[int]) -> None:
        """Set rows aside for a reason."""
        self.rows.update(rows)
        self.reasons[reason] = self.reasons.get(reason, 0) + len(rows)


def apply_contract(
    raw: pd.DataFrame,
    spec: TableSource,
    file: object,
    *,
    codes: Codes | None = None,
    places: Mapping[int, str] | None = None,
) -> tuple[pd.DataFrame, Quarantine]:
    """Select, rename and type the columns of ``spec``, give rows codes of areas, and check every row.

    Parameters
    ----------
    raw : DataFrame of text or plain values, one row a record, index = line or record number in the file
    spec : TableSource
    file : path named in messages
    codes : Codes, optional
        What turns the table's own coding into codes of areas, where it has one.
    places : mapping of int to str, optional
        Where each row stands in the file, where its index does not say.

    Returns
    -------
    frame : DataFrame with the columns of ``spec.columns``, in that order, quarantined rows left out; then ``area_code``, if joined
    quarantine : Quarantine

    Raises
    ------
    ContractViolation
        Naming the file, row, column, value, reason and remedy of the first of so many offenders.
    """
    if raw.empty:
        raise ContractViolation("no rows", file=file, remedy=f"replace the file; {spec.obtain}")
    judge = _Judge(spec.source_id, file, Quarantine(), places or {})
    key = spec.options.coded_by.key if spec.options.coded_by else []
    columns = {name: _typed(raw, name, spec.columns[name], judge) for name in key}
    joined_codes = None if codes is None else _coded(pd.DataFrame(columns, index=raw.index), spec, codes, judge)
    columns |= {name: _typed(raw, name, one, judge) for name, one in spec.columns.items() if name not in key}
    frame = pd.DataFrame(columns, index=raw.index)[list(spec.columns)]
    if joined_codes is not None:
        frame = frame.assign(**{AREA_CODE: joined_codes}).drop(index=list(judge.quarantine.rows))
    for rule in spec.rules:
        _hold(frame, rule, judge)
    if spec.key:
        twice = frame.duplicated(spec.key, keep=False)
        judge(twice, _joined(frame.loc[twice, spec.key], ", "), "duplicate key", " + ".join(spec.key), "refuse")
    quarantine = judge.quarantine
    kept = frame.drop(index=list(quarantine.rows.intersection(frame.index))).reset_index(drop=True)
    return kept, quarantine


def _hold(frame: pd.DataFrame, rule: RowRule, judge: _Judge) -> None:
    left = frame[rule.left]
    if rule.at_most is not None:
        shown = left.astype(str) + " > " + frame[rule.at_most].astype(str)
        bad = left > frame[rule.at_most]
        judge(bad.fillna(False), shown, f"{rule.left} is above {rule.at_most}", rule.left, rule.on_violation)
        return
    total = frame[rule.parts].astype("float64").sum(axis=1, min_count=len(rule.parts))
    bad = (left.astype("float64") - total).abs() > 1e-6 * total.abs() + 1e-9
    shown = left[bad].astype(str) + " is not " + _joined(frame.loc[bad, rule.parts], " + ")
    judge(bad, shown, f"{rule.left} is not the sum of {', '.join(rule.parts)}", rule.left, rule.on_violation)


def _joined(frame: pd.DataFrame, between: str) -> pd.Series:
    """Values of each row as one text, for the message."""
    texts = frame.astype(str)
    return pd.Series([between.join(row) for row in texts.itertuples(index=False)], index=frame.index, dtype=object)


def _coded(frame: pd.DataFrame, spec: TableSource, codes: Codes, judge: _Judge) -> pd.Series:
    """Codes of areas of rows with another coding; rows that do not join are refused, or set aside."""
    coded = spec.options.coded_by
    if coded is None:  # whoever gives codes has asked
        raise TypeError(f"source {spec.source_id} has no other coding")
    found = joined(frame.drop(index=list(judge.quarantine.rows)), coded, codes)
    if found.strange and coded.unmatched == "refuse":
        key = " and ".join(coded.key)
        raise ContractViolation(
            f"{len(found.strange)} of {len(frame)} rows have a {key} that {codes.name} does not list: {found.named}",
            file=judge.file,
            place=judge.place(found.strange[0]),
            remedy=f"enter them in {codes.name}, with a reason where such rows are to be left out, or state unmatched: leave_out",
        )
    if found.strange:
        judge.quarantine.add(f"no code in {codes.name}: {found.named}", found.strange)
    for reason, rows in found.left_out.items():
        judge.quarantine.add(f"left out by {codes.name}: {reason}", rows)
    return found.codes.reindex(frame.index)


def typed_columns(
    raw: pd.DataFrame, contracts: Mapping[str, ColumnContract], source_id: str, file: object
) -> tuple[pd.DataFrame, Quarantine]:
    """Columns of a frame by their contracts alone, all rows of it, and those that a contract sets aside.

    Raises
    ------
    ContractViolation
        For the first column that is missing, or has a value for which its contract refuses the file.
    """
    judge = _Judge(source_id, file, Quarantine())
    return pd.DataFrame({name: _typed(raw, name, one, judge) for name, one in contracts.items()}), judge.quarantine


@dataclass
class _Judge:
    """What happens to rows that break the contract of a source."""

    source_id: str
    file: object
    quarantine: Quarantine
    places: Mapping[int, str] = field(default_factory=dict)

    def place(self, row: int) -> str:
        """Where a row stands in the file."""
        return self.places.get(row, f"row {row}")

    def __call__(self, bad: pd.Series, shown: pd.Series, reason: str, column: str, on_violation: str) -> None:
        """Refuse the file, or set the rows aside; what is ``shown`` needs no more rows than are bad."""
        bad = bad & ~bad.index.isin(list(self.quarantine.rows))
        if not bad.any():
            return
        rows = [int(row) for row in bad.index[bad]]
        if on_violation == "quarantine":
            self.quarantine.add(f"{column}: {reason}", rows)
            return
        error = ContractViolation(
            f"{len(rows)} of {len(bad)} rows: {reason}; first {column} = {_plain(shown.loc[rows[0]])!r}",
            file=self.file,
            place=f"{self.place(rows[0])}, column {column}",
            remedy=f"correct the file and run again (contract: entry {self.source_id} of sources.yaml)",
        )
        error.rows = tuple((self.place(row), column, repr(_plain(shown.loc[row]))) for row in rows)
        raise error


def _typed(raw: pd.DataFrame, name: str, contract: ColumnContract, judge: _Judge) -> pd.Series:
    candidates = [contract.source] if isinstance(contract.source, str) else contract.source
    found = [candidate for candidate in candidates if candidate in raw.columns]
    if not found:
        raise ContractViolation(
            f"column {' or '.join(map(repr, candidates))} is missing; the file has {', '.join(map(str, raw.columns[:8]))}"
            f"{' ...' if raw.shape[1] > 8 else ''}",
            file=judge.file,
            place="header",
            remedy="check that this is the right file, or map the column in the entry"
            f" {judge.source_id} of sources.yaml",
        )
    text = raw[found[0]]
    odd = text.map(lambda value: isinstance(value, list | dict | bool)).astype(bool)
    judge(
        odd,
        text[odd].astype("object").map(repr),
        f"a list, a mapping or a truth where a {contract.type} is expected",
        found[0],
        "refuse",
    )
    blank = text.isna() | (text.astype("string").str.strip().fillna("") == "")
    values: pd.Series
    if contract.type == "code" and contract.digits is None:
        values, bad = _code(text, blank, contract)
    elif contract.type == "text":
        values = text.astype("string").str.strip().mask(blank)
        bad = values.str.contains(CONTROL, regex=True).fillna(False).astype(bool)
    elif contract.type == "flag":
        plain = text.astype("string").str.strip()
        values = (~plain.isin(contract.zero_if)).astype("float64").mask(blank)
        bad = pd.Series(False, index=text.index)
    elif contract.type == "date":
        parsed = pd.to_datetime(text.mask(blank), errors="coerce")
        values, bad = parsed.dt.date, parsed.isna() & ~blank
    else:
        values, bad = _numeric(text, blank, contract)
    judge(bad, text, f"not a valid {contract.type}", found[0], contract.on_violation)
    if not contract.nullable:
        judge(blank, text, "no value", found[0], contract.on_violation)
    if contract.minimum is not None:
        low = values.lt(contract.minimum).fillna(False).astype(bool)
        judge(low, text, f"below {contract.minimum:g}", found[0], contract.on_violation)
    if contract.maximum is not None:
        high = values.gt(contract.maximum).fillna(False).astype(bool)
        judge(high, text, f"above {contract.maximum:g}", found[0], contract.on_violation)
    return values


def _numeric(text: pd.Series, blank: pd.Series, contract: ColumnContract) -> tuple[pd.Series, pd.Series]:
    if contract.type == "code":
        text = text.astype("string").str.strip().str.removeprefix(contract.without)
    number = pd.to_numeric(text.mask(blank), errors="coerce").astype("float64")
    bad = (number.isna() & ~blank) | (number.abs() > LARGEST)
    if contract.type == "number":
        return number, bad
    bad |= number.notna() & (number != np.floor(number))
    whole = number.where(~bad).astype("Int64")
    if contract.type == "integer":
        return whole, bad
    digits = contract.digits or 0
    code = whole.astype("string").str.zfill(digits)
    too_long, negative = code.str.len() > digits, whole < 0
    bad |= too_long.fillna(False).astype(bool) | negative.fillna(False).astype(bool)
    return code.str.slice(0, contract.first), bad


def _code(text: pd.Series, blank: pd.Series, contract: ColumnContract) -> tuple[pd.Series, pd.Series]:
    """Codes of any form, as they are written; a whole number that was read as a decimal one loses its ``.0``."""
    plain = text.astype("string").str.strip().str.replace(r"^(\d+)\.0+$", r"\1", regex=True).mask(blank)
    known = plain.str.removeprefix(contract.without).str.slice(0, contract.first)
    return known, (known == "").fillna(False).astype(bool)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
