"""Columns that more than one table holds, defined once.

Belongs here: a field that means the same wherever it stands. A field of one table only is defined beside it in
``tables``.
"""

from __future__ import annotations

from typing import Any, Literal

from poverty_assets.catalog.model import METHODS, Column, Kept

K_DESCRIPTION = (
    "Poverty cut-off: a household is poor when its weighted deprivation score reaches k (0.333333 is one third)"
)

QUARTER = Column("quarter", "DATE", "First day of the quarter that the row describes")
AREA_ID = Column(
    "area_id",
    "VARCHAR",
    "Government code of the area as text, in the form of its level (dim_area)",
    holds="area",
    kept="code",
)
AREA_LEVEL = Column("area_level", "VARCHAR", "Level of the area (dim_level)", holds="level", kept="code")
FINEST = "(SELECT area_level FROM dim_level WHERE role = 'finest')"
"""SQL of the finest level."""
NAME_EN = Column("name_en", "VARCHAR", "Name in English")
NAME_BY_LANGUAGE = Column("name_{lang}", "VARCHAR", "Name in {language}; NULL where no source gives one", nullable=True)
NAMES = (
    NAME_EN,
    NAME_BY_LANGUAGE.renamed("name_{lang}", "Name in {language}; NULL where the pack gives none", wanted=True),
)
"""Names, in each of the country's languages, of a thing that the pack names."""
MEASURE_ID = Column("measure_id", "VARCHAR", "Measure of multidimensional poverty (dim_indicator)", kept="code")
INDICATOR_ID = Column("indicator_id", "VARCHAR", "Indicator of the measure (dim_indicator)", kept="code")
SUBGROUP = Column(
    "subgroup",
    "VARCHAR",
    "Part of the population: all, or column=value as in is_urban=true or head_sex=female",
    pattern=r"^(?:all|[a-z_]+=[^=]+)$",
    kept="code",
)
K = Column("k", "DOUBLE", K_DESCRIPTION, unit="share of the weighted deprivations", minimum=0, maximum=1, kept="point")
SHARE = Column("share", "DOUBLE", "Share", unit="share, 0 to 1", minimum=0, maximum=1, kept="point")
SOURCE_ID = Column("source_id", "VARCHAR", "Source of the value (meta_source)", kept="code")

ESTIMATE = Column(
    "estimate",
    "DOUBLE",
    "The estimate; NULL where suppressed",
    unit="share, 0 to 1",
    nullable=True,
    minimum=0,
    maximum=1,
    kept="point",
)
SE = Column(
    "se",
    "DOUBLE",
    "Standard error; NULL where it cannot be had",
    unit="as the estimate",
    nullable=True,
    minimum=0,
    kept="spread",
)
CI_LOW = Column(
    "ci_low", "DOUBLE", "Lower bound of the 95% interval", unit="as the estimate", nullable=True, kept="low"
)
CI_HIGH = Column(
    "ci_high", "DOUBLE", "Upper bound of the 95% interval", unit="as the estimate", nullable=True, kept="high"
)
METHOD = Column(
    "method",
    "VARCHAR",
    "Evidence behind the figure: direct (survey households in the area), modelled, composite (both), downscaled (from"
    " published totals of a larger area), register (administrative count), published (someone else's figure, cited). Composite and"
    " modelled rows of a quarter after the wave are nowcasts or persistence, as dim_quarter.nowcast_method says",
    allowed=METHODS,
    kept="code",
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
    "quality_flag",
    "VARCHAR",
    "ok, or why the figure should not be used alone (several reasons parted by commas)",
    kept="code",
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


Figures = Literal["share", "ratio", "real"]
_KEPT: dict[Figures, tuple[Kept, Kept, Kept, Kept]] = {
    "share": ("point", "rough", "low", "high"),
    "ratio": ("ratio", "ratio_spread", "ratio_low", "ratio_high"),
    "real": ("real", "real", "real", "real"),
}


def with_interval(
    name: str, description: str, unit: str = "share, 0 to 1", *, figures: Figures = "share", **limits: Any
) -> tuple[Column, ...]:
    """A statistic and its standard error and interval, as ``<name>``, ``<name>_se``, ``<name>_ci_low``, ``<name>_ci_high``.

    ``figures`` says how a narrow table keeps them: as shares, ratios, or numbers of any size; ``limits`` are of the statistic alone.
    """
    kept = _KEPT[figures]
    return (
        Column(name, "DOUBLE", description, unit, **{"nullable": True, "kept": kept[0]} | limits),
        Column(f"{name}_se", "DOUBLE", f"Standard error of {name}", unit, True, minimum=0, kept=kept[1]),
        Column(f"{name}_ci_low", "DOUBLE", f"Lower bound of the 95% interval of {name}", unit, True, kept=kept[2]),
        Column(f"{name}_ci_high", "DOUBLE", f"Upper bound of the 95% interval of {name}", unit, True, kept=kept[3]),
    )
