"""Totals by area, subgroup and primary sampling unit, and the standard error of anything that is a function of them.

Belongs here: rolling the counts of masks up to cells (area x subgroup) and to the clusters within them, and the linearised
standard errors of statistics given their linearised cluster totals. Does not belong here: any statistic in particular
(``overlap``, ``bundles``), the variance formula (``design``) or the making of intervals (``intervals``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from poverty_assets.arrays import FloatArray, IntArray, group_sums
from poverty_assets.measurement.between_units import DomainTotals, LonelyRule, Stage, stage_variance
from poverty_assets.measurement.design import codes_of
from poverty_assets.measurement.estimates import FEW_PSUS, NO_SPREAD, SMALL_DOMAIN
from poverty_assets.measurement.masks import Cells, MaskCounts

OK = "ok"
NO_DESIGN = "no_sampling_design"
ONE_PSU = "one_psu"
FEW_PSU = "few_psu"
NO_VARIATION = "no_variation"


@dataclass(frozen=True)
class ClusterTotals:
    """Weighted totals of columns over cells and over the clusters (primary sampling units) within them.

    Attributes
    ----------
    cells : DataFrame, n_cells rows
        As in ``Cells.table``.
    size : ndarray, shape (n_cells,)
        Total weight (persons).
    totals : ndarray, shape (n_cells, n_columns)
    cluster_size, cluster_totals : ndarray, shape (n_clusters,) and (n_clusters, n_columns)
        The same for each cluster of each cell; no rows where there is no sampling design.
    cluster_cell, cluster_psu : ndarray of int, shape (n_clusters,)
    psus : DataFrame
        Stratum and PSU of the whole sample.
    lonely : str
        Rule for strata with a single PSU (``design``).
    """

    cells: pd.DataFrame
    size: FloatArray
    totals: FloatArray
    cluster_size: FloatArray
    cluster_totals: FloatArray
    cluster_cell: IntArray
    cluster_psu: IntArray
    psus: pd.DataFrame
    lonely: LonelyRule = "adjust"

    @property
    def shares(self) -> FloatArray:
        """Totals over size, NaN for a cell with no one in it."""
        return divide(self.totals, self.size[:, None])

    @cached_property
    def _stage(self) -> Stage:
        stratum = codes_of(self.psus["stratum"])
        n_units = np.bincount(stratum)
        return Stage(stratum, n_units, np.ones(len(n_units)))

    @cached_property
    def n_psu(self) -> IntArray:
        """Primary sampling units with a household in the cell, shape (n_cells,)."""
        return np.bincount(self.cluster_cell, minlength=len(self.cells))

    @cached_property
    def df(self) -> IntArray:
        """Degrees of freedom of each cell's intervals, shape (n_cells,); 0 where there is no design.

        PSUs less strata of the whole design, or of the cell itself where it has fewer than ``SMALL_DOMAIN`` PSUs, as in ``estimates``.
        """
        if not len(self.psus):
            return np.zeros(len(self.cells), dtype=np.int64)
        stratum, whole = self._stage.stratum[self.cluster_psu], len(self.psus) - len(self._stage.n_units)
        in_cells = np.unique(self.cluster_cell * len(self._stage.n_units) + stratum) // len(self._stage.n_units)
        own = self.n_psu - np.bincount(in_cells, minlength=len(self.cells))
        return np.where(self.n_psu < SMALL_DOMAIN, np.clip(own, min(whole, 1), whole), whole)

    @cached_property
    def linearised_shares(self) -> FloatArray:
        """Cluster totals of the linearised shares: (t_y - share t_n) / T_n, shape (n_clusters, n_columns)."""
        cell = self.cluster_cell
        around = self.cluster_totals - self.shares[cell] * self.cluster_size[:, None]
        return divide(around, self.size[cell, None])

    def errors(self, linearised: FloatArray) -> FloatArray:
        """Standard errors of statistics, shape (n_cells, n_statistics), from their linearised cluster totals.

        NaN without a sampling design, in cells of fewer than 2 PSUs, and where the statistic is not defined.
        """
        if not len(self.psus):
            return np.full((len(self.cells), linearised.shape[1]), np.nan)
        clusters = DomainTotals(self.cluster_psu, self.cluster_cell, linearised, len(self.cells))
        se: FloatArray = np.sqrt(stage_variance(self._stage, clusters, self.lonely))
        se[self.n_psu < 2] = np.nan
        return np.where(se < NO_SPREAD, np.nan, se)

    def share_errors(self) -> FloatArray:
        """Standard errors of ``shares``; NaN for a share of exactly 0 or 1, of which a sample tells no spread."""
        inside = (self.shares > 0) & (self.shares < 1)
        return np.where(inside, self.errors(self.linearised_shares), np.nan)

    def flags(self, cell: IntArray, reasons: Mapping[str, npt.NDArray[np.bool_]]) -> npt.NDArray[np.object_]:
        """``quality_flag`` of the rows of a table, each of one cell: ``ok``, or the reasons parted by commas."""
        n_psu = self.n_psu[cell]
        sampled = bool(len(self.psus))
        return join_flags(
            {
                NO_DESIGN: np.full(len(cell), not sampled),
                ONE_PSU: (n_psu < 2) & sampled,
                FEW_PSU: (n_psu >= 2) & (n_psu < FEW_PSUS),
                **{name: np.ravel(holds) for name, holds in reasons.items()},
            }
        )


def cluster_totals(
    counts: MaskCounts, cells: Cells, columns: FloatArray, *, lonely: LonelyRule = "adjust"
) -> ClusterTotals:
    """Totals of functions of the mask over cells and clusters.

    Parameters
    ----------
    counts, cells : MaskCounts, Cells
    columns : ndarray, shape (n_masks, n_columns)
        Value of each function at each mask of ``counts.masks``.
    lonely : str
        Rule for strata with a single PSU.
    """
    by_unit = np.asarray(counts.weight @ columns)
    unit_size = np.asarray(counts.weight.sum(axis=1), dtype=float).ravel()
    cluster_of, cell, psu = clusters_of(counts, cells)
    inside = np.column_stack([unit_size, by_unit])[cells.rollup.indices[: len(cluster_of)]]
    clusters = group_sums(inside, cluster_of, len(cell))
    return ClusterTotals(
        cells.table,
        cells.rollup @ unit_size,
        cells.rollup @ by_unit,
        clusters[:, 0],
        clusters[:, 1:],
        cell,
        psu,
        counts.psus,
        lonely,
    )


def clusters_of(counts: MaskCounts, cells: Cells) -> tuple[IntArray, IntArray, IntArray]:
    """Cluster of each link of ``cells.rollup`` (in its own order; -1 where no household is known), its cell and PSU."""
    n_psus = len(counts.psus)
    if not n_psus:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64)
    cell = np.repeat(np.arange(cells.rollup.shape[0]), np.diff(cells.rollup.indptr))
    psu = counts.units["psu_code"].to_numpy(dtype=np.int64)[cells.rollup.indices]
    n_known = counts.units["n_households"].to_numpy()[cells.rollup.indices]
    keys, cluster_of = np.unique(np.where(n_known > 0, cell * n_psus + psu, -1), return_inverse=True)
    nowhere = int(len(keys) > 0 and keys[0] == -1)
    return cluster_of - nowhere, keys[nowhere:] // n_psus, keys[nowhere:] % n_psus


def divide(numerator: Any, denominator: Any) -> FloatArray:
    """The quotient, NaN where the denominator is 0 or either is NaN, without warnings."""
    top, bottom = np.broadcast_arrays(np.asarray(numerator, dtype=float), np.asarray(denominator, dtype=float))
    return np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom != 0)


def join_flags(reasons: dict[str, npt.NDArray[np.bool_]]) -> npt.NDArray[np.object_]:
    """One text a row: the names of the reasons that hold, parted by commas, or ``ok``."""
    names = list(reasons)
    code = sum(np.asarray(reasons[name], dtype=np.int64) << bit for bit, name in enumerate(names))
    texts = [",".join(n for bit, n in enumerate(names) if value >> bit & 1) or OK for value in range(1 << len(names))]
    return np.array(texts, dtype=object)[code]
