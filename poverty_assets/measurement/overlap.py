"""How deprivations meet in the same household: pairs, counts and dimensions, with design-based intervals.

Belongs here: the statistics of two deprivations (share of both, conditional shares, lift, phi, redundancy, odds ratio), the
number of deprivations, the dimensions touched, and the tables of them. Does not belong here: full profiles (``bundles``),
counting households (``masks``), suppression (``disclosure``).

Each statistic is a smooth function of shares, so its linearised cluster total is the gradient times those of the shares
(Särndal, Swensson and Wretman 1992, section 5.5). Intervals are made where the statistic is nearest to normal: shares on the
logit scale, lift and odds ratio on the log scale, phi by Fisher's z. A statistic that is not defined (a margin of 0) is NaN;
one at the end of its range (nobody has both) stands without an interval. Both are flagged ``no_variation``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from poverty_assets.arrays import FloatArray, IntArray
from poverty_assets.measure.measure import Measure
from poverty_assets.measurement.cluster_totals import NO_VARIATION, ClusterTotals, cluster_totals, divide
from poverty_assets.measurement.intervals import logit_interval, symmetric_interval
from poverty_assets.measurement.masks import Cells, MaskCounts, pair_index, profile_bits

Interval = tuple[FloatArray, FloatArray, FloatArray, FloatArray]  # estimate, se, low, high

FEW_DEPRIVED = "few_deprived"
FEW_CASES = 25
"""Households deprived in either indicator below which conditional shares and ratios rest on too little: flagged."""
PAIR_STATISTICS = (
    "share_a",
    "share_b",
    "share_both",
    "share_b_given_a",
    "share_a_given_b",
    "lift",
    "phi",
    "redundancy",
    "odds_ratio",
)


def pair_statistics(share_a: FloatArray, share_b: FloatArray, share_both: FloatArray) -> dict[str, FloatArray]:
    """Every statistic of a pair from its three shares; any shape, NaN where a margin leaves it undefined.

    Notes
    -----
    lift = p_ab / (p_a p_b); redundancy R0 = p_ab / min(p_a, p_b) and phi as in Alkire, Foster, Seth, Santos, Roche and
    Ballon (2015), section 7.3; odds ratio = p_11 p_00 / (p_10 p_01). The same function serves survey and modelled profiles.

    Examples
    --------
    Half lack each, four in ten both: independence would give a quarter.

    >>> found = pair_statistics(np.array([0.5]), np.array([0.5]), np.array([0.4]))
    >>> {name: found[name].round(2).tolist() for name in ("lift", "phi", "redundancy", "odds_ratio")}
    {'lift': [1.6], 'phi': [0.6], 'redundancy': [0.8], 'odds_ratio': [16.0]}
    """
    a, b, both = (np.asarray(share, dtype=float) for share in (share_a, share_b, share_both))
    # Sums of weights leave rounding of 1e-17 in empty corners of the two-way table, which would pass for a case there.
    only_a, only_b, neither = (_without_dust(part) for part in (a - both, b - both, 1 - a - b + both))
    spread = np.sqrt(np.maximum(a * (1 - a) * b * (1 - b), 0))
    return {
        "share_a": a,
        "share_b": b,
        "share_both": both,
        "share_b_given_a": divide(both, a),
        "share_a_given_b": divide(both, b),
        "lift": divide(both, a * b),
        "phi": divide(both - a * b, _without_dust(spread)),
        "redundancy": divide(both, np.minimum(a, b)),
        "odds_ratio": divide(both * neither, only_a * only_b),
    }


def _without_dust(part: FloatArray) -> FloatArray:
    return np.where(part < 1e-12, 0.0, part)


def pair_columns(masks: np.ndarray, n_indicators: int) -> FloatArray:
    """Columns whose totals are the margins, then every pair: shape (n_masks, d + d(d-1)/2)."""
    bits = profile_bits(masks, n_indicators)
    first, second = pair_index(n_indicators)
    return np.column_stack([bits, bits[:, first] * bits[:, second]])


def overlap_pairs(counts: MaskCounts, cells: Cells, measure: Measure, *, method: str = "direct") -> pd.DataFrame:
    """Every pair of indicators in every cell: the rows of ``fct_overlap_pair`` before suppression.

    Parameters
    ----------
    counts, cells : MaskCounts, Cells
        From ``masks.count_masks`` and ``masks.cells_of``.
    measure : Measure
        Whose indicators are the bits of the masks.
    method : str
        Written to the table.

    Returns
    -------
    DataFrame
        ``area_id, area_level, measure_id, subgroup, indicator_a, indicator_b``; each of ``PAIR_STATISTICS`` with ``_se``,
        ``_ci_low`` and ``_ci_high``; ``method, n_households, suppressed, quality_flag``. Shares are of persons, 0 to 1.
    """
    totals = cluster_totals(counts, cells, pair_columns(counts.masks, counts.n_indicators))
    first, second = pair_index(counts.n_indicators)
    names = np.array(counts.indicators, dtype=object)
    intervals = pair_intervals(totals, counts.n_indicators)
    cell = rows_of_cells(totals, len(first))
    table = cell_columns(totals, cell, measure)
    table["indicator_a"] = np.tile(names[first], len(totals.cells))
    table["indicator_b"] = np.tile(names[second], len(totals.cells))
    for name in PAIR_STATISTICS:
        for suffix, values in zip(("", "_se", "_ci_low", "_ci_high"), intervals[name], strict=True):
            table[f"{name}{suffix}"] = values.ravel()
    deprived = cells.rollup @ np.asarray(counts.households @ profile_bits(counts.masks, counts.n_indicators))
    few = np.minimum(deprived[:, first], deprived[:, second]) < FEW_CASES
    reasons = {NO_VARIATION: ~(intervals["odds_ratio"][0] > 0), FEW_DEPRIVED: few}
    return finished(table, totals, cell, method, reasons)


def pair_intervals(totals: ClusterTotals, n_indicators: int) -> dict[str, Interval]:
    """Estimate, standard error and interval of each pair statistic, four arrays of shape (n_cells, n_pairs).

    ``totals`` are those of `pair_columns`.
    """
    first, second = pair_index(n_indicators)
    shares, scores, cell = totals.shares, totals.linearised_shares, totals.cluster_cell
    a, b, both = shares[:, first], shares[:, second], shares[:, n_indicators:]
    values = pair_statistics(a, b, both)
    own = totals.share_errors()
    errors = {"share_a": own[:, first], "share_b": own[:, second], "share_both": own[:, n_indicators:]}

    def error(by_a: FloatArray, by_b: FloatArray, by_both: FloatArray) -> FloatArray:
        score = by_both[cell] * scores[:, n_indicators:]
        score += by_a[cell] * scores[:, first]
        score += by_b[cell] * scores[:, second]
        return totals.errors(score)

    zero = np.zeros_like(a)
    errors["share_b_given_a"] = error(-divide(both, a**2), zero, divide(1.0, a))
    errors["share_a_given_b"] = error(zero, -divide(both, b**2), divide(1.0, b))
    # The smaller margin is taken as known to be the smaller; at a tie the derivative has two values, and this is the first.
    errors["redundancy"] = np.where(a <= b, errors["share_b_given_a"], errors["share_a_given_b"])
    log_lift = error(-divide(1.0, a), -divide(1.0, b), divide(1.0, both))
    spread = np.sqrt(np.maximum(a * (1 - a) * b * (1 - b), 0))
    phi = values["phi"]
    errors["phi"] = error(
        -divide(b, spread) - phi * divide(1 - 2 * a, 2 * a * (1 - a)),
        -divide(a, spread) - phi * divide(1 - 2 * b, 2 * b * (1 - b)),
        divide(1.0, spread),
    )
    only_a, only_b, neither = (divide(1.0, _without_dust(part)) for part in (a - both, b - both, 1 - a - b + both))
    log_odds = error(-neither - only_a, -neither - only_b, divide(1.0, both) + neither + only_a + only_b)
    df = totals.df[:, None]
    out = {
        name: share_interval(values[name], errors[name], df)
        for name in PAIR_STATISTICS
        if name in errors and name != "phi"
    }
    # of a pair that nobody in the sample has the linearisation knows no spread worth the name
    out["phi"] = _fisher_interval(phi, np.where(both > 0, errors["phi"], np.nan), df)
    out["lift"] = _log_interval(values["lift"], log_lift, df)
    out["odds_ratio"] = _log_interval(values["odds_ratio"], log_odds, df)
    return out


def share_interval(share: FloatArray, se: FloatArray, df: Any) -> Interval:
    """A share with its logit interval; at exactly 0 or 1 the sample tells no spread and error and interval are NaN."""
    se = np.where((share > 0) & (share < 1), se, np.nan)
    return (share, se, *logit_interval(share, se, df))


def _log_interval(value: FloatArray, log_se: FloatArray, df: Any) -> Interval:
    defined = np.where(value > 0, value, np.nan)
    low, high = symmetric_interval(np.log(defined), log_se, df)
    return value, defined * log_se, np.exp(low), np.exp(high)


def _fisher_interval(phi: FloatArray, se: FloatArray, df: Any) -> Interval:
    inside = np.where(np.abs(phi) < 1 - 1e-12, phi, np.nan)
    low, high = symmetric_interval(np.arctanh(inside), se / (1 - inside**2), df)
    return phi, np.where(np.isnan(inside), np.nan, se), np.tanh(low), np.tanh(high)


def deprivation_counts(counts: MaskCounts, cells: Cells, measure: Measure, *, method: str = "direct") -> pd.DataFrame:
    """Share of people by number of deprivations, 0 to d: the rows of ``fct_deprivation_count`` before suppression."""
    numbers = np.arange(counts.n_indicators + 1)
    popcount = profile_bits(counts.masks, counts.n_indicators).sum(axis=1)
    columns = (popcount[:, None] == numbers).astype(float)
    return share_table(counts, cells, columns, {"n_deprivations": numbers}, measure, method)


def dimension_sets(masks: np.ndarray, measure: Measure) -> np.ndarray:
    """Dimension mask of each indicator mask: bit D set where any indicator of the D-th dimension is."""
    sets = np.zeros(len(masks), dtype=np.int64)
    for number, dimension in enumerate(measure.dimension_ids):
        own = sum(1 << bit for bit, i in enumerate(measure.indicators) if i.dimension_id == dimension)
        sets |= ((np.asarray(masks, dtype=np.int64) & own) != 0).astype(np.int64) << number
    return sets


def dimension_overlap(
    counts: MaskCounts,
    cells: Cells,
    measure: Measure,
    *,
    method: str = "direct",
) -> pd.DataFrame:
    """Share of people by the set of dimensions in which their household has any deprivation, as MODA's Venn diagram.

    Returns
    -------
    DataFrame
        Rows of ``fct_dimension_overlap`` before suppression, all 2^D sets of each cell; ``dimensions`` lists the set.
    """
    names = measure.dimension_ids
    sets = np.arange(1 << len(names))
    of_mask = dimension_sets(counts.masks, measure)
    listed = np.empty(len(sets), dtype=object)
    listed[:] = [[name for bit, name in enumerate(names) if value >> bit & 1] for value in sets]
    number = np.array([len(names_of_set) for names_of_set in listed])
    keys = {"dimension_mask": sets, "dimensions": listed, "n_dimensions": number}
    return share_table(counts, cells, (of_mask[:, None] == sets).astype(float), keys, measure, method)


def share_table(
    counts: MaskCounts, cells: Cells, columns: FloatArray, keys: Mapping[str, np.ndarray], measure: Measure, method: str
) -> pd.DataFrame:
    """Shares of persons with intervals, one row for each cell and column (n_masks, n_columns), labelled by ``keys``."""
    totals = cluster_totals(counts, cells, columns)
    cell = rows_of_cells(totals, columns.shape[1])
    table = cell_columns(totals, cell, measure)
    for name, values in keys.items():
        table[name] = np.tile(values, len(totals.cells))
    interval = share_interval(totals.shares, totals.share_errors(), totals.df[:, None])
    for name, column in zip(("estimate", "se", "ci_low", "ci_high"), interval, strict=True):
        table[name] = column.ravel()
    degenerate = ~((totals.shares > 0) & (totals.shares < 1))
    return finished(table, totals, cell, method, {NO_VARIATION: degenerate})


def rows_of_cells(totals: ClusterTotals, n_rows: int) -> IntArray:
    """Cell of each row of a table with ``n_rows`` rows a cell."""
    return np.repeat(np.arange(len(totals.cells)), n_rows)


def cell_columns(totals: ClusterTotals, cell: IntArray, measure: Measure) -> pd.DataFrame:
    """Area, measure and subgroup of the rows of a table, each of one cell."""
    area = totals.cells.iloc[cell].reset_index(drop=True)
    table = area[["area_id", "area_level", "subgroup"]].copy()
    table.insert(2, "measure_id", measure.measure_id)
    return table


def finished(
    table: pd.DataFrame,
    totals: ClusterTotals,
    cell: IntArray,
    method: str,
    reasons: Mapping[str, npt.NDArray[np.bool_]],
) -> pd.DataFrame:
    """The table with its columns of evidence, flagged for the sample and for ``reasons``; nothing is suppressed yet
    (``disclosure``)."""
    table["method"] = method
    table["n_households"] = totals.cells["n_households"].to_numpy()[cell]
    table["suppressed"] = False
    table["quality_flag"] = totals.flags(cell, reasons)
    return table
