"""Profiles of every area from its margins: structure-preserving estimation (SPREE; Purcell and Kish 1980).

Belongs here: raking the association of a seed to the margins of all areas at once. Does not belong here: the seed itself
(``loadings``), margins (``margins``), figures of profiles (``measurement.joint``).

The fit of iterative proportional fitting is the member of an exponential family with the wanted margins::

    p_r = seed_r exp(sum_j theta_j bits_rj) / Z(theta)

so theta is found by Newton's method on d numbers an area, instead of by sweeps over 2^d. A profile's mask splits into a low and
a high half: products over bits are outer products of two vectors of 2^(d/2), and moments of pairs come from two small matrix
products. Areas are done in parts that fit the processor's cache. It needs some 5 steps where sweeps need 30 to hundreds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poverty_assets.arrays import FloatArray, IntArray, logit
from poverty_assets.errors import PovertyAssetsError
from poverty_assets.measurement.masks import pair_index, profile_bits

EDGE = 1e-6
"""Margins are kept this far inside 0 and 1: no tilt of a seed reaches the ends."""
TOLERANCE = 1e-8
"""Largest difference between a margin wanted and the margin of a profile."""
_SWEEP_EVERY = 15
_ROWS = 64  # areas at once: 64 x 1024 numbers are half a megabyte
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
    tolerance: float = TOLERANCE,
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
    tolerance : float
        Largest difference between a margin wanted and the profile's.
    max_iterations : int

    Returns
    -------
    Raked

    Raises
    ------
    PovertyAssetsError
        If an area does not reach its margins within ``tolerance``.
    """
    seed = np.atleast_2d(np.asarray(seed, dtype=float))
    wanted = np.clip(np.asarray(margins, dtype=float), EDGE, 1 - EDGE)
    n, d = wanted.shape
    own = np.arange(n) if len(seed) == n else np.zeros(n, dtype=np.int64)
    which = own if stratum is None else np.asarray(stratum)
    moments = _Moments(d)
    if start is None:
        of_seed = np.clip(moments(seed)[:, 1 : d + 1] / seed.sum(axis=1, keepdims=True), EDGE, 1 - EDGE)
        start = logit(wanted) - logit(of_seed)[which]
    theta = np.array(start, dtype=float)
    profiles = np.empty((n, seed.shape[1]))
    steps, missed = 0, []
    for at in range(0, n, _ROWS):
        rows = slice(at, at + _ROWS)
        taken, left = _rake_rows(
            seed[which[rows]], wanted[rows], theta[rows], profiles[rows], moments, tolerance, max_iterations
        )
        steps = max(steps, taken)
        missed += (at + left).tolist()
    if missed:
        raise PovertyAssetsError(
            f"{len(missed)} of {n} areas did not reach their margins in {max_iterations} steps, first number {missed[0]}"
        )
    return Raked(profiles, theta, steps)


def _rake_rows(
    base: FloatArray,
    wanted: FloatArray,
    theta: FloatArray,
    profiles: FloatArray,
    moments: _Moments,
    tolerance: float,
    max_iterations: int,
) -> tuple[int, IntArray]:
    """Newton's method for some areas; ``theta`` and ``profiles`` are filled in. Steps taken, and which areas are left."""
    m, d = wanted.shape
    active, step, best = np.arange(m), np.zeros((m, d)), np.full(m, np.inf)
    for iteration in range(1, max_iterations + 1):
        own = slice(None) if len(active) == m else active
        trial = theta[own] + step[own]
        weight = tilted(base[own], trial)
        found = moments(weight)
        total = found[:, 0]
        # the tilt's factors are e^theta / (1 + e^theta): their logarithm is put back for the dual objective
        value = np.log(total) + np.logaddexp(0, trial).sum(axis=1) - np.sum(trial * wanted[own], axis=1)
        better = value <= best[own] + 1e-11
        accepted = active[better]
        theta[accepted], best[accepted] = trial[better], value[better]
        gap = wanted[own] - found[:, 1 : d + 1] / total[:, None]
        step[active] = np.where(better[:, None], 0.0, step[active] / 2)
        reached = better & (np.abs(gap).max(axis=1) <= tolerance)
        if reached.any():
            profiles[active[reached]] = weight[reached] / total[reached, None]
        more = better & ~reached
        if more.any():
            step[active[more]] = _newton(found[more] / total[more, None], gap[more], d)
        active = active[~reached]
        if not len(active):
            return iteration, active
        if iteration % _SWEEP_EVERY == 0:
            # Newton's steps can stall where a margin of the seed lies far from the one wanted; sweeps never do
            theta[active] = _swept(base[active], theta[active], wanted[active])
            step[active], best[active] = 0.0, np.inf
    return max_iterations, active


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
    d = theta.shape[1]
    share = 1 / (1 + np.exp(-theta))
    low, high = products(share[:, : d // 2]), products(share[:, d // 2 :])
    out = base.reshape(len(base), high.shape[1], low.shape[1]) * high[:, :, None]
    out *= low[:, None, :]
    return np.asarray(out.reshape(len(theta), -1))


def products(share: FloatArray) -> FloatArray:
    """Product over the last axis of share_j where bit j is set, else 1 - share_j: (..., m) to (..., 2^m)."""
    out = np.ones((*share.shape[:-1], 1))
    for j in range(share.shape[-1]):
        one = share[..., j, None]
        out = np.concatenate([out * (1 - one), out * one], axis=-1)
    return out


class _Moments:
    """Sums of (n, 2^d) weights times one, each bit and each pair of bits (`moment_columns`): by halves of the mask."""

    def __init__(self, d: int) -> None:
        self.low, self.high = moment_columns(d // 2), moment_columns(d - d // 2)
        self.place = _places(d)

    def __call__(self, weight: FloatArray) -> FloatArray:
        n, h = len(weight), len(self.high)
        by_low = (weight.reshape(n * h, -1) @ self.low).reshape(n, h, -1)
        # the transposed copy is small, and one large product is many times faster than one an area
        both = by_low.transpose(0, 2, 1).reshape(-1, h) @ self.high
        return np.asarray(both.reshape(n, -1)[:, self.place])


def _places(d: int) -> IntArray:
    """Where one, each bit and each pair stand among the products of the halves' columns."""
    half = d // 2
    width = 1 + (d - half) + (d - half) * (d - half - 1) // 2

    def column(bits: list[int], size: int) -> int:
        if len(bits) < 2:
            return 1 + bits[0] if bits else 0
        first, second = pair_index(size)
        return 1 + size + int(np.flatnonzero((first == bits[0]) & (second == bits[1]))[0])

    first, second = pair_index(d)
    sets = [[], *([j] for j in range(d)), *([int(a), int(b)] for a, b in zip(first, second, strict=True))]
    return np.array(
        [
            column([j for j in s if j < half], half) * width + column([j - half for j in s if j >= half], d - half)
            for s in sets
        ],
        dtype=np.int64,
    )


def moment_columns(d: int) -> FloatArray:
    """Columns one, each bit, each pair of bits (``masks.pair_index``) over the 2^d profiles, shape (2^d, 1 + d + d(d-1)/2)."""
    bits = profile_bits(np.arange(1 << d), d)
    if d < 2:
        return np.column_stack([np.ones(len(bits)), bits])
    first, second = pair_index(d)
    return np.column_stack([np.ones(len(bits)), bits, bits[:, first] * bits[:, second]])


def independent(margins: FloatArray) -> FloatArray:
    """Profiles if deprivations were independent given the margins (n, d): shape (n, 2^d)."""
    clipped = np.clip(margins, EDGE, 1 - EDGE)
    return products(clipped)
