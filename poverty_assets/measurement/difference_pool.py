"""Differences that nothing shown tells, and every sum of them, while single figures are shown again.

Belongs here: leaving only sums of differences in which a figure does not differ, as long as every secret differs in some. Does not belong
here: finding differences (``figure_differences``).
"""

from __future__ import annotations

Part = tuple[int, int]
"""A figure of a cell: the cell's row, and the figure's column."""

_NOTHING = 1e-9  # of values about 1: what is left where two cancel out
_SOMETHING = 1e-6


class SingleDifferences:
    """Of some secrets, the differences of which one has to stay by itself, as the parts of each that might be shown again."""

    def __init__(self) -> None:
        self.of: dict[Part, list[set[Part]]] = {}
        self.secrets: dict[Part, set[Part]] = {}

    def add(self, secret: Part, parts: set[Part]) -> None:
        """Take one more of a secret."""
        self.of.setdefault(secret, []).append(parts)
        for part in parts:
            self.secrets.setdefault(part, set()).add(secret)

    def may_leave_out(self, part: Part) -> bool:
        """Whether each secret has one without a part."""
        return all(any(part not in one for one in self.of[secret]) for secret in self.secrets.get(part, ()))

    def leave_out(self, part: Part) -> None:
        """Drop all in which a part differs."""
        for secret in self.secrets.pop(part, set()):
            self.of[secret] = [one for one in self.of[secret] if part not in one]


class DifferencePool:
    """Differences, as far as they count: where a secret differs, or a figure that might be shown again.

    Parameters
    ----------
    secrets : set
        What has to differ in some sum of differences.
    """

    def __init__(self, secrets: set[Part]) -> None:
        self.secrets = secrets
        self.rows: dict[int, dict[Part, float]] = {}
        self.of: dict[Part, set[int]] = {}
        self._seen: set[frozenset[Part]] = set()

    def add(self, difference: dict[Part, float]) -> None:
        """Take one more; of those that differ in the same parts, the first."""
        name = frozenset(difference)
        if name in self._seen:
            return
        self._seen.add(name)
        number = len(self.rows)
        self.rows[number] = difference
        for part in difference:
            self.of.setdefault(part, set()).add(number)

    def leave_out(self, part: Part) -> bool:
        """Leave only sums in which a part does not differ, unless some secret would differ in none: then nothing is changed, and the answer
        is False.

        One difference in which the part differs, of fewest parts, is taken off all others as often as it takes, and dropped.
        """
        there = self.of.get(part)
        if not there:
            return True
        first = min(there, key=lambda number: (len(self.rows[number]), number))
        off = self.rows[first]
        times = {number: self.rows[number][part] / off[part] for number in there if number != first}
        if not all(self._differs_without(one, off[one], times, first) for one in off if one in self.secrets):
            return False
        for number, factor in times.items():
            self._take_off(number, factor, off, part)
        for one in off:
            self.of[one].discard(first)
        del self.rows[first]
        return True

    def _take_off(self, number: int, factor: float, off: dict[Part, float], part: Part) -> None:
        row = self.rows[number]
        for one, value in off.items():
            rest = row.get(one, 0.0) - factor * value
            if one != part and abs(rest) > _NOTHING:
                row[one] = rest
                self.of[one].add(number)
            elif one in row:
                del row[one]
                self.of[one].discard(number)

    def _differs_without(self, secret: Part, value: float, times: dict[int, float], first: int) -> bool:
        """Whether a secret, which differs by a value in the difference that is dropped, will still differ in another."""
        there = self.of[secret]
        if any(number != first and number not in times for number in there):
            return True
        rows = self.rows
        return any(
            abs((rows[number][secret] if number in there else 0.0) - factor * value) > _SOMETHING
            for number, factor in times.items()
        )
