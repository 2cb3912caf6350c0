"""Downscaling: communes where only totals of provinces were published, and no household can be seen.

Belongs here: commune margins from covariates and registers that add up to published headcounts, profiles that add up to the
published H, M0 and censored headcounts, and wide intervals. Does not belong here: reading the publication
(``sources.published``), areas with a survey (``margins``).

Two steps, both of maximum entropy given what is published.

1. Margins. Between provinces, the published headcounts tell how each indicator goes with a deprivation index of covariates
   and registers; within provinces the same slope is taken to hold, shrunk for the chance in 25 points. Each province's
   communes are then benchmarked to its own headcounts. What the slope within provinces truly is cannot be seen in the totals
   of provinces (the ecological fallacy), so replicates draw it widely.
2. Profiles. Within a province every commune's seed is tilted by the same factors exp(phi 1[poor] + sum_j psi_j 1[j, poor]), and
   each commune by its own margins; phi and psi are such that the province's H and censored headcounts come out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from poverty_assets.errors import ContractViolation
from poverty_assets.measurement.measure import Measure
from poverty_assets.small_area.association import trait_profiles
from poverty_assets.small_area.benchmark import benchmarked
from poverty_assets.small_area.joint_profiles import logit, rake
from poverty_assets.small_area.kernel import normal_ranks
from poverty_assets.small_area.margins import HOUSEHOLD_EFFECT
from poverty_assets.small_area.replicates import collect
from poverty_assets.small_area.tables import Drawn, Rollup
from poverty_assets.small_area.tilt import Published, poor_features, tilt_to_published

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

FLOOR = 0.0005
"""A published headcount of 0 is that of a sample: the population's is taken to be at least this."""
INDEX_SPREAD = 0.5
"""Prior standard deviation of the slope of an indicator's log odds within provinces, as a share of the slope between."""
AREA_SPREAD = 0.6
"""Standard deviation of a commune's log odds about the index: about that of surveyed communes given the same covariates."""
COMMON = 0.7
"""Correlation of the indicators' departures in one commune."""
LOADING = 0.5
"""Loading of every indicator on the households' common trait before the published poverty rates correct it."""


@dataclass(frozen=True)
class Downscaled:
    """Commune margins before benchmarking and how they were had.

    Attributes
    ----------
    logits : ndarray, shape (n, d)
    slope, slope_error : ndarray, shape (d,)
        Of log odds on the deprivation index.
    index : ndarray, shape (n,)
        Deprivation index of communes, standardised by population.
    """

    logits: FloatArray
    slope: FloatArray
    slope_error: FloatArray
    index: FloatArray


def deprivation_index(columns: FloatArray, population: FloatArray, province: IntArray, rate: FloatArray) -> FloatArray:
    """One index of deprivation from covariates and registers, shape (n,).

    Each covariate is ranked and weighted by its correlation with the published rate across provinces, shrunk towards 0 by the
    chance in g points; ranks that no province's mean sets apart get no weight.

    Parameters
    ----------
    columns : ndarray, shape (n, p)
    population : ndarray, shape (n,)
    province : ndarray of int, shape (n,)
    rate : ndarray, shape (g,)
        Published headcount ratio of provinces.
    """
    ranks = normal_ranks(columns)
    total = np.bincount(province, population)
    means = np.column_stack([np.bincount(province, population * c) / total for c in ranks.T])
    target = logit(np.clip(rate, FLOOR, 1 - FLOOR))
    # ridge on provinces with as much weight on the prior as three provinces carry: p covariates, but g points only
    away, centre = means - means.mean(axis=0), target - target.mean()
    gram = away @ away.T
    beta = away.T @ np.linalg.solve(gram + 3 * np.trace(gram) / len(rate) * np.eye(len(rate)), centre)
    index = ranks @ beta
    middle = np.average(index, weights=population)
    return np.asarray((index - middle) / np.sqrt(np.average((index - middle) ** 2, weights=population)))


def downscale_margins(
    published: Published, columns: FloatArray, population: FloatArray, province: IntArray
) -> Downscaled:
    """Commune log odds along the index, with the slope between provinces; see the module's first step.

    Raises
    ------
    ContractViolation
        If the published figures are not of the provinces that the communes lie in.
    """
    g = int(province.max()) + 1
    if published.uncensored.shape[0] != g:
        raise ContractViolation(
            f"figures of {published.uncensored.shape[0]} provinces for communes of {g}",
            remedy="give one row for each province that has communes, in the order of their numbers",
        )
    index = deprivation_index(columns, population, province, published.headcount_ratio)
    total = np.bincount(province, population)
    mean = np.bincount(province, population * index) / total
    target = logit(np.clip(published.uncensored, FLOOR, 1 - FLOOR))
    away = mean - mean.mean()
    slope = away @ (target - target.mean(axis=0)) / (away @ away)
    residual = target - target.mean(axis=0) - away[:, None] * slope
    chance = (residual**2).sum(axis=0) / (g - 2) / (away @ away)
    slope = np.maximum(slope, 0.0) * slope**2 / (slope**2 + chance)
    error = np.sqrt(chance + (INDEX_SPREAD * slope) ** 2)
    return Downscaled(index[:, None] * slope, slope, error, index)


def downscale(
    published: Published,
    columns: FloatArray,
    population: FloatArray,
    households: FloatArray,
    province: IntArray,
    areas: Rollup,
    measure: Measure,
    *,
    n_replicates: int = 200,
    seed: int = 0,
) -> Drawn:
    """Every figure of every commune from published totals of provinces, with intervals.

    Parameters
    ----------
    published : Published
    columns : ndarray, shape (n, p)
        Covariates and registers' rates of communes; NaN where not known.
    population, households : ndarray, shape (n,)
    province : ndarray of int, shape (n,)
    areas : Rollup
        With ``method='downscaled'``.
    measure : Measure
    n_replicates, seed : int

    Returns
    -------
    Drawn
        For ``tables.small_area_tables``. Uncensored headcounts of provinces are the published ones; H and censored headcounts
        as near as the margins allow.
    """
    rng = np.random.default_rng(seed)
    model = downscale_margins(published, columns, population, province)
    logits = benchmarked(model.logits, population, province, _inside(published.uncensored))
    margins = expit(logits)
    start = trait_profiles(margins, np.full_like(margins, LOADING))
    profiles, tilt = tilt_to_published(start, margins, population, province, published, measure)
    draws = _draws(model, published, population, households, province, tilt, measure, n_replicates, rng)
    return collect(profiles, draws, n_replicates, areas, measure)


def _inside(share: FloatArray) -> FloatArray:
    return np.clip(share, FLOOR, 1 - FLOOR)


def _draws(
    model: Downscaled,
    published: Published,
    population: FloatArray,
    households: FloatArray,
    province: IntArray,
    tilt: FloatArray,
    measure: Measure,
    n_replicates: int,
    rng: np.random.Generator,
) -> Iterator[FloatArray]:
    n, d = model.logits.shape
    factor = np.exp(tilt @ poor_features(measure).T)
    number = np.maximum(households / HOUSEHOLD_EFFECT, 1.0)[:, None]
    share = _inside(published.uncensored)
    error = published.uncensored_error / (share * (1 - share))
    for _ in range(n_replicates):
        slope = model.slope + model.slope_error * (
            np.sqrt(COMMON) * rng.standard_normal() + np.sqrt(1 - COMMON) * rng.standard_normal(d)
        )
        own = np.sqrt(COMMON) * rng.standard_normal((n, 1)) + np.sqrt(1 - COMMON) * rng.standard_normal((n, d))
        totals = _inside(expit(logit(share) + error * rng.standard_normal(share.shape)))
        logits = model.index[:, None] * slope + AREA_SPREAD * own
        margins = expit(benchmarked(logits, population, province, totals))
        loading = np.clip(LOADING * np.exp(0.2 * rng.standard_normal((n, 1))), 0.05, 0.9)
        expected = trait_profiles(margins, np.broadcast_to(loading, margins.shape)) * factor[province]
        expected = rake(expected / expected.sum(axis=1, keepdims=True), margins).profiles
        counts = rng.poisson(expected * number).astype(float)
        size = counts.sum(axis=1, keepdims=True)
        yield np.where(size > 0, counts / np.maximum(size, 1.0), expected)
