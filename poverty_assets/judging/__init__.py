"""How good a prediction is: who is judged, what is held out, how it is scored, and where a model may be used at all.

Belongs here: leagues of learners, baselines of every league, folds, scores, applicability, and how a fitted model is saved.
Does not belong here: any model, or truth (``evaluation``).
"""
