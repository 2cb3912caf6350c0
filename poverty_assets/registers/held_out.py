"""Predictions of a register's rate in areas that were held out.

Belongs here: every learner's predictions under a fold design. Does not belong here: how folds are drawn (``judging.folds``), scores
(``judging.scores``), or the choice of a learner (``model``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from poverty_assets.arrays import rate_logit
from poverty_assets.registers.learners import Design, columns_for, in_order, learner, rows_for


def held_out(
    names: Sequence[str],
    data: Design,
    y: np.ndarray,
    folds: np.ndarray,
    *,
    seed: int = 0,
    fits: dict[str, Any] | None = None,
) -> dict[str, np.ndarray]:
    """Each area's prediction by a fit that saw no area of its fold.

    Parameters
    ----------
    names : sequence of str
        Learners; members of an average are added.
    data : Design
    y : numpy.ndarray, shape (n,)
        Target on the logit scale, NaN where not known: such areas are predicted and never learnt from.
    folds : numpy.ndarray of int, shape (n,)
    fits : dict, optional
        Fits to all areas of learners with held-out predictions in closed form: used again where there, added where not,
        so that several fold designs share one fit. Pass it only with the same data, target and seed.

    Returns
    -------
    dict of str to numpy.ndarray, shape (n,)
        On the scale of ``y``; NaN where a learner has nothing to say.
    """
    answers: dict[str, np.ndarray] = {}
    fits = {} if fits is None else fits
    for name in in_order(names):
        chosen = learner(name)
        if chosen.members:
            answers[name] = np.mean([answers[member] for member in chosen.members], axis=0)
        elif chosen.build is None:
            answers[name] = rate_logit(data.lagged)
        else:
            answers[name] = _one_learner(name, data, y, folds, seed, fits)
    return answers


def _one_learner(
    name: str, data: Design, y: np.ndarray, folds: np.ndarray, seed: int, fits: dict[str, Any]
) -> np.ndarray:
    build, columns, rows = learner(name).build, columns_for(name, data), rows_for(name, data)
    known, asked = np.isfinite(y) & rows, ~np.isfinite(y) & rows
    predictions = np.full(len(y), np.nan)
    if build is None or not known.any():
        return predictions
    estimator = fits.get(name) or build(seed)
    if hasattr(estimator, "predict_held_out"):
        fits.setdefault(name, estimator)
        if not hasattr(estimator, "alpha_"):
            estimator.fit(columns[known], y[known])
        predictions[known], predictions[asked] = estimator.predict_held_out(folds[known], columns[asked], folds[asked])
        return predictions
    # OpenMP threads that wait for a busy core made boosting 10 times slower on a shared machine
    with threadpool_limits(1, user_api="openmp"):
        for fold in np.unique(folds):
            out = rows & (folds == fold)
            predictions[out] = build(seed).fit(columns[known & ~out], y[known & ~out]).predict(columns[out])
    return predictions
