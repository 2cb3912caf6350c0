"""Commune margins: for each indicator the share of people deprived, by direct estimates and covariates together.

Belongs here: the composite of direct and held-out predictions, calibration against shrinkage, benchmarking to provinces, and
the operator that makes draws of the same. Does not belong here: the learner (``kernel``), joint profiles (``association``),
the loop over replicates (``replicates``).

Fay and Herriot's model on the logit scale, with the learner's held-out prediction as its covariate::

    z_i = a + b f_i + u_i + e_i,   u_i ~ (0, phi V_i),   e_i ~ (0, D_i)

f_i and V_i are the learner's prediction and error variance without area i, so that b and phi are learnt where the learner did
not see the answer: b above 1 undoes shrinkage, phi corrects its self-confidence. An area with households gets the EBLUP
(``composite``), another a + b f_i (``modelled``). Nothing is thresholded, no share is 0 or 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg.lapack import dpotrf
from scipy.special import expit

from poverty_assets.measurement.masks import pair_index
from poverty_assets.small_area.benchmark import benchmarked
from poverty_assets.small_area.direct import Sample, pooled_design_effect
from poverty_assets.small_area.fay_herriot import fit_fay_herriot
from poverty_assets.small_area.kernel import Covariates, KernelFit, Parts, fit_kernel, kernel_parts

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

SLOPE_RANGE = (0.8, 1.4)
SCALE_RANGE = (1.0, 4.0)
"""Bounds of b and phi: with rare deprivations the sample tells next to nothing of either, and errors below what the learner
itself admits are not believed."""
MOST_STRETCH = 1.3
"""Largest factor that predictions are spread out by."""
HOUSEHOLD_EFFECT = 1.2
"""Variance of a share of people over that of as many independent households: households differ in size."""
MIN_CASES = 5
"""Clusters with anyone deprived below which a province's direct total is no benchmark: the modelled total stands."""


@dataclass(frozen=True)
class Margins:
    """Margins of n areas and d indicators.

    Attributes
    ----------
    logits : ndarray, shape (n, d)
        Log odds before benchmarking: the most likely value of each area, which replicates vary about.
    shares : ndarray, shape (n, d)
        Benchmarked shares, spread as far as true ones are (`spread_out`).
    totals : ndarray, shape (g, d)
        Province totals met; NaN where the modelled one stands.
    intercept, slope, scale : ndarray, shape (d,)
        a, b and phi.
    scale_error : float
        Standard deviation of log phi.
    stretch : ndarray, shape (2, d)
        Factor of `spread_out` for areas without and with households in the sample.
    calibration : float
        Factor on errors with which 95% of held-out direct shares are covered, all indicators together; at least 1.
    correlation : ndarray, shape (d, d)
        Of the indicators' errors within one area.
    fits : tuple of KernelFit
    residual_roots : ndarray of float32, shape (d, n, n)
        Square roots of the covariance of errors that no resampling of the survey shows.
    noise_factors : ndarray, shape (s, d)
        Residuals at sampled areas, scaled to the sampling variance: what a resampled weight multiplies.
    trend : ndarray, shape (d,)
        Change of logits since the survey, if all of it came.
    population : ndarray, shape (n,)
    province : ndarray of int, shape (n,)
    """

    logits: FloatArray
    shares: FloatArray
    totals: FloatArray
    intercept: FloatArray
    slope: FloatArray
    scale: FloatArray
    scale_error: float
    stretch: FloatArray
    calibration: float
    correlation: FloatArray
    fits: tuple[KernelFit, ...]
    residual_roots: npt.NDArray[np.float32]
    noise_factors: FloatArray
    trend: FloatArray
    population: FloatArray
    province: IntArray


def fit_margins(
    sample: Sample,
    covariates: Covariates,
    population: FloatArray,
    *,
    households: FloatArray,
    design_effect: FloatArray | None = None,
    drift: float = 0.0,
    trend: FloatArray | None = None,
    n_jobs: int = 2,
) -> Margins:
    """Margins of every area.

    Parameters
    ----------
    sample : Sample
    covariates : Covariates
        Of the sample's areas.
    population, households : ndarray, shape (n,)
        Persons, which weigh areas in totals, and households, which tell how far an area's own people may depart from what
        its conditions lead one to expect.
    design_effect : ndarray, shape (d,), optional
        Of clusters within an area (``direct.pooled_design_effect``); this wave's own if not given.
    drift : float
        Variance that logits have gained since the survey (``drift.drift_variance`` times the years since).
    trend : ndarray, shape (d,), optional
        Change of logits since the survey if they went on as before (``drift.wave_trend`` times the years since). Estimates stay with
        the survey; replicates take any part of it from none to all.
    n_jobs : int
        Threads.
    """
    d = sample.shares.shape[1]
    sampled = sample.sampled
    share = sample.means(sample.shares, sample.area, sample.n_areas)[sampled]
    effect = pooled_design_effect([sample]) if design_effect is None else design_effect
    effective = sample.area_effective[sampled, None] / effect
    shared, own = kernel_parts(covariates), covariates.own
    parts = [shared if own is None else shared.with_own(own[:, j]) for j in range(d)]
    with ThreadPoolExecutor(n_jobs) as pool:
        fits = tuple(pool.map(lambda j: fit_kernel(parts[j], share[:, j], effective[:, j], sampled), range(d)))
    stage = _second_stage(fits, share, effective, sample.n_areas)
    province = covariates.province
    totals = province_totals(sample, province)
    spread_logits, stretch = spread_out(stage.logits, stage.error, sample.area_households > 0, population, province)
    shares = expit(benchmarked(spread_logits, population, province, totals))
    errors = np.column_stack([(f.working - stage.held_out[f.sampled, j]) for j, f in enumerate(fits)])
    spread = np.column_stack([f.noise + stage.scale[j] * f.held_out_variance for j, f in enumerate(fits)])
    standard, noise = errors / np.sqrt(spread), np.column_stack([f.noise for f in fits])

    def root(j: int) -> npt.NDArray[np.float32]:
        return _residual_root(parts[j], fits[j], stage.scale[j], stage.slope[j], shares[:, j], households, drift)

    with ThreadPoolExecutor(n_jobs) as pool:
        roots = list(pool.map(root, range(d)))
    return Margins(
        stage.logits,
        shares,
        totals,
        stage.intercept,
        stage.slope,
        stage.scale,
        np.sqrt(2 / len(sampled)) * float(np.median(spread / (spread - noise))),
        stretch,
        float(np.clip(np.quantile(np.abs(standard), 0.95) / 1.96, 1.0, 1.5)),
        _error_correlation(standard, noise / spread, sample),
        fits,
        np.stack(roots),
        standard * np.sqrt(noise),
        np.zeros(d) if trend is None else np.asarray(trend, dtype=float),
        np.asarray(population, dtype=float),
        province,
    )


def spread_out(
    logits: FloatArray, error: FloatArray, sampled: npt.NDArray[np.bool_], population: FloatArray, province: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Log odds stretched about their province's mean so that they vary as true ones do, not less.

    The best guesses are too near the mean taken together: the poorest areas come out less poor than they are. With V the
    error variance, true logits vary by var(eta) + mean V (Ghosh 1992, constrained estimation).

    Parameters
    ----------
    logits, error : ndarray, shape (n, d)
        Predictions and their error variances.
    sampled : ndarray of bool, shape (n,)
        Areas with households: they are shrunk less, and stretched by a factor of their own.
    population : ndarray, shape (n,)
    province : ndarray of int, shape (n,)

    Returns
    -------
    logits : ndarray, shape (n, d)
    stretch : ndarray, shape (2, d)
    """
    total = np.bincount(province, population)
    mean = np.column_stack([np.bincount(province, population * c) / total for c in logits.T])[province]
    away, factors = logits - mean, []
    for rows in (~sampled, sampled):
        within = np.mean(away[rows] ** 2, axis=0) if rows.any() else np.ones(logits.shape[1])
        lost = np.mean(error[rows], axis=0) if rows.any() else np.zeros(logits.shape[1])
        factors.append(np.minimum(np.sqrt(1 + lost / np.maximum(within, 1e-9)), MOST_STRETCH))
    stretch = np.stack(factors)
    return mean + away * stretch[sampled.astype(int)], stretch


def province_totals(sample: Sample, province: IntArray, factor: FloatArray | None = None) -> FloatArray:
    """Direct shares of provinces that rest on enough cases to be met, shape (g, d); NaN elsewhere.

    Parameters
    ----------
    factor : ndarray, shape (p,), optional
        On the weights of PSUs, as of a replicate.
    """
    group, n_groups = province[sample.area], int(province.max()) + 1
    direct = sample.means(sample.shares, group, n_groups, factor)
    cases = np.column_stack([np.bincount(group, column > 0, n_groups) for column in sample.shares.T])
    return np.where((cases >= MIN_CASES) & (direct > 0) & (direct < 1), direct, np.nan)


@dataclass(frozen=True)
class _Stage:
    logits: FloatArray
    error: FloatArray
    held_out: FloatArray
    intercept: FloatArray
    slope: FloatArray
    scale: FloatArray


def _second_stage(fits: tuple[KernelFit, ...], share: FloatArray, effective: FloatArray, n: int) -> _Stage:
    """Fay-Herriot over held-out predictions, in units of their own standard errors so that phi is the area variance.

    Linearised shares of small samples understate the spread between areas (Breslow and Lin 1995), so phi comes from the
    squared errors of shares themselves, and the model is fitted with it.
    """
    sampled, d = fits[0].sampled, len(fits)
    prediction = np.column_stack([f.predicted for f in fits])
    variance = np.column_stack([f.variance for f in fits])
    prediction[sampled] = np.column_stack([f.held_out for f in fits])
    variance[sampled] = np.column_stack([f.held_out_variance for f in fits])
    unit = np.sqrt(np.maximum(variance, 1e-9))
    direct, noise = np.full((n, d), np.nan), np.full((n, d), np.nan)
    direct[sampled] = np.column_stack([f.working for f in fits])
    noise[sampled] = np.column_stack([f.noise for f in fits])
    x = np.stack([np.column_stack([1 / unit[:, j], prediction[:, j] / unit[:, j]]) for j in range(d)])
    scale = _error_scale(prediction[sampled], variance[sampled], share, effective)
    free = fit_fay_herriot(x, direct / unit, noise / unit**2, variance=scale)
    slope = np.clip(free.coefficients[:, 1], *SLOPE_RANGE)
    offset = (direct - slope * prediction)[sampled]
    weight = 1 / (scale * variance[sampled] + noise[sampled])
    intercept = (weight * offset).sum(axis=0) / weight.sum(axis=0)
    held_out = intercept + slope * prediction
    keep = np.where(np.isfinite(direct), scale * variance / (scale * variance + np.nan_to_num(noise, nan=1.0)), 0.0)
    logits = held_out + keep * (np.nan_to_num(direct) - held_out)
    return _Stage(logits, (1 - keep) * scale * slope**2 * variance, held_out, intercept, slope, scale)


def _error_scale(prediction: FloatArray, variance: FloatArray, share: FloatArray, effective: FloatArray) -> FloatArray:
    """phi with which squared errors of held-out shares are as large as they should be, shape (d,).

    The mean square expected of y - E p is Var p + E p (1 - p) / n, over p = expit(f + sqrt(phi V) x), x standard normal.
    One sample leaves each indicator's phi uncertain, and all share the survey and the method: each is the geometric mean of
    its own and the common one.
    """
    node, weight = np.polynomial.hermite_e.hermegauss(15)
    weight = weight / weight.sum()

    def excess(phi: FloatArray) -> tuple[FloatArray, FloatArray]:
        p = expit(prediction[..., None] + np.sqrt(phi[:, None] * variance[..., None]) * node)
        mean, square = p @ weight, (p**2) @ weight
        expected = square - mean**2 + (mean - square) / effective
        return ((share - mean) ** 2 - expected).sum(axis=0), expected.sum(axis=0)

    def root(together: bool) -> FloatArray:
        low, high = np.full(share.shape[1], np.log(0.1)), np.full(share.shape[1], np.log(10.0))
        for _ in range(40):
            middle = (low + high) / 2
            more, size = excess(np.exp(middle))
            more = np.broadcast_to((more / size).sum(), more.shape) if together else more
            low, high = np.where(more > 0, middle, low), np.where(more > 0, high, middle)
        return np.asarray((low + high) / 2)

    return np.clip(np.exp((root(False) + root(True)) / 2), *SCALE_RANGE)


def _residual_root(
    parts: Parts,
    fit: KernelFit,
    scale: float,
    slope: float,
    share: FloatArray,
    households: FloatArray,
    drift: float,
) -> npt.NDArray[np.float32]:
    """Cholesky root of the covariance of eta less its prediction, but for the part that comes from sampling noise.

    The posterior covariance is K - S K_s.; of it S D S' is due to the noise of the sample, which resampling shows. The area's
    own variance also holds the chance of a finite number of households, which profiles of replicates draw themselves.
    """
    whole = parts.covariance(fit.variances)
    noisy = fit.smoother * np.sqrt(fit.noise)
    covariance = whole - fit.smoother @ whole[fit.sampled] - noisy @ noisy.T
    covariance *= scale * slope**2
    own = scale * slope**2 * fit.variances[-1]
    chance = np.minimum(HOUSEHOLD_EFFECT / (households * share * (1 - share)), 0.9 * own)
    chance[fit.sampled] = 0.0
    at = np.diag_indices(len(share))
    covariance[at] = np.maximum(covariance[at] - chance, 0.0) + drift + 1e-6
    root, failed = dpotrf(covariance, lower=1, clean=1)
    if failed:
        values, vectors = np.linalg.eigh(covariance)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
    return root.astype(np.float32)


def _error_correlation(standard: FloatArray, noise_part: FloatArray, sample: Sample) -> FloatArray:
    """Correlation of the indicators' true errors: that of held-out residuals, less what households of one sample share."""
    d = standard.shape[1]
    first, second = pair_index(d)
    p = sample.shares
    weight = sample.weight / sample.weight.sum()
    of_sample = np.eye(d)
    both = weight @ (sample.pairs - p[:, first] * p[:, second])
    spread = weight @ (p * (1 - p))
    of_sample[first, second] = of_sample[second, first] = both / np.sqrt(spread[first] * spread[second])
    part = noise_part.mean(axis=0)
    covariance = standard.T @ standard / len(standard) - np.sqrt(np.outer(part, part)) * of_sample
    own = np.maximum(1 - part, 0.05)
    values, vectors = np.linalg.eigh(np.clip(covariance / np.sqrt(np.outer(own, own)), -0.95, 0.95) + 0.0)
    fixed = (vectors * np.maximum(values, 0.02)) @ vectors.T
    size = np.sqrt(np.diagonal(fixed))
    return np.asarray(fixed / np.outer(size, size))


def draw_margins(
    margins: Margins, sample: Sample, factors: FloatArray, rng: np.random.Generator, *, batch: int = 50
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Margins as they may be: each draw the whole chain on a resampled survey, plus what resampling does not show.

    Parameters
    ----------
    factors : ndarray, shape (r, p)
        Replicate factors on the weights of PSUs (``direct.rescaled_bootstrap``).

    Yields
    ------
    shares : ndarray, shape (n, d)
        Benchmarked to the replicate's own province totals.
    factor : ndarray, shape (p,)
    """
    n, d = margins.shares.shape
    mixing = np.linalg.cholesky(margins.correlation)
    sampled = margins.fits[0].sampled
    total = np.bincount(sample.area, sample.weight, n)[sampled]
    for first in range(0, len(factors), batch):
        some = factors[first : first + batch]
        normal = rng.standard_normal((d, n, len(some)), dtype=np.float32)
        # phi is known but roughly: an error that all indicators share
        widened = np.exp(margins.scale_error / 2 * rng.standard_normal(len(some))) * margins.calibration
        shock = np.tensordot(mixing.astype(np.float32), normal, 1)
        residual = np.stack([root @ shock[j] for j, root in enumerate(margins.residual_roots)], axis=2)
        for r, factor in enumerate(some):
            moved = np.bincount(sample.area, sample.weight * factor, n)[sampled] / total - 1
            noise = moved[:, None] * margins.noise_factors
            from_survey = np.column_stack([b * (f.smoother @ noise[:, j]) for j, (f, b) in _with_slope(margins)])
            error = residual[:, r, :] * widened[r] + from_survey
            totals = province_totals(sample, margins.province, factor)
            totals = np.where(np.isfinite(margins.totals), totals, np.nan)
            logits = benchmarked(margins.logits + error, margins.population, margins.province, totals)
            yield expit(logits + rng.uniform() * margins.trend), factor


def _with_slope(margins: Margins) -> enumerate[tuple[KernelFit, float]]:
    return enumerate(zip(margins.fits, margins.slope.tolist(), strict=True))
