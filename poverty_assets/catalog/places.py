"""Tables of areas: levels, areas, layers for orientation, and codes of other editions.

Belongs here: what a row is, its key and columns. Does not belong here: figures of areas (``tables``, ``overlap``).
"""

from __future__ import annotations

from poverty_assets.catalog.columns import (
    AREA_ID,
    AREA_LEVEL,
    NAME_BY_LANGUAGE,
    NAME_EN,
    NAMES,
    QUARTER,
    SOURCE_ID,
)
from poverty_assets.catalog.model import Column, Table

_LEVEL_NAME = "What one area of the level is called"
_LEVEL_NAMES = "What several are called"

DIM_LEVEL = Table(
    "dim_level",
    "Levels of the country's areas, from the country down, and what part each plays",
    "level",
    ("area_level",),
    (
        AREA_LEVEL.renamed("area_level", "The level, as it stands in area_level"),
        Column("depth", "INTEGER", "0 for the country, 1 for the level below it, and so on", "levels", False, 0),
        Column(
            "role",
            "VARCHAR",
            "country: the country itself; published: the first level below it, for which totals are known; finest: the last, for which"
            " estimates are made; between: those between the two",
            allowed=("country", "published", "between", "finest"),
        ),
        Column("name_en", "VARCHAR", f"{_LEVEL_NAME} in English"),
        Column("plural_en", "VARCHAR", f"{_LEVEL_NAMES} in English"),
        Column("name_{lang}", "VARCHAR", f"{_LEVEL_NAME} in {{language}}", nullable=True),
        Column("plural_{lang}", "VARCHAR", f"{_LEVEL_NAMES} in {{language}}", nullable=True),
    ),
    "areas",
    partitioned=False,
)

DIM_AREA = Table(
    "dim_area",
    "Administrative areas of the country at every level",
    "area",
    ("area_id",),
    (
        AREA_ID,
        AREA_LEVEL,
        AREA_ID.renamed("parent_id", "Code of the area one level up; NULL for the country", nullable=True),
        NAME_EN.renamed("name_en", "Name in Latin script"),
        NAME_BY_LANGUAGE,
        Column(
            "names",
            "MAP(VARCHAR, VARCHAR)",
            "The names by code of language: names['en'] is name_en",
            generated="MAP {{{by_language}}}",
        ),
        Column(
            "is_urban",
            "BOOLEAN",
            "Urban by the source named in meta_source; NULL above the finest level",
            nullable=True,
        ),
        Column(
            "population",
            "BIGINT",
            "Persons as the newest quarter of the file knows them; fct_population has those of each quarter, with their day and source",
            "persons",
            True,
            0,
        ),
        Column(
            "population_parts_unknown",
            "BIGINT",
            "Areas of the finest level in it whose people no source counts, so that population leaves them out; where some but not all"
            " are such, figures that are sums of parts leave them out, too",
            "areas",
            True,
            0,
        ),
        Column("households", "BIGINT", "Households, likewise", "households", True, 0),
        Column("area_km2", "DOUBLE", "Area on the ellipsoid", "square kilometres", False, 0),
        Column("centroid_lon", "DOUBLE", "Longitude of a point inside the area", "degrees", False, -180, 180),
        Column("centroid_lat", "DOUBLE", "Latitude of that point", "degrees", False, -90, 90),
        Column("geometry", "BLOB", "Boundary as well-known binary, EPSG:4326"),
        Column("valid_from", "DATE", "First day on which the unit existed in this form, where known", nullable=True),
        Column("valid_to", "DATE", "Last such day; NULL while it exists", nullable=True),
        Column(
            "edition",
            "VARCHAR",
            "Edition of the country's areas (country.yaml); NULL where none are told apart",
            nullable=True,
        ),
    ),
    "areas",
)

DIM_CONTEXT = Table(
    "dim_context",
    "Layers that maps show for orientation: roads, services, places, simplified by about 200 m, and thinned to 6,000 points on an"
    " even grid where there are more",
    "layer, source and kind of shape",
    ("layer_id", "part"),
    (
        Column("layer_id", "VARCHAR", "Layer (country.yaml of the country)", pattern=r"^[a-z][a-z0-9_]*$"),
        Column(
            "part",
            "INTEGER",
            "3 times the place of the source in the layer's list, from 0, plus 1 for points, 2 for lines, 3 for polygons",
            minimum=1,
        ),
        Column("kind", "VARCHAR", "Kind of its shapes", allowed=("point", "line", "polygon")),
        *NAMES,
        SOURCE_ID.renamed("source_id", "Source that it is drawn from (meta_source)"),
        Column(
            "n_shapes", "BIGINT", "Shapes of the source within the country, before any thinning", "shapes", False, 1
        ),
        Column("geometry", "BLOB", "All shapes of the part as one multi-geometry, well-known binary, EPSG:4326"),
    ),
    "areas",
)

AREA_CROSSWALK = Table(
    "area_crosswalk",
    "How area codes of every source and year map to the areas of dim_area",
    "quarter, source, code in that source, and part that its unit was divided into",
    ("quarter", "source_id", "source_code", "part"),
    (
        QUARTER,
        SOURCE_ID,
        Column("source_code", "VARCHAR", "Code of an area as the source writes it, lost zeros put back"),
        Column(
            "part",
            "INTEGER",
            "1, or the number of the part where the unit was divided among several areas",
            "",
            False,
            1,
        ),
        AREA_ID.renamed(
            "area_id", "Area of dim_area; NULL where the unit has no boundary of its own there", nullable=True
        ),
        AREA_ID.renamed("parent_id", "Lowest area of dim_area that certainly holds it"),
        Column(
            "how",
            "VARCHAR",
            "Rule that decided",
            allowed=("same_code", "renumbered", "split", "same_name", "known_without_boundary"),
            kept="code",
        ),
        Column(
            "weight",
            "DOUBLE",
            "Share of the unit's people who live in the area; those of a code sum to 1",
            "share",
            False,
            0,
            1,
        ),
    ),
    "areas",
    narrow=True,
)
