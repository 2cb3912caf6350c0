"""The form of a view, and what several of them share.

Belongs here: ``View``, the SQL of the latest quarter, the columns that mean the same in every view. Does not belong here: any view
(``views``, ``figures``).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from poverty_assets.catalog.model import STORED
from poverty_assets.pack.country import Country
from poverty_assets.pack.levels import Level
from poverty_assets.quarter import Quarter

LATEST = "(SELECT max(quarter) FROM dim_quarter)"


@dataclass(frozen=True)
class View:
    """A view: its SQL, and descriptions of columns that no table of the catalog has.

    ``of`` is the table or view that it is another name of, where it is one. ``released`` says whether a release has it as a file: not
    where it only unfolds what other tables hold. ``counted`` is the part of the SQL, a row of which has its
    quarter, that is carried out once, when a file is made, where it takes a look at every figure of every quarter.
    """

    name: str
    description: str
    sql: str
    columns: dict[str, str] = field(default_factory=dict)
    of: str = ""
    released: bool = True
    counted: str = ""

    @property
    def counted_in(self) -> str:
        """Table of a published file that holds what is carried out once."""
        return f'{STORED}."{self.name}_counted"'

    @property
    def is_of_latest(self) -> bool:
        """Whether it shows the newest quarter of the file."""
        return LATEST in self.sql

    def published(self, newest: Quarter) -> str:
        """SQL in a published file: the newest quarter, written in as a day, is looked up before rows of others are read, and what was
        counted is read."""
        sql = self.sql.replace(LATEST, f"DATE '{newest.key}'")
        return sql.replace(f"({self.counted})", self.counted_in) if self.counted else sql


def holders(country: Country) -> tuple[Level, ...]:
    """Levels between the country and its finest areas, from above."""
    return tuple(country.levels[level] for level in (country.levels.published, *country.levels.between))


EVERYBODY = "LEFT JOIN fct_population w ON w.quarter = f.quarter AND w.area_id = f.area_id AND w.age_group = 'all'"
"""SQL that brings the people of the quarter to a fact ``f``."""
OF_QUARTER = "CASE WHEN w.area_id IS NULL THEN a.population ELSE w.population END"
"""SQL of them: of a quarter that an earlier version made, those of the areas."""
_OF_SUBGROUP = f"""CASE f.subgroup WHEN 'all' THEN {OF_QUARTER} WHEN 'is_urban=true' THEN w.population_urban
    WHEN 'is_urban=false' THEN w.population - w.population_urban ELSE g.population END"""


def people_of(figure: str, where: str = "", *, by_subgroup: bool = False) -> str:
    """SQL of how many people a share of all people is, with its interval: ``people``, ``people_ci_low``, ``people_ci_high``.

    ``where`` is SQL of the rows in which the figure is such a share, if it is not in all; areas are ``a``, figures ``f``, their people
    ``w`` (``EVERYBODY``) and, of subgroups, those of age groups ``g`` (``AGE_GROUP``).
    """
    stem = "" if figure == "estimate" else f"{figure}_"
    picked = {"": figure, "_ci_low": f"{stem}ci_low", "_ci_high": f"{stem}ci_high"}
    when = f"CASE WHEN {where} THEN {{0}} END" if where else "{0}"
    people = _OF_SUBGROUP if by_subgroup else OF_QUARTER
    return ", ".join(
        f"{when.format(f'f.{column} * ({people})')} AS people{suffix}" for suffix, column in picked.items()
    )


AGE_GROUP = """LEFT JOIN fct_population g ON g.quarter = f.quarter AND g.area_id = f.area_id AND g.age_group <> 'all'
    AND f.subgroup = 'age_group=' || g.age_group"""
"""SQL that brings the people of its age group to a fact ``f``, where they are known."""


def shared_columns(country: Country) -> dict[str, str]:
    """What columns mean that stand in several views."""
    above = {}
    for level in holders(country):
        called = level.name("en")
        above[f"{level.level_id}_id"] = f"Code of the {called} that the area is, or lies in; NULL above it"
        above[f"{level.level_id}_name_en"] = f"Name of that {called} in Latin script"
    return above | {
        "quarter_label": "The quarter as people write it: 2022Q1",
        "is_headline_k": "True at the one cut-off that is quoted where no other is named (k of one third), and of statistics that have"
        " one cut-off only",
        "people": "People that the share is of the area's population in the quarter (fct_population), not rounded, so that parts add up;"
        " NULL where it is no share of all people, or withheld. Unit: persons.",
        "people_ci_low": "Lower bound of the 95% interval of people; the population is taken as known. Unit: persons.",
        "people_ci_high": "Upper bound of it. Unit: persons.",
    }
