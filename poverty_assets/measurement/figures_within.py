"""Figures of one cell that may differ together, so that nothing that they add up to tells.

Belongs here: which of some figures may differ while all others of the cell stay, and which further one would let another. Does not
belong here: differences over cells (``cell_patterns``), and what is withheld (``figure_differences``).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poverty_assets.arrays import FloatArray, IntArray

_KEPT = 100_000  # sets of figures that are remembered
_SMALL = 1e-6  # of a figure of length 1, what is left once everything that it depends on is taken off


class FiguresWithin:
    """What figures of a cell add up to, as sets of figures (bits).

    Figures that stand in all relations in the same proportions are alike: any two of them may differ together. So all that counts of a set
    of figures is which are of the same likeness, and of these one.

    Parameters
    ----------
    profiles : ndarray, shape (n_profiles, n_figures)
        What a household of each profile counts for in each figure.
    used : ndarray of bool, shape (n_figures,)
        Figures that are taken to be known, or withheld; others are as if they did not exist.
    """

    def __init__(self, profiles: FloatArray, used: npt.NDArray[np.bool_]) -> None:
        own = np.flatnonzero(used)
        relations = relations_of(profiles[:, own]) if len(own) else np.zeros((0, 0))
        self.n_figures = len(used)
        self.relations = np.zeros((len(relations), len(used)))
        self.relations[:, own] = relations
        length = np.sqrt((relations**2).sum(axis=0))
        free = length < _SMALL
        self.of_none = bits(own[free])
        self.alike: list[int] = []
        directions: list[FloatArray] = []
        self.class_of: dict[int, int] = {}
        for place in np.flatnonzero(~free).tolist():
            direction = relations[:, place] / length[place]
            same = [i for i, one in enumerate(directions) if abs(abs(one @ direction) - 1) < _SMALL**1.5]
            number = same[0] if same else len(directions)
            if not same:
                directions.append(direction)
                self.alike.append(0)
            figure = int(own[place])
            self.class_of[figure] = number
            self.alike[number] |= 1 << figure
        self.directions = np.column_stack(directions) if directions else np.zeros((len(relations), 0))
        self._ties = self._related()
        self._mates = [
            np.array(
                [i for i in places(self.alike[self.class_of[one]]) if i != one] if one in self.class_of else [],
                dtype=np.int64,
            )
            for one in range(self.n_figures)
        ]
        self._whole: dict[int, int] = {}
        self._may: dict[int, int] = {}
        self._lets: dict[tuple[int, int], int] = {}
        self._least: dict[tuple[int, int, int], int] = {}
        self._values: dict[tuple[int, ...], list[float]] = {}

    def _related(self) -> list[IntArray]:
        """Of each class, the figures that some relation ties to it."""
        from scipy.sparse.csgraph import connected_components

        together = np.abs(self.directions.T @ np.linalg.pinv(self.directions.T)) > _SMALL
        _, group = connected_components(together, directed=False)
        of = [places(sum(self.alike[i] for i in np.flatnonzero(group == one).tolist())) for one in group]
        return [np.array(figures) for figures in of]

    def related(self, figure: int) -> IntArray:
        """Figures that some relation ties to one, and itself."""
        return self._ties[self.class_of[figure]]

    def tied_to(self, some: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Some figures, and those that a relation ties to any of them."""
        return np.array(
            [bool(some[self.related(one) if one in self.class_of else one].any()) for one in range(self.n_figures)]
        )

    def tied(self) -> list[IntArray]:
        """Figures that relations tie to each other, group by group."""
        groups = {self._ties[number].tobytes(): self._ties[number] for number in self.class_of.values()}
        return list(groups.values())

    def mates(self, figure: int) -> IntArray:
        """Other figures that are like one."""
        return self._mates[figure]

    def may_differ(self, hidden: int) -> int:
        """Those of some figures that may differ while all others stay."""
        if hidden not in self._whole:
            if len(self._whole) > _KEPT:
                self._whole.clear()
            self._whole[hidden] = self._may_differ(hidden)
        return self._whole[hidden]

    def _may_differ(self, hidden: int) -> int:
        answer, several, there = hidden & self.of_none, 0, 0
        for number, own in enumerate(self.alike):
            some = hidden & own
            if some:
                there |= 1 << number
                if some & (some - 1):
                    several |= some
        open_classes = self._open(there)
        answer |= several
        for number, own in enumerate(self.alike):
            if open_classes >> number & 1:
                answer |= hidden & own
        return answer

    def _open(self, there: int) -> int:
        """Classes that may differ, of some of which one figure is hidden."""
        if there not in self._may:
            columns = places(there)
            _, size, right = np.linalg.svd(self.directions[:, columns], full_matrices=False)
            fixed = (right[size > _SMALL] ** 2).sum(axis=0) > 1 - _SMALL
            self._may[there] = bits(np.array(columns)[~fixed]) if columns else 0
        return self._may[there]

    def classes(self, hidden: int) -> int:
        """Classes that some figures are of, as bits."""
        return sum(1 << number for number, own in enumerate(self.alike) if hidden & own)

    def would_let(self, hidden: int, figure: int) -> int:
        """Figures of which any one, if it were hidden, too, might let a hidden one differ that does not."""
        own = self.class_of[figure]
        name = self.classes(hidden), own
        if name not in self._lets:
            columns = places(name[0] | 1 << own)
            wanted = (np.array(columns) == own).astype(float)
            times = np.linalg.lstsq(self.directions[:, columns].T, wanted, rcond=1e-9)[0]
            found = np.flatnonzero(np.abs(times @ self.directions) > _SMALL)
            self._lets[name] = sum(self.alike[number] for number in found.tolist())
        return self._lets[name] & ~hidden

    def enough(self, hidden: int, figure: int, rather: int) -> int:
        """Few of some hidden figures that are enough to let one of them differ, ``rather`` those; -1 where not even all do."""
        if self.of_none >> figure & 1:
            return 1 << figure
        own = self.class_of[figure]
        mates = hidden & self.alike[own] & ~(1 << figure)
        if mates & rather:
            return 1 << figure | _lowest(mates & rather)
        there = self.classes(hidden | 1 << figure)
        if not self._open(there) >> own & 1:
            return 1 << figure | _lowest(mates) if mates else -1
        wanted = self.classes(hidden & rather) | 1 << own
        if mates and not self._open(wanted) >> own & 1:
            return 1 << figure | _lowest(mates)
        answer = 1 << figure
        for number in places(self._fewest(there, own, wanted) & ~(1 << own)):
            some = hidden & self.alike[number]
            answer |= _lowest(some & rather or some)
        return answer

    def values(self, figures: int) -> list[tuple[int, float]]:
        """By how much each of some figures differs, in units of its own, where these let each other and none could be left out."""
        own = places(figures)
        if len(own) == 1:
            return [(own[0], 1.0)]
        columns = [self.class_of[one] for one in own]
        if len(own) == 2 and columns[0] == columns[1]:
            return [(own[0], 1.0), (own[1], -1.0)]
        name = tuple(columns)
        if name not in self._values:
            self._values[name] = np.linalg.svd(self.directions[:, columns])[2][-1].tolist()
        return list(zip(own, self._values[name], strict=True))

    def _fewest(self, there: int, own: int, rather: int) -> int:
        """Few classes that let one of them differ, of those that do; others than ``rather`` are left out first."""
        name = there, own, rather & there
        if name not in self._least:
            for number in [*places(there & ~rather), *places(there & rather)]:
                without = there & ~(1 << number)
                if number != own and self._open(without) >> own & 1:
                    there = without
            self._least[name] = there
        return self._least[name]


def relations_of(profiles: FloatArray) -> FloatArray:
    """Everything that figures of a cell, each taken to length 1, add up to, all households together being known: shape (n_relations,
    n_figures)."""
    scale = np.maximum(np.sqrt((profiles**2).sum(axis=0)), _SMALL)
    columns = np.column_stack([np.full(len(profiles), len(profiles) ** -0.5), profiles / scale])
    values, vectors = np.linalg.eigh(columns.T @ columns)
    return np.asarray(vectors[1:, values < 1e-10].T)


def rows_of_bits(flags: npt.NDArray[np.bool_]) -> list[int]:
    """Each row as bits, the first figure lowest."""
    return [int.from_bytes(row.tobytes(), "little") for row in np.packbits(flags, axis=1, bitorder="little")]


def flags_of_bits(rows: list[int], n: int) -> npt.NDArray[np.bool_]:
    """The opposite of `rows_of_bits`, of ``n`` figures."""
    own = np.frombuffer(b"".join(row.to_bytes((n + 7) // 8, "little") for row in rows), dtype=np.uint8)
    return np.unpackbits(own.reshape(len(rows), -1), axis=1, count=n, bitorder="little").astype(bool)


def bits(numbers: IntArray) -> int:
    """A set of numbers as bits."""
    return sum(1 << number for number in numbers.tolist())


def places(of: int) -> list[int]:
    """The numbers of a set of bits, ascending."""
    answer = []
    while of:
        answer.append((of & -of).bit_length() - 1)
        of &= of - 1
    return answer


def _lowest(of: int) -> int:
    return of & -of
