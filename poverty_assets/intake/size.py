"""Whether what a file counts and measures is of a likely size and unit, and whether it is whole.

Belongs here: medians, sums, means, rows set aside, and how they differ from the release before or from other sources. Does not belong here:
single values (``sources.contract``), or where things lie (``place``).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd

from poverty_assets.errors import ContractViolation
from poverty_assets.pack.contract import ColumnContract
from poverty_assets.pack.source import RasterSource, SourceSpec, TableSource, VectorSource
from poverty_assets.sources.raster_summary import CountryCells
from poverty_assets.sources.readers import Observation

if TYPE_CHECKING:
    from poverty_assets.intake.bench import Bench

Held: TypeAlias = pd.DataFrame | float
"""What is held against the release before: rows, or the mean of a raster's cells."""
ON_PURPOSE = ("left out by ", "no code in ", "households of weight 0")
"""Beginnings of the reasons for which rows are set aside because the pack says so."""
FEW_ROWS = 20
"""Of fewer rows one that is set aside is more than any share, so that only their number is looked at."""


def refuse_rows_lost(spec: SourceSpec, seen: Observation, file: Path) -> str:
    """Refuse a file of which too many rows were set aside, or that has more or fewer than it can; says how many.

    Raises
    ------
    ContractViolation
    """
    counted = {why: n for why, n in seen.quarantined.items() if not why.startswith(ON_PURPOSE)}
    kept = len(seen.frame) if seen.raster is None else seen.raster.shape[0]
    lost, rows = sum(counted.values()), kept + sum(seen.quarantined.values())
    entry = f"entry {spec.source_id} of sources.yaml"
    if lost > max(spec.sense.set_aside * rows, 1 if rows < FEW_ROWS else 0):
        why = max(counted, key=lambda one: counted[one])
        raise ContractViolation(
            f"{lost} of {rows} rows break their contract and would be set aside, more than {spec.sense.set_aside:.0%};"
            f" most by: {why}",
            file=file,
            remedy=f"correct the file, or state sense: {{set_aside: SHARE}} in the {entry}",
        )
    if spec.sense.rows is not None and not spec.sense.rows[0] <= rows <= spec.sense.rows[1]:
        least, most = spec.sense.rows
        raise ContractViolation(
            f"{rows} rows, where {least} to {most} are expected",
            file=file,
            remedy=f"check that the file is whole; or correct sense: {{rows: [least, most]}} in the {entry}",
        )
    return f"{lost} of {rows} rows set aside"


def refuse_other_units(spec: SourceSpec, frame: pd.DataFrame, file: Path) -> str:
    """Refuse columns of which the middle value is not what the entry says; says how many were looked at.

    Raises
    ------
    ContractViolation
    """
    contracts = spec.columns if isinstance(spec, TableSource) else {}
    if isinstance(spec, VectorSource):
        contracts = {name: one for name, one in spec.options.columns.items() if isinstance(one, ColumnContract)}
    stated = {name: one.median for name, one in contracts.items() if one.median is not None and name in frame}
    for name, (low, high) in stated.items():
        middle = float(pd.to_numeric(frame[name], errors="coerce").median())
        if not low <= middle <= high:
            raise ContractViolation(
                f"the middle value of {len(frame)} rows is {middle:g}, where {low:g} to {high:g} is expected: the column may be in"
                " another unit",
                file=file,
                place=f"column {name}",
                remedy="convert it (percent and shares, persons and thousands), or correct median in the contract, entry"
                f" {spec.source_id} of sources.yaml",
            )
    return f"{len(stated)} columns" if stated else ""


def refuse_strange_cells(spec: RasterSource, cells: CountryCells, file: Path) -> str:
    """Refuse a raster of which cells within the country's bounds, or their mean, are not what the entry says; says how many were
    looked at.

    Raises
    ------
    ContractViolation
    """
    if spec.sense.values is None and spec.sense.mean is None:
        return ""
    entry = f"entry {spec.source_id} of sources.yaml"
    if cells.beyond:
        low, high = spec.sense.values or (-np.inf, np.inf)
        raise ContractViolation(
            f"{cells.beyond:,} of {cells.number:,} cells hold values outside {low:g} to {high:g}; first {cells.first:g}",
            file=file,
            remedy=f"if that stands for no value, state nodata in the {entry}; else check unit, scale and offset",
        )
    low, high = spec.sense.mean or (-np.inf, np.inf)
    if cells.number and not low <= cells.total / cells.number <= high:
        raise ContractViolation(
            f"the mean over the country is {cells.total / cells.number:g}, where {low:g} to {high:g} is expected: it may be in"
            " another unit",
            file=file,
            remedy=f"check its unit, scale and offset (options of the {entry})",
        )
    return f"{cells.number:,} cells"


def refuse_other_sizes(spec: SourceSpec, frame: pd.DataFrame, bench: Bench, file: Path) -> str:
    """Refuse sums that are not about those of other sources; says which were compared.

    Raises
    ------
    ContractViolation
    """
    said = []
    for size in spec.sense.against:
        rows = bench.rows(size.source)
        if rows is None or size.other not in rows:
            continue
        own, other = _sum(frame[size.column]), _sum(rows[size.other])
        if not other / size.within <= own <= other * size.within:
            raise ContractViolation(
                f"the sum is {own:,.0f}, and that of {size.other} in source {size.source} is {other:,.0f}: more than"
                f" {size.within:g} times apart",
                file=file,
                place=f"column {size.column}",
                remedy="check units and that both files are whole; or correct sense: {against: ...} in the entry"
                f" {spec.source_id} of sources.yaml",
            )
        said.append(f"{size.column} {own:,.0f}, {size.source} {other:,.0f}")
    return "; ".join(said)


def refuse_step(spec: SourceSpec, frame: Held, before: Held, file: Path, earlier: Path) -> str:
    """Refuse rows, sums or means that no release to the next one changes so; says how many were compared.

    Raises
    ------
    ContractViolation
    """
    compared = _compared(spec, frame, before)
    for name, (now, then) in compared.items():
        if min(now, then) > 0 and not 1 / spec.sense.step <= now / then <= spec.sense.step:
            raise ContractViolation(
                f"{name} is {now:,.6g}, and was {then:,.6g} in the release before ({earlier.name}): more than {spec.sense.step:g} times"
                " apart",
                file=file,
                remedy="check units and that the file is whole; or state sense: {step: FACTOR} in the entry"
                f" {spec.source_id} of sources.yaml",
            )
    return f"{len(compared)} sizes as in {earlier.name}" if compared else ""


def _compared(spec: SourceSpec, frame: Held, before: Held) -> dict[str, tuple[float, float]]:
    """Each size now and then."""
    if not isinstance(frame, pd.DataFrame) or not isinstance(before, pd.DataFrame):
        now, then = (np.nan if isinstance(one, pd.DataFrame) else one for one in (frame, before))
        return {"the mean of its cells": (now, then)}
    compared = {"the number of rows": (float(len(frame)), float(len(before)))}
    if isinstance(spec, TableSource):
        measured = [n for n, one in spec.columns.items() if one.type in ("integer", "number") and n not in spec.key]
        places = spec.options.points or ()
        for name in measured:
            if name in frame and name in before and name not in places:
                compared[f"the sum of {name}"] = (_sum(frame[name]), _sum(before[name]))
    return compared


def _sum(values: pd.Series) -> float:
    return float(pd.to_numeric(values, errors="coerce").sum())
