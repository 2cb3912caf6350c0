"""Figures that count few sets of deprivations, held against these sets one by one.

Belongs here: which sets a cell's figures and those that are named tell. Does not belong here: which sets are named, and which figures are
shown (``figure_disclosure``).

A figure of one deprivation, of none, or of one dimension counts few sets; so does one figure less another (those deprived in nutrition,
less those of them who are deprived by the lowest cut-off, lack nutrition alone or little else). Once all sets of one but the last are
known, so is that, and so on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poverty_assets.arrays import FloatArray
from poverty_assets.measurement.zeros_shown import Flags

FEW_SETS = 16
"""Figures and differences of figures that count more are not held against sets."""


class FewSets:
    """Figures of few sets, and differences of two figures that count few.

    Parameters
    ----------
    profiles : ndarray, shape (n_profiles, n_figures)
        What a household of each set counts for in each figure.
    single : ndarray of bool, shape (n_figures,)
        Figures that are taken by themselves, too, where they are shown as where they are withheld.
    """

    def __init__(self, profiles: FloatArray, single: Flags) -> None:
        counts, size = profiles > 0, (profiles > 0).sum(axis=0)
        alone = np.flatnonzero(single & (size <= FEW_SETS))
        plain = np.flatnonzero((counts == profiles).all(axis=0))
        both = counts[:, plain].T.astype(np.int64) @ counts[:, plain]
        rest = size[plain][:, None] - size[plain]
        whole, part = np.nonzero((both == size[plain]) & (rest > 0) & (rest <= FEW_SETS))
        self.first = np.append(alone, plain[whole])
        self.second = np.append(alone, plain[part])
        self.n_alone = len(alone)
        self.counts = np.hstack([counts[:, alone], counts[:, plain[whole]] & ~counts[:, plain[part]]])

    def in_cell(self, shown: Flags, somebody: Flags) -> FewSetsOfCell:
        """What one cell's shown figures count, and figures that are withheld and somebody holds; both of shape (n_figures,)."""
        alone = self.first[: self.n_alone]
        hidden = np.flatnonzero(~shown[alone] & somebody[alone])
        return FewSetsOfCell(self.counts[:, shown[self.first] & shown[self.second]], self.counts[:, hidden])


@dataclass(frozen=True)
class FewSetsOfCell:
    """Sets that shown figures count, and withheld ones; each of shape (n_profiles, n)."""

    shown: Flags
    withheld: Flags

    def follow(self, known: Flags) -> Flags:
        """Sets that are known once the last open one of a figure is found, one after the other."""
        while (last := self._last(known)).any():
            known = known | self.shown[:, last].any(axis=1)
        return known

    def told(self, known: Flags, secret: Flags, anyhow: Flags) -> Flags:
        """Sets of the figures that tell the first secret ones; else of withheld figures of which no set is open, unless none is beside
        what is known ``anyhow``."""
        while (last := self._last(known)).any():
            found = self.shown[:, last] & ~known[:, None]
            tells = (found & secret[:, None]).any(axis=0)
            if tells.any():
                return np.asarray(self.shown[:, last][:, tells].any(axis=1))
            known = known | found.any(axis=1)
        closed, before = (~(self.withheld & ~one[:, None]).any(axis=0) for one in (known, anyhow))
        return np.asarray(self.withheld[:, closed & ~before].any(axis=1))

    def _last(self, known: Flags) -> Flags:
        """Figures of which one set is open."""
        return np.asarray(self.shown.T.astype(np.int64) @ ~known == 1)
