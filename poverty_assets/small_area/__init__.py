"""Small areas: every finest area's margins, joint profiles and intervals, from a survey that visits few of them.

Belongs here: what an area's people are taken to be deprived in where few or none of them were asked, how well that is known,
and its rows in the form of the fact tables. Does not belong here: making features (``features``), direct estimates
(``measurement``), models of registers (``registers``), the simulated twin's truth (evaluation only), Dagster.

From the ground up::

    people, sample     who lives where; what the survey says, cluster by cluster
    margins/           shares of people deprived in each indicator, with their errors
    association/       joint profiles: margins and what hangs together in households
    rollup, wanted     larger areas as means of finest areas; which figures of which areas are asked for
    figures            figures of areas and of every replicate of them
    replicates         the chain from sample to profiles once more, many times
    intervals          standard errors and bounds from draws
    ranks              where an area stands among its like
    draws, rows        replicates for later steps; rows of the fact tables, every figure with its interval
    inputs             tables of the lake as the models take them
    league             learners that compete for margins
    time/              what may have changed since the survey, and between quarters
    totals/            totals of the published level, and finest areas where only those are known
    estimate           the conductor: all of it, for one quarter

Finest areas are those of the finest level, published areas those of the published level, whatever a country calls its levels and
however many lie between (``geography.hierarchy``). Arrays run over finest areas first (n), then indicators (d) or profiles (2^d,
ordered by mask). Shares are of persons, 0 to 1.
"""
