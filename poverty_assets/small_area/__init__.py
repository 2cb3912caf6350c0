"""Small areas: every commune's margins, joint profiles and intervals, from a survey that visits few of them.

Belongs here: Fay-Herriot models, commune margins from direct estimates and covariates, benchmarking to totals, profiles over
2^d sets of deprivations by structure-preserving estimation, replicates of the whole chain, downscaling of published totals,
and their rows in the form of the fact tables. Does not belong here: making features (``spatial``), direct estimates
(``measurement``), learners and how they are judged (``modelling``), the simulated twin's truth (evaluation only), Dagster.

Arrays run over communes first (n), then indicators (d) or profiles (2^d, ordered by mask). Shares are of persons, 0 to 1.
"""
