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
direct estimates, beside persistence (no change), the trend (a part of the country's change before that wave goes on) and growth (the
last wave moved by what the country's income per person has gained), the sampling error of the direct estimates taken off. It is
published where it came nearer than each: of areas with households in the survey, and of those without, each by their own scores;
elsewhere the best baseline is, under its name.

Growth follows the practice of global poverty counts: a part of the growth of national accounts reaches households, and their
distribution moves as a whole (Mahler, Castaneda Aguilar and Newhouse 2022; Mahler and Newhouse 2024). Each deprivation is taken for a
line under a lognormal distribution of consumption, so that growth takes the same off every probit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit, ndtr, ndtri

from poverty_assets.arrays import FloatArray, IntArray, group_means, group_sums, logit, normal_ranks
from poverty_assets.errors import ContractViolation
from poverty_assets.measure.measure import Measure
from poverty_assets.small_area.inputs import POOR
from poverty_assets.small_area.margins.benchmark import benchmarked
from poverty_assets.small_area.margins.kernel import LEVEL_VARIANCE, Covariates
from poverty_assets.small_area.margins.published_totals import published_totals
from poverty_assets.small_area.sample import Sample, pooled_design_effect, read_sample

Choice = Literal["nowcast", "trend", "growth", "persistence"]

FOLD_DESIGN = "next_wave"
OVERALL = "all"
ALL_LEVELS = "all"
"""Level of scores of several levels together."""
SURVEYED, UNSURVEYED = "surveyed=true", "surveyed=false"
"""Subgroups of scores: finest areas with households in the earlier wave, and without."""
SKILL = "skill_against_persistence"
_SCORE = ("target", "learner", "area_level", "subgroup", "metric", "value", "n")
_Score = tuple[str, str, str, str, str, float, int]
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


@dataclass(frozen=True)
class Expected:
    """What was to be expected of a country after a wave; a baseline of which nothing is known is not scored.

    Attributes
    ----------
    trend : ndarray, shape (d,), optional
        What its logits gain by their change before the wave (``drift.trend_before``).
    growth : float, optional
        What log consumption gains, in its standard deviations (``pack.growth``).
    """

    trend: FloatArray | None = None
    growth: float | None = None

    def moves(self, level: FloatArray) -> dict[str, FloatArray]:
        """What each baseline that there is adds to logits (n, d), by learner."""
        found = {} if self.trend is None else {"trend": np.broadcast_to(self.trend, level.shape)}
        return found if self.growth is None else found | {"growth": grown(level, self.growth)}


def score_nowcast(
    before: Sample,
    after: Sample,
    at_before: Covariates,
    at_after: Covariates,
    population: FloatArray,
    names: Sequence[str],
    *,
    expected: Expected | None = None,
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
    expected : Expected, optional
        Of the country between the two waves. The nowcast has gained what came nearest of it, where that was nearer than persistence.

    Returns
    -------
    DataFrame (catalog: ``model_metric``)
        ``target`` (the names, and `OVERALL`), ``learner`` (``nowcast``, ``persistence``, ``trend``, ``growth``), ``fold_design``
        (`FOLD_DESIGN`), ``subgroup``, ``metric``, ``value``, ``n``; without ``quarter``. ``rmse`` (without the sampling error of the
        direct estimates), ``mae`` (with it) and `SKILL`, 1 - rmse / rmse of persistence, over sampled areas (``area_level`` ``finest``)
        and the level ``published``; skill of `OVERALL` with a standard error, also of finest areas `SURVEYED` and `UNSURVEYED`.

    Notes
    -----
    In the overall skill each target and level weighs by the inverse of persistence's own mean squared difference; its standard
    error is a jackknife over published areas, within which finest areas move together.
    """
    at_published, fit = at_before.at_published, _linear_fit(before, at_before, at_after)
    totals = published_totals(before, at_published)
    level = benchmarked(fit.logits, population, at_published, totals)
    truth = {"finest": _finest_truth(after), "published": _published_truth(after, at_published)}
    surveyed = np.isin(truth["finest"][2], before.sampled)

    def errors(logits: FloatArray) -> list[_Errors]:
        return [_errors(expit(logits), role, *of, at_published, population) for role, of in truth.items()]

    base, moved = errors(level), (expected or Expected()).moves(level)
    baselines = {name: errors(level + move) for name, move in moved.items()}
    best = max(baselines, key=lambda name: _skill(baselines[name], base), default=None)
    gain = moved[best] if best and not _skill(baselines[best], base) < 0 else 0.0
    judged = {"persistence": base, "nowcast": errors(level + gain + _shift(fit, population)), **baselines}
    rows: list[_Score] = []
    for learner, own in judged.items():
        for role, of in zip(truth, own, strict=True):
            rows += _own_scores(names, learner, role, of)
        rows += _skills(names, learner, own, base, surveyed) if learner != "persistence" else []
    return pd.DataFrame(rows, columns=list(_SCORE)).assign(fold_design=FOLD_DESIGN)


@dataclass(frozen=True)
class _Errors:
    """Differences from direct estimates (a, d), sampling variances of these, and the published area of each row."""

    difference: FloatArray
    noise: FloatArray
    at_published: IntArray

    @property
    def square(self) -> FloatArray:
        """Squared differences."""
        return np.asarray(self.difference**2)


def _errors(
    share: FloatArray,
    role: str,
    direct: FloatArray,
    noise: FloatArray,
    where: IntArray,
    at_published: IntArray,
    population: FloatArray,
) -> _Errors:
    """Shares of finest areas, or what they add up to, against direct ones."""
    if role == "finest":
        return _Errors(share[where] - direct, noise, at_published[where])
    return _Errors(group_means(share, at_published, population)[where] - direct, noise, where)


def grown(logits: FloatArray, growth: float) -> FloatArray:
    """What logits of shares deprived gain where log consumption has gained so many of its standard deviations."""
    inside = np.clip(expit(logits), 1e-6, 1 - 1e-6)
    return np.asarray(logit(np.clip(ndtr(ndtri(inside) - growth), 1e-9, 1 - 1e-9)) - logit(inside))


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


def _own_scores(names: Sequence[str], learner: str, role: str, errors: _Errors) -> list[_Score]:
    square = np.maximum((errors.square - errors.noise).mean(axis=0), 0.0)
    scores = {"rmse": np.sqrt(square), "mae": np.abs(errors.difference).mean(axis=0)}
    n = len(errors.difference)
    return [
        (name, learner, role, OVERALL, metric, float(values[j]), n)
        for metric, values in scores.items()
        for j, name in enumerate(names)
    ]


def _skills(
    names: Sequence[str], learner: str, own: list[_Errors], base: list[_Errors], surveyed: npt.NDArray[np.bool_]
) -> list[_Score]:
    """Skill of each target at each level, then overall and of finest areas surveyed and not, with standard errors."""
    rows: list[_Score] = []
    for one, other, role in zip(own, base, ("finest", "published"), strict=True):
        for j, name in enumerate(names):
            value = _skill([_column(one, j)], [_column(other, j)])
            rows.append((name, learner, role, OVERALL, SKILL, value, len(one.square)))
    rows += _overall_skill(learner, ALL_LEVELS, OVERALL, own, base)
    for subgroup, which in ((SURVEYED, surveyed), (UNSURVEYED, ~surveyed)):
        rows += _overall_skill(learner, "finest", subgroup, [_of(own[0], which)], [_of(base[0], which)])
    return rows


def _overall_skill(learner: str, role: str, subgroup: str, own: list[_Errors], base: list[_Errors]) -> list[_Score]:
    """Skill over all targets with its standard error; none where areas lie in one published area alone."""
    left_out = np.unique(base[0].at_published)
    if len(left_out) < 2:
        return []
    jackknife = np.array([_skill(*(_without(errors, p) for errors in (own, base))) for p in left_out])
    spread = np.sqrt((len(left_out) - 1) / len(left_out) * ((jackknife - jackknife.mean()) ** 2).sum())
    values = {SKILL: _skill(own, base), f"{SKILL}_se": float(spread)}
    return [(OVERALL, learner, role, subgroup, name, value, len(base[0].square)) for name, value in values.items()]


def _of(errors: _Errors, rows: npt.NDArray[np.bool_]) -> _Errors:
    return _Errors(errors.difference[rows], errors.noise[rows], errors.at_published[rows])


def _column(errors: _Errors, j: int) -> _Errors:
    return _Errors(errors.difference[:, [j]], errors.noise[:, [j]], errors.at_published)


def _without(parts: list[_Errors], at_published: int) -> list[_Errors]:
    kept = [part.at_published != at_published for part in parts]
    return [_Errors(p.difference[k], p.noise[k], p.at_published[k]) for p, k in zip(parts, kept, strict=True)]


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


@dataclass(frozen=True)
class Chosen:
    """What a quarter publishes.

    Attributes
    ----------
    surveyed, unsurveyed : {"nowcast", "trend", "growth", "persistence"}
        Of finest areas with and without households in the survey.
    baseline : {"trend", "growth", "persistence"}
        What all have gained: a part of the country's trend, what its growth says, or nothing (``margins.fit.Since.centre``).
    reason : str
        Why, in a sentence for ``dim_quarter`` and the UI.
    """

    surveyed: Choice
    unsurveyed: Choice
    baseline: Choice
    reason: str

    @property
    def method(self) -> Choice:
        """In a word: a nowcast where any area has one."""
        return "nowcast" if "nowcast" in (self.surveyed, self.unsurveyed) else self.unsurveyed

    def followed(self, surveyed: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Which areas follow the quarter's covariates."""
        return np.where(surveyed, self.surveyed == "nowcast", self.unsurveyed == "nowcast")


def choose_nowcast(metrics: pd.DataFrame, *, has_trend: bool, has_growth: bool = False) -> Chosen:
    """Which of them areas with and without households publish: the one that came nearest when last judged.

    A nowcast has come nearer if its skill against persistence, over all targets and areas, is above 0 by more than its standard
    error; of each of the two it must be above 0 as well, and not below that of the best baseline. That is the trend unless growth or
    persistence came nearer when judged. As long as no wave has judged the nowcast, it is not followed.

    Parameters
    ----------
    metrics : DataFrame
        From `score_nowcast`; empty where there has been one wave only.
    has_trend : bool
        Whether there are two waves to tell a trend.
    has_growth : bool
        Whether growth since the wave is known.
    """
    if metrics.empty:
        first: Choice = "trend" if has_trend else "persistence"
        return Chosen(first, first, first, f"{first}: no wave has judged the nowcast yet")
    skills = {name: _overall(metrics, name)[0] for name in ("trend", "growth")}
    baseline = _best_baseline(skills, has_trend=has_trend, has_growth=has_growth)
    gained = np.greater(*_overall(metrics, "nowcast"))
    chosen, found = {}, {}
    for subgroup in (SURVEYED, UNSURVEYED):
        (skill, error), (of_baseline, _) = (_overall(metrics, name, subgroup) for name in ("nowcast", baseline))
        better: Choice = "nowcast" if gained and skill > 0 and not of_baseline > skill else baseline
        chosen[subgroup], found[subgroup] = better, f"{skill:+.1%} (standard error {error:.1%})"
    skill, error = _overall(metrics, "nowcast")
    made = Chosen(chosen[SURVEYED], chosen[UNSURVEYED], baseline, "")
    reason = (
        f"{made.method}: skill against persistence {skill:+.1%} (standard error {error:.1%}) when the latest wave came;"
        f" {made.surveyed} with households in the survey {found[SURVEYED]}, {made.unsurveyed} without {found[UNSURVEYED]}"
    )
    told = [f"; {name} {value:+.1%}" for name, value in skills.items() if not np.isnan(value)]
    return replace(made, reason="".join([reason, *told]).replace("; trend", "; the trend"))


def _best_baseline(skills: dict[str, float], *, has_trend: bool, has_growth: bool) -> Choice:
    """The trend unless it was judged and growth or persistence came nearer; growth only where it was judged."""
    trend, growth = skills["trend"], skills["growth"]
    if has_growth and growth > 0 and not trend >= growth:
        return "growth"
    return "trend" if has_trend and not trend < 0 else "persistence"


def _overall(metrics: pd.DataFrame, learner: str, subgroup: str = OVERALL) -> tuple[float, float]:
    """Skill over all targets and its standard error; of all areas where a subgroup has none, NaN where the learner has none."""
    own = metrics[(metrics["target"] == OVERALL) & (metrics["learner"] == learner)]
    of_group = own[own["subgroup"] == subgroup]
    values = (of_group if len(of_group) else own[own["subgroup"] == OVERALL]).set_index("metric")["value"]
    return float(values.get(SKILL, np.nan)), float(values.get(f"{SKILL}_se", np.nan))
