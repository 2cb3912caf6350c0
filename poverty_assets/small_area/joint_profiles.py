"""Profiles of every area from its margins: structure-preserving estimation (SPREE; Purcell and Kish 1980).

Belongs here: raking the association of a seed to the margins of all areas at once. Does not belong here: the seed itself
(``association``), margins (``margins``), figures of profiles (``measurement.joint``).

The fit of iterative proportional fitting is the member of an exponential family with the wanted margins::

    p_r = seed_r exp(sum_j theta_j bits_rj) / Z(theta)

so theta is found by Newton's method on d numbers an area, instead of by sweeps over 2^d. The product of powers is built up
bit by bit without an exponential, and moments of all areas come from one matrix product. It needs some 5 steps where
sweeps need 30 to hundreds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poverty_assets.errors import PovertyAssetsError
from poverty_assets.measurement.masks import pair_index, profile_bits

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

EDGE = 1e-6
"""Margins are kept this far inside 0 and 1: no tilt of a seed reaches the ends."""
TOLERANCE = 1e-8
"""Largest difference between a margin wanted and the margin of a profile."""
_SWEEP_EVERY = 15
_LARGEST_STEP = 4.0  # of theta in one go: beyond it the quadratic approximation says nothing


@dataclass(frozen=True)
class Raked:
    """Profiles with the margins that were asked for.

    Attributes
    ----------
    profiles : ndarray, shape (n, 2^d)
        Share of people with each mask; rows sum to 1.
    theta : ndarray, shape (n, d)
        Tilt of each area, a warm start for margins nearby.
    iterations : int
    """

    profiles: FloatArray
    theta: FloatArray
    iterations: int


def rake(
    seed: FloatArray,
    margins: FloatArray,
    stratum: IntArray | None = None,
    *,
    start: FloatArray | None = None,
    max_iterations: int = 120,
) -> Raked:
    """Rake the seed of each area's stratum to the area's margins, all areas at once.

    Parameters
    ----------
    seed : ndarray, shape (s, 2^d) or (2^d,)
        Share of each profile in each stratum, all above 0; without ``stratum`` one for all, or one for each area.
    margins : ndarray, shape (n, d)
        Share of people deprived in each indicator; clipped to ``EDGE`` inside 0 and 1.
    stratum : ndarray of int, shape (n,), optional
        Row of ``seed`` of each area.
    start : ndarray, shape (n, d), optional
        ``theta`` of an earlier solution with the same seed or one like it.
    max_iterations : int

    Returns
    -------
    Raked

    Raises
    ------
    PovertyAssetsError
        If an area does not reach its margins within ``TOLERANCE``.
    """
    seed = np.atleast_2d(np.asarray(seed, dtype=float))
    wanted = np.clip(np.asarray(margins, dtype=float), EDGE, 1 - EDGE)
    n, d = wanted.shape
    own = np.arange(n) if len(seed) == n else np.zeros(n, dtype=np.int64)
    which = own if stratum is None else np.asarray(stratum)
    columns = moment_columns(d)
    if start is None:
        of_seed = np.clip(seed / seed.sum(axis=1, keepdims=True) @ columns[:, 1 : d + 1], EDGE, 1 - EDGE)
        start = logit(wanted) - logit(of_seed)[which]
    profiles, theta = np.empty((n, seed.shape[1])), np.array(start, dtype=float)
    active, step, best = np.arange(n), np.zeros((n, d)), np.full(n, np.inf)
    base = seed[which]
    for iteration in range(1, max_iterations + 1):
        whole = len(active) == n
        own_base = base if whole else base[active]
        trial = theta[active] + step[active]
        weight = tilted(own_base, trial)
        moments = weight @ columns
        total = moments[:, 0]
        # the tilt's factors are e^theta / (1 + e^theta): their logarithm is put back for the dual objective
        value = np.log(total) + np.logaddexp(0, trial).sum(axis=1) - np.sum(trial * wanted[active], axis=1)
        better = value <= best[active] + 1e-11
        accepted = active[better]
        theta[accepted], best[accepted] = trial[better], value[better]
        mean = moments[:, 1 : d + 1] / total[:, None]
        gap = wanted[active] - mean
        step[active] = np.where(better[:, None], 0.0, step[active] / 2)
        step[accepted] = _newton(moments[better] / total[better, None], gap[better], d)
        reached = better & (np.abs(gap).max(axis=1) <= TOLERANCE)
        if reached.any():
            done = active[reached]
            if whole and reached.all():
                return Raked(np.divide(weight, total[:, None], out=weight), theta, iteration)
            profiles[done] = weight[reached] / total[reached, None]
            active = active[~reached]
        if not len(active):
            return Raked(profiles, theta, iteration)
        if iteration % _SWEEP_EVERY == 0:
            # Newton's steps can stall where a margin of the seed lies far from the one wanted; sweeps never do
            theta[active] = _swept(base[active], theta[active], wanted[active])
            step[active], best[active] = 0.0, np.inf
    raise PovertyAssetsError(
        f"{len(active)} of {n} areas did not reach their margins in {max_iterations} steps, first number {active[0]}"
    )


def _swept(base: FloatArray, theta: FloatArray, wanted: FloatArray, sweeps: int = 10) -> FloatArray:
    """Theta after some sweeps of iterative proportional fitting: each margin met in turn."""
    d = wanted.shape[1]
    bits = profile_bits(np.arange(1 << d), d)
    for _ in range(sweeps):
        for j in range(d):
            weight = tilted(base, theta)
            share = np.clip(weight @ bits[:, j] / weight.sum(axis=1), 1e-15, 1 - 1e-15)
            theta[:, j] += logit(wanted[:, j]) - logit(share)
    return theta


def _newton(moments: FloatArray, gap: FloatArray, d: int) -> FloatArray:
    """Newton's step for each row: the covariance of the bits, solved for the gap."""
    first, second = pair_index(d)
    mean = moments[:, 1 : d + 1]
    covariance = np.empty((len(moments), d, d))
    covariance[:, first, second] = covariance[:, second, first] = moments[:, d + 1 :]
    covariance[:, np.arange(d), np.arange(d)] = mean
    covariance -= mean[:, :, None] * mean[:, None, :]
    # a margin at the edge has next to no variance of its own: scaled to correlations, the system stays well conditioned
    scale = 1 / np.sqrt(np.maximum(np.diagonal(covariance, axis1=1, axis2=2), 1e-300))
    correlation = covariance * scale[:, :, None] * scale[:, None, :]
    correlation[:, np.arange(d), np.arange(d)] += 1e-12
    step = scale * np.linalg.solve(correlation, (scale * gap)[:, :, None])[:, :, 0]
    return np.clip(step, -_LARGEST_STEP, _LARGEST_STEP)


def tilted(base: FloatArray, theta: FloatArray) -> FloatArray:
    """``base`` (n, 2^d) times the product over j of e^theta_j / (1 + e^theta_j) where bit j is set, else 1 / (1 + e^theta_j)."""
    with_bit = 1 / (1 + np.exp(-theta))
    without = 1 - with_bit
    n, d = theta.shape
    out = np.empty((n, 1 << d))
    out[:, 0] = 1.0
    for j in range(d):
        half = 1 << j
        np.multiply(out[:, :half], with_bit[:, j, None], out=out[:, half : 2 * half])
        out[:, :half] *= without[:, j, None]
    out *= base
    return out


def moment_columns(d: int) -> FloatArray:
    """Columns one, each bit, each pair of bits (``masks.pair_index``) over the 2^d profiles, shape (2^d, 1 + d + d(d-1)/2)."""
    bits = profile_bits(np.arange(1 << d), d)
    first, second = pair_index(d)
    return np.column_stack([np.ones(len(bits)), bits, bits[:, first] * bits[:, second]])


def independent(margins: FloatArray) -> FloatArray:
    """Profiles if deprivations were independent given the margins (n, d): shape (n, 2^d)."""
    clipped = np.clip(margins, EDGE, 1 - EDGE)
    return tilted(np.ones((1, 1)), logit(clipped))


def logit(share: FloatArray) -> FloatArray:
    """Logarithm of the odds."""
    return np.asarray(np.log(share) - np.log1p(-share))
