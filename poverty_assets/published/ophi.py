"""Published estimates: the global MPI tables of the Oxford Poverty and Human Development Initiative.

Belongs here: reading OPHI's workbooks and its csv on HDX into one long frame of figures. Does not belong here: comparing
them with anything (``measurement.identities``), or choosing which figure to quote (``warehouse``).

The frame has a row per figure: ``area_name`` (as published; empty for the country), ``area_code`` (P-code without the
country's letters; empty where none is given), ``family`` (``mpi``, ``uncensored``, ``censored``, ``contribution``,
``sample``, ``population_share``), ``item`` (statistic or indicator_id), ``estimate``, ``se``, ``ci_low``, ``ci_high`` (shares, 0 to 1),
``observed_from``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd

from poverty_assets.errors import ContractViolation, UnreadableFile
from poverty_assets.pack.source import Release

COLUMNS = ("area_name", "area_code", "family", "item", "estimate", "se", "ci_low", "ci_high", "observed_from")

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


def read_ophi_workbook(release: Release, table: str, iso3: str) -> pd.DataFrame:
    """Read the country's rows of the results workbook ``national`` or ``subnational``.

    Returns
    -------
    DataFrame with ``COLUMNS``.
    """
    from openpyxl import load_workbook

    try:
        book = load_workbook(release.path, read_only=True, data_only=False)
    except Exception as error:
        raise UnreadableFile(
            f"cannot be read as an Excel workbook: {error}",
            file=release.path,
            remedy=f"replace the file; {release.spec.obtain}",
        ) from error
    figures: list[dict[str, Any]] = []
    for prefix, family in _SHEETS[table].items():
        title = next((name for name in book.sheetnames if name.startswith(prefix + " ")), None)
        if title is None:
            raise ContractViolation(f"sheet {prefix} is missing", file=release.path, remedy=release.spec.obtain)
        rows = book[title].iter_rows(values_only=True)
        figures.extend(_sheet(rows, family, table == "subnational", iso3, f"{release.path}, sheet {title}"))
    book.close()
    frame = pd.DataFrame(figures)
    keys = ["area_name", "family", "item"]
    errors = frame[frame["family"] == "errors"].drop(columns=["estimate"]).assign(family="mpi").set_index(keys)
    frame = frame[frame["family"] != "errors"].drop(columns=["se", "ci_low", "ci_high"])
    frame = frame.join(errors[["se", "ci_low", "ci_high"]], on=keys)
    frame["area_code"] = ""
    frame["observed_from"] = release.observed_from
    return _checked(frame[list(COLUMNS)], release, iso3)


def _sheet(
    rows: Iterable[tuple[Any, ...]], family: str, by_region: bool, iso3: str, where: str
) -> Iterator[dict[str, Any]]:
    header: list[list[str]] = []
    columns: dict[int, tuple[str, float]] = {}
    for number, row in enumerate(rows):
        if number in _HEADER_ROWS:
            header.append([_plain(value) for value in row])
            if number == _HEADER_ROWS[-1]:
                columns = _columns(header, family)
                if not columns:
                    raise ContractViolation(
                        "the header has none of the expected columns", file=where, place="rows 5 to 8"
                    )
        if len(row) < 7 or row[1] != iso3:
            continue
        name = str(row[6]).strip() if by_region else ""
        if family == "errors":
            yield from _errors(row, columns, name)
            continue
        for index, (item, scale) in columns.items():
            if isinstance(row[index], (int, float)):
                yield dict(
                    area_name=name,
                    family=family,
                    item=item,
                    estimate=row[index] * scale,
                    se=None,
                    ci_low=None,
                    ci_high=None,
                )


def _columns(header: list[list[str]], family: str) -> dict[int, tuple[str, float]]:
    """Column number -> (item, factor to a share), from the four header rows."""
    width = max(len(row) for row in header)
    found: dict[int, tuple[str, float]] = {}
    for index in range(width):
        cells = [row[index] if index < len(row) else "" for row in header]
        if family in ("censored", "uncensored", "contribution"):
            if _INDICATORS.match(cells[2]):
                found[index] = (cells[2].replace(" of ", " ").replace(" ", "_"), 0.01)
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


def _errors(row: tuple[Any, ...], columns: dict[int, tuple[str, float]], name: str) -> Iterator[dict[str, Any]]:
    for index, (item, scale) in columns.items():
        se, low, high = (None if not isinstance(v, (int, float)) else v * scale for v in row[index + 1 : index + 4])
        yield dict(area_name=name, family="errors", item=item, estimate=None, se=se, ci_low=low, ci_high=high)


def _plain(value: Any) -> str:
    return " ".join(str(value or "").split()).lower()


def read_ophi_csv(release: Release, iso3: str) -> pd.DataFrame:
    """Read the country's rows of ``global_mpi.csv`` or ``global_mpi_trends.csv`` of HDX (no standard errors there).

    Rows of merged regions, which carry no P-code, are left out.
    """
    raw = pd.read_csv(release.path, dtype=str, keep_default_na=False)
    wanted = {
        "MPI": ("mpi", 1.0),
        "Headcount Ratio": ("headcount_ratio", 0.01),
        "Intensity of Deprivation": ("intensity", 0.01),
        "Vulnerable to Poverty": ("vulnerable", 0.01),
        "In Severe Poverty": ("severe", 0.01),
    }
    absent = [
        name for name in ("Country ISO3", "Admin 1 PCode", "Admin 1 Name", "Start Date", *wanted) if name not in raw
    ]
    if absent:
        raise ContractViolation(
            f"column {absent[0]!r} is missing", file=release.path, place="header", remedy=release.spec.obtain
        )
    mine = raw[(raw["Country ISO3"] == iso3) & ((raw["Admin 1 PCode"] != "") | (raw["Admin 1 Name"] == ""))]
    parts = []
    for column, (item, scale) in wanted.items():
        parts.append(
            pd.DataFrame(
                {
                    "area_name": mine["Admin 1 Name"],
                    "area_code": mine["Admin 1 PCode"].str.replace(r"^[A-Z]{2}", "", regex=True),
                    "family": "mpi",
                    "item": item,
                    "estimate": pd.to_numeric(mine[column], errors="coerce") * scale,
                    "se": None,
                    "ci_low": None,
                    "ci_high": None,
                    "observed_from": pd.to_datetime(mine["Start Date"].str[:10]).dt.date,
                }
            )
        )
    return _checked(pd.concat(parts, ignore_index=True), release, iso3)


def _checked(frame: pd.DataFrame, release: Release, iso3: str) -> pd.DataFrame:
    if frame.empty:
        raise ContractViolation(
            f"no rows of country {iso3}", file=release.path, remedy="check that this is the right file"
        )
    share = frame[~frame["item"].isin(["persons"])]
    bad = share[(share["estimate"] < 0) | (share["estimate"] > 1)]
    if len(bad):
        first = bad.iloc[0]
        raise ContractViolation(
            f"{len(bad)} of {len(share)} shares lie outside 0 to 1; first {first['item']} = {first['estimate']:g}",
            file=release.path,
            place=f"area {first['area_name'] or 'country'}",
            remedy="check the file against its publisher's",
        )
    for column in ("estimate", "se", "ci_low", "ci_high"):
        frame[column] = pd.to_numeric(frame[column], errors="coerce").astype("float64")
    return frame.reset_index(drop=True)
