"""The kernel of many areas: its parts in factors of few columns, so that time and memory grow with areas and not with their square.

Belongs here: parts as F F' + diagonal, what ``kernel`` makes of whole parts made of these, and square roots of the covariance of
errors. Does not belong here: what the parts mean and where their variances start (``kernel``), or from how many areas on they are
taken in factors (``fit``).

Level, covariates and published areas have factors of few columns by themselves. The two parts that have not, place and curved
covariates, get a partial Cholesky factor whose pivot is each time the area that is described worst (Harbrecht, Peters and Schneider
2012, Applied Numerical Mathematics 62: 428-440). What it leaves of an area's variance stands in the diagonal, as an effect of the
area's own (Snelson and Ghahramani 2006, NIPS 18). With X = F sqrt(v), u the diagonal, D the noise of the sample, w and e standard
normal::

    eta = m + X w + sqrt(u) e;   L = u + D;   B = I + X' L^-1 X;   P = (K + D)^-1 = L^-1 - H H',   H = L^-1 X B^-1/2

over the sampled areas (Woodbury's identity). With G = u / L at sampled areas and 0 elsewhere, W = X B^-1/2 and w the weights that
the sample leaves open, the error of eta is (I - G) (X (w^ - w) - sqrt(u) e), of covariance (I - G) (W W' + diag u) in all, and ::

    (I - G) (W (I - H' D H) W' - G W W' - W W' G + diag u) (I - G)

without what comes from the sample's noise. Both are again factors and a diagonal: an earlier wave's is a part of the next wave's
kernel, and the root of either is had from eigenvectors of matrices as small as the factors are narrow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg.blas import dsyrk, dtrmm, ssyrk, strmm
from scipy.linalg.lapack import dpotrf, dtrtri, spotrf, spotrs, strtri

from poverty_assets.arrays import FloatArray, IntArray
from poverty_assets.small_area.margins.kernel import (
    LEVEL_VARIANCE,
    Covariates,
    Decay,
    Float32,
    KernelFit,
    Mode,
    Product,
    Smoothing,
    carried_correlation,
    leading_part,
    standardised,
    start_after,
    unit_parts,
)

COLUMNS = {"features_curved": 100, "place": 500, "holder": 500}
"""Most columns of the factor of a part. Place counts for more, and needs more the larger the country; of curved covariates, which tell
little of many areas each, the diagonal holds most of what is left. Of more areas one level up, those that hold most have columns."""
PIVOTS = 2
"""Pivots for each column: of twice as many the best half of the directions leaves half as much as as many pivots do."""
DIRECTIONS = 400
"""Most directions of an error that areas share; what is left of each area's variance is taken as its own."""
ROUGH = 120
"""Columns of a part that its variance is looked for with: variances are told by what many areas share, estimates by the rest as well."""
_LEFT = 1e-3  # of the variance of areas on average, that a factor may leave to the diagonal
_STEPS, _NEAR = 30, 1e-4  # of conjugate gradients: at most so many, and fewer where so near
_FAINT = 0.02  # of the diagonal's variance: directions of an error that lie below are left to it, however few there are


@dataclass(frozen=True)
class Factor:
    """One part of the kernel over n areas: ``columns @ columns.T + diag(diagonal)``.

    Attributes
    ----------
    columns : ndarray of float32, shape (n, r)
    diagonal : ndarray of float32, shape (n,)
    """

    columns: Float32
    diagonal: Float32

    @classmethod
    def of(cls, columns: npt.NDArray[Any]) -> Factor:
        """A part that is a product of few columns (n, r)."""
        return cls(columns.astype(np.float32), np.zeros(len(columns), dtype=np.float32))

    @property
    def variance(self) -> FloatArray:
        """Of each area, (n,)."""
        return np.asarray(_squares(self.columns) + self.diagonal, dtype=float)


def factor_of(row: Callable[[int], FloatArray], n: int, columns: int) -> Factor:
    """Factor of a kernel of unit variance: the best directions of twice as many pivots, each the area with the most variance left.

    Parameters
    ----------
    row : callable
        From the number of an area to its covariances with all n.
    n : int
    columns : int
        At most so many.
    """
    pivoted, remaining = np.zeros((min(PIVOTS * columns, n), n), dtype=np.float32), np.ones(n)
    used = 0
    while used < len(pivoted) and remaining.mean() > _LEFT:
        pivot = int(np.argmax(remaining))
        new = row(pivot) - pivoted[:used, pivot] @ pivoted[:used]
        pivoted[used] = new / np.sqrt(remaining[pivot])
        remaining = np.maximum(remaining - pivoted[used].astype(float) ** 2, 0.0)
        remaining[pivot] = 0.0
        used += 1
    return _shortened(np.ascontiguousarray(pivoted[:used].T), remaining, columns)


def factored_parts(covariates: Covariates, columns: Mapping[str, int] = COLUMNS) -> FactoredParts:
    """The parts of ``kernel.kernel_parts`` in factors, of at most so many columns where they have not few by themselves."""
    units, n = unit_parts(covariates), len(covariates.xy)
    factors = []
    for unit in units:
        if isinstance(unit, Product):
            factors.append(
                _shortened_where_many(Factor.of(unit.columns / np.sqrt(unit.over)), columns.get(unit.name, n))
            )
        elif isinstance(unit, Decay):
            factors.append(factor_of(unit.row, n, columns[unit.name]))
        else:
            factors.append(Factor(np.zeros((n, 0), dtype=np.float32), np.ones(n, dtype=np.float32)))
    return FactoredParts(tuple(unit.name for unit in units), tuple(factors), np.array([unit.start for unit in units]))


@dataclass(frozen=True)
class SampledFactors:
    """The parts among the s sampled areas (``kernel.SampledKernel``).

    Attributes
    ----------
    columns : ndarray of float32, shape (s, R)
        Of the level, then of all parts.
    part : ndarray of int, shape (R,)
        Of each column; -1 of the level's.
    diagonal : ndarray, shape (s, q)
        Of each part.
    """

    columns: Float32
    part: IntArray
    diagonal: FloatArray

    def rough(self) -> SampledFactors:
        """The same with the strongest columns of each part alone; what the others hold of an area's variance is its own."""
        size, kept = _squares(self.columns, "j"), np.ones(len(self.part), dtype=bool)
        diagonal = self.diagonal.copy()
        for number in range(self.diagonal.shape[1]):
            own = np.flatnonzero(self.part == number)
            weak = own[np.argsort(-size[own], kind="stable")[ROUGH:]]
            kept[weak] = False
            diagonal[:, number] += _squares(self.columns[:, weak])
        return SampledFactors(np.asfortranarray(self.columns[:, kept]), self.part[kept], diagonal)

    def spread(self, variances: FloatArray) -> FloatArray:
        """Standard deviations of the columns' weights, (R,)."""
        return np.asarray(np.sqrt(np.append(variances, LEVEL_VARIANCE))[self.part])

    def smoothing(self, variances: FloatArray) -> Smoothing:
        """The smoother with these variances: factored for the noise that it is first asked for, and near it for any other."""
        factored: list[Any] = []

        def smooth(residual: FloatArray, noise: FloatArray) -> FloatArray:
            if not factored:
                whitened, unit = self._whitened(variances, noise)
                factored.extend([whitened, unit, _root(whitened)])
            whitened, unit, root = factored
            more = ((self.diagonal @ variances + noise) / unit**2).astype(np.float32)
            solved = _conjugate_gradients(whitened, root, more, (residual / unit).astype(np.float32))
            return np.asarray(residual - noise * (solved / unit))

        return smooth

    def misfit(self, variances: FloatArray, residual: FloatArray, noise: FloatArray) -> tuple[float, FloatArray]:
        """Minus the log likelihood of residuals but for a constant, and its slope in the log variances."""
        whitened, unit = self._whitened(variances, noise)
        white = (residual / unit).astype(np.float32)
        root = _root(whitened)
        inverse, _ = strtri(root, lower=1)
        half = inverse @ (whitened.T @ white)
        fitted = white - whitened @ (inverse.T @ half)
        value = 0.5 * float(white @ fitted) + float(np.log(unit).sum() + np.log(np.diagonal(root), dtype=float).sum())
        # slopes: columns by the trace of v F' P F = I - B^-1 of their part, diagonals by P's own
        known = strmm(1.0, inverse, whitened, side=1, lower=1, trans_a=1)
        precision = (1 - _squares(known)) / unit**2
        by_column = 1 - _squares(inverse, "j") - (whitened.T @ fitted) ** 2
        by_part = np.bincount(self.part + 1, by_column, len(variances) + 1)[1:]
        by_part += variances * ((precision - (fitted / unit) ** 2) @ self.diagonal)
        return value, np.asarray(0.5 * by_part, dtype=float)

    def _whitened(self, variances: FloatArray, noise: FloatArray) -> tuple[Float32, FloatArray]:
        """L^-1/2 X, and the square root of L."""
        unit = np.sqrt(self.diagonal @ variances + noise)
        scaled = self.columns * self.spread(variances).astype(np.float32)
        return np.asfortranarray(scaled / unit.astype(np.float32)[:, None]), unit


def _root(whitened: Float32) -> Float32:
    """Cholesky root of I + the product of columns with themselves."""
    inner = ssyrk(1.0, whitened, trans=1, lower=1)
    inner[np.diag_indices(len(inner))] += 1
    return np.asarray(spotrf(inner, lower=1, clean=1, overwrite_a=1)[0])


def _conjugate_gradients(whitened: Float32, root: Float32, diagonal: Float32, right: Float32) -> Float32:
    """Solution of (X X' + diag) y = right, from that with the diagonal 1, of which the root of I + X' X is known."""

    def near(vector: Float32) -> Float32:
        return np.asarray(vector - whitened @ spotrs(root, whitened.T @ vector, lower=1)[0])

    solution = np.zeros_like(right)
    left = right.copy()
    step = near(left)
    size = wanted = float(left @ step)
    for _ in range(_STEPS):
        if size <= _NEAR**2 * wanted:
            break
        product = whitened @ (whitened.T @ step) + diagonal * step
        length = np.float32(size / float(step @ product))
        solution += length * step
        left -= length * product
        following = near(left)
        size, before = float(left @ following), size
        step = following + np.float32(size / before) * step
    return solution


@dataclass(frozen=True)
class FactoredPrecision:
    """P: ``diag(1 / own) - factor @ factor.T``, of shape (s, s).

    Attributes
    ----------
    own : ndarray, shape (s,)
        L: variance of the area's own effect and noise.
    factor : ndarray, shape (s, R)
        H.
    """

    own: FloatArray
    factor: FloatArray

    @property
    def diagonal(self) -> FloatArray:
        """Its diagonal, (s,)."""
        return np.asarray(1 / self.own - _squares(self.factor))

    def __matmul__(self, other: FloatArray) -> FloatArray:
        """The product with a vector (s,) or columns (s, m)."""
        return np.asarray((other.T / self.own).T - self.factor @ (self.factor.T @ other))

    def __getitem__(self, key: tuple[Any, Any]) -> FloatArray:
        """The block of rows and columns, as of an array by ``np.ix_`` or by a slice and a mask."""
        rows, columns = (np.arange(len(self.own))[one if isinstance(one, slice) else np.ravel(one)] for one in key)
        block = -self.factor[rows] @ self.factor[columns].T
        return np.asarray(block + np.where(rows[:, None] == columns, 1 / self.own[rows][:, None], 0.0))


@dataclass(frozen=True)
class FactoredSmoother:
    """The smoother of n areas from s sampled ones.

    Attributes
    ----------
    weighed : ndarray of float32, shape (n, R)
        W.
    precision : FactoredPrecision
    sampled : ndarray of int, shape (s,)
    own : ndarray, shape (s,)
        u of the sampled areas.
    """

    weighed: Float32
    precision: FactoredPrecision
    sampled: IntArray
    own: FloatArray

    def __matmul__(self, other: FloatArray) -> FloatArray:
        """The product with a vector (s,) or columns (s, m)."""
        out = (self.weighed @ (self.precision.factor.T @ other).astype(np.float32)).astype(float)
        out[self.sampled] += ((self.precision @ other).T * self.own).T
        return out


@dataclass(frozen=True)
class FactoredRoot:
    """A square root of a covariance of n areas: scale (I + basis diag(gain) basis').

    Attributes
    ----------
    scale : ndarray of float32, shape (n,)
    basis : ndarray of float32, shape (n, r)
        Orthonormal columns.
    gain : ndarray of float32, shape (r,)
    """

    scale: Float32
    basis: Float32
    gain: Float32

    def __matmul__(self, other: Float32) -> Float32:
        """The product with columns (n, m)."""
        moved = self.basis @ (self.gain[:, None] * (self.basis.T @ other))
        return np.asarray(self.scale[:, None] * (other + moved))

    def __mul__(self, factor: Float32) -> FactoredRoot:
        """The root with each area's errors that many times as large; factors (n, 1)."""
        return FactoredRoot(self.scale * factor[:, 0], self.basis, self.gain)


@dataclass(frozen=True)
class FactoredFit(KernelFit):
    """A fit with parts in factors of R columns together.

    Attributes
    ----------
    smoother : FactoredSmoother
    kept : ndarray, shape (n,)
        1 - G.
    own : ndarray, shape (n,)
        u.
    silent : ndarray, shape (R, R)
        I - H' D H: what of the weights' error does not come from the sample's noise.
    """

    smoother: FactoredSmoother
    kept: FloatArray
    own: FloatArray
    silent: FloatArray

    @property
    def left_open(self) -> Float32:
        """(I - G) W, (n, R)."""
        return np.asarray(self.smoother.weighed * self.kept.astype(np.float32)[:, None])

    @property
    def silent_variance(self) -> FloatArray:
        """Variance of each area's error but for what comes from the sample's noise, (n,)."""
        left = self.left_open
        by_weights = np.einsum("ij,ij->i", left @ self.silent.astype(np.float32), left)
        return np.asarray(by_weights - 2 * (1 - self.kept) * _squares(left) + self.own * self.kept**2)


def _squares(columns: npt.NDArray[Any], axis: str = "i") -> npt.NDArray[Any]:
    """Sums of squares of each row, or of each column (``j``)."""
    return np.asarray(np.einsum(f"ij,ij->{axis}", columns, columns))


@dataclass(frozen=True)
class FactoredParts:
    """The parts of the kernel over n areas in factors, and where their variances start: what ``kernel.Parts`` is of whole ones."""

    names: tuple[str, ...]
    factors: tuple[Factor, ...]
    start: FloatArray

    def with_own(self, column: FloatArray) -> FactoredParts:
        """The same with one more leading covariate (n,)."""
        own = leading_part("own", column)
        names, start = (own.name, *self.names), np.append(own.start, self.start)
        return FactoredParts(names, (Factor.of(own.columns), *self.factors), start)

    def after(self, before: FactoredFit) -> FactoredParts:
        """The same, given an earlier wave's fit with these parts: its prediction and the covariance of its error come first."""
        away, size = standardised(before.predicted)
        error = _shortened(before.left_open, before.own * before.kept, DIRECTIONS)
        level = float(error.variance.mean())
        error = Factor(error.columns / np.float32(np.sqrt(level)), error.diagonal / np.float32(level))
        names, factors = ("before", "before_error", *self.names), (Factor.of(away[:, None]), error, *self.factors)
        return FactoredParts(names, factors, start_after(size, level, self.start))

    def carried_error(self, fit: FactoredFit) -> float:
        """Correlation of what a fit leaves open with what the fit before it did (``kernel.Parts.carried_error``)."""
        shape, level, sampled = self.factors[1], float(self.start[1]), fit.sampled
        seen = np.sum(np.asarray(fit.smoother @ shape.columns[sampled].astype(float)) * shape.columns, axis=1)
        # the smoother's diagonal at sampled areas is that of I - D P, and 1 / P is the variance held out with noise
        seen[sampled] += shape.diagonal[sampled] * fit.held_out_variance / (fit.held_out_variance + fit.noise)
        return carried_correlation(shape.variance, seen, fit.silent_variance, float(fit.variances[1]), level)

    def at(self, sampled: IntArray) -> SampledFactors:
        """The same among the sampled areas alone."""
        part = np.repeat(np.arange(len(self.factors)), [f.columns.shape[1] for f in self.factors])
        diagonal = np.column_stack([f.diagonal[sampled] for f in self.factors]).astype(float)
        return SampledFactors(self._columns(sampled), np.append(-1, part), diagonal)

    def _columns(self, rows: IntArray | slice) -> Float32:
        parts = [factor.columns[rows] for factor in self.factors]
        return np.asfortranarray(np.concatenate([np.ones((len(parts[0]), 1), dtype=np.float32), *parts], axis=1))

    def posterior(self, mode: Mode, sampled: IntArray) -> FactoredFit:
        """What follows for all areas from variances and working values at the sampled ones, in double precision."""
        variances, mean, working, noise = mode
        here = self.at(sampled)
        spread = here.spread(variances)
        own = np.column_stack([factor.diagonal for factor in self.factors]).astype(float) @ variances
        both, columns = own[sampled] + noise, here.columns * spread
        white = np.asfortranarray(columns / np.sqrt(both)[:, None])
        inner = dsyrk(1.0, white, trans=1, lower=1)
        inner[np.diag_indices(len(inner))] += 1
        inverse, _ = dtrtri(dpotrf(inner, lower=1, clean=1, overwrite_a=1)[0], lower=1)
        precision = FactoredPrecision(
            both, dtrmm(1.0, inverse, white, side=1, lower=1, trans_a=1) / np.sqrt(both)[:, None]
        )
        everywhere = self._columns(slice(None)) * spread.astype(np.float32)
        weighed = np.asarray(
            strmm(1.0, inverse.astype(np.float32), np.asfortranarray(everywhere), side=1, lower=1, trans_a=1)
        )
        smoother = FactoredSmoother(weighed, precision, sampled, own[sampled])
        coefficient, own_precision = precision @ (working - mean), precision.diagonal
        kept = np.ones(len(own))
        kept[sampled] = noise / both
        return FactoredFit(
            self.names,
            variances,
            mean,
            working,
            noise,
            mean + smoother @ (working - mean),
            working - coefficient / own_precision,
            1 / own_precision - noise,
            _squares(weighed) * kept**2 + own * kept,
            smoother,
            sampled,
            precision,
            kept,
            own,
            np.eye(len(spread)) - (precision.factor.T * noise) @ precision.factor,
        )

    def error_root(self, fit: FactoredFit, times: float, chance: FloatArray) -> FactoredRoot:
        """Square root of the covariance of errors that no resampling shows, ``times`` as large and less ``chance`` (n,).

        Over its diagonal it is I + A S A' - G A A' - A A' G. Of A the most directions are kept; the variance of each area is that of
        all of them.
        """
        own = np.maximum(times * fit.own * fit.kept**2 - chance, 0.0) + 1e-5
        variance = np.maximum(times * fit.silent_variance - chance, 0.0) + 1e-5
        shared = fit.left_open * np.sqrt(times / own).astype(np.float32)[:, None]
        vectors = _directions(shared, DIRECTIONS, _FAINT)
        shared = shared @ vectors
        both = np.concatenate([shared, shared * (1 - fit.kept).astype(np.float32)[:, None]], axis=1)
        r = vectors.shape[1]
        middle = np.zeros((2 * r, 2 * r))
        middle[:r, :r] = vectors.T @ fit.silent @ vectors
        middle[:r, r:] = middle[r:, :r] = -np.eye(r)
        length, axes = np.linalg.eigh((both.T @ both).astype(float))
        told = length > 1e-6 * length[-1]
        size, axes = np.sqrt(length[told]), axes[:, told]
        gained, turned = np.linalg.eigh((axes * size).T @ middle @ (axes * size))
        gain = np.sqrt(np.maximum(1 + gained, 0.0)) - 1
        basis = both @ (axes / size @ turned).astype(np.float32)
        shown = 1 + basis**2 @ (gain * (2 + gain)).astype(np.float32)
        return FactoredRoot(np.sqrt(variance / shown).astype(np.float32), basis, gain.astype(np.float32))


def _shortened_where_many(factor: Factor, most: int) -> Factor:
    """The factor, of its most directions only where it has more columns."""
    many = factor.columns.shape[1] > most
    return _shortened(factor.columns, factor.diagonal.astype(float), most) if many else factor


def _shortened(columns: Float32, diagonal: FloatArray, most: int) -> Factor:
    """Factor of the most directions, and a diagonal with what is left of each area's variance."""
    few = columns @ _directions(columns, most, 0.0)
    left = _squares(columns) - _squares(few)
    return Factor(few, (diagonal + np.maximum(left, 0.0)).astype(np.float32))


def _directions(columns: Float32, most: int, faint: float) -> Float32:
    """The most eigenvectors of columns' products with each other, of those with values above ``faint``."""
    values, vectors = np.linalg.eigh(columns.T @ columns)
    return np.ascontiguousarray(vectors[:, max(int(np.searchsorted(values, faint)), len(values) - most) :])
