"""How a run is started and how it ends: the refresh, quarters side by side, the instance, what a killed run leaves.

Belongs here: everything between the command line and Dagster's graph. Does not belong here: assets, jobs and schedules (``graph``),
or the command line itself (``cli``).
"""
