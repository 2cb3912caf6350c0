"""Censuses that a country's pack cites, and grids of people that their totals are laid on.

Belongs here: the form of a census in ``country.yaml`` and of ``people`` in an entry of a raster, and which census a quarter may see. Does
not belong here: making a population of them (``geography.population``), or counts of areas that a table of the landing folder holds
(``area_attributes`` of its entry).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from poverty_assets.lined_yaml import Form, misfit

ALL_AGES = "all"
"""The age group of everybody."""


class Census(Form):
    """One census, by what its published report says.

    Attributes
    ----------
    day : date
        That it counts people as of.
    total : int
        Persons in the country.
    areas : dict of str to int
        Persons of areas below the country, by code: those of the published level, where the report is at hand. Areas that are not listed
        share what is left of the total.
    source, url : str
        Whose figure it is, with the table; and where it stands.
    """

    day: dt.date
    total: int = Field(ge=1)
    areas: Mapping[str, int] = Field(default_factory=dict)
    source: str
    url: str | None = None

    @model_validator(mode="after")
    def _parts_are_no_more_than_the_whole(self) -> Census:
        if any(people < 0 for people in self.areas.values()):
            raise misfit("an area has fewer than 0 persons", "correct it", "areas")
        if sum(self.areas.values()) > self.total:
            problem = f"its areas have {sum(self.areas.values()):,} persons, more than the total of {self.total:,}"
            raise misfit(problem, "correct the total, or the areas", "areas")
        return self

    @staticmethod
    def faults(censuses: Sequence[Census]) -> list[PydanticCustomError]:
        """What is wrong with a list of them, as misfits."""
        days = [census.day for census in censuses]
        return [
            misfit(f"the census of {day} is there twice", "leave one out", "censuses", i, "day")
            for i, day in enumerate(days)
            if day in days[:i]
        ]


def census_seen(censuses: Sequence[Census], end: dt.date) -> Census | None:
    """The latest census that had been held by a day; None where none had."""
    held = [census for census in censuses if census.day <= end]
    return max(held, key=lambda census: census.day, default=None)


class PeopleOfGrid(Form):
    """That a raster's cells hold persons, of whom the population of areas is made where the pack cites a census.

    Attributes
    ----------
    age_group : str
        Whose: ``all`` by default. Rasters of one group are added up; those of an age group say so in the words of the survey's subgroups
        (``child``), where these mean the same ages.
    without_value : {"unknown", "nobody"}
        What a cell without a value means: how many live there is not known, or, of a grid that puts people into settlements alone, nobody
        does.
    day : str
        Month and day of the year that its people are of.
    """

    age_group: str = Field(default=ALL_AGES, pattern=r"^[a-z0-9][a-z0-9_+-]*$")
    without_value: Literal["unknown", "nobody"] = "unknown"
    day: str = Field(default="07-01", pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")

    def as_of(self, year: int) -> dt.date:
        """The day that people of a year's raster are of."""
        month, day = map(int, self.day.split("-"))
        return dt.date(year, month, day)
