"""Scores of predictions, and prediction intervals from the residuals of areas that were held out.

Belongs here: what a score is. Does not belong here: how folds are drawn (``folds``), or any learner.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import rankdata

METRICS = ("spearman", "spearman_within_province", "rmse", "mae", "r2", "bias", "found_top20")
_LEAST_IN_PROVINCE = 10


def scores(predicted: np.ndarray, rate: np.ndarray, households: np.ndarray, province: np.ndarray) -> dict[str, float]:
    """All of ``METRICS``, over areas where both rates are known.

    ``spearman_within_province`` is the mean over provinces of at least 10 such areas, weighted by areas. ``found_top20``
    is the share of listed households that live in the areas predicted worst, taken until they hold 20% of all households
    (the last area in part). ``bias`` is mean predicted less mean rate.

    Parameters
    ----------
    predicted, rate, households : numpy.ndarray, shape (n,)
    province : numpy.ndarray of str, shape (n,)

    Returns
    -------
    dict of str to float, and ``n``
    """
    use = np.isfinite(predicted) & np.isfinite(rate)
    p, r, h, g = predicted[use], rate[use], households[use], province[use]
    if len(p) < 3:
        return {**dict.fromkeys(METRICS, np.nan), "n": float(len(p))}
    error = p - r
    spread = float(np.sum((r - r.mean()) ** 2))
    return {
        "spearman": float(spearman(p, r)),
        "spearman_within_province": _within(p, r, g),
        "rmse": float(np.sqrt(np.mean(error**2))),
        "mae": float(np.mean(np.abs(error))),
        "r2": 1.0 - float(np.sum(error**2)) / spread if spread > 0 else np.nan,
        "bias": float(error.mean()),
        "found_top20": found_in_top(p, r * h, h, 0.2),
        "n": float(len(p)),
    }


def spearman(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Rank correlation of two series, or of each column of one table with its column of the other; 0 where one is constant.

    Parameters
    ----------
    a, b : numpy.ndarray, shape (n,) or (n, m)

    Returns
    -------
    numpy.ndarray, shape () or (m,)
        NaN where a value is.

    Examples
    --------
    >>> float(spearman(np.array([0.1, 0.2, 0.9]), np.array([3.0, 5.0, 4.0])))
    0.5
    """
    away = [ranks - ranks.mean(axis=0) for ranks in (rankdata(values, axis=0) for values in (a, b))]
    # as `numpy.corrcoef` has it, step by step, so that one column gives the same bits alone as among others
    each = np.true_divide(1, max(len(a) - 1, 1))
    spread = [np.sqrt((ranks**2).sum(axis=0) * each) for ranks in away]
    found = (away[0] * away[1]).sum(axis=0) * each
    for size in spread:
        found = np.divide(found, size, out=np.zeros_like(found), where=size != 0)  # one value for all: no order at all
    return np.clip(found, -1.0, 1.0)


def _within(p: np.ndarray, r: np.ndarray, province: np.ndarray) -> float:
    labels, size = np.unique(province, return_counts=True)
    large = labels[size >= _LEAST_IN_PROVINCE]
    if not len(large):
        return np.nan
    each = [spearman(p[province == one], r[province == one]) for one in large]
    return float(np.average(each, weights=size[size >= _LEAST_IN_PROVINCE]))


def found_in_top(predicted: np.ndarray, listed: np.ndarray, households: np.ndarray, share: float) -> float:
    """Share of listed households in the areas predicted worst, taken until they hold ``share`` of all households.

    Examples
    --------
    The worst fifth of households has six of the ten that are listed.

    >>> found_in_top(np.array([0.9, 0.1]), np.array([6.0, 4.0]), np.array([20.0, 80.0]), 0.2)
    0.6
    """
    order = np.argsort(-predicted, kind="stable")
    reached = np.cumsum(households[order]) / households.sum()
    found = np.cumsum(listed[order]) / listed.sum()
    return float(np.interp(share, np.concatenate([[0.0], reached]), np.concatenate([[0.0], found])))


def conformal_width(residuals: np.ndarray, level: float = 0.95) -> float:
    """Half-width that held-out residuals stay within: the ceil((n + 1) level)-th smallest absolute residual.

    Lei et al. (2018), Distribution-free predictive inference for regression, JASA 113: 1094-1111.

    Examples
    --------
    >>> conformal_width(np.arange(-50.0, 50.0))
    48.0
    """
    size = np.sort(np.abs(residuals[np.isfinite(residuals)]))
    if not len(size):
        return np.inf
    return float(size[min(int(np.ceil((len(size) + 1) * level)), len(size)) - 1])


def interval_coverage(residuals: np.ndarray, folds: np.ndarray, level: float = 0.95) -> float:
    """Share of residuals within the width learnt from the other folds' residuals: an honest estimate of coverage."""
    inside = np.full(len(residuals), np.nan)
    for fold in np.unique(folds):
        out = folds == fold
        inside[out] = np.abs(residuals[out]) <= conformal_width(residuals[~out], level)
    known = np.isfinite(residuals)
    return float(inside[known].mean()) if known.any() else np.nan


def metric_rows(name: str, design_name: str, values: dict[str, float]) -> pd.DataFrame:
    """Scores as rows ``learner, fold_design, metric, value, n``."""
    return pd.DataFrame(
        [(name, design_name, metric, values[metric], int(values["n"])) for metric in values if metric != "n"],
        columns=["learner", "fold_design", "metric", "value", "n"],
    )
