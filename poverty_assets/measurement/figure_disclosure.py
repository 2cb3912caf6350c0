"""Disclosure control within cells: which figures of a published cell may be shown, and which sets of deprivations named.

Belongs here: counting who is behind a figure, and withholding further figures until none that is withheld can be solved for. Does not
belong here: which cells are published, and blanking tables (``disclosure``); who holds what (``held_figures``).

A set of deprivations says all that is asked of a household that holds it, and a pair, a number of deprivations or a class says
some of it. So in a cell that is published such a figure is shown only where at least five interviewed households of at least two
clusters hold what it counts, or none (`sets_to_publish`, `figures_to_publish`). Figures that are a mean over all households of a cell
(headcounts, H, M0) are not counted so; the catalog says which tables hold them (`Table.of_all`), and every other has to say who holds
its rows.

What adds up is held against each figure, means included, as it is against the cells: over areas and subgroups, over the figures of a
cell (M0 is the weighted sum of censored headcounts, numbers of deprivations add to 1, and so on), and together with every 0 that is
shown. A 0 makes its parts 0, withheld ones, too; these are no secret, but they hide nothing any more. So where a withheld cell stands
in a sum beside withheld ones that are known to be 0, a further figure of that sum is withheld.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from poverty_assets.arrays import FloatArray, IntArray
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.measurement.cell_patterns import CellPatterns, both_ways
from poverty_assets.measurement.disclosure import SURVEY_MINIMUM, additive_relations, order_of, protect
from poverty_assets.measurement.few_sets import FewSets
from poverty_assets.measurement.figure_differences import FigureDifferences, prices
from poverty_assets.measurement.figures_within import FiguresWithin, rows_of_bits
from poverty_assets.measurement.known_figures import KnownFigures
from poverty_assets.measurement.zeros_shown import Flags, ZerosShown

SET_HOUSEHOLDS, SET_CLUSTERS = 5, 2
"""Households that hold what a published figure counts (a set of deprivations, a pair, a number of them, a class), at least, and
clusters that they live in."""


# ---- sets of deprivations


def sets_to_publish(
    held: pd.DataFrame, hierarchy: Hierarchy, beside: tuple[Held, npt.NDArray[np.bool_]] | None = None
) -> npt.NDArray[np.bool_]:
    """Which sets of deprivations may be named in which cells.

    Parameters
    ----------
    held : DataFrame
        One row a cell and set that somebody there holds: ``area_id, subgroup``, the ``set``, its ``n_households`` and ``n_clusters``,
        and ``listed``: whether it would be named there. All cells of the survey must be there, published or not: they are what a
        named set of a larger area is the sum of.
    hierarchy : Hierarchy
    beside : tuple, optional
        The figures of the cells and which of them are shown, as `sets_beside_figures` takes them; ``held`` then has ``cell``, too.

    Returns
    -------
    ndarray of bool, shape (n,)
        True where the set is listed, held by enough, and gives no other away. What is left unnamed in a cell is held by enough, too, or
        by nobody: else its rarest named set is left unnamed with it.
    """
    enough = (held["n_households"] >= SET_HOUSEHOLDS) & (held["n_clusters"] >= SET_CLUSTERS)
    answer = (held["listed"] & enough).to_numpy(dtype=bool, copy=True)
    n, cell = held["n_households"].to_numpy(), held.groupby(["area_id", "subgroup"]).ngroup().to_numpy()
    codes = pd.factorize(held["set"])[0]
    waiting = np.unique(codes)
    while len(waiting):
        for one in waiting:
            rows = np.flatnonzero(codes == one)
            if answer[rows].any():
                answer[rows] = _sets_kept(held.iloc[rows], answer[rows], hierarchy)
        unnamed = np.bincount(cell, np.where(answer, 0, n))[cell]
        named = np.flatnonzero(answer & (unnamed > 0) & (unnamed < SET_HOUSEHOLDS))
        rarest = pd.Series(n[named], index=named).groupby(cell[named]).idxmin().to_numpy(dtype=np.int64)
        before, answer[rarest] = answer.copy(), False
        if beside is not None:
            answer = sets_beside_figures(held, answer, *beside)
        waiting = np.unique(codes[before & ~answer])
    return answer


def _sets_kept(held: pd.DataFrame, named: npt.NDArray[np.bool_], hierarchy: Hierarchy) -> npt.NDArray[np.bool_]:
    """Cells in which one set stays named, so that it can be solved for in no other."""
    table = held[["area_id", "subgroup", "n_households"]].reset_index(drop=True)
    sums = additive_relations(table, hierarchy, SET_HOUSEHOLDS)
    unknown = np.ones(len(sums.size), dtype=bool)
    unknown[: len(table)] = ~named
    return ~protect(sums, unknown, order_of(table, sums, hierarchy))[: len(table)]


# ---- figures of cells that are published


@dataclass(frozen=True)
class Held:
    """Who is behind each figure of each cell.

    Attributes
    ----------
    cells : DataFrame, n_cells rows
        ``area_id, subgroup, n_households, suppressed``: every cell of the survey, one row each, as `decide` has decided.
    n_households, n_clusters : ndarray of int, shape (n_cells, n_figures)
        Interviewed households that hold what the figure counts, and clusters that they live in.
    nobody : ndarray of bool, shape (n_cells, n_figures)
        Where the figure is 0. (A class that no household is counted to still has a share.)
    profiles : ndarray, shape (n_profiles, n_figures)
        What a household of each profile counts for in each figure: figures that are linear in one another follow from each other.
    of_all : ndarray of bool, shape (n_figures,)
        Figures of tables that rest on all households of their cell (`Table.of_all`), however few hold them.
    beside : ndarray of bool, shape (n_figures, n_figures)
        Other figures that stand in the row of each (the margins of a pair): it is shown only with them.
    listed : ndarray of bool, shape (n_cells, n_figures)
        Where the figure would be published.
    """

    cells: pd.DataFrame
    n_households: IntArray
    n_clusters: IntArray
    nobody: npt.NDArray[np.bool_]
    profiles: FloatArray
    of_all: npt.NDArray[np.bool_]
    beside: npt.NDArray[np.bool_]
    listed: npt.NDArray[np.bool_]

    def means(self) -> Held:
        """Of figures of tables that rest on all households alone."""
        own = self.of_all
        return Held(
            self.cells,
            self.n_households[:, own],
            self.n_clusters[:, own],
            self.nobody[:, own],
            self.profiles[:, own],
            own[own],
            self.beside[np.ix_(own, own)],
            self.listed[:, own],
        )

    @property
    def enough(self) -> npt.NDArray[np.bool_]:
        """Where enough households hold the figure, or nobody does."""
        of_some = (self.n_households >= SET_HOUSEHOLDS) & (self.n_clusters >= SET_CLUSTERS)
        return self.of_all | of_some | (self.n_households == 0)


def figures_to_publish(held: Held, hierarchy: Hierarchy, means: Flags | None = None) -> npt.NDArray[np.bool_]:
    """Which figures may be shown in which cells.

    Parameters
    ----------
    held : Held
    hierarchy : Hierarchy
    means : ndarray of bool, shape (n_cells, n_means), optional
        The answer for means over all households alone (`Held.means`), where it is known.

    Returns
    -------
    ndarray of bool, shape (n_cells, n_figures)
        True where the figure is listed in a cell that is published, is held by enough households of enough clusters or by nobody, and
        gives away neither one that is not nor that of a cell of too few households: over areas and subgroups, together with every 0
        that is shown, or by what figures of the cell add up to. What is withheld to protect another may itself follow, unless the other
        would with it. Means over all households are decided first, as if there were no others.
    """
    suppressed = held.cells["suppressed"].to_numpy(dtype=bool)[:, None]
    shown = held.listed & ~suppressed & held.enough
    small = held.cells["n_households"].to_numpy()[:, None] < SURVEY_MINIMUM
    secret = (held.n_households > 0) & (small | ~held.enough)
    these = held.of_all
    if not these.all():
        if these.any():
            shown[:, these] = figures_to_publish(held.means(), hierarchy) if means is None else means
        without = (~shown[:, these]).astype(np.int64) @ held.beside[:, these].T.astype(np.int64) > 0
        shown, these = shown & ~without, ~these
    _withhold_further(held, hierarchy, (shown, secret), these)
    return shown


def _withhold_further(held: Held, hierarchy: Hierarchy, both: tuple[Flags, Flags], these: Flags) -> None:
    """Withhold some figures in further cells, in place (the first of ``both``), until no secret (the second) follows from all that is
    shown, means over all households among it.

    Who finds that a withheld figure is 0 knows its parts. Which zeros are found depends on what is withheld: so secrets are first protected
    as if none were, then those that follow by zeros that are found, without parts of these, until none does: first by turns, and where
    none follows so, from all sums at once.
    """
    shown, secret = both
    table = held.cells[["area_id", "subgroup", "n_households"]].reset_index(drop=True)
    zeros = ZerosShown(additive_relations(table, hierarchy, SURVEY_MINIMUM), shown, held.nobody)
    within = FiguresWithin(held.profiles, these | held.of_all)
    secret = secret & within.tied_to(these)  # means that are tied to means alone have been decided with them
    figures = KnownFigures(zeros, within, pd.factorize(table["area_id"])[0])
    follow, state = secret, (-1, -1)
    while follow.any() and state != (state := (int(shown.sum()), int(zeros.found.sum()))):  # else nothing would change
        without = _protect(held, hierarchy, zeros, (follow, within), these)
        secret = secret & ~without & ~shown
        known = figures.up_to(secret)
        zeros.found = zeros.wholes(known)
        follow = known & secret


def _protect(
    held: Held, hierarchy: Hierarchy, zeros: ZerosShown, asked: tuple[Flags, FiguresWithin], these: Flags
) -> Flags:
    """Withhold what secrets need, in place (``zeros.shown``), given which zeros are found; those that nothing would hide then."""
    secret, within = asked
    table = held.cells[["area_id", "subgroup", "n_households"]].reset_index(drop=True)
    hidden = ~(zeros.shown | zeros.given())
    of_cells, listed = both_ways(rows_of_bits(hidden)), np.asarray(held.listed.any(axis=1))
    patterns = (
        CellPatterns(table, hierarchy, zeros.sums, listed, of_cells),
        CellPatterns(table, hierarchy, zeros.sums, listed, of_cells, wide=True),
    )
    price = prices(zeros.sums, hidden, hierarchy.number(table["area_id"]) == 0)
    may = np.broadcast_to(these, hidden.shape)
    margins = FiguresWithin(held.profiles, these | held.beside.any(axis=0))
    without = np.zeros_like(hidden)
    # what means tell by themselves is kept from who knows no means but the margins of pairs
    for known, though_found in ((within, False), (within, True), (margins, True)):
        choice = FigureDifferences(patterns, known, zeros, secret, may, price)
        left = choice.withhold(-price, though_found)
        if not left:
            break
        secret = np.zeros_like(hidden)
        secret[tuple(np.array(left).T)] = True
        without |= secret
    return without


def sets_beside_figures(
    sets: pd.DataFrame, named: npt.NDArray[np.bool_], held: Held, shown: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Sets that may still be named beside the figures of their cell that are shown.

    A figure of few sets (one deprivation, none, those of one dimension), or one less another, and these sets give each other away; and
    where every set of a cell is named, so does everything. A set that figures tell without any that is named is no secret here.

    Parameters
    ----------
    sets : DataFrame
        ``cell`` (row of ``held.cells``), ``set`` (its profile) and ``n_households`` of every set that somebody holds.
    named : ndarray of bool, shape (n,)
        From `sets_to_publish`.
    held, shown
        As given to `figures_to_publish`, and its answer.
    """
    named, counts, few = named.copy(), held.profiles > 0, FewSets(held.profiles, ~held.of_all)
    profile, n = sets["set"].to_numpy(), sets["n_households"].to_numpy()
    for cell, rows in sets.groupby("cell").indices.items():
        if not named[rows].any():
            continue
        somebody = held.n_households[cell] > 0
        own, withheld = few.in_cell(shown[cell], somebody), bool((~shown[cell] & somebody).any())
        by_figures = own.follow(np.asarray(counts[:, shown[cell] & held.nobody[cell]].any(axis=1)))
        while True:
            known, secret = by_figures.copy(), np.zeros(len(counts), dtype=bool)
            known[profile[rows[named[rows]]]] = True
            secret[profile[rows[~named[rows]]]] = True
            everything = withheld and bool(named[rows].all())
            told = own.told(known, secret & ~by_figures, by_figures)
            if not everything and not told.any():
                break
            beside = rows[named[rows] & (told[profile[rows]] | everything)]
            chosen = beside if len(beside) else rows[named[rows]]
            if not len(chosen):
                break
            named[chosen[np.argmin(n[chosen])]] = False
    return named
