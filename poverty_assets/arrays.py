"""Arithmetic that every floor needs: sums and means of groups, odds, ranks.

Belongs here: pure functions of arrays that know nothing of areas, surveys or poverty. Does not belong here: statistics
with a name of their own (``measurement``, ``small_area``).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.special import ndtri

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def group_sums(values: FloatArray, group: IntArray, n_groups: int) -> FloatArray:
    """Column sums of ``values`` (n, m) within each group, shape (n_groups, m); rows with group -1 count nowhere.

    Examples
    --------
    >>> group_sums(np.array([[1.0], [2.0], [4.0]]), np.array([0, 1, 0]), 2).tolist()
    [[5.0], [2.0]]
    """
    rows = np.flatnonzero(group >= 0)
    matrix = sparse.csr_matrix((np.ones(len(rows)), (group[rows], rows)), shape=(n_groups, len(values)))
    out: FloatArray = np.asarray(matrix @ values, dtype=float)
    return out


def group_means(
    values: FloatArray, group: IntArray, weight: FloatArray | None = None, n_groups: int | None = None
) -> FloatArray:
    """Weighted column means of ``values`` (n, m) within each group, shape (n_groups, m); NaN where a group has no weight.

    Parameters
    ----------
    values : ndarray, shape (n, m)
    group : ndarray of int, shape (n,)
        From 0; by default there are as many groups as the largest number says.
    weight : ndarray, shape (n,), optional
        By default every row counts once.

    Examples
    --------
    >>> group_means(np.array([[1.0], [3.0], [5.0]]), np.array([0, 0, 1]), np.array([3.0, 1.0, 2.0])).tolist()
    [[1.5], [5.0]]
    """
    size = n_groups or 0
    total = np.bincount(group, weight, size)
    columns = values.T if weight is None else (weight * column for column in values.T)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.column_stack([np.bincount(group, column, size) for column in columns]) / total[:, None]


def safe_divide(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """The quotient, NaN where the denominator is 0.

    Examples
    --------
    >>> safe_divide(np.array([1.0, 1.0]), np.array([2.0, 0.0])).tolist()
    [0.5, nan]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(denominator == 0, np.nan, numerator / denominator)


def logit(share: FloatArray) -> FloatArray:
    """Logarithm of the odds.

    Examples
    --------
    >>> logit(np.array([0.5])).tolist()
    [0.0]
    """
    return np.asarray(np.log(share) - np.log1p(-share))


def rate_logit(rate: npt.ArrayLike, least: float = 0.002) -> FloatArray:
    """Log odds of rates that may be 0 or 1: they are kept ``least`` away from both.

    Examples
    --------
    >>> bool(rate_logit([0.0])[0] == rate_logit([0.002])[0])
    True
    """
    inside = np.clip(np.asarray(rate, dtype=float), least, 1.0 - least)
    return np.asarray(np.log(inside / (1.0 - inside)))


def rate_of_logit(value: npt.ArrayLike) -> FloatArray:
    """The rate of log odds.

    Examples
    --------
    >>> rate_of_logit([0.0]).tolist()
    [0.5]
    """
    return np.asarray(1.0 / (1.0 + np.exp(-np.asarray(value, dtype=float))))


def normal_ranks(columns: FloatArray) -> FloatArray:
    """Columns as normal scores of their ranks (mean 0, variance 1); a missing value gets 0, a constant column nothing else.

    Examples
    --------
    >>> normal_ranks(np.array([3.0, 1.0, 2.0])).round(2).ravel().tolist()
    [1.22, -1.22, 0.0]
    """
    from scipy.stats import rankdata

    columns = np.asarray(columns, dtype=float).reshape(len(columns), -1)
    out = np.zeros_like(columns)
    for j, column in enumerate(columns.T):
        known = np.isfinite(column)
        if known.any() and np.ptp(column[known]) > 0:
            scores = ndtri((rankdata(column[known]) - 0.5) / known.sum())
            out[known, j] = scores / scores.std()
    return out
