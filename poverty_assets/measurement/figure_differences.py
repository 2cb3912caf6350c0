"""All figures of all cells together: which further ones are withheld, so that every secret might be another.

Belongs here: finding, for each secret, a difference that nothing shown would tell, withholding what it needs, and showing again what
none needs. Does not belong here: which cells and which figures may differ together (``cell_patterns``, ``figures_within``), sums of
differences (``difference_pool``); which figures are secret (``figure_disclosure``).

A difference is a pattern of cells times some figures of a cell. Added to the true table, it leaves every sum over areas and subgroups,
everything that figures of a cell add up to, and all that is shown as it is, where all figures in it are withheld and none is given by a
0. So a secret in it follows from no linear equations, whoever solves them all at once; and it stays so whatever else is withheld.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poverty_assets.arrays import FloatArray, IntArray
from poverty_assets.measurement.cell_patterns import CellPatterns, Pattern, both_ways, common
from poverty_assets.measurement.difference_pool import DifferencePool, Part, SingleDifferences
from poverty_assets.measurement.disclosure import Sums
from poverty_assets.measurement.figures_within import FiguresWithin, places, rows_of_bits
from poverty_assets.measurement.zeros_shown import Flags, ZerosShown

_OF_COUNTRY = 50.0  # what it costs to withhold a figure of the country, against 1
_OF_ZERO = 3.0  # and a 0
_LONELY, _NEEDED = 0.2, 0.1
"""What it costs more to withhold a member of a sum that hides nothing yet, and less of one that hides a single member."""
_WIDE, _TRIED = 80, 12
"""Patterns that are looked at for two figures alike, and of these, figure by figure; those that cost least in the secret's own."""
_POOLED, _ALIKE = 4, 3
"""Patterns of each secret that are taken together when figures are shown again, and figures alike that each is taken with."""


@dataclass(frozen=True)
class Difference:
    """Cells and figures (bits) that differ together, and what it costs to withhold them."""

    cells: Pattern
    figures: int
    cost: float

    def parts(self) -> Iterator[Part]:
        """Every figure of every cell in it."""
        figures = places(self.figures)
        return ((max(cell, ~cell), figure) for cell in self.cells for figure in figures)


class FigureDifferences:
    """The choice of what is withheld.

    Parameters
    ----------
    patterns, wider : CellPatterns
        Cells that may differ together; more of them, for what finds none there.
    within : FiguresWithin
    zeros : ZerosShown
    secret, may : ndarray of bool, shape (n_cells, n_figures)
        What must not follow, and what may be withheld further.
    price : ndarray, shape (n_cells, n_figures)
        What that costs; see `prices`.
    """

    def __init__(
        self,
        patterns: tuple[CellPatterns, CellPatterns],
        within: FiguresWithin,
        zeros: ZerosShown,
        secret: Flags,
        may: Flags,
        price: FloatArray,
    ) -> None:
        self.near, self.wider = patterns
        self.within, self.zeros, self.may = within, zeros, may
        hidden = ~(zeros.shown | zeros.given())
        self.n_cells, self.n_figures = hidden.shape
        self.hidden = both_ways(rows_of_bits(hidden))
        self.always = list(self.hidden)
        costs = np.where(hidden, 0, np.where(may & zeros.shown & ~zeros.nobody, price, np.inf))
        self.price = np.vstack([costs, np.zeros(self.n_figures)]).astype(np.float32)
        self.open = rows_of_bits(secret & hidden)
        self.added: set[Part] = set()
        self.kept: set[Part] = set()
        self.closed = np.zeros_like(hidden)
        self._patterns: dict[int, list[Pattern]] = {}
        self._places: dict[int, IntArray] = {}
        self._wide: set[int] = set()

    def withhold(self, order: FloatArray, though_found: bool = False) -> list[Part]:
        """Withhold what secrets need that have no difference yet, in place (``zeros.shown``), and show again what none needs, in an order
        (shape (n_cells, n_figures)); secrets that find no difference, whatever is withheld, are given back.

        Where all else fails zeros are withheld, and protected as secrets are; ``though_found`` they might be, if not.
        """
        for cell in range(self.n_cells):
            if self.open[cell]:
                self._look_around(cell)
        secrets = [(cell, figure) for cell, own in enumerate(self.open) for figure in places(own)]
        last = self._protect_though_zeros_are_found if though_found else self._protect_without_zeros
        left = secrets
        for protect in (self._protect, self._protect_widely, last):
            left = [one for one in left if not protect(one)]
        self._show_again(set(secrets) - set(left) | self.kept, order)
        for part in self.added:
            self.zeros.shown[part] = False
        return left

    # ---- secrets that need nothing

    def _look_around(self, cell: int) -> None:
        """Take secrets off around a cell that have a difference in what is hidden by now."""
        patterns = self.near
        area, subgroup = int(patterns.area[cell]), int(patterns.subgroup[cell])
        for kind in patterns.kinds(area):
            for pattern in patterns.of_area(area, kind) if subgroup in kind else ():
                both = common(self.hidden, pattern)
                if both & self.open[cell]:
                    may = ~self.within.may_differ(both)
                    for one in pattern:
                        self.open[max(one, ~one)] &= may
                    if not self.open[cell]:
                        return

    # ---- withholding further

    def _protect(self, secret: Part) -> bool:
        """Withhold what a secret's cheapest difference needs; False where there is none."""
        if next(self._several(secret), None) is not None:
            return True
        found = self._cheapest(secret, self.price)
        if found is not None:
            self._withhold(found)
        return found is not None

    def _protect_widely(self, secret: Part) -> bool:
        """The same, among more patterns."""
        cell = secret[0]
        if cell not in self._wide:
            self._wide.add(cell)
            self._patterns[cell] = list(dict.fromkeys([*self._around(cell), *self.wider.around(cell)]))
            self._places.pop(cell, None)
        return self._protect(secret)

    def _protect_without_zeros(self, secret: Part, further: bool = True) -> bool:
        """The same, where zeros may be withheld, too, and are protected themselves (if need be by ``further`` ones): who found one would
        know its parts."""
        while (opened := self._open_zeros(secret)) is not None:
            wholes = [one for one in opened if self.zeros.is_whole[one[0]]]
            if all(
                self._protect_widely(one) or (further and self._protect_without_zeros(one, further=False))
                for one in wholes
            ):
                self.kept.update(wholes)
                return True
            self._close_zeros(opened)
        return False

    def _protect_though_zeros_are_found(self, secret: Part) -> bool:
        """The same, where those zeros may be found: sums alone do not tell the secret, then."""
        return self._open_zeros(secret) is not None

    def _open_zeros(self, secret: Part) -> dict[Part, bool] | None:
        """Withhold what a secret's cheapest difference needs, with zeros that give figures in it, and say whether each of these was
        shown; None where there is no difference."""
        of_one = np.where(self.near.is_root, _OF_ZERO * _OF_COUNTRY, _OF_ZERO)
        price = self.price.copy()
        price[:-1] = np.minimum(price[:-1], self.zeros.price(of_one, self.may & ~self.closed))
        found = self._cheapest(secret, price)
        if found is None:
            return None
        opened: dict[Part, bool] = {}
        for cell, figure in found.parts():
            if np.isinf(self.price[cell, figure]):
                shown = self.zeros.shown[:, figure].copy()
                zeros, hidden = self.zeros.withhold(cell, figure)
                opened |= {(one, figure): bool(shown[one]) for one in zeros}
                for one in hidden:
                    self._hide(one, figure)
        self._withhold(found)
        return opened

    def _close_zeros(self, opened: dict[Part, bool]) -> None:
        """Show zeros again that found no protection, and use no part of them any more."""
        for (cell, figure), shown in opened.items():
            for one in self.zeros.take_back(cell, figure, shown):
                self.price[one, figure], self.closed[one, figure] = np.inf, True
                self.hidden[one] = self.hidden[~one] = self.hidden[one] & ~(1 << figure)

    def _withhold(self, found: Difference) -> None:
        for cell, figure in found.parts():
            if self.price[cell, figure] > 0:
                self._hide(cell, figure)
                self.added.add((cell, figure))

    def _hide(self, cell: int, figure: int) -> None:
        self.price[cell, figure] = 0
        self.hidden[cell] = self.hidden[~cell] = self.hidden[cell] | 1 << figure

    def _around(self, cell: int) -> list[Pattern]:
        if cell not in self._patterns:
            self._patterns[cell] = self.near.around(cell)
        return self._patterns[cell]

    def _places_around(self, cell: int) -> IntArray:
        """Patterns around a cell as an array, filled up with a place that costs nothing."""
        if cell not in self._places:
            own = self._around(cell)
            at = np.full((len(own), max(map(len, own), default=0)), self.n_cells)
            for row, pattern in enumerate(own):
                at[row, : len(pattern)] = pattern
            self._places[cell] = np.where(at < 0, ~at, at)
        return self._places[cell]

    def _cheapest(self, secret: Part, price: npt.NDArray[np.float32]) -> Difference | None:
        """The difference of a secret that costs least."""
        (cell, figure), patterns = secret, self._around(secret[0])
        at = self._places_around(cell)
        own = price[at, figure].sum(axis=1)
        rows = np.flatnonzero(np.isfinite(own))
        rows = rows[np.argsort(own[rows], kind="stable")[:_WIDE]]
        if not len(rows):
            return None
        if figure not in self.within.class_of:
            return Difference(patterns[rows[0]], 1 << figure, float(own[rows[0]]))
        related, mates = self.within.related(figure), self.within.mates(figure)
        costs = np.full((len(rows), self.n_figures), np.inf, dtype=np.float32)
        costs[:, related] = price[at[rows][:, :, None], related].sum(axis=1)
        best, answer = np.inf, None
        if len(mates):
            least = costs[:, mates].argmin(axis=1)
            both = costs[:, figure] + costs[np.arange(len(rows)), mates[least]]
            row = int(np.argmin(both))
            if np.isfinite(both[row]):
                best = float(both[row])
                answer = Difference(patterns[rows[row]], 1 << figure | 1 << int(mates[least[row]]), best)
        for row, hidden in enumerate(rows_of_bits(costs[:_TRIED] == 0)):
            if costs[row, figure] >= best:
                break
            found = self._by_and_by(costs[row], figure, hidden, best)
            if found is not None:
                best = found[1]
                answer = Difference(patterns[rows[row]], found[0], best)
        return answer

    def _by_and_by(
        self, costs: npt.NDArray[np.float32], figure: int, hidden: int, limit: float
    ) -> tuple[int, float] | None:
        """Figures that let one differ in a pattern, each added as the cheapest that might, and what they cost, under a limit."""
        chosen, total = 1 << figure, float(costs[figure])
        hidden |= chosen
        while not self.within.may_differ(hidden) & 1 << figure:
            lets = places(self.within.would_let(hidden, figure))
            if not lets:
                return None
            one = lets[int(np.argmin(costs[lets]))]
            total += float(costs[one])
            if not total < limit:
                return None
            hidden, chosen = hidden | 1 << one, chosen | 1 << one
        return chosen, total

    # ---- showing again

    def _show_again(self, secrets: set[Part], order: FloatArray) -> None:
        """Show again what none of some secrets needs, one after the other.

        A figure that is tied to no other is asked for one difference by itself, and no sum: figures of tables that are decided later may be
        tied to it, and differ with it in the same cells.
        """
        pool, single, counted = DifferencePool(secrets), SingleDifferences(), [0] * self.n_cells
        for cell, figure in secrets | self.added:
            counted[cell] |= 1 << figure
        for secret in sorted(secrets):
            for found in self._several(secret):
                pool.add(self._counted(found, counted))
                if secret[1] not in self.within.class_of:
                    single.add(secret, self.added.intersection(found.parts()))
        for part in sorted(self.added, key=lambda one: (order[one], one)):
            if single.may_leave_out(part) and pool.leave_out(part):
                single.leave_out(part)
                self.added.remove(part)

    def _several(self, secret: Part) -> Iterator[Difference]:
        """Some differences of a secret in what is hidden."""
        (cell, figure), hidden, found = secret, self.hidden, 0
        wanted, patterns = 1 << figure, self._around(cell)
        dear = self.price[self._places_around(cell), figure].any(axis=1)
        for row in np.flatnonzero(~dear).tolist():
            pattern = patterns[row]
            both = common(hidden, pattern)
            if self.within.may_differ(both) & wanted:
                rather = common(self.always, pattern)
                sets = [self.within.enough(both, figure, rather), self.within.enough(both, figure, both)]
                alike = [int(one) for one in self.within.mates(figure) if both >> int(one) & 1]
                sets += [wanted | 1 << one for one in alike[:_ALIKE]]
                yield from (Difference(pattern, figures, 0.0) for figures in dict.fromkeys(sets))
                found += 1
                if found == _POOLED:
                    return

    def _counted(self, found: Difference, counted: list[int]) -> dict[Part, float]:
        """By how much each part that counts differs."""
        values, row = self.within.values(found.figures), {}
        for one in found.cells:
            cell, sign = (one, 1.0) if one >= 0 else (~one, -1.0)
            for figure, value in values:
                if counted[cell] >> figure & 1:
                    row[cell, figure] = sign * value
        return row


def prices(sums: Sums, hidden: Flags, is_root: Flags) -> FloatArray:
    """What it costs to withhold each figure of each cell: 1, more where a sum hides nothing else yet (it takes another
    figure, then), less where one is hidden by itself, and most of the country's; shape (n_cells, n_figures)."""
    from scipy.sparse import csr_array

    row = np.repeat(np.arange(len(sums.members)), [len(one) for one in sums.members])
    member = np.concatenate([*sums.members, np.empty(0, dtype=np.int64)])
    links = csr_array((np.ones(len(row)), (row, member)), shape=(len(sums.members), len(sums.size)))
    rest = np.ones((len(sums.size) - len(hidden), hidden.shape[1]))
    there = np.asarray(links @ np.vstack([hidden, rest]))
    lonely, needed = (np.asarray(links.T @ (there == n).astype(float))[: len(hidden)] for n in (0, 1))
    price = np.clip(1 + _LONELY * lonely - _NEEDED * needed, 0.3, 4.0)
    return np.where(is_root[:, None], _OF_COUNTRY * price, price)
