"""The league of margins of the finest level: who foretells the survey's shares where it has not looked?

Belongs here: the cheap learners and baselines that the kernel has to beat, what they see, who wins, and by which features. Does not
belong here: the kernel itself (``kernel``), how a league is played, folds and scores (``judging``), scores against the simulated
twin's truth (``evaluation``).

Every learner answers for all indicators at once, from the same sampled finest areas weighted by effective size. Folds are 50
km blocks and whole areas of the published level; random folds are reported and never used to choose. What is held out is this
wave: the wave before is known everywhere, to the kernel as to the baseline ``last_wave``. The kernel's few variances are those
fitted to all sampled finest areas; its held-out predictions follow from them in closed form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial.distance import cdist
from scipy.special import expit, logit, ndtr

from poverty_assets.arrays import FloatArray, IntArray, normal_ranks
from poverty_assets.judging.baselines import GroupMean, NearestArea
from poverty_assets.judging.folds import BLOCKS, DESIGNS, PUBLISHED_OUT, block_ids, fold_ids
from poverty_assets.judging.league import Contest, Learner, importance, play
from poverty_assets.judging.scores import share_scores
from poverty_assets.small_area.margins.kernel import Covariates, KernelFit
from poverty_assets.small_area.sample import Sample

KERNEL = "kernel"
JUDGES = (BLOCKS, PUBLISHED_OUT)
"""Fold designs that choose: what is asked for is finest areas, and whole areas of the published level, that no cluster fell in."""
SPREAD = 0.5
"""Prior variance of log odds that all features of the penalised logistic regression explain together."""
TREES = 20
_LEAST = 1e-3  # a mean is kept this far inside 0 and 1 where the regression starts
_PLACE, _PUBLISHED = ["x_m", "y_m"], "published"


class PenalisedLogistic:
    """Binomial regression with a ridge penalty, one for each column of shares, by iteratively reweighted least squares."""

    def __init__(self, spread: float = SPREAD, iterations: int = 5) -> None:
        self.spread, self.iterations = spread, iterations

    def fit(self, X: Any, y: FloatArray, sample_weight: FloatArray) -> PenalisedLogistic:
        """Learn from ``X`` (s, p) of unit variance, shares ``y`` (s, d), and effective sizes (s,)."""
        # rows in one piece: in another layout the same sums come out different in the last digit
        x = np.column_stack([np.ones(len(X)), np.ascontiguousarray(X)])
        penalty = np.full(x.shape[1], max(x.shape[1] - 1, 1) / self.spread)
        penalty[0] = 1e-6
        columns = []
        for share in y.T:
            mean = float(np.clip(np.average(share, weights=sample_weight), _LEAST, 1 - _LEAST))
            beta = np.zeros(x.shape[1])
            beta[0] = logit(mean)
            for _ in range(self.iterations):
                mu = expit(np.clip(x @ beta, -8, 8))
                weighted = x * (sample_weight * mu * (1 - mu))[:, None]
                slope = x.T @ (sample_weight * (share - mu)) - penalty * beta
                step = np.linalg.solve(weighted.T @ x + np.diag(penalty), slope)
                beta = beta + np.clip(step, -1.5, 1.5)
            columns.append(beta)
        self.coef_ = np.column_stack(columns)
        return self

    def predict(self, X: Any) -> FloatArray:
        """Shares (m, d)."""
        return np.asarray(expit(self.coef_[0] + np.ascontiguousarray(X) @ self.coef_[1:]))


class Kernels:
    """The kernel's fits of all indicators as one estimator, with held-out predictions in closed form.

    Parameters
    ----------
    fits : sequence of KernelFit
        To all sampled areas.
    ranks : ndarray, shape (s, p + q)
        Normal scores of the sampled areas: of features, then of leading covariates.
    n_features : int
        How many of them are features.
    """

    def __init__(self, fits: Sequence[KernelFit], ranks: FloatArray, n_features: int) -> None:
        self.fits, self.ranks, self.n_features = fits, ranks, n_features

    def fit(self, X: Any, y: FloatArray, sample_weight: FloatArray) -> Kernels:
        """Fitted already."""
        return self

    def predict_held_out(self, folds: IntArray, X: Any, x_folds: IntArray) -> tuple[FloatArray, FloatArray]:
        """Shares of sampled areas by the fit to those of other folds; the same of one fold's areas, had they other features.

        Parameters
        ----------
        folds : ndarray of int, shape (s,)
        X : DataFrame, shape (m, p + q)
            Ranks of the areas of that fold: one copy of them all after another, the first copy as they are.
        x_folds : ndarray of int, shape (m,)
            The fold.
        """
        held = np.column_stack([ndtr(fit.held_out_groups(folds)) for fit in self.fits])
        return held, self._moved(np.ascontiguousarray(X), folds == x_folds[0]) if len(X) else held[:0]

    def _moved(self, stacked: FloatArray, out: npt.NDArray[np.bool_]) -> FloatArray:
        """Only parts of the kernel that hold features change: all columns linearly, features once more by their distance."""
        split, known, size = self.n_features, self.ranks[~out], int(out.sum())
        square = cdist(stacked[:, :split], known[:, :split], "sqeuclidean")
        near = np.exp(-square / (2 * max(split, 1)))
        columns = []
        for fit in self.fits:
            coefficient = fit.precision @ (fit.working - fit.mean)
            inner = np.linalg.solve(fit.precision[np.ix_(out, out)], coefficient[out])
            alpha = (coefficient - fit.precision[:, out] @ inner)[~out]
            of = dict(zip(fit.names, fit.variances.tolist(), strict=True))
            leading = [of[f"leading_{q}"] for q in range(self.ranks.shape[1] - split)]
            slope = np.array([*[of.get("features", 0.0) / max(split, 1)] * split, *leading])
            answer = stacked @ (slope * (alpha @ known)) + of.get("features_curved", 0.0) * (near @ alpha)
            gain = answer.reshape(-1, size) - answer[:size]
            columns.append(ndtr(fit.working[out] - inner + gain).ravel())
        return np.column_stack(columns)


@dataclass(frozen=True)
class FeatureNames:
    """What the columns of covariates are called.

    Attributes
    ----------
    features : tuple of str
    registers : tuple of str
        Those whose rates are the leading covariates.
    alone : tuple of str
        Features that there is a baseline of which knows no other. Those that are not among the features are left out.
    """

    features: tuple[str, ...]
    registers: tuple[str, ...] = ()
    alone: tuple[str, ...] = ()


@dataclass(frozen=True)
class WaveBefore:
    """The wave before, for the baseline ``last_wave``.

    Attributes
    ----------
    sample : Sample
    holder : ndarray of int, shape (n,), optional
        An area of the finest level that the wave did not visit gets that of the area that holds it, else its published area's.
    """

    sample: Sample
    holder: IntArray | None = None

    def shares(self, at_published: IntArray) -> FloatArray:
        """Shares of the wave (n, d): the area's own, else that of the areas that hold it, from small to large."""
        before = self.sample
        n = before.n_areas
        out = np.repeat(np.average(before.shares, axis=0, weights=before.weight)[None], n, axis=0)
        for group in (at_published, self.holder, np.arange(n)):
            if group is not None:
                own = before.means(before.shares, group[before.area], int(group.max()) + 1)[group]
                out = np.where(np.isfinite(own), own, out)
        return out


@dataclass(frozen=True)
class Competition:
    """What came of it.

    Attributes
    ----------
    metrics : DataFrame
        ``target, learner, feature, fold_design, metric, value, n``: scores (``judging.scores.share_scores``) against
        direct shares of held-out finest areas.
    chosen : dict of str to str
        Learner of each indicator: the least mean log loss over the designs that judge.
    importance : DataFrame
        ``target, learner, feature, importance``: loss of rank correlation on the largest fold of blocks when the feature is
        shuffled, of the learner chosen.
    """

    metrics: pd.DataFrame
    chosen: dict[str, str]
    importance: pd.DataFrame


def compete(
    sample: Sample,
    fits: Sequence[KernelFit],
    indicators: Sequence[str],
    covariates: Covariates,
    names: FeatureNames,
    *,
    before: WaveBefore | None = None,
    seed: int = 0,
) -> Competition:
    """Scores of learners and baselines for every indicator, who wins, and by which features.

    Parameters
    ----------
    sample : Sample
    fits : sequence of KernelFit
        The kernel's, of ``margins.fit_margins``.
    indicators : sequence of str
    covariates : Covariates
    names : FeatureNames
        Of the covariates' columns.
    before : WaveBefore, optional
        Without it there is no baseline ``last_wave``.
    seed : int
    """
    sampled = sample.sampled
    shares = sample.means(sample.shares, sample.area, sample.n_areas)[sampled]
    weight = sample.area_effective[sampled]
    ranks = normal_ranks(np.column_stack([covariates.features, covariates.leading]))[sampled]
    leading = [f"rate of {register}" for register in names.registers]
    leading = leading or [f"leading_{q}" for q in range(covariates.leading.shape[1])]
    features = [*names.features, *leading]
    table = pd.DataFrame(np.column_stack([ranks, covariates.xy[sampled]]), columns=[*features, *_PLACE])
    kernel = Learner(
        KERNEL, lambda seed: Kernels(fits, ranks, covariates.features.shape[1]), lambda seen: seen[features]
    )
    learners = [kernel, *_learners(features, names)]
    if before is not None:
        last = before.shares(covariates.at_published)[sampled]
        learners.append(Learner("last_wave", columns=lambda seen: last, is_baseline=True))
    contest = Contest(table.assign(**{_PUBLISHED: covariates.at_published[sampled]}), shares, weight, seed)
    blocks, at_published = block_ids(covariates.xy, covariates.block_metres)[sampled], covariates.at_published[sampled]
    folds = {design: fold_ids(design, blocks=blocks, published=at_published, seed=seed) for design in DESIGNS}
    metrics = play(learners, contest, folds, lambda found: share_scores(found, shares, weight), indicators)[1]
    able = {one.name: one for one in learners if not one.is_baseline}
    best = _choose(metrics, list(able))
    worth = _importance(best, able, contest, folds[BLOCKS], features)
    return Competition(metrics, best, worth)


def _learners(features: list[str], names: FeatureNames) -> list[Learner]:
    """Cheap learners and baselines; each sees columns of one table, features ranked."""
    return [
        Learner("penalised_logistic", lambda seed: PenalisedLogistic(), lambda seen: seen[features]),
        Learner("extra_trees", _extra_trees, lambda seen: seen[[*features, *_PLACE]]),
        Learner("published_mean", lambda seed: GroupMean(), lambda seen: seen[[_PUBLISHED]], is_baseline=True),
        Learner("nearest_area", lambda seed: NearestArea(), lambda seen: seen[_PLACE], is_baseline=True),
        *(_alone(feature) for feature in names.alone if feature in names.features),
    ]


def _alone(feature: str) -> Learner:
    return Learner(
        "alone", lambda seed: PenalisedLogistic(), lambda seen: seen[[feature]], is_baseline=True, feature=feature
    )


def _extra_trees(seed: int) -> Any:
    from sklearn.ensemble import ExtraTreesRegressor

    return ExtraTreesRegressor(TREES, min_samples_leaf=5, max_features=0.5, random_state=seed)


def _choose(metrics: pd.DataFrame, candidates: list[str]) -> dict[str, str]:
    """For each target the candidate with the least mean log loss over the designs that judge; the first of several."""
    rows = metrics[(metrics["metric"] == "log_loss") & metrics["fold_design"].isin(JUDGES)]
    loss = rows.groupby(["target", "learner"])["value"].mean().unstack("learner")
    best = loss.loc[list(dict.fromkeys(rows["target"])), candidates].idxmin(axis=1)
    return {str(target): str(name) for target, name in best.items()}


def _importance(
    best: dict[str, str], learners: Mapping[str, Learner], contest: Contest, folds: IntArray, features: list[str]
) -> pd.DataFrame:
    """``target, learner, feature, importance`` of the learner chosen for each target."""
    parts, targets = [], list(best)
    for name in sorted(set(best.values())):
        found = importance([learners[name]], contest, folds, contest.data, {one: [one] for one in features})
        found = found.set_axis(targets, axis=1)[[target for target in targets if best[target] == name]]
        long = found.reset_index().melt("feature", var_name="target", value_name="importance")
        parts.append(long.assign(learner=name))
    table = pd.concat(parts, ignore_index=True)[["target", "learner", "feature", "importance"]]
    return table.sort_values(["target", "importance", "feature"], ascending=[True, False, True], ignore_index=True)
