"""The model of a register's rate by area of the finest level: what would be listed in a place like this one, judged without seeing it.

Belongs here: fitting, choosing, predicting every area of the finest level out of its block, intervals, importance, the area of
applicability. Does not belong here: learners (``learners``), how they are played off (``judging.league``), the saved file
(``artifact``), the quarter's tables (``quarter_models``).

The learner is chosen by Spearman correlation under 50 km blocks, and takes the place of the last champion only if it beats it on
the same folds. Published areas that have no area on the register yet get the learner that does best when whole areas of the
published level are left out. Random folds are reported and never used to choose.
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
from poverty_assets.judging.folds import BLOCK_METRES, BLOCKS, PUBLISHED_OUT, block_ids, design_name, fold_ids
from poverty_assets.judging.league import Contest, Held, fit_whole, importance, play
from poverty_assets.judging.scores import conformal_width, interval_coverage, scores
from poverty_assets.registers.learners import (
    BASELINES,
    DEFAULT,
    LEARNERS,
    PUBLISHED,
    Design,
    alone,
    candidates,
    design,
    in_order,
    learner,
    members_of,
)

_FOLDS = {BLOCKS: 10, "random": 5, PUBLISHED_OUT: 0}  # the last makes a fold of every published area
_LEAST_AREAS = 50
# An area outside the training cloud has an interval wider in proportion to its distance, at most so many times.
_WIDEST = 3.0


@dataclass(frozen=True, eq=False)
class RegisterInputs:
    """What the model of one register is fitted from.

    Attributes
    ----------
    target : str
        What the rate is called where models are told apart.
    features : DataFrame indexed by area_id, shape (n, p)
        What was observed by the quarter's end. It must hold nothing of the register itself.
    rate, households : Series indexed by area_id
        The register's rate (0 to 1; absent or NaN where it has no row) and the households it is a share of.
    xy : numpy.ndarray, shape (n, 2)
        Metric coordinates of each area.
    published : numpy.ndarray of str, shape (n,)
    lagged : Series indexed by area_id, optional
        An earlier register's rate: for baselines and a forecast that are scored beside the learners, never a feature of them.
    alone : tuple of str
        Features whose own skill is shown as a baseline (night lights, population density).
    block_metres : float
        Side of the blocks of land that are held out together.
    """

    target: str
    features: pd.DataFrame
    rate: pd.Series
    households: pd.Series
    xy: np.ndarray
    published: np.ndarray
    lagged: pd.Series | None = None
    alone: tuple[str, ...] = ()
    block_metres: float = BLOCK_METRES

    def of_areas(self, values: pd.Series) -> np.ndarray:
        """Values in the order of the features' rows, shape (n,)."""
        return values.reindex(self.features.index).to_numpy(dtype=float)

    def design(self) -> Design:
        """What learners see."""
        return design(
            self.features, self.xy, self.published, None if self.lagged is None else self.of_areas(self.lagged)
        )


@dataclass(frozen=True, eq=False)
class RegisterModel:
    """A fitted model of a register's rate.

    Attributes
    ----------
    learner : str
        The one chosen.
    elsewhere : str
        The one for published areas without any area on the register.
    chosen_by : str
        The rule, and what came of the last champion.
    metrics : DataFrame
        ``target, learner, feature, fold_design, metric, value, n``; fold designs by role (``judging.folds``).
    predictions : DataFrame
        For every area of the finest level ``area_id, modelled_rate, modelled_rate_ci_low, modelled_rate_ci_high, dissimilarity,
        in_area_of_applicability, block``; the rate is predicted without the area's 50 km block.
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
    inputs: RegisterInputs,
    *,
    learners: Sequence[str] = DEFAULT,
    champion: str | None = None,
    seed: int = 0,
) -> RegisterModel:
    """Fit, judge and choose.

    Parameters
    ----------
    inputs : RegisterInputs
    learners : sequence of str
        Names in ``learners.LEARNERS``.
    champion : str, optional
        Learner that served so far; it is judged on the same folds as the others, and stays unless one of them is better.
    seed : int
        Of folds and learners.

    Raises
    ------
    ContractViolation
        If fewer than 50 areas have a rate, or a rate is outside 0 to 1.
    """
    rate, households = inputs.of_areas(inputs.rate), inputs.of_areas(inputs.households)
    _check(rate, inputs.features.index)
    contest = Contest(data := inputs.design(), y := rate_logit(rate), seed=seed)
    blocks = block_ids(inputs.xy, inputs.block_metres)
    asked = [*learners, *([champion] if champion in LEARNERS else [])]
    players = [*map(learner, dict.fromkeys([*in_order(asked), *_baselines(data)]))]
    players += [alone(name) for name in inputs.alone if name in data.features.columns]
    folds = {
        name: fold_ids(name, blocks=blocks, published=data.published, n_folds=n_folds, seed=seed)
        for name, n_folds in _FOLDS.items()
    }

    def score(predicted: np.ndarray) -> dict[str, float]:
        return scores(rate_of_logit(predicted), rate, households, data.published)

    # One thread: sums over several come out different in the last digit with another number of threads.
    with threadpool_limits(1):
        held, metrics = play(players, contest, folds, score, [inputs.target])
        chosen, elsewhere = choose(metrics, champion=champion), _beyond(metrics)
        worth = _importance(chosen, contest, folds[BLOCKS])
        estimators = fit_whole(members_of(chosen), contest)
    cloud = training_cloud(data.features, contest.known, folds[BLOCKS])
    return RegisterModel(
        learner=chosen,
        elsewhere=elsewhere,
        chosen_by=_why(chosen, champion, inputs.block_metres),
        metrics=metrics,
        predictions=_predictions(contest, held, (chosen, elsewhere), cloud, folds[BLOCKS]).assign(block=blocks),
        cloud=cloud,
        importance=worth,
        interval_coverage=interval_coverage(y - held[BLOCKS][chosen, ""], folds[BLOCKS]),
        n_training=int(contest.known.sum()),
        training_digest=_digest(data, rate, [":".join(filter(None, one.learner_id)) for one in players], seed),
        features=tuple(data.features.columns),
        estimators=estimators,
    )


def choose(metrics: pd.DataFrame, fold_design: str = BLOCKS, *, champion: str | None = None) -> str:
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
    able = rows[candidates(rows["learner"])]
    found = {name: float(value) for name, value in zip(able["learner"], able["value"], strict=True)}
    if not found:
        raise SpecificationError("no learner was given, only baselines")
    best = max(found, key=found.__getitem__)
    stays = champion is not None and champion in found and found[best] <= found[champion]
    return str(champion) if stays else best


def _beyond(metrics: pd.DataFrame) -> str:
    """The learner for published areas that nothing is known of; where none is quick enough to leave each out, the chosen one."""
    able = metrics[candidates(metrics["learner"])]
    quick = able[[learner(name).by_published for name in able["learner"]]]
    return choose(quick, PUBLISHED_OUT) if (quick["fold_design"] == PUBLISHED_OUT).any() else choose(metrics)


def _why(chosen: str, champion: str | None, block_metres: float) -> str:
    rule = f"spearman under {design_name(BLOCKS, '', block_metres)}"
    if champion is None:
        return rule
    if champion not in LEARNERS:
        return f"{rule}; the last champion, {champion}, is no learner any more"
    outcome = "the last champion stays" if chosen == champion else f"beats the last champion, {champion}"
    return f"{rule}; {outcome}"


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


def _baselines(data: Design) -> list[str]:
    rows = {name: learner(name).rows for name in BASELINES}
    return [name for name, of_data in rows.items() if of_data is None or of_data(data).any()]


def _predictions(
    contest: Contest, held: Held, served_by: tuple[str, str], cloud: TrainingCloud, folds: np.ndarray
) -> pd.DataFrame:
    """Areas' rates out of their block, or out of their published area where it has none on the register, with intervals."""
    data, y = contest.data, contest.y
    by_block = held[BLOCKS][served_by[0], ""]
    beyond = held.get(PUBLISHED_OUT, {}).get((served_by[1], ""), by_block)
    unseen = ~np.isin(data.published, data.published[contest.known])
    answer = np.where(unseen, beyond, by_block)
    half = np.where(unseen, conformal_width(y - beyond), conformal_width(y - by_block))
    distance = cloud.distance(data.features, folds)
    half *= np.clip(distance, 1.0, _WIDEST)
    return pd.DataFrame(
        {
            "area_id": data.features.index.to_numpy(),
            "modelled_rate": rate_of_logit(answer),
            "modelled_rate_ci_low": rate_of_logit(answer - half),
            "modelled_rate_ci_high": rate_of_logit(answer + half),
            "dissimilarity": distance,
            "in_area_of_applicability": distance <= 1.0,
        }
    )


def _importance(chosen: str, contest: Contest, folds: np.ndarray) -> pd.DataFrame:
    """``feature, importance``: a feature is shuffled with its neighbourhood means."""
    data = contest.data
    seen = data.wide.assign(**{PUBLISHED: data.published})
    groups = {
        name: [column for column in seen.columns if column == name or column.startswith(f"{name}|")]
        for name in data.features.columns
    }
    found = importance(members_of(chosen), contest, folds, seen, groups)[0].rename("importance").reset_index()
    return found.sort_values(["importance", "feature"], ascending=[False, True], ignore_index=True)


def _digest(data: Design, target: np.ndarray, names: Sequence[str], seed: int) -> str:
    text = hashlib.sha256()
    text.update("\n".join([*map(str, data.wide.index), *data.wide.columns, *names, str(seed)]).encode())
    for values in (data.wide.to_numpy(dtype=float), target):
        text.update(np.ascontiguousarray(values).tobytes())
    return text.hexdigest()
