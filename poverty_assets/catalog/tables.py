"""Every table of the lake and the warehouse: its rows, key and columns.

Belongs here: the one definition that DDL, checks, documentation and COMMENTs follow from. Does not belong here: how a
table is computed, or facts about one country.
"""

from __future__ import annotations

from typing import Any

from poverty_assets.catalog.columns import (
    AREA_ID,
    AREA_LEVEL,
    CI_HIGH,
    CI_LOW,
    EVIDENCE,
    INDICATOR_ID,
    MEASURE_ID,
    METHOD,
    NAME_BY_LANGUAGE,
    NAME_EN,
    NAMES,
    QUALITY_FLAG,
    QUARTER,
    SE,
    SHARE,
    SHARE_ESTIMATE,
    SOURCE_ID,
    SUBGROUP,
    K,
    with_interval,
)
from poverty_assets.catalog.model import Column, Table
from poverty_assets.catalog.people import FCT_POPULATION
from poverty_assets.catalog.records import (
    CHECK_RESULT,
    META_BUILD,
    META_LINEAGE,
    META_REVISION,
    META_REVISION_FIGURE,
    META_SOURCE,
    MODEL_METRIC,
    MODEL_RUN,
    QUARTER_NOTE,
)
from poverty_assets.catalog.uncertainty import UNCERTAINTY_TABLES
from poverty_assets.catalog.vulnerability import VULNERABILITY_TABLES

_STATISTICS = ("headcount_ratio", "intensity", "mpi", "vulnerable", "severe")
_KINDS = ("uncensored", "censored", "censored_k20", "censored_k50")

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

DIM_INDICATOR = Table(
    "dim_indicator",
    "Measures of multidimensional poverty and their indicators",
    "measure and indicator",
    ("measure_id", "indicator_id"),
    (
        MEASURE_ID,
        INDICATOR_ID,
        Column("dimension_id", "VARCHAR", "Dimension that the indicator belongs to"),
        NAME_EN,
        NAME_BY_LANGUAGE,
        Column("definition", "VARCHAR", "When a household is deprived, in words"),
        Column(
            "definition_{lang}", "VARCHAR", "The same in {language}; NULL where the measure gives none", nullable=True
        ),
        Column("cutoff", "VARCHAR", "The deprivation cut-off"),
        Column("weight", "DOUBLE", "Weight in the measure; the weights sum to 1", "share, 0 to 1", False, 0, 1),
        Column("source", "VARCHAR", "Where the definition comes from"),
    ),
    "measures",
)

DIM_QUARTER = Table(
    "dim_quarter",
    "Quarters that are published",
    "quarter",
    ("quarter",),
    (
        QUARTER,
        Column("label", "VARCHAR", "What people write: 2022Q1", pattern=r"^\d{4}Q[1-4]$"),
        Column("start_date", "DATE", "First day"),
        Column("end_date", "DATE", "Last day"),
        Column(
            "survey_wave", "VARCHAR", "Survey wave that serves the quarter; NULL where there is none", nullable=True
        ),
        Column("is_nowcast", "BOOLEAN", "True where the quarter lies after the wave's fieldwork"),
        Column(
            "nowcast_method",
            "VARCHAR",
            "What composite and modelled rows of the quarter are: nowcast (the quarter's covariates move them), trend (they have gone on"
            " by a part of the country's trend), growth (moved by what its income per person has gained) or persistence (they stay as of"
            " the wave); NULL where no survey stands behind them",
            nullable=True,
            allowed=("nowcast", "trend", "growth", "persistence"),
        ),
        Column(
            "nowcast_reason",
            "VARCHAR",
            "Why, with the skill against persistence when the latest wave came",
            nullable=True,
        ),
        Column(
            "replicates",
            "BIGINT",
            "Replicates behind the intervals of its areas; NULL where it has none",
            "replicates",
            True,
            1,
        ),
        Column("is_simulated", "BOOLEAN", "True where any figure of the quarter comes from simulated data"),
        Column("lake_digest", "VARCHAR", "SHA-256 over the lake's files of the quarter", pattern=r"^[0-9a-f]{64}$"),
        Column("published_at", "TIMESTAMP", "When the quarter's figures last changed in the warehouse (UTC)"),
        Column("approved_by", "VARCHAR", "Who approved them; NULL where publication is automatic", nullable=True),
        Column("approved_at", "TIMESTAMP", "When they were approved (UTC)", nullable=True),
        Column("run_id", "VARCHAR", "Run that made the quarter; NULL where its record is lost", nullable=True),
        Column("code_version", "VARCHAR", "Version of poverty_assets that made it", nullable=True),
    ),
    "warehouse",
    partitioned=False,
)

FCT_HEADCOUNT = Table(
    "fct_headcount",
    "Share of people deprived in each indicator, of all people (uncensored) or counting only the poor (censored)",
    "quarter, area, measure, indicator, subgroup, kind and method",
    ("quarter", "area_id", "measure_id", "indicator_id", "subgroup", "kind", "method"),
    (
        QUARTER,
        AREA_ID,
        AREA_LEVEL,
        MEASURE_ID,
        INDICATOR_ID,
        SUBGROUP,
        Column(
            "kind",
            "VARCHAR",
            "uncensored: deprived, poor or not; censored: deprived and poor at k of one third; censored_k20 and"
            " censored_k50: deprived and poor at k of 0.2 and 0.5",
            allowed=_KINDS,
            kept="code",
        ),
        *SHARE_ESTIMATE,
    ),
    "estimates",
    of_all=True,
    narrow=True,
)

FCT_MPI = Table(
    "fct_mpi",
    "Headcount ratio, intensity and their product, the adjusted headcount ratio (mpi), with near-poor and severe shares",
    "quarter, area, measure, subgroup, k, statistic and method",
    ("quarter", "area_id", "measure_id", "subgroup", "k", "statistic", "method"),
    (
        QUARTER,
        AREA_ID,
        AREA_LEVEL,
        MEASURE_ID,
        SUBGROUP,
        K,
        Column(
            "statistic",
            "VARCHAR",
            "headcount_ratio H: share of people who are poor; intensity A: mean score among the poor; mpi M0 = H x A;"
            " vulnerable: score from 0.2 to under one third; severe: score of one half or more",
            allowed=_STATISTICS,
            kept="code",
        ),
        *SHARE_ESTIMATE,
    ),
    "estimates",
    of_all=True,
    narrow=True,
)

FCT_CONTRIBUTION = Table(
    "fct_contribution",
    "Share of the adjusted headcount ratio that each indicator contributes",
    "quarter, area, measure, indicator, subgroup, k and method",
    ("quarter", "area_id", "measure_id", "indicator_id", "subgroup", "k", "method"),
    (
        QUARTER,
        AREA_ID,
        AREA_LEVEL,
        MEASURE_ID,
        INDICATOR_ID,
        SUBGROUP,
        K,
        SHARE.renamed("share", "Contribution w_j h_j(k) / M0; NULL where suppressed or nobody is poor", nullable=True),
        SE.renamed("se"),
        CI_LOW,
        CI_HIGH,
        *EVIDENCE,
    ),
    "estimates",
    of_all=True,
    narrow=True,
)

FCT_REGISTER = Table(
    "fct_register",
    "Households on an administrative register, and the rate that a model predicts for the area without having seen it",
    "quarter, area, register and method",
    ("quarter", "area_id", "register_id", "method"),
    (
        QUARTER,
        AREA_ID,
        AREA_LEVEL,
        Column("register_id", "VARCHAR", "Register (meta_source)", kept="code"),
        Column(
            "households",
            "BIGINT",
            "Households in all; NULL where the register has no row",
            "households",
            True,
            0,
            stays=True,
        ),
        Column("listed", "BIGINT", "Households listed as poor", "households", True, 0),
        SHARE.renamed("rate", "listed / households", nullable=True),
        SHARE.renamed(
            "modelled_rate",
            "Rate predicted by a model fitted without the area's block of land",
            nullable=True,
            stays=True,
        ),
        SHARE.renamed("modelled_rate_ci_low", "Lower bound of its 95% prediction interval", nullable=True, stays=True),
        SHARE.renamed("modelled_rate_ci_high", "Upper bound of its 95% prediction interval", nullable=True, stays=True),
        Column(
            "coverage_gap",
            "DOUBLE",
            "modelled_rate - rate: above 0 the register lists fewer than its peers",
            "share",
            True,
            -1,
            1,
        ),
        Column("coverage_gap_ci_low", "DOUBLE", "Lower bound of its 95% interval", "share", True, -1, 1),
        Column("coverage_gap_ci_high", "DOUBLE", "Upper bound of its 95% interval", "share", True, -1, 1),
        METHOD,
        Column("suppressed", "BOOLEAN", "Withheld: a cell of under 5 households, or one that would give it away"),
        QUALITY_FLAG,
        Column("is_headline", "BOOLEAN", "True on exactly one row per figure: the one to quote"),
    ),
    "registers",
    narrow=True,
)

AREA_FEATURE = Table(
    "area_feature",
    "Features of areas below the country from rasters, points, lines and registers, as observed by the quarter's end",
    "quarter, area and feature",
    ("quarter", "area_id", "feature_id"),
    (
        QUARTER,
        AREA_ID,
        Column("feature_id", "VARCHAR", "Feature (sources.yaml of the country)", kept="code"),
        Column("value", "DOUBLE", "Value, in the feature's own unit", kept="real"),
        Column("unit", "VARCHAR", "Unit of the value", kept="code"),
        SOURCE_ID,
        Column("observed_on", "DATE", "Last day of the observation behind the value"),
    ),
    "features",
    narrow=True,
)

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
    *with_interval("phi", "Correlation of the two deprivations", "correlation", minimum=-1, maximum=1),
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
        SHARE.renamed("share_expected", "Share if deprivations were independent given their margins", nullable=True),
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

FCT_CHANGE = Table(
    "fct_change",
    "Change of a statistic between two quarters",
    "quarter, baseline quarter, area, measure, subgroup, k, statistic, indicator, kind of change and method",
    (
        "quarter",
        "baseline_quarter",
        "area_id",
        "measure_id",
        "subgroup",
        "k",
        "statistic",
        "indicator_id",
        "change",
        "method",
    ),
    (
        QUARTER,
        QUARTER.renamed("baseline_quarter", "First day of the quarter compared with"),
        AREA_ID,
        AREA_LEVEL,
        MEASURE_ID,
        SUBGROUP,
        K,
        Column(
            "statistic",
            "VARCHAR",
            "As in fct_mpi, or uncensored and censored headcounts of an indicator",
            allowed=(*_STATISTICS, "uncensored", "censored"),
            kept="code",
        ),
        INDICATOR_ID.renamed("indicator_id", "Indicator of a headcount; all for the statistics of fct_mpi"),
        Column(
            "change",
            "VARCHAR",
            "absolute: difference; relative: difference / baseline; annualised: per year",
            allowed=("absolute", "relative", "annualised_absolute", "annualised_relative"),
            kept="code",
        ),
        Column("difference", "DOUBLE", "The change", "share, or share of the baseline", True, kept="point"),
        SE,
        CI_LOW,
        CI_HIGH,
        Column("is_significant", "BOOLEAN", "True only where the 95% interval leaves out 0"),
        Column(
            "edition",
            "VARCHAR",
            "Edition of areas that both sides are given on (country.yaml); NULL where the country tells none apart",
            nullable=True,
        ),
        *EVIDENCE,
    ),
    "change",
    of_all=True,
    narrow=True,
)

TABLES: tuple[Table, ...] = (
    DIM_LEVEL,
    DIM_AREA,
    DIM_CONTEXT,
    DIM_INDICATOR,
    DIM_QUARTER,
    FCT_POPULATION,
    AREA_CROSSWALK,
    AREA_FEATURE,
    FCT_MPI,
    FCT_HEADCOUNT,
    FCT_CONTRIBUTION,
    FCT_OVERLAP_PAIR,
    FCT_DEPRIVATION_COUNT,
    FCT_DIMENSION_OVERLAP,
    FCT_BUNDLE,
    FCT_TYPOLOGY,
    DIM_TYPOLOGY,
    FCT_CHANGE,
    *UNCERTAINTY_TABLES,
    FCT_REGISTER,
    *VULNERABILITY_TABLES,
    MODEL_RUN,
    MODEL_METRIC,
    CHECK_RESULT,
    QUARTER_NOTE,
    META_SOURCE,
    META_BUILD,
    META_LINEAGE,
    META_REVISION,
    META_REVISION_FIGURE,
)
