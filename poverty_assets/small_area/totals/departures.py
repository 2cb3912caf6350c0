"""Departures of finest areas from what covariates expect of them: a field shared by neighbours, of each indicator's own spread.

Belongs here: the field, how far it spreads by what published areas show, and draws of both. Does not belong here: what covariates expect
(``downscale``), errors of models that have a survey's households (``margins``).

On the probit scale a published area departs from what its covariates expect by the mean of its finest areas' departures and by the
publication's sampling error. With u a field of unit variance, C the covariance of its means and D the sampling variances, the
departures r of g published areas are::

    r ~ N(mu, sigma_j^2 C + D_j),   log sigma_j ~ N(log PRIOR, PRIOR_SPREAD^2)

sigma_j is of each indicator its own: fuel may differ between neighbours where schooling does not. Few published areas say little of
it, so the posterior is kept whole (on a grid, mu integrated out) and each replicate draws from it. So is that of how far indicators depart
together, one correlation of all pairs: of ten indicators even a handful of areas tell much of it, as there are 45 pairs. Point estimates
are not drawn towards what lies beyond a published area's border (kriging from areas to points): tried on groups of published areas, that
made H worse.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from poverty_assets.arrays import FloatArray, IntArray, group_means

PRIOR, PRIOR_SPREAD = 0.35, 0.65
"""Geometric mean of an indicator's spread before anything is seen of it, and the standard deviation of its logarithm: what probits spread
between the survey regions of other countries, net of sampling, in OPHI's tables of 2024 (sheet 5.5; those of at least five regions, the
three that are downscaled here left out)."""
KNOTS = 500
"""Areas that the field rests on; of more, the rest is each area's own."""
_GRID = np.geomspace(0.01, 2.5, 80)
_COMMON = np.linspace(0.0, 0.9, 19)  # correlations, each as likely before any departure is seen
_REACH = 0.6
_SHORTEST = 50_000.0


@dataclass(frozen=True)
class Field:
    """A field of unit variance over n areas.

    Attributes
    ----------
    root : ndarray of float32, shape (n, m)
    own : ndarray of float32, shape (n,)
        Standard deviation of what the root leaves out of each area.
    """

    root: npt.NDArray[np.float32]
    own: npt.NDArray[np.float32]

    def of(self, rows: IntArray) -> Field:
        """The same over some of the areas."""
        return Field(self.root[rows], self.own[rows])

    def covariance_of_means(self, group: IntArray, weight: FloatArray) -> FloatArray:
        """Covariance of the groups' weighted means, shape (g, g)."""
        root = group_means(self.root.astype(float), group, weight)
        own = np.bincount(group, (weight * self.own) ** 2) / np.bincount(group, weight) ** 2
        return np.asarray(root @ root.T + np.diag(own))


def field_over(xy: FloatArray, reach: float) -> Field:
    """Field with Matern's covariance of order 3/2 over the points (n, 2); ``reach`` in their units."""
    knots = _spread_over(xy, KNOTS)
    of_knots = _matern(cdist(xy[knots], xy[knots]), reach)
    values, vectors = np.linalg.eigh(of_knots + 1e-6 * np.eye(len(knots)))
    root = _matern(cdist(xy, xy[knots]), reach) @ (vectors / np.sqrt(np.maximum(values, 1e-6)))
    own = np.sqrt(np.maximum(1 - np.sum(root**2, axis=1), 0.0))
    return Field(root.astype(np.float32), own.astype(np.float32))


def reach_of(xy: FloatArray, group: IntArray) -> float:
    """How far departures reach: a share of how far apart published areas lie, at least 50 km (as place does in ``margins.kernel``)."""
    middle = group_means(xy, group)
    if len(middle) < 2:
        return _SHORTEST
    apart = cdist(middle, middle)
    np.fill_diagonal(apart, np.inf)
    return float(max(_SHORTEST, _REACH * np.median(apart.min(axis=1))))


@dataclass(frozen=True)
class DepartureSpreads:
    """What is known of the indicators' spreads.

    Attributes
    ----------
    weight : ndarray, shape (d, 80)
        Posterior probability of each spread of the grid.
    """

    weight: FloatArray

    @property
    def mean(self) -> FloatArray:
        """Root of the mean square, shape (d,)."""
        return np.asarray(np.sqrt(self.weight @ _GRID**2))

    def draw(self, rng: np.random.Generator) -> FloatArray:
        """One spread of each indicator, shape (d,)."""
        below = np.cumsum(self.weight, axis=1)
        return np.asarray(_GRID[np.argmax(below >= rng.uniform(size=(len(below), 1)) * below[:, -1:], axis=1)])


def learn_spreads(departure: FloatArray, noise: FloatArray, covariance: FloatArray) -> DepartureSpreads:
    """Posterior of each indicator's spread.

    Parameters
    ----------
    departure : ndarray, shape (g, d)
        Of published areas from what covariates expect; a common level counts for nothing.
    noise : ndarray, shape (g, d)
        Sampling variances of their probits.
    covariance : ndarray, shape (g, g)
        Of the means of a field of unit variance.
    """
    g, d = departure.shape
    prior = -0.5 * (np.log(_GRID / PRIOR) / PRIOR_SPREAD) ** 2
    weight = np.empty((d, len(_GRID)))
    for j in range(d):
        every = _GRID[:, None, None] ** 2 * covariance + np.diag(np.maximum(noise[:, j], 1e-6))
        inverse = np.linalg.inv(every)
        level = inverse.sum(axis=2)
        mu = level @ departure[:, j] / level.sum(axis=1)
        away = departure[:, j] - mu[:, None]
        fit = np.einsum("kg,kgh,kh->k", away, inverse, away)
        likelihood = -0.5 * (np.linalg.slogdet(every)[1] + np.log(level.sum(axis=1)) + fit)
        log_weight = prior + (likelihood if g > 1 else 0.0)
        weight[j] = np.exp(log_weight - log_weight.max())
    return DepartureSpreads(weight / weight.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class Departures:
    """What finest areas may depart by from what covariates expect of them.

    Attributes
    ----------
    field : Field
    spreads : DepartureSpreads
    common : ndarray, shape (19,)
        Posterior probability of each correlation between indicators, of 0 to 0.9 (`learn_common`).
    """

    field: Field
    spreads: DepartureSpreads
    common: FloatArray

    def of(self, rows: IntArray) -> Departures:
        """The same of some of the finest areas."""
        return replace(self, field=self.field.of(rows))

    def draw(self, rng: np.random.Generator) -> FloatArray:
        """Departures as they may be, shape (n, d)."""
        d = len(self.spreads.weight)
        knots, own = (rng.standard_normal((size, d + 1)) for size in (self.field.root.shape[1], len(self.field.own)))
        spread, common = self.spreads.draw(rng), float(rng.choice(_COMMON, p=self.common))
        field = self.field.root @ mixed(knots, common) + self.field.own[:, None] * mixed(own, common)
        return np.asarray(field * spread)


def learn_common(
    departure: FloatArray, noise: FloatArray, covariance: FloatArray, spreads: DepartureSpreads
) -> FloatArray:
    """Posterior of the correlation between the indicators' departures, shape (19,): arguments as in `learn_spreads`, and its answer.

    Departures are freed of what areas have in common, each indicator by the mean of its spread, and brought to unit variance. Rows are
    then normal with the correlation c between all columns: determinant (1 - c)^(d - 1) (1 + (d - 1) c).
    """
    g, d = departure.shape
    flat = np.full(len(_COMMON), 1 / len(_COMMON))
    if g < 3:
        return flat
    white = np.empty((g, d))
    for j, spread in enumerate(spreads.mean):
        root = np.linalg.cholesky(spread**2 * covariance + np.diag(np.maximum(noise[:, j], 1e-6)))
        ones, own = np.linalg.solve(root, np.column_stack([np.ones(g), departure[:, j]])).T
        white[:, j] = own - ones * (ones @ own) / (ones @ ones)
    size = np.sqrt((white**2).sum(axis=0) / (g - 1))
    white = white[:, size > 1e-9] / size[size > 1e-9]
    d = white.shape[1]
    if d < 2:
        return flat
    square, together = float((white**2).sum()), float((white.sum(axis=1) ** 2).sum())
    fit = (square - _COMMON / (1 + (d - 1) * _COMMON) * together) / (1 - _COMMON)
    log_weight = -0.5 * ((g - 1) * ((d - 1) * np.log(1 - _COMMON) + np.log(1 + (d - 1) * _COMMON)) + fit)
    weight = np.exp(log_weight - log_weight.max())
    return np.asarray(weight / weight.sum())


def mixed(normal: FloatArray, common: float) -> FloatArray:
    """Columns of independent normal values (n, d + 1) as d columns with the correlation ``common``."""
    return np.asarray(np.sqrt(common) * normal[:, :1] + np.sqrt(1 - common) * normal[:, 1:])


def _matern(distance: FloatArray, reach: float) -> FloatArray:
    scaled = np.sqrt(3) * distance / reach
    return np.asarray((1 + scaled) * np.exp(-scaled))


def _spread_over(xy: FloatArray, most: int) -> IntArray:
    """Points as far from one another as may be, ``most`` of them: each next one is the one farthest from those before."""
    n = len(xy)
    if n <= most:
        return np.arange(n)
    chosen = np.zeros(most, dtype=np.int64)
    nearest = np.hypot(*(xy - xy[0]).T)
    for k in range(1, most):
        chosen[k] = int(np.argmax(nearest))
        nearest = np.minimum(nearest, np.hypot(*(xy - xy[chosen[k]]).T))
    return np.sort(chosen)
