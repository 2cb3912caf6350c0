"""Columns that more than one table holds, defined once.

Belongs here: a field that means the same wherever it stands. A field of one table only is defined beside it in
``tables``.
"""

from __future__ import annotations

from poverty_assets.catalog.model import METHODS, Column

K_DESCRIPTION = (
    "Poverty cut-off: a household is poor when its weighted deprivation score reaches k (0.333333 is one third)"
)

QUARTER = Column("quarter", "DATE", "First day of the quarter that the row describes")
AREA_ID = Column(
    "area_id", "VARCHAR", "Government code of the area as text, in the form of its level (dim_area)", holds="area"
)
AREA_LEVEL = Column("area_level", "VARCHAR", "Level of the area (dim_level)", holds="level")
FINEST = "(SELECT area_level FROM dim_level WHERE role = 'finest')"
"""SQL of the finest level."""
NAME_EN = Column("name_en", "VARCHAR", "Name in English")
NAME_BY_LANGUAGE = Column("name_{lang}", "VARCHAR", "Name in {language}; NULL where no source gives one", nullable=True)
NAMES = (
    NAME_EN,
    NAME_BY_LANGUAGE.renamed("name_{lang}", "Name in {language}; NULL where the pack gives none", wanted=True),
)
"""Names, in each of the country's languages, of a thing that the pack names."""
MEASURE_ID = Column("measure_id", "VARCHAR", "Measure of multidimensional poverty (dim_indicator)")
INDICATOR_ID = Column("indicator_id", "VARCHAR", "Indicator of the measure (dim_indicator)")
SUBGROUP = Column(
    "subgroup",
    "VARCHAR",
    "Part of the population: all, or column=value as in is_urban=true or head_sex=female",
    pattern=r"^(?:all|[a-z_]+=[^=]+)$",
)
K = Column("k", "DOUBLE", K_DESCRIPTION, unit="share of the weighted deprivations", minimum=0, maximum=1)
SHARE = Column("share", "DOUBLE", "Share", unit="share, 0 to 1", minimum=0, maximum=1)
SOURCE_ID = Column("source_id", "VARCHAR", "Source of the value (meta_source)")

ESTIMATE = Column(
    "estimate",
    "DOUBLE",
    "The estimate; NULL where suppressed",
    unit="share, 0 to 1",
    nullable=True,
    minimum=0,
    maximum=1,
)
SE = Column(
    "se", "DOUBLE", "Standard error; NULL where it cannot be had", unit="as the estimate", nullable=True, minimum=0
)
CI_LOW = Column("ci_low", "DOUBLE", "Lower bound of the 95% interval", unit="as the estimate", nullable=True)
CI_HIGH = Column("ci_high", "DOUBLE", "Upper bound of the 95% interval", unit="as the estimate", nullable=True)
METHOD = Column(
    "method",
    "VARCHAR",
    "Evidence behind the figure: direct (survey households in the area), modelled, composite (both), downscaled (from"
    " published totals of a larger area), register (administrative count), published (someone else's figure, cited). Composite and"
    " modelled rows of a quarter after the wave are nowcasts or persistence, as dim_quarter.nowcast_method says",
    allowed=METHODS,
)
N_HOUSEHOLDS = Column(
    "n_households",
    "BIGINT",
    "Unweighted households in the survey behind the figure; NULL where it has none or they are not published",
    unit="households",
    nullable=True,
    minimum=0,
    stays=True,
)
SUPPRESSED = Column(
    "suppressed", "BOOLEAN", "Withheld to protect respondents: the estimate, its error and interval are NULL"
)
QUALITY_FLAG = Column(
    "quality_flag", "VARCHAR", "ok, or why the figure should not be used alone (several reasons parted by commas)"
)
IS_HEADLINE = Column("is_headline", "BOOLEAN", "True on exactly one row per figure: the one to quote")

EVIDENCE = (METHOD, N_HOUSEHOLDS, SUPPRESSED, QUALITY_FLAG, IS_HEADLINE)
SHARE_ESTIMATE = (
    ESTIMATE,
    SE,
    CI_LOW.renamed("ci_low", minimum=0, maximum=1),
    CI_HIGH.renamed("ci_high", minimum=0, maximum=1),
    *EVIDENCE,
)


def with_interval(name: str, description: str, unit: str = "share, 0 to 1", **limits: float) -> tuple[Column, ...]:
    """A statistic and its standard error and interval, as ``<name>``, ``<name>_se``, ``<name>_ci_low``, ``<name>_ci_high``."""
    return (
        Column(name, "DOUBLE", description, unit=unit, nullable=True, **limits),  # type: ignore[arg-type]
        Column(f"{name}_se", "DOUBLE", f"Standard error of {name}", unit=unit, nullable=True, minimum=0),
        Column(f"{name}_ci_low", "DOUBLE", f"Lower bound of the 95% interval of {name}", unit=unit, nullable=True),
        Column(f"{name}_ci_high", "DOUBLE", f"Upper bound of the 95% interval of {name}", unit=unit, nullable=True),
    )
