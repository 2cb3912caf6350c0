"""Every published table, in its order, and the figures of poverty: their rows, keys and columns.

Belongs here: the one definition that DDL, checks, documentation and COMMENTs follow from; other subjects have a file of their own beside
this one. Does not belong here: how a table is computed, or facts about one country.
"""

from __future__ import annotations

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
    QUALITY_FLAG,
    QUARTER,
    SE,
    SHARE,
    SHARE_ESTIMATE,
    SOURCE_ID,
    SUBGROUP,
    K,
)
from poverty_assets.catalog.model import Column, Table
from poverty_assets.catalog.overlap import (
    DIM_TYPOLOGY,
    FCT_BUNDLE,
    FCT_DEPRIVATION_COUNT,
    FCT_DIMENSION_OVERLAP,
    FCT_OVERLAP_PAIR,
    FCT_TYPOLOGY,
)
from poverty_assets.catalog.people import FCT_POPULATION
from poverty_assets.catalog.places import AREA_CROSSWALK, DIM_AREA, DIM_CONTEXT, DIM_LEVEL
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
        Column("difference", "DOUBLE", "The change", "share, or share of the baseline", True, kept="alone"),
        SE,
        CI_LOW,
        CI_HIGH,
        Column(
            "is_significant",
            "BOOLEAN",
            "True only where the 95% interval leaves out 0",
            derived="coalesce({ci_low} > 0 OR {ci_high} < 0, false)",
        ),
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
