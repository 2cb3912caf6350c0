"""Scores of predictions, and prediction intervals from the residuals of areas that were held out.

Belongs here: what a score is, of a rate and of shares, and scores as rows. Does not belong here: how folds are drawn (``folds``),
or any learner.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from poverty_assets.arrays import FloatArray

METRICS = ("spearman", "spearman_within_published", "rmse", "mae", "r2", "bias", "found_top20")
_LEAST_IN_GROUP = 10
_LEAST_SHARE = 1e-3  # shares are kept this far inside 0 and 1 when a prediction is scored


def scores(predicted: np.ndarray, rate: np.ndarray, households: np.ndarray, published: np.ndarray) -> dict[str, float]:
    """All of ``METRICS`` of predictions of a rate, over areas where both rates are known.

    ``spearman_within_published`` is the mean over areas of the published level with at least 10 such areas, weighted by areas.
    ``found_top20`` is the share of listed households that live in the areas predicted worst, taken until they hold 20% of all
    households (the last area in part). ``bias`` is mean predicted less mean rate.

    Parameters
    ----------
    predicted, rate, households : numpy.ndarray, shape (n,)
    published : numpy.ndarray of str, shape (n,)
        The area of the published level that each lies in.

    Returns
    -------
    dict of str to float, and ``n``
    """
    use = np.isfinite(predicted) & np.isfinite(rate)
    p, r, h, g = predicted[use], rate[use], households[use], published[use]
    if len(p) < 3:
        return {**dict.fromkeys(METRICS, np.nan), "n": float(len(p))}
    error = p - r
    spread = float(np.sum((r - r.mean()) ** 2))
    return {
        "spearman": float(spearman(p, r)),
        "spearman_within_published": _within(p, r, g),
        "rmse": float(np.sqrt(np.mean(error**2))),
        "mae": float(np.mean(np.abs(error))),
        "r2": 1.0 - float(np.sum(error**2)) / spread if spread > 0 else np.nan,
        "bias": float(error.mean()),
        "found_top20": found_in_top(p, r * h, h, 0.2),
        "n": float(len(p)),
    }


def share_scores(predicted: FloatArray, share: FloatArray, weight: FloatArray) -> dict[str, Any]:
    """Scores of predictions of shares, column by column; all but the rank correlation weighted.

    Parameters
    ----------
    predicted, share : ndarray, shape (n, d)
    weight : ndarray, shape (n,)
        Effective sizes of the samples that shares come from.

    Returns
    -------
    dict
        ``log_loss, rmse, mae, bias, spearman``, each of shape (d,), and ``n``.
    """
    inside = np.clip(predicted, _LEAST_SHARE, 1 - _LEAST_SHARE)
    error, w = predicted - share, weight / weight.sum()
    return {
        "log_loss": -w @ (share * np.log(inside) + (1 - share) * np.log(1 - inside)),
        "rmse": np.sqrt(w @ error**2),
        "mae": w @ np.abs(error),
        "bias": w @ error,
        "spearman": spearman(predicted, share, one_root=True),
        "n": len(share),
    }


def spearman(a: np.ndarray, b: np.ndarray, *, one_root: bool = False) -> np.ndarray:
    """Rank correlation of two series, or of each column of one table with its column of the other; 0 where one is constant.

    Parameters
    ----------
    a, b : numpy.ndarray, shape (n,) or (n, m)
    one_root : bool
        Divide by the root of both sums of squares at once, not by one standard deviation and then by the other. The two ways
        differ in the last digit alone, but in most figures: scores of margins have been published the one way, all others the
        other way.

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
    product, *squares = ((x * y).sum(axis=0) for x, y in ((away[0], away[1]), (away[0], away[0]), (away[1], away[1])))
    if one_root:
        sizes = [np.sqrt(squares[0] * squares[1])]
    else:
        # as `numpy.corrcoef` has it, step by step, so that one column gives the same bits alone as among others
        each = np.true_divide(1, max(len(a) - 1, 1))
        product, sizes = product * each, [np.sqrt(square * each) for square in squares]
    for size in sizes:
        product = np.divide(product, size, out=np.zeros_like(product), where=size != 0)  # one value for all: no order
    return np.clip(product, -1.0, 1.0)


def _within(p: np.ndarray, r: np.ndarray, published: np.ndarray) -> float:
    labels, size = np.unique(published, return_counts=True)
    large = labels[size >= _LEAST_IN_GROUP]
    if not len(large):
        return np.nan
    each = [spearman(p[published == one], r[published == one]) for one in large]
    return float(np.average(each, weights=size[size >= _LEAST_IN_GROUP]))


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


def metric_rows(
    name: str, design: str, values: Mapping[str, Any], targets: Sequence[str], *, feature: str = ""
) -> pd.DataFrame:
    """Scores of one learner as rows ``target, learner, feature, fold_design, metric, value, n``.

    Parameters
    ----------
    values : mapping of str to float or ndarray, shape (d,)
        By metric, a number for each target; and ``n``.
    targets : sequence of str
    feature : str
        The one that the learner knows, where it is told from others by it.
    """
    rows = [
        (target, name, feature, design, metric, float(value), int(values["n"]))
        for metric, found in values.items()
        if metric != "n"
        for target, value in zip(targets, np.atleast_1d(found), strict=True)
    ]
    return pd.DataFrame(rows, columns=["target", "learner", "feature", "fold_design", "metric", "value", "n"])
