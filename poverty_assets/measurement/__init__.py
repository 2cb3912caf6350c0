"""From household rows to figures: who is deprived, how many are poor, how sure that is, and what overlaps.

Belongs here: measures as data, survey design, direct estimates, change, overlap, disclosure; plain functions on pandas and
numpy. Does not belong here: reading files (``sources``), models of areas without a sample (``modelling``), Dagster (``assets``).
"""
