"""The quarter: its key, its label, its first and last day.

Belongs here: the calendar of the project, and the one pair of functions between key (``2022-01-01``) and label
(``2022Q1``). Does not belong here: Dagster's partitions (``partitions``).
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from poverty_assets.errors import UsageError

_LABEL = re.compile(r"^(\d{4})[- ]?[Qq]([1-4])$")


@dataclass(frozen=True, order=True)
class Quarter:
    """A calendar quarter, ordered in time.

    Examples
    --------
    >>> Quarter.from_label("2022Q4").shift(1).label
    '2023Q1'
    >>> Quarter(2022, 1).key, str(Quarter(2022, 1).end)
    ('2022-01-01', '2022-03-31')
    """

    year: int
    number: int

    @classmethod
    def from_label(cls, label: str) -> Quarter:
        """Read ``2022Q1``; a partition key (``2022-01-01``) is understood too.

        Raises
        ------
        UsageError
            If the text is neither.
        """
        match = _LABEL.match(label.strip())
        if match:
            return cls(int(match[1]), int(match[2]))
        try:
            return cls.from_key(label.strip())
        except ValueError:
            raise UsageError(
                f"{label!r} is not a quarter", remedy="write the year, Q and 1 to 4, as in 2022Q1"
            ) from None

    @classmethod
    def from_key(cls, key: str) -> Quarter:
        """Read a partition key, the quarter's first day as ``YYYY-MM-DD``; raises ValueError for any other day."""
        day = dt.date.fromisoformat(key)
        if day.day != 1 or day.month not in (1, 4, 7, 10):
            raise ValueError(f"{key} is not the first day of a quarter")
        return cls(day.year, day.month // 3 + 1)

    @classmethod
    def containing(cls, day: dt.date) -> Quarter:
        """The quarter that ``day`` falls in."""
        return cls(day.year, (day.month - 1) // 3 + 1)

    @classmethod
    def latest_complete(cls, today: dt.date) -> Quarter:
        """The last quarter that had ended before ``today``.

        Examples
        --------
        >>> Quarter.latest_complete(dt.date(2022, 3, 31)).label
        '2021Q4'
        """
        return cls.containing(today).shift(-1)

    def shift(self, quarters: int) -> Quarter:
        """The quarter so many quarters later (earlier, where negative)."""
        index = self.year * 4 + self.number - 1 + quarters
        return Quarter(index // 4, index % 4 + 1)

    @property
    def start(self) -> dt.date:
        """First day."""
        return dt.date(self.year, 3 * self.number - 2, 1)

    @property
    def end(self) -> dt.date:
        """Last day."""
        return self.shift(1).start - dt.timedelta(days=1)

    @property
    def key(self) -> str:
        """Partition key: the first day, ISO form."""
        return self.start.isoformat()

    @property
    def label(self) -> str:
        """What people read and type: ``2022Q1``."""
        return f"{self.year}Q{self.number}"

    def __str__(self) -> str:
        return self.label
