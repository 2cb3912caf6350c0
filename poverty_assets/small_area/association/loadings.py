"""How deprivations hang together in households once the area's margins are known.

Belongs here: one latent trait with a strength of its own in each group of areas, fitted to the pairs seen in the survey. Does not belong
here: what is believed of strengths beforehand (``profiles``), the profiles that the trait gives (``trait``), margins (``margins``).

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
from scipy.special import ndtri

from poverty_assets.arrays import FloatArray, IntArray, group_means
from poverty_assets.measurement.masks import pair_index
from poverty_assets.small_area.sample import Sample

STRENGTH_SPREAD = 0.4
"""Prior standard deviation of the log strengths of published areas."""
_MOST = 0.96  # largest loading: at 1 every household with the trait would lack it
_CLUSTER_EFFECT = 1.3


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
        What the pairs of a sample are worth, as a share of as many that know nothing of each other (``profiles.learnt_worth``).
    """

    centre: FloatArray | None = None
    spread: float = STRENGTH_SPREAD
    worth: float = 1.0


@dataclass(frozen=True)
class PairResiduals:
    """What pairs of g groups show beside what loadings and strengths say of them, each (g, pairs).

    Attributes
    ----------
    away : ndarray
        Shares of pairs less those fitted, what the sample's own margins say of them taken off.
    unit : ndarray
        What makes these standard, if households knew nothing of each other.
    answer : ndarray
        What a unit of log odds ratio would add to the share, margins held.
    """

    away: FloatArray
    unit: FloatArray
    answer: FloatArray


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


def pair_residuals(
    sample: Sample, margins: FloatArray, group: IntArray, found: Association, *, factor: FloatArray | None = None
) -> PairResiduals:
    """Residuals of a fit, or of another sample (``factor``) beside the same fit; other parameters as of `fit_association`."""
    problem = _Problem(sample, margins, group, factor, 1.0)
    fitted = problem.fitted(np.arctanh(found.loadings), np.log(found.strength))[0]
    away, variance = problem.residuals(fitted)
    a, b = (problem.margin[:, side] for side in (problem.first, problem.second))
    cells = np.maximum(np.stack([fitted, a - fitted, b - fitted, 1 - a - b + fitted]), 1e-9)
    return PairResiduals(
        problem.by_group(away), problem.unit(variance), problem.by_group(1 / np.sum(1 / cells, axis=0))
    )


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
        fitted, by_own = self.fitted(angle, log_strength)
        residual, variance = self.residuals(fitted)
        unit = self.unit(variance)
        strength = np.exp(log_strength)[self.group]
        loading = bounded(strength[:, None] * np.tanh(angle))
        inside = (np.abs(loading) < _MOST).astype(float)
        by_log = [by_own[k] * (loading * inside)[:, side] for k, side in enumerate((self.first, self.second))]
        turn = (1 - np.tanh(angle) ** 2) * strength[:, None] * inside
        by_angle = np.zeros((self.n_groups, len(self.first), len(angle)))
        for k, side in enumerate((self.first, self.second)):
            part = self.by_group(by_own[k] * turn[:, side])
            by_angle[:, np.arange(len(side)), side] += part
        return (
            unit * self.by_group(residual),
            unit[:, :, None] * by_angle,
            unit * self.by_group(by_log[0] + by_log[1]),
        )

    def residuals(self, fitted: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Shares of pairs of areas less those fitted, what margins say of them taken off, and one household's variance; (n, pairs)."""
        a, b = self.margin[:, self.first], self.margin[:, self.second]
        va, vb, joint = a * (1 - a), b * (1 - b), fitted - a * b
        with_a, with_b = fitted * (1 - a), fitted * (1 - b)
        determinant = np.maximum(va * vb - joint**2, 1e-15)
        on_a, on_b = (with_a * vb - with_b * joint) / determinant, (with_b * va - with_a * joint) / determinant
        residual = self.pairs - fitted - on_a * self.away[0] - on_b * self.away[1]
        return residual, np.maximum(fitted * (1 - fitted) - on_a * with_a - on_b * with_b, 1e-9)

    def unit(self, variance: FloatArray) -> FloatArray:
        """What makes residuals of groups standard (g, pairs), from one household's variance in each area."""
        return np.asarray(np.sqrt(self.effective[:, None] / np.maximum(self.by_group(variance), 1e-12)))

    def fitted(self, angle: FloatArray, log_strength: FloatArray) -> tuple[FloatArray, tuple[FloatArray, FloatArray]]:
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

    def by_group(self, values: FloatArray) -> FloatArray:
        return np.asarray(self.averages @ values)


def _density(x: FloatArray, y: FloatArray, rho: FloatArray) -> FloatArray:
    """Density of two standard normals with correlation rho."""
    rest = 1 - rho**2
    return np.asarray(np.exp(-(x**2 - 2 * rho * x * y + y**2) / (2 * rest)) / (2 * np.pi * np.sqrt(rest)))
