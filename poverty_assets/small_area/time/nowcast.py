"""Between survey waves: what covariates say has moved since, and whether that has been worth more than nothing.

Belongs here: the move of margins of the finest level that follows from covariates, its score when the next wave comes, and the
choice between nowcast and persistence. Does not belong here: the estimates that are moved (``replicates``), drift as a source
of error (``drift``).

Persistence is the model fitted on the last wave with the covariates as of that wave. The nowcast adds, on the logit scale, what
a linear model of the same wave makes of the move of the covariates since. Each quarter's covariates are ranked within the
quarter, so that only who moved against whom counts: the brightness of a season, a new sensor or a wider register moves
everyone and is left out, and the country's level stays where the wave put it. Features that reorder finest areas faster than
living conditions can (rain, floods, heat) are held at the wave.

Nobody knows how good a nowcast is until the next wave. Then the nowcast made from the wave before it is scored against the new
direct estimates, beside persistence (no change) and the trend (the country's earlier change goes on), the sampling error of
the direct estimates taken off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit

from poverty_assets.arrays import FloatArray, IntArray, group_means, group_sums, logit, normal_ranks
from poverty_assets.errors import ContractViolation
from poverty_assets.measure.measure import Measure
from poverty_assets.small_area.margins.benchmark import benchmarked
from poverty_assets.small_area.margins.kernel import LEVEL_VARIANCE, Covariates
from poverty_assets.small_area.margins.published_totals import published_totals
from poverty_assets.small_area.sample import Sample, pooled_design_effect, read_sample

Choice = Literal["nowcast", "persistence"]

POOR = "headcount_ratio"
FOLD_DESIGN = "next_wave"
OVERALL = "all"
ALL_LEVELS = "all"
"""Level of scores of several levels together."""
_SCORE = ("target", "learner", "area_level", "metric", "value", "n")
_Score = tuple[str, str, str, str, float, int]
STEADY = 0.95
"""Correlation of a feature's ranks at the wave and now, below which its move is weather and is not followed. Deprivation
itself keeps 0.9 and more over four years."""
_LEADING, _FEATURES, _PUBLISHED, _AREA = 0.3, 0.15, 0.1, 0.1  # variances of the parts: where those of ``kernel`` start
_ROUNDS = 8


def sample_with_poor(households: pd.DataFrame, measure: Measure, area_ids: Sequence[str]) -> Sample:
    """The sample with one column more than the indicators: whether the household is poor (`POOR`), to be scored like them."""
    flags = households[measure.indicator_ids].to_numpy(dtype=float)
    known = np.isfinite(flags).all(axis=1)
    poor = measure.is_poor(measure.scores(np.where(known[:, None], flags, 0)), measure.cutoffs.poor)
    frame = households.assign(**{POOR: np.where(known, poor.astype(float), np.nan)})
    return read_sample(frame, [*measure.indicator_ids, POOR], area_ids)


def in_common(at_wave: pd.DataFrame, now: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of both tables whose covariate (``feature_id, register_id``) both have: only what was seen twice can move."""
    then, later = (pd.MultiIndex.from_frame(table[["feature_id", "register_id"]]) for table in (at_wave, now))
    return at_wave[then.isin(later)], now[later.isin(then)]


def nowcast_shift(
    sample: Sample,
    at_wave: Covariates,
    now: Covariates,
    population: FloatArray,
    *,
    design_effect: FloatArray | None = None,
) -> FloatArray:
    """Move of every area's logits since the wave, shape (n, d); 0 on average over the country.

    Parameters
    ----------
    sample : Sample
        The last wave.
    at_wave, now : Covariates
        Of the same areas, with the same features and leading covariates in the same order (`in_common`), as of the wave's last
        quarter and as of the quarter asked for.
    population : ndarray, shape (n,)
    design_effect : ndarray, shape (d,), optional
        Of clusters within an area (``sample.pooled_design_effect``); the sample's own if not given.

    Raises
    ------
    ContractViolation
        If the covariates are not the same ones.
    """
    return _shift(_linear_fit(sample, at_wave, now, design_effect), population)


@dataclass(frozen=True)
class _Linear:
    """Logits at the wave (n, d), and the coefficients (p, d) times the move of their columns (n, p)."""

    logits: FloatArray
    move: FloatArray


def _linear_fit(
    sample: Sample, at_wave: Covariates, now: Covariates, design_effect: FloatArray | None = None
) -> _Linear:
    """Logistic mixed model with fixed variances, by penalised quasi-likelihood as in ``kernel``, in as many dimensions as
    there are covariates: some hundredth of the cost of the kernel."""
    if at_wave.features.shape != now.features.shape or at_wave.leading.shape != now.leading.shape:
        raise ContractViolation(
            f"the wave has {at_wave.features.shape[1]} features and {at_wave.leading.shape[1]} leading covariates, the quarter"
            f" {now.features.shape[1]} and {now.leading.shape[1]}",
            remedy="give those that both have, in the same order",
        )
    leading0, leading1 = normal_ranks(at_wave.leading), normal_ranks(now.leading)
    features0, features1 = normal_ranks(at_wave.features), normal_ranks(now.features)
    features1 = np.where(is_followed(features0, features1), features1, features0)
    g, q, p = int(at_wave.at_published.max()) + 1, leading0.shape[1], features0.shape[1]
    fixed = np.column_stack([np.ones(len(features0)), np.eye(g)[at_wave.at_published]])
    columns = np.column_stack([fixed, leading0, features0])
    prior = np.r_[LEVEL_VARIANCE, np.full(g, _PUBLISHED), np.full(q, _LEADING), np.full(p, _FEATURES / max(p, 1))]
    effect = pooled_design_effect([sample]) if design_effect is None else design_effect
    sampled = sample.sampled
    share = sample.means(sample.shares, sample.area, sample.n_areas)[sampled]
    effective = sample.area_effective[sampled, None] / effect
    move = np.column_stack([leading1 - leading0, features1 - features0])
    fits = [_fit(columns, prior, sampled, share[:, j], effective[:, j]) for j in range(share.shape[1])]
    logits, coefficients = np.column_stack([f[0] for f in fits]), np.column_stack([f[1] for f in fits])
    return _Linear(logits, move @ coefficients[1 + g :])


def is_followed(at_wave: FloatArray, now: FloatArray) -> npt.NDArray[np.bool_]:
    """Whether the nowcast follows the move of each feature: columns of normal ranks (n, p) that agree by `STEADY` or more."""
    with np.errstate(invalid="ignore", divide="ignore"):
        same = (at_wave * now).sum(axis=0) / np.sqrt((at_wave**2).sum(axis=0) * (now**2).sum(axis=0))
    return np.asarray(same >= STEADY)


def _fit(
    columns: FloatArray, prior: FloatArray, sampled: IntArray, share: FloatArray, effective: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Logits of all areas, sampled ones drawn to their own share, and coefficients of one indicator."""
    level = float(np.clip(np.average(share, weights=effective), 1e-4, 1 - 1e-4))
    mean, x = float(logit(np.array(level))), columns[sampled]
    eta = np.full(len(sampled), mean)
    for step in range(_ROUNDS):
        mu = expit(eta)
        slope = np.maximum(mu * (1 - mu), 1e-6)
        working = eta + (share - mu) / slope
        weight = 1 / (_AREA + 1 / (effective * slope))
        beta = np.linalg.solve(x.T @ (weight[:, None] * x) + np.diag(1 / prior), x.T @ (weight * (working - mean)))
        fitted = mean + x @ beta
        after = fitted + _AREA * weight * (working - fitted)
        eta = (eta + after) / 2 if step < 2 else after
    logits = mean + columns @ beta
    logits[sampled] = eta
    return logits, beta


def _shift(fit: _Linear, population: FloatArray) -> FloatArray:
    return np.asarray(fit.move - np.average(fit.move, axis=0, weights=population))


def score_nowcast(
    before: Sample,
    after: Sample,
    at_before: Covariates,
    at_after: Covariates,
    population: FloatArray,
    names: Sequence[str],
    *,
    trend: FloatArray | None = None,
) -> pd.DataFrame:
    """Score the nowcast from one wave against the direct estimates of the next.

    Parameters
    ----------
    before, after : Sample
        The two waves, of the same areas and columns (`sample_with_poor`).
    at_before : Covariates
        As of the earlier wave.
    at_after : Covariates
        As of the quarter that is scored: the last one before the new wave was to be had, or an earlier one between.
    population : ndarray, shape (n,)
    names : sequence of str
        Of the columns of the samples.
    trend : ndarray, shape (d,), optional
        Change of the country's logits between the two waves if it had gone on as before the first (``drift.wave_trend`` times the
        years between). Without it (no wave before the two) there is no learner ``trend``.

    Returns
    -------
    DataFrame (catalog: ``model_metric``)
        ``target`` (the names, and `OVERALL`), ``learner`` (``nowcast``, ``persistence``, ``trend``), ``fold_design``
        (`FOLD_DESIGN`), ``metric``, ``value``, ``n``; without ``quarter``. Metrics are ``rmse``, ``mae`` and
        ``skill_against_persistence``, over sampled areas (``area_level`` ``finest``) and over those of the level ``published``.
        ``rmse`` is without the sampling error of the direct estimates, ``mae`` with it. Skill is 1 - rmse / rmse of persistence;
        that of `OVERALL` (both levels and all targets together) has a standard error, ``skill_against_persistence_se``.

    Notes
    -----
    In the overall skill each target and level weighs by the inverse of persistence's own mean squared difference; its standard
    error is a jackknife over published areas, within which finest areas move together.
    """
    at_published, fit = at_before.at_published, _linear_fit(before, at_before, at_after)
    totals = published_totals(before, at_published)
    level = benchmarked(fit.logits, population, at_published, totals)
    logits = {"persistence": level, "nowcast": level + _shift(fit, population)}
    if trend is not None:
        logits["trend"] = level + trend
    shares = {learner: expit(eta) for learner, eta in logits.items()}
    judged = {"finest": _finest_truth(after), "published": _published_truth(after, at_published)}
    rows: list[_Score] = []
    errors: dict[str, list[_Errors]] = {learner: [] for learner in shares}
    for role, (direct, noise, where) in judged.items():
        for learner, share in shares.items():
            finest = role == "finest"
            away = (share if finest else group_means(share, at_published, population))[where] - direct
            errors[learner].append(_Errors(away**2, noise, at_published[where] if finest else where))
            rows += _own_scores(names, learner, role, away, noise)
    for learner in [name for name in shares if name != "persistence"]:
        rows += _skills(names, learner, errors[learner], errors["persistence"])
    return pd.DataFrame(rows, columns=list(_SCORE)).assign(fold_design=FOLD_DESIGN)


@dataclass(frozen=True)
class _Errors:
    """Squared differences from direct estimates (a, d), sampling variances of these, and the published area of each row."""

    square: FloatArray
    noise: FloatArray
    at_published: IntArray


def _finest_truth(sample: Sample) -> tuple[FloatArray, FloatArray, IntArray]:
    """Direct shares of sampled finest areas, their sampling variances (unbiased for binomial counts), and their numbers."""
    sampled = sample.sampled
    share = sample.means(sample.shares, sample.area, sample.n_areas)[sampled]
    part = np.minimum(pooled_design_effect([sample]) / sample.area_effective[sampled, None], 0.5)
    return share, share * (1 - share) * part / (1 - part), sampled


def _published_truth(sample: Sample, at_published: IntArray) -> tuple[FloatArray, FloatArray, IntArray]:
    """The same of published areas; variances by Taylor linearisation with strata and clusters."""
    group, g = at_published[sample.area], int(at_published.max()) + 1
    share = sample.means(sample.shares, group, g)
    weight = sample.weight / np.bincount(group, sample.weight, g)[group]
    residual = weight[:, None] * (sample.shares - share[group])
    stratum = np.unique(sample.stratum * g + group, return_inverse=True)[1]
    m, mean = np.bincount(stratum), group_means(residual, stratum)
    factor = np.where(m > 1, m / np.maximum(m - 1, 1), 0.0)[stratum, None]
    variance = group_sums(factor * (residual - mean[stratum]) ** 2, group, g)
    seen = np.flatnonzero(np.isfinite(share).all(axis=1))
    return share[seen], np.asarray(variance[seen], dtype=float), seen


def _own_scores(
    names: Sequence[str], learner: str, role: str, difference: FloatArray, noise: FloatArray
) -> list[_Score]:
    square = np.maximum((difference**2 - noise).mean(axis=0), 0.0)
    scores = {"rmse": np.sqrt(square), "mae": np.abs(difference).mean(axis=0)}
    n = len(difference)
    return [
        (name, learner, role, metric, float(values[j]), n)
        for metric, values in scores.items()
        for j, name in enumerate(names)
    ]


def _skills(names: Sequence[str], learner: str, own: list[_Errors], base: list[_Errors]) -> list[_Score]:
    """Skill of each target at each level, then overall with its standard error."""
    rows: list[_Score] = []
    metric = "skill_against_persistence"
    for one, other, role in zip(own, base, ("finest", "published"), strict=True):
        for j, name in enumerate(names):
            value = _skill([_column(one, j)], [_column(other, j)])
            rows.append((name, learner, role, metric, value, len(one.square)))
    left_out = np.unique(base[0].at_published)
    jackknife = np.array([_skill(*(_without(errors, p) for errors in (own, base))) for p in left_out])
    spread = np.sqrt((len(left_out) - 1) / len(left_out) * ((jackknife - jackknife.mean()) ** 2).sum())
    n = len(base[0].square)
    rows.append((OVERALL, learner, ALL_LEVELS, metric, _skill(own, base), n))
    rows.append((OVERALL, learner, ALL_LEVELS, f"{metric}_se", float(spread), n))
    return rows


def _column(errors: _Errors, j: int) -> _Errors:
    return _Errors(errors.square[:, [j]], errors.noise[:, [j]], errors.at_published)


def _without(parts: list[_Errors], at_published: int) -> list[_Errors]:
    kept = [part.at_published != at_published for part in parts]
    return [_Errors(p.square[k], p.noise[k], p.at_published[k]) for p, k in zip(parts, kept, strict=True)]


def _skill(own: list[_Errors], base: list[_Errors]) -> float:
    """1 less the ratio of root mean squared errors, sampling error taken off; each part weighs by persistence's own."""
    numerator = denominator = 0.0
    for one, other in zip(own, base, strict=True):
        noise, raw = one.noise.mean(axis=0), np.maximum(other.square.mean(axis=0), 1e-12)
        numerator += float(((one.square.mean(axis=0) - noise) / raw).sum())
        denominator += float(((other.square.mean(axis=0) - noise) / raw).sum())
    if denominator <= 0:
        return 0.0  # persistence is as good as the sample can tell: nothing to be gained
    return 1 - float(np.sqrt(max(numerator, 0.0) / denominator))


def choose_nowcast(metrics: pd.DataFrame) -> Choice:
    """Which of the two a quarter publishes: the nowcast if it beat persistence when last judged, else persistence.

    It has beaten persistence if its skill over all indicators and the headcount ratio, at finest areas and published areas
    together, is above 0 by more than its standard error. As long as no wave has judged it, persistence stands.

    Parameters
    ----------
    metrics : DataFrame
        From `score_nowcast`; empty where there has been one wave only.
    """
    skill, error = _overall(metrics)
    return "nowcast" if skill > error else "persistence"


def choice_reason(metrics: pd.DataFrame) -> str:
    """Why, in a sentence for ``dim_quarter`` and the UI."""
    skill, error = _overall(metrics)
    if not np.isfinite(skill):
        return "persistence: no wave has judged the nowcast yet"
    found = f"skill against persistence {skill:+.1%} (standard error {error:.1%}) when the latest wave came"
    return f"{choose_nowcast(metrics)}: {found}"


def _overall(metrics: pd.DataFrame) -> tuple[float, float]:
    if metrics.empty:
        return float("nan"), float("nan")
    rows: Any = metrics[(metrics["target"] == OVERALL) & (metrics["learner"] == "nowcast")].set_index("metric")["value"]
    return tuple(float(rows.get(f"skill_against_persistence{end}", np.nan)) for end in ("", "_se"))  # type: ignore[return-value]
