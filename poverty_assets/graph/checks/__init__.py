"""Great Expectations suites, generated from the catalog and wired as Dagster asset checks.

Belongs here: making a suite of a table's definition, running it in an ephemeral context, and the asset checks. Does not
belong here: what a table's columns may hold (``catalog``), or the publish gate (``warehouse.gate``).
"""
