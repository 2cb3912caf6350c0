"""Disclosure control: which cells (area x subgroup) may be published, decided once and applied to every table.

Belongs here: thresholds on unweighted households, complementary suppression over everything that adds up, and blanking
tables by the decision. Does not belong here: any estimate.

Estimates from fewer than 25 households are withheld and those from 25 to 49 flagged (the convention of the DHS Program,
Croft, Marshall and Allen 2018, Guide to DHS Statistics); register counts are withheld under 5. A withheld cell must not
follow from what is published, either. What adds up is known to everyone: an area is the sum of the areas below it (in every
subgroup), and ``all`` is the sum of the values of each subgroup column (in every area). With published numbers of
households and populations, a share is as good as a total. So further cells are withheld until no withheld cell can be
solved for:

1. while some sum has exactly one withheld member, withhold its published member with the fewest households (at a tie the
   smaller area, and a part before its whole);
2. where sums together still fix a withheld cell (the relations, taken as linear equations in the withheld cells, determine
   it), withhold the smallest published member of the sums it stands in, and go on from 1.

A set of deprivations says all that is asked of a household that holds it, and a pair, a number of deprivations or a class says
some of it. So in a cell that is published such a figure is shown only where at least five interviewed households of at least two
clusters hold what it counts, or none (`sets_to_publish`, `figures_to_publish`), and what adds up is held against each figure as it
is against the cells: over areas and subgroups, over the figures of a cell (numbers of deprivations add to 1, and so on), and
together with every 0 that is shown, which makes its parts 0. Figures that are a mean over all households of a cell are not counted
so; the catalog says which tables hold them (`Table.of_all`), and every other has to say who holds its rows.

Country totals are taken last. Each step withholds one cell more, so the procedure ends; and it ends well, since with every
cell of a sum withheld the true table, and any multiple of it, satisfies the equations. A cell without households is no
secret where the number of households is published, and neither hides nor needs hiding there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from poverty_assets.arrays import FloatArray, IntArray
from poverty_assets.catalog import Table
from poverty_assets.errors import ContractViolation
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.measurement.coding import PARTS_PERSONS
from poverty_assets.measurement.domains import ALL

SURVEY_MINIMUM = 25
SURVEY_FLAG_BELOW = 50
REGISTER_MINIMUM = 5
SET_HOUSEHOLDS, SET_CLUSTERS = 5, 2
"""Households that hold what a published figure counts (a set of deprivations, a pair, a number of them, a class), at least, and
clusters that they live in."""

FEW_SETS = 16
"""Figures that count so many sets of deprivations or fewer are held against these sets one by one."""
FEW_HOUSEHOLDS = "few_households"
TOO_FEW_HOUSEHOLDS = "too_few_households"
PROTECTS_ANOTHER = "withheld_to_protect_another"
_ZERO = 1e-6  # a coordinate of the null space below this is taken as 0; the null vectors are of length about 1 per cell


@dataclass(frozen=True)
class Sums:
    """Everything that adds up among cells.

    Attributes
    ----------
    members : list of int arrays
        Each sum: the whole first, then its parts. Numbers from ``n_cells`` on are remainders: households of the whole that
        are in none of its parts (area or subgroup not known). A remainder is never published and hides a part as a
        withheld cell would, so long as it is no smaller than one must be; a smaller one hides nothing and is left out.
    size : int array
        Households of each cell, then of each remainder.
    n_cells : int
    """

    members: list[IntArray]
    size: IntArray
    n_cells: int


def decide(
    cells: pd.DataFrame,
    hierarchy: Hierarchy,
    *,
    minimum: int = SURVEY_MINIMUM,
    flag_below: int = SURVEY_FLAG_BELOW,
    size: str = "n_households",
    size_is_published: bool = True,
    populations: Collection[str] = PARTS_PERSONS,
) -> pd.DataFrame:
    """Which cells are withheld, which flagged, and why.

    Parameters
    ----------
    cells : DataFrame
        ``area_id``, ``subgroup`` and the unweighted households; where a cell stands twice (two measures), its smaller
        number counts. Every cell that is published anywhere must be there.
    hierarchy : Hierarchy
    minimum : int
        Cells of fewer households are withheld.
    flag_below : int
        Cells of fewer households than this are flagged.
    size : str
        Column with the number of households.
    size_is_published : bool
        True for a survey, whose table gives the number of households even where the estimate is withheld. False for a
        register, where the number is the secret: then cells of no household are withheld and protected as others are, and what of a
        whole lies in none of its parts hides nothing, since the audit sums the parts alone.
    populations : collection of str
        Subgroup columns that part persons, not households (``age``): the households of their values overlap. One value
        alone (``age=child`` without ``age=adult``) then says nothing about ``all``.

    Returns
    -------
    DataFrame
        ``area_id, subgroup, n_households, suppressed, flag``; one row a cell, in order of area and subgroup. ``flag`` is
        ``too_few_households``, ``withheld_to_protect_another``, ``few_households`` or ``ok``.

    Raises
    ------
    ContractViolation
        If a number of households is missing or below 0.
    """
    table = _one_row_a_cell(cells, size)
    sums = additive_relations(table, hierarchy, minimum if size_is_published else np.inf, populations)
    n = table["n_households"].to_numpy()
    too_few = n < minimum
    unknown = np.ones(len(sums.size), dtype=bool)
    unknown[: sums.n_cells] = too_few & (n > 0) if size_is_published else too_few
    unknown = _protect(sums, unknown, _order(table, sums, hierarchy))[: sums.n_cells]
    suppressed = too_few | unknown
    flags = np.where(n < flag_below, FEW_HOUSEHOLDS, "ok").astype(object)
    flags[suppressed] = PROTECTS_ANOTHER
    flags[too_few] = TOO_FEW_HOUSEHOLDS
    return table.assign(suppressed=suppressed, flag=flags)


def _one_row_a_cell(cells: pd.DataFrame, size: str) -> pd.DataFrame:
    n = pd.to_numeric(cells[size], errors="coerce")
    wrong = np.flatnonzero(~(n >= 0))
    if len(wrong):
        first = cells.iloc[wrong[0]]
        raise ContractViolation(
            f"{len(wrong)} cells have no number of households; the first is {first['area_id']}, {first['subgroup']}",
            place=f"row {wrong[0]}, column {size}",
            remedy="give the unweighted households of every cell",
        )
    smallest = cells.assign(n_households=n).groupby(["area_id", "subgroup"], sort=True)["n_households"].min()
    return smallest.astype(np.int64).reset_index()


def additive_relations(
    cells: pd.DataFrame,
    hierarchy: Hierarchy,
    minimum: float,
    populations: Collection[str] = PARTS_PERSONS,
) -> Sums:
    """Every sum among cells: areas over the areas below them, and ``all`` over the values of a subgroup column.

    Parameters
    ----------
    cells : DataFrame
        ``area_id, subgroup, n_households``, one row a cell.
    hierarchy, minimum, populations
        As in `decide`.
    """
    number = {cell: row for row, cell in enumerate(zip(cells["area_id"], cells["subgroup"], strict=True))}
    parts: dict[tuple[int, str], list[int]] = defaultdict(list)
    for ((area, subgroup), row), holder in zip(number.items(), hierarchy.holders(cells["area_id"]), strict=True):
        parent = number.get((holder, subgroup))
        if parent is not None:
            parts[parent, ""].append(row)
        whole = number.get((area, ALL))
        if whole is not None and subgroup != ALL:
            parts[whole, subgroup.partition("=")[0]].append(row)
    size = cells["n_households"].tolist()
    members = []
    for (whole, column), rows in parts.items():
        of_persons = column in populations
        if of_persons and len(rows) == 1:
            continue
        outside = size[whole] - sum(size[row] for row in rows)
        if outside >= minimum and not of_persons:
            rows = [*rows, len(size)]
            size.append(outside)
        members.append(np.array([whole, *rows], dtype=np.int64))
    return Sums(members, np.array(size, dtype=np.int64), len(cells))


def _order(table: pd.DataFrame, sums: Sums, hierarchy: Hierarchy) -> IntArray:
    """Rank of each cell for being withheld: the country last, few households first, then small areas, parts before wholes."""
    number = hierarchy.number(table["area_id"])
    depth = np.where(number >= 0, hierarchy.level[number], 0)
    n_rest = len(sums.size) - len(table)
    keys = (
        np.arange(len(sums.size)),
        np.append(table["subgroup"] == ALL, np.ones(n_rest, dtype=bool)),
        np.append(-depth, np.zeros(n_rest)),
        sums.size,
        np.append(number == 0, np.zeros(n_rest, dtype=bool)),
    )
    order = np.empty(len(sums.size), dtype=np.int64)
    order[np.lexsort(keys)] = np.arange(len(order))
    return order


def _protect(sums: Sums, unknown: npt.NDArray[np.bool_], order: IntArray) -> npt.NDArray[np.bool_]:
    """Withhold cells until none that is withheld can be solved for; see the module's docstring."""
    unknown = unknown.copy()
    sums_of: list[list[int]] = [[] for _ in unknown]
    for number, members in enumerate(sums.members):
        for member in members:
            sums_of[member].append(number)
    waiting = list(range(len(sums.members)))
    while True:
        while waiting:
            members = sums.members[waiting.pop()]
            if unknown[members].sum() == 1:
                chosen = _smallest(members, unknown, sums, order)
                if chosen is not None:
                    unknown[chosen] = True
                    waiting += sums_of[chosen]
        solved = determined(sums, unknown)
        solved = solved[solved < sums.n_cells]
        if not len(solved):
            return unknown
        for cell in solved:
            chosen = _nearest(cell, unknown, sums, sums_of, order)
            if chosen is not None:
                unknown[chosen] = True
                waiting += sums_of[chosen]
                break
        else:
            return unknown


def _smallest(members: IntArray, unknown: npt.NDArray[np.bool_], sums: Sums, order: IntArray) -> int | None:
    """The published member that is withheld next: the first in order of `_order`."""
    candidates = members[~unknown[members] & (sums.size[members] > 0)]
    return int(candidates[np.argmin(order[candidates])]) if len(candidates) else None


def _nearest(
    cell: int, unknown: npt.NDArray[np.bool_], sums: Sums, sums_of: list[list[int]], order: IntArray
) -> int | None:
    """The smallest published cell in the sums of ``cell``, else in the sums of the cells in those, and so on outwards."""
    seen, ring = {cell}, {cell}
    while ring:
        around = {int(m) for member in ring for number in sums_of[member] for m in sums.members[number]}
        chosen = _smallest(np.array(sorted(around), dtype=np.int64), unknown, sums, order)
        if chosen is not None:
            return chosen
        ring = around - seen
        seen |= around
    return None


def determined(sums: Sums, unknown: npt.NDArray[np.bool_]) -> IntArray:
    """Withheld cells that the sums fix, taken as linear equations with everything published known.

    A cell is fixed when every solution of the homogeneous equations is 0 there. One random vector projected on the null
    space tells: its coordinate is 0 there, and elsewhere with probability 0.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.linalg import lsmr

    columns = np.flatnonzero(unknown)
    place = np.full(len(unknown), -1)
    place[columns] = np.arange(len(columns))
    entries = [
        (row, place[member], -1.0 if first else 1.0)
        for row, members in enumerate(sums.members)
        for first, member in zip([True] + [False] * (len(members) - 1), members, strict=True)
        if unknown[member]
    ]
    if not entries:
        return np.empty(0, dtype=np.int64)
    rows, where, signs = (np.array(part) for part in zip(*entries, strict=True))
    found, row = np.unique(rows, return_inverse=True)
    matrix = csr_array((signs, (row, where)), shape=(len(found), len(columns)))
    start = np.random.default_rng(20180801).uniform(1.0, 2.0, len(columns))
    away = lsmr(matrix, matrix @ start, atol=1e-13, btol=1e-13, conlim=0, maxiter=20 * sum(matrix.shape))[0]
    return columns[np.abs(start - away) < _ZERO]


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
    return ~_protect(sums, unknown, _order(table, sums, hierarchy))[: len(table)]


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
        Figures of tables that rest on all households of their cell (`Table.of_all`): shown wherever the cell is.
    listed : ndarray of bool, shape (n_cells, n_figures)
        Where the figure would be published.
    """

    cells: pd.DataFrame
    n_households: IntArray
    n_clusters: IntArray
    nobody: npt.NDArray[np.bool_]
    profiles: FloatArray
    of_all: npt.NDArray[np.bool_]
    listed: npt.NDArray[np.bool_]

    @property
    def enough(self) -> npt.NDArray[np.bool_]:
        """Where enough households hold the figure, or nobody does."""
        of_some = (self.n_households >= SET_HOUSEHOLDS) & (self.n_clusters >= SET_CLUSTERS)
        return self.of_all | of_some | (self.n_households == 0)


def figures_to_publish(held: Held, hierarchy: Hierarchy) -> npt.NDArray[np.bool_]:
    """Which figures may be shown in which cells.

    Returns
    -------
    ndarray of bool, shape (n_cells, n_figures)
        True where the figure is listed in a cell that is published, is held by enough households of enough clusters or by nobody, and
        gives away neither one that is not nor that of a withheld cell: over areas and subgroups, together with every 0 that is shown,
        or by what figures of the cell add up to.
    """
    n, suppressed = held.n_households, held.cells["suppressed"].to_numpy(dtype=bool)[:, None]
    shown = held.listed & ~suppressed & held.enough
    secret = (n > 0) & (suppressed | ~held.enough)
    table = held.cells[["area_id", "subgroup", "n_households"]].reset_index(drop=True)
    sums = additive_relations(table, hierarchy, SURVEY_MINIMUM)
    links, relations = _Links.of(sums, _order(table, sums, hierarchy)), _relations(held.profiles)
    known, waiting = np.zeros_like(shown), np.flatnonzero(~held.of_all)
    for one in np.flatnonzero(held.of_all):
        known[:, one] = links.known(shown[:, one], held.nobody[:, one])[: len(table)]
    while len(waiting):
        for one in waiting:
            _keep_apart(links, (shown[:, one], secret[:, one]), held.nobody[:, one], n[:, one])
            known[:, one] = links.known(shown[:, one], held.nobody[:, one])[: len(table)]
        before = shown.copy()
        for cell in np.flatnonzero((secret & ~suppressed & ~known).any(axis=1)):
            _keep_within(relations, shown[cell] & ~held.of_all, (shown[cell], secret[cell], known[cell]), n[cell])
        waiting = np.flatnonzero((before != shown).any(axis=0))
    return shown


@dataclass(frozen=True)
class _Links:
    """The sums as arrays: one entry a member of a sum, the whole with sign -1; ``order`` as in `_order`."""

    row: IntArray
    member: IntArray
    sign: FloatArray
    whole: IntArray
    members: list[IntArray]
    sums_of: list[list[int]]
    order: IntArray

    @classmethod
    def of(cls, sums: Sums, order: IntArray) -> _Links:
        length = np.array([len(members) for members in sums.members], dtype=np.int64)
        member = np.concatenate([*sums.members, np.empty(0, dtype=np.int64)])
        first = np.zeros(len(member), dtype=bool)
        first[np.cumsum(length) - length] = True
        sums_of: list[list[int]] = [[] for _ in sums.size]
        for number, members in enumerate(sums.members):
            for one in members.tolist():
                sums_of[one].append(number)
        row, whole = np.repeat(np.arange(len(length)), length), np.repeat(member[first], length)
        return cls(row, member, np.where(first, -1.0, 1.0), whole, sums.members, sums_of, order)

    def known(self, shown: npt.NDArray[np.bool_], nobody: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Members that are shown, or that are a part of what is shown to be 0."""
        zero = np.zeros(len(self.order), dtype=bool)
        zero[: len(shown)] = shown & nobody
        before = -1
        while before != (before := int(zero.sum())):
            zero[self.member[zero[self.whole]]] = True
        zero[: len(shown)] |= shown
        return zero

    def fixed(self, unknown: npt.NDArray[np.bool_]) -> IntArray:
        """Unknown members that the sums fix, taken as linear equations with everything else known; see `determined`."""
        from scipy.sparse import csr_array
        from scipy.sparse.linalg import lsmr

        inside = np.flatnonzero(unknown[self.member])
        columns = np.flatnonzero(unknown)
        if not len(inside):
            return np.empty(0, dtype=np.int64)
        found, row = np.unique(self.row[inside], return_inverse=True)
        place = np.searchsorted(columns, self.member[inside])
        matrix = csr_array((self.sign[inside], (row, place)), shape=(len(found), len(columns)))
        start = np.random.default_rng(20180801).uniform(1.0, 2.0, len(columns))
        away = lsmr(matrix, matrix @ start, atol=1e-13, btol=1e-13, conlim=0, maxiter=20 * sum(matrix.shape))[0]
        return columns[np.abs(start - away) < _ZERO]

    def ways(self, solved: IntArray, unknown: npt.NDArray[np.bool_]) -> list[FloatArray]:
        """What each of some members follows from: how often every member counts in the sums that give it."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        inside = np.flatnonzero(unknown[self.member])
        n = len(self.order)
        nodes = (self.member[inside], n + self.row[inside])
        graph = coo_array((np.ones(len(inside)), nodes), shape=(n + len(self.members), n + len(self.members)))
        label = connected_components(graph, directed=False)[1]
        answer: list[FloatArray] = []
        for part in np.unique(label[solved]):
            entries = inside[label[self.member[inside]] == part]
            columns, place = np.unique(self.member[entries], return_inverse=True)
            rows, row = np.unique(self.row[entries], return_inverse=True)
            matrix = np.zeros((len(rows), len(columns)))
            matrix[row, place] = self.sign[entries]
            left, size, right = np.linalg.svd(matrix, full_matrices=False)
            some = size > 1e-9
            for one in np.searchsorted(columns, solved[label[solved] == part]):
                times = np.zeros(len(self.members))
                times[rows] = left[:, some] @ (right[some, one] / size[some])
                answer.append(np.bincount(self.member, self.sign * times[self.row], minlength=n).astype(float))
        return answer


def _keep_apart(
    links: _Links,
    both: tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]],
    nobody: npt.NDArray[np.bool_],
    n: IntArray,
) -> None:
    """Withhold one figure in further cells, in place, until it follows nowhere where it is secret; what is withheld is secret, too."""
    shown, secret = both
    while True:
        known = links.known(shown, nobody)
        _peel(links, known, (shown, secret), n)
        solved = links.fixed(~known)
        solved = solved[solved < len(n)]
        solved = solved[secret[solved]]
        before = int(shown.sum())
        for way in links.ways(solved, ~known) if len(solved) else []:
            part = np.where(shown & (n > 0), np.abs(way[: len(n)]), 0)
            found = np.flatnonzero((part > _ZERO) & (part > part.max() / 2))
            if len(found):
                chosen = found[np.argmin(links.order[found])]
                shown[chosen], secret[chosen] = False, True
        if before == shown.sum():
            return


def _peel(
    links: _Links, known: npt.NDArray[np.bool_], both: tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]], n: IntArray
) -> None:
    """While a sum has one unknown member, and that a secret one, withhold its first member in order; in place."""
    shown, secret = both
    waiting = np.flatnonzero(np.bincount(links.row, ~known[links.member], minlength=len(links.members)) == 1).tolist()
    while waiting:
        members = links.members[waiting.pop()]
        unknown = members[~known[members]]
        if len(unknown) != 1 or unknown[0] >= len(n) or not secret[unknown[0]]:
            continue
        others = members[members < len(n)]
        others = others[shown[others] & (n[others] > 0)]
        if len(others):
            chosen = others[np.argmin(links.order[others])]
            shown[chosen], secret[chosen], known[chosen] = False, True, False
            waiting += links.sums_of[chosen]


def _relations(profiles: FloatArray) -> FloatArray:
    """Everything that figures of a cell add up to, all households together being known: shape (n_relations, n_figures)."""
    scale = np.maximum(np.sqrt((profiles**2).sum(axis=0)), _ZERO)
    columns = np.column_stack([np.full(len(profiles), len(profiles) ** -0.5), profiles / scale])
    values, vectors = np.linalg.eigh(columns.T @ columns)
    return np.asarray((vectors[1:, values < 1e-10] / scale[:, None]).T)


def _keep_within(
    relations: FloatArray,
    candidates: npt.NDArray[np.bool_],
    states: tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], npt.NDArray[np.bool_]],
    n: IntArray,
) -> None:
    """Withhold figures of one cell, in place, until no secret one follows from the others of the cell."""
    shown, secret, known = states
    while True:
        unknown = np.flatnonzero(~known)
        _, size, right = np.linalg.svd(relations[:, unknown], full_matrices=False)
        fixed = (right[size > 1e-9] ** 2).sum(axis=0) > 1 - _ZERO
        chosen = None
        for figure in unknown[fixed & secret[unknown]]:
            times = np.linalg.lstsq(relations[:, unknown].T, (unknown == figure).astype(float), rcond=1e-9)[0]
            others = np.flatnonzero((np.abs(times @ relations) > _ZERO) & candidates & shown & (n > 0))
            if len(others):
                chosen = others[np.argmin(n[others])]
                break
        if chosen is None:
            return
        shown[chosen], secret[chosen], known[chosen] = False, True, False


def sets_beside_figures(
    sets: pd.DataFrame, named: npt.NDArray[np.bool_], held: Held, shown: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Sets that may still be named beside the figures of their cell that are shown.

    A figure of few sets (one deprivation, none, those of one dimension) and these sets give each other away; and where every set of a
    cell is named, so does everything.

    Parameters
    ----------
    sets : DataFrame
        ``cell`` (row of ``held.cells``), ``set`` (its profile) and ``n_households`` of every set that somebody holds.
    named : ndarray of bool, shape (n,)
        From `sets_to_publish`.
    held, shown
        As given to `figures_to_publish`, and its answer.
    """
    named, counts = named.copy(), held.profiles > 0
    of_few = np.flatnonzero(~held.of_all & (counts.sum(axis=0) <= FEW_SETS))
    profile, n = sets["set"].to_numpy(), sets["n_households"].to_numpy()
    for cell, rows in sets.groupby("cell").indices.items():
        if not named[rows].any():
            continue
        withheld = ~shown[cell] & (held.n_households[cell] > 0)
        impossible = np.asarray(counts[:, shown[cell] & held.nobody[cell]].any(axis=1))
        while True:
            open_sets = np.array(~impossible)
            open_sets[profile[rows[named[rows]]]] = False
            left = counts[:, of_few].T @ open_sets.astype(np.int64)
            someone = counts[:, of_few][profile[rows[~named[rows]]]].any(axis=0)
            told = of_few[np.where(withheld[of_few], left == 0, (left == 1) & someone)]
            everything = bool(withheld.any() and named[rows].all())
            follows = counts[:, told][profile[rows]].any(axis=1) | everything
            chosen = rows[named[rows] & follows]
            if not len(chosen):
                break
            named[chosen[np.argmin(n[chosen])]] = False
    return named


# ---- applying the decision


def apply(
    table: pd.DataFrame,
    decisions: pd.DataFrame,
    *,
    of: Table | None = None,
    shown: npt.NDArray[np.bool_] | None = None,
    enough: npt.NDArray[np.bool_] | None = None,
    withhold: Sequence[str] | None = None,
    only_if_published: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """The table with withheld cells blanked and flags set; one decision a cell serves every table.

    Parameters
    ----------
    table : DataFrame
        With ``area_id`` and perhaps ``subgroup`` (without it every row is of ``all``), ``quality_flag``.
    decisions : DataFrame
        From `decide`. A cell of the table that is not there is withheld.
    of : Table, optional
        The table of the catalog that the rows are of.
    shown, enough : ndarray of bool, optional
        Whether the figure of each row may be shown (`figures_to_publish`), and whether enough households hold it. A table whose rows
        do not rest on all households of their cell must have the first.
    withhold : sequence of str, optional
        Columns that become NULL in withheld cells. Default: every floating-point column but ``k``.
    only_if_published : mapping, optional
        Rows whose presence tells something (which bundles occur): in withheld cells only rows with these values stay, as
        in ``{"bundle_mask": 0}``.

    Returns
    -------
    DataFrame
        ``suppressed`` and ``quality_flag`` set; the flag of a withheld row says only why it is withheld.

    Raises
    ------
    ContractViolation
        If nothing says who holds the rows of a table that is not of all households.
    """
    _require_holders(table, of, shown)
    keys = pd.MultiIndex.from_arrays(
        [table["area_id"], table["subgroup"] if "subgroup" in table else [ALL] * len(table)]
    )
    known = pd.MultiIndex.from_frame(decisions[["area_id", "subgroup"]])
    row = known.get_indexer(keys)
    suppressed = np.where(row >= 0, decisions["suppressed"].to_numpy(dtype=bool)[row], True)
    reason = np.where(row >= 0, decisions["flag"].to_numpy(dtype=object)[row], TOO_FEW_HOUSEHOLDS)
    if shown is not None:
        why = np.where(shown if enough is None else enough, PROTECTS_ANOTHER, TOO_FEW_HOUSEHOLDS)
        reason, suppressed = np.where(suppressed | shown, reason, why), suppressed | ~shown
    out = table.copy()
    chosen = [c for c in out.columns if out[c].dtype.kind == "f" and c != "k"] if withhold is None else list(withhold)
    for name in chosen:
        out[name] = out[name].mask(suppressed)
    out["suppressed"] = suppressed
    out["quality_flag"] = np.where(suppressed, reason, _both(reason, out["quality_flag"].to_numpy(dtype=object)))
    stays = np.ones(len(out), dtype=bool)
    for name, value in (only_if_published or {}).items():
        stays &= ~suppressed | (out[name] == value).to_numpy()
    return out[stays].reset_index(drop=True)


def _both(reason: npt.NDArray[np.object_], own: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """The flag of a cell and that of its row, as one."""
    flags = [
        flag if mine in ("ok", flag) else mine if flag == "ok" else f"{flag},{mine}"
        for flag, mine in zip(reason, own, strict=True)
    ]
    return np.array(flags, dtype=object)


def _require_holders(rows: pd.DataFrame, of: Table | None, shown: npt.NDArray[np.bool_] | None) -> None:
    if of is not None and not of.of_all and shown is None:
        raise ContractViolation(
            f"nothing says how many households hold the {len(rows)} rows of {of.name}",
            remedy="decide on its figures with figures_to_publish, or say in the catalog that they are of all households (of_all)",
        )
