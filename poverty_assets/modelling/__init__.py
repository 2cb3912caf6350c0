"""Models that carry what is known of some areas to others: learners, how they are judged, and small-area estimation.

Belongs here: fitting, validating and saving models of areas. Does not belong here: making features (``spatial``), survey
estimation (``measurement``), facts of a country, Dagster.
"""
