"""The finest area learner of this package: a Gaussian process on the probit scale whose data are survey clusters.

Belongs here: the kernel, its variances by restricted penalised likelihood, predictions for every area, held-out ones in
closed form, and the covariance of their errors. Does not belong here: combining with direct estimates (``fit``), other
learners (``small_area.league``).

A sampled share y of effective size n stands in the model by its working value z = eta + (y - mu) / phi(eta), mu = Phi(eta), with
sampling variance D = mu (1 - mu) / (n phi(eta)^2) (penalised quasi-likelihood; Breslow and Clayton 1993), so that no share of 0
needs a correction and the sample's noise is never taken for a difference between areas. The probit is the scale of the
households' latent trait (``association``): an area that is better off moves all its households' thresholds alike, whereas on the
logit scale areas near 0 would differ more than others. The covariance of the areas' true values adds up named parts: leading
covariates, all other features, published area, the area one level up, place, and the area itself (the Fay-Herriot effect)::

    eta ~ N(m, K),   z = eta_s + e,   e ~ N(0, D)

Areas that are administered together have something in common that neither covariates nor distance tell (nested errors, as in
Marhuenda, Molina, Morales and Rao 2017, JRSS A 180: 1111-1136). Without a part for it errors are taken to cancel in the sums of the
levels between, whose intervals are then too narrow.

An earlier wave enters as in a Kalman filter: its posterior mean and covariance are the first parts of the kernel of the next
(`Parts.after`), so that areas which it visited are known better than others, and what has changed since is told by the rest.

Variances and modes are found in single precision, which is far finer than the sample tells them. What is predicted is linear in
z. Replicates of a survey therefore need one matrix product, not a new fit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

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
    holder : ndarray of int, shape (n,), optional
        Which areas lie in the same area one level up, where that is not the published level.
    """

    features: FloatArray
    xy: FloatArray
    at_published: IntArray
    leading: FloatArray
    own: FloatArray | None = None
    block_metres: float = BLOCK_METRES
    holder: IntArray | None = None


Smoothing = Callable[[FloatArray, FloatArray], FloatArray]
"""From residuals and noise of the sampled areas (s,) to K (K + D)^-1 of the residuals."""


class Linear(Protocol):
    """A matrix by what it does to a vector: an array, or what stands for a large one (``low_rank``)."""

    def __matmul__(self, other: Any, /) -> Any:
        """The product with a vector."""
        ...


class Root(Linear, Protocol):
    """The same of a square root of a covariance of areas."""

    def __mul__(self, factor: Any, /) -> Root:
        """The root with errors of each area that many times as large; factors (n, 1)."""
        ...


class Blocks(Linear, Protocol):
    """The same, of which blocks can be had as arrays."""

    def __getitem__(self, key: Any, /) -> Any:
        """The block of these rows and columns."""
        ...


class Mode(NamedTuple):
    """What is found at the s sampled areas: variances of the parts, level, working values and their noise (`KernelFit`)."""

    variances: FloatArray
    mean: float
    working: FloatArray
    noise: FloatArray


class SampledKernel(Protocol):
    """The covariance of the sampled areas' true values, as a function of the parts' variances."""

    def smoothing(self, variances: FloatArray) -> Smoothing:
        """The smoother with these variances."""
        ...

    def misfit(self, variances: FloatArray, residual: FloatArray, noise: FloatArray) -> tuple[float, FloatArray]:
        """Minus the log likelihood of residuals (s,) but for a constant, and its slope in the log variances."""
        ...

    def rough(self) -> SampledKernel:
        """What variances are looked for with."""
        ...


class KernelParts(Protocol):
    """The parts of a kernel over all areas: whole (`Parts`), or in factors (``low_rank.FactoredParts``)."""

    @property
    def start(self) -> FloatArray:
        """Where the variances start."""
        ...

    def with_own(self, column: FloatArray) -> KernelParts:
        """The same with one more leading covariate (n,)."""
        ...

    def after(self, before: Any) -> KernelParts:
        """The same, given an earlier wave's fit with these parts."""
        ...

    def at(self, sampled: IntArray) -> SampledKernel:
        """The same among the sampled areas."""
        ...

    def posterior(self, mode: Mode, sampled: IntArray) -> KernelFit:
        """What follows for all areas."""
        ...

    def carried_error(self, fit: Any) -> float:
        """Correlation of what a fit leaves open with what the fit before it did."""
        ...

    def error_root(self, fit: Any, times: float, chance: FloatArray) -> Root:
        """Square root of the covariance of errors that no resampling shows, ``times`` as large and less ``chance`` (n,)."""
        ...


@dataclass(frozen=True)
class SampledParts:
    """The parts among the s sampled areas, each (s, s) of float32."""

    kernels: list[Float32]

    def rough(self) -> SampledParts:
        """Themselves."""
        return self

    def _sum(self, variances: FloatArray) -> Float32:
        out = np.full_like(self.kernels[0], LEVEL_VARIANCE)
        for v, part in zip(variances, self.kernels, strict=True):
            out += np.float32(v) * part
        return out

    def smoothing(self, variances: FloatArray) -> Smoothing:
        """The smoother with these variances."""
        kernel = self._sum(variances)

        def smooth(residual: FloatArray, noise: FloatArray) -> FloatArray:
            covariance = kernel.copy()
            covariance[np.diag_indices(len(noise))] += noise.astype(np.float32)
            root, _ = spotrf(covariance.T, lower=1, overwrite_a=1)
            solved, _ = spotrs(root, residual.astype(np.float32), lower=1)
            return np.asarray(kernel @ solved, dtype=float)

        return smooth

    def misfit(self, variances: FloatArray, residual: FloatArray, noise: FloatArray) -> tuple[float, FloatArray]:
        """Minus the log likelihood of residuals but for a constant, and its slope in the log variances."""
        right = residual.astype(np.float32)
        covariance = self._sum(variances)
        covariance[np.diag_indices(len(right))] += noise.astype(np.float32)
        root, _ = spotrf(covariance.T, lower=1, clean=1, overwrite_a=1)
        a, _ = spotrs(root, right, lower=1)
        value = 0.5 * float(right @ a) + float(np.log(np.diagonal(root), dtype=float).sum())
        # the inverse's lower triangle, as a row-wise upper one: what is off the diagonal counts twice
        half = spotri(root, lower=1, overwrite_c=1)[0].T
        diagonal = np.diagonal(half).copy()
        slope = [
            0.5 * v * (2 * float(np.vdot(half, part)) - float(diagonal @ np.diagonal(part)) - float(a @ (part @ a)))
            for v, part in zip(variances, self.kernels, strict=True)
        ]
        return value, np.array(slope)


@dataclass(frozen=True)
class Outer:
    """A part of rank one, of a score (n,), which is (n, n) only where it is asked for: ten indicators' own would be 200 MB."""

    score: Float32

    def whole(self) -> Float32:
        """All of it."""
        return np.outer(self.score, self.score)

    def diagonal(self) -> Float32:
        """What it is of each area with itself."""
        return self.score * self.score


@dataclass(frozen=True)
class Parts:
    """The parts of the kernel over all areas, each (n, n) of float32, and where their variances start."""

    names: tuple[str, ...]
    kernels: tuple[Float32 | Outer, ...]
    start: FloatArray

    def with_own(self, column: FloatArray) -> Parts:
        """The same with one more leading covariate (n,)."""
        own = leading_part("own", column)
        score = Outer(own.columns[:, 0].astype(np.float32))
        return Parts((own.name, *self.names), (score, *self.kernels), np.append(own.start, self.start))

    def after(self, before: KernelFit) -> Parts:
        """The same, given an earlier wave's fit with these parts: its prediction and the covariance of its error come first."""
        away, size = standardised(before.predicted)
        error = np.tril(self.error_covariance(before))
        level = float(np.diagonal(error).mean())
        error += np.tril(error, -1).T
        error /= level
        kernels = (Outer(away), error, *self.kernels)
        return Parts(("before", "before_error", *self.names), kernels, start_after(size, level, self.start))

    def carried_error(self, fit: KernelFit) -> float:
        """Correlation of what a fit leaves open with what the fit before it did, over all areas, of the parts from `after`.

        The earlier error e enters the later truth with the variance v that the later wave finds for it: by c = sqrt(v / level)
        of itself. What of c e the later wave does not see stays in its error::

            cov = c (E - S E_s),   E the covariance of e, S the smoother

        The parts of both errors that come from the samples' noise are left out: two samples share none.
        """
        shape, smoother = np.asarray(self.kernels[1]), np.asarray(fit.smoother)
        seen = np.sum(smoother * shape[:, fit.sampled], axis=1)
        silent = fit.variance - np.sum(smoother**2 * fit.noise, axis=1)
        return carried_correlation(np.diagonal(shape), seen, silent, float(fit.variances[1]), float(self.start[1]))

    def at(self, sampled: IntArray) -> SampledParts:
        """The same among the sampled areas alone."""
        among = np.ix_(sampled, sampled)
        own = (Outer(k.score[sampled]).whole() if isinstance(k, Outer) else k[among] for k in self.kernels)
        return SampledParts([*own])

    def posterior(self, mode: Mode, sampled: IntArray) -> KernelFit:
        """What follows for all areas from variances and working values at the sampled ones, in double precision."""
        variances, mean, working, noise = mode
        everywhere = self.covariance(variances)[:, sampled].astype(float)
        covariance = everywhere[sampled]
        covariance[np.diag_indices(len(sampled))] += noise
        half, _ = dpotri(dpotrf(covariance.T, lower=1, clean=1, overwrite_a=1)[0], lower=1, overwrite_c=1)
        precision = half + np.tril(half, -1).T
        smoother = everywhere @ precision
        coefficient, own_precision = precision @ (working - mean), np.diagonal(precision)
        level = LEVEL_VARIANCE + sum(v * k.diagonal() for v, k in zip(variances, self.kernels, strict=True))
        return KernelFit(
            self.names,
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

    def covariance(self, variances: FloatArray) -> Float32:
        """Prior covariance of all areas, shape (n, n)."""
        out = np.full((len(self.kernels[0].diagonal()),) * 2, LEVEL_VARIANCE, dtype=np.float32)
        for v, kernel in zip(variances, self.kernels, strict=True):
            out += np.float32(v) * (kernel.whole() if isinstance(kernel, Outer) else kernel)
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
        away = np.asfortranarray(np.asarray(fit.smoother).astype(np.float32) @ root)
        return np.asarray(ssyrk(-1.0, away, beta=1.0, c=covariance.T, lower=1, overwrite_c=1))

    def error_root(self, fit: KernelFit, times: float, chance: FloatArray) -> Float32:
        """Square root of the covariance of errors that no resampling shows, ``times`` as large and less ``chance`` (n,); (n, n)."""
        covariance = self.error_covariance(fit, noise=2.0)
        covariance *= np.float32(times)
        at = np.diag_indices(len(chance))
        left = np.maximum(covariance[at] - chance, 0.0) + 1e-5
        covariance[at] = left
        return triangular_root(covariance)


def triangular_root(covariance: Float32) -> Float32:
    """Lower triangular root of a covariance (n, n) of which the lower triangle is given, also where rounding left it not quite positive.

    All indicators take one kind of root, since their errors are made of the same normal numbers: those of two different kinds (a
    triangular one, eigenvectors) would have next to nothing in common.
    """
    root, failed = spotrf(covariance, lower=1, clean=1)
    if failed:
        values, vectors = np.linalg.eigh(covariance)
        upper: Any = np.linalg.qr((vectors * np.sqrt(np.maximum(values, 0.0))).T, mode="r")
        root = upper.T
        root = root * np.where(np.diagonal(root) < 0, -1, 1)
    return np.ascontiguousarray(root, dtype=np.float32)


def standardised(predicted: FloatArray) -> tuple[Float32, float]:
    """An earlier prediction about its mean, in units of its spread; and that."""
    away = (predicted - np.average(predicted)).astype(np.float32)
    size = max(float(away.std()), 1e-3)
    away /= size
    return away, size


def start_after(size: float, level: float, start: FloatArray) -> FloatArray:
    """Where variances start after an earlier wave: those of its prediction and of its error, then what is left to the others."""
    out = np.concatenate([[size**2, level], _LEFT * start])
    out[-1] = start[-1]
    return out


def carried_correlation(
    earlier: FloatArray, seen: FloatArray, silent: FloatArray, variance: float, level: float
) -> float:
    """Correlation of errors of two waves over all areas (`Parts.carried_error`).

    Parameters
    ----------
    earlier : ndarray, shape (n,)
        Variance of the earlier error, over its mean.
    seen : ndarray, shape (n,)
        What the later wave sees of that.
    silent : ndarray, shape (n,)
        Variance of the later error but for what comes from its sample's noise.
    variance, level : float
        Of the earlier error, as the later wave finds it and as it was.
    """
    covariance = np.sqrt(variance * level) * (earlier - seen)
    spread = np.sqrt(level * earlier * np.maximum(silent, 0.0))
    return float(np.clip(covariance.sum() / max(float(spread.sum()), 1e-12), 0.0, 1.0))


@dataclass(frozen=True)
class Product:
    """A unit part that is a product of few columns (n, r), over a number."""

    name: str
    start: float
    columns: FloatArray
    over: float = 1.0

    def whole(self) -> FloatArray:
        """The part over all areas, (n, n)."""
        return np.asarray(self.columns @ self.columns.T / self.over)


@dataclass(frozen=True)
class Decay:
    """A unit part that falls with the distance between points (n, p)."""

    name: str
    start: float
    points: FloatArray
    metric: Literal["euclidean", "sqeuclidean"]
    of_distance: Callable[[FloatArray], FloatArray]

    def whole(self) -> FloatArray:
        """The part over all areas, (n, n)."""
        return self.of_distance(cdist(self.points, self.points, self.metric))

    def row(self, area: int) -> FloatArray:
        """That of one area with all, (n,)."""
        return self.of_distance(cdist(self.points[area : area + 1], self.points, self.metric))[0]


@dataclass(frozen=True)
class Itself:
    """The area's own effect."""

    name: str
    start: float
    n: int

    def whole(self) -> FloatArray:
        """The part over all areas, (n, n)."""
        return np.eye(self.n)


UnitPart = Product | Decay | Itself


def leading_part(name: str, column: FloatArray) -> Product:
    """The part of one leading covariate (n,)."""
    return Product(name, _LEADING, normal_ranks(column))


def _together(name: str, group: IntArray) -> Product:
    """The part of the areas that hold others, from the group of each area (n,)."""
    return Product(name, _LEADING / 3, (group[:, None] == np.unique(group)).astype(float))


def unit_parts(covariates: Covariates, *, place_metres: float = 50_000.0) -> list[UnitPart]:
    """Unit kernels of the model: ranked covariates, areas that hold others, place (Matern 3/2); the area's own effect is the identity."""
    features, holder = normal_ranks(covariates.features), covariates.holder
    n, p = features.shape

    def matern(metres: FloatArray) -> FloatArray:
        distance = np.sqrt(3) * metres / place_metres
        return np.asarray((1 + distance) * np.exp(-distance))

    def squared_exponential(square: FloatArray) -> FloatArray:
        return np.asarray(np.exp(-square / (2 * p)))

    of_features: list[UnitPart] = [
        Product("features", _LEADING / 2, features, p),
        Decay("features_curved", _LEADING / 6, features, "sqeuclidean", squared_exponential),
    ]
    return [
        *(leading_part(f"leading_{q}", column) for q, column in enumerate(covariates.leading.T)),
        *(of_features if p else []),
        _together("published", covariates.at_published),
        *([] if holder is None else [_together("holder", holder)]),
        Decay("place", _LEADING / 2, covariates.xy, "euclidean", matern),
        Itself("area", _AREA, n),
    ]


def kernel_parts(covariates: Covariates, *, place_metres: float = 50_000.0) -> Parts:
    """The parts of the model, whole."""
    units = unit_parts(covariates, place_metres=place_metres)
    kernels = tuple(unit.whole().astype(np.float32) for unit in units)
    return Parts(tuple(unit.name for unit in units), kernels, np.array([unit.start for unit in units]))


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
    smoother : Linear, shape (n, s)
        predicted = mean + smoother @ (z - mean).
    sampled : ndarray of int, shape (s,)
    precision : Blocks, shape (s, s)
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
    smoother: Linear
    sampled: IntArray
    precision: Blocks

    def held_out_groups(self, folds: IntArray) -> FloatArray:
        """Prediction of each sampled area from the sampled areas of other folds (folds (s,)), in closed form."""
        coefficient = self.precision @ (self.working - self.mean)
        out = np.empty(len(folds))
        for fold in np.unique(folds):
            rows = np.flatnonzero(folds == fold)
            out[rows] = self.working[rows] - np.linalg.solve(self.precision[np.ix_(rows, rows)], coefficient[rows])
        return out


def fit_kernel(parts: KernelParts, share: FloatArray, effective: FloatArray, sampled: IntArray) -> KernelFit:
    """Fit one indicator.

    Parameters
    ----------
    parts : Parts or FactoredParts
        Over all n areas.
    share : ndarray, shape (s,)
        Direct shares, 0 and 1 included.
    effective : ndarray, shape (s,)
        Effective sample sizes, design effect taken off.
    sampled : ndarray of int, shape (s,)
        Their areas.
    """
    own = parts.at(sampled)
    rough = own.rough()
    mean = float(ndtri(np.clip(np.average(share, weights=effective), 1e-4, 1 - 1e-4)))
    log_variance, eta = np.log(parts.start), np.full(len(share), mean)
    for _ in range(_ROUNDS):
        eta = _mode(rough.smoothing(np.exp(log_variance)), mean, share, effective, eta)
        working, noise = _working(share, effective, eta)
        log_variance = _variances(rough, np.log(parts.start), log_variance, working - mean, noise)
    variances = np.exp(log_variance)
    eta = _mode(own.smoothing(variances), mean, share, effective, eta)
    working, noise = _working(share, effective, eta)
    return parts.posterior(Mode(variances, mean, working, noise), sampled)


def _working(share: FloatArray, effective: FloatArray, eta: FloatArray) -> tuple[FloatArray, FloatArray]:
    inside = np.clip(eta, -_FURTHEST, _FURTHEST)
    mu, slope = ndtr(inside), density(inside)
    return inside + (share - mu) / slope, mu * (1 - mu) / (effective * slope**2)


def density(eta: FloatArray) -> FloatArray:
    """Of the standard normal."""
    return np.asarray(np.exp(-(eta**2) / 2) / np.sqrt(2 * np.pi))


def _mode(smooth: Smoothing, mean: float, share: FloatArray, effective: FloatArray, eta: FloatArray) -> FloatArray:
    """Posterior mode of eta at the sampled areas: Fisher scoring, the first steps halved."""
    for step in range(8):
        working, noise = _working(share, effective, eta)
        after = mean + smooth(working - mean, noise)
        moved = np.abs(after - eta).max()
        eta = (eta + after) / 2 if step < 2 else after
        if moved < 1e-3:
            break
    return eta


def _variances(
    own: SampledKernel, prior: FloatArray, start: FloatArray, residual: FloatArray, noise: FloatArray
) -> FloatArray:
    """Log variances at the maximum of the penalised likelihood, by its exact gradient."""
    spread = np.full(len(prior), _PRIOR_SPREAD)
    spread[-1] = AREA_SPREAD

    def objective(log_variance: FloatArray) -> tuple[float, FloatArray]:
        value, slope = own.misfit(np.exp(log_variance), residual, noise)
        away = (log_variance - prior) / spread
        return value + 0.5 * float(away @ away), slope + away / spread

    # steps that change the likelihood by less than single precision resolves are not worth looking for
    options = {"maxfun": _EVALUATIONS, "ftol": 1e-5, "gtol": 1e-2, "maxls": 4}
    found = minimize(objective, start, jac=True, method="L-BFGS-B", options=options)
    return np.asarray(found.x, dtype=float)
