"""A league of learners: who plays, what each says of areas that it has not seen, and how all of them score.

Belongs here: what a learner is, held-out predictions under fold designs, rows of scores, fits to all areas, permutation
importance. Does not belong here: the learners of a league and what they see (``registers.learners``, ``small_area.league``),
how folds are drawn (``folds``), what a score is (``scores``), or the rule by which a learner is chosen.

Baselines are learners too, so that one table compares all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from threadpoolctl import threadpool_limits

from poverty_assets.arrays import FloatArray, IntArray
from poverty_assets.judging.folds import PUBLISHED_OUT
from poverty_assets.judging.scores import metric_rows, spearman

BoolArray = npt.NDArray[np.bool_]
LearnerId = tuple[str, str]
"""Name of a learner and the one feature that it knows, empty for others."""
Held = dict[str, dict[LearnerId, FloatArray]]
"""Held-out predictions of every learner, by fold design."""


@dataclass(frozen=True)
class Learner:
    """A learner by name: how it is built, and what it sees.

    Attributes
    ----------
    name : str
    feature : str
        The feature that it knows, where a league has such a learner for each of several features; else empty.
    build : callable
        ``build(seed)`` gives an estimator with ``fit(X, y)``, or ``fit(X, y, sample_weight)`` where areas have weights, and
        ``predict(X)``. An estimator with ``predict_held_out(folds, X, x_folds)`` has its held-out predictions in closed form:
        one fit gives every fold of every design. None for an average, and for what is known beforehand.
    columns : callable
        What it sees, of a contest's data: a row an area. Without ``build`` these are its predictions.
    members : tuple of str
        Learners whose predictions are averaged, on the scale of the target.
    is_baseline : bool
        Baselines are scored and never chosen.
    by_published : bool
        Also judged leaving out one area of the published level at a time: a fit for each, so only learners that are quick to fit.
    rows : callable, optional
        Areas that it learns from and predicts, of a contest's data; all of them if None.
    """

    name: str
    build: Callable[[int], Any] | None = None
    columns: Callable[[Any], Any] = lambda data: data
    members: tuple[str, ...] = ()
    is_baseline: bool = False
    by_published: bool = True
    rows: Callable[[Any], BoolArray] | None = None
    feature: str = ""

    @property
    def learner_id(self) -> LearnerId:
        """What tells it from every other learner of its league."""
        return self.name, self.feature


@dataclass(frozen=True, eq=False)
class Contest:
    """What learners are judged on.

    Attributes
    ----------
    data : object
        Of all areas, row by row; learners take their columns from it.
    y : ndarray, shape (n,) or (n, d)
        Targets, NaN where not known: such areas are predicted and never learnt from.
    weight : ndarray, shape (n,), optional
        What an area counts for in a fit.
    seed : int
        Of learners, and of what is shuffled.
    fits : dict of str to estimator
        Fits to all areas of learners with held-out predictions in closed form: used again where there, added where not.
    """

    data: Any
    y: FloatArray
    weight: FloatArray | None = None
    seed: int = 0
    fits: dict[str, Any] = field(default_factory=dict)

    @property
    def known(self) -> BoolArray:
        """Areas with a target, shape (n,)."""
        return np.asarray(np.isfinite(self.y).reshape(len(self.y), -1).all(axis=1))

    def fitted(self, one: Learner, rows: BoolArray) -> Any:
        """A new fit of a learner to some areas."""
        if one.build is None:
            raise TypeError(f"{one.name} has nothing to fit")
        columns = one.columns(self.data)
        weight = {} if self.weight is None else {"sample_weight": self.weight[rows]}
        return one.build(self.seed).fit(columns[rows], self.y[rows], **weight)


def play(
    learners: Sequence[Learner],
    contest: Contest,
    folds: Mapping[str, IntArray],
    score: Callable[[FloatArray], Mapping[str, Any]],
    targets: Sequence[str],
) -> tuple[Held, pd.DataFrame]:
    """Held-out predictions of all learners under all fold designs, and their scores.

    Parameters
    ----------
    learners : sequence of Learner
        Members of an average before it.
    folds : mapping of str to ndarray of int, shape (n,)
        By design. A design of one fold is left out: there is nobody to learn from.
    score : callable
        Scores of one learner's predictions: a number a target for each metric, and ``n``.
    targets : sequence of str
        Names of the columns of the contest's target.

    Returns
    -------
    dict
    DataFrame
        ``target, learner, feature, fold_design, metric, value, n``.
    """
    asked = {design: fold for design, fold in folds.items() if len(np.unique(fold)) > 1}
    held = {
        design: held_out([one for one in learners if one.by_published or design != PUBLISHED_OUT], contest, fold)
        for design, fold in asked.items()
    }
    rows = [
        metric_rows(name, design, score(predicted), targets, feature=feature)
        for design, answers in held.items()
        for (name, feature), predicted in answers.items()
    ]
    return held, pd.concat(rows, ignore_index=True)


def held_out(learners: Iterable[Learner], contest: Contest, folds: IntArray) -> dict[LearnerId, FloatArray]:
    """Each area's prediction by a fit that saw no area of its fold.

    Parameters
    ----------
    learners : iterable of Learner
        Members of an average before it.
    folds : ndarray of int, shape (n,)

    Returns
    -------
    dict of learner_id to ndarray, shape of the target
        On its scale; NaN where a learner has nothing to say.
    """
    answers: dict[LearnerId, FloatArray] = {}
    for one in learners:
        if one.members:
            answers[one.learner_id] = np.mean([answers[member, ""] for member in one.members], axis=0)
        elif one.build is None:
            answers[one.learner_id] = one.columns(contest.data)
        else:
            answers[one.learner_id] = _held_out(one, contest, folds)
    return answers


def _held_out(one: Learner, contest: Contest, folds: IntArray) -> FloatArray:
    rows = np.ones(len(contest.y), dtype=bool) if one.rows is None else one.rows(contest.data)
    known, asked = contest.known & rows, ~contest.known & rows
    predictions = np.full(contest.y.shape, np.nan)
    if not known.any():
        return predictions
    columns = one.columns(contest.data)
    closed = _closed_form(one, contest, known)
    if closed is not None:
        found = closed.predict_held_out(folds[known], columns[asked], folds[asked])
        predictions[known], predictions[asked] = found
        return predictions
    # OpenMP threads that wait for a busy core made boosting 10 times slower on a shared machine
    with threadpool_limits(1, user_api="openmp"):
        for fold in np.unique(folds):
            out = rows & (folds == fold)
            predictions[out] = contest.fitted(one, known & ~out).predict(columns[out])
    return predictions


def _closed_form(one: Learner, contest: Contest, known: BoolArray) -> Any:
    """The learner's fit to all areas if held-out predictions follow from it, else None."""
    if one.name not in contest.fits and one.build is not None and hasattr(one.build(contest.seed), "predict_held_out"):
        contest.fits[one.name] = contest.fitted(one, known)
    return contest.fits.get(one.name)


def fit_whole(learners: Iterable[Learner], contest: Contest) -> dict[str, Any]:
    """Fits of learners to all areas with a target; what is known beforehand needs none."""
    return {
        one.name: contest.fits[one.name] if one.name in contest.fits else contest.fitted(one, contest.known)
        for one in learners
        if one.build is not None
    }


def importance(
    learners: Sequence[Learner],
    contest: Contest,
    folds: IntArray,
    seen: pd.DataFrame,
    features: Mapping[str, Sequence[str]],
) -> pd.DataFrame:
    """Permutation importance on the areas of the largest fold, by fits that have not seen it.

    Parameters
    ----------
    learners : sequence of Learner
        Whose predictions are averaged.
    folds : ndarray of int, shape (n,)
    seen : DataFrame, shape (n, q)
        All columns that these learners see.
    features : mapping of str to sequence of str
        For each feature the columns that are shuffled together.

    Returns
    -------
    DataFrame indexed by feature, shape (p, d)
        Fall of the rank correlation with each target.
    """
    known = contest.known
    fold = int(np.bincount(folds[known]).argmax())
    unseen = known & (folds == fold)
    shuffle = np.random.default_rng(contest.seed).permutation(int(unseen.sum()))
    plain = seen[unseen]
    copies = [plain]
    for group in map(list, features.values()):
        copy = plain.copy()
        copy[group] = plain[group].to_numpy()[shuffle]
        copies.append(copy)
    # all shuffled copies in one call: learners answer many rows at hardly more than the price of few
    stacked = pd.concat(copies)
    answers = []
    for one in learners:
        columns = stacked[one.columns(contest.data).columns]
        if one.name in contest.fits:
            alike = np.full(len(columns), fold)
            answers.append(contest.fits[one.name].predict_held_out(folds[known], columns, alike)[1])
        else:
            answers.append(contest.fitted(one, known & ~unseen).predict(columns))
    truth = contest.y[unseen].reshape(len(plain), -1)
    found = np.mean(answers, axis=0).reshape(len(copies), *truth.shape)
    skill = np.stack([spearman(truth, copy) for copy in found])
    return pd.DataFrame(skill[0] - skill[1:], index=pd.Index(features, name="feature"))
