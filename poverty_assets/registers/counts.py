"""Registers: who is listed, by area, and the rate.

Belongs here: counts of every register by area, of earlier releases too, the rate. Does not
belong here: the model of the rate (``model``), the rows of ``fct_register`` (``rows``).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from poverty_assets.geography.crosswalk import spread
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.pack.source import TableSource


def rate_of(counts: pd.DataFrame) -> pd.Series:
    """Share of households that are listed, of ``households, listed``; NaN where either is not known."""
    return counts["listed"] / counts["households"]


def listed_by_area(register: pd.DataFrame, crosswalk: pd.DataFrame, hierarchy: Hierarchy) -> pd.DataFrame:
    """Households and listed households of every area that the register covers.

    Parameters
    ----------
    register : DataFrame
        ``area_code, households, listed``.
    crosswalk : DataFrame
        The rows of ``area_crosswalk`` of this source.

    Returns
    -------
    DataFrame indexed by area_id: ``households, listed``. A unit without a boundary of its own counts in the lowest area
    that certainly holds it, so that totals of larger areas are complete.
    """
    counts = {
        name: np.nan_to_num(register[name].to_numpy(dtype=float, na_value=0.0)) for name in ("households", "listed")
    }
    # those listed and the others are divided apart, so that no part lists more than it has
    divided = {"others": counts["households"] - counts["listed"], "listed": counts["listed"]}
    rows = spread(pd.DataFrame({"area_code": register["area_code"], **divided}), crosswalk, list(divided))
    number = hierarchy.number(rows["area_id"])
    listed = hierarchy.add_up(number, rows["listed"].to_numpy())
    sums = {"households": hierarchy.add_up(number, rows["others"].to_numpy()) + listed, "listed": listed}
    covered = hierarchy.add_up(number, np.ones(len(number))) > 0
    index = pd.Index(hierarchy.ids, name="area_id", dtype="str")
    return pd.DataFrame(sums, index=index)[covered].sort_index().astype("int64")


def rates_then(
    registers: list[TableSource],
    rows: Callable[[TableSource], pd.DataFrame],
    crosswalk: pd.DataFrame,
    hierarchy: Hierarchy,
) -> pd.DataFrame:
    """Rates of registers as of an earlier time: ``register_id, area_id, value``.

    The register goes by its own id, as where the quarter is estimated, whichever source was its release then: the nowcast takes
    what both times know. Where several releases are there, the newest stands.

    Parameters
    ----------
    rows : callable
        ``area_code, households, listed`` of a register at that time; empty where it had not been observed.
    crosswalk : DataFrame (catalog: ``area_crosswalk``)
        Codes that it does not know are left out: they ended before the boundaries in use.
    """
    parts = {"": pd.DataFrame({"register_id": [], "area_id": [], "value": []})}
    for spec in _by_release(registers):
        codes = crosswalk[crosswalk["source_id"] == spec.source_id]
        found = rows(spec)
        if len(found) and (known := found["area_code"].isin(codes["source_code"])).any():
            counts = listed_by_area(found[known], codes, hierarchy)
            rate = rate_of(counts).dropna()
            parts[spec.register_id] = rate.rename("value").reset_index().assign(register_id=spec.register_id)
    return pd.concat(parts.values(), ignore_index=True)


def _by_release(registers: list[TableSource]) -> list[TableSource]:
    """The newest last; a release of every quarter (without a date of its own) first."""
    return sorted(registers, key=lambda spec: str(spec.observed_to or ""))


def count_registers(
    specs: list[TableSource],
    read: Callable[[str], pd.DataFrame | None],
    crosswalk: pd.DataFrame,
    hierarchy: Hierarchy,
) -> pd.DataFrame:
    """``register_id, area_id, households, listed`` of every register that had been observed.

    Where several sources are releases of one register (``options.register_id``), the newest stands.
    """
    newest: dict[str, tuple[str, pd.DataFrame]] = {}
    for spec in _by_release(specs):
        frame = read(spec.source_id)
        if frame is not None:
            newest[spec.register_id] = (spec.source_id, frame)
    parts = []
    for register_id, (source_id, frame) in newest.items():
        counts = listed_by_area(frame, crosswalk[crosswalk["source_id"] == source_id], hierarchy)
        parts.append(counts.reset_index().assign(register_id=register_id))
    columns = ["register_id", "area_id", "households", "listed"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def register_history(
    specs: list[TableSource],
    read: Callable[[str], pd.DataFrame | None],
    crosswalk: pd.DataFrame,
) -> pd.DataFrame:
    """``register_id, area_id, rate`` of earlier releases by village (sources of role ``history``), by area of the finest level.

    A village file gives the households listed and their rate, so the households in all are listed / rate.
    """
    parts = []
    for spec in specs:
        frame = read(spec.source_id)
        if frame is None:
            continue
        known = spread(frame[frame["rate"] > 0], crosswalk[crosswalk["source_id"] == spec.source_id])
        listed = known["listed"].astype(float) * known["share"]
        parts.append(
            pd.DataFrame(
                {
                    "register_id": spec.register_id,
                    "area_id": known["own_area_id"],
                    "listed": listed,
                    "households": listed / known["rate"],
                }
            )
        )
    if not parts:
        return pd.DataFrame(columns=["register_id", "area_id", "rate"])
    sums = pd.concat(parts).dropna(subset=["area_id"]).groupby(["register_id", "area_id"], as_index=False).sum()
    return sums.assign(rate=rate_of(sums))[["register_id", "area_id", "rate"]]
