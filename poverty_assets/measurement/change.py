"""Change between two estimates, with its own standard error.

Belongs here: absolute, relative and annualised change of any statistic, and whether it can be told from no change. Does
not belong here: the estimates themselves, or which definitions of an indicator may be compared (only harmonised ones).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from poverty_assets.arrays import FloatArray
from poverty_assets.errors import ContractViolation, UsageError
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


def change_table(
    before: pd.DataFrame,
    after: pd.DataFrame,
    keys: Sequence[str] = ("area_id", "area_level", "measure_id", "subgroup", "k", "statistic"),
    *,
    covariance: str | None = None,
    df: float = np.inf,
) -> pd.DataFrame:
    """Absolute change of every estimate that two tables share.

    Parameters
    ----------
    before, after : DataFrame
        Tables of estimates with ``keys``, ``estimate`` and ``se``.
    keys : sequence of str
        What identifies a figure.
    covariance : str, optional
        Column of ``after`` with the covariance with the figure of ``before``; without it the samples are independent.
    df : float
        Degrees of freedom of the intervals.

    Returns
    -------
    DataFrame
        ``keys``, then ``difference, se, ci_low, ci_high, is_significant``.

    Raises
    ------
    ContractViolation
        If a key is there twice in one of the tables.
    """
    names = list(keys)
    for label, frame in (("before", before), ("after", after)):
        twice = frame.duplicated(names)
        if twice.any():
            first = frame.loc[twice, names].iloc[0].to_dict()
            raise ContractViolation(
                f"{int(twice.sum())} figures of {label} are there twice, the first {first}",
                remedy="add the column that tells them apart to the keys",
            )
    extra = [covariance] if covariance else []
    both = before[[*names, "estimate", "se"]].merge(
        after[[*names, "estimate", "se", *extra]], on=names, suffixes=("_before", "_after")
    )
    shared = both[covariance] if covariance else 0.0
    change = absolute_change(
        both["estimate_before"], both["estimate_after"], both["se_before"], both["se_after"], covariance=shared, df=df
    )
    return both[names].assign(
        difference=change.difference,
        se=change.se,
        ci_low=change.ci_low,
        ci_high=change.ci_high,
        is_significant=change.is_significant,
    )


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
