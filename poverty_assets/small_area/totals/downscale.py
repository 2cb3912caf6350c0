"""Downscaling: finest areas where only totals of the published level were published, and no household can be seen.

Belongs here: margins of the finest level from covariates and registers that add up to published headcounts, profiles that add
up to the published H, M0 and censored headcounts, and wide intervals. Does not belong here: reading the publication
(``published.ophi``), areas with a survey (``margins``).

Two steps, both of maximum entropy given what is published.

1. Margins. Between published areas, the published headcounts tell how each indicator goes with a deprivation index of covariates
   and registers (on the probit scale, as in ``kernel``). Within published areas the slope is less: an index holds a finest
   area's own noise, which published areas' means do not (the ecological fallacy). How much less cannot be seen in the totals
   of the published level, so it is a stated share of the slope between, and replicates draw it widely. Each published area's
   finest areas are then benchmarked to its own headcounts.
2. Profiles. Within a published area every finest area's seed is tilted by the same factors exp(phi 1[poor] + sum_j psi_j 1[j,
   poor]), and each finest area by its own margins; phi and psi are such that the published area's H and censored headcounts
   come out. A replicate draws the published headcounts and H within their standard errors, and adds the tilt that brings its
   own H and M0 about.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, ndtri
from threadpoolctl import threadpool_limits

from poverty_assets.arrays import FloatArray, IntArray, group_means, group_sums, logit, normal_ranks
from poverty_assets.errors import ContractViolation
from poverty_assets.measure.measure import Measure
from poverty_assets.small_area.association.loadings import trait_profiles
from poverty_assets.small_area.association.raking import rake
from poverty_assets.small_area.association.tilt import Published, poor_features, tilt_to_published, within_published
from poverty_assets.small_area.figures import Drawn
from poverty_assets.small_area.margins.benchmark import benchmarked, log_odds
from poverty_assets.small_area.margins.fit import HOUSEHOLD_EFFECT
from poverty_assets.small_area.margins.kernel import Covariates
from poverty_assets.small_area.people import Inhabitants
from poverty_assets.small_area.replicates import DRAWN_TOLERANCE, collect, drawn_households, in_threads
from poverty_assets.small_area.totals.figures import SAMPLED, inside
from poverty_assets.small_area.wanted import Options, Wanted

WITHIN, WITHIN_SPREAD = 0.6, 0.35
"""Slope of an indicator within published areas as a share of what is expected, and the standard deviation of that share.
Expected is the mean of its own slope between published areas and all indicators' (slopes on one index of deprivation are
alike). Three twins (seeds 20260101, 7 and 4242) have 0.63 on average with a register in the index, and less without; the
spread is about 0.3."""
AREA_SPREAD = 0.3
"""Standard deviation of a finest area's probit about the index: over the same, 0.18 to 0.34 with a register and 0.19 to 0.39
without."""
COMMON = 0.5
"""Correlation of the indicators' departures in one finest area."""
LOADING = 0.5
"""Loading of every indicator on the households' common trait before the published poverty rates correct it."""
_FEW = 5.0  # cases behind a published headcount, below which its error is a gamma variable's
_STEPS = 2  # of Newton towards the H and M0 of a replicate: after one, M0 is still 3% too high
_LONGEST_STEP = 2.0


@dataclass(frozen=True)
class Downscaled:
    """Margins of the finest level before benchmarking and how they were had.

    Attributes
    ----------
    eta : ndarray, shape (n, d)
    slope, slope_error : ndarray, shape (d,)
        Of probits within published areas on the deprivation index.
    index : ndarray, shape (n,)
        Deprivation index of finest areas, standardised by population.
    """

    eta: FloatArray
    slope: FloatArray
    slope_error: FloatArray
    index: FloatArray


def deprivation_index(
    columns: FloatArray, population: FloatArray, at_published: IntArray, rate: FloatArray, *, leading: int = 0
) -> FloatArray:
    """One index of deprivation from covariates and registers, shape (n,).

    Each covariate is ranked and weighted by its correlation with the published rate across published areas, shrunk towards 0 by the
    chance in g points; ranks that no published area's mean sets apart get no weight.

    Parameters
    ----------
    columns : ndarray, shape (n, p)
    population : ndarray, shape (n,)
    at_published : ndarray of int, shape (n,)
    rate : ndarray, shape (g,)
        Published headcount ratio of published areas.
    leading : int
        How many of the last columns are rates of registers: each is given the prior weight of all covariates together, since it
        counts poor households where the others only go with them.
    """
    ranks = normal_ranks(columns)
    if leading:
        ranks[:, -leading:] *= np.sqrt(max(columns.shape[1] - leading, 1))
    means = group_means(ranks, at_published, population)
    target = ndtri(np.clip(rate, SAMPLED, 1 - SAMPLED))
    # ridge on published areas with as much weight on the prior as three published areas carry: p covariates, but g points only
    away, centre = means - means.mean(axis=0), target - target.mean()
    gram = away @ away.T
    beta = away.T @ np.linalg.solve(gram + 3 * np.trace(gram) / len(rate) * np.eye(len(rate)), centre)
    index = ranks @ beta
    middle = np.average(index, weights=population)
    spread = float(np.sqrt(np.average((index - middle) ** 2, weights=population)))
    # published areas with one and the same rate tell nothing: no finest area is set apart from another
    return np.asarray((index - middle) / spread) if spread > 1e-9 else np.zeros_like(index)


def downscale_margins(published: Published, covariates: Covariates, people: Inhabitants) -> Downscaled:
    """Finest areas' probits along the index, with the slope between published areas; see the module's first step.

    Raises
    ------
    ContractViolation
        If the published figures are not of the published areas that the finest areas lie in.
    """
    population, at_published = people.population, people.at_published
    g = int(at_published.max()) + 1
    if published.uncensored.shape[0] != g:
        raise ContractViolation(
            f"figures of {published.uncensored.shape[0]} published areas for finest areas of {g}",
            remedy="give one row for each area of the published level, in the order of their numbers",
        )
    columns, leading = np.column_stack([covariates.features, covariates.leading]), covariates.leading.shape[1]
    index = deprivation_index(columns, population, at_published, published.headcount_ratio, leading=leading)
    mean = group_means(index[:, None], at_published, population)[:, 0]
    target = ndtri(np.clip(published.uncensored, SAMPLED, 1 - SAMPLED))
    away = mean - mean.mean()
    between = max(float(away @ away), 1e-12)
    slope = away @ (target - target.mean(axis=0)) / between
    residual = target - target.mean(axis=0) - away[:, None] * slope
    chance = np.maximum((residual**2).sum(axis=0) / max(g - 2, 1) / between, 1e-12)
    kept = np.maximum(slope, 0.0) * slope**2 / (slope**2 + chance)
    expected = (kept + kept.mean()) / 2
    error = np.sqrt(WITHIN**2 * chance / 4 + (WITHIN_SPREAD * expected) ** 2)
    slope = WITHIN * expected
    return Downscaled(index[:, None] * slope, slope, error, index)


@threadpool_limits.wrap(limits=1, user_api="blas")
def downscale(
    published: Published, covariates: Covariates, people: Inhabitants, wanted: Wanted, options: Options | None = None
) -> Drawn:
    """Every figure of every area of the finest level from published totals of the published level, with intervals.

    Parameters
    ----------
    published : Published
    covariates : Covariates
        Of finest areas: features, and registers' rates as leading ones (`deprivation_index`); NaN where not known.
    people : Inhabitants
    wanted : Wanted
        Areas with ``method='downscaled'``.
    options : Options, optional

    Returns
    -------
    Drawn
        For ``rows.small_area_tables``. Uncensored headcounts of published areas are the published ones; H and censored headcounts
        as near as the margins allow.
    """
    options, measure = options or Options(), wanted.measure
    rng = np.random.default_rng(options.seed)
    model = downscale_margins(published, covariates, people)
    population, at_published = people.population, people.at_published
    margins = expit(benchmarked(log_odds(model.eta), population, at_published, inside(published.uncensored)))
    start = trait_profiles(margins, np.full_like(margins, LOADING))
    profiles, tilt = tilt_to_published(start, margins, population, at_published, published, measure)
    draws = _draws(model, published, people, tilt, measure, options, rng)
    return collect(profiles, draws, options.n_replicates, wanted)


def _draws(
    model: Downscaled,
    published: Published,
    people: Inhabitants,
    tilt: FloatArray,
    measure: Measure,
    options: Options,
    rng: np.random.Generator,
) -> Iterator[FloatArray]:
    population, at_published = people.population, people.at_published
    n, d = model.eta.shape
    features = poor_features(measure)
    factor = np.exp(tilt @ features.T)
    # being poor, and the score of the poor: their means are H and M0
    poor = np.column_stack([features[:, -1], features[:, :-1] @ np.asarray(measure.weights, dtype=float)])
    intensity = (
        published.censored @ np.asarray(measure.weights, dtype=float) / np.maximum(published.headcount_ratio, SAMPLED)
    )
    number = np.maximum(people.households / HOUSEHOLD_EFFECT, 1.0)
    weight = population / np.bincount(at_published, population)[at_published]

    def profiles(own: np.random.Generator) -> FloatArray:
        doubt = np.sqrt(COMMON) * own.standard_normal() + np.sqrt(1 - COMMON) * own.standard_normal(d)
        apart = np.sqrt(COMMON) * own.standard_normal((n, 1)) + np.sqrt(1 - COMMON) * own.standard_normal((n, d))
        eta = model.index[:, None] * (model.slope + model.slope_error * doubt) + AREA_SPREAD * apart
        totals = _drawn_totals(published.uncensored, published.uncensored_error, own)
        wanted = _drawn_totals(published.headcount_ratio, published.headcount_ratio_error, own)
        margins = expit(benchmarked(log_odds(eta), population, at_published, totals))
        loading = np.clip(LOADING * np.exp(0.2 * own.standard_normal((n, 1))), 0.05, 0.9)
        seed = trait_profiles(margins, np.broadcast_to(loading, margins.shape)) * factor[at_published]
        raked = rake(seed, margins, start=np.zeros_like(margins), tolerance=DRAWN_TOLERANCE)
        for _ in range(_STEPS):
            found = group_sums(weight[:, None] * (raked.profiles @ poor), at_published, len(wanted))
            slope = within_published(raked.profiles, poor, d, weight, at_published, len(wanted))
            gap = np.column_stack([wanted, wanted * intensity]) - found
            step = np.linalg.solve(slope + 1e-5 * np.eye(2), gap[:, :, None])[:, :, 0]
            step /= np.maximum(np.abs(step).max(axis=1, keepdims=True) / _LONGEST_STEP, 1.0)
            seed *= np.exp(step @ poor.T)[at_published]
            raked = rake(seed, margins, start=raked.theta, tolerance=DRAWN_TOLERANCE)
        return drawn_households(raked.profiles, number, own)

    return in_threads(profiles, ((own,) for own in rng.spawn(options.n_replicates)), options.n_jobs)


def _drawn_totals(share: FloatArray, error: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Published shares as they may be: normal on the logit scale, or gamma where few cases stand behind them."""
    sampled = np.clip(share, SAMPLED, 1 - SAMPLED)
    unit = sampled * (1 - sampled)
    moved = expit(logit(sampled) + error / unit * rng.standard_normal(share.shape))
    number = unit / np.maximum(error, 1e-9) ** 2
    counted = rng.standard_gamma(1 + number * share) / number
    return inside(np.where(number * share < _FEW, np.minimum(counted, 0.5), moved))
