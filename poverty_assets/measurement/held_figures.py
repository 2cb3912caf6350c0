"""Every direct figure as what a household of each profile counts for in it, and the households that hold it in each cell.

Belongs here: the list of figures by table of the catalog, their columns over all profiles, and counting holders and their clusters.
Does not belong here: which figures are published (``disclosure``), their estimates (``estimates``, ``overlap``).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from poverty_assets.arrays import FloatArray, IntArray, group_sums
from poverty_assets.catalog import table
from poverty_assets.measure.measure import Measure
from poverty_assets.measurement.cluster_totals import clusters_of
from poverty_assets.measurement.disclosure import Held
from poverty_assets.measurement.latent_classes import LatentClasses
from poverty_assets.measurement.masks import Cells, MaskCounts, profile_bits
from poverty_assets.measurement.overlap import dimension_sets, pair_columns

_MEMBER = 0.5
"""Probability from which on a household is counted as one of a class."""
_AT_ONCE = 16  # figures whose clusters are counted in one go, which bounds the memory of a large survey


def figure_columns(measure: Measure, classes: LatentClasses) -> dict[str, FloatArray]:
    """Direct figures of each table, in the order of its rows within a cell: a row a profile, ascending, a column a figure."""
    d = len(measure.indicator_ids)
    masks = np.arange(1 << d)
    bits = profile_bits(masks, d)
    scores = measure.scores(bits)
    poor = np.column_stack([measure.is_poor(scores, k) for k in measure.cutoffs]).astype(float)
    sets = dimension_sets(masks, measure)[:, None] == np.arange(1 << len(measure.dimension_ids))
    return {
        "fct_headcount": np.column_stack([bits, *(bits * one[:, None] for one in poor.T)]),
        "fct_mpi": np.column_stack([poor, poor * scores[:, None] / measure.denominator]),
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
        Cells (rows of ``cells.table``) that have rows in tables of what some households hold together.
    figures : mapping from `figure_columns`
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
    listed = (listed | of_all) & ~suppressed[:, None]
    return Held(table_of_cells, n_households, n_clusters, nobody, profiles, of_all, listed)


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
