"""Which area lies in which: the one answer that every room asks.

Belongs here: from a table with ``area_id, area_level, parent_id`` to levels, parents and ancestors, and what follows from
them alone: sums of parts, values inherited from above, means of parts. Does not belong here: what a country's levels are
called or how its codes are written (``pack.country``), shapes (``areas``), or any statistic with a name of its own.

Areas are numbered once, level by level from the country down and by code within a level; everything else is arrays of
those numbers. Code asks by role: the *root* is the country, the *published* level the first below it, the *finest* the last,
and whatever lies *between* those two may be one level, several or none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from poverty_assets.arrays import FloatArray, IntArray
from poverty_assets.errors import ContractViolation, SpecificationError

COLUMNS = ("area_id", "area_level", "parent_id")
ROOT_LEVEL = "country"
"""Level of the root where the table leaves its row out."""


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """Areas of every level, each in one of a larger level, up to a single root; made by `Hierarchy.of`.

    Attributes
    ----------
    levels : tuple of str
        Names of levels, from large to small; the first is that of the root alone.
    ids : ndarray of str, shape (n,)
        All areas, level by level and by code within each: an area's number is its place here, that of the root is 0.
    level : ndarray of int, shape (n,)
        Place of each area's level in ``levels``.
    parent : ndarray of int, shape (n,)
        Number of the area that it lies in, -1 for the root.

    Examples
    --------
    >>> table = pd.DataFrame(
    ...     [("N", "region", "X"), ("S", "region", "X"), ("S-1", "town", "S"), ("S-2", "town", "S"), ("N-1", "town", "N")],
    ...     columns=["area_id", "area_level", "parent_id"],
    ... )
    >>> areas = Hierarchy.of(table, root="X")
    >>> areas.levels, areas.published, areas.finest
    (('country', 'region', 'town'), 'region', 'town')
    >>> areas.ids.tolist()
    ['X', 'N', 'S', 'N-1', 'S-1', 'S-2']
    >>> areas.line("S-2")
    ['S-2', 'S', 'X']
    """

    levels: tuple[str, ...]
    ids: npt.NDArray[np.object_]
    level: IntArray
    parent: IntArray

    @classmethod
    def of(cls, areas: pd.DataFrame, root: str | None = None) -> Hierarchy:
        """The hierarchy that a table describes.

        Parameters
        ----------
        areas : DataFrame
            ``area_id, area_level, parent_id`` (catalog: ``dim_area``), in any order; other columns are left alone.
        root : str, optional
            The country's own code, where the table may leave its row out.

        Raises
        ------
        ContractViolation
            If an area stands twice or has no code, lies in one that is not there or in itself, if there is no root or a second
            one, if an area lies in one of its own or a smaller level, or if one lies in no area of the published level.
        """
        ids, names, parents = (areas[column].to_numpy(dtype=object) for column in COLUMNS)
        if root is not None and not (ids == root).any():
            rows = ((root, ids), (ROOT_LEVEL, names), (None, parents))
            ids, names, parents = (np.array([first, *rest], dtype=object) for first, rest in rows)
        _refuse_gaps_in_rows(ids, names)
        parent = pd.Index(ids).get_indexer(pd.Index(parents, dtype=object))
        parent[pd.isna(parents)] = -1
        _refuse_orphans(ids, parents, parent)
        depth = _depths(ids, parent)
        _refuse_roots(ids, parent, root)
        deepest = pd.Series(depth).groupby(names).max()
        levels = tuple(str(name) for name in deepest.sort_values(kind="stable").index)
        level = pd.Index(levels).get_indexer(pd.Index(names))
        _refuse_levels(ids, levels, level, parent)
        order = np.lexsort((pd.Index(ids).argsort().argsort(), level))
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        moved = np.where(parent[order] >= 0, place[parent[order]], -1)
        made = cls(levels, ids[order], level[order].astype(np.int64), moved.astype(np.int64))
        made._refuse_uncovered()
        return made

    def __len__(self) -> int:
        """Number of areas of all levels."""
        return len(self.ids)

    # ---- roles

    @property
    def root(self) -> str:
        """The area that holds all others."""
        return str(self.ids[0])

    @property
    def published(self) -> str:
        """The level that figures are published for first: the first below the root."""
        return self.levels[min(1, len(self.levels) - 1)]

    @property
    def between(self) -> tuple[str, ...]:
        """Levels between the published and the finest, from large to small."""
        return self.levels[2:-1]

    @property
    def finest(self) -> str:
        """The level of the smallest areas."""
        return self.levels[-1]

    # ---- areas and levels

    @cached_property
    def _index(self) -> pd.Index:
        return pd.Index(self.ids)

    @cached_property
    def _place(self) -> dict[str, int]:
        """Number of each code: for one code at a time it is some hundred times faster than the index."""
        return {str(code): number for number, code in enumerate(self.ids)}

    def __contains__(self, area_id: object) -> bool:
        """Whether an area has this code."""
        return area_id in self._place

    @cached_property
    def level_names(self) -> npt.NDArray[np.object_]:
        """Name of each area's level, shape (n,)."""
        return np.array(self.levels, dtype=object)[self.level]

    @cached_property
    def ancestors(self) -> IntArray:
        """Number of the area of each level that each area is or lies in, shape (n, levels); -1 where there is none."""
        out = np.full((len(self), len(self.levels)), -1, dtype=np.int64)
        for number in range(len(self.levels)):
            mine = np.flatnonzero(self.level == number)
            out[mine] = np.where(self.parent[mine, None] >= 0, out[self.parent[mine]], -1)
            out[mine, number] = mine
        return out

    def number(self, ids: Iterable[Any]) -> IntArray:
        """Number of each area; -1 where there is none of the code.

        Examples
        --------
        >>> Hierarchy.of(pd.DataFrame([("X", "all", None)], columns=COLUMNS)).number(["X", "Y"]).tolist()
        [0, -1]
        """
        return np.asarray(self._index.get_indexer(pd.Index(ids, dtype=object)), dtype=np.int64)

    def depth_of(self, level: str) -> int:
        """Place of a level in ``levels``.

        Raises
        ------
        SpecificationError
            If there is none of the name.
        """
        if level not in self.levels:
            raise SpecificationError(f"no area is of level {level!r}", remedy=f"use one of {', '.join(self.levels)}")
        return self.levels.index(level)

    def members(self, level: str) -> IntArray:
        """Numbers of the areas of a level, by code."""
        return np.flatnonzero(self.level == self.depth_of(level))

    def codes(self, level: str) -> list[str]:
        """Codes of the areas of a level, in order."""
        return [str(code) for code in self.ids[self.members(level)]]

    def ancestor(self, number: IntArray, level: str) -> IntArray:
        """Number of the area of a level that each of these areas is or lies in; -1 where there is none, and for -1."""
        found = self.ancestors[number, self.depth_of(level)]
        return np.where(np.asarray(number) >= 0, found, -1)

    def line(self, area_id: str) -> list[str]:
        """The area itself and all that hold it, from the smallest to the root; empty for a code that is not there."""
        at, out = self._place.get(area_id, -1), []
        while at >= 0:
            out.append(str(self.ids[at]))
            at = int(self.parent[at])
        return out

    def holders(self, ids: Iterable[Any]) -> list[str | None]:
        """Code of the area that each lies in; None for the root, and for a code that is not there.

        Examples
        --------
        >>> Hierarchy.of(pd.DataFrame([("a", "part", "X")], columns=COLUMNS), root="X").holders(["a", "X", "b"])
        ['X', None, None]
        """
        number = self.number(ids)
        above = np.where(number >= 0, self.parent[number], -1)
        return [str(self.ids[one]) if one >= 0 else None for one in above]

    # ---- what follows from them

    def climb(self, number: IntArray, values: npt.NDArray[Any]) -> Iterator[tuple[IntArray, npt.NDArray[Any]]]:
        """Values at their areas, then at these areas' parents, and so on up to the root; those of number -1 nowhere."""
        keep = number >= 0
        number, values = number[keep], values[keep]
        while len(number):
            yield number, values
            number = self.parent[number]
            number, values = number[number >= 0], values[number >= 0]

    def add_up(self, number: IntArray, values: FloatArray) -> FloatArray:
        """Sum of values at each area and everything in it, shape (n,).

        Parameters
        ----------
        number : ndarray of int, shape (m,)
            The area of each value, of any level and as often as there are values; -1 counts nowhere.
        values : ndarray, shape (m,)

        Examples
        --------
        >>> table = pd.DataFrame([("X", "all", None), ("a", "part", "X"), ("b", "part", "X")], columns=COLUMNS)
        >>> areas = Hierarchy.of(table)
        >>> areas.add_up(areas.number(["a", "b", "a", "X"]), np.array([1.0, 2.0, 4.0, 8.0])).tolist()
        [15.0, 5.0, 2.0]
        """
        total = np.zeros(len(self))
        for at, value in self.climb(number, values):
            total += np.bincount(at, weights=value, minlength=len(self))
        return total

    def inherit(self, values: FloatArray) -> FloatArray:
        """Values (n,) with each missing one taken from the nearest area above that has one.

        Examples
        --------
        >>> table = pd.DataFrame([("X", "all", None), ("a", "part", "X"), ("b", "part", "X")], columns=COLUMNS)
        >>> Hierarchy.of(table).inherit(np.array([3.0, np.nan, 5.0])).tolist()
        [3.0, 3.0, 5.0]
        """
        filled = np.array(values, dtype=float)
        for number in range(1, len(self.levels)):  # the areas above are filled by then
            mine = np.flatnonzero((self.level == number) & ~np.isfinite(filled))
            filled[mine] = filled[self.parent[mine]]
        return filled

    def wholes(self, parts: IntArray) -> tuple[IntArray, Any]:
        """Every area that is or holds one of the parts, and how parts make it up.

        Parameters
        ----------
        parts : ndarray of int, shape (p,)
            Numbers of different areas of one level.

        Returns
        -------
        number : ndarray of int, shape (a,)
            The areas, in order.
        matrix : csr_array of zeros and ones, shape (a, p)
            Its product with values of the parts sums them up.
        """
        from scipy.sparse import csr_array

        climbed = list(self.climb(parts, np.arange(len(parts))))
        holder = np.concatenate([at for at, _ in climbed]) if climbed else np.empty(0, dtype=np.int64)
        part = np.concatenate([one for _, one in climbed]) if climbed else np.empty(0, dtype=np.int64)
        number, row = np.unique(holder, return_inverse=True)
        order = np.lexsort((part, row))
        matrix = csr_array((np.ones(len(part)), (row[order], part[order])), shape=(len(number), len(parts)))
        return number, matrix

    def rollup(self, parts: IntArray, weight: FloatArray) -> tuple[IntArray, Any]:
        """Every area that is or holds one of the parts as their weighted mean: areas, and a csr_array whose rows sum to 1.

        Examples
        --------
        >>> table = pd.DataFrame([("X", "all", None), ("a", "part", "X"), ("b", "part", "X")], columns=COLUMNS)
        >>> areas = Hierarchy.of(table)
        >>> number, matrix = areas.rollup(areas.members("part"), np.array([3.0, 1.0]))
        >>> areas.ids[number].tolist(), (matrix @ np.array([1.0, 5.0])).tolist()
        (['X', 'a', 'b'], [2.0, 1.0, 5.0])
        """
        number, matrix = self.wholes(parts)
        row = np.repeat(np.arange(len(number)), np.diff(matrix.indptr))
        own = weight[matrix.indices]
        matrix.data = own / np.bincount(row, own, len(number))[row]
        return number, matrix

    def _refuse_uncovered(self) -> None:
        outside = np.flatnonzero((self.level > 0) & (self.ancestors[:, min(1, len(self.levels) - 1)] < 0))
        if len(outside):
            first = outside[0]
            raise ContractViolation(
                f"{len(outside)} areas lie in no {self.published}; the first is {self.levels[self.level[first]]}"
                f" {self.ids[first]}",
                place="parent_id",
                remedy=f"enter the {self.published} that holds it, if need be one of the same extent",
            )


def _refuse_gaps_in_rows(ids: npt.NDArray[np.object_], names: npt.NDArray[np.object_]) -> None:
    for column, values in (("area_id", ids), ("area_level", names)):
        empty = np.flatnonzero(pd.isna(values))
        if len(empty):
            raise ContractViolation(
                f"{len(empty)} areas have no {column}", place=f"row {empty[0]}, column {column}", remedy="enter it"
            )
    again = np.flatnonzero(pd.Series(ids).duplicated())
    if len(again):
        raise ContractViolation(
            f"{len(again)} areas are there twice; the first is {ids[again[0]]!r}",
            place=f"row {again[0]}, column area_id",
            remedy="keep one row an area",
        )


def _refuse_orphans(ids: npt.NDArray[np.object_], parents: npt.NDArray[np.object_], parent: IntArray) -> None:
    orphan = np.flatnonzero((parent < 0) & ~pd.isna(parents))
    if len(orphan):
        raise ContractViolation(
            f"{len(orphan)} areas lie in one that is not there; the first is {ids[orphan[0]]!r} in {parents[orphan[0]]!r}",
            place=f"row {orphan[0]}, column parent_id",
            remedy="enter the area that holds it, or correct parent_id",
        )


def _refuse_roots(ids: npt.NDArray[np.object_], parent: IntArray, root: str | None) -> None:
    if root is not None and (parent[ids == root] >= 0).any():
        raise ContractViolation(
            f"{root}, which holds all areas, lies in {ids[parent[ids == root]][0]}",
            place="column parent_id",
            remedy="leave the parent of the country empty",
        )
    tops = [str(code) for code in ids[parent < 0]]
    if len(tops) > 1:
        others = [code for code in tops if code != root]
        raise ContractViolation(
            f"{len(tops)} areas lie in no other, {', '.join(([root] if root else []) + others[:2])}"
            + (", ..." if len(others) > 2 else ""),
            place="column parent_id",
            remedy="enter the area that holds each: only the country lies in no other",
        )


def _depths(ids: npt.NDArray[np.object_], parent: IntArray) -> IntArray:
    """Steps from each area up to one that lies in no other; refuses circles."""
    depth = np.zeros(len(ids), dtype=np.int64)
    at = parent
    for _ in range(len(ids)):
        inside = at >= 0
        if not inside.any():
            return depth
        depth += inside
        at = np.where(inside, parent[at], -1)
    if not len(ids):
        raise ContractViolation("there is no area", remedy="enter at least the country")
    seen: list[int] = []
    here = int(np.flatnonzero(at >= 0)[0])
    while here not in seen:
        seen.append(here)
        here = int(parent[here])
    circle = [str(ids[one]) for one in [*seen[seen.index(here) :], here]]
    raise ContractViolation(
        f"area {circle[0]} lies within itself: {' in '.join(circle)}",
        place="column parent_id",
        remedy="correct parent_id",
    )


def _refuse_levels(ids: npt.NDArray[np.object_], levels: tuple[str, ...], level: IntArray, parent: IntArray) -> None:
    wrong = np.flatnonzero((parent >= 0) & (level <= level[parent]))
    if len(wrong):
        first = wrong[0]
        raise ContractViolation(
            f"{len(wrong)} areas lie in one of the same or a smaller level; the first is {levels[level[first]]} {ids[first]}"
            f" in {levels[level[parent[first]]]} {ids[parent[first]]}",
            place=f"row {first}, columns area_level and parent_id",
            remedy="correct the level or the parent",
        )
