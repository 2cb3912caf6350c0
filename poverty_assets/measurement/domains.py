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

ALL = "all"
DEFAULT_SUBGROUPS = ("is_urban", "head_sex", "age_group", "hh_size_class")
SIZE_CLASSES = (("1-2", 2), ("3-4", 4), ("5-6", 6), ("7+", None))
"""Household size classes and the largest size in each."""
COUNTRY_LEVEL = "country"


@dataclass(frozen=True)
class AreaTree:
    """Areas of all levels, the country first, and each household's area at each level.

    Attributes
    ----------
    levels : list of str
        Names, from large to small.
    area_id, area_level : list of str
        All areas, level by level.
    offset : list of int
        Position of each level's first area in ``area_id``.
    ancestor : int array, shape (n_households, n_levels)
        Position of the household's area within its level, -1 where not known.
    """

    levels: list[str]
    area_id: list[str]
    area_level: list[str]
    offset: list[int]
    ancestor: IntArray


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


def area_tree(areas: pd.DataFrame, area_id: pd.Series, country_id: str) -> AreaTree:
    """Place each household in the areas that contain the one it names.

    Parameters
    ----------
    areas : DataFrame
        ``area_id, area_level, parent_id``; the row of the country itself may be there or not.
    area_id : Series
        Lowest known area of each household; empty or the country's own where only that is known.
    country_id : str
        The country's ``area_id``.

    Raises
    ------
    ContractViolation
        If a household names an area that is not there, or an area's parents lead round in a circle.
    """
    below = areas.loc[areas["area_id"] != country_id]
    parent = dict(zip(below["area_id"], below["parent_id"], strict=True))
    level_of = dict(zip(below["area_id"], below["area_level"], strict=True))
    chains = {area: _chain(area, parent, country_id) for area in parent}
    depth = {level_of[area]: len(chain) for area, chain in chains.items()}
    levels = [COUNTRY_LEVEL, *sorted(depth, key=lambda level: depth[level])]
    members = [[country_id], *(sorted(a for a in parent if level_of[a] == level) for level in levels[1:])]
    position = {area: i for names in members for i, area in enumerate(names)}
    rank = {level: i for i, level in enumerate(levels)}
    index = pd.Index([country_id, *parent])
    matrix = np.full((len(index), len(levels)), -1, dtype=np.int64)
    matrix[:, 0] = 0
    for row, area in enumerate(parent, start=1):
        for above in chains[area]:
            matrix[row, rank[level_of[above]]] = position[above]
    rows = index.get_indexer(pd.Index(area_id.fillna(country_id)))
    unknown = np.flatnonzero(rows < 0)
    if len(unknown):
        raise ContractViolation(
            f"{len(unknown)} households name an area that is not there; the first is {area_id.iloc[unknown[0]]!r}",
            place=f"row {unknown[0]}",
            remedy="use the government codes of the country's areas as text, with leading zeros (2, 4 or 6 digits)",
        )
    sizes = [len(names) for names in members]
    return AreaTree(
        levels,
        [area for names in members for area in names],
        [level for level, size in zip(levels, sizes, strict=True) for _ in range(size)],
        [sum(sizes[:i]) for i in range(len(sizes))],
        matrix[rows],
    )


def _chain(area: str, parent: dict[str, Any], country_id: str) -> list[str]:
    chain: list[str] = []
    while area in parent and area != country_id:
        if area in chain:
            raise ContractViolation(
                f"area {area} lies within itself: {' in '.join([*chain, area])}", remedy="correct parent_id"
            )
        chain.append(area)
        area = parent[area]
    return chain


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
