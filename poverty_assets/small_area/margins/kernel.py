"""The finest area learner of this package: a Gaussian process on the probit scale whose data are survey clusters.

Belongs here: the kernel, its variances by restricted penalised likelihood, predictions for every area, held-out ones in
closed form, and the covariance of their errors. Does not belong here: combining with direct estimates (``fit``), other
learners (``small_area.league``).

A sampled share y of effective size n stands in the model by its working value z = eta + (y - mu) / phi(eta), mu = Phi(eta), with
sampling variance D = mu (1 - mu) / (n phi(eta)^2) (penalised quasi-likelihood; Breslow and Clayton 1993), so that no share of 0
needs a correction and the sample's noise is never taken for a difference between areas. The probit is the scale of the
households' latent trait (``association``): an area that is better off moves all its households' thresholds alike, whereas on the
logit scale areas near 0 would differ more than others. The covariance of the areas' true values adds up named parts: leading
covariates, all other features, published area, place, and the area itself (the Fay-Herriot effect)::

    eta ~ N(m, K),   z = eta_s + e,   e ~ N(0, D)

An earlier wave enters as in a Kalman filter: its posterior mean and covariance are the first parts of the kernel of the next
(`Parts.after`), so that areas which it visited are known better than others, and what has changed since is told by the rest.

Variances and modes are found in single precision, which is far finer than the sample tells them. What is predicted is linear in
z. Replicates of a survey therefore need one matrix product, not a new fit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg.blas import ssyrk
from scipy.linalg.lapack import dpotrf, dpotri, spotrf, spotri, spotrs
from scipy.optimize import minimize
from scipy.spatial.distance import cdist
from scipy.special import ndtr, ndtri

from poverty_assets.arrays import FloatArray, IntArray, normal_ranks
from poverty_assets.judging.folds import BLOCK_METRES

Float32 = npt.NDArray[np.float32]


LEVEL_VARIANCE = 1.5
"""Prior variance of the mean about the sample's: wide."""
AREA_SPREAD = 0.5
"""Prior standard deviation of the logarithm of the area's own variance, which one cluster an area can hardly tell from noise."""
_PRIOR_SPREAD = 1.0  # of log variances about their start: a factor of e either way
_AREA = 0.037  # where the area's own variance starts: neighbours of one kind differ by some 0.2
_LEADING = 0.11  # where the variance of a leading covariate starts
_FURTHEST = 4.5  # from 0: beyond it a share tells nothing of how far
_LEFT = 0.25  # of the other parts' variances: what starts as change since an earlier wave
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
    at_published : ndarray of int, shape (n,)
        0 to g - 1.
    leading : ndarray, shape (n, q)
        Few covariates that each deserve a variance of their own: a register's rate, an earlier wave's prediction, another
        learner's held-out prediction.
    own : ndarray, shape (n, d), optional
        One such covariate of each indicator's own.
    block_metres : float
        Side of the blocks of land that are held out together.
    """

    features: FloatArray
    xy: FloatArray
    at_published: IntArray
    leading: FloatArray
    own: FloatArray | None = None
    block_metres: float = BLOCK_METRES


@dataclass(frozen=True)
class Parts:
    """The parts of the kernel over all areas, each (n, n) of float32, and where their variances start."""

    names: tuple[str, ...]
    kernels: tuple[Float32, ...]
    start: FloatArray

    def with_own(self, column: FloatArray) -> Parts:
        """The same with one more leading covariate (n,)."""
        score = normal_ranks(column)[:, 0].astype(np.float32)
        return Parts(("own", *self.names), (np.outer(score, score), *self.kernels), np.append(_LEADING, self.start))

    def after(self, before: KernelFit) -> Parts:
        """The same, given an earlier wave's fit with these parts: its prediction and the covariance of its error come first."""
        away = (before.predicted - np.average(before.predicted)).astype(np.float32)
        size = max(float(away.std()), 1e-3)
        away /= size
        error = np.tril(self.error_covariance(before))
        level = float(np.diagonal(error).mean())
        error += np.tril(error, -1).T
        error /= level
        start = np.concatenate([[size**2, level], _LEFT * self.start])
        start[-1] = self.start[-1]
        return Parts(("before", "before_error", *self.names), (np.outer(away, away), error, *self.kernels), start)

    def carried_error(self, fit: KernelFit) -> float:
        """Correlation of what a fit leaves open with what the fit before it did, over all areas, of the parts from `after`.

        The earlier error e enters the later truth with the variance v that the later wave finds for it: by c = sqrt(v / level)
        of itself. What of c e the later wave does not see stays in its error::

            cov = c (E - S E_s),   E the covariance of e, S the smoother

        The parts of both errors that come from the samples' noise are left out: two samples share none.
        """
        shape, level = self.kernels[1], float(self.start[1])
        seen = np.sum(fit.smoother * shape[:, fit.sampled], axis=1)
        covariance = np.sqrt(fit.variances[1] * level) * (np.diagonal(shape) - seen)
        noise = np.sum(fit.smoother**2 * fit.noise, axis=1)
        spread = np.sqrt(level * np.diagonal(shape) * np.maximum(fit.variance - noise, 0.0))
        return float(np.clip(covariance.sum() / max(float(spread.sum()), 1e-12), 0.0, 1.0))

    def covariance(self, variances: FloatArray) -> Float32:
        """Prior covariance of all areas, shape (n, n)."""
        out = np.full_like(self.kernels[0], LEVEL_VARIANCE)
        for v, kernel in zip(variances, self.kernels, strict=True):
            out += np.float32(v) * kernel
        return out

    def error_covariance(self, fit: KernelFit, noise: float = 1.0) -> Float32:
        """Lower triangle of the covariance of what a fit with these parts leaves open, shape (n, n); above it nothing is meant.

        With smoother S, sampled areas' covariance C and noise D it is K - S (C + D) S'. With ``noise`` 2, what comes from the
        sample's noise (S D S') is left out as well: resampling shows it.
        """
        covariance = self.covariance(fit.variances)
        middle = covariance[np.ix_(fit.sampled, fit.sampled)]
        middle[np.diag_indices(len(middle))] += (noise * fit.noise).astype(np.float32)
        root, _ = spotrf(middle.T, lower=1, clean=1, overwrite_a=1)
        away = np.asfortranarray(fit.smoother.astype(np.float32) @ root)
        return np.asarray(ssyrk(-1.0, away, beta=1.0, c=covariance.T, lower=1, overwrite_c=1))


def kernel_parts(covariates: Covariates, *, place_metres: float = 50_000.0) -> Parts:
    """Unit kernels of the model: ranked covariates, published area, place (Matern 3/2); the area's own effect is the identity."""
    leading, features = normal_ranks(covariates.leading), normal_ranks(covariates.features)
    names = [f"leading_{q}" for q in range(leading.shape[1])]
    kernels = [np.outer(column, column) for column in leading.T]
    start = [_LEADING] * leading.shape[1]
    if features.shape[1]:
        p = features.shape[1]
        names += ["features", "features_curved"]
        kernels += [features @ features.T / p, np.exp(-cdist(features, features, "sqeuclidean") / (2 * p))]
        start += [_LEADING / 2, _LEADING / 6]
    names += ["published", "place", "area"]
    same = (covariates.at_published[:, None] == covariates.at_published).astype(float)
    distance = np.sqrt(3) * cdist(covariates.xy, covariates.xy) / place_metres
    kernels += [same, (1 + distance) * np.exp(-distance), np.eye(len(same))]
    start += [_LEADING / 3, _LEADING / 2, _AREA]
    return Parts(tuple(names), tuple(k.astype(np.float32) for k in kernels), np.array(start))


@dataclass(frozen=True)
class KernelFit:
    """One indicator's fit; s sampled areas of n.

    Attributes
    ----------
    names : tuple of str
        Of the parts.
    variances : ndarray
        Of the parts, in their order.
    mean : float
        Level on the probit scale.
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

    names: tuple[str, ...]
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
    mean = float(ndtri(np.clip(np.average(share, weights=effective), 1e-4, 1 - 1e-4)))
    log_variance, eta = np.log(parts.start), np.full(len(share), mean)
    for _ in range(_ROUNDS):
        eta = _mode(own, np.exp(log_variance), mean, share, effective, eta)
        working, noise = _working(share, effective, eta)
        log_variance = _variances(own, np.log(parts.start), log_variance, working - mean, noise)
    variances = np.exp(log_variance)
    eta = _mode(own, variances, mean, share, effective, eta)
    working, noise = _working(share, effective, eta)
    everywhere = parts.covariance(variances)[:, sampled].astype(float)
    covariance = everywhere[sampled]
    covariance[np.diag_indices(len(sampled))] += noise
    half, _ = dpotri(dpotrf(covariance.T, lower=1, clean=1, overwrite_a=1)[0], lower=1, overwrite_c=1)
    precision = half + np.tril(half, -1).T
    smoother = everywhere @ precision
    coefficient, own_precision = precision @ (working - mean), np.diagonal(precision)
    level = LEVEL_VARIANCE + sum(v * np.diagonal(k) for v, k in zip(variances, parts.kernels, strict=True))
    return KernelFit(
        parts.names,
        variances,
        mean,
        working,
        noise,
        mean + everywhere @ coefficient,
        working - coefficient / own_precision,
        1 / own_precision - noise,
        level - np.sum(smoother * everywhere, axis=1),
        smoother,
        sampled,
        precision,
    )


def _working(share: FloatArray, effective: FloatArray, eta: FloatArray) -> tuple[FloatArray, FloatArray]:
    inside = np.clip(eta, -_FURTHEST, _FURTHEST)
    mu, slope = ndtr(inside), density(inside)
    return inside + (share - mu) / slope, mu * (1 - mu) / (effective * slope**2)


def density(eta: FloatArray) -> FloatArray:
    """Of the standard normal."""
    return np.asarray(np.exp(-(eta**2) / 2) / np.sqrt(2 * np.pi))


def _mode(
    own: list[Float32], variances: FloatArray, mean: float, share: FloatArray, effective: FloatArray, eta: FloatArray
) -> FloatArray:
    """Posterior mode of eta at the sampled areas: Fisher scoring, the first steps halved."""
    kernel = _sum(own, variances)
    at = np.diag_indices(len(eta))
    for step in range(8):
        working, noise = _working(share, effective, eta)
        covariance = kernel.copy()
        covariance[at] += noise.astype(np.float32)
        root, _ = spotrf(covariance.T, lower=1, overwrite_a=1)
        solved, _ = spotrs(root, (working - mean).astype(np.float32), lower=1)
        after = mean + (kernel @ solved).astype(float)
        moved = np.abs(after - eta).max()
        eta = (eta + after) / 2 if step < 2 else after
        if moved < 1e-3:
            break
    return eta


def _sum(own: list[Float32], variances: FloatArray) -> Float32:
    out = np.full_like(own[0], LEVEL_VARIANCE)
    for v, part in zip(variances, own, strict=True):
        out += np.float32(v) * part
    return out


def _variances(
    own: list[Float32], prior: FloatArray, start: FloatArray, residual: FloatArray, noise: FloatArray
) -> FloatArray:
    """Log variances at the maximum of the penalised likelihood, by its exact gradient."""
    spread = np.full(len(prior), _PRIOR_SPREAD)
    spread[-1] = AREA_SPREAD
    traces = [np.diagonal(part) for part in own]
    at = np.diag_indices(len(residual))
    right = residual.astype(np.float32)

    def objective(log_variance: FloatArray) -> tuple[float, FloatArray]:
        variances = np.exp(log_variance)
        covariance = _sum(own, variances)
        covariance[at] += noise.astype(np.float32)
        root, _ = spotrf(covariance.T, lower=1, clean=1, overwrite_a=1)
        a, _ = spotrs(root, right, lower=1)
        away = (log_variance - prior) / spread
        value = 0.5 * float(right @ a) + float(np.log(np.diagonal(root), dtype=float).sum()) + 0.5 * float(away @ away)
        # the inverse's lower triangle, as a row-wise upper one: what is off the diagonal counts twice
        half = spotri(root, lower=1, overwrite_c=1)[0].T
        diagonal = np.diagonal(half).copy()
        slope = [
            0.5 * v * (2 * float(np.vdot(half, part)) - float(diagonal @ trace) - float(a @ (part @ a)))
            for v, part, trace in zip(variances, own, traces, strict=True)
        ]
        return value, np.array(slope) + away / spread

    # steps that change the likelihood by less than single precision resolves are not worth looking for
    options = {"maxfun": _EVALUATIONS, "ftol": 1e-5, "gtol": 1e-2, "maxls": 4}
    found = minimize(objective, start, jac=True, method="L-BFGS-B", options=options)
    return np.asarray(found.x, dtype=float)
