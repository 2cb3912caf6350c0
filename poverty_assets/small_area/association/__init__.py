"""Joint profiles: for every commune the share of people with each set of deprivations.

Belongs here: how deprivations hang together in the survey's households (``loadings``), profiles that have a commune's margins
(``raking``), both for all communes (``profiles``), and profiles whose provinces have given poverty rates (``tilt``). Does not belong
here: margins (``small_area.margins``), figures of profiles (``measurement.joint``).
"""
