"""Tables of what is known of areas beyond one figure and its interval: ranks, draws, joint profiles, and what a survey can bear.

Belongs here: what a row is, its key and columns. Does not belong here: figures with their intervals (``tables``), replicates as they
lie in the lake (``inner``).
"""

from __future__ import annotations

from poverty_assets.catalog.columns import (
    AREA_ID,
    AREA_LEVEL,
    EVIDENCE,
    INDICATOR_ID,
    MEASURE_ID,
    METHOD,
    QUARTER,
    SHARE,
    K,
)
from poverty_assets.catalog.model import Column, Table

NEWEST = 8
"""Of how many quarters draws and profiles are published, the newest: they take as much room as all figures of a quarter."""

FIGURE_ID = Column(
    "figure_id",
    "VARCHAR",
    "What the figure is called in macros: headcount_ratio (k of one third), headcount_ratio_k20, headcount_ratio_k50, mpi, vulnerable;"
    " uncensored:water and censored:water for the headcounts of an indicator; share_both:water:housing for a pair",
    kept="code",
)
_FIGURE = (
    FIGURE_ID,
    Column(
        "statistic",
        "VARCHAR",
        "As in fct_mpi; uncensored and censored headcounts as in fct_headcount; share_both as in fct_overlap_pair",
        allowed=("headcount_ratio", "mpi", "vulnerable", "uncensored", "censored", "share_both"),
        kept="code",
    ),
    INDICATOR_ID.renamed("indicator_id", "Indicator of a headcount, the first of a pair; else all"),
    INDICATOR_ID.renamed("indicator_b", "Second indicator of a pair; else all"),
    K,
)
_PROBABILITY = Column("p_worst_tenth", "DOUBLE", "", "probability", True, 0, 1, kept="chance")

FCT_RANK = Table(
    "fct_rank",
    "Where an area stands among those of its level, from replicates of all of them together: rank by the size of the figure with its"
    " interval, and the probability to be among the worst or above the country",
    "quarter, area, measure and figure",
    ("quarter", "area_id", "measure_id", "figure_id"),
    (
        QUARTER,
        AREA_ID,
        AREA_LEVEL,
        MEASURE_ID,
        *_FIGURE,
        SHARE.renamed(
            "estimate", "The estimate by which the area is ranked; NULL where suppressed", nullable=True, kept="alone"
        ),
        Column(
            "rank",
            "INTEGER",
            "Place of the estimate among areas of the level, 1 the largest; NULL for the country, which has no like",
            "rank",
            True,
            1,
        ),
        Column("rank_low", "INTEGER", "Lower bound of the 90% interval of the true rank", "rank", True, 1),
        Column("rank_high", "INTEGER", "Upper bound of it", "rank", True, 1),
        Column("n_areas", "INTEGER", "Areas of the level that are ranked", "areas", False, 1),
        _PROBABILITY.renamed("p_worst_tenth", "Probability to be among the tenth of areas with the largest values"),
        _PROBABILITY.renamed("p_worst_fifth", "Probability to be among the fifth of areas with the largest values"),
        _PROBABILITY.renamed("p_above_country", "Probability that the figure lies above the country's"),
        *EVIDENCE,
    ),
    "uncertainty",
    narrow=True,
    lies_by="rank",
)

FCT_DRAW = Table(
    "fct_draw",
    "Replicates of H, M0 and the headcounts of every area of the finest level, all areas drawn together: draw r of any two rows"
    " belongs to the same replicate. Draws of larger areas are the sums of these, weighted by fct_profile.population, but for areas"
    " that have rows of their own. Of the newest eight quarters",
    "quarter, area, measure and figure",
    ("quarter", "area_id", "measure_id", "figure_id"),
    (
        QUARTER,
        AREA_ID,
        AREA_LEVEL,
        MEASURE_ID,
        *_FIGURE,
        Column("low", "DOUBLE", "Value of a draw of 0", "share, 0 to 1", False, 0, 1, kept="real"),
        Column(
            "step",
            "DOUBLE",
            "What one more is worth: a draw's value is low + step x draw",
            "share, 0 to 1",
            False,
            0,
            1,
            kept="real",
        ),
        Column(
            "draws", "UTINYINT[]", "The figure in up to 100 replicates, each a number of steps from 0 to 255", "steps"
        ),
        *EVIDENCE,
    ),
    "uncertainty",
    newest=NEWEST,
    narrow=True,
)

FCT_PROFILE = Table(
    "fct_profile",
    "Joint profile of every area of the finest level: the share of people with each set of deprivations, from which every figure of"
    " the area follows. Of the newest eight quarters",
    "quarter, area and measure",
    ("quarter", "area_id", "measure_id"),
    (
        QUARTER,
        AREA_ID,
        AREA_LEVEL,
        MEASURE_ID,
        Column("population", "DOUBLE", "Persons, by which areas add up to larger ones", "persons", False, 0),
        Column(
            "indicators",
            "VARCHAR[]",
            "Indicator of each bit of a set's mask, that of 1 first, then that of 2, 4, 8, ...",
            kept="codes",
        ),
        Column(
            "profile",
            "USMALLINT[]",
            "A cell for each mask from 0 on: the share of people with that set is (cell / 65535) squared, which keeps small shares as near"
            " as large ones; the sum is 1 to 1e-4, and shares are to be divided by it",
            "65535 times the root of the share",
        ),
        *EVIDENCE,
    ),
    "uncertainty",
    newest=NEWEST,
    narrow=True,
)

SCREENING = Table(
    "screening",
    "What the survey of the quarter can bear, judged before anything is modelled: a verdict on each method by level and indicator",
    "quarter, level, measure, indicator and method",
    ("quarter", "area_level", "measure_id", "indicator_id", "method"),
    (
        QUARTER,
        AREA_LEVEL,
        MEASURE_ID,
        INDICATOR_ID.renamed("indicator_id", "Indicator; all for figures that need every indicator of a household"),
        METHOD.renamed("method", "Method that is judged", allowed=("direct", "modelled", "downscaled")),
        Column("n_areas", "BIGINT", "Areas of the level", "areas", False, 1),
        SHARE.renamed("share_without_data", "Share of them of which the survey has no household with an answer"),
        SHARE.renamed("share_few_clusters", "Share of them of which it has one cluster only: no error can be had"),
        Column("verdict", "VARCHAR", "Verdict on the method", allowed=("fine", "advised against", "refused")),
        Column("reason", "VARCHAR", "What it rests on, in words"),
    ),
    "estimates",
)

UNCERTAINTY_TABLES = (FCT_RANK, FCT_DRAW, FCT_PROFILE, SCREENING)
