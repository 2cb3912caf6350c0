"""The model of a register's rate by commune: what would be listed in a place like this one, judged without seeing it.

Belongs here: fitting, choosing, predicting every commune out of its block, intervals, importance, the area of
applicability. Does not belong here: learners (``learners``), scores (``validation``), the saved file (``artifact``), table
rows of the warehouse (``quarter``).

The learner is chosen by Spearman correlation under 50 km blocks, and takes the place of the last champion only if it beats it on
the same folds. Provinces that have no area on the register yet get the learner that does best when whole provinces are left
out. Random folds are reported and never used to choose.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from poverty_assets.arrays import rate_logit, rate_of_logit
from poverty_assets.errors import ContractViolation, SpecificationError
from poverty_assets.judging.applicability import TrainingCloud, training_cloud
from poverty_assets.judging.folds import block_ids, fold_ids
from poverty_assets.judging.scores import conformal_width, interval_coverage, metric_rows, scores, spearman
from poverty_assets.registers.held_out import held_out
from poverty_assets.registers.learners import (
    ALONE,
    BASELINES,
    DEFAULT,
    LEARNERS,
    PROVINCE,
    Design,
    columns_for,
    design,
    in_order,
    learner,
)

CHOSEN_BY = "spearman under block50km"
_FOLDS = {"block50km": 10, "random": 5, "leave_province_out": 0}  # the last makes a fold of every province
_LEAST_AREAS = 50
# An area outside the training cloud has an interval wider in proportion to its distance, at most so many times.
_WIDEST = 3.0


@dataclass(frozen=True, eq=False)
class RegisterModel:
    """A fitted model of a register's rate.

    Attributes
    ----------
    learner : str
        The one chosen.
    elsewhere : str
        The one for provinces without any area on the register.
    chosen_by : str
        The rule, and what came of the last champion.
    metrics : DataFrame
        ``learner, fold_design, metric, value, n``.
    predictions : DataFrame
        For every commune ``area_id, modelled_rate, modelled_rate_ci_low, modelled_rate_ci_high, dissimilarity,
        in_area_of_applicability, block``; the rate is predicted without the commune's 50 km block.
    cloud : TrainingCloud
        What the area of applicability is measured from.
    importance : DataFrame
        ``feature, importance``: fall of the held-out Spearman correlation when the feature, with its neighbourhood means,
        is shuffled among the areas held out together.
    interval_coverage : float
        Share of held-out rates inside an interval learnt from the other folds.
    n_training : int
    training_digest : str
        SHA-256 of areas, features, targets and settings.
    features : tuple of str
    estimators : dict of str to estimator
        Fitted on all areas with a rate; several where the learner is an average.
    """

    learner: str
    elsewhere: str
    chosen_by: str
    metrics: pd.DataFrame
    predictions: pd.DataFrame
    cloud: TrainingCloud
    importance: pd.DataFrame
    interval_coverage: float
    n_training: int
    training_digest: str
    features: tuple[str, ...]
    estimators: dict[str, Any]


def fit_register_model(
    features: pd.DataFrame,
    rate: pd.Series,
    households: pd.Series,
    xy: np.ndarray,
    province: np.ndarray,
    *,
    lagged: pd.Series | None = None,
    learners: Sequence[str] = DEFAULT,
    alone: Sequence[str] = (),
    champion: str | None = None,
    seed: int = 0,
    origin: tuple[float, float] = (0.0, 0.0),
) -> RegisterModel:
    """Fit, judge and choose.

    Parameters
    ----------
    features : DataFrame indexed by area_id, shape (n, p)
        What was observed by the quarter's end. It must hold nothing of the register itself.
    rate, households : Series indexed by area_id
        The register's rate (0 to 1; absent or NaN where it has no row) and the households it is a share of.
    xy : numpy.ndarray, shape (n, 2)
        Metric coordinates of each area.
    province : numpy.ndarray of str, shape (n,)
    lagged : Series indexed by area_id, optional
        An earlier register's rate: for baselines and a forecast that are scored beside the learners, never a feature of them.
    learners : sequence of str
        Names in ``learners.LEARNERS``.
    alone : sequence of str
        Features whose own skill is shown as a baseline (night lights, population density).
    champion : str, optional
        Learner that served so far; it is judged on the same folds as the others, and stays unless one of them is better.
    seed : int
        Of folds and learners.
    origin : (x, y)
        A corner of the grid of blocks.

    Raises
    ------
    ContractViolation
        If fewer than 50 areas have a rate, or a rate is outside 0 to 1.
    """
    target = rate.reindex(features.index).to_numpy(dtype=float)
    weight = households.reindex(features.index).to_numpy(dtype=float)
    _check(target, features.index)
    past = None if lagged is None else lagged.reindex(features.index).to_numpy(dtype=float)
    data = design(features, xy, province, past)
    y = rate_logit(target)
    blocks = block_ids(xy, origin=origin)
    asked = [*learners, *([champion] if champion in LEARNERS else [])]
    names = list(dict.fromkeys([*in_order(asked), *_baselines(data, alone)]))
    folds = {
        name: fold_ids(name, blocks=blocks, provinces=data.province, n_folds=n_folds, seed=seed)
        for name, n_folds in _FOLDS.items()
    }
    fits: dict[str, Any] = {}
    # One thread: sums over several come out different in the last digit with another number of threads.
    with threadpool_limits(1):
        held = {name: held_out(_asked(names, name), data, y, folds[name], seed=seed, fits=fits) for name in folds}
        metrics = pd.concat([_score_all(held[name], name, target, weight, data.province) for name in folds])
        metrics = metrics.reset_index(drop=True)
        chosen, elsewhere = choose(metrics, champion=champion), _beyond(metrics)
        importance = _importance(chosen, data, y, folds["block50km"], seed, fits)
        estimators = _fit_all(chosen, data, y, seed, fits)
    residuals = y - held["block50km"][chosen]
    cloud = training_cloud(data.features, np.isfinite(y), folds["block50km"])
    return RegisterModel(
        learner=chosen,
        elsewhere=elsewhere,
        chosen_by=_why(chosen, champion),
        metrics=metrics,
        predictions=_predictions(features.index, data, y, held, (chosen, elsewhere), cloud, folds["block50km"], blocks),
        cloud=cloud,
        importance=importance,
        interval_coverage=interval_coverage(residuals, folds["block50km"]),
        n_training=int(np.isfinite(y).sum()),
        training_digest=_digest(data, target, names, seed),
        features=tuple(data.features.columns),
        estimators=estimators,
    )


def choose(metrics: pd.DataFrame, fold_design: str = "block50km", *, champion: str | None = None) -> str:
    """The learner with the highest Spearman correlation under a fold design; baselines are not candidates.

    Parameters
    ----------
    metrics : DataFrame
        ``learner, fold_design, metric, value``.
    champion : str, optional
        Learner that served so far. Another replaces it only with a higher score on these same folds; a champion that is not
        in the table, since there is no such learner any more, gives way.

    Raises
    ------
    SpecificationError
        If no learner but baselines was scored.
    """
    rows = metrics[(metrics["fold_design"] == fold_design) & (metrics["metric"] == "spearman")]
    found = {name: float(value) for name, value in zip(rows["learner"], rows["value"], strict=True)
             if not learner(name).is_baseline}  # fmt: skip
    if not found:
        raise SpecificationError("no learner was given, only baselines")
    best = max(found, key=found.__getitem__)
    stays = champion is not None and champion in found and found[best] <= found[champion]
    return str(champion) if stays else best


def _beyond(metrics: pd.DataFrame) -> str:
    """The learner for provinces that nothing is known of; where none is quick enough to leave each out, the chosen one."""
    by_province = metrics[[learner(name).by_province for name in metrics["learner"]]]
    candidates = by_province[[not learner(name).is_baseline for name in by_province["learner"]]]
    return choose(candidates, "leave_province_out") if len(candidates) else choose(metrics)


def _why(chosen: str, champion: str | None) -> str:
    if champion is None:
        return CHOSEN_BY
    if champion not in LEARNERS:
        return f"{CHOSEN_BY}; the last champion, {champion}, is no learner any more"
    outcome = "the last champion stays" if chosen == champion else f"beats the last champion, {champion}"
    return f"{CHOSEN_BY}; {outcome}"


def _check(target: np.ndarray, index: pd.Index) -> None:
    known = np.isfinite(target)
    if known.sum() < _LEAST_AREAS:
        raise ContractViolation(
            f"{int(known.sum())} areas have both a rate and features; a model needs {_LEAST_AREAS}",
            remedy="check that the register's codes are those of the areas",
        )
    outside = known & ((target < 0) | (target > 1))
    if outside.any():
        raise ContractViolation(f"{int(outside.sum())} rates are outside 0 to 1, first at area {index[outside][0]!r}")


def _baselines(data: Design, alone: Sequence[str]) -> list[str]:
    known = np.isfinite(data.lagged).any()
    return [name for name in BASELINES if known or not learner(name).needs_lagged] + [
        ALONE + name for name in alone if name in data.features.columns
    ]


def _score_all(
    held: dict[str, np.ndarray], design_name: str, target: np.ndarray, weight: np.ndarray, province: np.ndarray
) -> pd.DataFrame:
    return pd.concat(
        [
            metric_rows(name, design_name, scores(rate_of_logit(p), target, weight, province))
            for name, p in held.items()
        ],
        ignore_index=True,
    )


def _fit_all(chosen: str, data: Design, y: np.ndarray, seed: int, fits: dict[str, Any]) -> dict[str, Any]:
    known = np.isfinite(y)
    fitted = {}
    for name in learner(chosen).members or (chosen,):
        build = learner(name).build
        if name in fits:
            fitted[name] = fits[name]
        elif build is not None:
            fitted[name] = build(seed).fit(columns_for(name, data)[known], y[known])
    return fitted


def _asked(names: Sequence[str], fold_design: str) -> list[str]:
    return [name for name in names if fold_design != "leave_province_out" or learner(name).by_province]


def _predictions(
    index: pd.Index, data: Design, y: np.ndarray, held: dict[str, dict[str, np.ndarray]], served_by: tuple[str, str],
    cloud: TrainingCloud, folds: np.ndarray, blocks: np.ndarray,
) -> pd.DataFrame:  # fmt: skip
    by_block = held["block50km"][served_by[0]]
    beyond = held["leave_province_out"].get(served_by[1], by_block)
    unseen = ~np.isin(data.province, data.province[np.isfinite(y)])
    answer = np.where(unseen, beyond, by_block)
    half = np.where(unseen, conformal_width(y - beyond), conformal_width(y - by_block))
    distance = cloud.distance(data.features, folds)
    half *= np.clip(distance, 1.0, _WIDEST)
    return pd.DataFrame(
        {
            "area_id": index.to_numpy(),
            "modelled_rate": rate_of_logit(answer),
            "modelled_rate_ci_low": rate_of_logit(answer - half),
            "modelled_rate_ci_high": rate_of_logit(answer + half),
            "dissimilarity": distance,
            "in_area_of_applicability": distance <= 1.0,
            "block": blocks,
        }
    )


def _importance(
    chosen: str, data: Design, y: np.ndarray, folds: np.ndarray, seed: int, fits: dict[str, Any]
) -> pd.DataFrame:
    """Permutation importance on the areas of the largest fold, by models that have not seen it."""
    known = np.isfinite(y)
    fold = int(np.bincount(folds[known]).argmax())
    out = folds == fold
    unseen = known & out
    shuffle = np.random.default_rng(seed).permutation(int(unseen.sum()))
    plain = data.wide[unseen].assign(**{PROVINCE: data.province[unseen]})
    copies = [plain]
    for name in data.features.columns:
        group = [column for column in plain.columns if column == name or column.startswith(f"{name}|")]
        copy = plain.copy()
        copy[group] = plain[group].to_numpy()[shuffle]
        copies.append(copy)
    # all shuffled copies in one call: learners answer many rows at hardly more than the price of few
    stacked = pd.concat(copies)
    answers = []
    for name in learner(chosen).members or (chosen,):
        columns = stacked[columns_for(name, data).columns]
        if name in fits:
            answers.append(fits[name].predict_held_out(folds[known], columns, np.full(len(columns), fold))[1])
        else:
            answers.append(_fit_all(name, data, np.where(out, np.nan, y), seed, {})[name].predict(columns))
    mean = np.mean(answers, axis=0).reshape(len(copies), -1)
    skill = np.array([float(spearman(y[unseen], row)) for row in mean])
    table = pd.DataFrame({"feature": data.features.columns, "importance": skill[0] - skill[1:]})
    return table.sort_values(["importance", "feature"], ascending=[False, True], ignore_index=True)


def _digest(data: Design, target: np.ndarray, names: Sequence[str], seed: int) -> str:
    text = hashlib.sha256()
    text.update("\n".join([*map(str, data.wide.index), *data.wide.columns, *names, str(seed)]).encode())
    for values in (data.wide.to_numpy(dtype=float), target):
        text.update(np.ascontiguousarray(values).tobytes())
    return text.hexdigest()
