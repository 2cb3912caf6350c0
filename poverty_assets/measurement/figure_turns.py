"""All figures of all cells together: what follows by turns, over areas and subgroups and within cells, and why.

Belongs here: following everything that is shown until nothing more is found, withholding what a secret followed from, and showing again
what no secret follows from. Does not belong here: the sums of one figure (``figure_sums``); which figures are secret, and what figures of
a cell add up to (``figure_disclosure``).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from poverty_assets.arrays import FloatArray, IntArray
from poverty_assets.measurement.figure_sums import ZERO, Equations, Flags, Links

_NEVER = np.iinfo(np.int16).max
_NEAREST = 40  # figures that one which follows was found from, of which one is withheld
_MANY = 1000  # rounds, each of which withholds something
_CELLS_KEPT = 400  # cells whose projections are kept at once, which bounds the memory of a large survey


@dataclass
class FiguresTogether:
    """All figures of all cells.

    Attributes
    ----------
    links : Links
        The sums that each figure stands in.
    relations : ndarray, shape (n_relations, n_figures)
        What figures of a cell add up to; 0 at those that are not ``used``.
    used : ndarray of bool, shape (n_figures,)
    shown, secret, nobody : ndarray of bool, shape (n_cells, n_figures)
        Where each is shown, must not follow, and is 0. What is withheld or shown again is so in place.
    within, reasons : dict
        Figures of a cell that follow from the others, by those that are known; and from which of them.
    told : dict
        Of a figure, where it was shown when members were last looked for that are shown or part of a 0, and those.
    """

    links: Links
    relations: FloatArray
    used: Flags
    shown: Flags
    secret: Flags
    nobody: Flags
    within: dict[bytes, IntArray] = field(default_factory=dict, repr=False)
    reasons: dict[tuple[bytes, int], list[int]] = field(default_factory=dict, repr=False)
    told: dict[int, tuple[bytes, Flags]] = field(default_factory=dict, repr=False)

    def follow(self) -> np.ndarray:
        """The turn in which each figure of each member is known: 0 where it is shown or part of a 0, odd over areas and subgroups, even
        within cells, and the largest number where it is not; shape (n_members, n_figures)."""
        turn = np.full((len(self.links.order), len(self.used)), _NEVER, dtype=np.int16)
        waiting = np.flatnonzero(self.used)
        for one in waiting:
            turn[self._told(int(one)), one] = 0
        n_cells, now = len(self.shown), 0
        cells = np.flatnonzero((turn[:n_cells] < _NEVER).any(axis=1))
        while len(waiting):
            now += 1
            new = [cells]
            for one in waiting:
                found = self.links.fixed(turn[:, one] == _NEVER)
                turn[found, one] = now
                new.append(found[found < n_cells])
            cells, now = np.unique(np.concatenate(new)), now + 1
            waiting = self._turn_within(cells, turn, now)
            cells = np.empty(0, dtype=np.int64)
        return turn

    def _told(self, one: int) -> Flags:
        """Members of which a figure is shown or part of a 0, looked for anew where what is shown has changed."""
        shown = self.shown[:, one].tobytes()
        if one not in self.told or self.told[one][0] != shown:
            self.told[one] = shown, self.links.known(self.shown[:, one], self.nobody[:, one])
        return self.told[one][1]

    def _turn_within(self, cells: IntArray, turn: np.ndarray, now: int) -> IntArray:
        """Note in these cells what those known give, as of a turn; the figures of which that found something."""
        known = turn[cells] < _NEVER
        for cell, name in zip(cells.tolist(), np.packbits(known, axis=1), strict=True):
            found = self._of_cell(name.tobytes(), turn[cell])
            if len(found):
                turn[cell, found] = now
        return np.flatnonzero((turn[cells] == now).any(axis=0))

    def _of_cell(self, name: bytes, turn: np.ndarray) -> IntArray:
        """Figures of a cell that those known (``name``) give."""
        if name not in self.within:
            hidden = np.flatnonzero((turn == _NEVER) & self.used)
            _, size, right = np.linalg.svd(self.relations[:, hidden], full_matrices=False)
            self.within[name] = hidden[(right[size > 1e-9] ** 2).sum(axis=0) > 1 - ZERO]
        return self.within[name]

    def reason(self, hidden: Flags, one: int) -> list[int]:
        """Figures of a cell that one of those hidden follows from."""
        name = np.packbits(hidden).tobytes()
        if (name, one) not in self.reasons:
            where = np.flatnonzero(hidden)
            times = np.linalg.lstsq(self.relations[:, where].T, (where == one).astype(float), rcond=1e-9)[0]
            self.reasons[name, one] = np.flatnonzero(np.abs(times @ self.relations) > ZERO).tolist()
        return self.reasons[name, one]

    def withhold_what_tells(self, these: Flags, rounds: int = _MANY) -> int:
        """While a secret follows, for so many rounds, withhold one of ``these`` (by cell and figure) that it was found from; how many were
        withheld. What follows from others alone still follows then."""
        withheld = 0
        for _ in range(rounds):
            turn, before = self.follow(), withheld
            found = np.argwhere((turn[: len(self.shown)] < _NEVER) & self.secret & self.used)
            reasons = _Reasons(self, turn)
            for cell, one in found.tolist():
                tells = reasons.shown_for((cell, one), these)
                if tells and all(self.shown[part] for part in tells):
                    self.shown[min(tells, key=lambda part: self._harm(part, turn))] = False
                    withheld += 1
            if withheld == before:
                break
        return withheld

    def _harm(self, part: tuple[int, int], turn: np.ndarray) -> tuple[bool, bool, bool, int]:
        """How little one would like to withhold it: a figure of the country, a 0, one that others tell anyhow; then in order."""
        cell, one = part
        rows = self.links.sums_of[cell]
        told = any((turn[self.links.members[row], one] < _NEVER).all() for row in rows)
        return bool(self.links.is_root[cell]), bool(self.nobody[part]), told, int(self.links.order[cell])

    def show_again(self, withheld: Flags) -> int:
        """Show what no secret follows from of what is withheld, one after the other, larger cells first; how many are shown."""
        state, before = _Following(self, self.follow()), self.shown.copy()
        cells, figures = np.nonzero(withheld & ~self.shown & ~self.secret)
        for i in np.lexsort((figures, -self.links.order[cells])):
            part = int(cells[i]), int(figures[i])
            self.shown[part] = state.shows(*part)
        self.withhold_what_tells(self.shown & ~before)
        return int((self.shown & ~before).sum())


class _Reasons:
    """What each figure that follows was found from, by the turn in which it was."""

    def __init__(self, figures: FiguresTogether, turn: np.ndarray) -> None:
        self.figures, self.turn = figures, turn
        self.together: dict[tuple[int, int], list[IntArray]] = {}
        self.equations: dict[tuple[int, int, int], Equations] = {}

    def shown_for(self, secret: tuple[int, int], these: Flags) -> list[tuple[int, int]]:
        """Some of ``these`` figures that are shown and that one which follows was found from, the nearest first."""
        waiting, seen = deque([secret]), {secret}
        answer: list[tuple[int, int]] = []
        while waiting and len(answer) < _NEAREST:
            part = waiting.popleft()
            parts = self._parts(*part)
            if parts is None:
                answer += [part] if these[part] else []
                continue
            new = [each for each in parts if each not in seen]
            seen.update(new)
            waiting += new
        return answer

    def _parts(self, cell: int, one: int) -> list[tuple[int, int]] | None:
        """What one was found from; None where it is shown."""
        now, links = int(self.turn[cell, one]), self.figures.links
        if not now:
            if cell < len(self.figures.shown) and self.figures.shown[cell, one]:
                return None
            above = [int(links.members[row][0]) for row in links.sums_of[cell]]
            return [(whole, one) for whole in above if whole != cell and self._is_0(whole, one)]
        if now % 2 == 0:
            hidden = (self.turn[cell] >= now) & self.figures.used
            return [(cell, figure) for figure in self.figures.reason(hidden, one)]
        for row in links.sums_of[cell]:
            members = links.members[row]
            if (self.turn[members, one] >= now).sum() == 1:
                return [(int(member), one) for member in members]
        times = self._equations(cell, one, now).way(cell)
        return [(int(member), one) for member in np.flatnonzero(np.abs(times) > ZERO)]

    def _equations(self, cell: int, one: int, now: int) -> Equations:
        """Of what hung together with a cell, before it was found."""
        if (one, now) not in self.together:
            self.together[one, now] = [*self.figures.links.together(self.turn[:, one] >= now)]
        number, mine = next(
            (number, each) for number, each in enumerate(self.together[one, now]) if (each == cell).any()
        )
        if (one, now, number) not in self.equations:
            self.equations[one, now, number] = Equations(self.figures.links, mine)
        return self.equations[one, now, number]

    def _is_0(self, member: int, one: int) -> bool:
        n_cells, nobody = len(self.figures.shown), self.figures.nobody
        return bool(member < n_cells and nobody[member, one] and self.turn[member, one] == 0)


class _Following:
    """What is known of all figures, while single ones are shown again."""

    def __init__(self, figures: FiguresTogether, turn: np.ndarray) -> None:
        self.figures, self.known = figures, turn < _NEVER
        links = figures.links
        self.open = np.zeros((len(links.members), turn.shape[1]), dtype=np.int32)
        np.add.at(self.open, links.row, ~self.known[links.member])
        self.zero = np.zeros_like(self.known)
        for one in np.flatnonzero(figures.used):
            nothing = figures.shown[:, one] & figures.nobody[:, one]
            self.zero[:, one] = links.known(nothing, nothing)
        self.projections: dict[int, FloatArray] = {}

    def shows(self, cell: int, one: int) -> bool:
        """Take one more as shown, unless a secret follows from it: then nothing is changed, and the answer is False."""
        zeros = self._zeros(cell, one) if self.figures.nobody[cell, one] else []
        new: list[tuple[int, int]] = []
        changed: dict[int, FloatArray] = {}
        waiting = [(cell, one), *((member, one) for member in zeros)]
        may, secret = True, self.figures.secret
        while waiting and may:
            member, figure = waiting.pop()
            if self.known[member, figure]:
                continue
            self.known[member, figure] = True
            new.append((member, figure))
            may = member >= len(secret) or not secret[member, figure]
            waiting += self._over_areas(member, figure) + self._within(member, figure, changed)
        if may:
            self.zero[zeros, one] = True
            self.projections.update(changed)
            return True
        for member, figure in new:
            self.known[member, figure] = False
            self.open[self.figures.links.sums_of[member], figure] += 1
        return False

    def _over_areas(self, member: int, figure: int) -> list[tuple[int, int]]:
        """Members that are left as the only one not known in a sum."""
        rows, found = self.figures.links.sums_of[member], []
        self.open[rows, figure] -= 1
        for row in rows:
            if self.open[row, figure] == 1:
                members = self.figures.links.members[row]
                found.append((int(members[~self.known[members, figure]][0]), figure))
        return found

    def _within(self, cell: int, figure: int, changed: dict[int, FloatArray]) -> list[tuple[int, int]]:
        """Figures of a cell that follow with one more known: those whose row of the projection is along its own."""
        if cell >= len(self.figures.shown):
            return []
        if cell not in changed:
            if len(self.projections) > _CELLS_KEPT:
                self.projections.clear()
            changed[cell] = self.projections[cell] if cell in self.projections else self._projection(cell, figure)
        of = changed[cell]
        if of[figure, figure] < ZERO:
            return []
        rest = of - np.outer(of[figure], of[figure]) / of[figure, figure]
        changed[cell] = rest
        found = np.flatnonzero((rest.diagonal() < ZERO) & ~self.known[cell] & self.figures.used)
        return [(cell, int(other)) for other in found]

    def _projection(self, cell: int, but: int) -> FloatArray:
        """On what the figures of a cell that are not known, and ``but``, may be, by what they add up to."""
        n = len(self.figures.used)
        there = ~self.known[cell] & self.figures.used
        there[but] = True
        hidden = np.flatnonzero(there)
        _, size, right = np.linalg.svd(self.figures.relations[:, hidden], full_matrices=False)
        fixed = right[size > 1e-9]
        answer = np.zeros((n, n))
        answer[np.ix_(hidden, hidden)] = np.eye(len(hidden)) - fixed.T @ fixed
        return answer

    def _zeros(self, cell: int, one: int) -> list[int]:
        """A cell where the figure is 0, and all parts of it where that is not known."""
        found, waiting, links = [], [cell], self.figures.links
        while waiting:
            member = waiting.pop()
            if self.zero[member, one]:
                continue
            found.append(member)
            for row in links.sums_of[member]:
                if links.members[row][0] == member:
                    waiting += links.members[row][1:].tolist()
        return found
