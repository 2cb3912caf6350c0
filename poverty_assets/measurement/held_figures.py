"""Every direct figure as what a household of each profile counts for in it, and the households that hold it in each cell.

Belongs here: the list of figures by table of the catalog, their columns over all profiles, which of them each row tells, and counting
holders and their clusters.
Does not belong here: which figures are published (``figure_disclosure``), their estimates (``estimates``, ``overlap``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from poverty_assets.arrays import FloatArray, IntArray, group_sums
from poverty_assets.catalog import table
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.measure.measure import Measure, k_value
from poverty_assets.measurement.cluster_totals import clusters_of
from poverty_assets.measurement.figure_disclosure import Held
from poverty_assets.measurement.kept_decisions import NOT_KEPT, KeptDecisions
from poverty_assets.measurement.latent_classes import LatentClasses
from poverty_assets.measurement.masks import Cells, MaskCounts, pair_index, profile_bits
from poverty_assets.measurement.overlap import dimension_sets, pair_columns

_MEMBER = 0.5
"""Probability from which on a household is counted as one of a class."""
_AT_ONCE = 16  # figures whose clusters are counted in one go, which bounds the memory of a large survey


def mean_columns(measure: Measure) -> dict[str, FloatArray]:
    """Direct figures that are means over all households: headcounts (uncensored, then at each cut-off); H, then M0, at each
    cut-off, and the share of near-poor."""
    bits = profile_bits(np.arange(1 << len(measure.indicator_ids)), len(measure.indicator_ids))
    scores = measure.scores(bits)
    poor = np.column_stack([measure.is_poor(scores, k) for k in measure.cutoffs]).astype(float)
    return {
        "fct_headcount": np.column_stack([bits, *(bits * one[:, None] for one in poor.T)]),
        "fct_mpi": np.column_stack([poor, poor * scores[:, None] / measure.denominator, poor[:, 0] - poor[:, 1]]),
    }


def figure_columns(measure: Measure, classes: LatentClasses) -> dict[str, FloatArray]:
    """Direct figures of each table, in the order of its rows within a cell: a row a profile, ascending, a column a figure."""
    d = len(measure.indicator_ids)
    masks = np.arange(1 << d)
    bits = profile_bits(masks, d)
    sets = dimension_sets(masks, measure)[:, None] == np.arange(1 << len(measure.dimension_ids))
    return {
        **mean_columns(measure),
        "fct_overlap_pair": pair_columns(masks, d)[:, d:],
        "fct_deprivation_count": (bits.sum(axis=1)[:, None] == np.arange(d + 1)).astype(float),
        "fct_dimension_overlap": sets.astype(float),
        "fct_typology": classes.posterior(masks),
    }


def held_figures(
    counts: MaskCounts, cells: Cells, decisions: pd.DataFrame, with_row: IntArray, figures: Mapping[str, FloatArray]
) -> Held:
    """Who holds each figure in each cell.

    Parameters
    ----------
    counts, cells : MaskCounts, Cells
        Every cell of the survey.
    decisions : DataFrame from ``disclosure.decide``
    with_row : ndarray of int
        Cells (rows of ``cells.table``) that have rows in direct tables.
    figures : mapping from `figure_columns`, or `mean_columns`
    """
    keys = ["area_id", "subgroup"]
    decided = decisions.set_index(keys)["suppressed"].reindex(pd.MultiIndex.from_frame(cells.table[keys]))
    suppressed = decided.fillna(True).to_numpy(dtype=bool)
    profiles = np.column_stack(list(figures.values()))
    of_all = np.repeat([table(name).of_all for name in figures], [one.shape[1] for one in figures.values()])
    listed = np.zeros((len(cells.table), 1), dtype=bool)
    listed[with_row] = True
    member = np.column_stack([one >= _MEMBER if name == "fct_typology" else one > 0 for name, one in figures.items()])[
        counts.masks
    ]
    by_unit = np.asarray(counts.households @ member.astype(float))
    n_households = np.rint(cells.rollup @ by_unit).astype(np.int64)
    counted = np.asarray(counts.households @ (profiles[counts.masks] > 0).astype(float))
    nobody = np.rint(cells.rollup @ counted) == 0
    n_clusters = _clusters(counts, cells, by_unit > 0)
    table_of_cells = cells.table[[*keys, "n_households"]].assign(suppressed=suppressed)
    listed = np.broadcast_to(listed & ~suppressed[:, None], n_households.shape).copy()
    beside = _margins_beside(figures, counts.n_indicators)
    return Held(table_of_cells, n_households, n_clusters, nobody, profiles, of_all, beside, listed)


def _margins_beside(figures: Mapping[str, FloatArray], n_indicators: int) -> npt.NDArray[np.bool_]:
    """The margins (first columns of headcounts) that stand in the rows of pairs."""
    at = dict(zip(figures, np.cumsum([0, *(one.shape[1] for one in figures.values())]), strict=False))
    n_figures = sum(one.shape[1] for one in figures.values())
    beside = np.zeros((n_figures, n_figures), dtype=bool)
    if "fct_overlap_pair" in figures:
        first, second = pair_index(n_indicators)
        row = at["fct_overlap_pair"] + np.arange(len(first))
        beside[row, at["fct_headcount"] + first] = beside[row, at["fct_headcount"] + second] = True
    return beside


def _clusters(counts: MaskCounts, cells: Cells, there: npt.NDArray[np.bool_]) -> IntArray:
    """Clusters of each cell in which somebody holds each figure; ``there`` says so of units."""
    cluster, cell, _ = clusters_of(counts, cells)
    if not len(cell):
        return np.zeros((len(cells.table), there.shape[1]), dtype=np.int64)
    unit = cells.rollup.indices[: len(cluster)]
    parts = []
    for start in range(0, there.shape[1], _AT_ONCE):
        own = group_sums(there[unit, start : start + _AT_ONCE].astype(float), cluster, len(cell)) > 0
        parts.append(group_sums(own.astype(float), cell, len(cells.table)))
    return np.rint(np.hstack(parts)).astype(np.int64)


@dataclass(frozen=True)
class MeansShown:
    """Which means over all households are shown in which cells.

    Attributes
    ----------
    cells : MultiIndex of area_id, subgroup
    shown : ndarray of bool, shape (n_cells, n_figures)
        Columns as in `mean_columns`.
    measure : Measure
    """

    cells: pd.MultiIndex
    shown: npt.NDArray[np.bool_]
    measure: Measure

    def of_rows(self, name: str, rows: pd.DataFrame) -> npt.NDArray[np.bool_]:
        """Whether everything that a row tells is shown; rows of ``fct_mpi``, ``fct_headcount`` or ``fct_contribution``, by ``k``."""
        cell = self.cells.get_indexer(pd.MultiIndex.from_frame(rows[["area_id", "subgroup"]]))
        first, second = self._told(name, rows)
        return np.asarray((cell >= 0) & self.shown[cell, first] & self.shown[cell, second])

    def _told(self, name: str, rows: pd.DataFrame) -> tuple[IntArray, IntArray]:
        """Columns of the two figures that each row follows from; twice the same where it is a figure itself."""
        ids, cutoffs = self.measure.indicator_ids, [k_value(k) for k in self.measure.cutoffs]
        k = pd.Index(cutoffs).get_indexer(rows["k"])  # -1: uncensored
        ratio = (1 + len(cutoffs)) * len(ids) + k
        mean_score = ratio + len(cutoffs)
        if name == "fct_mpi":
            of = rows["statistic"].to_numpy()
            first = np.where(of == "mpi", mean_score, ratio)
            first = np.where(of == "vulnerable", self.shown.shape[1] - 1, first)
            return first, np.where(of == "intensity", mean_score, first)
        headcount = (1 + k) * len(ids) + pd.Index(ids).get_indexer(rows["indicator_id"])
        return headcount, mean_score if name == "fct_contribution" else headcount


def rows_shown(
    rows: Mapping[str, pd.DataFrame],
    counted: tuple[MaskCounts, Cells],
    decisions: pd.DataFrame,
    with_row: IntArray,
    measure: Measure,
    hierarchy: Hierarchy,
    kept: KeptDecisions = NOT_KEPT,
) -> dict[str, npt.NDArray[np.bool_]]:
    """Which rows of ``fct_mpi``, ``fct_headcount`` and ``fct_contribution`` may be shown, decided without any figure that is no
    headcount, H or M0.

    Parameters
    ----------
    rows : mapping
        Of each table; the other arguments as in `held_figures`.
    kept : KeptDecisions
        Where it is looked first whether that has been decided.
    """
    held = held_figures(*counted, decisions, with_row, mean_columns(measure))
    index = pd.MultiIndex.from_frame(held.cells[["area_id", "subgroup"]])
    means = MeansShown(index, kept.figures(held, hierarchy), measure)
    return {name: means.of_rows(name, one) for name, one in rows.items()}
