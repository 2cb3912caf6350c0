"""Tables of people: how many live in each area in each quarter, and what that is made of.

Belongs here: what a row is, its key and columns. Does not belong here: the areas themselves (``tables``), or shares of people.
"""

from __future__ import annotations

from poverty_assets.catalog.columns import AREA_ID, AREA_LEVEL, QUALITY_FLAG, QUARTER, SOURCE_ID
from poverty_assets.catalog.model import Column, Table

_AGE_GROUP = Column(
    "age_group",
    "VARCHAR",
    "all: everybody; else an age group, as a source of people by age calls it: the same words as in subgroups (age_group=...) where it"
    " means the same ages",
)
_POPULATION = Column(
    "population", "BIGINT", "Persons in the quarter; NULL where not known", "persons", True, 0, stays=True
)
_OBSERVED_ON = Column("observed_on", "DATE", "Day that the persons are of", nullable=True)
_OF_GRID = Column(
    "people_of_grid",
    "DOUBLE",
    "Persons of the grid itself, before they were made to add up to the census; NULL where none was used",
    "persons",
    True,
    0,
    stays=True,
)
_BENCHMARK = (
    Column(
        "benchmark_total",
        "BIGINT",
        "Census total that the area is a part of, or that its parts make up; NULL where no grid was used",
        "persons",
        True,
        0,
        stays=True,
    ),
    Column("benchmark_on", "DATE", "Day of that census", nullable=True),
    Column("benchmark_source", "VARCHAR", "Whose figure the census total is (country.yaml)", nullable=True),
    Column(
        "benchmark_grid_year",
        "INTEGER",
        "Year of the grid that stands for the day of the census",
        "year",
        nullable=True,
        stays=True,
    ),
)

FCT_POPULATION = Table(
    "fct_population",
    "People of each area in each quarter, with the day that they are of and whose figure they are",
    "quarter, area and age group",
    ("quarter", "area_id", "age_group"),
    (
        QUARTER,
        AREA_ID,
        AREA_LEVEL,
        _AGE_GROUP,
        _POPULATION,
        Column(
            "population_urban",
            "BIGINT",
            "Of them, those in areas of the finest level that are urban (dim_area.is_urban); NULL where it is not known of all, and of age"
            " groups",
            "persons",
            True,
            0,
            stays=True,
        ),
        Column(
            "persons_per_household",
            "DOUBLE",
            "Persons divided by the households of dim_area; NULL where there are none, or none known. The two may be of different days",
            "persons",
            True,
            0,
            stays=True,
        ),
        Column(
            "method",
            "VARCHAR",
            "counted: as a source's table states it, or the sum of such; grid_benchmarked: cells of a grid of the year, made to add up to a"
            " census total moved on by the grid's own growth; unknown: no source says",
            allowed=("counted", "grid_benchmarked", "unknown"),
        ),
        SOURCE_ID.renamed(
            "source_id", "Source that most of them are counted by (meta_source); NULL where not known", nullable=True
        ),
        _OBSERVED_ON,
        _OF_GRID,
        *_BENCHMARK,
        QUALITY_FLAG,
    ),
    "areas",
)

GRID_POPULATION = Table(
    "grid_population",
    "People of areas of the finest level by a grid, made to add up to a census total; no row where no grid or no census serves the quarter",
    "area and age group",
    ("area_id", "age_group"),
    (
        AREA_ID,
        _AGE_GROUP,
        _OF_GRID,
        _POPULATION,
        SOURCE_ID,
        _OBSERVED_ON,
        AREA_ID.renamed("benchmark_area", "Area whose census total it is a part of"),
        *_BENCHMARK,
    ),
    "areas",
    inner=True,
)
