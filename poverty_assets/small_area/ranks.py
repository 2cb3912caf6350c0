"""Where an area stands among its like, and how sure that is: ranks and thresholds from draws.

Belongs here: rank with its interval, the probability to be among the worst, and to lie above the country; which figures have them, and
what each is called (``figure_id``). Does not belong here: draws (``replicates``), intervals of the figures themselves (``intervals``).

A rank is a statement about all areas of a level at once, so it is taken within each replicate, where all areas are drawn together.
Ranks of the estimates themselves are no such statement: best guesses vary less than the truth, and the area guessed poorest is
seldom the poorest (Goldstein and Spiegelhalter 1996, JRSS A 159: 385-443; Louis 1984, JASA 79: 393-398).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtr

from poverty_assets.arrays import FloatArray, IntArray
from poverty_assets.measure.measure import Measure, k_value
from poverty_assets.measurement.masks import pair_index
from poverty_assets.small_area.figures import Drawn
from poverty_assets.small_area.rollup import Rollup

WORST = (0.1, 0.2)
"""Parts of a level's areas that are called the worst."""
LEVEL = 0.9
"""Nominal probability that an interval of a rank holds the true one."""
ALL = "all"
_TIE = 1e-9  # less than any two figures that differ
_KERNEL = 0.3  # standard deviations; chosen on the twin of seed 7 (benchmarks.bench_ranks reports others)


@dataclass(frozen=True)
class RankedFigure:
    """A figure by which areas are ranked, the largest first.

    Attributes
    ----------
    figure_id : str
        What it is called: ``headcount_ratio`` (k of one third), ``headcount_ratio_k20``, ``mpi``, ``uncensored:water``,
        ``share_both:water:housing``.
    statistic, indicator_id, indicator_b : str
        ``all`` where there is no indicator.
    k : float
    columns : tuple of int
        Columns of `figures.figure_columns` whose means it is the difference of (the second may be missing).
    """

    figure_id: str
    statistic: str
    indicator_id: str
    indicator_b: str
    k: float
    columns: tuple[int, ...]


def ranked_figures(measure: Measure) -> list[RankedFigure]:
    """H at each cut-off, near-poor, M0, headcounts of every indicator, and how many people each pair is met in."""
    ids, d, ks = measure.indicator_ids, len(measure.indicators), [k_value(k) for k in measure.cutoffs]
    first, second = pair_index(d)
    poor, score, single = 1, 1 + len(ks), 1 + 2 * len(ks)
    both, censored = single + d, single + d + len(first)
    found = [
        RankedFigure(f"headcount_ratio{suffix}", "headcount_ratio", ALL, ALL, k, (poor + i,))
        for i, (k, suffix) in enumerate(zip(ks, ("_k20", "", "_k50"), strict=True))
    ]
    found.append(RankedFigure("vulnerable", "vulnerable", ALL, ALL, ks[0], (poor, poor + 1)))
    found.append(RankedFigure("mpi", "mpi", ALL, ALL, ks[1], (score + 1,)))
    for kind, at in (("uncensored", single), ("censored", censored + d)):
        found += [RankedFigure(f"{kind}:{one}", kind, one, ALL, ks[1], (at + j,)) for j, one in enumerate(ids)]
    for j, (a, b) in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        name = f"share_both:{ids[a]}:{ids[b]}"
        found.append(RankedFigure(name, "share_both", ids[a], ids[b], ks[1], (both + j,)))
    return found


@dataclass(frozen=True)
class Ranked:
    """Ranks of the areas of a level by one figure, 1 the largest; arrays of shape (n,).

    Attributes
    ----------
    rank : ndarray of int
        By the estimates.
    rank_low, rank_high : ndarray of int
        Of a 90% interval, which holds ``rank``.
    p_worst : tuple of ndarray
        Probability to be among the worst tenth and fifth.
    """

    rank: npt.NDArray[np.int32]
    rank_low: npt.NDArray[np.int32]
    rank_high: npt.NDArray[np.int32]
    p_worst: tuple[FloatArray, ...]

    def columns(self) -> dict[str, Any]:
        """As columns of ``fct_rank``."""
        tenth, fifth = self.p_worst
        return {
            "rank": self.rank, "rank_low": self.rank_low, "rank_high": self.rank_high, "p_worst_tenth": tenth, "p_worst_fifth": fifth
        }  # fmt: skip


def rank_draws(estimate: FloatArray, draws: FloatArray, ties: FloatArray) -> Ranked:
    """Ranks within every replicate, put together.

    Parameters
    ----------
    estimate : ndarray, shape (n,)
    draws : ndarray, shape (r, n)
    ties : ndarray, shape (r, n)
        From 0 to 1: order of areas that are equal in a replicate.
    """
    order, ranks = _ranks(draws + _TIE * ties)
    own, r = _ranks(estimate[None])[1][:, 0], ranks.shape[1]
    places = (round(share * (r + 1)) - 1 for share in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    ordered = np.sort(ranks, axis=1)
    low, high = (ordered[:, np.clip(place, 0, r - 1)] for place in places)
    worst = []
    for m in (most_of(share, len(estimate)) for share in WORST):
        edges = np.take_along_axis(draws, order[:, m - 1 : m + 1], axis=1).mean(axis=1, keepdims=True)
        worst.append(share_above(draws, edges, (ranks <= m).T))
    tenth, fifth = worst
    # who is among the worst tenth is among the worst fifth: smoothing tells the two apart where draws are next to equal
    return Ranked(own, np.minimum(low, own), np.maximum(high, own), (tenth, np.maximum(tenth, fifth)))


def share_above(draws: FloatArray, edge: FloatArray, equal: npt.NDArray[Any]) -> FloatArray:
    """Probability that each area lies above the edge: share of replicates in which it does, smoothed.

    A replicate counts as a normal kernel of ``_KERNEL`` standard deviations of the area's draws: 200 replicates alone leave an error
    of 0.035 in a probability of one half. Draws are drawn towards their mean by as much as the kernel spreads them, so that their
    variance stays (West 1993, JRSS B 55: 409-422).

    Parameters
    ----------
    draws : ndarray, shape (r, n)
    edge : ndarray, shape (r, 1)
    equal : ndarray, shape (r, n)
        What counts where a draw lies on the edge.
    """
    away, mean = draws - edge, draws.mean(axis=0)
    pulled = mean + np.sqrt(1 - _KERNEL**2) * (draws - mean) - edge
    far = pulled / np.maximum(_KERNEL * draws.std(axis=0), _TIE)
    above = (pulled > 0).astype(float)
    near = np.abs(far) < 4
    above[near] = ndtr(far[near])
    tied = np.abs(away) <= _TIE
    above[tied] = np.broadcast_to(equal, above.shape)[tied]
    return np.asarray(above.mean(axis=0))


def most_of(share: float, n_areas: int) -> int:
    """How many areas the worst tenth or fifth of a level has: at least one.

    Examples
    --------
    >>> most_of(0.1, 25), most_of(0.2, 1661), most_of(0.1, 3)
    (3, 333, 1)
    """
    return int(np.ceil(share * n_areas - 1e-9))


def _ranks(values: FloatArray) -> tuple[IntArray, npt.NDArray[np.int32]]:
    """Of values (r, n): the order of each row from the largest on, (r, n), and the rank of each, 1 the largest, (n, r)."""
    order = np.argsort(-values, axis=1)
    ranks = np.empty(values.shape, dtype=np.int32)
    np.put_along_axis(ranks, order, np.arange(1, values.shape[1] + 1, dtype=np.int32)[None], axis=1)
    return order, np.ascontiguousarray(ranks.T)


def rank_rows(drawn: Drawn, areas: Rollup, measure: Measure, *, seed: int = 0) -> pd.DataFrame:
    """Rows of ``fct_rank`` of every area below the country, without ``quarter``.

    Parameters
    ----------
    drawn : Drawn
    areas : Rollup
    measure : Measure
    seed : int
        Of the order of areas that are equal in a replicate.
    """
    figures = ranked_figures(measure)
    whole, levels = _levels(areas)
    ties = np.random.default_rng(seed).random(drawn.draws.shape[:2])
    parts = []
    for figure in figures:
        estimate, draws = values_of(drawn.point, figure), values_of(drawn.draws, figure)
        above = share_above(draws, draws[:, [whole]], np.full((1, 1), 0.5))
        for rows in levels:
            made = _key_columns(figure, areas.table.iloc[rows]).assign(estimate=estimate[rows], n_areas=len(rows))
            if len(rows) > 1:
                ranked = rank_draws(estimate[rows], draws[:, rows], ties[:, rows])
                made = made.assign(**ranked.columns(), p_above_country=above[rows])
            parts.append(made)
    out = pd.concat(parts, ignore_index=True)
    return out.assign(measure_id=measure.measure_id, suppressed=False, is_headline=True)


def values_of(columns: npt.NDArray[np.floating], figure: RankedFigure) -> FloatArray:
    """The figure, given columns (..., a, q) whose first one is the size: shape (..., a)."""
    first, *rest = figure.columns
    value = columns[..., first].astype(float)
    for other in rest:
        value -= columns[..., other]
    return value / columns[..., 0]


def _levels(areas: Rollup) -> tuple[int, list[IntArray]]:
    """Place of the country, and places of the areas of each level."""
    parts = np.diff(areas.matrix.indptr)
    of_level = areas.table.groupby("area_level", sort=False).indices
    return int(np.argmax(parts)), [np.asarray(rows) for rows in of_level.values()]


def _key_columns(figure: RankedFigure, table: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "area_id": table["area_id"].to_numpy(),
            "area_level": table["area_level"].to_numpy(),
            "figure_id": figure.figure_id,
            "statistic": figure.statistic,
            "indicator_id": figure.indicator_id,
            "indicator_b": figure.indicator_b,
            "k": figure.k,
            "method": table["method"].to_numpy(),
            "n_households": table["n_households"].array,
            "quality_flag": table["flag"].where(table["flag"] != "", "ok").to_numpy(),
        }
    )
