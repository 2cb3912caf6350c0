"""Joint profiles: for every area of the finest level the share of people with each set of deprivations.

Belongs here: how deprivations hang together in the survey's households (``loadings``; for all finest areas ``profiles``, of a replicate
``drawn``), the profiles that this gives (``trait``), profiles that have a finest area's margins (``raking``; ``moved`` where these have
moved), and profiles whose published areas, or country, have given poverty rates (``tilt``, ``country``).
Does not belong here: margins (``small_area.margins``), figures of profiles (``measurement.joint``).
"""
