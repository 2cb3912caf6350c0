"""What time does to estimates: since the survey, between its waves, between quarters.

Belongs here: how far areas may have moved since the survey (``drift``), moves that covariates tell of and whether they have
been worth anything (``nowcast``), covariates that are not what they were when the model was trained (``covariate_drift``), and
change between two quarters (``change``). Does not belong here: change between two waves, which is direct (``measurement.change``).
"""
