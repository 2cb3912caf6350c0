"""One figure over areas and subgroups: what follows from what is shown of it, and what to withhold so that no secret does.

Belongs here: the sums of one figure as arrays, what a 0 gives, solving them, and choosing further members to withhold. Does not belong
here: which members are secret, or what figures of one cell add up to (``figure_disclosure``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from poverty_assets.arrays import FloatArray, IntArray
from poverty_assets.measurement.disclosure import Sums

ZERO = 1e-6  # a coordinate of the null space below this is taken as 0; the null vectors are of length about 1 per cell
_FIXED = 1e-9  # of a vector on the null space that is solved for to 1e-15: of a million that are free one is below 1e-6
_AT_ONCE = 20  # figures that are followed up before it is looked again what follows: one withheld often hides several
_RIDGE = 1e-9  # sums may repeat each other; what this costs is taken back by solving again for what is left over
_ROUNDS = 4
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Links:
    """The sums as arrays: one entry a member of a sum, the whole with sign -1; ``order`` as in ``disclosure.order_of``.

    What hangs together by unknown members is solved for once (``solved``), however often it is asked for.
    """

    row: IntArray
    member: IntArray
    sign: FloatArray
    whole: IntArray
    members: list[IntArray]
    sums_of: list[list[int]]
    order: IntArray
    is_root: Flags
    solved: dict[bytes, IntArray] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, sums: Sums, order: IntArray, is_root: Flags) -> Links:
        """Arrays of the sums; ``is_root`` says which cells are of the country."""
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

    def known(self, shown: Flags, nobody: Flags) -> Flags:
        """Members that are shown, or that are a part of what is shown to be 0."""
        zero = np.zeros(len(self.order), dtype=bool)
        zero[: len(shown)] = shown & nobody
        before = -1
        while before != (before := int(zero.sum())):
            zero[self.member[zero[self.whole]]] = True
        zero[: len(shown)] |= shown
        return zero

    def alone(self, cell: int, known: Flags) -> IntArray:
        """Of each figure, the sums of a cell in which all else is known; ``known`` of cells and figures."""
        answer = np.zeros(known.shape[1], dtype=np.int64)
        for one in self.sums_of[cell]:
            others = self.members[one][self.members[one] != cell]
            if (others < len(known)).all():
                answer += known[others].all(axis=0)
        return answer

    def left_alone(self, known: Flags) -> Flags:
        """Members known, or found one after the other as the only one of a sum that is not."""
        known, before = known.copy(), -1
        while before != (before := int(known.sum())):
            alone = np.bincount(self.row, ~known[self.member], minlength=len(self.members)) == 1
            known[self.member[alone[self.row]]] = True
        return known

    def least_harm(self, members: IntArray, open_members: IntArray, leaking: Flags) -> int:
        """The member that hides most, and whose other sums hide it best: sums in which all else is known, less those in which a secret
        follows; then the first in order. Countries come last."""
        change = (open_members == 0).astype(np.int64) - leaking
        alone = np.array([change[self.sums_of[member]].sum() for member in members.tolist()], dtype=np.int64)
        return int(members[np.lexsort((self.order[members], alone, self.is_root[members]))[0]])

    def fixed(self, unknown: Flags) -> IntArray:
        """Unknown members that the sums fix, taken as linear equations with everything else known; see ``disclosure.determined``."""
        asked = blake2b(np.packbits(unknown).tobytes(), digest_size=20).digest()
        if asked in self.solved:
            return self.solved[asked]
        answer, waiting = [np.empty(0, dtype=np.int64)], []
        for columns in self.together(unknown):
            name = blake2b(columns.tobytes(), digest_size=16).digest()
            if name in self.solved:
                answer.append(self.solved[name])
            else:
                waiting.append((name, columns))
        if waiting:
            columns = np.sort(np.concatenate([each for _, each in waiting]))
            equations = Equations(self, columns)
            start = np.random.default_rng(20180801).uniform(1.0, 2.0, len(columns))
            is_fixed = np.zeros(len(unknown), dtype=bool)
            is_fixed[columns] = np.abs(equations.away(start)) < _FIXED
            for name, each in waiting:
                self.solved[name] = each[is_fixed[each]]
                answer.append(self.solved[name])
        self.solved[asked] = np.sort(np.concatenate(answer))
        return self.solved[asked]

    def together(self, unknown: Flags) -> Iterator[IntArray]:
        """Unknown members that hang together, by sums that they share with each other."""
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import connected_components

        inside = np.flatnonzero(unknown[self.member])
        if not len(inside):
            return
        n = len(self.members) + len(unknown)
        at = (self.row[inside], len(self.members) + self.member[inside])
        _, group = connected_components(csr_array((np.ones(len(inside)), at), shape=(n, n)), directed=False)
        there = np.zeros(len(unknown), dtype=bool)
        there[self.member[inside]] = True
        columns = np.flatnonzero(there)
        group = group[len(self.members) + columns]
        in_order = np.argsort(group, kind="stable")
        yield from np.split(columns[in_order], np.flatnonzero(np.diff(group[in_order])) + 1)

    def ways(self, solved: IntArray, unknown: Flags) -> list[FloatArray]:
        """What each of some members follows from: how often every member counts in the sums that give it."""
        some = solved[:_AT_ONCE]
        there = [columns for columns in self.together(unknown) if np.isin(some, columns).any()]
        equations = Equations(self, np.sort(np.concatenate(there)))
        return [equations.way(one) for one in some]


class Equations:
    """Sums as equations in some unknown members (``columns``), factorised once."""

    def __init__(self, links: Links, columns: IntArray) -> None:
        from scipy.sparse import csr_array, eye_array
        from scipy.sparse.linalg import splu

        place = np.full(len(links.order), -1)
        place[columns] = np.arange(len(columns))
        inside = np.flatnonzero(place[links.member] >= 0)
        self.columns, self.links = columns, links
        there = np.zeros(len(links.members), dtype=bool)
        there[links.row[inside]] = True
        self.rows, number = np.flatnonzero(there), np.cumsum(there) - 1
        at = (number[links.row[inside]], place[links.member[inside]])
        self.matrix = csr_array((links.sign[inside], at), shape=(len(self.rows), len(columns)))
        square = (self.matrix @ self.matrix.T + _RIDGE * eye_array(len(self.rows))).tocsc()
        self.factors = splu(square, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})

    def away(self, start: FloatArray) -> FloatArray:
        """Projection on what the equations leave open."""
        for _ in range(_ROUNDS):
            start = start - self.matrix.T @ self.factors.solve(self.matrix @ start)
        return start

    def way(self, solved: int) -> FloatArray:
        """What an unknown member that the equations fix follows from: how often every member counts in the sums that give it."""
        links, wanted, each = self.links, (self.columns == solved).astype(float), np.zeros(len(self.rows))
        for _ in range(_ROUNDS):
            each += self.factors.solve(self.matrix @ (wanted - self.matrix.T @ each))
        times = np.zeros(len(links.members))
        times[self.rows] = each
        return np.bincount(links.member, links.sign * times[links.row], minlength=len(links.order)).astype(float)


class _Closure:
    """Members that are known, or found one after the other as the only one of a sum that is not, while single ones are shown again."""

    def __init__(self, links: Links, shown: Flags, nobody: Flags) -> None:
        zero = links.known(shown & nobody, nobody)
        known = zero.copy()
        known[: len(shown)] |= shown
        known = links.left_alone(known)
        self.links, self.nobody = links, nobody
        self.zero, self.known = zero, known
        self.open = np.bincount(links.row, ~known[links.member], minlength=len(links.members)).tolist()

    def shows(self, one: int, secret: Flags) -> bool:
        """Take one more as shown, unless a secret follows from it: then nothing is changed, and the answer is False."""
        zeros = self._zeros(one) if self.nobody[one] else []
        new, waiting = [], [member for member in [one, *zeros] if not self.known[member]]
        may = True
        while waiting and may:
            member = waiting.pop()
            if self.known[member]:
                continue
            self.known[member] = True
            new.append(member)
            may = member == one or member >= len(secret) or not secret[member]
            for row in self.links.sums_of[member]:
                self.open[row] -= 1
                if self.open[row] == 1:
                    members = self.links.members[row]
                    waiting.append(int(members[~self.known[members]][0]))
        if may:
            self.zero[zeros] = True
            return True
        for member in new:
            self.known[member] = False
            for row in self.links.sums_of[member]:
                self.open[row] += 1
        return False

    def _zeros(self, one: int) -> list[int]:
        """One that is 0, and all parts of it that are not known to be."""
        found, waiting = [], [one]
        while waiting:
            member = waiting.pop()
            if self.zero[member]:
                continue
            found.append(member)
            waiting += [
                int(part)
                for row in self.links.sums_of[member]
                if self.links.members[row][0] == member
                for part in self.links.members[row][1:]
            ]
        return found


def keep_apart(links: Links, both: tuple[Flags, Flags], nobody: Flags, n: IntArray) -> None:
    """Withhold one figure in further cells, in place, until it follows nowhere where it is secret; what is withheld is secret, too. Then
    what turns out not to be needed is shown again."""
    shown, secret = both
    before, of_old = shown.copy(), secret.copy()
    _withhold_apart(links, both, nobody, n)
    withheld = np.flatnonzero(before & ~shown)
    if len(withheld):
        closure = _Closure(links, shown, nobody)
        leaks = bool((closure.known[: len(n)] & ~shown & of_old).any())
        for one in withheld[np.argsort(-links.order[withheld])] if not leaks else []:
            if closure.shows(int(one), of_old & ~shown):
                shown[one] = True
    secret[:] = of_old | (before & ~shown)
    _withhold_apart(links, both, nobody, n)


def _withhold_apart(links: Links, both: tuple[Flags, Flags], nobody: Flags, n: IntArray) -> None:
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
            found = np.flatnonzero((part > ZERO) & (part > part.max() / 2))
            if len(found):
                chosen = found[np.argmin(links.order[found])]
                shown[chosen], secret[chosen] = False, True
        if before == shown.sum():
            return


def _peel(links: Links, known: Flags, both: tuple[Flags, Flags], n: IntArray) -> None:
    """While a sum has one unknown member, and that a secret one, withhold another member of it; in place."""
    shown, secret = both
    open_members = np.bincount(links.row, ~known[links.member], minlength=len(links.members))
    hidden = np.zeros(len(known), dtype=bool)
    hidden[: len(n)] = secret
    secrets = np.bincount(links.row, (hidden & ~known)[links.member], minlength=len(links.members))
    waiting = np.flatnonzero(open_members == 1).tolist()
    while waiting:
        members = links.members[waiting.pop()]
        unknown = members[~known[members]]
        if len(unknown) != 1 or unknown[0] >= len(n) or not secret[unknown[0]]:
            continue
        others = members[members < len(n)]
        others = others[shown[others] & (n[others] > 0)]
        if len(others):
            chosen = links.least_harm(others, open_members, (open_members == 1) & (secrets == 1))
            shown[chosen], secret[chosen], known[chosen] = False, True, False
            open_members[links.sums_of[chosen]] += 1
            secrets[links.sums_of[chosen]] += 1
            waiting += links.sums_of[chosen]
