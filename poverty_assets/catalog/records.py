"""Tables about the work itself: models and their scores, checks, source files, builds.

Belongs here: what a row is, its key and columns. Does not belong here: tables of areas and figures (``tables``,
``vulnerability``).
"""

from __future__ import annotations

from poverty_assets.catalog.columns import AREA_LEVEL, QUARTER, SOURCE_ID, SUBGROUP
from poverty_assets.catalog.model import Column, Table

_SCORE_UNIT = "as the metric"
_TARGET_KIND = Column(
    "target_kind",
    "VARCHAR",
    "Kind of thing predicted: register_rate (share of households on a register), margin (share deprived in an indicator), nowcast"
    " (the same, and the headcount ratio, moved on to a later time), truth (a published figure, beside what is so in simulated data),"
    " profiles (all sets of deprivations together), official (the headcount ratio to quote, beside official rates of the same areas),"
    " downscaled (published figures that were held out, from those of a larger area), margin_without_source and"
    " register_rate_without_source (the first two, foretold without one source)",
    allowed=(
        "register_rate",
        "margin",
        "nowcast",
        "truth",
        "profiles",
        "official",
        "downscaled",
        "margin_without_source",
        "register_rate_without_source",
    ),
)
_TARGET = Column(
    "target",
    "VARCHAR",
    "What is predicted: a register, an indicator, a statistic, official rates (their source); all: the kind's targets together",
)

MODEL_RUN = Table(
    "model_run",
    "Fitted models",
    "quarter and model",
    ("quarter", "model_id"),
    (
        QUARTER,
        Column("model_id", "VARCHAR", "What the model predicts and with which learner"),
        _TARGET_KIND,
        _TARGET,
        Column("learner", "VARCHAR", "Learner that was chosen"),
        Column("chosen_by", "VARCHAR", "Rule of choice: metric and fold design"),
        Column("n_training", "BIGINT", "Areas it was fitted on", "areas", False, 0),
        Column("features", "VARCHAR[]", "Features, in order"),
        Column("registers", "VARCHAR[]", "Registers whose rates are covariates beside the features"),
        Column("training_digest", "VARCHAR", "SHA-256 of the training data", pattern=r"^[0-9a-f]{64}$"),
        Column("artifact", "VARCHAR", "File of the model under the home, in skops format"),
        Column(
            "interval_coverage",
            "DOUBLE",
            "Share of held-out values inside the 95% interval",
            "share, 0 to 1",
            True,
            0,
            1,
        ),
    ),
    "models",
)

MODEL_METRIC = Table(
    "model_metric",
    "Scores of learners and baselines on held-out areas",
    "quarter, kind of target, target, learner, its feature, fold design, level, subgroup, quarter of the prediction and metric",
    (
        "quarter",
        "target_kind",
        "target",
        "learner",
        "feature",
        "fold_design",
        "area_level",
        "subgroup",
        "as_of_quarter",
        "metric",
    ),
    (
        QUARTER,
        _TARGET_KIND,
        _TARGET,
        Column("learner", "VARCHAR", "Learner; baselines are learners too"),
        Column(
            "feature",
            "VARCHAR",
            "The one feature or register that the learner knows (learner alone, leading, register); the one source that it does not know"
            " (target_kind margin_without_source, register_rate_without_source; empty there: it knows all); else empty",
        ),
        Column(
            "fold_design",
            "VARCHAR",
            "How areas were held out; random folds flatter and are never used to choose; block50km: by blocks of 50 km, or of as many as"
            " the country says; leave_<level>_out: all in one area of that level together; next_wave: judged by the wave that came after;"
            " truth: against what is so in simulated data; official: against official rates of the nearest year, which no model knows",
            pattern=r"^(?:random|block[0-9.]+km|leave_[a-z][a-z0-9_]*_out|next_wave|truth|official)$",
        ),
        Column("area_level", "VARCHAR", "Level of the areas scored; all: of several levels together"),
        SUBGROUP.renamed("subgroup", "Areas scored: all, or column=value as in is_urban=true"),
        QUARTER.renamed(
            "as_of_quarter",
            "First day of the quarter whose covariates the prediction was made from: the row's own, but for nowcasts, which the"
            " latest wave judges as of the quarter in which it came and of each one since the wave before",
        ),
        Column("metric", "VARCHAR", "Score: spearman, rmse, coverage95, ..."),
        Column("value", "DOUBLE", "The score", _SCORE_UNIT, True),
        Column("n", "BIGINT", "Areas scored", "areas", False, 0),
    ),
    "models",
)

CHECK_RESULT = Table(
    "check_result",
    "What every data-quality check found",
    "quarter, table and check",
    ("quarter", "table_name", "check_name"),
    (
        QUARTER,
        Column("table_name", "VARCHAR", "Table that was checked"),
        Column("check_name", "VARCHAR", "The check: column and expectation"),
        Column("passed", "BOOLEAN", "Whether it passed"),
        Column("severity", "VARCHAR", "error stops publication, warn does not", allowed=("error", "warn")),
        Column("observed", "VARCHAR", "What was observed, in words", nullable=True),
        Column("failing_rows", "BIGINT", "Rows that failed", "rows", False, 0),
    ),
    "checks",
    in_parts="table_name",
)

QUARTER_NOTE = Table(
    "quarter_note",
    "What a stage notes of its quarter for later stages and for people: files and dates of sources, rows set aside, the choice"
    " between nowcast and persistence and why",
    "quarter, asset, note and detail",
    ("quarter", "asset", "note", "detail"),
    (
        QUARTER,
        Column("asset", "VARCHAR", "Asset that notes it"),
        Column("note", "VARCHAR", "What is noted"),
        Column("detail", "VARCHAR", "Of what, where there are several of a kind; else empty"),
        Column("text", "VARCHAR", "What is so, in words; NULL where it is a number", nullable=True),
        Column("number", "DOUBLE", "What is so, as a number", "as the note", nullable=True),
    ),
    "checks",
    in_parts="asset",
)

META_SOURCE = Table(
    "meta_source",
    "The source files that each quarter used, and those that it went without",
    "quarter and source",
    ("quarter", "source_id"),
    (
        QUARTER,
        SOURCE_ID,
        Column("title", "VARCHAR", "Title"),
        Column("publisher", "VARCHAR", "Who publishes it"),
        Column("url", "VARCHAR", "Where to get it"),
        Column("licence", "VARCHAR", "Licence"),
        Column("file", "VARCHAR", "File within the landing folder; of one that is not there, the file that was wanted"),
        Column(
            "sha256",
            "VARCHAR",
            "SHA-256 of the file; NULL of one that was not there",
            nullable=True,
            pattern=r"^[0-9a-f]{64}$",
        ),
        Column("observed_from", "DATE", "First day observed, or to be observed"),
        Column("observed_to", "DATE", "Last day observed, or to be observed"),
        Column("released_on", "DATE", "When it was released, where known", nullable=True),
        Column("rows", "BIGINT", "Rows, features or cells read", "rows", False, 0),
        Column("quarantined", "BIGINT", "Rows set aside because they break the contract", "rows", False, 0),
        Column("is_simulated", "BOOLEAN", "True for simulated data"),
        Column(
            "is_preliminary",
            "BOOLEAN",
            "True where the publisher will replace it by a final release; NULL of quarters made before that was noted",
            nullable=True,
        ),
        Column(
            "state",
            "VARCHAR",
            "present; late: the file was not there when the quarter was made, though one of an earlier period was, or it was fetched for"
            " in vain (figures that rest on the source say late_source in quality_flag); missing: there was no reason to expect it."
            " NULL of quarters made before that was noted, of which all were present",
            nullable=True,
        ),
        Column(
            "expected_on",
            "DATE",
            "By when a file that was not there could be expected, where the entry says",
            nullable=True,
        ),
        Column("citation", "VARCHAR", "How to cite it, of files that were fetched", nullable=True),
        Column("release", "VARCHAR", "What the publisher calls the release, of files that were fetched", nullable=True),
        Column(
            "fetched_at",
            "TIMESTAMP",
            "When this very file was fetched (UTC); NULL where nobody fetched it",
            nullable=True,
        ),
    ),
    "sources",
)

META_BUILD = Table(
    "meta_build",
    "Builds of this file",
    "build",
    ("build_id",),
    (
        Column("build_id", "VARCHAR", "Build"),
        Column("run_id", "VARCHAR", "Run that built it"),
        Column("code_version", "VARCHAR", "Version of poverty_assets"),
        Column(
            "schema_version",
            "INTEGER",
            "Form of the tables and views: it grows by one when one of them, or a column, is renamed, leaves or comes to mean something"
            " else. What is renamed is still there under its old name in the version that renames it",
            "version",
            False,
            1,
        ),
        Column(
            "lake_digest", "VARCHAR", "SHA-256 over the lake's files that it was built from", pattern=r"^[0-9a-f]{64}$"
        ),
        Column("quarters", "VARCHAR[]", "Quarters it publishes"),
        Column(
            "replicates",
            "BIGINT",
            "Fewest replicates behind the intervals of any of its quarters; dim_quarter says of each",
            "replicates",
            True,
            1,
        ),
        Column("is_simulated", "BOOLEAN", "True for simulated data"),
        Column("built_at", "TIMESTAMP", "When (UTC)"),
        Column(
            "approved_by",
            "VARCHAR",
            "Who gave the last approval that this file rests on; dim_quarter says of each quarter. NULL where publication is automatic",
            nullable=True,
        ),
        Column("approved_at", "TIMESTAMP", "When (UTC)", nullable=True),
    ),
    "warehouse",
    partitioned=False,
)

META_LINEAGE = Table(
    "meta_lineage",
    "Sources that figures of each table rest on, by the way in which they were made; v_lineage has their files and runs",
    "table, method and source",
    ("table_name", "method", "source_id"),
    (
        Column("table_name", "VARCHAR", "Table that holds the figures"),
        Column("method", "VARCHAR", "Evidence behind them; empty where the table's rows have none"),
        SOURCE_ID,
    ),
    "warehouse",
    partitioned=False,
)

_REVISION = (
    QUARTER,
    Column(
        "revision",
        "INTEGER",
        "Number of the revision, from 1; the first publication of a quarter is none",
        "revision",
        False,
        1,
    ),
)


def _moves(nullable: bool) -> tuple[Column, ...]:
    """How many figures a revision moved; of a revision as a whole it may not be known."""
    counted = {
        "moved": "Of them, those that are others by more than a millionth",
        "outside": "Of them, those that lie outside the 95% interval that was published",
        "came": "Headline figures that were not there, or withheld, before",
        "gone": "Headline figures that are gone, or withheld, since",
    }
    return tuple(Column(name, "BIGINT", text, "figures", nullable, 0) for name, text in counted.items())


META_REVISION = Table(
    "meta_revision",
    "Revisions of published quarters: what changed against the file that was published before, by how much, and why",
    "quarter and revision",
    ("quarter", "revision"),
    (
        *_REVISION,
        Column("what", "VARCHAR", "What changed and by how much, in a sentence"),
        Column("why", "VARCHAR", "Why: which source files, which version of the code, how many replicates"),
        Column("sources", "VARCHAR[]", "Sources (meta_source) that are of another file, new, or no longer there"),
        Column(
            "figures",
            "BIGINT",
            "Headline figures (v_figure) held against those before; NULL where those are of a form that cannot be",
            "figures",
            True,
            0,
        ),
        *_moves(nullable=True),
        Column(
            "changes",
            "BIGINT",
            "Headline changes up to this quarter or since it (fct_change) that stand in both files",
            "changes",
            False,
            0,
        ),
        Column("turned", "BIGINT", "Of them, those whose direction turned round", "changes", False, 0),
        Column(
            "turned_clear", "BIGINT", "Of those, the ones that differ from 0 both before and now", "changes", False, 0
        ),
        Column(
            "headcount_ratio_before",
            "DOUBLE",
            "The country's headcount ratio (default measure, k of one third) as it was published",
            "share, 0 to 1",
            True,
            0,
            1,
        ),
        Column("headcount_ratio", "DOUBLE", "The same as it is now", "share, 0 to 1", True, 0, 1),
        Column(
            "wants_new_run",
            "VARCHAR[]",
            "Other quarters of this file that still rest on files which this quarter no longer does",
        ),
        Column("run_id", "VARCHAR", "Run that published it"),
        Column("replaced", "TIMESTAMP", "When the quarter that it replaces had been published (UTC)"),
        Column("built_at", "TIMESTAMP", "When (UTC)"),
    ),
    "warehouse",
    partitioned=False,
)

META_REVISION_FIGURE = Table(
    "meta_revision_figure",
    "By how much each revision moved headline figures, by level, measure and kind of figure",
    "quarter, revision, level, measure, table and kind of figure",
    ("quarter", "revision", "area_level", "measure_id", "table_name", "figure"),
    (
        *_REVISION,
        AREA_LEVEL,
        Column("measure_id", "VARCHAR", "Measure (dim_indicator); all: of no measure in particular"),
        Column("table_name", "VARCHAR", "Table that holds the figures"),
        Column("figure", "VARCHAR", "Kind of figure: figure_id of v_figure up to its first colon"),
        Column("figures", "BIGINT", "Figures in both files", "figures", False, 0),
        *_moves(nullable=False),
        Column(
            "mean_move",
            "DOUBLE",
            "Mean of how far they moved, up or down; NULL where none stands in both files",
            "as the figure",
            True,
            0,
        ),
        Column("largest_move", "DOUBLE", "The farthest that one moved", "as the figure", True, 0),
        Column(
            "largest_move_area_id", "VARCHAR", "Area of that one; NULL where none moved", nullable=True, holds="area"
        ),
    ),
    "warehouse",
    partitioned=False,
)
