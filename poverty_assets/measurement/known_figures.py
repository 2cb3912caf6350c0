"""What is known to who has all that is shown: over areas and subgroups, over figures of a cell, and by zeros.

Belongs here: following what is shown, by turns and at once. Does not belong here: which equations fix what (``null_space``), and what is
withheld for it (``figure_disclosure``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from poverty_assets.arrays import FloatArray, IntArray
from poverty_assets.measurement.disclosure import links_of
from poverty_assets.measurement.figures_within import FiguresWithin, flags_of_bits, rows_of_bits
from poverty_assets.measurement.null_space import fixed, fixed_by_both
from poverty_assets.measurement.zeros_shown import Flags, ZerosShown

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_SMALL = 1e-6  # of a relation, what is left once everything that it depends on is taken off


class KnownFigures:
    """Followed from what is shown.

    Parameters
    ----------
    zeros : ZerosShown
    within : FiguresWithin
    """

    def __init__(self, zeros: ZerosShown, within: FiguresWithin) -> None:
        self.zeros, self.within = zeros, within
        self.links = links_of(zeros.sums)

    def by_turns(self, known: Flags | None = None) -> Flags:
        """Figure by figure over areas and subgroups, then cell by cell over figures, then all parts of what is known to be 0, each time
        with all that is known by then (at first what is shown), until nothing is found any more; shape (n_cells, n_figures)."""
        zeros, links = self.zeros, self.links.tocsc()
        n_cells = zeros.sums.n_cells
        rests = np.arange(n_cells, links.shape[1])
        known = zeros.below(zeros.shown & zeros.nobody) | (zeros.shown if known is None else known)
        waiting = np.arange(known.shape[1])
        while len(waiting):
            before = known.copy()
            for figure in waiting.tolist():
                unknown = np.append(np.flatnonzero(~known[:, figure]), rests)
                found = unknown[fixed(links[:, unknown].tocsr())]
                known[found[found < n_cells], figure] = True
            may = [self.within.may_differ(own) for own in rows_of_bits(~known)]
            known = ~flags_of_bits(may, known.shape[1])
            known |= zeros.below(known & zeros.nobody)
            waiting = np.flatnonzero((known != before).any(axis=0))
        return known

    def at_once(self, known: Flags) -> Flags:
        """All sums over areas, subgroups and figures solved together, then by turns with what that gives, until nothing is found."""
        while True:
            found = known.copy()
            for figures in self.within.tied():
                hidden = ~known[:, figures]
                if hidden.any():
                    found[:, figures] |= self._together(figures, hidden)
            if (found == known).all():
                return known
            known = self.by_turns(found)

    def _together(self, figures: IntArray, hidden: Flags) -> Flags:
        """Hidden figures (shape (n_cells, n_tied)) that all sums fix together. A remainder takes on what there is: its sum says nothing."""
        from scipy.sparse import csr_array, eye_array, kron

        n_cells, unknown = len(hidden), hidden.ravel()
        whole = np.diff(csr_array(self.links[:, n_cells:]).indptr) == 0
        sums = kron(csr_array(self.links[whole][:, :n_cells]), eye_array(len(figures))).tocsc()[:, unknown].tocsr()
        answer = np.zeros_like(hidden)
        answer[hidden] = fixed_by_both(csr_array(sums), self._of_cells(self.within.relations[:, figures], hidden))
        return answer

    def _of_cells(self, relations: FloatArray, hidden: Flags) -> csr_array:
        """What hidden figures of each cell add up to, as equations of length 1 at right angles."""
        from scipy.sparse import csr_array

        first = np.cumsum(np.append(0, hidden.sum(axis=1)))
        of: dict[bytes, FloatArray] = {}
        values, places, n = [np.empty(0)], [np.empty(0, dtype=np.int64)], [0]
        for cell in np.flatnonzero(hidden.any(axis=1)).tolist():
            name = hidden[cell].tobytes()
            if name not in of:
                _, size, right = np.linalg.svd(relations[:, hidden[cell]], full_matrices=False)
                of[name] = right[size > _SMALL]
            for row in of[name]:
                values.append(row)
                places.append(np.arange(first[cell], first[cell + 1]))
                n.append(len(row))
        shape = (len(n) - 1, int(first[-1]))
        return csr_array((np.concatenate(values), np.concatenate(places), np.cumsum(n)), shape=shape)
