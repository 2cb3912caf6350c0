"""Figures that are shown to be 0 or found, and what they give: a whole of 0 makes its parts 0.

Belongs here: which figures a 0 gives, and which zeros would have to be withheld for one not to be given. Does not belong here: when that is
done (``figure_differences``), and which zeros are found (``known_figures``).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poverty_assets.arrays import FloatArray
from poverty_assets.measurement.disclosure import Sums

Flags = npt.NDArray[np.bool_]


class ZerosShown:
    """Zeros that are shown or found, and all figures that they give.

    Parameters
    ----------
    sums : Sums
        What adds up among the cells.
    shown, nobody : ndarray of bool, shape (n_cells, n_figures)
        Where a figure is shown (``shown`` is changed in place by `open`), and where it is 0.

    Attributes
    ----------
    found : ndarray of bool, shape (n_cells, n_figures)
        Withheld zeros of wholes that are taken to be known.
    """

    def __init__(self, sums: Sums, shown: Flags, nobody: Flags) -> None:
        from scipy.sparse import csr_array, eye_array

        pairs = [
            (part, int(members[0])) for members in sums.members for part in members[1:].tolist() if part < sums.n_cells
        ]
        part, whole = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
        shape = (sums.n_cells, sums.n_cells)
        one_up = csr_array((np.ones(len(part)), (part, whole)), shape=shape) + eye_array(sums.n_cells)
        self.above = csr_array(eye_array(sums.n_cells))
        while (reached := csr_array(self.above @ one_up)).nnz > self.above.nnz:
            self.above = reached
            self.above.data[:] = 1.0
        self.is_whole = np.asarray(self.above.sum(axis=0)).ravel() > 1
        self.shown, self.nobody, self.sums = shown, nobody, sums
        self.found = np.zeros_like(shown)

    def below(self, zeros: Flags) -> Flags:
        """Some zeros, and all their parts."""
        return np.asarray(self.above @ zeros.astype(float)) > 0

    def given(self) -> Flags:
        """Figures that are shown to be 0, or that a 0 gives that is shown or found."""
        return self.below(self.shown & self.nobody | self.found)

    def wholes(self, known: Flags) -> Flags:
        """Of what is known, withheld zeros of wholes."""
        return known & self.nobody & ~self.shown & self.is_whole[:, None]

    def price(self, of_one: FloatArray, may: Flags) -> FloatArray:
        """What it would cost to withhold all zeros that give each figure, ``of_one`` of each cell: infinite for figures that ``may`` not be
        withheld, and where no 0 gives it; shape (n_cells, n_figures)."""
        costs = np.asarray(self.above @ np.where(self.shown & self.nobody | self.found, of_one[:, None], 0.0))
        return np.where((costs > 0) & may, costs, np.inf)

    def withhold(self, cell: int, figure: int) -> tuple[list[int], list[int]]:
        """Withhold all zeros that give a figure, and take found ones for unknown: their cells, and those in which the figure is given no
        more."""
        before = self._given(figure)
        above = self.above.indices[self.above.indptr[cell] : self.above.indptr[cell + 1]]
        zeros = above[self.nobody[above, figure] & (self.shown | self.found)[above, figure]]
        self.shown[zeros, figure] = self.found[zeros, figure] = False
        return zeros.tolist(), np.flatnonzero(before & ~self._given(figure)).tolist()

    def take_back(self, cell: int, figure: int, shown: bool) -> list[int]:
        """Show a 0 again, or take it to be found; cells in which that gives the figure."""
        before = self._given(figure)
        self.shown[cell, figure], self.found[cell, figure] = shown, not shown
        return np.flatnonzero(self._given(figure) & ~before).tolist()

    def _given(self, figure: int) -> Flags:
        of_one = self.shown[:, figure] & self.nobody[:, figure] | self.found[:, figure]
        return np.asarray(self.above @ of_one.astype(float)) > 0
