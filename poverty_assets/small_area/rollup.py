"""Larger areas as means of their finest areas.

Belongs here: the weights with which finest areas add up to all larger areas, and the evidence behind each area.
Does not belong here: which area lies in which (``geography.hierarchy``), figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from poverty_assets.arrays import FloatArray, IntArray
from poverty_assets.geography.hierarchy import Hierarchy

MOST_UNCOUNTED = 0.1
"""Share of an area's parts whose people no source counts, up to which its figures stand for the whole."""


@dataclass(frozen=True)
class Rollup:
    """Areas of all levels as population-weighted means of finest areas.

    Attributes
    ----------
    table : DataFrame
        ``area_id, area_level, method, n_households, flag``, one row an area.
    matrix : csr_array, shape (a, n)
    """

    table: pd.DataFrame
    matrix: Any


def rollup(
    hierarchy: Hierarchy,
    finest: list[str],
    population: FloatArray,
    *,
    sampled_households: IntArray | None = None,
    method: str | None = None,
    flag: npt.NDArray[np.object_] | None = None,
    counted: npt.NDArray[np.bool_] | None = None,
) -> Rollup:
    """Every area of the finest level, and every larger area up to the country that holds one.

    Parameters
    ----------
    hierarchy : Hierarchy
    finest : list of str
        In the order of the arrays.
    population : ndarray, shape (n,)
    sampled_households : ndarray of int, shape (n,), optional
        Households in the survey: areas with any are ``composite``, others ``modelled``.
    method : str, optional
        Evidence of every row instead, as ``downscaled``.
    flag : ndarray of str, shape (n,), optional
        Reason not to use a finest area's figures alone, empty for none.
    counted : ndarray of bool, shape (n,), optional
        Finest areas of which a source gives people or households. The others weigh next to nothing: a larger area of whose parts
        more than ``MOST_UNCOUNTED`` are such is flagged ``population_unknown``, as are they themselves.
    """
    parts = hierarchy.number(finest)
    area, matrix = hierarchy.rollup(parts, population)
    sampled = np.zeros(len(finest)) if sampled_households is None else np.asarray(sampled_households, dtype=float)
    n = np.rint(hierarchy.add_up(parts, sampled)[area]).astype(np.int64)
    codes = hierarchy.ids[area].tolist()
    table = pd.DataFrame({"area_id": codes, "area_level": hierarchy.level_names[area].tolist()})
    table["method"] = method or np.where(n > 0, "composite", "modelled")
    table["n_households"] = pd.array(n, dtype="Int64")
    table.loc[n == 0, "n_households"] = pd.NA
    of_finest = dict(zip(finest, ["" for _ in finest] if flag is None else flag.tolist(), strict=True))
    unknown = np.zeros(len(codes)) if counted is None else hierarchy.add_up(parts, (~counted).astype(float))[area]
    share = unknown / hierarchy.add_up(parts, np.ones(len(finest)))[area]
    left_out = np.where(share > MOST_UNCOUNTED, "population_unknown", "")
    table["flag"] = [
        ",".join(filter(None, (of_finest.get(code, ""), more))) for code, more in zip(codes, left_out, strict=True)
    ]
    return Rollup(table, matrix)
