"""Totals that margins are benchmarked to: direct ones where there are cases enough, else corrected ones.

Belongs here: which direct totals are worth meeting, and what stands for those that are not. Does not belong here: meeting them
(``benchmark``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poverty_assets.arrays import FloatArray, IntArray, group_sums
from poverty_assets.small_area.sample import Sample

MIN_CASES = 5
"""Clusters with anyone deprived below which a published area's direct total is no benchmark (`FewCases` stands for it)."""


def published_totals(sample: Sample, at_published: IntArray, factor: FloatArray | None = None) -> FloatArray:
    """Direct shares of published areas that rest on enough cases to be met, shape (g, d); NaN elsewhere.

    Parameters
    ----------
    factor : ndarray, shape (p,), optional
        On the weights of PSUs, as of a replicate.
    """
    group, n_groups = at_published[sample.area], int(at_published.max()) + 1
    direct = sample.means(sample.shares, group, n_groups, factor)
    cases = group_sums((sample.shares > 0).astype(float), group, n_groups)
    return np.where((cases >= MIN_CASES) & (direct > 0) & (direct < 1), direct, np.nan)


@dataclass(frozen=True)
class FewCases:
    """Totals of published areas where the sample has few cases or none: the modelled total corrected by how few there are.

    With a total exponential about the modelled one m, and as many cases as n households show (Poisson), it is a gamma variable
    of shape 1 + n p and rate 1 / m + n, p being the direct share (Clayton and Kaldor 1987).

    Attributes
    ----------
    shape, rate : ndarray, shape (g, d)
        NaN where the direct total stands or no household was seen.
    """

    shape: FloatArray
    rate: FloatArray

    def filled(self, totals: FloatArray, rng: np.random.Generator | None = None) -> FloatArray:
        """Totals with these for NaN: their means, or draws of them."""
        if rng is None:
            own = self.shape / self.rate
        else:
            known = np.isfinite(self.shape)
            own = rng.standard_gamma(np.where(known, self.shape, 1.0)) / np.where(known, self.rate, np.nan)
        return np.where(np.isfinite(self.shape), np.clip(own, 1e-6, 0.5), totals)


def few_cases(
    sample: Sample, effect: FloatArray, at_published: IntArray, totals: FloatArray, modelled: FloatArray
) -> FewCases:
    """What stands for the totals that are NaN, given the modelled ones (both (g, d)) and the design effect (d,)."""
    g = len(totals)
    number = np.bincount(at_published[sample.area], sample.effective, g)[:, None] / effect
    direct = np.nan_to_num(sample.means(sample.shares, at_published[sample.area], g))
    few = ~np.isfinite(totals) & (number > 0) & (direct < 0.5)
    return FewCases(np.where(few, 1 + number * direct, np.nan), np.where(few, 1 / modelled + number, np.nan))
