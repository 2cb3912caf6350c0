"""Confidence intervals: the one place that knows how an interval is made.

Belongs here: the logit interval of a share, the symmetric interval, the exact interval with an effective sample size.
Does not belong here: standard errors (``design``, ``change``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from poverty_assets.arrays import FloatArray


def t_quantile(df: Any, level: float = 0.95) -> FloatArray:
    """Upper quantile of Student's t for a two-sided interval; NaN where ``df`` is below 1.

    Examples
    --------
    >>> t_quantile([1, 10, np.inf, 0]).round(3).tolist()
    [12.706, 2.228, 1.96, nan]
    """
    d = np.asarray(df, dtype=float)
    with np.errstate(invalid="ignore"):
        return np.where(
            np.isinf(d), special.ndtri(0.5 + level / 2), special.stdtrit(np.where(d >= 1, d, np.nan), 0.5 + level / 2)
        )


def symmetric_interval(estimate: Any, se: Any, df: Any, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
    """Estimate plus and minus t times its standard error (``df`` may be infinite).

    Examples
    --------
    >>> [round(float(bound), 2) for bound in symmetric_interval(10, 2, np.inf)]
    [6.08, 13.92]
    """
    b, half = np.asarray(estimate, dtype=float), t_quantile(df, level) * np.asarray(se, dtype=float)
    return b - half, b + half


def logit_interval(estimate: Any, se: Any, df: Any, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
    """Interval of a share made on the logit scale, hence within 0 and 1.

    Parameters
    ----------
    estimate, se, df : array-like
        Share, its standard error and degrees of freedom; they broadcast.
    level : float
        Coverage.

    Returns
    -------
    low, high : float arrays
        NaN where the estimate is exactly 0 or 1 or ``df`` is below 1.

    Notes
    -----
    The standard error of the logit is se / (p (1 - p)): the delta method, as in R's ``svyciprop(method="logit")``.

    Examples
    --------
    >>> [round(float(bound), 3) for bound in logit_interval(0.1, 0.03, np.inf)]
    [0.055, 0.176]
    """
    p, s = np.asarray(estimate, dtype=float), np.asarray(se, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        inside = (p > 0) & (p < 1)
        p = np.where(inside, p, np.nan)
        centre, half = np.log(p / (1 - p)), t_quantile(df, level) * s / (p * (1 - p))
        return 1 / (1 + np.exp(half - centre)), 1 / (1 + np.exp(-half - centre))


def exact_interval(estimate: Any, n_effective: Any, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
    """Clopper and Pearson's interval with an effective sample size (Korn and Graubard 1998).

    The one to use for a share of exactly 0 or 1, where the logit has none.

    Examples
    --------
    None of ten: from 0 to the share that would show none with probability 2.5%.

    >>> [round(float(bound), 3) for bound in exact_interval(0.0, 10)]
    [0.0, 0.308]
    """
    p, n = np.asarray(estimate, dtype=float), np.asarray(n_effective, dtype=float)
    tail = (1 - level) / 2
    with np.errstate(invalid="ignore"):
        low = np.where(p <= 0, 0.0, special.betaincinv(n * p, n * (1 - p) + 1, tail))
        high = np.where(p >= 1, 1.0, special.betaincinv(n * p + 1, n * (1 - p), 1 - tail))
    return np.where(np.isnan(n), np.nan, low), np.where(np.isnan(n), np.nan, high)
