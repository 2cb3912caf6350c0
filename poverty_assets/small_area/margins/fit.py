"""Margins of the finest level: for each indicator the share of people deprived, by direct estimates and covariates together.

Belongs here: the composite of direct and held-out predictions, calibration against shrinkage, benchmarking to the country,
and how the result errs. Does not belong here: the learner (``kernel``), how its errors are judged (``second_stage``), draws
(``draw``), joint profiles (``small_area.association``).

Fay and Herriot's model on the probit scale, with the learner's held-out prediction as its covariate::

    z_i = a + b f_i + u_i + e_i,   u_i ~ (0, phi V_i),   e_i ~ (0, D_i)

f_i and V_i are the learner's prediction and error variance without area i, so that b and phi are learnt where the learner did
not see the answer: b above 1 undoes shrinkage, phi corrects its self-confidence. An area with households gets the EBLUP
(``composite``), another a + b f_i (``modelled``). Nothing is thresholded, no share is 0 or 1. Estimates that are right on average
vary less than the truth, and are left so: what users want of spread comes from the draws.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, ndtr, ndtri
from threadpoolctl import threadpool_limits

from poverty_assets.arrays import FloatArray, group_means
from poverty_assets.small_area.margins.benchmark import benchmarked, log_odds
from poverty_assets.small_area.margins.kernel import (
    Covariates,
    KernelFit,
    KernelParts,
    Root,
    density,
    fit_kernel,
    kernel_parts,
)
from poverty_assets.small_area.margins.low_rank import factored_parts
from poverty_assets.small_area.margins.published_totals import FewCases, few_cases, published_totals
from poverty_assets.small_area.margins.second_stage import SecondStage, error_correlation, scale_error, second_stage
from poverty_assets.small_area.people import Inhabitants
from poverty_assets.small_area.sample import Sample, Survey, between_freedom, sampling_correlation

HOUSEHOLD_EFFECT = 1.2
"""Variance of a share of people over that of as many independent households: households differ in size."""


MOST_WHOLE = 2_000
"""Areas up to which the kernel is taken whole; of more it is taken in factors (``low_rank``): time goes with the cube of the areas, and
memory with their square."""

PART_OF_TREND = 0.5
"""How much of the change between two waves goes on after them. Of 44 countries with three harmonised waves or more (OPHI, changes over
time) the log odds of H went on by 0.6 of the change before (standard error 0.1); a half and three quarters predict them about
equally well, nothing and all of it worse (``benchmarks.bench_trend``)."""


@dataclass(frozen=True)
class Since:
    """What areas may have gained since the survey, on the logit scale; nothing if not given.

    Attributes
    ----------
    years : float
        From the middle of fieldwork to the quarter.
    drift_per_year : float, optional
        Variance that logits gain in a year (``time.drift.drift_variance``); None where no two waves tell.
    trend : ndarray, shape (d,), optional
        Change of logits if they went on as before (``time.drift.wave_trend`` times the years).
    gain : ndarray, shape (d,), optional
        What the country's logits are expected to have gained, where that is not a part of the trend (``time.nowcast.grown``).
    walk_per_year : float
        Variance that the country's logits gain in a year about that, all indicators together, and once more each of its own
        (``time.drift.walk_of_indicators``).
    """

    years: float = 0.0
    drift_per_year: float | None = None
    trend: FloatArray | None = None
    gain: FloatArray | None = None
    walk_per_year: float = 0.0

    @property
    def variance(self) -> float:
        """Variance that logits of areas of the published level have gained about the country's."""
        return self.years * (self.drift_per_year or 0.0)

    @property
    def walked(self) -> float:
        """Variance that logits of the whole country have gained, all indicators alike; each has gained as much of its own."""
        return self.years * self.walk_per_year

    def centre(self, d: int) -> FloatArray:
        """What the country's d logits are expected to have gained."""
        if self.gain is not None:
            return np.asarray(self.gain, dtype=float)
        return np.zeros(d) if self.trend is None else PART_OF_TREND * np.asarray(self.trend, dtype=float)


@dataclass(frozen=True)
class HeldOutErrors:
    """How the learner errs where it did not see the answer, for s sampled areas and d indicators.

    Attributes
    ----------
    scale : ndarray, shape (d,)
        Standard deviation of log phi: of the sample's noise, and of the design effect that takes noise for differences.
    calibration : float
        Factor on errors with which 95% of held-out direct shares are covered, all indicators together; at least 1.
    correlation : ndarray, shape (d, d)
        Of the indicators' errors within one area.
    noise_factors : ndarray, shape (s, d)
        Residuals at sampled areas, scaled to the sampling variance: what a resampled weight multiplies.
    """

    scale: FloatArray
    calibration: float
    correlation: FloatArray
    noise_factors: FloatArray


@dataclass(frozen=True)
class Margins:
    """Margins of n areas and d indicators.

    Attributes
    ----------
    eta : ndarray, shape (n, d)
        Probits before benchmarking: the most likely value of each area, which replicates vary about.
    shares : ndarray, shape (n, d)
        Means of what they may be, benchmarked to the country.
    totals : ndarray, shape (1, d)
        The country's direct shares that are met; NaN where they rest on too few cases.
    few : FewCases
        What stands for those.
    intercept, slope, scale : ndarray, shape (d,)
        a, b and phi.
    fits : tuple of KernelFit
    residual_roots : tuple of Root, each (n, n)
        Of each indicator a square root of the covariance of errors that no resampling of the survey shows.
    errors : HeldOutErrors
    since : Since
        What areas may have gained since the survey.
    carried : float, optional
        Correlation of the model's errors with those of the wave before (``kernel.Parts.carried_error``); None without one.
    people : Inhabitants
    """

    eta: FloatArray
    shares: FloatArray
    totals: FloatArray
    few: FewCases
    intercept: FloatArray
    slope: FloatArray
    scale: FloatArray
    fits: tuple[KernelFit, ...]
    residual_roots: tuple[Root, ...]
    errors: HeldOutErrors
    since: Since
    carried: float | None
    people: Inhabitants


@threadpool_limits.wrap(limits=1, user_api="blas")
def fit_margins(
    survey: Survey,
    covariates: Covariates,
    people: Inhabitants,
    *,
    since: Since | None = None,
    distance: FloatArray | None = None,
    n_jobs: int = 2,
) -> Margins:
    """Margins of every area.

    Parameters
    ----------
    survey : Survey
        What the wave before saw, where there is one, is where this wave's fit starts.
    covariates : Covariates
        Of the survey's areas.
    people : Inhabitants
    since : Since, optional
        What areas may have gained since the survey; nothing if not given. Margins are the survey's, replicates have gained.
    distance : ndarray, shape (n,), optional
        From the areas learnt from (``league.applicability``): errors of areas beyond 1 are that many times as large, twice at
        most.
    n_jobs : int
        Threads.
    """
    sample = survey.now
    share, effective = _direct(sample, survey.effect)
    learnt = _learnt(survey, covariates, n_jobs)
    stage = second_stage(learnt.fits, share, effective, sample.n_areas)
    population, country = people.population, people.as_one
    totals = published_totals(sample, country)
    # the mean of Phi(eta + e) over its error e
    middle = stage.eta / np.sqrt(1 + np.maximum(stage.error, 0.0))
    few = few_cases(sample, survey.effect, country, totals, group_means(ndtr(middle), country, population))
    shares = expit(benchmarked(log_odds(middle), population, country, few.filled(totals)))
    carried, parts, fits = _carried(learnt) if survey.before is not None else None, [*learnt.parts], learnt.fits
    del learnt  # parts are let go of as their roots are made
    return Margins(
        eta=stage.eta,
        shares=shares,
        totals=totals,
        few=few,
        intercept=stage.intercept,
        slope=stage.slope,
        scale=stage.scale,
        fits=fits,
        residual_roots=_residual_roots(fits, parts, stage, _Reach(shares, people, distance), n_jobs),
        since=since or Since(),
        carried=carried,
        people=people,
        errors=_held_out_errors(fits, stage, survey),
    )


@dataclass(frozen=True)
class _Learnt:
    """The learner's fit of each indicator, and the parts of its kernel."""

    parts: tuple[KernelParts, ...]
    fits: tuple[KernelFit, ...]


def _learnt(survey: Survey, covariates: Covariates, n_jobs: int) -> _Learnt:
    sample, before, effect = survey.now, survey.before, survey.effect
    share, effective = _direct(sample, effect)
    whole = sample.n_areas <= MOST_WHOLE
    shared: KernelParts = kernel_parts(covariates) if whole else factored_parts(covariates)
    own = covariates.own
    past = _direct(before, effect) if before is not None else None

    def fit(j: int) -> tuple[KernelParts, KernelFit]:
        parts = shared if own is None else shared.with_own(own[:, j])
        if before is not None and past is not None:
            parts = parts.after(fit_kernel(parts, past[0][:, j], past[1][:, j], before.sampled))
        return parts, fit_kernel(parts, share[:, j], effective[:, j], sample.sampled)

    with ThreadPoolExecutor(n_jobs) as pool:
        return _Learnt(*zip(*pool.map(fit, range(share.shape[1])), strict=True))


def _carried(learnt: _Learnt) -> float:
    """Mean over indicators of the correlation of errors with those of the wave before."""
    return float(np.mean([parts.carried_error(fit) for parts, fit in zip(learnt.parts, learnt.fits, strict=True)]))


def _held_out_errors(fits: tuple[KernelFit, ...], stage: SecondStage, survey: Survey) -> HeldOutErrors:
    errors = np.column_stack([(f.working - stage.held_out[f.sampled, j]) for j, f in enumerate(fits)])
    spread = np.column_stack([f.noise + stage.scale[j] * f.held_out_variance for j, f in enumerate(fits)])
    standard, noise = errors / np.sqrt(spread), np.column_stack([f.noise for f in fits])
    return HeldOutErrors(
        scale_error(spread, noise, between_freedom(survey.samples)),
        float(np.clip(np.quantile(np.abs(standard), 0.95) / 1.96, 1.0, 1.5)),
        error_correlation(standard, noise / spread, sampling_correlation(survey.samples)),
        standard * np.sqrt(noise),
    )


def _direct(sample: Sample, effect: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Direct shares of the sampled areas and their effective sizes, both (s, d)."""
    share = sample.means(sample.shares, sample.area, sample.n_areas)[sample.sampled]
    return share, sample.area_effective[sample.sampled, None] / effect


@dataclass(frozen=True)
class _Reach:
    """Margins (n, d) of areas, their people, and how far each lies from areas learnt from (n,), if that counts."""

    shares: FloatArray
    people: Inhabitants
    distance: FloatArray | None


def _residual_roots(
    fits: tuple[KernelFit, ...], parts: list[KernelParts], stage: SecondStage, reach: _Reach, n_jobs: int
) -> tuple[Root, ...]:
    """Roots of the covariance of eta less its prediction, but for what comes from sampling noise: resampling shows that.

    The area's own variance also holds the chance of a finite number of households, which profiles of replicates draw themselves.
    Errors are larger where areas lie far from any that was learnt from. Of ``parts`` nothing is left.
    """

    def root(j: int, own: KernelParts) -> Root:
        fit, times, distance = fits[j], float(stage.scale[j] * stage.slope[j] ** 2), reach.distance
        share = reach.shares[:, j]
        per_share = 1 / density(ndtri(share)) ** 2
        binomial = HOUSEHOLD_EFFECT * (share * (1 - share)) * per_share / reach.people.households
        chance = np.minimum(binomial, 0.9 * (times * fit.variances[-1]))
        chance[fit.sampled] = 0.0
        found = own.error_root(fit, times, chance)
        return found if distance is None else found * np.clip(distance, 1.0, 2.0).astype(np.float32)[:, None]

    with ThreadPoolExecutor(n_jobs) as pool:
        made = pool.map(root, range(len(fits)), parts)
        parts.clear()  # each is let go of once its root is made
        return tuple(made)
