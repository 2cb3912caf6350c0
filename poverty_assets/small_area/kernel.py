"""The commune learner of this package: a Gaussian process on the logit scale whose data are survey clusters.

Belongs here: the kernel, its variances by restricted penalised likelihood, predictions for every area, and held-out ones in
closed form. Does not belong here: combining with direct estimates (``margins``), other learners (``modelling.learners``).

A sampled share y of effective size n stands in the model by its working value z = eta + (y - mu) / (mu (1 - mu)) with
sampling variance D = 1 / (n mu (1 - mu)) (penalised quasi-likelihood; Breslow and Clayton 1993), so that no share of 0 needs a
correction and the sample's noise is never taken for a difference between areas. The covariance of the areas' true logits
adds up named parts: leading covariates, all other features, province, place, and the area itself (the Fay-Herriot effect)::

    eta ~ N(m, K),   z = eta_s + e,   e ~ N(0, D)

What is predicted is linear in z. Replicates of a survey therefore need one matrix product, not a new fit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve
from scipy.linalg.lapack import dpotrf, dpotri
from scipy.optimize import minimize
from scipy.spatial.distance import cdist
from scipy.special import expit, ndtri

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

LEVEL_VARIANCE = 4.0
"""Prior variance of the mean about the sample's logit: wide."""
_PRIOR_SPREAD = 1.0  # of log variances about their start: a factor of e either way
_AREA_SPREAD = (
    0.5  # the same for the area's own, which a sample with one cluster an area can hardly tell from its noise
)
_AREA = 0.1  # where the area's own variance starts: logits of neighbours of one kind differ by some 0.3
_LEADING = 0.3  # where the variance of a leading covariate starts
_ROUNDS = 2
_EVALUATIONS = 6


@dataclass(frozen=True)
class Covariates:
    """What is known of every area.

    Attributes
    ----------
    features : ndarray, shape (n, p)
        As measured; NaN where not known (the median takes its place).
    xy : ndarray, shape (n, 2)
        Metric coordinates.
    province : ndarray of int, shape (n,)
        0 to g - 1.
    leading : ndarray, shape (n, q)
        Few covariates that each deserve a variance of their own: a register's rate, an earlier wave's prediction, another
        learner's held-out prediction.
    own : ndarray, shape (n, d), optional
        One such covariate of each indicator's own.
    """

    features: FloatArray
    xy: FloatArray
    province: IntArray
    leading: FloatArray
    own: FloatArray | None = None


@dataclass(frozen=True)
class Parts:
    """The parts of the kernel over all areas, each (n, n) with unit variance, and where their variances start."""

    names: tuple[str, ...]
    kernels: tuple[FloatArray, ...]
    start: FloatArray

    def with_own(self, column: FloatArray) -> Parts:
        """The same with one more leading covariate (n,)."""
        score = normal_ranks(column)[:, 0]
        return Parts(("own", *self.names), (np.outer(score, score), *self.kernels), np.append(_LEADING, self.start))

    def covariance(self, variances: FloatArray) -> FloatArray:
        """Prior covariance of all areas, shape (n, n)."""
        return np.asarray(sum(v * kernel for v, kernel in zip(variances, self.kernels, strict=True)) + LEVEL_VARIANCE)


def kernel_parts(covariates: Covariates, *, place_metres: float = 50_000.0) -> Parts:
    """Unit kernels of the model: ranked covariates, province, place (Matern 3/2); the area's own effect is the identity."""
    leading, features = normal_ranks(covariates.leading), normal_ranks(covariates.features)
    names = [f"leading_{q}" for q in range(leading.shape[1])]
    kernels = [np.outer(column, column) for column in leading.T]
    start = [_LEADING] * leading.shape[1]
    if features.shape[1]:
        p = features.shape[1]
        names += ["features", "features_curved"]
        kernels += [features @ features.T / p, np.exp(-cdist(features, features, "sqeuclidean") / (2 * p))]
        start += [0.15, 0.05]
    names += ["province", "place", "area"]
    same = (covariates.province[:, None] == covariates.province).astype(float)
    distance = np.sqrt(3) * cdist(covariates.xy, covariates.xy) / place_metres
    kernels += [same, (1 + distance) * np.exp(-distance), np.eye(len(same))]
    start += [0.1, 0.15, _AREA]
    return Parts(tuple(names), tuple(kernels), np.array(start))


def normal_ranks(columns: FloatArray) -> FloatArray:
    """Columns as normal scores of their ranks (mean 0, variance 1); a missing value gets 0, a constant column nothing else."""
    from scipy.stats import rankdata

    columns = np.asarray(columns, dtype=float).reshape(len(columns), -1)
    out = np.zeros_like(columns)
    for j, column in enumerate(columns.T):
        known = np.isfinite(column)
        if known.any() and np.ptp(column[known]) > 0:
            scores = ndtri((rankdata(column[known]) - 0.5) / known.sum())
            out[known, j] = scores / scores.std()
    return out


@dataclass(frozen=True)
class KernelFit:
    """One indicator's fit; s sampled areas of n.

    Attributes
    ----------
    variances : ndarray
        Of the parts, in their order.
    mean : float
        Level on the logit scale.
    working, noise : ndarray, shape (s,)
        z and its sampling variance D.
    predicted : ndarray, shape (n,)
        Posterior mean of eta.
    held_out, held_out_variance : ndarray, shape (s,)
        Mean and variance of eta for each sampled area, given all sampled areas but itself.
    variance : ndarray, shape (n,)
        Posterior variance of eta.
    smoother : ndarray, shape (n, s)
        predicted = mean + smoother @ (z - mean).
    sampled : ndarray of int, shape (s,)
    precision : ndarray, shape (s, s)
        Inverse covariance of z.
    """

    variances: FloatArray
    mean: float
    working: FloatArray
    noise: FloatArray
    predicted: FloatArray
    held_out: FloatArray
    held_out_variance: FloatArray
    variance: FloatArray
    smoother: FloatArray
    sampled: IntArray
    precision: FloatArray

    def held_out_groups(self, folds: IntArray) -> FloatArray:
        """Prediction of each sampled area from the sampled areas of other folds (folds (s,)), in closed form."""
        coefficient = self.precision @ (self.working - self.mean)
        out = np.empty(len(folds))
        for fold in np.unique(folds):
            rows = np.flatnonzero(folds == fold)
            out[rows] = self.working[rows] - np.linalg.solve(self.precision[np.ix_(rows, rows)], coefficient[rows])
        return out


def fit_kernel(parts: Parts, share: FloatArray, effective: FloatArray, sampled: IntArray) -> KernelFit:
    """Fit one indicator.

    Parameters
    ----------
    parts : Parts
        Over all n areas.
    share : ndarray, shape (s,)
        Direct shares, 0 and 1 included.
    effective : ndarray, shape (s,)
        Effective sample sizes, design effect taken off.
    sampled : ndarray of int, shape (s,)
        Their areas.
    """
    own = [kernel[np.ix_(sampled, sampled)] for kernel in parts.kernels]
    level = float(np.clip(np.average(share, weights=effective), 1e-4, 1 - 1e-4))
    mean = float(np.log(level / (1 - level)))
    log_variance, eta = np.log(parts.start), np.full(len(share), mean)
    for _ in range(_ROUNDS):
        eta = _mode(own, np.exp(log_variance), mean, share, effective, eta)
        working, noise = _working(share, effective, eta)
        log_variance = _variances(own, np.log(parts.start), log_variance, working - mean, noise)
    variances = np.exp(log_variance)
    eta = _mode(own, variances, mean, share, effective, eta)
    working, noise = _working(share, effective, eta)
    whole = parts.covariance(variances)
    everywhere = np.ascontiguousarray(whole[:, sampled])
    covariance = everywhere[sampled].copy()
    covariance[np.diag_indices(len(sampled))] += noise
    _, precision = _inverse(covariance)
    smoother = everywhere @ precision
    coefficient, own_precision = precision @ (working - mean), np.diagonal(precision)
    return KernelFit(
        variances,
        mean,
        working,
        noise,
        mean + everywhere @ coefficient,
        working - coefficient / own_precision,
        1 / own_precision - noise,
        np.diagonal(whole) - np.sum(smoother * everywhere, axis=1),
        smoother,
        sampled,
        precision,
    )


def _working(share: FloatArray, effective: FloatArray, eta: FloatArray) -> tuple[FloatArray, FloatArray]:
    mu = expit(eta)
    slope = np.maximum(mu * (1 - mu), 1e-6)
    return eta + (share - mu) / slope, 1 / (effective * slope)


def _mode(
    own: list[FloatArray], variances: FloatArray, mean: float, share: FloatArray, effective: FloatArray, eta: FloatArray
) -> FloatArray:
    """Posterior mode of eta at the sampled areas: Fisher scoring, the first steps halved."""
    kernel = sum(v * part for v, part in zip(variances, own, strict=True)) + LEVEL_VARIANCE
    for step in range(8):
        working, noise = _working(share, effective, eta)
        covariance = kernel.copy()
        covariance[np.diag_indices(len(eta))] += noise
        after = mean + kernel @ cho_solve(cho_factor(covariance, lower=True), working - mean)
        moved = np.abs(after - eta).max()
        eta = (eta + after) / 2 if step < 2 else after
        if moved < 1e-4:
            break
    return eta


def _variances(
    own: list[FloatArray], prior: FloatArray, start: FloatArray, residual: FloatArray, noise: FloatArray
) -> FloatArray:
    """Log variances at the maximum of the penalised likelihood, by its exact gradient."""

    spread = np.full(len(prior), _PRIOR_SPREAD)
    spread[-1] = _AREA_SPREAD

    def objective(log_variance: FloatArray) -> tuple[float, FloatArray]:
        variances = np.exp(log_variance)
        covariance = sum(v * part for v, part in zip(variances, own, strict=True)) + LEVEL_VARIANCE
        covariance[np.diag_indices(len(residual))] += noise
        triangle, inverse = _inverse(covariance)
        a = inverse @ residual
        away = (log_variance - prior) / spread
        value = 0.5 * residual @ a + np.log(np.diagonal(triangle)).sum() + 0.5 * away @ away
        inner = inverse - np.outer(a, a)
        slope = [0.5 * v * np.vdot(inner, part) for v, part in zip(variances, own, strict=True)]
        return value, np.array(slope) + away / spread

    found = minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxfun": _EVALUATIONS})
    return np.asarray(found.x, dtype=float)


def _inverse(covariance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Cholesky's lower triangle and the inverse, in half the work of solving for the identity."""
    triangle, _ = dpotrf(covariance, lower=1)
    half, _ = dpotri(triangle, lower=1)
    return triangle, np.tril(half) + np.tril(half, -1).T
