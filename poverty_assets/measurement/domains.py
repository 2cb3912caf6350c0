"""Whom an estimate is about: areas at every level, and subgroups of households or of their members.

Belongs here: from a household's lowest known area to all areas above it, and from columns to subgroup labels
(``is_urban=true``). Does not belong here: estimates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from poverty_assets.arrays import FloatArray, IntArray
from poverty_assets.errors import ContractViolation
from poverty_assets.geography.hierarchy import Hierarchy

ALL = "all"
DEFAULT_SUBGROUPS = ("is_urban", "head_sex", "age_group", "hh_size_class")
SIZE_CLASSES = (("1-2", 2), ("3-4", 4), ("5-6", 6), ("7+", None))
"""Household size classes and the largest size in each."""


@dataclass(frozen=True)
class Grouping:
    """One way to part the population: class of each household, and how many people of each it brings.

    Attributes
    ----------
    labels : list of str
        Subgroup labels, as in the tables.
    code : int array, shape (n,)
        Class of each household, -1 where not known.
    people : float array, shape (n,)
        Persons counted in each household.
    """

    labels: list[str]
    code: IntArray
    people: FloatArray


def areas_of(hierarchy: Hierarchy, area_id: pd.Series) -> IntArray:
    """Number of the area of each level that each household lies in, shape (n, levels); -1 where that is not known.

    Parameters
    ----------
    hierarchy : Hierarchy
    area_id : Series
        Lowest known area of each household; empty or the country's own where only that is known.

    Raises
    ------
    ContractViolation
        If a household names an area that is not there.
    """
    number = hierarchy.number(area_id.fillna(hierarchy.root))
    unknown = np.flatnonzero(number < 0)
    if len(unknown):
        raise ContractViolation(
            f"{len(unknown)} households name an area that is not there; the first is {area_id.iloc[unknown[0]]!r}",
            place=f"row {unknown[0]}",
            remedy="write codes of the country's areas as text, as its levels give them, with the zeros that they begin with",
        )
    return hierarchy.ancestors[number]


def groupings(households: pd.DataFrame, people: FloatArray, subgroups: Sequence[str] | None) -> list[Grouping]:
    """The population as a whole, then by each column asked for.

    Raises
    ------
    ContractViolation
        If a column asked for is not there and cannot be made.
    """
    n = len(households)
    out = [Grouping([ALL], np.zeros(n, dtype=np.int64), people)]
    for column in subgroups if subgroups is not None else _available(households):
        if column == "age_group":
            out += _age_groups(households, people)
        elif column == "hh_size_class" and column not in households and "hh_size" in households:
            out.append(_size_classes(households["hh_size"]))
        elif column in households:
            code, labels = pd.factorize(_labels(households[column], column), sort=True)
            out.append(Grouping([f"{column}={v}" for v in labels], np.asarray(code, dtype=np.int64), people))
        else:
            raise ContractViolation(
                f"there is no column {column} to part households by",
                remedy=f"map {column} in survey.yaml, or leave it out",
            )
    return out


def _available(households: pd.DataFrame) -> list[str]:
    made_from = {"age_group": "n_children", "hh_size_class": "hh_size"}
    return [c for c in DEFAULT_SUBGROUPS if c in households or made_from.get(c, "") in households]


def _labels(values: pd.Series, column: str) -> npt.NDArray[Any]:
    """Labels as text, true and false for a column of flags; None where missing."""
    known = values.notna().to_numpy()
    some = values[known].infer_objects()
    flags = column.startswith("is_") or pd.api.types.is_bool_dtype(some.dtype)
    text = np.full(len(values), None, dtype=object)
    text[known] = np.where(some.astype(bool), "true", "false") if flags else some.astype("str")
    return text


def _age_groups(households: pd.DataFrame, people: FloatArray) -> list[Grouping]:
    """Children (under 18) and adults, counted within each household."""
    if "n_children" not in households:
        raise ContractViolation(
            "there is no column n_children to tell children from adults", remedy="map n_children in survey.yaml"
        )
    children = households["n_children"].to_numpy(dtype=float, na_value=np.nan)
    bad = np.flatnonzero((children < 0) | (children > people))
    if len(bad):
        raise ContractViolation(
            f"{len(bad)} households have more children than members; the first {children[bad[0]]:g} of {people[bad[0]]:g}",
            place=f"row {bad[0]}",
            remedy="correct n_children or hh_size",
        )
    code = np.where(np.isnan(children), -1, 0)
    children = np.nan_to_num(children)
    return [
        Grouping(["age_group=adult"], code, np.where(code == 0, people - children, 0.0)),
        Grouping(["age_group=child"], code, children),
    ]


def _size_classes(hh_size: pd.Series) -> Grouping:
    size = hh_size.to_numpy(dtype=float)
    limits = [limit for _, limit in SIZE_CLASSES if limit is not None]
    code = np.searchsorted(limits, size, side="left").astype(np.int64)
    return Grouping([f"hh_size_class={label}" for label, _ in SIZE_CLASSES], code, size)
