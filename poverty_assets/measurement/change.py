"""Change between two estimates, with its own standard error.

Belongs here: absolute, relative and annualised change of any statistic, and whether it can be told from no change. Does
not belong here: the estimates themselves, or which definitions of an indicator may be compared (only harmonised ones).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from poverty_assets.arrays import FloatArray
from poverty_assets.errors import UsageError
from poverty_assets.measurement.intervals import symmetric_interval


@dataclass(frozen=True)
class Change:
    """A change, its standard error and 95% interval; ``is_significant`` where the interval leaves out 0."""

    difference: FloatArray
    se: FloatArray
    ci_low: FloatArray
    ci_high: FloatArray

    @property
    def is_significant(self) -> npt.NDArray[np.bool_]:
        """False also where there is no interval."""
        return np.asarray((self.ci_low > 0) | (self.ci_high < 0))


def absolute_change(
    before: Any,
    after: Any,
    se_before: Any,
    se_after: Any,
    *,
    covariance: Any = 0.0,
    df: Any = np.inf,
    years: float = 1.0,
) -> Change:
    """``after`` less ``before``, a year where ``years`` is given.

    Parameters
    ----------
    before, after, se_before, se_after : array-like
        The estimates and their standard errors.
    covariance : array-like
        Covariance of the two estimates: 0 for independent samples; for samples that share PSUs see
        ``SurveyDesign.covariance``.
    df : array-like
        Degrees of freedom of the interval; by default the normal distribution.
    years : float
        Years between the two; the change is divided by it.

    Examples
    --------
    >>> change = absolute_change(0.30, 0.20, 0.03, 0.04)
    >>> round(float(change.difference), 2), round(float(change.se), 3), bool(change.is_significant)
    (-0.1, 0.05, True)
    """
    b0, b1, s0, s1 = (np.asarray(x, dtype=float) for x in (before, after, se_before, se_after))
    variance = s0**2 + s1**2 - 2 * np.asarray(covariance, dtype=float)
    return _change((b1 - b0) / _positive(years), np.sqrt(np.maximum(variance, 0.0)) / years, df)


def relative_change(
    before: Any, after: Any, se_before: Any, se_after: Any, *, covariance: Any = 0.0, df: Any = np.inf
) -> Change:
    """``(after - before) / before``, as a share; delta method for the ratio after/before."""
    b0, b1, s0, s1 = (np.asarray(x, dtype=float) for x in (before, after, se_before, se_after))
    ratio, variance = _ratio(b0, b1, s0, s1, np.asarray(covariance, dtype=float))
    return _change(ratio - 1, np.sqrt(variance), df)


def annualised_relative_change(
    before: Any,
    after: Any,
    se_before: Any,
    se_after: Any,
    *,
    years: float,
    covariance: Any = 0.0,
    df: Any = np.inf,
) -> Change:
    """The constant yearly relative change that leads from ``before`` to ``after``: (after/before)^(1/years) - 1.

    The standard error is the delta method for that power of the ratio.
    """
    b0, b1, s0, s1 = (np.asarray(x, dtype=float) for x in (before, after, se_before, se_after))
    ratio, variance = _ratio(b0, b1, s0, s1, np.asarray(covariance, dtype=float))
    power = 1 / _positive(years)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = power * ratio ** (power - 1)
    return _change(ratio**power - 1, np.abs(slope) * np.sqrt(variance), df)


def _ratio(
    b0: FloatArray, b1: FloatArray, s0: FloatArray, s1: FloatArray, covariance: FloatArray
) -> tuple[FloatArray, FloatArray]:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(b0 == 0, np.nan, b1 / b0)
        variance = (s1**2 + ratio**2 * s0**2 - 2 * ratio * covariance) / b0**2
    return ratio, np.maximum(variance, 0.0)


def _change(difference: FloatArray, se: FloatArray, df: Any) -> Change:
    low, high = symmetric_interval(difference, se, df)
    return Change(difference, se, low, high)


def _positive(years: float) -> float:
    if not years > 0:
        raise UsageError(f"the two estimates are {years} years apart", remedy="give the later one second")
    return years
