"""Dagster, and nothing else: partitions, assets, checks, jobs, schedules, resources.

Belongs here: the graph as an engineer sees it. Does not belong here: computing anything; no package below knows that Dagster
exists.
"""
