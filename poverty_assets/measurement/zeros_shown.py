"""Figures that are shown to be 0, and what they give: a whole of 0 makes its parts 0.

Belongs here: which figures a shown 0 gives, and which zeros would have to be withheld for one not to be given. Does not belong here: when
that is done (``figure_differences``).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poverty_assets.arrays import FloatArray, IntArray
from poverty_assets.measurement.disclosure import Sums

Flags = npt.NDArray[np.bool_]


class ZerosShown:
    """Zeros that are shown, and all figures that they give.

    Parameters
    ----------
    sums : Sums
        What adds up among the cells.
    shown, nobody : ndarray of bool, shape (n_cells, n_figures)
        Where a figure is shown (``shown`` is changed in place by `withhold`), and where it is 0.
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
        self.shown, self.nobody = shown, nobody

    def given(self) -> Flags:
        """Figures that are shown to be 0, or that a 0 gives."""
        return np.asarray(self.above @ (self.shown & self.nobody).astype(float)) > 0

    def price(self, of_one: FloatArray, may: Flags) -> FloatArray:
        """What it would cost to withhold all zeros that give each figure, ``of_one`` of each cell: infinite for figures that ``may`` not be
        withheld, and where no 0 gives it; shape (n_cells, n_figures)."""
        costs = np.asarray(self.above @ np.where(self.shown & self.nobody, of_one[:, None], 0.0))
        return np.where((costs > 0) & may, costs, np.inf)

    def withhold(self, cell: int, figure: int) -> IntArray:
        """Withhold all zeros that give a figure; cells in which a 0 gives it no more."""
        before = np.asarray(self.above @ (self.shown & self.nobody)[:, figure].astype(float)) > 0
        rows = self.above.indices[self.above.indptr[cell] : self.above.indptr[cell + 1]]
        self.shown[rows[self.nobody[rows, figure]], figure] = False
        after = np.asarray(self.above @ (self.shown & self.nobody)[:, figure].astype(float)) > 0
        return np.flatnonzero(before & ~after)
