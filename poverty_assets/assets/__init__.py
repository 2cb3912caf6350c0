"""The Dagster graph, one module per group, in the order in which data flows.

Belongs here: assets of at most some twenty lines that take inputs, call one function of a domain package and return its
result with metadata. Does not belong here: computing anything.
"""
