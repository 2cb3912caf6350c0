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
from poverty_assets.measurement.disclosure import SURVEY_MINIMUM, Sums, additive_relations, order_of, protect

SET_HOUSEHOLDS, SET_CLUSTERS = 5, 2
"""Households that hold what a published figure counts (a set of deprivations, a pair, a number of them, a class), at least, and
clusters that they live in."""

FEW_SETS = 16
"""Figures that count so many sets of deprivations or fewer are held against these sets one by one."""
_AT_ONCE = 20  # figures that are followed up before it is looked again what follows: one withheld often hides several
_ZERO = 1e-6  # a coordinate of the null space below this is taken as 0; the null vectors are of length about 1 per cell


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
        gives away neither one that is not nor that of a cell of too few households: over areas and subgroups, together with every 0
        that is shown, or by what figures of the cell add up to. What is withheld to protect another may itself follow, unless the other
        would with it. Means over all households are decided first, as if there were no others.
    """
    suppressed = held.cells["suppressed"].to_numpy(dtype=bool)[:, None]
    shown = held.listed & ~suppressed & held.enough
    small = held.cells["n_households"].to_numpy()[:, None] < SURVEY_MINIMUM
    secret = (held.n_households > 0) & (small | ~held.enough)
    table = held.cells[["area_id", "subgroup", "n_households"]].reset_index(drop=True)
    sums = additive_relations(table, hierarchy, SURVEY_MINIMUM)
    links = _Links.of(sums, order_of(table, sums, hierarchy), hierarchy.number(table["area_id"]) == 0)
    _withhold_further(held, links, (shown, secret), held.of_all)
    without = (~shown[:, held.of_all]).astype(np.int64) @ held.beside[:, held.of_all].T.astype(np.int64) > 0
    shown &= ~without
    _withhold_further(held, links, (shown, secret), ~held.of_all)
    return shown


def _withhold_further(
    held: Held,
    links: _Links,
    both: tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]],
    these: npt.NDArray[np.bool_],
) -> None:
    """Withhold some figures in further cells, in place, until nothing follows from them and from means over all households."""
    (shown, secret), n_cells = both, len(held.cells)
    used = these | held.of_all
    relations = np.zeros((0, len(these)))
    if used.any():
        own = _relations(held.profiles[:, used])
        relations = np.zeros((len(own), len(these)))
        relations[:, used] = own
    known = np.ones_like(shown)
    for one in np.flatnonzero(used):
        known[:, one] = links.known(shown[:, one], held.nobody[:, one])[:n_cells]
    waiting, looked = np.flatnonzero(these), False
    while not looked or len(waiting):
        seen, looked = np.ones_like(known), True
        while True:
            for one in waiting:
                _keep_apart(links, (shown[:, one], secret[:, one]), held.nobody[:, one], held.n_households[:, one])
                known[:, one] = links.known(shown[:, one], held.nobody[:, one])[:n_cells]
            before = shown.copy()
            something = (shown & these).any(axis=1) & (secret & ~known).any(axis=1)
            for cell in np.flatnonzero(something & (known != seen).any(axis=1)):
                dear = np.lexsort((held.n_households[cell], links.alone(int(cell), known))).argsort()
                _keep_within(
                    relations, these & (held.n_households[cell] > 0), (shown[cell], secret[cell], known[cell]), dear
                )
            seen = known.copy()
            waiting = np.flatnonzero((before != shown).any(axis=0))
            if not len(waiting):
                break
        between = _between(held, links, both, relations, used)
        secret |= between
        looked, waiting = not between.any(), np.flatnonzero(between.any(axis=0) & these)


def _between(
    held: Held,
    links: _Links,
    both: tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]],
    relations: FloatArray,
    used: npt.NDArray[np.bool_],
) -> npt.NDArray[np.bool_]:
    """Withheld figures that are no secret, follow from others of their cell, and lead to a secret: those that share a sum with it; where
    none does, wherever they are."""
    (shown, secret), n_cells = both, len(held.cells)
    known, derived = np.ones_like(shown), np.zeros_like(shown)
    for one in np.flatnonzero(used):
        known[:, one] = links.known(shown[:, one], held.nobody[:, one])[:n_cells]
    waiting = np.flatnonzero(used)
    while len(waiting):
        for one in waiting:
            open_ = np.ones(len(links.order), dtype=bool)
            open_[:n_cells] = ~known[:, one]
            found = links.fixed(open_)
            known[found[found < n_cells], one] = True
        before = known.copy()
        for cell in np.flatnonzero((~known).any(axis=1) & shown.any(axis=1)):
            hidden = np.flatnonzero(~known[cell])
            _, size, right = np.linalg.svd(relations[:, hidden], full_matrices=False)
            known[cell, hidden[(right[size > 1e-9] ** 2).sum(axis=0) > 1 - _ZERO]] = True
        derived |= known & ~before
        waiting = np.flatnonzero((known != before).any(axis=0))
    answer = np.zeros_like(shown)
    for cell, one in zip(*np.nonzero(known & secret & ~shown & used), strict=True):
        near = np.unique(np.concatenate([links.members[number] for number in links.sums_of[cell]]))
        near = near[near < n_cells]
        own = derived[near, one] & ~secret[near, one]
        if own.any():
            answer[near[own], one] = True
        else:
            answer[:, one] |= derived[:, one]
    return answer & (held.n_households > 0) & ~secret


@dataclass(frozen=True)
class _Links:
    """The sums as arrays: one entry a member of a sum, the whole with sign -1; ``order`` as in `order_of`."""

    row: IntArray
    member: IntArray
    sign: FloatArray
    whole: IntArray
    members: list[IntArray]
    sums_of: list[list[int]]
    order: IntArray
    is_root: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, sums: Sums, order: IntArray, is_root: npt.NDArray[np.bool_]) -> _Links:
        length = np.array([len(members) for members in sums.members], dtype=np.int64)
        member = np.concatenate([*sums.members, np.empty(0, dtype=np.int64)])
        first = np.zeros(len(member), dtype=bool)
        first[np.cumsum(length) - length] = True
        sums_of: list[list[int]] = [[] for _ in sums.size]
        for number, members in enumerate(sums.members):
            for one in members.tolist():
                sums_of[one].append(number)
        row, whole = np.repeat(np.arange(len(length)), length), np.repeat(member[first], length)
        is_root = np.append(is_root, np.zeros(len(order) - len(is_root), dtype=bool))
        return cls(row, member, np.where(first, -1.0, 1.0), whole, sums.members, sums_of, order, is_root)

    def known(self, shown: npt.NDArray[np.bool_], nobody: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Members that are shown, or that are a part of what is shown to be 0."""
        zero = np.zeros(len(self.order), dtype=bool)
        zero[: len(shown)] = shown & nobody
        before = -1
        while before != (before := int(zero.sum())):
            zero[self.member[zero[self.whole]]] = True
        zero[: len(shown)] |= shown
        return zero

    def alone(self, cell: int, known: npt.NDArray[np.bool_]) -> IntArray:
        """Of each figure, the sums of a cell in which all else is known; ``known`` of cells and figures."""
        answer = np.zeros(known.shape[1], dtype=np.int64)
        for one in self.sums_of[cell]:
            others = self.members[one][self.members[one] != cell]
            if (others < len(known)).all():
                answer += known[others].all(axis=0)
        return answer

    def left_alone(self, known: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Members known, or found one after the other as the only one of a sum that is not."""
        known, before = known.copy(), -1
        while before != (before := int(known.sum())):
            alone = np.bincount(self.row, ~known[self.member], minlength=len(self.members)) == 1
            known[self.member[alone[self.row]]] = True
        return known

    def least_harm(self, members: IntArray, open_members: IntArray, leaking: npt.NDArray[np.bool_]) -> int:
        """The member that hides most, and whose other sums hide it best: sums in which all else is known, less those in which a secret
        follows; then the first in order. Countries come last."""
        change = (open_members == 0).astype(np.int64) - leaking
        alone = np.array([change[self.sums_of[member]].sum() for member in members.tolist()], dtype=np.int64)
        return int(members[np.lexsort((self.order[members], alone, self.is_root[members]))[0]])

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
        away = lsmr(matrix, matrix @ start, atol=1e-10, btol=1e-10, conlim=0, maxiter=20 * sum(matrix.shape))[0]
        return columns[np.abs(start - away) < _ZERO]

    def ways(self, solved: IntArray, unknown: npt.NDArray[np.bool_]) -> list[FloatArray]:
        """What each of some members follows from: how often every member counts in the sums that give it."""
        from scipy.sparse import csr_array
        from scipy.sparse.linalg import lsmr

        inside = np.flatnonzero(unknown[self.member])
        columns = np.flatnonzero(unknown)
        rows, row = np.unique(self.row[inside], return_inverse=True)
        place = np.searchsorted(columns, self.member[inside])
        matrix = csr_array((self.sign[inside], (place, row)), shape=(len(columns), len(rows)))
        answer: list[FloatArray] = []
        for one in solved[:_AT_ONCE]:
            times = np.zeros(len(self.members))
            times[rows] = lsmr(matrix, (columns == one).astype(float), atol=1e-12, btol=1e-12, conlim=0)[0]
            answer.append(
                np.bincount(self.member, self.sign * times[self.row], minlength=len(self.order)).astype(float)
            )
        return answer


def _keep_apart(
    links: _Links,
    both: tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]],
    nobody: npt.NDArray[np.bool_],
    n: IntArray,
) -> None:
    """Withhold one figure in further cells, in place, until it follows nowhere where it is secret; what is withheld is secret, too. Then
    what turns out not to be needed is shown again."""
    shown, secret = both
    before, of_old = shown.copy(), secret.copy()
    _withhold_apart(links, both, nobody, n)
    withheld = np.flatnonzero(before & ~shown)
    for one in withheld[np.argsort(-links.order[withheld])]:
        secret[:], shown[one] = of_old, True
        if (links.left_alone(links.known(shown, nobody))[: len(n)] & ~shown & secret).any():
            shown[one] = False
    secret[:] = of_old | (before & ~shown)
    _withhold_apart(links, both, nobody, n)


def _withhold_apart(
    links: _Links,
    both: tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]],
    nobody: npt.NDArray[np.bool_],
    n: IntArray,
) -> None:
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
    """While a sum has one unknown member, and that a secret one, withhold another member of it; in place."""
    shown, secret = both
    open_members = np.bincount(links.row, ~known[links.member], minlength=len(links.members))
    hidden = np.zeros(len(known), dtype=bool)
    hidden[: len(n)] = secret
    waiting = np.flatnonzero(open_members == 1).tolist()
    while waiting:
        members = links.members[waiting.pop()]
        unknown = members[~known[members]]
        if len(unknown) != 1 or unknown[0] >= len(n) or not secret[unknown[0]]:
            continue
        others = members[members < len(n)]
        others = others[shown[others] & (n[others] > 0)]
        if len(others):
            secrets = np.bincount(links.row, (hidden & ~known)[links.member], minlength=len(links.members))
            chosen = links.least_harm(others, open_members, (open_members == 1) & (secrets == 1))
            shown[chosen], secret[chosen], known[chosen] = False, True, False
            hidden[chosen] = True
            open_members[links.sums_of[chosen]] += 1
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
    dear: IntArray,
) -> None:
    """Withhold figures of one cell, in place, until no secret one follows from the others of the cell; those least ``dear`` first."""
    shown, secret, known = states
    while True:
        unknown = np.flatnonzero(~known)
        _, size, right = np.linalg.svd(relations[:, unknown], full_matrices=False)
        fixed = (right[size > 1e-9] ** 2).sum(axis=0) > 1 - _ZERO
        chosen = None
        for figure in unknown[fixed & secret[unknown]]:
            times = np.linalg.lstsq(relations[:, unknown].T, (unknown == figure).astype(float), rcond=1e-9)[0]
            others = np.flatnonzero((np.abs(times @ relations) > _ZERO) & candidates & shown)
            if len(others):
                chosen = others[np.argmin(dear[others])]
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
