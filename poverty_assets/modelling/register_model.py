"""The model of a register's rate by commune: what would be listed in a place like this one, judged without seeing it.

Belongs here: fitting, choosing, predicting every commune out of its block, intervals, importance, the area of
applicability. Does not belong here: learners (``learners``), scores (``validation``), the saved file (``artifact``), table
rows of the warehouse (``quarter``).

The learner is chosen by Spearman correlation under 50 km blocks alone. Random folds and provinces left out are reported.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from poverty_assets.errors import ContractViolation, SpecificationError
from poverty_assets.modelling.applicability import dissimilarity
from poverty_assets.modelling.learners import (
    ALONE,
    BASELINES,
    DEFAULT,
    PROVINCE,
    Design,
    columns_for,
    design,
    in_order,
    learner,
)
from poverty_assets.modelling.validation import (
    conformal_width,
    expit,
    held_out,
    interval_coverage,
    logit,
    metric_rows,
    scores,
)
from poverty_assets.spatial.blocks import block_ids, fold_ids

CHOSEN_BY = "spearman under block50km"
_BLOCK_FOLDS, _RANDOM_FOLDS = 10, 5
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
    metrics : DataFrame
        ``learner, fold_design, metric, value, n``.
    predictions : DataFrame
        For every commune ``area_id, modelled_rate, modelled_rate_ci_low, modelled_rate_ci_high, dissimilarity,
        in_area_of_applicability, block``; the rate is predicted without the commune's 50 km block.
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
    metrics: pd.DataFrame
    predictions: pd.DataFrame
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
        An earlier register's rate: a baseline to beat, never a feature here.
    learners : sequence of str
        Names in ``learners.LEARNERS``.
    alone : sequence of str
        Features whose own skill is shown as a baseline (night lights, population density).
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
    y = logit(target)
    blocks = block_ids(xy, origin=origin)
    names = [*in_order(learners), *_baselines(data, alone)]
    block_folds = fold_ids("block50km", blocks=blocks, provinces=data.province, n_folds=_BLOCK_FOLDS, seed=seed)
    fits: dict[str, Any] = {}
    by_block = held_out(names, data, y, block_folds, seed=seed, fits=fits)
    tables = [_score_all(by_block, "block50km", target, weight, data.province)]
    for other, n_folds, wanted in (
        ("random", _RANDOM_FOLDS, names),
        ("leave_province_out", 0, [name for name in names if learner(name).by_province]),
    ):
        folds = fold_ids(other, blocks=blocks, provinces=data.province, n_folds=n_folds, seed=seed)
        held = held_out(wanted, data, y, folds, seed=seed, fits=fits)
        tables.append(_score_all(held, other, target, weight, data.province))
    metrics = pd.concat(tables, ignore_index=True)
    chosen = choose(metrics)
    residuals = y - by_block[chosen]
    estimators = _fit_all(chosen, data, y, seed, fits)
    return RegisterModel(
        learner=chosen,
        metrics=metrics,
        predictions=_predictions(
            features.index, by_block[chosen], residuals, data, np.isfinite(y), block_folds, blocks
        ),
        importance=_importance(chosen, data, y, block_folds, seed, fits),
        interval_coverage=interval_coverage(residuals, block_folds),
        n_training=int(np.isfinite(y).sum()),
        training_digest=_digest(data, target, names, seed),
        features=tuple(data.features.columns),
        estimators=estimators,
    )


def choose(metrics: pd.DataFrame) -> str:
    """The learner with the highest Spearman correlation under 50 km blocks; baselines are not candidates."""
    rows = metrics[(metrics["fold_design"] == "block50km") & (metrics["metric"] == "spearman")]
    rows = rows[[not learner(name).is_baseline for name in rows["learner"]]]
    if rows.empty:
        raise SpecificationError("no learner was given, only baselines")
    return str(rows["learner"].iloc[int(np.argmax(rows["value"]))])


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
    past = [] if np.isfinite(data.lagged).any() else ["last_register"]
    return [name for name in BASELINES if name not in past] + [
        ALONE + name for name in alone if name in data.features.columns
    ]


def _score_all(
    held: dict[str, np.ndarray], design_name: str, target: np.ndarray, weight: np.ndarray, province: np.ndarray
) -> pd.DataFrame:
    return pd.concat(
        [metric_rows(name, design_name, scores(expit(p), target, weight, province)) for name, p in held.items()],
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


def _predictions(
    index: pd.Index, held: np.ndarray, residuals: np.ndarray, data: Design, known: np.ndarray, folds: np.ndarray,
    blocks: np.ndarray,
) -> pd.DataFrame:  # fmt: skip
    distance = dissimilarity(data.features, known, folds)
    half = conformal_width(residuals) * np.clip(distance, 1.0, _WIDEST)
    return pd.DataFrame(
        {
            "area_id": index.to_numpy(),
            "modelled_rate": expit(held),
            "modelled_rate_ci_low": expit(held - half),
            "modelled_rate_ci_high": expit(held + half),
            "dissimilarity": distance,
            "in_area_of_applicability": distance <= 1.0,
            "block": blocks,
        }
    )


def _importance(
    chosen: str, data: Design, y: np.ndarray, folds: np.ndarray, seed: int, fits: dict[str, Any]
) -> pd.DataFrame:
    """Permutation importance on the areas of the largest fold, by models that have not seen it."""
    from scipy.stats import spearmanr

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
    skill = np.array([spearmanr(row, y[unseen])[0] for row in mean])
    table = pd.DataFrame({"feature": data.features.columns, "importance": skill[0] - skill[1:]})
    return table.sort_values(["importance", "feature"], ascending=[False, True], ignore_index=True)


def _digest(data: Design, target: np.ndarray, names: Sequence[str], seed: int) -> str:
    text = hashlib.sha256()
    text.update("\n".join([*map(str, data.wide.index), *data.wide.columns, *names, str(seed)]).encode())
    for values in (data.wide.to_numpy(dtype=float), target):
        text.update(np.ascontiguousarray(values).tobytes())
    return text.hexdigest()
