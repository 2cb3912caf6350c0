"""Every figure that a distribution over profiles holds, as arrays without intervals: for registers, censuses and models.

Belongs here: from profiles (the share of people with each mask) to H, A, M0, headcounts, counts and pairs, all areas at once
by one matrix product. Does not belong here: standard errors and tables (``overlap``, ``estimates``), full sets (``bundles``).

A replicate of a modelled distribution goes through the same function as the distribution itself, so that intervals from
replicates fit the figures they belong to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poverty_assets.arrays import FloatArray
from poverty_assets.measure.measure import Measure
from poverty_assets.measurement.cluster_totals import divide
from poverty_assets.measurement.masks import pair_index, profile_bits
from poverty_assets.measurement.overlap import pair_columns, pair_statistics


@dataclass(frozen=True)
class JointFigures:
    """Figures of many areas; each array begins with the shape of the areas, written (...).

    Attributes
    ----------
    size : ndarray, shape (...)
        Total weight.
    headcount_ratio, intensity, mpi : ndarray, shape (..., n_cutoffs)
        H, A and M0 at each cut-off of the measure (``vulnerable, poor, severe``); A is NaN where nobody is poor.
    uncensored : ndarray, shape (..., d)
    censored : ndarray, shape (..., n_cutoffs, d)
    counts : ndarray, shape (..., d + 1)
        Share with 0, 1, ... d deprivations.
    pairs : dict of str to ndarray, shape (..., d (d - 1) / 2)
        ``overlap.PAIR_STATISTICS`` in the order of ``masks.pair_index``.
    """

    size: FloatArray
    headcount_ratio: FloatArray
    intensity: FloatArray
    mpi: FloatArray
    uncensored: FloatArray
    censored: FloatArray
    counts: FloatArray
    pairs: dict[str, FloatArray]


def joint_columns(masks: np.ndarray, measure: Measure) -> FloatArray:
    """Columns whose totals hold every figure of `JointFigures`, shape (n_masks, 1 + 2k + d + p + kd + d + 1)."""
    bits = profile_bits(masks, len(measure.indicators))
    score = measure.scores(bits)
    poor = np.column_stack([measure.is_poor(score, k) for k in measure.cutoffs]).astype(float)
    numbers = bits.sum(axis=1)[:, None] == np.arange(bits.shape[1] + 1)
    censored = (poor[:, :, None] * bits[:, None, :]).reshape(len(bits), poor.shape[1] * bits.shape[1])
    return np.column_stack(
        [
            np.ones(len(bits)),
            poor,
            poor * (score / measure.denominator)[:, None],
            pair_columns(masks, bits.shape[1]),
            censored,
            numbers,
        ]
    )


def figures_of_totals(totals: FloatArray, measure: Measure) -> JointFigures:
    """The figures, given the totals of `joint_columns`, shape (..., n_columns)."""
    d, k = len(measure.indicators), len(measure.cutoffs)
    first, second = pair_index(d)
    size = totals[..., 0]
    shares = divide(totals, totals[..., :1])
    ends = np.cumsum([1, k, k, d, len(first), k * d, d + 1])
    _, poor, score, single, both, censored, counts = np.split(shares, ends[:-1], axis=-1)
    return JointFigures(
        size,
        poor,
        divide(score, poor),
        score,
        single,
        censored.reshape(*censored.shape[:-1], k, d),
        counts,
        pair_statistics(single[..., first], single[..., second], both),
    )


def figures_of_profiles(profiles: FloatArray, measure: Measure) -> JointFigures:
    """The figures of modelled areas or their replicates.

    Parameters
    ----------
    profiles : ndarray, shape (..., 2^d)
        Share or number of people with each mask, in the order of masks.
    measure : Measure
    """
    return figures_of_totals(profiles @ joint_columns(np.arange(profiles.shape[-1]), measure), measure)
