"""Rows of the fact tables from profiles and their replicates.

Belongs here: the columns of ``fct_mpi``, ``fct_headcount``, ``fct_contribution``, ``fct_overlap_pair``, ``fct_deprivation_count``,
``fct_dimension_overlap`` and ``fct_bundle``. Does not belong here: ranks (``ranks``), figures (``figures``), intervals
(``intervals``), rows of replicates (``draws``), which row is quoted (``warehouse.headline``).

All tables come from one set of profiles, so a finest area's pairs, bundles, H and headcounts agree with one another, and larger
areas are the population-weighted sums of their finest areas.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from poverty_assets.arrays import FloatArray, IntArray
from poverty_assets.measure.measure import Measure, k_value
from poverty_assets.measurement.bundles import expected_shares
from poverty_assets.measurement.domains import ALL
from poverty_assets.measurement.joint import JointFigures
from poverty_assets.measurement.masks import pair_index, profile_bits
from poverty_assets.measurement.overlap import PAIR_STATISTICS
from poverty_assets.small_area.draws import DrawsInTheMaking
from poverty_assets.small_area.figures import Drawn, FiguresPart, figures_in_parts, mpi_keys
from poverty_assets.small_area.intervals import WIDE, interval_of_draws
from poverty_assets.small_area.ranks import rank_rows
from poverty_assets.small_area.rollup import Rollup
from poverty_assets.small_area.wanted import Wanted

_KINDS = ("censored_k20", "censored", "censored_k50")


@dataclass(frozen=True)
class SmallAreaTables:
    """Rows of the fact tables, without ``quarter`` and ``is_headline``; ``ranks`` are all to be quoted and say so."""

    mpi: pd.DataFrame
    headcount: pd.DataFrame
    contribution: pd.DataFrame
    pairs: pd.DataFrame
    counts: pd.DataFrame
    dimensions: pd.DataFrame
    bundles: pd.DataFrame
    ranks: pd.DataFrame


def no_tables() -> SmallAreaTables:
    """Tables without rows."""
    return SmallAreaTables(*(pd.DataFrame() for _ in range(8)))


def small_area_rows(drawn: Drawn, wanted: Wanted) -> tuple[SmallAreaTables, pd.DataFrame]:
    """All fact tables, every figure with the standard error and the 95% interval of its own replicates; and ``area_draw``.

    Figures of all replicates are worked out once, some areas at a time.
    """
    tables, draws = _TablesInTheMaking(wanted.measure), DrawsInTheMaking(wanted)
    for part in figures_in_parts(drawn, wanted.measure):
        tables.add(part)
        draws.add(part)
    rows_of_draws = draws.finished(drawn)
    return tables.finished(drawn, wanted.areas), rows_of_draws


@dataclass
class _Long:
    """A fact table in the making: one block of columns an area."""

    keys: dict[str, list[Any]]
    parts: list[dict[str, FloatArray]] = field(default_factory=list)


class _TablesInTheMaking:
    """The fact tables, filled with the figures of some areas at a time."""

    def __init__(self, measure: Measure) -> None:
        ids, d, ks = measure.indicator_ids, len(measure.indicators), [k_value(k) for k in measure.cutoffs]
        first, second = pair_index(d)
        sets = list(range(1 << len(measure.dimensions)))
        touched = [[name for bit, name in enumerate(measure.dimension_ids) if s >> bit & 1] for s in sets]
        self.measure = measure
        self.mpi = _Long(mpi_keys(measure))
        self.headcount = _Long({"indicator_id": ids * 4, "kind": [k for k in ("uncensored", *_KINDS) for _ in ids]})
        self.contribution = _Long({"k": [k for k in ks for _ in ids], "indicator_id": ids * 3})
        self.pairs = _Long({"indicator_a": [ids[a] for a in first], "indicator_b": [ids[b] for b in second]})
        self.counts = _Long({"n_deprivations": list(range(d + 1))})
        self.dimensions = _Long(
            {"dimension_mask": sets, "dimensions": touched, "n_dimensions": [len(t) for t in touched]}
        )
        self.margins: list[tuple[FloatArray, FloatArray]] = []

    def add(self, part: FiguresPart) -> None:
        """Intervals of the next areas."""
        point, draws, measure = part.point, part.draws, self.measure
        self.mpi.parts.append(interval_of_draws(part.mpi_point, part.mpi_draws))
        self.headcount.parts.append(interval_of_draws(_headcounts(point), _headcounts(draws)))
        shares = _contributions(point, measure), _contributions(draws, measure)
        self.contribution.parts.append(interval_of_draws(*shares))
        self.counts.parts.append(interval_of_draws(point.counts, draws.counts))
        self.dimensions.parts.append(interval_of_draws(part.sets_point, part.sets_draws))
        each = {}
        for name in PAIR_STATISTICS:
            for suffix, values in interval_of_draws(point.pairs[name], draws.pairs[name]).items():
                each[name + {"estimate": ""}.get(suffix, f"_{suffix}")] = values
        self.pairs.parts.append(each)
        self.margins.append((point.uncensored, draws.uncensored))

    def finished(self, drawn: Drawn, areas: Rollup) -> SmallAreaTables:
        """All rows, those of bundles with them."""
        measure = self.measure
        point, draws = (np.concatenate(parts, axis=-2) for parts in zip(*self.margins, strict=True))
        return SmallAreaTables(
            _finished(self.mpi, areas, measure),
            _finished(self.headcount, areas, measure),
            _finished(self.contribution, areas, measure).rename(columns={"estimate": "share"}),
            _finished(self.pairs, areas, measure, width="share_both"),
            _finished(self.counts, areas, measure),
            _finished(self.dimensions, areas, measure),
            _bundles(drawn, areas, measure, point, draws),
            rank_rows(drawn, areas, measure),
        )


def _headcounts(f: JointFigures) -> FloatArray:
    censored = f.censored.reshape(*f.censored.shape[:-2], -1)
    return np.concatenate([f.uncensored, censored], axis=-1)


def _contributions(f: JointFigures, measure: Measure) -> FloatArray:
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = measure.weights * f.censored / f.mpi[..., None]
    return shares.reshape(*shares.shape[:-2], -1)


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


def _bundles(drawn: Drawn, areas: Rollup, measure: Measure, point: FloatArray, margins: FloatArray) -> pd.DataFrame:
    """Rows of ``fct_bundle``; margins of all areas, (a, d), and draws of them, (r, a, d), tell what independence expects."""
    chosen, d = drawn.bundles, len(measure.indicators)
    bits = profile_bits(chosen.mask, d)
    expected = expected_shares(chosen.mask, point, chosen.area)
    excess = np.empty((len(margins), len(chosen.mask)), dtype=np.float32)
    for r, of_draw in enumerate(margins):
        excess[r] = drawn.bundle_draws[r] - expected_shares(chosen.mask, of_draw, chosen.area)
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
        for suffix, values in interval_of_draws(centre[None], np.asarray(draws, dtype=float)[:, None, :]).items():
            out[name + {"estimate": ""}.get(suffix, f"_{suffix}")] = values[0]
    out["share_expected"], out["rank"] = expected, chosen.rank
    return _with_evidence(out, areas, chosen.area, out["share_ci_high"] - out["share_ci_low"])
