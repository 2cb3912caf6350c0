"""Intervals from draws: the one way in which replicates of a figure become its standard error and bounds.

Belongs here: quantiles of draws, whatever they are draws of. Does not belong here: drawing, intervals from standard errors
(``measurement.intervals``), the interval of a difference of two quarters, which rests on moments of both (``time.change``).

A bound is the order statistic at the usual plotting position: the outer ones of r draws hold a new one with probability
(r - 1) / (r + 1).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from poverty_assets.arrays import FloatArray

WIDE = 0.3
"""Width of the interval of a share beyond which the figure should not be used alone."""


def interval_of_draws(point: FloatArray, draws: FloatArray) -> dict[str, FloatArray]:
    """Estimate (a, q), standard deviation and 2.5% and 97.5% quantiles of draws (r, a, q); the estimate lies within.

    A draw in which the figure is not defined (nobody is poor) counts as the estimate. Quantiles are found in single precision,
    as draws are kept.

    Returns
    -------
    dict of str to ndarray, shape (a, q)
        ``estimate, se, ci_low, ci_high``.
    """
    known = np.where(np.isfinite(draws), draws, point)
    ordered = np.sort(np.moveaxis(known, 0, -1).astype(np.float32), axis=-1)
    r = ordered.shape[-1]
    place = _place(np.array([0.025, 0.975]), r)
    low_at = np.floor(place).astype(int)
    part = (place - low_at).astype(np.float32)
    high_at = np.minimum(low_at + 1, r - 1)
    low, high = (ordered[..., a] * (1 - p) + ordered[..., b] * p for a, b, p in zip(low_at, high_at, part, strict=True))
    return {
        "estimate": point,
        "se": known.std(axis=0),
        "ci_low": np.fmin(low, point).astype(float),
        "ci_high": np.fmax(high, point).astype(float),
    }


def bounds_of_draws(
    estimate: FloatArray, draws: npt.NDArray[np.float32], level: float
) -> tuple[FloatArray, FloatArray]:
    """Bounds of any nominal level for estimates (n,) with draws (n, r): those of `interval_of_draws`, in double precision.

    Scores against a truth are made with these; at 95% they differ from the published ones by the rounding of draws, some 1e-8.
    """
    r = draws.shape[1]
    low, high = (np.quantile(draws, _place(share, r) / (r - 1), axis=1) for share in ((1 - level) / 2, (1 + level) / 2))
    return np.fmin(low, estimate).astype(float), np.fmax(high, estimate).astype(float)


def _place(share: Any, r: int) -> Any:
    """Where the quantile of a share lies among r ordered draws, counted from 0."""
    return np.clip(share * (r + 1) - 1, 0, r - 1)
