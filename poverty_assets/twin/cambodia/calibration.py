"""Expected headcounts under the latent factor model, and the parameters that meet published figures.

Belongs here: the probability calculus of the model and its solution for given targets. Does not belong here: drawing
households (``households``), or where the targets come from.

The model. Household i of commune c is deprived in indicator j when u_ij + o_cj > 0, where o_cj is the commune's offset
and u_ij = a_cj f_i + k_j m_i + sqrt(1 - a_cj^2 - k_j^2) e_ij with f, m and e independent standard normals, so that the
commune's share is Phi(o_cj) and overlaps come from f and m. Given f and m the indicators are independent and the
distribution of the score follows by convolution.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from poverty_assets.twin.cambodia.settings import TwinSettings

Array = NDArray[np.float64]

_NODES_FIRST, _NODES_SECOND = 9, 3
_BISECTIONS = 40


@dataclass(frozen=True)
class Eligibility:
    """Persons by household type: ``share`` of the types (elderly alone, no children, all members present), and which
    indicators each type can be deprived in (types x indicators)."""

    share: Array
    allowed: NDArray[np.bool_]

    @property
    def persons(self) -> Array:
        """Share of persons eligible for each indicator."""
        return np.asarray(self.share @ self.allowed)


def solve_thresholds(offset: Array, persons: Array, group: NDArray[np.intp], target: Array, eligible: Array) -> Array:
    """Thresholds tau (groups x indicators) with which the groups' headcounts meet `target`.

    Parameters
    ----------
    offset : array, shape (n_communes, n_indicators)
        Commune offsets before the threshold.
    persons : array, shape (n_communes,)
    group : array of int, shape (n_communes,)
    target : array, shape (n_groups, n_indicators)
        Shares of persons deprived.
    eligible : array, shape (n_indicators,)
        Shares of persons in households that can be deprived.
    """
    total = np.bincount(group, persons)[:, None]
    low, high = np.full(target.shape, -9.0), np.full(target.shape, 9.0)
    goal = np.minimum(target / eligible, 0.999)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        share = ndtr(offset + middle[group]) * persons[:, None]
        reached = np.column_stack([np.bincount(group, column) for column in share.T]) / total
        high = np.where(reached > goal, middle, high)
        low = np.where(reached > goal, low, middle)
    return (low + high) / 2


def expected_headcount_ratio(
    settings: TwinSettings, offset: Array, loading: Array, eligibility: Eligibility, cut: int = 6
) -> Array:
    """Expected share of people with a score of at least `cut` eighteenths, for every row.

    Parameters
    ----------
    offset, loading : array, shape (n, n_indicators)
        Commune offsets with thresholds, and loadings on the first factor.
    """
    weights = settings.weights_18
    second = np.asarray(settings.model.loading_second)
    nodes_f, weights_f = np.polynomial.hermite_e.hermegauss(_NODES_FIRST)
    nodes_m, weights_m = np.polynomial.hermite_e.hermegauss(_NODES_SECOND)
    f, m = (grid.ravel() for grid in np.meshgrid(nodes_f, nodes_m))
    quadrature = np.outer(weights_m, weights_f).ravel() / (2 * np.pi)
    own = np.sqrt(1 - loading**2 - second**2)
    # Indicators that more household types can be deprived in come first, so that one pass serves all types.
    order = np.argsort(-eligibility.allowed.sum(axis=0), kind="stable")
    result = np.zeros(len(offset))
    pending = {kind: int(eligibility.allowed[kind].sum()) for kind in range(len(eligibility.share))}
    score = np.zeros((sum(weights) + 1, len(offset), len(f)))
    score[0] = 1.0
    for done, j in enumerate(order, start=1):
        p = ndtr((offset[:, j, None] + loading[:, j, None] * f + second[j] * m) / own[:, j, None])
        weight = weights[j]
        moved = score * p
        score -= moved
        score[weight:] += moved[:-weight]
        for kind, size in pending.items():
            if size == done:
                result += eligibility.share[kind] * (score[cut:].sum(axis=0) @ quadrature)
    return result


def representatives(
    offset: Array, persons: Array, group: NDArray[np.intp], per_group: int = 28
) -> tuple[NDArray[np.intp], Array]:
    """A few communes that stand for each group, and the persons they stand for.

    Communes are ordered by their mean offset and cut into blocks of equal population; the middle one stands for its
    block. It spares the calibration most of its work.
    """
    level = offset.mean(axis=1)
    chosen, weight = [], []
    for g in range(group.max() + 1):
        members = np.nonzero(group == g)[0]
        members = members[np.argsort(level[members], kind="stable")]
        middle = np.cumsum(persons[members]) - persons[members] / 2
        block = np.minimum((middle / persons[members].sum() * per_group).astype(int), per_group - 1)
        for b in np.unique(block):
            inside = members[block == b]
            chosen.append(inside[len(inside) // 2])
            weight.append(persons[inside].sum())
    return np.array(chosen), np.array(weight)


def meet(ratio: Callable[[Array], Array], target: Array, low: float, high: float) -> Array:
    """Values in [low, high], one for each target, at which `ratio` comes closest to its target.

    A coarse grid, then rounds of regula falsi between the first grid points that enclose the target; the closest of all
    values tried wins, since a target may lie out of reach. Each call of `ratio` is dear.
    """
    grid = np.linspace(low, high, 6)
    values = np.array([ratio(np.full(len(target), x)) for x in grid])
    columns = np.arange(len(target))
    nearest = np.abs(values - target).argmin(axis=0)
    best, gap = grid[nearest], np.abs(values[nearest, columns] - target)
    above = np.maximum((values >= target).argmax(axis=0), 1)
    x0, x1 = grid[above - 1], grid[above]
    y0, y1 = values[above - 1, columns], values[above, columns]
    for _ in range(3):
        span = np.where(np.abs(y1 - y0) < 1e-12, 1.0, y1 - y0)
        x = np.clip(x0 + (target - y0) * (x1 - x0) / span, low, high)
        y = ratio(x)
        better = np.abs(y - target) < gap
        best, gap = np.where(better, x, best), np.where(better, np.abs(y - target), gap)
        higher = y >= target
        x1, y1 = np.where(higher, x, x1), np.where(higher, y, y1)
        x0, y0 = np.where(higher, x0, x), np.where(higher, y0, y)
    return np.asarray(best)
