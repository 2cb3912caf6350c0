"""Figures of areas and of every replicate of them, from the columns over profiles that are kept.

Belongs here: which columns hold every figure, which bundles are followed, and figures of all replicates, some areas at a time.
Does not belong here: the figures' formulas (``measurement.joint``), replicates (``replicates``), intervals, rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from poverty_assets.arrays import FloatArray, IntArray
from poverty_assets.measure.measure import Measure, k_value
from poverty_assets.measurement.joint import JointFigures, figures_of_totals, joint_columns
from poverty_assets.measurement.overlap import dimension_sets

_AREAS_AT_ONCE = 150  # some 800 figures of so many areas over 200 replicates take 100 MB


def figure_columns(measure: Measure) -> FloatArray:
    """Columns over profiles whose means hold every figure but bundles: those of ``joint``, then each set of dimensions."""
    masks = np.arange(1 << len(measure.indicators))
    sets = np.arange(1 << len(measure.dimensions))
    return np.column_stack(
        [joint_columns(masks, measure), (dimension_sets(masks, measure)[:, None] == sets).astype(float)]
    )


@dataclass(frozen=True)
class BundleChoice:
    """Which profiles are published where: rows of (area of the roll-up, mask, rank)."""

    area: IntArray
    mask: IntArray
    rank: IntArray


def choose_bundles(profiles: FloatArray, *, top: int = 30, always_above: float = 0.01) -> BundleChoice:
    """The empty set (rank 0), the ``top`` most frequent sets, and all of at least ``always_above``; profiles (a, 2^d)."""
    order = np.argsort(-profiles[:, 1:], axis=1, kind="stable")[:, : max(top, int(1 / always_above))] + 1
    share = np.take_along_axis(profiles, order, axis=1)
    keep = ((np.arange(order.shape[1]) < top) | (share >= always_above)) & (share > 0)
    area, place = np.nonzero(keep)
    everywhere = np.arange(len(profiles))
    area = np.concatenate([everywhere, area])
    mask = np.concatenate([np.zeros_like(everywhere), order[keep]])
    rank = np.concatenate([np.zeros_like(everywhere), place + 1])
    sorted_ = np.lexsort((rank, area))
    return BundleChoice(area[sorted_], mask[sorted_], rank[sorted_])


@dataclass(frozen=True)
class Drawn:
    """Point estimates, and every replicate of them, for all areas of a roll-up.

    Attributes
    ----------
    profiles : ndarray, shape (n, 2^d)
        Of finest areas.
    point : ndarray, shape (a, q)
        Means of `figure_columns`.
    draws : ndarray of float32, shape (r, a, q)
    bundles : BundleChoice
    bundle_point : ndarray, shape (b,)
    bundle_draws : ndarray of float32, shape (r, b)
    further_point : ndarray, shape (a, s)
        Of `Functionals`.
    further_draws : ndarray of float32, shape (r, a, s)
    """

    profiles: FloatArray
    point: FloatArray
    draws: npt.NDArray[np.float32]
    bundles: BundleChoice
    bundle_point: FloatArray
    bundle_draws: npt.NDArray[np.float32]
    further_point: FloatArray
    further_draws: npt.NDArray[np.float32]


@dataclass(frozen=True)
class FiguresPart:
    """Figures of some areas, and of every replicate of them.

    Attributes
    ----------
    point : JointFigures
        Arrays begin with the areas.
    draws : JointFigures
        Arrays begin with the replicates, then the areas.
    mpi_point : ndarray, shape (areas, f)
        Figures of ``fct_mpi`` in the order of `mpi_keys`.
    mpi_draws : ndarray, shape (r, areas, f)
    sets_point : ndarray, shape (areas, s)
        Shares of people with each set of dimensions.
    sets_draws : ndarray, shape (r, areas, s)
    """

    point: JointFigures
    draws: JointFigures
    mpi_point: FloatArray
    mpi_draws: FloatArray
    sets_point: FloatArray
    sets_draws: FloatArray


def figures_in_parts(drawn: Drawn, measure: Measure) -> Iterator[FiguresPart]:
    """Figures of all areas in their order; those of all at once would fill the memory."""
    split = drawn.point.shape[1] - (1 << len(measure.dimensions))
    for at in range(0, len(drawn.point), _AREAS_AT_ONCE):
        total, totals = drawn.point[at : at + _AREAS_AT_ONCE], drawn.draws[:, at : at + _AREAS_AT_ONCE].astype(float)
        point, draws = (figures_of_totals(of[..., :split], measure) for of in (total, totals))
        yield FiguresPart(point, draws, _mpi_figures(point), _mpi_figures(draws), total[:, split:], totals[..., split:])


def mpi_keys(measure: Measure) -> dict[str, list[Any]]:
    """``k`` and ``statistic`` of the figures of ``fct_mpi``, in their order."""
    ks = [k_value(k) for k in measure.cutoffs]
    return {
        "k": [k for k in ks for _ in range(3)] + [ks[0], ks[2]],
        "statistic": ["headcount_ratio", "intensity", "mpi"] * 3 + ["vulnerable", "severe"],
    }


def _mpi_figures(f: JointFigures) -> FloatArray:
    three = np.stack([f.headcount_ratio, f.intensity, f.mpi], axis=-1)
    flat = three.reshape(*three.shape[:-2], -1)
    near = f.headcount_ratio[..., :1] - f.headcount_ratio[..., 1:2]
    return np.concatenate([flat, near, f.headcount_ratio[..., 2:3]], axis=-1)
