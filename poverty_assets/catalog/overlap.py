"""Tables of deprivations that meet in one household: pairs, counts, dimensions, sets of them, and types of households.

Belongs here: what a row is, its key and columns. Does not belong here: figures of one indicator or of the measure (``tables``).
"""

from __future__ import annotations

from typing import Any

from poverty_assets.catalog.columns import (
    AREA_ID,
    AREA_LEVEL,
    EVIDENCE,
    INDICATOR_ID,
    MEASURE_ID,
    QUARTER,
    SHARE,
    SHARE_ESTIMATE,
    SUBGROUP,
    with_interval,
)
from poverty_assets.catalog.model import Column, Shared, Table

_GIVEN = "Of people deprived in {0}, share deprived in {1}"
_OF_PAIR: dict[str, Any] = {"minimum": 0, "maximum": 1}
_MARGIN = _OF_PAIR | {"kept": "real"}
_PAIR_STATISTICS = (
    *with_interval("share_a", "Share of people deprived in indicator_a", **_MARGIN),
    *with_interval("share_b", "Share of people deprived in indicator_b", **_MARGIN),
    *with_interval("share_both", "Share of people deprived in both", **_MARGIN),
    *with_interval(
        "share_b_given_a",
        _GIVEN.format("indicator_a", "indicator_b"),
        **_OF_PAIR,
        derived="{share_both} / nullif({share_a}, 0)",
    ),
    *with_interval(
        "share_a_given_b",
        _GIVEN.format("indicator_b", "indicator_a"),
        **_OF_PAIR,
        derived="{share_both} / nullif({share_b}, 0)",
    ),
    *with_interval(
        "lift",
        "share_both / (share_a x share_b): 1 where the two are independent",
        "ratio",
        figures="ratio",
        minimum=0,
        derived="{share_both} / nullif({share_a} * {share_b}, 0)",
    ),
    *with_interval("phi", "Correlation of the two deprivations", "correlation", minimum=-1, maximum=1, kept="alone"),
    *with_interval(
        "redundancy",
        "share_both / min(share_a, share_b)",
        **_OF_PAIR,
        derived="{share_both} / nullif(least({share_a}, {share_b}), 0)",
    ),
    *with_interval("odds_ratio", "Odds ratio of the two deprivations", "ratio", figures="ratio", minimum=0),
)
"""The margins and the share of both are kept to 24 bits, so that what is derived from them holds to 1e-6 of itself."""

FCT_OVERLAP_PAIR = Table(
    "fct_overlap_pair",
    "How often two deprivations meet in the same household",
    "quarter, area, measure, subgroup, pair of indicators and method",
    ("quarter", "area_id", "measure_id", "subgroup", "indicator_a", "indicator_b", "method"),
    (
        QUARTER,
        AREA_ID,
        AREA_LEVEL,
        MEASURE_ID,
        SUBGROUP,
        INDICATOR_ID.renamed("indicator_a"),
        INDICATOR_ID.renamed("indicator_b"),
        *_PAIR_STATISTICS,
        *EVIDENCE,
    ),
    "overlap",
    narrow=True,
    shared=(Shared("share_a", "indicator_a"), Shared("share_b", "indicator_b")),
)

FCT_DEPRIVATION_COUNT = Table(
    "fct_deprivation_count",
    "Share of people by the number of deprivations of their household",
    "quarter, area, measure, subgroup, number and method",
    ("quarter", "area_id", "measure_id", "subgroup", "n_deprivations", "method"),
    (
        QUARTER,
        AREA_ID,
        AREA_LEVEL,
        MEASURE_ID,
        SUBGROUP,
        Column("n_deprivations", "INTEGER", "Deprivations of the household", "indicators", False, 0, 16),
        *SHARE_ESTIMATE,
    ),
    "overlap",
    narrow=True,
)

FCT_DIMENSION_OVERLAP = Table(
    "fct_dimension_overlap",
    "Share of people by the set of dimensions in which their household has any deprivation",
    "quarter, area, measure, subgroup, set of dimensions and method",
    ("quarter", "area_id", "measure_id", "subgroup", "dimension_mask", "method"),
    (
        QUARTER,
        AREA_ID,
        AREA_LEVEL,
        MEASURE_ID,
        SUBGROUP,
        Column(
            "dimension_mask", "INTEGER", "Set of dimensions, one bit each in the measure's order", "bitmask", False, 0
        ),
        Column("dimensions", "VARCHAR[]", "The dimensions of the set", kept="codes"),
        Column("n_dimensions", "INTEGER", "Dimensions in the set", "dimensions", False, 0, 16),
        *SHARE_ESTIMATE,
    ),
    "overlap",
    narrow=True,
)

FCT_BUNDLE = Table(
    "fct_bundle",
    "Full sets of deprivations that households have, against what independence would give",
    "quarter, area, measure, subgroup, set and method",
    ("quarter", "area_id", "measure_id", "subgroup", "bundle_mask", "method"),
    (
        QUARTER,
        AREA_ID,
        AREA_LEVEL,
        MEASURE_ID,
        SUBGROUP,
        Column(
            "bundle_mask",
            "INTEGER",
            "Set of indicators, one bit each in the measure's order; -1: all other sets together, those that too few households hold to be"
            " named among them",
            "bitmask",
            False,
            -1,
            65535,
        ),
        Column("indicators", "VARCHAR[]", "The indicators of the set", kept="codes"),
        Column("n_deprivations", "INTEGER", "Indicators in the set", "indicators", False, 0, 16),
        *with_interval("share", "Share of people in households with exactly this set", minimum=0, maximum=1),
        SHARE.renamed(
            "share_expected", "Share if deprivations were independent given their margins", nullable=True, kept="alone"
        ),
        *with_interval(
            "excess",
            "share - share_expected",
            "share",
            minimum=-1,
            maximum=1,
            derived="{share} - {share_expected}",
        ),
        Column(
            "rank",
            "INTEGER",
            "1 for the most frequent set with a deprivation; 0 for the empty set; NULL for all other sets together",
            "rank",
            True,
            0,
            stays=True,
        ),
        *EVIDENCE,
    ),
    "overlap",
    narrow=True,
)

FCT_TYPOLOGY = Table(
    "fct_typology",
    "Latent classes of households by their deprivations: size of each class in each area",
    "quarter, area, measure, subgroup, class and method",
    ("quarter", "area_id", "measure_id", "subgroup", "class_id", "method"),
    (
        QUARTER,
        AREA_ID,
        AREA_LEVEL,
        MEASURE_ID,
        SUBGROUP,
        Column("class_id", "INTEGER", "Class, 1 the largest in the country", "class", False, 1),
        *SHARE_ESTIMATE,
    ),
    "overlap",
    narrow=True,
)

DIM_TYPOLOGY = Table(
    "dim_typology",
    "What each latent class is: the probability of each deprivation in it",
    "quarter, measure, class and indicator",
    ("quarter", "measure_id", "class_id", "indicator_id"),
    (
        QUARTER,
        MEASURE_ID,
        Column("class_id", "INTEGER", "Class, 1 the largest in the country", "class", False, 1),
        INDICATOR_ID,
        Column("probability", "DOUBLE", "Probability of the deprivation for a member", "share, 0 to 1", False, 0, 1),
        SHARE.renamed("class_share", "Size of the class in the country"),
        SHARE.renamed("stability", "Agreement of the class with itself over resamples of clusters", nullable=True),
    ),
    "overlap",
)
