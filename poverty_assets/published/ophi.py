"""Published estimates: the global MPI tables of the Oxford Poverty and Human Development Initiative.

Belongs here: reading OPHI's workbooks and its csv on HDX into one long frame of figures. Does not belong here: which area a region
is (``regions``), comparing figures with anything (``measurement.identities``), or choosing which figure to quote (``warehouse``).

The frame has a row per figure: ``area_name`` (as published; empty for the country), ``area_code`` (P-code without the
country's letters; empty where none is given), ``family`` (``mpi``, ``uncensored``, ``censored``, ``contribution``,
``sample``, ``lacking``), ``item`` (statistic or indicator_id), ``estimate``, ``se``, ``ci_low``, ``ci_high`` (shares, 0 to 1),
``observed_from``. A row of family ``lacking`` names an indicator that the country's survey does not have, as the workbook
itself says; it has no figure.

Of a region, its name in the workbook is its identity. A cell may be empty only where the workbook gives the reason: an indicator that is
lacking, or nobody poor (then there is no intensity, no contribution and no error). Anything else that is no number is refused: a figure
would be lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from poverty_assets.errors import ContractViolation, UnreadableFile
from poverty_assets.pack.as_of import Release
from poverty_assets.pack.keys import plain_name

COLUMNS = ("area_name", "area_code", "family", "item", "estimate", "se", "ci_low", "ci_high", "observed_from")
LACKING = "lacking"
ROUNDING = 1e-6
"""A share may lie outside 0 to 1 by this, as sums in single precision do: it is then set to the bound, and that is said."""

# layout of the workbooks: sheet prefix -> family, for the two tables
_SHEETS = {
    "national": {
        "1.1": "mpi",
        "1.2": "censored",
        "1.3": "contribution",
        "1.5": "errors",
        "1.6": "uncensored",
        "1.7": "sample",
    },
    "subnational": {
        "5.1": "mpi",
        "5.2": "censored",
        "5.3": "contribution",
        "5.4": "errors",
        "5.5": "uncensored",
        "5.6": "sample",
    },
}
_HEADER_ROWS = range(4, 8)
_ISO3 = re.compile(r"[A-Z]{3}")
_INDICATORS = re.compile(
    r"^(nutrition|child mortality|years of schooling|school attendance|cooking fuel|sanitation|drinking water|electricity"
    r"|housing|assets)$"
)
_MPI_ITEMS = (
    ("mpi", re.compile(r"^(multidimensional poverty.*)?multidimensional poverty index"), 1.0),
    ("headcount_ratio", re.compile(r"headcount ratio: population in multidimensional"), 0.01),
    ("intensity", re.compile(r"^intensity of deprivation"), 0.01),
    ("vulnerable", re.compile(r"^vulnerable to poverty"), 0.01),
    ("severe", re.compile(r"^in severe poverty"), 0.01),
)
_CSV_FIGURES = {
    "MPI": ("mpi", 1.0),
    "Headcount Ratio": ("headcount_ratio", 0.01),
    "Intensity of Deprivation": ("intensity", 0.01),
    "Vulnerable to Poverty": ("vulnerable", 0.01),
    "In Severe Poverty": ("severe", 0.01),
}
CSV_COLUMNS = ("Country ISO3", "Admin 1 PCode", "Admin 1 Name", "Start Date", *_CSV_FIGURES)
"""Columns of OPHI's csv that are read."""
_SAME = 1e-4
"""What two sheets may say of one figure differs by rounding at most."""
_BOOKS: dict[tuple[str, str, int, int, int], OphiWorkbook] = {}
_BOOKS_KEPT = 4
_NONE_POOR = ("intensity",)  # has no value where nobody is poor; nor has a contribution or an error


@dataclass
class _Sheet:
    """One sheet: where its figures are, and the rows of each country by their number in the file."""

    title: str
    columns: dict[int, tuple[str, float]]
    lacking: int | None
    rows: dict[str, list[tuple[int, tuple[Any, ...]]]] = field(default_factory=dict)


@dataclass(frozen=True)
class PublishedFigures:
    """What a file says of one country.

    Attributes
    ----------
    frame : DataFrame
        With ``COLUMNS``.
    rounded : dict of str to str
        Shares that were set to a bound, by figure: what stood there.
    left_out : dict of str to str
        Regions that were left out, and why.
    """

    frame: pd.DataFrame
    rounded: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


class OphiWorkbook:
    """A results workbook, read through once.

    Parameters
    ----------
    path : Path
    table : {"national", "subnational"}
    obtain : str
        How to get the file, for messages.

    Raises
    ------
    UnreadableFile, ContractViolation
        If it is no workbook, or lacks a sheet or the columns of one.
    """

    def __init__(self, path: Path, table: str, obtain: str = "") -> None:
        from openpyxl import load_workbook

        self.path, self.by_region = path, table == "subnational"
        try:
            book = load_workbook(path, read_only=True, data_only=False)
        except Exception as error:
            raise UnreadableFile(
                f"cannot be read as an Excel workbook: {error}", file=path, remedy=f"replace the file; {obtain}"
            ) from error
        self.sheets: dict[str, _Sheet] = {}
        for prefix, family in _SHEETS[table].items():
            title = next((name for name in book.sheetnames if name.startswith(prefix + " ")), None)
            if title is None:
                raise ContractViolation(f"sheet {prefix} is missing", file=path, remedy=obtain)
            self.sheets[family] = _sheet(book[title].iter_rows(values_only=True), family, title, path)
        book.close()

    @property
    def countries(self) -> list[str]:
        """Codes of the countries that it has."""
        return sorted(self.sheets["mpi"].rows)

    def figures(self, iso3: str, observed_from: Any) -> PublishedFigures:
        """What it says of a country.

        Raises
        ------
        ContractViolation
            If the country is not there, a figure is no number without a reason, a share lies outside 0 to 1, or its sheets have
            different regions.
        """
        if iso3 not in self.sheets["mpi"].rows:
            remedy = "check that this is the right file"
            raise ContractViolation(f"no rows of country {iso3}", file=self.path, remedy=remedy)
        self._refuse_other_regions(iso3)
        lacking = self._lacking(iso3)
        none_poor = self._none_poor(iso3)
        found: list[dict[str, Any]] = []
        for family in self.sheets:
            found.extend(self._family(family, iso3, lacking, none_poor))
        frame = pd.DataFrame(found)
        keys = ["area_name", "family", "item"]
        errors = frame[frame["family"] == "errors"].drop(columns=["estimate"]).assign(family="mpi").set_index(keys)
        frame = frame[frame["family"] != "errors"].drop(columns=["se", "ci_low", "ci_high"])
        frame = frame.join(errors[["se", "ci_low", "ci_high"]], on=keys)
        absent = pd.DataFrame({"item": sorted(lacking)}).assign(area_name="", family=LACKING)
        frame = pd.concat([frame, absent], ignore_index=True) if lacking else frame
        frame["area_code"] = ""
        frame["observed_from"] = observed_from
        figures = _checked(frame[list(COLUMNS)], self.path)
        self._refuse_other_estimates(iso3)
        return figures

    def _name(self, row: tuple[Any, ...]) -> str:
        return " ".join(str(row[6]).split()) if self.by_region else ""

    def _family(self, family: str, iso3: str, lacking: set[str], none_poor: set[str]) -> Iterator[dict[str, Any]]:
        sheet = self.sheets[family]
        for number, row in sheet.rows.get(iso3, []):
            name = self._name(row)
            for index, (item, scale) in sheet.columns.items():
                if family == "errors":
                    self._number(row, number, index, sheet, False)  # the estimate once more
                    se, low, high = (
                        self._number(row, number, index + step, sheet, name in none_poor) for step in (1, 2, 3)
                    )
                    scaled = [None if v is None else v * scale for v in (se, low, high)]
                    yield _figure(name, family, item, None, *scaled)
                    continue
                free = item in lacking or (name in none_poor and (family == "contribution" or item in _NONE_POOR))
                value = self._number(row, number, index, sheet, free)
                if value is not None:
                    yield _figure(name, family, item, value * scale)

    def _refuse_other_estimates(self, iso3: str) -> None:
        """Refuse errors that stand beside another estimate than that of the first sheet: they would be those of another figure."""
        sheet, first = self.sheets["errors"], self.sheets["mpi"]
        own = {plain_name(self._name(row)): (number, row) for number, row in first.rows[iso3]}
        places = {item: index for index, (item, _) in first.columns.items()}
        for number, row in sheet.rows[iso3]:
            n, one = own[plain_name(self._name(row))]
            for index, (item, _) in sheet.columns.items():
                here, there = one[places[item]], row[index]
                if abs(there - here) > _SAME * max(1.0, abs(here)):
                    raise ContractViolation(
                        f"{there:g} stands where sheet {first.title} has {here:g} in row {n + 1}",
                        file=self.path,
                        place=f"sheet {sheet.title}, row {number + 1}, column {index + 1}",
                        remedy="check the file against its publisher's",
                    )

    def _number(self, row: tuple[Any, ...], number: int, index: int, sheet: _Sheet, free: bool) -> float | None:
        """The number of a cell; None where the cell is empty and may be."""
        value = row[index] if index < len(row) else None
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return value
        if free and (value is None or not str(value).strip()):
            return None
        shown = "nothing" if value is None else repr(value)
        raise ContractViolation(
            f"{shown} stands where a figure is expected",
            file=self.path,
            place=f"sheet {sheet.title}, row {number + 1}, column {index + 1}",
            remedy="check the file against its publisher's: an indicator that a survey lacks is named in its last columns",
        )

    def _lacking(self, iso3: str) -> set[str]:
        """Indicators that the workbook says are missing from the country's survey."""
        sheet, found = self.sheets["mpi"], set()
        for number, row in sheet.rows[iso3] if sheet.lacking is not None else []:
            said = row[sheet.lacking] if sheet.lacking is not None and sheet.lacking < len(row) else None
            for name in filter(None, re.split(r"\s*[&,;]\s*", _plain(said))):
                if not _INDICATORS.match(name):
                    raise ContractViolation(
                        f"{name!r} is said to be missing, which is none of the ten indicators",
                        file=self.path,
                        place=f"sheet {sheet.title}, row {number + 1}",
                        remedy="check the file against its publisher's",
                    )
                found.add(_indicator_id(name))
        return found

    def _none_poor(self, iso3: str) -> set[str]:
        sheet = self.sheets["mpi"]
        at = next(index for index, (item, _) in sheet.columns.items() if item == "mpi")
        return {self._name(row) for _, row in sheet.rows[iso3] if row[at] == 0}

    def _refuse_other_regions(self, iso3: str) -> None:
        first = self.sheets["mpi"]
        known = [plain_name(self._name(row)) for _, row in first.rows[iso3]]
        twice = next((name for place, name in enumerate(known) if name in known[:place]), None)
        if twice is not None:
            raise ContractViolation(
                f"{twice or iso3!r} is there twice", file=self.path, place=f"sheet {first.title}", remedy="keep one row"
            )
        for sheet in self.sheets.values():
            there = [plain_name(self._name(row)) for _, row in sheet.rows.get(iso3, [])]
            if sorted(there) != sorted(known):
                other = sorted(set(there) ^ set(known)) or there
                raise ContractViolation(
                    f"other regions of {iso3} than in sheet {first.title}; the first is {(other or [iso3])[0]!r}",
                    file=self.path,
                    place=f"sheet {sheet.title}",
                    remedy="check the file against its publisher's",
                )


def read_ophi_workbook(release: Release, table: str, iso3: str) -> PublishedFigures:
    """Read the country's rows of the results workbook ``national`` or ``subnational``."""
    return _book(release.path, table, release.spec.obtain).figures(iso3, release.observed_from)


def _book(path: Path, table: str, obtain: str) -> OphiWorkbook:
    """A workbook, read through once in a process: every source of publications is held against the others."""
    try:
        seen = path.stat()
    except OSError:
        return OphiWorkbook(path, table, obtain)  # which says that it cannot be read
    key = (str(path), table, seen.st_ino, seen.st_mtime_ns, seen.st_size)
    if key not in _BOOKS:
        while len(_BOOKS) >= _BOOKS_KEPT:
            _BOOKS.pop(next(iter(_BOOKS)))
        _BOOKS[key] = OphiWorkbook(path, table, obtain)
    return _BOOKS[key]


def _figure(
    name: str, family: str, item: str, estimate: float | None, se: float | None = None,
    ci_low: float | None = None, ci_high: float | None = None,
) -> dict[str, Any]:  # fmt: skip
    return {
        "area_name": name, "family": family, "item": item, "estimate": estimate, "se": se, "ci_low": ci_low, "ci_high": ci_high
    }  # fmt: skip


def _sheet(rows: Iterable[tuple[Any, ...]], family: str, title: str, path: Path) -> _Sheet:
    header: list[list[str]] = []
    sheet = _Sheet(title, {}, None)
    for number, row in enumerate(rows):
        if number in _HEADER_ROWS:
            header.append([_plain(value) for value in row])
            if number == _HEADER_ROWS[-1]:
                sheet.columns = _columns(header, family)
                missing = (
                    i for line in header for i, cell in enumerate(line) if cell.startswith("indicator (s) missing")
                )
                sheet.lacking = next(missing, None)
        elif len(row) > 6 and isinstance(row[1], str) and _ISO3.fullmatch(row[1]):
            sheet.rows.setdefault(row[1], []).append((number, row))
    if not sheet.columns:
        raise ContractViolation(
            "the header has none of the expected columns",
            file=path,
            place=f"sheet {title}, rows 5 to 8",
            remedy="check the file against its publisher's",
        )
    return sheet


def _columns(header: list[list[str]], family: str) -> dict[int, tuple[str, float]]:
    """Column number -> (item, factor to a share), from the four header rows."""
    width = max(len(row) for row in header)
    found: dict[int, tuple[str, float]] = {}
    for index in range(width):
        cells = [row[index] if index < len(row) else "" for row in header]
        if family in ("censored", "uncensored", "contribution"):
            if _INDICATORS.match(cells[2]):
                found[index] = (_indicator_id(cells[2]), 0.01)
        elif family == "mpi":
            for item, pattern, scale in _MPI_ITEMS:
                if any(pattern.search(cell) for cell in cells[:2]) and item not in (i for i, _ in found.values()):
                    found[index] = (item, scale)
            if cells[0].startswith("population share by region") or cells[1].startswith("population share by region"):
                found[index] = ("population_share", 0.01)
        elif family == "errors":
            if cells[1].startswith("point estimate"):
                found[index] = (
                    (("mpi", 1.0), ("headcount_ratio", 0.01))[len(found)]
                    if len(found) < 2
                    else found.get(index, ("", 0.0))
                )
        elif family == "sample" and cells[3].startswith("number of observations"):
            found[index] = ("persons", 1.0)
    return found


def _indicator_id(name: str) -> str:
    return name.replace(" of ", " ").replace(" ", "_")


def _plain(value: Any) -> str:
    return " ".join(str(value or "").split()).lower()


def read_ophi_csv(
    release: Release, iso3: str, mapped: Iterable[str] = (), raw: pd.DataFrame | None = None
) -> PublishedFigures:
    """Read the country's rows of ``global_mpi.csv`` or ``global_mpi_trends.csv`` of HDX (no standard errors there).

    Regions without a P-code, as merged ones are, are left out unless the pack maps them, and that is said.

    Parameters
    ----------
    mapped : iterable of str
        Regions that the pack maps, by ``pack.keys.plain_name``.
    raw : DataFrame of text, optional
        Rows of the file by their number in it, where they have been read.
    """
    if raw is None:
        raw = pd.read_csv(release.path, dtype=str, keep_default_na=False)
        raw.index += 2
    absent = [name for name in CSV_COLUMNS if name not in raw]
    if absent:
        raise ContractViolation(
            f"column {absent[0]!r} is missing", file=release.path, place="header", remedy=release.spec.obtain
        )
    mine = raw[raw["Country ISO3"] == iso3]
    name = mine["Admin 1 Name"].str.split().str.join(" ")
    known = (mine["Admin 1 PCode"] != "") | (name == "") | name.map(plain_name).isin(list(mapped))
    left_out = dict.fromkeys(name[~known], "it has no P-code here, and the source's entry does not map it")
    mine, name = mine[known], name[known]
    if mine.empty:
        remedy = "check that this is the right file"
        raise ContractViolation(f"no rows of country {iso3}", file=release.path, remedy=remedy)
    parts = []
    began = _csv_days(mine, release)
    for column, (item, scale) in _CSV_FIGURES.items():
        value = _csv_numbers(mine, column, release)
        parts.append(
            pd.DataFrame(
                {
                    "area_name": name,
                    "area_code": mine["Admin 1 PCode"].str.replace(r"^[A-Z]{2}", "", regex=True),
                    "family": "mpi",
                    "item": item,
                    "estimate": value * scale,
                    "se": None,
                    "ci_low": None,
                    "ci_high": None,
                    "observed_from": began,
                }
            )
        )
    made = _checked(pd.concat(parts, ignore_index=True).dropna(subset=["estimate"]), release.path)
    return PublishedFigures(made.frame, made.rounded, left_out)


def _csv_days(rows: pd.DataFrame, release: Release) -> pd.Series:
    """First days of the surveys."""
    days = pd.to_datetime(rows["Start Date"].str[:10], errors="coerce", format="%Y-%m-%d")
    bad = days.isna()
    if bad.any():
        raise ContractViolation(
            f"{int(bad.sum())} of {len(rows)} rows have no date of the form YYYY-MM-DD;"
            f" first {rows.loc[bad, 'Start Date'].iloc[0]!r}",
            file=release.path,
            place=f"row {int(bad.idxmax())}, column Start Date",
            remedy=f"check the file against its publisher's; {release.spec.obtain}",
        )
    return days.dt.date


def _csv_numbers(rows: pd.DataFrame, column: str, release: Release) -> pd.Series:
    """Numbers of a column; where nobody is poor it may be empty, if it is of the poor."""
    value = pd.to_numeric(rows[column], errors="coerce")
    none_poor = pd.to_numeric(rows["Headcount Ratio"], errors="coerce") == 0
    bad = value.isna() & ~(none_poor & (rows[column].str.strip() == "") & column.startswith("Intensity"))
    if bad.any():
        raise ContractViolation(
            f"{int(bad.sum())} of {len(rows)} rows have no number; first {rows.loc[bad, column].iloc[0]!r}",
            file=release.path,
            place=f"row {int(bad.idxmax())}, column {column}",
            remedy=f"check the file against its publisher's; {release.spec.obtain}",
        )
    return value


def _checked(frame: pd.DataFrame, path: Path) -> PublishedFigures:
    """The frame with numbers as such; shares outside 0 to 1 by no more than rounding are set to the bound."""
    share = ~frame["item"].isin(["persons"])
    rounded: dict[str, str] = {}
    for column in ("estimate", "se", "ci_low", "ci_high"):
        values = pd.to_numeric(frame[column], errors="coerce").astype("float64")
        outside = share & ((values < 0) | (values > 1))
        far = outside & ((values < -ROUNDING) | (values > 1 + ROUNDING))
        if far.any():
            first = frame[far].iloc[0]
            raise ContractViolation(
                f"{int(far.sum())} of {int(share.sum())} shares lie outside 0 to 1; first {first['item']}"
                f" = {values[far].iloc[0]:g}",
                file=path,
                place=f"area {first['area_name'] or 'country'}",
                remedy="check the file against its publisher's",
            )
        for place in frame.index[outside]:
            row = frame.loc[place]
            who = f"{row['area_name'] or 'country'}, {row['family']} {row['item']}"
            rounded[who] = f"{float(values[place])!r} set to {values.clip(0, 1)[place]:g}: outside 0 to 1 by rounding"
        frame[column] = values.mask(outside, values.clip(0, 1))
    return PublishedFigures(frame.reset_index(drop=True), rounded)
