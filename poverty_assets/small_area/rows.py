"""Rows of the fact tables from profiles and their replicates.

Belongs here: rolling communes up, quantiles of replicates, and the columns of ``fct_mpi``, ``fct_headcount``,
``fct_contribution``, ``fct_overlap_pair``, ``fct_deprivation_count``, ``fct_dimension_overlap`` and ``fct_bundle``. Does not belong
here: making profiles (``replicates``, ``totals.downscale``), which row is quoted (``warehouse.headline``).

All tables come from one set of profiles, so a commune's pairs, bundles, H and headcounts agree with one another, and larger
areas are the population-weighted sums of their communes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from poverty_assets.arrays import FloatArray, IntArray
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.measure.measure import Measure, k_value
from poverty_assets.measurement.bundles import expected_shares
from poverty_assets.measurement.domains import ALL
from poverty_assets.measurement.joint import JointFigures, figures_of_totals, joint_columns
from poverty_assets.measurement.masks import pair_index, profile_bits
from poverty_assets.measurement.overlap import PAIR_STATISTICS, dimension_sets

Figure = Callable[[JointFigures], FloatArray]

WIDE = 0.3
"""Width of the interval of a share beyond which the figure should not be used alone."""
_KINDS = ("censored_k20", "censored", "censored_k50")
_AREAS_AT_ONCE = 150  # quantiles of some 800 figures of so many areas over 200 replicates take 100 MB


@dataclass(frozen=True)
class Rollup:
    """Areas of all levels as population-weighted means of communes.

    Attributes
    ----------
    table : DataFrame
        ``area_id, area_level, method, n_households, flag``, one row an area.
    matrix : csr_array, shape (a, n)
    """

    table: pd.DataFrame
    matrix: Any


def rollup(
    hierarchy: Hierarchy,
    communes: list[str],
    population: FloatArray,
    *,
    sampled_households: IntArray | None = None,
    method: str | None = None,
    flag: npt.NDArray[np.object_] | None = None,
) -> Rollup:
    """Every commune, and every larger area up to the country that holds one.

    Parameters
    ----------
    hierarchy : Hierarchy
    communes : list of str
        In the order of the arrays.
    population : ndarray, shape (n,)
    sampled_households : ndarray of int, shape (n,), optional
        Households in the survey: areas with any are ``composite``, others ``modelled``.
    method : str, optional
        Evidence of every row instead, as ``downscaled``.
    flag : ndarray of str, shape (n,), optional
        Reason not to use a commune's figures alone, empty for none.
    """
    parts = hierarchy.number(communes)
    area, matrix = hierarchy.rollup(parts, population)
    sampled = np.zeros(len(communes)) if sampled_households is None else np.asarray(sampled_households, dtype=float)
    n = np.rint(hierarchy.add_up(parts, sampled)[area]).astype(np.int64)
    codes = hierarchy.ids[area].tolist()
    table = pd.DataFrame({"area_id": codes, "area_level": hierarchy.level_names[area].tolist()})
    table["method"] = method or np.where(n > 0, "composite", "modelled")
    table["n_households"] = pd.array(n, dtype="Int64")
    table.loc[n == 0, "n_households"] = pd.NA
    of_commune = dict(zip(communes, ["" for _ in communes] if flag is None else flag.tolist(), strict=True))
    table["flag"] = [of_commune.get(code, "") for code in codes]
    return Rollup(table, matrix)


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
        Of communes.
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
class SmallAreaTables:
    """Rows of the fact tables, without ``quarter`` and ``is_headline``."""

    mpi: pd.DataFrame
    headcount: pd.DataFrame
    contribution: pd.DataFrame
    pairs: pd.DataFrame
    counts: pd.DataFrame
    dimensions: pd.DataFrame
    bundles: pd.DataFrame


def no_tables() -> SmallAreaTables:
    """Tables without rows."""
    return SmallAreaTables(*(pd.DataFrame() for _ in range(7)))


@dataclass
class _Long:
    """A fact table in the making: one block of columns an area."""

    keys: dict[str, list[Any]]
    parts: list[dict[str, FloatArray]] = field(default_factory=list)


def small_area_tables(drawn: Drawn, areas: Rollup, measure: Measure) -> SmallAreaTables:
    """All fact tables, every figure with the standard error and the 95% interval of its own replicates."""
    ids, d = measure.indicator_ids, len(measure.indicators)
    ks = [k_value(k) for k in measure.cutoffs]
    first, second = pair_index(d)
    n_sets = 1 << len(measure.dimensions)
    mpi = _Long(mpi_keys(measure))
    headcount = _Long({"indicator_id": ids * 4, "kind": [kind for kind in ("uncensored", *_KINDS) for _ in ids]})
    contribution = _Long({"k": [k for k in ks for _ in ids], "indicator_id": ids * 3})
    pairs = _Long({"indicator_a": [ids[a] for a in first], "indicator_b": [ids[b] for b in second]})
    counts = _Long({"n_deprivations": list(range(d + 1))})
    sets = np.arange(n_sets)
    touched = [[name for bit, name in enumerate(measure.dimension_ids) if s >> bit & 1] for s in sets]
    dimensions = _Long(
        {"dimension_mask": sets.tolist(), "dimensions": touched, "n_dimensions": [len(t) for t in touched]}
    )
    split = drawn.point.shape[1] - n_sets
    for at in range(0, len(drawn.point), _AREAS_AT_ONCE):
        rows = slice(at, at + _AREAS_AT_ONCE)
        point = figures_of_totals(drawn.point[rows, :split], measure)
        draws = figures_of_totals(drawn.draws[:, rows, :split].astype(float), measure)
        mpi.parts.append(_interval(mpi_figures(point), mpi_figures(draws)))
        headcount.parts.append(_interval(_headcounts(point), _headcounts(draws)))
        contribution.parts.append(_interval(_contributions(point, measure), _contributions(draws, measure)))
        counts.parts.append(_interval(point.counts, draws.counts))
        dimensions.parts.append(_interval(drawn.point[rows, split:], drawn.draws[:, rows, split:].astype(float)))
        each = {}
        for name in PAIR_STATISTICS:
            for suffix, values in _interval(point.pairs[name], draws.pairs[name]).items():
                each[name + {"estimate": ""}.get(suffix, f"_{suffix}")] = values
        pairs.parts.append(each)
    contribution_rows = _finished(contribution, areas, measure).rename(columns={"estimate": "share"})
    return SmallAreaTables(
        _finished(mpi, areas, measure),
        _finished(headcount, areas, measure),
        contribution_rows,
        _finished(pairs, areas, measure, width="share_both"),
        _finished(counts, areas, measure),
        _finished(dimensions, areas, measure),
        _bundles(drawn, areas, measure, split),
    )


def mpi_keys(measure: Measure) -> dict[str, list[Any]]:
    """``k`` and ``statistic`` of the figures of `mpi_figures`, in their order."""
    ks = [k_value(k) for k in measure.cutoffs]
    return {
        "k": [k for k in ks for _ in range(3)] + [ks[0], ks[2]],
        "statistic": ["headcount_ratio", "intensity", "mpi"] * 3 + ["vulnerable", "severe"],
    }


def mpi_figures(f: JointFigures) -> FloatArray:
    """Figures of ``fct_mpi`` in the order of `mpi_keys`, shape (..., 11)."""
    three = np.stack([f.headcount_ratio, f.intensity, f.mpi], axis=-1)
    flat = three.reshape(*three.shape[:-2], -1)
    near = f.headcount_ratio[..., :1] - f.headcount_ratio[..., 1:2]
    return np.concatenate([flat, near, f.headcount_ratio[..., 2:3]], axis=-1)


def _headcounts(f: JointFigures) -> FloatArray:
    censored = f.censored.reshape(*f.censored.shape[:-2], -1)
    return np.concatenate([f.uncensored, censored], axis=-1)


def _contributions(f: JointFigures, measure: Measure) -> FloatArray:
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = measure.weights * f.censored / f.mpi[..., None]
    return shares.reshape(*shares.shape[:-2], -1)


def _interval(point: FloatArray, draws: FloatArray) -> dict[str, FloatArray]:
    """Estimate (a, q), standard deviation and 2.5% and 97.5% quantiles of draws (r, a, q); the estimate lies within.

    A draw in which the figure is not defined (nobody is poor) counts as the estimate.
    """
    known = np.where(np.isfinite(draws), draws, point)
    ordered = np.sort(np.moveaxis(known, 0, -1).astype(np.float32), axis=-1)
    r = ordered.shape[-1]
    # the outer order statistics of r draws hold a new one with probability (r - 1) / (r + 1): the usual plotting position
    place = np.clip(np.array([0.025, 0.975]) * (r + 1) - 1, 0, r - 1)
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


def _finished(long: _Long, areas: Rollup, measure: Measure, width: str = "estimate") -> pd.DataFrame:
    """Rows of all areas with their keys and columns of evidence."""
    n_rows = len(next(iter(long.keys.values())))
    area = np.repeat(np.arange(len(areas.table)), n_rows)
    out = _area_columns(areas, area, measure)
    for name, values in long.keys.items():
        column = np.empty(n_rows, dtype=object)
        column[:] = values
        tiled = np.tile(column, len(areas.table))
        out[name] = tiled if name == "dimensions" else pd.Series(tiled).infer_objects()
    for name in long.parts[0]:
        out[name] = np.concatenate([part[name] for part in long.parts]).ravel()
    prefix = "" if width == "estimate" else f"{width}_"
    return _with_evidence(out, areas, area, out[f"{prefix}ci_high"] - out[f"{prefix}ci_low"])


def _area_columns(areas: Rollup, area: IntArray, measure: Measure) -> pd.DataFrame:
    table = areas.table.iloc[area].reset_index(drop=True)
    out = table[["area_id", "area_level"]].copy()
    out["measure_id"], out["subgroup"] = measure.measure_id, ALL
    return out


def _with_evidence(out: pd.DataFrame, areas: Rollup, area: IntArray, width: pd.Series) -> pd.DataFrame:
    table = areas.table.iloc[area].reset_index(drop=True)
    out["method"], out["n_households"] = table["method"], table["n_households"]
    out["suppressed"] = False
    wide = np.where(width.to_numpy() > WIDE, "wide_interval", "")
    reasons = [",".join(filter(None, pair)) or "ok" for pair in zip(table["flag"], wide, strict=True)]
    out["quality_flag"] = reasons
    return out


def _bundles(drawn: Drawn, areas: Rollup, measure: Measure, split: int) -> pd.DataFrame:
    chosen, d = drawn.bundles, len(measure.indicators)
    bits = profile_bits(chosen.mask, d)
    n_draws = len(drawn.bundle_draws)
    point = figures_of_totals(drawn.point[:, :split], measure).uncensored
    expected = expected_shares(chosen.mask, point, chosen.area)
    excess = np.empty((n_draws, len(chosen.mask)), dtype=np.float32)
    for r in range(n_draws):
        margins = figures_of_totals(drawn.draws[r, :, :split].astype(float), measure).uncensored
        excess[r] = drawn.bundle_draws[r] - expected_shares(chosen.mask, margins, chosen.area)
    out = _area_columns(areas, chosen.area, measure)
    out["bundle_mask"], out["n_deprivations"] = chosen.mask, bits.sum(axis=1).astype(np.int64)
    names = measure.indicator_ids
    found, which = np.unique(chosen.mask, return_inverse=True)
    lists = np.empty(len(found), dtype=object)
    lists[:] = [[name for bit, name in enumerate(names) if mask >> bit & 1] for mask in found.tolist()]
    out["indicators"] = lists[which]
    for name, centre, draws in (
        ("share", drawn.bundle_point, drawn.bundle_draws),
        ("excess", drawn.bundle_point - expected, excess),
    ):
        for suffix, values in _interval(centre[None], np.asarray(draws, dtype=float)[:, None, :]).items():
            out[name + {"estimate": ""}.get(suffix, f"_{suffix}")] = values[0]
    out["share_expected"], out["rank"] = expected, chosen.rank
    return _with_evidence(out, areas, chosen.area, out["share_ci_high"] - out["share_ci_low"])
