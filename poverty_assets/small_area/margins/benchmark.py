"""Benchmarking: shares of finest areas that add up to the totals of larger areas.

Belongs here: the one shift a group and indicator, on the logit scale. Does not belong here: which totals are worth meeting
(``published_totals``, ``totals``).

A shift of the logits keeps shares inside 0 and 1 and the order of finest areas within the group, and moves those near 0 or 1
least (You and Rao 2002 give the linear form, which does neither).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit, log_ndtr

from poverty_assets.arrays import FloatArray
from poverty_assets.errors import ContractViolation, PovertyAssetsError

TOLERANCE = 1e-12
_LARGEST = 40.0


def benchmark_shift(logits: Any, population: Any, group: Any, totals: Any, *, max_iterations: int = 200) -> FloatArray:
    """Shift of each group and indicator with which population-weighted shares equal the totals.

    Parameters
    ----------
    logits : array-like, shape (n, d)
        Log odds of the areas' shares.
    population : array-like, shape (n,)
        Weights, above 0.
    group : array-like of int, shape (n,)
        Group of each area, 0 to g - 1.
    totals : array-like, shape (g, d)
        Shares wanted; NaN where nothing is to be met, which leaves the shift 0.

    Returns
    -------
    ndarray, shape (g, d)

    Raises
    ------
    ContractViolation
        If a total is not inside 0 and 1: no shift of logits reaches the ends.
    PovertyAssetsError
        If a total is not met.

    Examples
    --------
    >>> shift = benchmark_shift([[-1.0], [0.0]], [100, 300], [0, 0], [[0.5]])
    >>> share = expit(np.array([-1.0, 0.0]) + shift[0, 0])
    >>> round(float((100 * share[0] + 300 * share[1]) / 400), 9)
    0.5
    """
    eta, weight, which = np.asarray(logits, dtype=float), np.asarray(population, dtype=float), np.asarray(group)
    wanted = np.asarray(totals, dtype=float)
    bad = np.argwhere(np.isfinite(wanted) & ((wanted <= 0) | (wanted >= 1)))
    if len(bad):
        raise ContractViolation(
            f"{len(bad)} totals are not inside 0 and 1; the first is {wanted[tuple(bad[0])]}",
            place=f"group {bad[0][0]}, column {bad[0][1]}",
            remedy="leave the total out (NaN), so that the modelled one stands",
        )
    sums = _GroupSums(weight, which, len(wanted))
    asked = np.isfinite(wanted)
    target = np.where(asked, wanted, 0.5)
    shift, low, high = np.zeros_like(target), np.full_like(target, -_LARGEST), np.full_like(target, _LARGEST)
    for _ in range(max_iterations):
        share = expit(eta + shift[which])
        mean, slope = sums.mean(share), sums.mean(share * (1 - share))
        gap = target - mean
        if np.abs(np.where(asked, gap, 0.0)).max(initial=0.0) <= TOLERANCE:
            return np.where(asked, shift, 0.0)
        low, high = np.where(gap > 0, shift, low), np.where(gap < 0, shift, high)
        newton = shift + gap / np.maximum(slope, 1e-300)
        # where Newton leaves the bracket, bisection keeps the step inside it
        shift = np.where((newton > low) & (newton < high), newton, (low + high) / 2)
        shift = np.where(asked, shift, 0.0)
    raise PovertyAssetsError(f"{int((np.abs(gap[asked]) > TOLERANCE).sum())} totals were not met")


def benchmarked(logits: Any, population: Any, group: Any, totals: Any) -> FloatArray:
    """Log odds moved by `benchmark_shift`, shape (n, d)."""
    shift = benchmark_shift(logits, population, group, totals)
    return np.asarray(np.asarray(logits, dtype=float) + shift[np.asarray(group)])


def log_odds(eta: FloatArray) -> FloatArray:
    """Of the shares whose probits are eta."""
    return np.asarray(log_ndtr(eta) - log_ndtr(-eta))


class _GroupSums:
    """Weighted means of groups by one sparse product."""

    def __init__(self, weight: FloatArray, group: npt.NDArray[np.int64], n_groups: int) -> None:
        from scipy.sparse import csr_array

        total = np.bincount(group, weight, minlength=n_groups)
        place = (group, np.arange(len(group)))
        self.matrix = csr_array((weight / total[group], place), shape=(n_groups, len(group)))

    def mean(self, values: FloatArray) -> FloatArray:
        return np.asarray(self.matrix @ values)
