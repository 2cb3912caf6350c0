"""Margins of the finest level: for each indicator the share of people deprived, by direct estimates and covariates together.

Belongs here: the learner (``kernel``), what its held-out predictions are worth (``second_stage``, on ``fay_herriot``), both
brought to the totals of the published level (``published_totals``, ``benchmark``), the whole of it (``fit``), draws of it
(``draw``) and the saved model (``saved``). Does not belong here: the sample (``small_area.sample``), which learner does better
(``small_area.league``), how deprivations meet in households (``small_area.association``).
"""
