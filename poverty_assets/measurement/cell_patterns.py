"""Sets of cells that may differ together: each by as much as another, so that no sum over areas and subgroups tells.

Belongs here: finding such sets around a cell. Does not belong here: which figures of a cell may differ, and what is withheld for it
(``figure_differences``).

A pattern is a line of areas times a kind of subgroups. A kind is two values of one column (what one has more, the other has less), or
``all`` with one value of every column. In an area that has parts, one of these takes the difference on, and so on down to one without
parts; beside it an area of the same parent takes the opposite, down to one without parts, too, or the parent itself is in the pattern, and
so on upwards. An area of which nothing is ever shown takes on any difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
import numpy.typing as npt
import pandas as pd

from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.measurement.disclosure import Sums
from poverty_assets.measurement.domains import ALL

Kind = tuple[int, ...]
"""Subgroups, by their place in ``names``."""
Pattern = tuple[int, ...]
"""Cells: the row of each that has more, and ``~`` the row of each that has less."""


@dataclass(frozen=True)
class _Ways:
    """How many ways are tried, those that hide most: down from an area, beside it, and on from its parent."""

    below: int
    beside: int
    further: int


_NEAR, _WIDE = _Ways(below=2, beside=12, further=4), _Ways(below=8, beside=40, further=40)


class CellPatterns:
    """Patterns around each cell.

    Parameters
    ----------
    cells : DataFrame
        ``area_id, subgroup`` of every cell, one row each.
    hierarchy : Hierarchy
    sums : Sums
        What adds up among the cells.
    listed : ndarray of bool, shape (n_cells,)
        Cells of which something may be shown.
    hidden : list of int
        Of each cell, the figures that are withheld in any case, as bits: areas that hide more are tried first.
    wide : bool
        Whether more ways are tried.
    """

    def __init__(
        self,
        cells: pd.DataFrame,
        hierarchy: Hierarchy,
        sums: Sums,
        listed: npt.NDArray[np.bool_],
        hidden: list[int],
        wide: bool = False,
    ) -> None:
        self.hidden, self.ways = hidden, _WIDE if wide else _NEAR
        number = hierarchy.number(cells["area_id"])
        areas, self.area = np.unique(number, return_inverse=True)
        self.names = [ALL, *sorted(set(cells["subgroup"]) - {ALL})]
        self.subgroup = pd.Index(self.names).get_indexer(cells["subgroup"])
        self.cell = np.full((len(areas), len(self.names)), -1)
        self.cell[self.area, self.subgroup] = np.arange(len(cells))
        above = np.where(areas >= 0, hierarchy.parent[areas], -1)
        self.is_root = number == 0
        self.parent = np.where(above >= 0, pd.Index(areas).get_indexer(above), -1).tolist()
        self.parts: list[list[int]] = [[] for _ in areas]
        for part, whole in enumerate(self.parent):
            if whole >= 0:
                self.parts[whole].append(part)
        self._note_sums(sums, len(cells))
        self.nothing_shown = [not listed[row[row >= 0]].any() for row in self.cell]
        self._kinds: dict[tuple[bytes, bytes], list[Kind]] = {}
        self._down: dict[tuple[int, Kind], list[Pattern]] = {}
        self._over: dict[tuple[int, Kind], list[Pattern]] = {}

    def _note_sums(self, sums: Sums, n_cells: int) -> None:
        """Which areas are the sum of their parts in a subgroup, and which columns of an area add up to ``all``."""
        of_name = [name.partition("=")[0] for name in self.names]
        self.columns = [
            [i for i, one in enumerate(of_name) if one == column] for column in dict.fromkeys(of_name) if column != ALL
        ]
        column_of = {value: number for number, values in enumerate(self.columns) for value in values}
        self.has_parts = np.zeros(self.cell.shape, dtype=bool)
        self.adds_up = np.zeros((len(self.cell), len(self.columns)), dtype=bool)
        for members in sums.members:
            whole, part = int(members[0]), int(members[1])
            if (members >= n_cells).any():  # a remainder takes on what there is
                continue
            area = self.area[whole]
            if self.area[part] == area:
                self.adds_up[area, column_of[int(self.subgroup[part])]] = True
            else:
                self.has_parts[area, self.subgroup[whole]] = True

    def around(self, cell: int) -> list[Pattern]:
        """Patterns that a cell is in."""
        area, subgroup = int(self.area[cell]), int(self.subgroup[cell])
        kinds = [kind for kind in self.kinds(area) if subgroup in kind]
        return [pattern for kind in kinds for pattern in self.of_area(area, kind)]

    def of_area(self, area: int, kind: Kind) -> Iterator[Pattern]:
        """Patterns of a kind that an area is in."""
        own = self._cells(area, kind)
        for down in self._ways_down(area, kind):
            for over in self._ways_over(area, kind):
                yield (*own, *down, *over)

    def kinds(self, area: int) -> list[Kind]:
        """Kinds of subgroups of which every sum of an area's columns allows a difference."""
        there, adds_up = self.cell[area] >= 0, self.adds_up[area]
        name = there.tobytes(), adds_up.tobytes()
        if name not in self._kinds:
            self._kinds[name] = self._kinds_of(there.tolist(), adds_up.tolist())
        return self._kinds[name]

    def _kinds_of(self, there: list[bool], adds_up: list[bool]) -> list[Kind]:
        kinds: list[Kind] = []
        of_all: list[list[Kind]] = []
        nothing: list[Kind] = [()]
        for values, whole in zip(self.columns, adds_up, strict=True):
            some = [value for value in values if there[value]]
            kinds += combinations(some, 2)
            kinds += [] if whole else [(value,) for value in some]
            one_each: list[Kind] = [(value,) for value in some]
            of_all.append(one_each if whole else nothing)
        if there[0]:
            kinds += [(0, *(value for one in chosen for value in one)) for chosen in product(*of_all)]
        return kinds

    def _cells(self, area: int, kind: Kind) -> Pattern:
        own = self.cell[area, list(kind)].tolist()
        return (own[0], ~own[1]) if len(kind) == 2 and kind[0] else tuple(own)

    def _allows(self, area: int, kind: Kind) -> bool:
        return kind in self.kinds(area)

    def _ways_down(self, area: int, kind: Kind) -> list[Pattern]:
        """Cells below an area that take on its difference, in several ways."""
        if (area, kind) not in self._down:
            needed = self.parts[area] and self.has_parts[area, list(kind)].any()
            ways: list[Pattern] = [()]
            if needed:
                ways = self._among(self.parts[area], kind)
            self._down[area, kind] = ways[: self.ways.below]
        return self._down[area, kind]

    def _ways_over(self, area: int, kind: Kind) -> list[Pattern]:
        """Cells beside and above an area that take on the opposite of its difference, in several ways."""
        if (area, kind) not in self._over:
            above = self.parent[area]
            if above < 0 or not self.has_parts[above, list(kind)].any():
                return [()]
            beside = self._among([part for part in self.parts[above] if part != area], kind)[: self.ways.beside]
            ways = [_opposite(way) for way in beside]
            if self._allows(above, kind) and self.ways.further:
                own = self._cells(above, kind)
                further = [(*own, *way) for way in self._ways_over(above, kind)]
                ways = ways + sorted(further, key=self._hides, reverse=True)[: self.ways.further]
            self._over[area, kind] = ways
        return self._over[area, kind]

    def _among(self, areas: Sequence[int], kind: Kind) -> list[Pattern]:
        """Cells of some areas, and below, of which each set takes on a difference; those that hide most first."""
        silent = [area for area in areas if self.nothing_shown[area]]
        for area in silent:
            if self._allows(area, kind):
                for down in self._ways_down(area, kind):
                    return [(*self._cells(area, kind), *down)]
        ways = [
            (*self._cells(area, kind), *down)
            for area in areas
            if not self.nothing_shown[area] and self._allows(area, kind)
            for down in self._ways_down(area, kind)
        ]
        return sorted([*self._two(silent, kind), *ways], key=self._hides, reverse=True)

    def _two(self, areas: list[int], kind: Kind) -> list[Pattern]:
        """Cells of two areas without parts that take on a difference between two values, of which each has one."""
        if len(kind) != 2 or 0 in kind:
            return []
        leaves = [area for area in areas if not self.parts[area]]
        first, second = ([area for area in leaves if self.cell[area, value] >= 0] for value in kind)
        for one, other in product(first, second):
            for own in self.kinds(one) if one != other else []:
                if 0 in own and kind[0] in own:
                    opposite = tuple(sorted(kind[1] if value == kind[0] else value for value in own))
                    if self._allows(other, opposite):
                        return [(*self._cells(one, own), *_opposite(self._cells(other, opposite)))]
        return []

    def _hides(self, cells: Pattern) -> int:
        return common(self.hidden, cells).bit_count()


def _opposite(cells: Pattern) -> Pattern:
    return tuple(~cell for cell in cells)


def common(hidden: list[int], cells: Iterable[int]) -> int:
    """Figures, as bits, that are hidden in all of some cells; ``hidden`` of every cell, then of ``~`` every cell, last first."""
    answer = -1
    for cell in cells:
        answer &= hidden[cell]
        if not answer:
            break
    return max(answer, 0)


def both_ways(values: list[int]) -> list[int]:
    """Values of every cell, so that ``~`` its row finds the same as its row."""
    return [*values, *values[::-1]]
