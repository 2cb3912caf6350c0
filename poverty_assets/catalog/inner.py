"""Inner tables: steps between two assets, which stay in the lake.

Belongs here: what a row is, its key and columns. Does not belong here: a table that is published (``tables`` and others beside
it), or the sources as they are (``src_<source_id>``), whose columns their own contracts state.
"""

from __future__ import annotations

from poverty_assets.catalog.columns import (
    AREA_ID,
    INDICATOR_ID,
    N_HOUSEHOLDS,
    QUALITY_FLAG,
    SHARE,
    SUBGROUP,
    SUPPRESSED,
    K,
)
from poverty_assets.catalog.model import METHODS, Column, Table
from poverty_assets.catalog.overlap import FCT_BUNDLE, FCT_DEPRIVATION_COUNT, FCT_DIMENSION_OVERLAP, FCT_OVERLAP_PAIR
from poverty_assets.catalog.people import GRID_POPULATION
from poverty_assets.catalog.places import DIM_AREA
from poverty_assets.catalog.records import META_SOURCE, MODEL_METRIC, MODEL_RUN
from poverty_assets.catalog.tables import AREA_FEATURE, FCT_CONTRIBUTION, FCT_HEADCOUNT, FCT_MPI, FCT_REGISTER

_FROM_SURVEY = "survey households in the area, with design-based standard errors, after disclosure control"
_FROM_PROFILES = "joint profiles of the finest areas, for every area"
_OF_FACTS = {
    "direct_mpi": (FCT_MPI, _FROM_SURVEY),
    "direct_headcount": (FCT_HEADCOUNT, _FROM_SURVEY),
    "direct_contribution": (FCT_CONTRIBUTION, _FROM_SURVEY),
    "area_mpi": (FCT_MPI, _FROM_PROFILES),
    "area_headcount": (FCT_HEADCOUNT, _FROM_PROFILES),
    "area_contribution": (FCT_CONTRIBUTION, _FROM_PROFILES),
    "area_pair": (FCT_OVERLAP_PAIR, _FROM_PROFILES),
    "area_count": (FCT_DEPRIVATION_COUNT, _FROM_PROFILES),
    "area_dimension": (FCT_DIMENSION_OVERLAP, _FROM_PROFILES),
    "area_bundle": (FCT_BUNDLE, _FROM_PROFILES),
    "published_mpi": (FCT_MPI, "what others have published"),
    "published_headcount": (FCT_HEADCOUNT, "what others have published"),
    "published_contribution": (FCT_CONTRIBUTION, "what others have published"),
}
_OF_RECORDS = {
    "register_run": (MODEL_RUN, "models of registers"),
    "margin_run": (MODEL_RUN, "models of margins"),
    "register_metric": (MODEL_METRIC, "models of registers, and their baselines"),
    "margin_metric": (MODEL_METRIC, "models of margins, their baselines, and the nowcast"),
    "official_metric": (MODEL_METRIC, "published figures, against official rates, and their baselines"),
    "source_metric": (MODEL_METRIC, "models without each source"),
    "truth_metric": (MODEL_METRIC, "estimates, against the truth of a simulated country"),
}
_REGISTER_ID = FCT_REGISTER.column("register_id")
_SHARE_EXPOSED = Column("central", "DOUBLE", "Share of people at the threshold", "share, 0 to 1", True, 0, 1)


def _households(name: str, which: str) -> Table:
    return Table(
        name,
        f"Households of the survey wave {which}. They never leave the lake; identifiers are keyed hashes",
        "household",
        ("household_id",),
        (
            Column("household_id", "VARCHAR", "Keyed hash of the household's identifier"),
            Column("psu", "VARCHAR", "Keyed hash of its primary sampling unit"),
            Column("stratum", "VARCHAR", "Stratum of the design"),
            Column("weight", "DOUBLE", "Household weight"),
            Column("hh_size", "DOUBLE", "Members", "persons"),
            AREA_ID.renamed("area_id", "Lowest area that is known", nullable=True),
        ),
        "survey",
        inner=True,
        further="one column an indicator of the measure (1 deprived, 0 not, NULL not known), and the columns that part people",
    )


INNER_TABLES: tuple[Table, ...] = (
    Table(
        "source_release",
        "The release of a source that an asset read",
        "asset",
        ("asset",),
        (
            Column("asset", "VARCHAR", "Asset that read it"),
            *(
                META_SOURCE.column(name)
                for name in (
                    "source_id",
                    "file",
                    "sha256",
                    "observed_from",
                    "observed_to",
                    "released_on",
                    "rows",
                    "is_preliminary",
                )
            ),
        ),
        "sources",
        in_parts="asset",
        inner=True,
    ),
    Table(
        "area_boundary",
        "Boundaries and names of areas, before people are counted",
        "area",
        ("area_id",),
        DIM_AREA.stored_columns,
        "areas",
        inner=True,
    ),
    GRID_POPULATION,
    Table(
        "wave_feature",
        "Features of the finest areas, and rates of registers, as of earlier times",
        "time, area, and feature or register",
        ("time_kind", "wave", "at_quarter", "area_id", "feature_id", "register_id"),
        (
            Column(
                "time_kind",
                "VARCHAR",
                "Why the time matters: a survey wave ended in it, it has the season of the quarter that looks back, or it lies between"
                " the two latest waves",
                allowed=("wave", "same_season", "between_waves"),
            ),
            Column("wave", "VARCHAR", "Survey wave that ended in the quarter; else empty"),
            Column("at_quarter", "DATE", "First day of the quarter in which it was so"),
            AREA_ID,
            AREA_FEATURE.column("feature_id").renamed(
                "feature_id", "Feature; empty where the value is a register's rate"
            ),
            _REGISTER_ID.renamed("register_id", "Register whose rate the value is; empty where it is a feature"),
            Column("value", "DOUBLE", "Value", nullable=True),
            Column("observed_on", "DATE", "Last day observed, where known", nullable=True),
        ),
        "features",
        inner=True,
    ),
    Table(
        "late_source",
        "Figures that rest on sources whose files were late: not there when the quarter was made, though they were to be expected",
        "table, method and source",
        ("table_name", "method", "source_id"),
        (
            Column("table_name", "VARCHAR", "Table that holds the figures"),
            Column("method", "VARCHAR", "Evidence behind them"),
            META_SOURCE.column("source_id"),
        ),
        "sources",
        inner=True,
    ),
    Table(
        "feature_drift",
        "How far each feature's distribution over the finest areas has moved from the one that the latest wave was modelled with",
        "feature",
        ("feature_id",),
        (
            AREA_FEATURE.column("feature_id"),
            Column(
                "psi",
                "DOUBLE",
                "Population stability index, less what chance gives; NULL where the quarter lacks it",
                nullable=True,
            ),
            Column("reference", "VARCHAR", "What it is compared with: training, same_season, other_season"),
            Column("followed", "BOOLEAN", "Whether the nowcast moves with it"),
            Column("moved", "BOOLEAN", "Whether it has moved"),
            Column("drifted", "BOOLEAN", "Whether it has drifted beyond use"),
        ),
        "features",
        inner=True,
    ),
    Table(
        "wave_level",
        "Shares of the country's people at every survey wave so far",
        "wave and indicator",
        ("wave", "indicator_id"),
        (
            Column("wave", "VARCHAR", "Survey wave"),
            Column("middle", "DATE", "Middle of its fieldwork"),
            Column("indicator_id", "VARCHAR", "Indicator of the measure, or headcount_ratio: poor"),
            Column("share", "DOUBLE", "Share of people deprived, of households that have every indicator"),
        ),
        "survey",
        inner=True,
    ),
    _households("survey_household", "that serves the quarter"),
    _households("survey_household_before", "before it"),
    Table(
        "disclosure_decision",
        "Whether a cell of the survey is withheld",
        "area and subgroup",
        ("area_id", "subgroup"),
        (AREA_ID, SUBGROUP, N_HOUSEHOLDS, SUPPRESSED, QUALITY_FLAG.renamed("flag")),
        "estimates",
        inner=True,
    ),
    *(fact.before_headline(name, f"Rows of {fact.name} from {source}") for name, (fact, source) in _OF_FACTS.items()),
    *(
        record.before_headline(name, f"Rows of {record.name} of {source}")
        for name, (record, source) in _OF_RECORDS.items()
    ),
    Table(
        "area_profile",
        "Joint profile of every finest area: shares of people with each set of deprivations, in the order of masks",
        "area",
        ("area_id",),
        (
            AREA_ID,
            Column("population", "DOUBLE", "Persons", "persons"),
            Column("profile", "DOUBLE[]", "Shares of people, in the order of masks", "share, 0 to 1"),
        ),
        "small_area",
        inner=True,
    ),
    Table(
        "area_draw",
        "Replicates of the figures that later steps compare",
        "area, statistic, indicator and k",
        ("area_id", "statistic", "indicator_id", "k"),
        (
            AREA_ID,
            DIM_AREA.column("area_level"),
            Column("statistic", "VARCHAR", "As in fct_mpi, a headcount, or a figure of vulnerability"),
            INDICATOR_ID.renamed("indicator_id", "Indicator of a headcount; else all"),
            K,
            Column("method", "VARCHAR", "Evidence", allowed=METHODS),
            N_HOUSEHOLDS,
            SHARE.renamed("estimate", "The estimate", nullable=True),
            Column("draws", "FLOAT[]", "The figure in each replicate", "as the estimate"),
        ),
        "small_area",
        inner=True,
    ),
    Table(
        "register_count",
        "Households in all and listed",
        "register and area",
        ("register_id", "area_id"),
        (
            _REGISTER_ID,
            AREA_ID,
            Column("households", "BIGINT", "Households in all", "households", True, 0),
            Column("listed", "BIGINT", "Households listed", "households", True, 0),
        ),
        "registers",
        inner=True,
    ),
    Table(
        "register_history",
        "Rates of earlier releases of the registers",
        "register and area",
        ("register_id", "area_id"),
        (_REGISTER_ID, AREA_ID, SHARE.renamed("rate", "Share of households listed", nullable=True)),
        "registers",
        inner=True,
    ),
    Table(
        "register_prediction",
        "Rate that a model predicts for every finest area without having seen its block",
        "register and area",
        ("register_id", "area_id"),
        (
            _REGISTER_ID,
            AREA_ID,
            *(FCT_REGISTER.column(f"modelled_rate{suffix}") for suffix in ("", "_ci_low", "_ci_high")),
            QUALITY_FLAG,
        ),
        "models",
        inner=True,
    ),
    Table(
        "hazard_exposure",
        "Share of each finest area's people exposed to each hazard",
        "area and hazard",
        ("area_id", "hazard_id"),
        (
            AREA_ID,
            Column("hazard_id", "VARCHAR", "Hazard (hazards.yaml)"),
            Column("intensity", "DOUBLE", "Mean intensity where people live", "as the hazard's source", True),
            Column("tolerance", "DOUBLE", "What the threshold is uncertain by", "as the hazard's source", True),
            Column("lowest", "DOUBLE", "Lowest intensity", "as the hazard's source", True),
            Column("highest", "DOUBLE", "Highest intensity", "as the hazard's source", True),
            _SHARE_EXPOSED,
            _SHARE_EXPOSED.renamed("strict", "Share at the threshold's upper end"),
            _SHARE_EXPOSED.renamed("lenient", "Share at its lower end"),
            Column("is_inherited", "BOOLEAN", "Taken from the area above, where the source gives none"),
            Column("is_of_quarter", "BOOLEAN", "Whether the source observed it in the quarter"),
        ),
        "vulnerability",
        inner=True,
    ),
    Table(
        "hazard_count",
        "Share of each finest area's people exposed to so many hazards",
        "area and number of hazards",
        ("area_id", "n_hazards"),
        (
            AREA_ID,
            Column("n_hazards", "BIGINT", "Hazards at once", "hazards"),
            _SHARE_EXPOSED,
            _SHARE_EXPOSED.renamed("strict", "Share at the thresholds' upper end"),
            _SHARE_EXPOSED.renamed("lenient", "Share at their lower end"),
        ),
        "vulnerability",
        inner=True,
    ),
    Table(
        "simulated_landing",
        "SIMULATED DATA: what the twin wrote",
        "landing folder",
        ("landing",),
        (
            Column("landing", "VARCHAR", "Folder below the home"),
            Column("seed", "BIGINT", "Seed of all its randomness"),
        ),
        "sources",
        inner=True,
    ),
    Table(
        "quarter_seal",
        "Digests of the quarter's files when it was complete",
        "file",
        ("file",),
        (
            Column("file", "VARCHAR", "File below the lake"),
            Column("sha256", "VARCHAR", "Its SHA-256", pattern=r"^[0-9a-f]{64}$"),
        ),
        "warehouse",
        inner=True,
    ),
)
"""Every table of the lake that is neither published nor a source's own."""
