"""Every direct figure of a quarter, from the households of the wave that serves it.

Belongs here: calling ``estimates``, ``masks``, ``overlap``, ``bundles``, ``latent_classes``, ``change`` and ``disclosure`` in
order, in the form of the catalog's tables. Does not belong here: any formula.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from poverty_assets.arrays import IntArray
from poverty_assets.catalog import table
from poverty_assets.errors import ContractViolation
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.measure.measure import Measure
from poverty_assets.measurement import change as changes
from poverty_assets.measurement.bundles import bundles, name_only
from poverty_assets.measurement.coding import Columns
from poverty_assets.measurement.disclosure import apply, decide
from poverty_assets.measurement.domains import ALL, DEFAULT_SUBGROUPS, SIZE_CLASSES
from poverty_assets.measurement.estimates import estimate_measure
from poverty_assets.measurement.figure_disclosure import Held
from poverty_assets.measurement.held_figures import figure_columns, held_figures, rows_shown
from poverty_assets.measurement.intervals import logit_interval
from poverty_assets.measurement.kept_decisions import NOT_KEPT, KeptDecisions
from poverty_assets.measurement.latent_classes import (
    LatentClasses,
    class_profiles,
    class_stability,
    fit_classes,
    typology,
)
from poverty_assets.measurement.masks import Cells, MaskCounts, counts_and_cells, holders
from poverty_assets.measurement.overlap import deprivation_counts, dimension_overlap, overlap_pairs
from poverty_assets.quarter import Quarter

_CENSORED_KIND = {0.2: "censored_k20", 0.333333: "censored", 0.5: "censored_k50"}


def measured_households(wave: pd.DataFrame, measure: Measure) -> pd.DataFrame:
    """The wave's households with the columns that part them into subgroups.

    Raises
    ------
    ContractViolation
        If the wave lacks an indicator of the measure.
    """
    absent = [name for name in measure.indicator_ids if name not in wave]
    if absent:
        raise ContractViolation(
            f"the wave lacks {len(absent)} indicators of {measure.measure_id}, first {absent[0]}",
            remedy="map them in survey.yaml, or refresh with --measure that the survey serves",
        )
    frame = wave.copy()
    frame["hh_size_class"] = _size_class(frame["hh_size"])
    return frame


def _size_class(hh_size: pd.Series) -> pd.Series:
    bounds = [0, *(limit for _, limit in SIZE_CLASSES if limit is not None), np.inf]
    return pd.cut(hh_size, bounds, labels=[label for label, _ in SIZE_CLASSES]).astype("object")


def profile_counts(households: pd.DataFrame, measure: Measure, hierarchy: Hierarchy) -> tuple[MaskCounts, Cells]:
    """The one aggregate that overlap comes from, unit x set of deprivations; and every area x subgroup that units make up."""
    there = {*households.columns, *(["age_group"] if "n_children" in households else [])}
    subgroups = tuple(name for name in DEFAULT_SUBGROUPS if name in there)
    return counts_and_cells(households, Columns(tuple(measure.indicator_ids), subgroups), hierarchy)


def disclosure_decisions(households: pd.DataFrame, measure: Measure, hierarchy: Hierarchy) -> pd.DataFrame:
    """One decision a cell (area x subgroup): withheld, flagged or neither; it serves every table."""
    return decide(profile_counts(households, measure, hierarchy)[1].table, hierarchy)


@dataclass(frozen=True)
class DirectTables:
    """Direct rows of the fact tables of a measure, after disclosure control, without ``is_headline``."""

    mpi: pd.DataFrame
    headcount: pd.DataFrame
    contribution: pd.DataFrame = field(default_factory=pd.DataFrame)
    left_out: pd.DataFrame = field(default_factory=pd.DataFrame)


def direct_tables(
    households: pd.DataFrame,
    measure: Measure,
    hierarchy: Hierarchy,
    decisions: pd.DataFrame,
    kept: KeptDecisions = NOT_KEPT,
) -> DirectTables:
    """H, A, M0, near-poor, severe, headcounts and contributions for every area and subgroup; ``kept`` is where decisions on single
    figures are looked for first."""
    made = estimate_measure(households, measure, hierarchy, censored_at=measure.cutoffs)
    contribution = _with_evidence(made.contribution, made.mpi, made.df)
    counts, cells = profile_counts(households, measure, hierarchy)
    with_row = _worth_a_row(counts, cells, decisions, hierarchy)
    worth = pd.MultiIndex.from_frame(cells.table.iloc[with_row][["area_id", "subgroup"]])
    every = {"fct_mpi": made.mpi, "fct_headcount": made.headcount, "fct_contribution": contribution}
    rows = {
        name: one[pd.MultiIndex.from_frame(one[["area_id", "subgroup"]]).isin(worth)] for name, one in every.items()
    }
    shown = rows_shown(rows, (counts, cells), decisions, with_row, measure, hierarchy, kept)
    applied = {
        name: apply(one, decisions, of=table(name), shown=shown[name], enough=np.ones(len(one), dtype=bool))
        for name, one in rows.items()
    }
    return DirectTables(
        applied["fct_mpi"], _with_kinds(applied["fct_headcount"]), applied["fct_contribution"], made.left_out
    )


def _with_kinds(headcount: pd.DataFrame) -> pd.DataFrame:
    """One kind for each cut-off: ``censored`` is that of one third, the measure's own."""
    kind = headcount["k"].map(_CENSORED_KIND).where(headcount["kind"] == "censored", headcount["kind"])
    return headcount.assign(kind=kind).drop(columns="k")


def _with_evidence(contribution: pd.DataFrame, mpi: pd.DataFrame, df: int) -> pd.DataFrame:
    """Contributions with the interval of a share, and the households and flag of the mpi that they part."""
    keys = ["area_id", "subgroup", "k"]
    evidence = mpi.loc[mpi["statistic"] == "mpi", [*keys, "method", "n_households", "suppressed", "quality_flag"]]
    rows = contribution.merge(evidence, on=keys, how="left", validate="many_to_one")
    low, high = logit_interval(rows["share"], rows["se"], df)
    return rows.assign(ci_low=low, ci_high=high)


def _rows_worth_publishing(rows: pd.DataFrame, decisions: pd.DataFrame, finest: str) -> pd.DataFrame:
    """Rows of cells that are published, and of withheld ones but for subgroups of the finest areas: a row of NULLs for each
    subgroup, indicator and k of an area of the finest level with too few households would say nothing more."""
    of_all = (rows["subgroup"] == ALL).to_numpy()
    return rows[_published(rows, decisions) | of_all | (rows["area_level"] != finest).to_numpy()]


def _published(rows: pd.DataFrame, decisions: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Rows of cells that are published."""
    decided = decisions.set_index(["area_id", "subgroup"])["suppressed"]
    keys = pd.MultiIndex.from_frame(rows[["area_id", "subgroup"]])
    return ~decided.reindex(keys).fillna(True).to_numpy(dtype=bool)


@dataclass(frozen=True)
class OverlapTables:
    """Rows of the overlap tables of a measure, after disclosure control, without ``is_headline``."""

    pairs: pd.DataFrame
    counts: pd.DataFrame
    dimensions: pd.DataFrame
    bundles: pd.DataFrame
    typology: pd.DataFrame
    classes: pd.DataFrame


def overlap_tables(
    households: pd.DataFrame,
    measure: Measure,
    hierarchy: Hierarchy,
    decisions: pd.DataFrame,
    *,
    seed: int = 0,
    kept: KeptDecisions = NOT_KEPT,
) -> OverlapTables:
    """Pairs, counts, dimensions, bundles and latent classes, in cells that are published and in whole areas; ``kept`` as in
    `direct_tables`."""
    counts, every = profile_counts(households, measure, hierarchy)
    with_row = _worth_a_row(counts, every, decisions, hierarchy)
    cells = Cells(every.table.iloc[with_row].reset_index(drop=True), every.rollup[with_row])
    model = fit_classes(counts, LatentClasses(seed=seed, n_starts=8, tolerance=1e-9))
    stability = class_stability(model, counts, n_replicates=10, seed=seed)
    figures = figure_columns(measure, model)
    held = held_figures(counts, every, decisions, with_row, figures)
    shown, at = kept.figures(held, hierarchy), np.cumsum([0, *(one.shape[1] for one in figures.values())])

    def applied(name: str, rows: pd.DataFrame) -> pd.DataFrame:
        own = slice(*at[list(figures).index(name) :][:2])
        may, enough = (part[with_row, own].ravel() for part in (shown, held.enough))
        return apply(rows, decisions, of=table(name), shown=may, enough=enough)

    return OverlapTables(
        applied("fct_overlap_pair", overlap_pairs(counts, cells, measure)),
        applied("fct_deprivation_count", deprivation_counts(counts, cells, measure)),
        applied("fct_dimension_overlap", dimension_overlap(counts, cells, measure)),
        _named_bundles((counts, every), bundles(counts, cells, measure), decisions, hierarchy, (held, shown), kept),
        applied("fct_typology", typology(counts, cells, measure, model)),
        class_profiles(model, measure, stability),
    )


def _named_bundles(
    counted: tuple[MaskCounts, Cells],
    rows: pd.DataFrame,
    decisions: pd.DataFrame,
    hierarchy: Hierarchy,
    beside: tuple[Held, npt.NDArray[np.bool_]],
    kept: KeptDecisions,
) -> pd.DataFrame:
    """Sets that enough households hold, the others pooled; every cell of the survey, published or not, is what an area is the sum
    of. ``beside`` are the figures of the cells, and which of them are shown."""
    counts, every = counted
    keys = ["area_id", "subgroup", "bundle_mask"]
    published = _published(rows, decisions)
    who = holders(counts, every)
    held = every.table[["area_id", "subgroup"]].iloc[who["cell"]].reset_index(drop=True)
    held["bundle_mask"] = counts.masks[who["column"]].astype(np.int64)
    held[["n_households", "n_clusters"]] = who[["n_households", "n_clusters"]]
    place, of_rows = pd.MultiIndex.from_frame(held[keys]), pd.MultiIndex.from_frame(rows[keys])
    held["listed"] = place.isin(of_rows[published])
    held = held.rename(columns={"bundle_mask": "set"}).assign(cell=who["cell"])
    held["shown"] = kept.sets(held, hierarchy, beside)
    own = held.set_index(place)[["shown", "n_households"]].reindex(of_rows[published])
    shown, n = own["shown"].fillna(False).to_numpy(dtype=bool), own["n_households"].fillna(0).to_numpy(dtype=np.int64)
    named = name_only(rows[published], shown, n)
    without = pd.MultiIndex.from_frame(named[keys[:2]]).isin(_without_margins(every, beside[1], counts.n_indicators))
    named.loc[without, ["share_expected", *(f"excess{part}" for part in ("", "_se", "_ci_low", "_ci_high"))]] = np.nan
    both, empty = pd.concat([named, rows[~published]], ignore_index=True), {"bundle_mask": 0}
    every_row = np.ones(len(both), dtype=bool)
    return apply(both, decisions, of=table("fct_bundle"), shown=every_row, only_if_published=empty)


def _without_margins(cells: Cells, shown: npt.NDArray[np.bool_], n_indicators: int) -> pd.MultiIndex:
    """Cells in which some uncensored headcount is withheld, which the share expected without association would give away."""
    some = ~shown[:, :n_indicators].all(axis=1)
    return pd.MultiIndex.from_frame(cells.table.loc[some, ["area_id", "subgroup"]])


def _worth_a_row(counts: MaskCounts, cells: Cells, decisions: pd.DataFrame, hierarchy: Hierarchy) -> IntArray:
    """Cells (their rows) that have rows in direct tables: not subgroups of the finest areas that are withheld, and with two clusters or
    more, since households of one cluster alone tell no interval, and are neighbours; the country and areas of the published level in any
    case."""
    shown = cells.table.index.isin(_rows_worth_publishing(cells.table, decisions, hierarchy.finest).index)
    several = _clusters(counts, cells) >= 2
    large = cells.table["area_level"].isin([hierarchy.levels[0], hierarchy.published]).to_numpy()
    return np.flatnonzero(shown & (several | large))


def _clusters(counts: MaskCounts, cells: Cells) -> np.ndarray:
    """Primary sampling units in each cell."""
    from scipy.sparse import csr_array

    psu = counts.units["psu_code"].to_numpy()
    of_unit = csr_array((np.ones(len(psu)), (np.arange(len(psu)), psu)), shape=(len(psu), len(counts.psus)))
    return np.diff((cells.rollup @ of_unit).tocsr().indptr)


def change_rows(before: DirectTables, after: DirectTables, baseline_quarter: dt.date, years: float) -> pd.DataFrame:
    """Rows of ``fct_change`` between two waves with independent samples, where both figures are published and have a
    standard error.

    Parameters
    ----------
    before, after : DirectTables
        Of the same measure, so that definitions are the same.
    baseline_quarter : date
        First day of the quarter that the earlier wave's fieldwork ended in.
    years : float
        Time between the middles of the two fieldworks.
    """
    keys = ["area_id", "area_level", "measure_id", "subgroup", "k", "statistic", "indicator_id"]
    first, second = (_figures(tables) for tables in (before, after))
    both = first.merge(second, on=keys, suffixes=("_before", "_after"))
    b0, b1 = both["estimate_before"].to_numpy(), both["estimate_after"].to_numpy()
    s0, s1 = both["se_before"].to_numpy(), both["se_after"].to_numpy()
    kinds = {
        "absolute": changes.absolute_change(b0, b1, s0, s1),
        "annualised_absolute": changes.absolute_change(b0, b1, s0, s1, years=years),
        "relative": changes.relative_change(b0, b1, s0, s1),
        "annualised_relative": changes.annualised_relative_change(b0, b1, s0, s1, years=years),
    }
    parts = []
    for kind, made in kinds.items():
        parts.append(
            both[keys].assign(
                change=kind,
                difference=made.difference,
                se=made.se,
                ci_low=made.ci_low,
                ci_high=made.ci_high,
                is_significant=made.is_significant,
                n_households=np.minimum(both["n_households_before"], both["n_households_after"]),
                quality_flag=both["quality_flag_after"],
            )
        )
    rows = pd.concat(parts, ignore_index=True)
    rows = rows[np.isfinite(rows["difference"]) & np.isfinite(rows["se"])]
    return rows.assign(baseline_quarter=baseline_quarter, method="direct", suppressed=False)


def _figures(tables: DirectTables) -> pd.DataFrame:
    mpi = tables.mpi.assign(indicator_id="all")
    kept = tables.headcount[tables.headcount["kind"].isin(["uncensored", "censored"])]
    headcount = kept.rename(columns={"kind": "statistic"}).assign(k=0.333333)
    both = pd.concat([mpi, headcount], ignore_index=True)
    return both[~both["suppressed"].astype(bool)]


def wave_change(
    before: pd.DataFrame,
    after: DirectTables,
    measure: Measure,
    hierarchy: Hierarchy,
    period_before: Mapping[str, Any],
    period_after: Mapping[str, Any],
    kept: KeptDecisions = NOT_KEPT,
) -> pd.DataFrame:
    """Rows of ``fct_change`` from one wave to the next.

    Parameters
    ----------
    before : DataFrame
        Households of the earlier wave with the measure's deprivations.
    after : DirectTables
        What the later wave says.
    period_before, period_after : dict
        ``observed_from`` and ``observed_to`` of each fieldwork, dates.
    kept : KeptDecisions
        As in `direct_tables`.
    """
    first = direct_tables(before, measure, hierarchy, disclosure_decisions(before, measure, hierarchy), kept)
    years = (_middle(period_after) - _middle(period_before)).days / 365.25
    baseline = Quarter.containing(period_before["observed_to"])
    return change_rows(first, after, baseline.start, years)


def _middle(period: Mapping[str, Any]) -> dt.date:
    first: dt.date = period["observed_from"]
    return first + (period["observed_to"] - first) / 2


def no_decisions() -> pd.DataFrame:
    """Decisions where there is no survey: none."""
    return pd.DataFrame(columns=["area_id", "subgroup", "n_households", "suppressed", "flag"])


def no_direct_tables() -> DirectTables:
    """Direct tables where there is no survey: no rows."""
    empty = pd.DataFrame()
    return DirectTables(empty, empty, empty, empty)


def no_overlap_tables() -> OverlapTables:
    """Overlap tables where there is no survey: no rows."""
    empty = pd.DataFrame()
    classes = pd.DataFrame(columns=[c.name for c in table("dim_typology").lake_columns])
    return OverlapTables(empty, empty, empty, empty, empty, classes)
