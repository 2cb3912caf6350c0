"""The lake's files and the published DuckDB file.

Belongs here: writing and reading partitions, building, checking and swapping in the warehouse, provenance, choosing the
headline row of each figure. Does not belong here: estimating anything, or Dagster.
"""
