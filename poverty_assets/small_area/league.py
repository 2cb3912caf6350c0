"""Learners compete for each commune margin: who foretells the survey's shares where it has not looked?

Belongs here: the cheap learners and baselines that the kernel has to beat, held-out scores of all in one table, permutation
importance, and how far areas lie from any that was learnt from. Does not belong here: the kernel itself (``kernel``), folds
(``judging.folds``), scores against the simulated twin's truth (``evaluation``).

Every learner answers for all indicators at once, from the same sampled communes weighted by effective size. Folds are 50 km blocks
and whole provinces; random folds are reported and never used to choose. What is held out is this wave: the wave before is
known everywhere, to the kernel as to the baseline ``last_wave``. The kernel's few variances are those fitted to all sampled
communes; its held-out predictions follow from them in closed form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial.distance import cdist
from scipy.special import expit, logit, ndtr
from scipy.stats import rankdata

from poverty_assets.arrays import FloatArray, IntArray, group_means, normal_ranks
from poverty_assets.judging.applicability import dissimilarity
from poverty_assets.judging.folds import DESIGNS, block_ids, fold_ids
from poverty_assets.small_area.margins.kernel import Covariates, KernelFit
from poverty_assets.small_area.sample import Sample

KERNEL = "kernel"
JUDGES = ("block50km", "leave_province_out")
"""Fold designs that choose: what is asked for is communes, and whole provinces, that no cluster fell in."""
SPREAD = 0.5
"""Prior variance of log odds that all features of the penalised logistic regression explain together."""
TREES = 20
_LEAST = 1e-3  # shares are kept this far inside 0 and 1 when a prediction is scored


class Learner(Protocol):
    """One interface for all: ``fit(X, y, sample_weight)`` on shares (s, d), ``predict(X)`` of shares (m, d)."""

    def fit(self, X: FloatArray, y: FloatArray, sample_weight: FloatArray) -> Any:
        """Learn."""

    def predict(self, X: FloatArray) -> FloatArray:
        """Shares."""


class PenalisedLogistic:
    """Binomial regression with a ridge penalty, one for each column of shares, by iteratively reweighted least squares."""

    def __init__(self, spread: float = SPREAD, iterations: int = 5) -> None:
        self.spread, self.iterations = spread, iterations

    def fit(self, X: FloatArray, y: FloatArray, sample_weight: FloatArray) -> PenalisedLogistic:
        """Learn from ``X`` (s, p) of unit variance, shares ``y`` (s, d), and effective sizes (s,)."""
        x = np.column_stack([np.ones(len(X)), X])
        penalty = np.full(x.shape[1], max(X.shape[1], 1) / self.spread)
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

    def predict(self, X: FloatArray) -> FloatArray:
        """Shares (m, d)."""
        return np.asarray(expit(self.coef_[0] + X @ self.coef_[1:]))


class ProvinceMean:
    """Mean of the province's sampled areas; of all where the province has none. ``X`` is one column of labels."""

    def fit(self, X: FloatArray, y: FloatArray, sample_weight: FloatArray) -> ProvinceMean:
        """Learn."""
        self.labels_, which = np.unique(X[:, 0], return_inverse=True)
        self.means_ = group_means(y, which, sample_weight)
        self.overall_ = np.average(y, axis=0, weights=sample_weight)
        return self

    def predict(self, X: FloatArray) -> FloatArray:
        """Shares (m, d)."""
        at = np.clip(np.searchsorted(self.labels_, X[:, 0]), 0, len(self.labels_) - 1)
        known = self.labels_[at] == X[:, 0]
        return np.where(known[:, None], self.means_[at], self.overall_)


class NearestArea:
    """The share of the nearest sampled area. ``X`` is coordinates."""

    def fit(self, X: FloatArray, y: FloatArray, sample_weight: FloatArray) -> NearestArea:
        """Learn."""
        self.xy_, self.shares_ = X, y
        return self

    def predict(self, X: FloatArray) -> FloatArray:
        """Shares (m, d)."""
        return np.asarray(self.shares_[cdist(X, self.xy_).argmin(axis=1)])


class GivenColumns:
    """What is known beforehand: ``X`` holds the answers."""

    def fit(self, X: FloatArray, y: FloatArray, sample_weight: FloatArray) -> GivenColumns:
        """Nothing to learn."""
        return self

    def predict(self, X: FloatArray) -> FloatArray:
        """Shares (m, d)."""
        return X


def _extra_trees(seed: int) -> Learner:
    from sklearn.ensemble import ExtraTreesRegressor

    found: Learner = ExtraTreesRegressor(TREES, min_samples_leaf=5, max_features=0.5, random_state=seed)
    return found


@dataclass(frozen=True)
class Competition:
    """What came of it.

    Attributes
    ----------
    metrics : DataFrame
        ``target, learner, fold_design, metric, value, n``, as in ``model_metric``: ``log_loss``, ``rmse``, ``mae``, ``bias``,
        ``spearman`` against direct shares of held-out communes (all but the last weighted by effective size).
    chosen : dict of str to str
        Learner of each indicator: the least mean log loss over the designs that judge.
    importance : DataFrame
        ``target, learner, feature, importance``: loss of rank correlation on the largest fold of blocks when the feature is
        shuffled, of the learner chosen.
    """

    metrics: pd.DataFrame
    chosen: dict[str, str]
    importance: pd.DataFrame


@dataclass(frozen=True)
class _Entry:
    """A learner and the columns it sees (n, q)."""

    build: Callable[[], Learner]
    columns: FloatArray
    baseline: bool


def compete(
    sample: Sample,
    fits: Sequence[KernelFit],
    indicators: Sequence[str],
    covariates: Covariates,
    names: Sequence[str],
    *,
    alone: Mapping[str, str] | None = None,
    leading_names: Sequence[str] = (),
    district: IntArray | None = None,
    before: Sample | None = None,
    seed: int = 0,
) -> Competition:
    """Scores of learners and baselines for every indicator, who wins, and by which features.

    Parameters
    ----------
    sample : Sample
    fits : sequence of KernelFit
        The kernel's, of ``margins.fit_margins``: its held-out predictions are had from them in closed form.
    indicators : sequence of str
    covariates : Covariates
    names : sequence of str
        Of the covariates' features.
    alone : mapping of str to str, optional
        Baselines that know one feature: name of the baseline to name of the feature. Those without such a feature are left out.
    leading_names : sequence of str
        Of the leading covariates.
    district : ndarray of int, shape (n,), optional
        For the baseline ``last_wave``: a commune that the wave before did not visit gets its district's share, else its
        province's.
    before : Sample, optional
        The wave before; without it there is no such baseline.
    seed : int
    """
    sampled, y = sample.sampled, sample.means(sample.shares, sample.area, sample.n_areas)[sample.sampled]
    weight = sample.area_effective[sampled]
    ranks = normal_ranks(np.column_stack([covariates.features, covariates.leading]))
    all_names = [*names, *(leading_names or (f"leading_{q}" for q in range(covariates.leading.shape[1])))]
    entries = _entries(ranks, list(names), covariates, alone or {}, district, before, seed)
    blocks = block_ids(covariates.xy)[sampled]
    rows, judged, shown = [], {}, {}
    for design in DESIGNS:
        folds = fold_ids(design, blocks=blocks, provinces=covariates.province[sampled], seed=seed)
        if len(np.unique(folds)) < 2:
            continue
        answers = {KERNEL: np.column_stack([ndtr(fit.held_out_groups(folds)) for fit in fits])}
        for name, entry in entries.items():
            answers[name] = _held_out(entry, y, weight, sampled, folds)
        for name, predicted in answers.items():
            scored = _scores(predicted, y, weight)
            judged[name, design] = scored["log_loss"]
            for metric, values in scored.items():
                rows += [
                    (f"margin:{indicators[j]}", name, design, metric, float(value), len(y))
                    for j, value in enumerate(values)
                ]
        shown[design] = folds
    candidates = [KERNEL, *(name for name, entry in entries.items() if not entry.baseline)]
    designs = [design for design in JUDGES if design in shown]
    loss = np.stack([np.mean([judged[name, design] for design in designs], axis=0) for name in candidates])
    chosen = {indicator: candidates[int(np.argmin(loss[:, j]))] for j, indicator in enumerate(indicators)}
    metrics = pd.DataFrame(rows, columns=["target", "learner", "fold_design", "metric", "value", "n"])
    importance = _importance(chosen, entries, fits, covariates, ranks, all_names, y, weight, shown["block50km"], seed)
    return Competition(metrics, chosen, importance)


def _entries(
    ranks: FloatArray,
    names: list[str],
    covariates: Covariates,
    alone: Mapping[str, str],
    district: IntArray | None,
    before: Sample | None,
    seed: int,
) -> dict[str, _Entry]:
    province = covariates.province
    out = {
        "penalised_logistic": _Entry(PenalisedLogistic, ranks, False),
        "extra_trees": _Entry(lambda: _extra_trees(seed), np.column_stack([ranks, covariates.xy]), False),
        "province_mean": _Entry(ProvinceMean, province[:, None].astype(float), True),
        "nearest_commune": _Entry(NearestArea, covariates.xy, True),
    }
    for baseline, feature in alone.items():
        if feature in names:
            out[baseline] = _Entry(PenalisedLogistic, ranks[:, [names.index(feature)]], True)
    if before is not None:
        out["last_wave"] = _Entry(GivenColumns, _last_wave(before, province, district), True)
    return out


def _last_wave(before: Sample, province: IntArray, district: IntArray | None) -> FloatArray:
    """Shares of the wave before (n, d): the commune's, else its district's, its province's, the country's."""
    n = before.n_areas
    out = np.repeat(np.average(before.shares, axis=0, weights=before.weight)[None], n, axis=0)
    for group in (province, district, np.arange(n)):
        if group is not None:
            own = before.means(before.shares, group[before.area], int(group.max()) + 1)[group]
            out = np.where(np.isfinite(own), own, out)
    return out


def _held_out(entry: _Entry, y: FloatArray, weight: FloatArray, sampled: IntArray, folds: IntArray) -> FloatArray:
    x, out = entry.columns[sampled], np.empty_like(y)
    for fold in np.unique(folds):
        away = folds == fold
        out[away] = entry.build().fit(x[~away], y[~away], weight[~away]).predict(x[away])
    return out


def _scores(predicted: FloatArray, y: FloatArray, weight: FloatArray) -> dict[str, FloatArray]:
    """Scores of each column; all but the rank correlation weighted."""
    inside = np.clip(predicted, _LEAST, 1 - _LEAST)
    error, w = predicted - y, weight / weight.sum()
    return {
        "log_loss": -w @ (y * np.log(inside) + (1 - y) * np.log(1 - inside)),
        "rmse": np.sqrt(w @ error**2),
        "mae": w @ np.abs(error),
        "bias": w @ error,
        "spearman": _spearman(predicted, y),
    }


def _spearman(a: FloatArray, b: FloatArray) -> FloatArray:
    """Rank correlation of each column; 0 where one is constant."""
    ranks = [rankdata(x, axis=0) for x in (a, b)]
    away = [r - r.mean(axis=0) for r in ranks]
    size = np.sqrt((away[0] ** 2).sum(axis=0) * (away[1] ** 2).sum(axis=0))
    return np.divide((away[0] * away[1]).sum(axis=0), size, out=np.zeros(a.shape[1]), where=size > 0)


def _importance(
    chosen: dict[str, str],
    entries: dict[str, _Entry],
    fits: Sequence[KernelFit],
    covariates: Covariates,
    ranks: FloatArray,
    names: list[str],
    y: FloatArray,
    weight: FloatArray,
    folds: IntArray,
    seed: int,
) -> pd.DataFrame:
    """Loss of rank correlation on the largest fold, by learners that have not seen it."""
    sampled, out = fits[0].sampled, folds == int(np.bincount(folds).argmax())
    order = np.random.default_rng(seed).permutation(int(out.sum()))
    shuffled = []
    for feature in range(len(names)):
        copy = ranks[sampled[out]].copy()
        copy[:, feature] = copy[order, feature]
        shuffled.append(copy)
    stacked = np.concatenate([ranks[sampled[out]], *shuffled])
    parts = []
    indicators = list(chosen)
    for name in sorted(set(chosen.values())):
        own = [j for j, indicator in enumerate(indicators) if chosen[indicator] == name]
        if name == KERNEL:
            split = covariates.features.shape[1]
            found = np.column_stack([_kernel_moved(fits[j], ranks, stacked, split, out) for j in own])
        else:
            x = entries[name].columns
            learnt = entries[name].build().fit(x[sampled[~out]], y[~out], weight[~out])
            rest = np.tile(x[sampled[out], ranks.shape[1] :], (len(names) + 1, 1))
            found = learnt.predict(np.column_stack([stacked, rest]))[:, own]
        by_copy = found.reshape(len(names) + 1, -1, len(own))
        skill = np.stack([_spearman(copy, y[out][:, own]) for copy in by_copy])
        for column, j in enumerate(own):
            lost = skill[0, column] - skill[1:, column]
            frame = pd.DataFrame({"feature": names, "importance": lost})
            parts.append(frame.assign(target=f"margin:{indicators[j]}", learner=name))
    table = pd.concat(parts, ignore_index=True)[["target", "learner", "feature", "importance"]]
    return table.sort_values(["target", "importance", "feature"], ascending=[True, False, True], ignore_index=True)


def _kernel_moved(
    fit: KernelFit, ranks: FloatArray, stacked: FloatArray, split: int, out: npt.NDArray[np.bool_]
) -> FloatArray:
    """Held-out predictions when features of the held-out areas are replaced by others; copies are stacked, the first as it was.

    Only the parts of the kernel that hold features change: leading covariates and features linearly, features once more by
    their distance.
    """
    sampled = fit.sampled
    coefficient = fit.precision @ (fit.working - fit.mean)
    inner = np.linalg.solve(fit.precision[np.ix_(out, out)], coefficient[out])
    alpha = (coefficient - fit.precision[:, out] @ inner)[~out]
    base = fit.working[out] - inner
    known = ranks[sampled[~out]]
    of = dict(zip(fit.names, fit.variances.tolist(), strict=True))
    leading = np.array([of[f"leading_{q}"] for q in range(ranks.shape[1] - split)])
    weight = np.concatenate([np.full(split, of.get("features", 0.0) / max(split, 1)), leading])
    linear = stacked @ (weight * (alpha @ known))
    curved = np.zeros(len(stacked))
    if split:
        square = cdist(stacked[:, :split], known[:, :split], "sqeuclidean")
        curved = of["features_curved"] * (np.exp(-square / (2 * split)) @ alpha)
    answer, copies = linear + curved, len(stacked) // int(out.sum())
    start = np.tile(answer[: int(out.sum())], copies)
    return np.tile(base, copies) + answer - start


def applicability(features: FloatArray, sampled: IntArray, xy: FloatArray) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Is an area like any that the survey visited?

    Parameters
    ----------
    features : ndarray, shape (n, p)
        Ranked to normal scores first, as the kernel sees them.
    sampled : ndarray of int
        Areas that were learnt from.
    xy : ndarray, shape (n, 2)
        Metric coordinates: an area is compared with those of other 50 km blocks, folds of five.

    Returns
    -------
    distance : ndarray, shape (n,)
        To the nearest area learnt from, as a multiple of the threshold (``judging.applicability.dissimilarity``).
    inside : ndarray of bool, shape (n,)
        Where that is at most 1; elsewhere intervals are widened by the distance (``margins.fit_margins``) and rows are flagged
        ``outside_area_of_applicability``.
    """
    training = np.zeros(len(features), dtype=bool)
    training[sampled] = True
    blocks = block_ids(xy)
    folds = fold_ids("block50km", blocks=blocks, provinces=blocks)
    distance = dissimilarity(pd.DataFrame(normal_ranks(features)), training, folds)
    return distance, distance <= 1.0
