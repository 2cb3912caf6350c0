"""What is known to who has all that is shown: over areas and subgroups, over figures of a cell, and by zeros.

Belongs here: following what is shown, by turns and at once. Does not belong here: which equations fix what (``null_space``), and what is
withheld for it (``figure_disclosure``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from poverty_assets.arrays import FloatArray, IntArray
from poverty_assets.measurement.disclosure import links_of
from poverty_assets.measurement.figures_within import FiguresWithin, flags_of_bits, rows_of_bits
from poverty_assets.measurement.null_space import fixed, fixed_by_both
from poverty_assets.measurement.zeros_shown import Flags, ZerosShown

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_MANY = 50_000  # unknowns that are solved for in areas of which nothing is shown, too
_SMALL = 1e-6  # of a relation, what is left once everything that it depends on is taken off


class KnownFigures:
    """Followed from what is shown.

    Parameters
    ----------
    zeros : ZerosShown
    within : FiguresWithin
    area : ndarray of int, shape (n_cells,)
        A number of the area of each cell.
    """

    def __init__(self, zeros: ZerosShown, within: FiguresWithin, area: IntArray) -> None:
        self.zeros, self.within, self.area = zeros, within, area
        self.links = links_of(zeros.sums).tocsc()
        self._fixed: dict[bytes, IntArray] = {}

    def by_turns(self, known: Flags | None = None) -> Flags:
        """Figure by figure over areas and subgroups, then cell by cell over figures, then all parts of what is known to be 0, each time
        with all that is known by then (at first what is shown), until nothing is found any more; shape (n_cells, n_figures)."""
        zeros = self.zeros
        known = zeros.below(zeros.shown & zeros.nobody) | (zeros.shown if known is None else known)
        waiting = np.arange(known.shape[1])
        while len(waiting):
            before = known.copy()
            for figure in waiting.tolist():
                known[self._over_cells(known[:, figure]), figure] = True
            may = [self.within.may_differ(own) for own in rows_of_bits(~known)]
            known = ~flags_of_bits(may, known.shape[1])
            known |= zeros.below(known & zeros.nobody)
            waiting = np.flatnonzero((known != before).any(axis=0))
        return known

    def _over_cells(self, known: Flags) -> IntArray:
        """Cells of which sums over areas and subgroups give a figure; often asked of the same cells, by a figure or in a later turn."""
        name = np.packbits(known).tobytes()
        if name not in self._fixed:
            rests = np.arange(len(known), self.links.shape[1])
            unknown = np.append(np.flatnonzero(~known), rests)
            found = unknown[fixed(self.links[:, unknown].tocsr())]
            self._fixed[name] = found[found < len(known)]
        return self._fixed[name]

    def at_once(self, known: Flags) -> Flags:
        """What is known, and what all sums over areas, subgroups and figures give of it, solved together.

        Of many unknowns (a country of which most small areas are withheld) those of areas of which nothing is shown, four fifths, take on
        any difference: what their own cells add up to is left to turns.
        """
        found = known.copy()
        shows = np.bincount(self.area, self.zeros.shown.any(axis=1)) > 0
        for figures in self.within.tied():
            hidden = ~known[:, figures]
            if hidden.any():
                there = shows[self.area] | (hidden.sum() < _MANY)
                found[:, figures] |= self._together(figures, hidden, there)
        return found

    def up_to(self, secret: Flags) -> Flags:
        """What is followed until some secret is among it, or to the end: by turns, and where that gives none all at once."""
        known = self.by_turns()
        while not (known & secret).any():
            found = self.at_once(known)
            known = self.by_turns(found) if (found & ~known).any() else found
            if not (known & ~found).any():
                break
        return known

    def _together(self, figures: IntArray, hidden: Flags, there: npt.NDArray[np.bool_]) -> Flags:
        """Hidden figures (shape (n_cells, n_tied)) of cells that are ``there`` which all sums fix together. A remainder, or a hidden
        figure of another cell, takes on what there is: its sum says nothing."""
        from scipy.sparse import csr_array, eye_array, kron

        n_cells, answer = len(hidden), np.zeros_like(hidden)
        whole = np.diff(csr_array(self.links[:, n_cells:]).indptr) == 0
        links = csr_array(self.links.tocsr()[whole][:, :n_cells])
        own = hidden & there[:, None]
        says = abs(links) @ (hidden & ~there[:, None]).astype(float) == 0
        sums = csr_array(kron(links, eye_array(len(figures)), format="csr")[says.ravel()])
        if own.any():
            of_cells = self._of_cells(self.within.relations[:, figures], own)
            answer[own] = fixed_by_both(csr_array(sums[:, own.ravel()]), of_cells)
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
