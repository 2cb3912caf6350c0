"""Standard errors another way: deleting one primary sampling unit at a time, which knows nothing of linearisation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from poverty_assets.arrays import FloatArray
from poverty_assets.measurement.design import SurveyDesign


@dataclass(frozen=True)
class Replicates:
    """Replicate weights (n, n_replicates) and what each replicate's squared deviation counts."""

    weight: FloatArray
    replicate_weight: FloatArray
    scale: FloatArray

    def estimate(self, statistic: Callable[[FloatArray], FloatArray]) -> tuple[FloatArray, FloatArray]:
        """A statistic of a weight vector, and its standard error from the replicates about their mean."""
        whole = np.atleast_1d(statistic(self.weight))
        each = np.stack([np.atleast_1d(statistic(column)) for column in self.replicate_weight.T])
        deviation = each - each[self.scale > 0].mean(axis=0)
        return whole, np.sqrt((self.scale[:, None] * deviation**2).sum(axis=0))


def jackknife(design: SurveyDesign) -> Replicates:
    """Delete one PSU at a time; the others of its stratum take its place (JKn, with one stratum JK1).

    Strata with a single PSU contribute nothing.
    """
    n_units = design.first.n_units[design.first.stratum]
    keep = np.flatnonzero(n_units > 1)
    row_stratum = design.first.stratum[design.psu]
    factor = np.ones((len(design.weight), len(keep)))
    grown = n_units[keep] / (n_units[keep] - 1)
    factor = np.where(row_stratum[:, None] == design.first.stratum[keep][None, :], grown[None, :], factor)
    factor[design.psu[:, None] == keep[None, :]] = 0.0
    scale = design.first.factor[design.first.stratum[keep]] / grown
    return Replicates(design.weight, design.weight[:, None] * factor, scale)
