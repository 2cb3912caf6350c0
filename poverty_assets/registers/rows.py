"""Rows of ``fct_register``: who is listed in every area, against what a model expects, with small cells withheld.

Belongs here: the fact table's columns, and which cells are withheld. Does not belong here: counting (``counts``), fitting the model
(``model``).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.measurement.disclosure import REGISTER_MINIMUM, decide
from poverty_assets.registers.counts import rate_of

HIDDEN = ("listed", "rate", "coverage_gap", "coverage_gap_ci_low", "coverage_gap_ci_high")


def register_rows(
    register_id: str,
    counts: pd.DataFrame,
    predictions: pd.DataFrame,
    hierarchy: Hierarchy,
) -> pd.DataFrame:
    """Rows of ``fct_register``, without ``is_headline``: every area of the finest level, and every larger area that the
    register covers.

    Parameters
    ----------
    register_id : str
    counts : DataFrame from ``listed_by_area``
    predictions : DataFrame
        ``area_id, modelled_rate, modelled_rate_ci_low, modelled_rate_ci_high, quality_flag`` of finest areas; each rate comes
        from a model that did not see the area's block.
    hierarchy : Hierarchy

    Notes
    -----
    Cells of under 5 listed households are withheld, and further cells where one could be found by subtraction.
    """
    areas = pd.DataFrame({"area_id": hierarchy.ids.tolist(), "area_level": hierarchy.level_names.tolist()})
    wanted = (areas["area_level"] == hierarchy.finest) | areas["area_id"].isin(counts.index)
    rows = areas[wanted].reset_index(drop=True)
    rows = rows.join(counts, on="area_id").merge(predictions, on="area_id", how="left")
    rows = rows.assign(register_id=register_id, rate=rate_of(rows))
    rows["coverage_gap"] = rows["modelled_rate"] - rows["rate"]
    rows["coverage_gap_ci_low"] = rows["modelled_rate_ci_low"] - rows["rate"]
    rows["coverage_gap_ci_high"] = rows["modelled_rate_ci_high"] - rows["rate"]
    on_register = rows["rate"].notna()
    rows["method"] = np.where(on_register, "register", "modelled")
    rows["quality_flag"] = rows["quality_flag"].fillna("ok")
    withheld = withheld_areas(rows[on_register], hierarchy)
    rows["suppressed"] = rows["area_id"].isin(withheld)
    for column in HIDDEN:
        rows[column] = rows[column].mask(rows["suppressed"])
    rows.loc[rows["suppressed"], "quality_flag"] = "withheld"
    return rows


def withheld_areas(counts: pd.DataFrame, hierarchy: Hierarchy) -> set[str]:
    """Areas whose number of listed households is withheld.

    Parameters
    ----------
    counts : DataFrame
        ``area_id, listed`` of every area on one register.
    """
    rows = counts[counts["listed"].notna()]
    if rows.empty:
        return set()
    cells = rows[["area_id"]].assign(subgroup="all", n_households=rows["listed"].astype("int64"))
    decided = decide(cells, hierarchy, minimum=REGISTER_MINIMUM, flag_below=0, size_is_published=False)
    return set(decided.loc[decided["suppressed"], "area_id"])


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
