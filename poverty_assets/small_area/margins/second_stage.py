"""The second stage of margins of the finest level: what the learner's held-out predictions are worth, and how they err.

Belongs here: Fay and Herriot's model over held-out predictions, the scale of their errors with its own error, the correlation of
errors between indicators. Does not belong here: the learner (``kernel``), benchmarking (``fit``) and draws (``draw``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from poverty_assets.arrays import FloatArray
from poverty_assets.small_area.margins.fay_herriot import eblup, regression
from poverty_assets.small_area.margins.kernel import AREA_SPREAD, KernelFit

SLOPE_RANGE = (0.8, 1.4)
SCALE_RANGE = (1.0, 4.0)
"""Bounds of b and phi: with rare deprivations the sample tells next to nothing of either, and errors below what the learner
itself admits are not believed."""


@dataclass(frozen=True)
class SecondStage:
    """What came of it, for n areas and d indicators.

    Attributes
    ----------
    eta, error : ndarray, shape (n, d)
        Composite or modelled probits, and their error variances.
    held_out : ndarray, shape (n, d)
        The same without the area's own households.
    intercept, slope, scale : ndarray, shape (d,)
        a, b and phi (``fit``).
    """

    eta: FloatArray
    error: FloatArray
    held_out: FloatArray
    intercept: FloatArray
    slope: FloatArray
    scale: FloatArray


def second_stage(fits: tuple[KernelFit, ...], share: FloatArray, effective: FloatArray, n: int) -> SecondStage:
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
    free = regression(x, direct / unit, noise / unit**2, scale)
    slope = np.clip(free[:, 1], *SLOPE_RANGE)
    offset = (direct - slope * prediction)[sampled]
    weight = 1 / (scale * variance[sampled] + noise[sampled])
    intercept = (weight * offset).sum(axis=0) / weight.sum(axis=0)
    held_out = intercept + slope * prediction
    eta, keep = eblup(held_out, direct, scale * variance, noise)
    return SecondStage(eta, (1 - keep) * scale * slope**2 * variance, held_out, intercept, slope, scale)


def _error_scale(prediction: FloatArray, variance: FloatArray, share: FloatArray, effective: FloatArray) -> FloatArray:
    """phi with which squared errors of held-out shares are as large as they should be, shape (d,).

    The mean square expected of y - E p is Var p + E p (1 - p) / n, over p = Phi(f + sqrt(phi V) x), x standard normal.
    One sample leaves each indicator's phi uncertain, and all share the survey and the method: each is the geometric mean of
    its own and the common one.
    """
    node, weight = np.polynomial.hermite_e.hermegauss(15)
    weight = weight / weight.sum()

    def excess(phi: FloatArray) -> tuple[FloatArray, FloatArray]:
        p = ndtr(prediction[..., None] + np.sqrt(phi[:, None] * variance[..., None]) * node)
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


def scale_error(spread: FloatArray, noise: FloatArray, freedom: int) -> FloatArray:
    """Standard deviation of log phi: of a variance of as many areas, and of the noise taken off it, which is known by ``freedom``
    clusters; with what the kernel's prior of an area's own variance knows."""
    part = np.median(spread / (spread - noise), axis=0)
    of_sample, of_effect = np.sqrt(2 / len(spread)) * part, np.sqrt(2 / max(freedom, 1)) * (part - 1)
    return 1 / np.sqrt(1 / (of_sample**2 + of_effect**2) + 1 / AREA_SPREAD**2)


def error_correlation(standard: FloatArray, noise_part: FloatArray, of_sample: FloatArray) -> FloatArray:
    """Correlation of the indicators' true errors: that of held-out residuals, less what sampling errors of one area share."""
    part = noise_part.mean(axis=0)
    covariance = standard.T @ standard / len(standard) - np.sqrt(np.outer(part, part)) * of_sample
    own = np.maximum(1 - part, 0.05)
    values, vectors = np.linalg.eigh(np.clip(covariance / np.sqrt(np.outer(own, own)), -0.95, 0.95) + 0.0)
    fixed = (vectors * np.maximum(values, 0.02)) @ vectors.T
    size = np.sqrt(np.diagonal(fixed))
    return np.asarray(fixed / np.outer(size, size))
