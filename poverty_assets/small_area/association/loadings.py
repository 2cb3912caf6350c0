"""How deprivations hang together in households once the area's margins are known.

Belongs here: one latent trait with a strength of its own in each group of areas, fitted to the pairs seen in the survey, and the
profiles it gives at any margins. Does not belong here: margins (``margins``), raking (``raking``).

The seed of structure-preserving estimation must hold the association *within* areas. The distribution of a whole survey does not:
poor areas lack everything more often, so that pooled households show overlap where none of their areas has any. Here a
household's trait f is standard normal, indicator j is lacking with probability Phi((a_ij + l_ij f) / sqrt(1 - l_ij^2)), and
a_ij follows from the area's margin. Loadings are common, l_ij = s_g l_j, with the strength s_g of the area's group: dependence
differs between published areas in strength far more than in kind. Twenty parameters and a few strengths thus smooth 2^d profiles,
where a log-linear model of all pairs needs 45 a group (Bartholomew, Knott and Moustaki 2011 on latent traits).

The fit looks at pairs only. What the sample of an area shows beyond its margins enters by the regression of pairs on margins, so
that an area with more deprivation in the sample than in its margins does not pass for association.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from poverty_assets.arrays import FloatArray, IntArray, group_means
from poverty_assets.measurement.masks import pair_index
from poverty_assets.small_area.association.raking import EDGE, products
from poverty_assets.small_area.sample import Sample

STRENGTH_SPREAD = 0.4
"""Prior standard deviation of the log strengths of published areas."""
_NODES = 11
_MOST = 0.96  # largest loading: at 1 every household with the trait would lack it
_CLUSTER_EFFECT = 1.3
_SPREAD_OF_SPREAD = 1.0  # prior standard deviation of the log of a spread of log strengths
_LEAST_WORTH = 0.05


@dataclass(frozen=True)
class StrengthPrior:
    """What is believed of the strengths of g groups beforehand.

    Attributes
    ----------
    centre : ndarray, shape (g,), optional
        Medians, as of the larger groups that the groups are parts of; 1 each if not given.
    spread : float
        Standard deviation of log strengths about them.
    worth : float
        What the pairs of a sample are worth, as a share of as many that know nothing of each other (`learnt_worth`).
    """

    centre: FloatArray | None = None
    spread: float = STRENGTH_SPREAD
    worth: float = 1.0


@dataclass(frozen=True)
class Association:
    """Loadings l (d,) and strengths s (g,) of groups of areas, with the approximate errors of log s."""

    loadings: FloatArray
    strength: FloatArray
    strength_error: FloatArray

    def of_areas(self, group: IntArray) -> FloatArray:
        """Loadings of each area, shape (n, d)."""
        return bounded(self.strength[group, None] * self.loadings)


def bounded(loadings: FloatArray) -> FloatArray:
    """Loadings as large as they can be, on either side of nothing."""
    return np.clip(loadings, -_MOST, _MOST)


def fit_association(
    sample: Sample,
    margins: FloatArray,
    group: IntArray,
    *,
    factor: FloatArray | None = None,
    start: Association | None = None,
    prior: StrengthPrior | None = None,
    iterations: int = 12,
) -> Association:
    """Fit loadings and strengths to the survey's pairs, given margins of all areas.

    Parameters
    ----------
    sample : Sample
    margins : ndarray, shape (n, d)
        The margins that profiles will be made for.
    group : ndarray of int, shape (n,)
        0 to g - 1; published areas, for instance.
    factor : ndarray, shape (p,), optional
        On the weights of PSUs, as of a replicate.
    start : Association, optional
        Of a sample like it: few iterations then do.
    prior : StrengthPrior, optional
    iterations : int
        Steps of Gauss and Newton.
    """
    prior = prior or StrengthPrior()
    problem = _Problem(sample, margins, group, factor, prior.worth)
    d, g = margins.shape[1], int(group.max()) + 1
    angle = np.arctanh(start.loadings) if start else np.full(d, np.arctanh(0.5))
    spread = prior.spread
    middle = np.zeros(g) if prior.centre is None else np.log(prior.centre)
    log_strength = np.log(start.strength) if start else middle.copy()
    information = np.ones(g)
    for _ in range(iterations):
        residual, by_loading, by_strength = problem.linearised(angle, log_strength)
        # strengths enter their own group's pairs only: they are eliminated group by group, and loadings solved for
        information = np.sum(by_strength**2, axis=1) + 1 / spread**2
        pull = np.sum(by_strength * residual, axis=1) - (log_strength - middle) / spread**2
        cross = np.einsum("gp,gpj->gj", by_strength, by_loading)
        normal = np.einsum("gpi,gpj->ij", by_loading, by_loading) - cross.T @ (cross / information[:, None])
        right = np.einsum("gpj,gp->j", by_loading, residual) - cross.T @ (pull / information)
        step = np.clip(np.linalg.solve(normal + 1e-3 * np.eye(d), right), -0.3, 0.3)
        of_strength = np.clip((pull - cross @ step) / information, -0.5, 0.5)
        angle, log_strength = angle + step, log_strength + of_strength
        if max(np.abs(step).max(), np.abs(of_strength).max()) < 1e-4:
            break
    return Association(np.tanh(angle), np.exp(log_strength), 1 / np.sqrt(information))


def learnt_spread(found: Association, prior: StrengthPrior) -> float:
    """Standard deviation of log strengths of groups about their centres, as the survey shows it.

    What each group's own pairs say of its log strength, prior taken off, is u_g with variance 1 / I_g, I_g the information in
    them: u_g ~ N(centre, spread^2 + 1 / I_g). The spread is at the maximum of that likelihood, times a wide prior about the one
    that the strengths were fitted with.
    """
    middle = np.zeros_like(found.strength) if prior.centre is None else np.log(prior.centre)
    away = np.log(found.strength) - middle
    information = np.maximum(1 / found.strength_error**2 - 1 / prior.spread**2, 0.0)
    known = information > 1e-3 / prior.spread**2
    if not known.any():
        return prior.spread
    own = away[known] * (1 + 1 / (prior.spread**2 * information[known]))
    spreads = prior.spread * np.exp(np.linspace(-1.5, 1.5, 121))
    variance = spreads[:, None] ** 2 + 1 / information[known]
    value = 0.5 * np.sum(np.log(variance) + own**2 / variance, axis=1)
    value += 0.5 * (np.log(spreads / prior.spread) / _SPREAD_OF_SPREAD) ** 2
    return float(spreads[np.argmin(value)])


def learnt_worth(found: Association, again: list[Association], prior: StrengthPrior) -> float:
    """What pairs are worth beside as many that know nothing of each other, from fits to resampled surveys.

    Pairs share indicators and households share clusters, so that strengths of resampled surveys vary more than the information
    would have them: with I_g of it and a prior of variance t^2, by I_g / (I_g + 1 / t^2)^2.
    """
    total = 1 / found.strength_error**2
    information = np.maximum(total - 1 / prior.spread**2, 0.0)
    expected = float(np.sum(information / total**2))
    moved = np.stack([np.log(one.strength) for one in again])
    seen = float(np.sum(moved.var(axis=0, ddof=1)))
    return float(np.clip(expected / seen, _LEAST_WORTH, 1.0)) if seen > 0 else 1.0


class _Problem:
    """Standardised residuals of pairs by group, and their derivatives."""

    def __init__(
        self, sample: Sample, margins: FloatArray, group: IntArray, factor: FloatArray | None, worth: float
    ) -> None:
        from scipy.sparse import csr_array

        weight = sample.weight if factor is None else sample.weight * factor
        self.sampled = np.unique(sample.area[weight > 0])
        place = np.searchsorted(self.sampled, sample.area)
        rows = weight > 0
        n, d = len(self.sampled), margins.shape[1]
        self.first, self.second = pair_index(d)
        total = np.bincount(place[rows], weight[rows], n)
        self.margin = np.clip(margins[self.sampled], 1e-5, 1 - 1e-5)
        away = group_means(sample.shares[rows], place[rows], weight[rows], n) - self.margin
        self.away = away[:, self.first], away[:, self.second]
        self.pairs = group_means(sample.pairs[rows], place[rows], weight[rows], n)
        self.group, self.n_groups = group[self.sampled], int(group.max()) + 1
        self.weight = total / np.bincount(self.group, total, self.n_groups)[self.group]  # sums to 1 in each group
        self.averages = csr_array((self.weight, (self.group, np.arange(n))), shape=(self.n_groups, n))
        households = np.bincount(place[rows], sample.effective[rows], n)
        self.effective = np.bincount(self.group, households, self.n_groups) * worth / _CLUSTER_EFFECT

    def linearised(self, angle: FloatArray, log_strength: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Residuals (g, pairs), and minus their derivatives by angles (g, pairs, d) and by own log strengths (g, pairs)."""
        fitted, by_own = self._pairs(angle, log_strength)
        a, b = self.margin[:, self.first], self.margin[:, self.second]
        va, vb, joint = a * (1 - a), b * (1 - b), fitted - a * b
        with_a, with_b = fitted * (1 - a), fitted * (1 - b)
        determinant = np.maximum(va * vb - joint**2, 1e-15)
        on_a, on_b = (with_a * vb - with_b * joint) / determinant, (with_b * va - with_a * joint) / determinant
        residual = self.pairs - fitted - on_a * self.away[0] - on_b * self.away[1]
        variance = np.maximum(fitted * (1 - fitted) - on_a * with_a - on_b * with_b, 1e-9)
        unit = np.sqrt(self.effective[:, None] / np.maximum(self._by_group(variance), 1e-12))
        strength = np.exp(log_strength)[self.group]
        loading = bounded(strength[:, None] * np.tanh(angle))
        inside = (np.abs(loading) < _MOST).astype(float)
        by_log = [by_own[k] * (loading * inside)[:, side] for k, side in enumerate((self.first, self.second))]
        turn = (1 - np.tanh(angle) ** 2) * strength[:, None] * inside
        by_angle = np.zeros((self.n_groups, len(self.first), len(angle)))
        for k, side in enumerate((self.first, self.second)):
            part = self._by_group(by_own[k] * turn[:, side])
            by_angle[:, np.arange(len(side)), side] += part
        return (
            unit * self._by_group(residual),
            unit[:, :, None] * by_angle,
            unit * self._by_group(by_log[0] + by_log[1]),
        )

    def _pairs(self, angle: FloatArray, log_strength: FloatArray) -> tuple[FloatArray, tuple[FloatArray, FloatArray]]:
        """Shares of pairs (n, pairs) and their derivatives by the area's loading of the first and of the second."""
        loading = bounded(np.exp(log_strength)[self.group, None] * np.tanh(angle))
        # two standard normals with correlation l_a l_b: the orthant probability by Plackett's integral of the density
        node, weight = np.polynomial.legendre.leggauss(10)
        x, y = ndtri(self.margin)[:, self.first], ndtri(self.margin)[:, self.second]
        rho = loading[:, self.first] * loading[:, self.second]
        share = self.margin[:, self.first] * self.margin[:, self.second]
        for t, w in zip((node + 1) / 2, weight / 2, strict=True):
            share = share + w * rho * _density(x, y, t * rho)
        slope = _density(x, y, rho)
        return share, (slope * loading[:, self.second], slope * loading[:, self.first])

    def _by_group(self, values: FloatArray) -> FloatArray:
        return np.asarray(self.averages @ values)


def _density(x: FloatArray, y: FloatArray, rho: FloatArray) -> FloatArray:
    """Density of two standard normals with correlation rho."""
    rest = 1 - rho**2
    return np.asarray(np.exp(-(x**2 - 2 * rho * x * y + y**2) / (2 * rest)) / (2 * np.pi * np.sqrt(rest)))


def trait_profiles(margins: FloatArray, loadings: FloatArray) -> FloatArray:
    """Profiles of areas with the given margins and loadings (both (n, d)), shape (n, 2^d): margins met to quadrature's error.

    Notes
    -----
    Gauss and Hermite's rule over the trait, thresholds corrected by two steps of Newton so that margins hold under the rule.
    """
    node, weight = np.polynomial.hermite_e.hermegauss(_NODES)
    weight = weight / weight.sum()
    wanted = np.clip(margins, EDGE, 1 - EDGE)[:, None, :]
    own = 1 / np.sqrt(1 - loadings**2)[:, None, :]
    trait = loadings[:, None, :] * node[:, None]
    threshold = ndtri(wanted)
    for _ in range(2):
        z = (threshold + trait) * own
        slope = np.tensordot(weight, np.exp(-(z**2) / 2), (0, 1))[:, None, :] * own / np.sqrt(2 * np.pi)
        found = np.tensordot(weight, ndtr(z), (0, 1))[:, None, :]
        threshold = threshold - np.clip((found - wanted) / np.maximum(slope, 1e-12), -0.5, 0.5)
    chance = np.clip(ndtr((threshold + trait) * own), 1e-12, 1 - 1e-12)
    half = loadings.shape[1] // 2
    # given the trait a profile's chance is that of its low bits times that of its high ones: the sum over nodes is one small
    # matrix product an area
    high = products(chance[..., half:]) * weight[:, None]
    out = np.matmul(high.transpose(0, 2, 1), products(chance[..., :half]))
    return np.asarray(out.reshape(len(margins), -1))
