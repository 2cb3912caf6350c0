"""Growth of a country's income per person, as its pack cites it: what the last survey may be moved by where nothing newer is known.

Belongs here: the form of ``growth`` in ``country.yaml``, and growth between two days. Does not belong here: what it does to shares of
people (``small_area.time.nowcast``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
from pydantic import Field, model_validator
from scipy.special import ndtri

from poverty_assets.lined_yaml import Form, misfit

_YEAR = 365.25
_BEYOND = 3  # the last years, whose mean stands for years that are not listed yet


class GrowthYear(Form):
    """One year: growth of real income per person over the year before, as a share, and whose figure it is.

    Attributes
    ----------
    year : int
    per_person : float
    source : str
    published : date, optional
        The day from which the figure was to be had; where nothing is said, half a year after the year's end, when national accounts
        are out.
    """

    year: int = Field(ge=1950, le=2100)
    per_person: float = Field(gt=-0.9, lt=1)
    source: str
    published: dt.date | None = None

    @property
    def known_from(self) -> dt.date:
        """The day from which the figure may be used."""
        return self.published or dt.date(self.year + 1, 7, 1)


class Growth(Form):
    """A table of growth, and how far households have part in it.

    Attributes
    ----------
    years : list of GrowthYear
    passed_through : float
        Part of the growth of national accounts that reaches households' consumption.
    gini : float
        Of consumption; its distribution is taken to be lognormal and to move as a whole.
    source : str
        Where the last two come from.
    url : str, optional
    """

    years: list[GrowthYear] = Field(min_length=1)
    passed_through: float = Field(gt=0, le=1)
    gini: float = Field(gt=0, lt=1)
    source: str
    url: str | None = None

    @model_validator(mode="after")
    def _each_year_once(self) -> Growth:
        listed = [one.year for one in self.years]
        if listed != list(range(listed[0], listed[0] + len(listed))):
            raise misfit(f"years are {', '.join(map(str, listed))}", "list every year once, in order", "years")
        return self

    @property
    def spread(self) -> float:
        """Standard deviation of log consumption: that of a lognormal distribution with this Gini coefficient.

        Gini = 2 Phi(spread / sqrt 2) - 1 (Aitchison and Brown 1957, The Lognormal Distribution).
        """
        return float(np.sqrt(2) * ndtri((1 + self.gini) / 2))

    def gained(self, first: dt.date, last: dt.date, *, as_of: dt.date) -> float | None:
        """What log consumption has gained from one day to another, in its standard deviations, as far as was known on a third.

        Years after those known count with the mean of the last three. None before the years that are listed, and while none is known.
        """
        known = {one.year: float(np.log1p(one.per_person)) for one in self.years if one.known_from <= as_of}
        if not known or first.year < self.years[0].year:
            return None
        after = float(np.mean(_last([known[year] for year in sorted(known)])))
        total = sum(known.get(year, after) * _part(year, first, last) for year in range(first.year, last.year + 1))
        return float(self.passed_through * total / self.spread)


def _last(values: Sequence[float]) -> Sequence[float]:
    return values[-_BEYOND:]


def _part(year: int, first: dt.date, last: dt.date) -> float:
    """Part of a year that lies between two days."""
    start, end = max(dt.date(year, 1, 1), first), min(dt.date(year + 1, 1, 1), last)
    return max((end - start).days, 0) / _YEAR
