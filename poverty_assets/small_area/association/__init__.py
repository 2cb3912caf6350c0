"""Joint profiles: for every area of the finest level the share of people with each set of deprivations.

Belongs here: how deprivations hang together in the survey's households (``loadings``), profiles that have a finest area's margins
(``raking``), both for all finest areas (``profiles``), and profiles whose published areas have given poverty rates (``tilt``).
Does not belong here: margins (``small_area.margins``), figures of profiles (``measurement.joint``).
"""
