"""What people look at: pictures for the Dagster UI, and pages.

Belongs here: drawing numbers that other packages computed. Does not belong here: computing them.
"""
