"""Jobs and schedules.

Belongs here: which assets run together, and when. Does not belong here: assets.
"""
