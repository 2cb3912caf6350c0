"""Bundles: the full sets of deprivations that households have, against what independence would give.

Belongs here: the share of each profile, its share if deprivations were independent given the area's margins, the excess
over that with its interval, and which profiles are kept. Does not belong here: pairs and counts (``overlap``), classes
of profiles (``latent_classes``).

Which are kept: in every cell (area x subgroup), the empty set; the ``top`` most frequent sets; and every other set with a
share of at least ``always_above``. Only sets that occur are ranked, by weighted share, ties by mask. The empty set has rank
0: it is not a bundle, but the shares of a cell add to 1 only with it.

Sets that too few hold to be named (``disclosure``) are pooled, with all that are not listed, as ``OTHER_SETS``: their share is kept,
so that shares still add to 1.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pandas as pd

from poverty_assets.arrays import FloatArray, IntArray
from poverty_assets.measure.measure import Measure
from poverty_assets.measurement.cluster_totals import NO_VARIATION, ClusterTotals, cluster_totals, clusters_of, divide
from poverty_assets.measurement.intervals import symmetric_interval
from poverty_assets.measurement.masks import Cells, MaskCounts, profile_bits
from poverty_assets.measurement.overlap import cell_columns, finished, share_interval

OTHER_SETS = -1  # stands as the mask of what is pooled
_DUST = 1e-9  # a share that rounding leaves
_BLOCK = 1 << 18  # profiles looked at in one go: 2 MB, which stays in the processor's cache


def top_profiles(
    counts: MaskCounts, cells: Cells, *, top: int = 30, always_above: float = 0.01
) -> tuple[IntArray, IntArray, FloatArray, IntArray]:
    """The profiles of each cell that are kept, by the rule of this module.

    Returns
    -------
    cell : ndarray of int, shape (n_kept,)
        Row of ``cells.table``, ascending; within a cell by rank, the empty set first.
    column : ndarray of int, shape (n_kept,)
        Position in ``counts.masks``; -1 for the empty set where nobody has it.
    share : ndarray, shape (n_kept,)
        Share of persons.
    rank : ndarray of int, shape (n_kept,)
    """
    n_masks = len(counts.masks)
    empty = int(counts.masks[0] == 0) if n_masks else 0  # masks ascend: the empty set, where it occurs, is column 0
    most = max(min(top, n_masks - empty), 0)
    at_once = max(_BLOCK // max(n_masks, 1), 1)
    starts = range(0, len(cells.table), at_once)
    with ThreadPoolExecutor(2) as pool:
        pieces = list(
            pool.map(
                lambda at: _top_of_block(_totals(counts, cells, at, at + at_once), at, empty, most, always_above),
                starts,
            )
        )
    cell, column, share, rank = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
    return cell, column, share, rank


def _totals(counts: MaskCounts, cells: Cells, start: int, stop: int) -> FloatArray:
    block = cells.rollup[start:stop] @ counts.weight
    return np.asarray(block.toarray() if hasattr(block, "toarray") else block, dtype=float)


def _top_of_block(
    totals: FloatArray, start: int, empty: int, most: int, always_above: float
) -> tuple[IntArray, IntArray, FloatArray, IntArray]:
    size = totals.sum(axis=1)
    ranked = totals[:, empty:]
    # Single precision picks the candidates ten times faster; rounding keeps order, so none of the top ones is lost, and
    # what is too much is dropped below, where double precision and the mask decide ties.
    rough = ranked.astype(np.float32)
    least = (always_above * size).astype(np.float32)
    if most:
        least = np.minimum(least, np.partition(rough, rough.shape[1] - most, axis=1)[:, -most])
    flat = np.flatnonzero(rough >= np.maximum(least, np.finfo(np.float32).tiny)[:, None])
    cell, column = np.divmod(flat, max(ranked.shape[1], 1))
    share = ranked[cell, column] / size[cell]
    # Already in order of cell and mask: two stable sorts keep that among equals; 16 bits are sorted by radix.
    by_share = np.argsort(-share, kind="stable")
    order = by_share[np.argsort(cell[by_share].astype(np.int16 if len(totals) < 1 << 15 else np.int64), kind="stable")]
    cell, column, share = cell[order], column[order], share[order]
    rank = np.arange(len(cell)) - np.searchsorted(cell, cell) + 1
    within = (rank <= most) | (share >= always_above)
    cell, column, share, rank = cell[within], column[within] + empty, share[within], rank[within]
    everyone = np.arange(len(totals))
    without = divide(totals[:, 0] if empty else np.zeros(len(totals)), size)
    cell = np.concatenate([everyone, cell])
    order = np.argsort(cell, kind="stable")
    column = np.concatenate([np.full(len(everyone), 0 if empty else -1), column])[order]
    share, rank = np.concatenate([without, share])[order], np.concatenate([np.zeros_like(everyone), rank])[order]
    return cell[order] + start, column, share, rank


def expected_shares(masks: IntArray, margins: FloatArray, cell: IntArray) -> FloatArray:
    """Share of profiles if deprivations were independent: product of p_j where bit j is set, 1 - p_j where not.

    Parameters
    ----------
    masks, cell : ndarray of int, shape (n,)
        Profile, and the row of ``margins`` that it is of.
    margins : ndarray, shape (n_cells, d)

    Notes
    -----
    Products over the lower and over the upper half of the bits are made once for each cell, then looked up.

    Examples
    --------
    >>> expected_shares(np.arange(4), np.array([[0.5, 0.2]]), np.zeros(4, dtype=int)).tolist()
    [0.4, 0.4, 0.1, 0.1]
    """
    half = margins.shape[1] // 2
    lower, upper = _products(margins[:, :half]), _products(margins[:, half:])
    return lower[cell, masks & ((1 << half) - 1)] * upper[cell, masks >> half]


def _products(margins: FloatArray) -> FloatArray:
    """Share of each set of some indicators if they were independent, shape (n_cells, 2^d)."""
    out = np.ones((len(margins), 1))
    for share in margins.T:
        out = np.hstack([out * (1 - share)[:, None], out * share[:, None]])
    return out


def bundles(
    counts: MaskCounts,
    cells: Cells,
    measure: Measure,
    *,
    top: int = 30,
    always_above: float = 0.01,
    method: str = "direct",
) -> pd.DataFrame:
    """The most frequent sets of deprivations in every cell: the rows of ``fct_bundle`` before suppression.

    Parameters
    ----------
    counts, cells : MaskCounts, Cells
    measure : Measure
        Whose indicators are the bits of the masks.
    top : int
        Sets kept in each cell.
    always_above : float
        Sets of at least this share are kept too.
    method : str
        Written to the table.

    Returns
    -------
    DataFrame
        ``area_id, area_level, measure_id, subgroup, bundle_mask, indicators, n_deprivations, share`` (``_se, _ci_low,
        _ci_high``), ``share_expected, excess`` (``_se, _ci_low, _ci_high``), ``rank`` and the columns of evidence.
    """
    d = counts.n_indicators
    margins = cluster_totals(counts, cells, profile_bits(counts.masks, d))
    cell, column, share, rank = top_profiles(counts, cells, top=top, always_above=always_above)
    masks = np.where(column >= 0, counts.masks[column].astype(np.int64), 0)
    bits = profile_bits(masks, d)
    expected = expected_shares(masks, margins.shares, cell)
    share_se, excess_se = _errors(counts, cells, margins, cell, column, share, bits)
    inside = (share > 0) & (share < 1)
    excess = share - expected
    excess_se = np.where(inside, excess_se, np.nan)
    df = margins.df[cell]
    table = cell_columns(margins, cell, measure)
    table["bundle_mask"] = masks
    table["indicators"] = _listed(masks, counts.indicators)
    table["n_deprivations"] = bits.sum(axis=1).astype(np.int64)
    numbers = {"share": share_interval(share, share_se, df)}
    numbers["excess"] = (excess, excess_se, *symmetric_interval(excess, excess_se, df))
    for name in ("share", "excess"):
        for suffix, values in zip(("", "_se", "_ci_low", "_ci_high"), numbers[name], strict=True):
            table[f"{name}{suffix}"] = values
        if name == "share":
            table["share_expected"] = expected
    table["rank"] = rank
    return finished(table, margins, cell, method, {NO_VARIATION: ~inside})


def name_only(table: pd.DataFrame, shown: npt.NDArray[np.bool_], n_households: IntArray) -> pd.DataFrame:
    """The rows of the sets that may be named, ranked anew, and one row for all others of each cell.

    Parameters
    ----------
    table : DataFrame from `bundles`
    shown : ndarray of bool, shape (n,)
        Rows that may be named. A row of the empty set that nobody holds says nothing of anyone and stays.
    n_households : ndarray of int, shape (n,)
        Households that hold the set of each row.
    """
    cell = table.groupby(["area_id", "subgroup"], sort=False).ngroup().to_numpy()
    shown = shown | ((table["bundle_mask"] == 0) & (n_households == 0)).to_numpy()
    named = table[shown].copy()
    order = named.groupby(["area_id", "subgroup"], sort=False).cumcount() + 1
    first = named.groupby(["area_id", "subgroup"], sort=False)["bundle_mask"].transform("first") == 0
    named["rank"] = (order - first).astype("Int64")
    share = 1 - np.bincount(cell, np.where(shown, table["share"].fillna(0), 0.0))
    pooled = table.loc[~pd.Series(cell, index=table.index).duplicated()].copy()
    pooled = pooled.assign(bundle_mask=OTHER_SETS, n_deprivations=0, share=share, rank=pd.NA, quality_flag="other_sets")
    pooled["indicators"] = [[] for _ in range(len(pooled))]
    blank = ["share_se", "share_ci_low", "share_ci_high", "share_expected"]
    pooled[[*blank, *(f"excess{suffix}" for suffix in ("", "_se", "_ci_low", "_ci_high"))]] = np.nan
    return pd.concat([named, pooled[pooled["share"] > _DUST]], ignore_index=True).astype({"rank": "Int64"})


def _listed(masks: IntArray, indicators: tuple[str, ...]) -> npt.NDArray[np.object_]:
    found, which = np.unique(masks, return_inverse=True)
    lists = np.empty(len(found), dtype=object)
    lists[:] = [[name for bit, name in enumerate(indicators) if mask >> bit & 1] for mask in found]
    return lists[which]


def _errors(
    counts: MaskCounts,
    cells: Cells,
    margins: ClusterTotals,
    cell: IntArray,
    column: IntArray,
    share: FloatArray,
    bits: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Standard errors of share and excess of each kept profile (NaN without a sampling design)."""
    unknown = np.full(len(cell), np.nan)
    if not len(counts.psus):
        return unknown, unknown
    from scipy import sparse

    cluster_of, _, _ = clusters_of(counts, cells)
    n_clusters, links = len(margins.cluster_cell), np.flatnonzero(cluster_of >= 0)
    into = sparse.csr_array(
        (np.ones(len(links)), (cluster_of[links], cells.rollup.indices[links])), shape=(n_clusters, len(counts.units))
    )
    # Place of each kept profile within its cell: columns of one array (cluster, place), the cells side by side.
    place = np.arange(len(cell)) - np.searchsorted(cell, cell)
    n_places = int(place.max(initial=-1)) + 1
    shape = (len(cells.table), n_places)
    of_cell, share_of = np.full(shape, -1, dtype=np.int64), np.zeros(shape)
    of_cell[cell, place], share_of[cell, place] = column, share
    own = margins.cluster_cell
    profile = of_cell[own]
    weight = _profile_weights(into @ counts.weight, profile)
    size = margins.size[own, None]
    score = divide(weight - share_of[own] * margins.cluster_size[:, None], size)
    share_se = margins.errors(score)[cell, place]
    slopes = np.zeros((*shape, bits.shape[1]))
    slopes[cell, place] = _expected_slopes(bits, margins.shares[cell])
    for j in range(bits.shape[1]):
        score -= slopes[own, :, j] * margins.linearised_shares[:, j, None]
    return share_se, margins.errors(score)[cell, place]


def _profile_weights(by_cluster: object, profile: IntArray) -> FloatArray:
    """Weight of the wanted profiles in each cluster, 0 where none is wanted (-1)."""
    from scipy import sparse

    rows = np.broadcast_to(np.arange(len(profile))[:, None], profile.shape)
    matrix = sparse.csr_array(by_cluster)
    found = np.asarray(matrix[rows.ravel(), np.maximum(profile, 0).ravel()], dtype=float).reshape(profile.shape)
    return np.where(profile >= 0, found, 0.0)


def _expected_slopes(bits: FloatArray, margins: FloatArray) -> FloatArray:
    """Derivative of the expected share by each margin: the product of the other factors, with the sign of the bit."""
    factors = np.where(bits > 0, margins, 1 - margins)
    before = np.cumprod(np.column_stack([np.ones(len(factors)), factors[:, :-1]]), axis=1)
    after = np.cumprod(np.column_stack([np.ones(len(factors)), factors[:, :0:-1]]), axis=1)[:, ::-1]
    return np.where(bits > 0, 1.0, -1.0) * before * after
