"""Registers: who is listed, by area, and against what a model expects.

Belongs here: the rows of ``fct_register``. Does not belong here: fitting the model (``modelling``).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from poverty_assets.geography.crosswalk import commune_codes
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.measurement.disclosure import REGISTER_MINIMUM, decide
from poverty_assets.pack.country import Country
from poverty_assets.pack.source import TableSource

HIDDEN = ("listed", "rate", "coverage_gap", "coverage_gap_ci_low", "coverage_gap_ci_high")
_MODELLED = ("modelled_rate", "modelled_rate_ci_low", "modelled_rate_ci_high")


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
    mapped = crosswalk.set_index("source_code")
    placed = register["area_code"].map(mapped["area_id"].fillna(mapped["parent_id"]))
    number = hierarchy.number(placed)
    columns = ["households", "listed"]
    sums = {
        name: hierarchy.add_up(number, np.nan_to_num(register[name].to_numpy(dtype=float, na_value=0.0)))
        for name in columns
    }
    covered = hierarchy.add_up(number, np.ones(len(number))) > 0
    index = pd.Index(hierarchy.ids, name="area_id", dtype="str")
    return pd.DataFrame(sums, index=index)[covered].sort_index().astype("int64")


RATE = "register_rate:"
"""What the feature of a register's rate is called, before the register's id."""


def rates_then(
    registers: list[TableSource],
    rows: Callable[[TableSource], pd.DataFrame],
    crosswalk: pd.DataFrame,
    hierarchy: Hierarchy,
) -> pd.DataFrame:
    """Rates of registers as of an earlier time: ``area_id, feature_id, value``.

    Parameters
    ----------
    rows : callable
        ``area_code, households, listed`` of a register at that time; empty where it had not been observed.
    crosswalk : DataFrame (catalog: ``area_crosswalk``)
        Codes that it does not know are left out: they ended before the boundaries in use.
    """
    parts = [pd.DataFrame({"area_id": [], "feature_id": [], "value": []})]
    for spec in registers:
        codes = crosswalk[crosswalk["source_id"] == spec.source_id]
        found = rows(spec)
        if len(found) and (known := found["area_code"].isin(codes["source_code"])).any():
            counts = listed_by_area(found[known], codes, hierarchy)
            rate = (counts["listed"] / counts["households"]).dropna()
            parts.append(rate.rename("value").reset_index().assign(feature_id=RATE + spec.source_id))
    return pd.concat(parts, ignore_index=True)


def register_rows(
    register_id: str,
    counts: pd.DataFrame,
    predictions: pd.DataFrame,
    hierarchy: Hierarchy,
) -> pd.DataFrame:
    """Rows of ``fct_register``, without ``is_headline``: every commune, and every larger area that the register covers.

    Parameters
    ----------
    register_id : str
    counts : DataFrame from ``listed_by_area``
    predictions : DataFrame
        ``area_id, modelled_rate, modelled_rate_ci_low, modelled_rate_ci_high, quality_flag`` of communes; each rate comes
        from a model that did not see the commune's block.
    hierarchy : Hierarchy

    Notes
    -----
    Cells of under 5 listed households are withheld, and further cells where one could be found by subtraction.
    """
    areas = pd.DataFrame({"area_id": hierarchy.ids.tolist(), "area_level": hierarchy.level_names.tolist()})
    wanted = (areas["area_level"] == hierarchy.finest) | areas["area_id"].isin(counts.index)
    rows = areas[wanted].reset_index(drop=True)
    rows = rows.join(counts, on="area_id").merge(predictions, on="area_id", how="left")
    rows = rows.assign(register_id=register_id, rate=rows["listed"] / rows["households"])
    rows["coverage_gap"] = rows["modelled_rate"] - rows["rate"]
    rows["coverage_gap_ci_low"] = rows["modelled_rate_ci_low"] - rows["rate"]
    rows["coverage_gap_ci_high"] = rows["modelled_rate_ci_high"] - rows["rate"]
    on_register = rows["rate"].notna()
    rows["method"] = np.where(on_register, "register", "modelled")
    rows["quality_flag"] = rows["quality_flag"].fillna("ok")
    withheld = _withheld(rows[on_register], hierarchy)
    rows["suppressed"] = rows["area_id"].isin(withheld)
    for column in HIDDEN:
        rows[column] = rows[column].mask(rows["suppressed"])
    rows.loc[rows["suppressed"], "quality_flag"] = "withheld"
    return rows


def _withheld(rows: pd.DataFrame, hierarchy: Hierarchy) -> set[str]:
    if rows.empty:
        return set()
    cells = rows[["area_id"]].assign(subgroup="all", n_households=rows["listed"].astype("int64"))
    decided = decide(cells, hierarchy, minimum=REGISTER_MINIMUM, flag_below=0, size_is_published=False)
    return set(decided.loc[decided["suppressed"], "area_id"])


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
    for spec in sorted(specs, key=lambda s: str(s.observed_to or "")):
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
    country: Country,
) -> pd.DataFrame:
    """``register_id, area_id, rate`` of earlier releases by village (sources of role ``history``), by commune.

    A village file gives the households listed and their rate, so the households in all are listed / rate.
    """
    parts = []
    for spec in specs:
        frame = read(spec.source_id)
        if frame is None:
            continue
        mapped = crosswalk[crosswalk["source_id"] == spec.source_id].set_index("source_code")["area_id"]
        known = commune_codes(frame[frame["rate"] > 0], country)
        parts.append(
            pd.DataFrame(
                {
                    "register_id": spec.register_id,
                    "area_id": known["area_code"].map(mapped),
                    "listed": known["listed"].astype(float),
                    "households": known["listed"].astype(float) / known["rate"],
                }
            )
        )
    if not parts:
        return pd.DataFrame(columns=["register_id", "area_id", "rate"])
    sums = pd.concat(parts).dropna(subset=["area_id"]).groupby(["register_id", "area_id"], as_index=False).sum()
    return sums.assign(rate=sums["listed"] / sums["households"])[["register_id", "area_id", "rate"]]


def all_register_rows(counts: pd.DataFrame, predictions: pd.DataFrame, hierarchy: Hierarchy) -> pd.DataFrame:
    """``register_rows`` of every register."""
    parts = [
        register_rows(
            str(register_id),
            mine.set_index("area_id")[["households", "listed"]],
            predictions[predictions["register_id"] == register_id].drop(columns="register_id"),
            hierarchy,
        )
        for register_id, mine in counts.groupby("register_id", sort=True)
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
