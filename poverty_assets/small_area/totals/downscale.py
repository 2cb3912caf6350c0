"""Downscaling: finest areas where only totals of the published level were published, and no household can be seen.

Belongs here: margins of the finest level from covariates and registers that add up to published headcounts, profiles that add
up to the published H, M0 and censored headcounts, and wide intervals. Does not belong here: reading the publication
(``published.ophi``), areas with a survey (``margins``).

Two steps, both of maximum entropy given what is published.

1. Margins. Between published areas, the published headcounts tell how each indicator goes with an index of deprivation (``indices``;
   which index is decided where published areas are held out, ``held_out``). Within published areas the slope is less: an index
   holds a finest area's own noise, which published areas' means do not (the ecological fallacy). How much less cannot be seen in
   the totals of the published level, so it is a stated share of the slope between, and replicates draw it widely. From what the
   index expects finest areas depart by a field that neighbours share, of each indicator's own spread (``departures``), and by
   something of their own. Each published area's finest areas are then benchmarked to its own headcounts.
2. Profiles. Within a published area every finest area's seed is tilted by the same factors exp(phi 1[poor] + sum_j psi_j 1[j,
   poor]), and each finest area by its own margins; phi and psi are such that the published area's H and censored headcounts
   come out, and its near-poor and severe shares where they are published. A replicate draws the published headcounts, H and
   those shares within their standard errors, and adds the tilt that brings its own about.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit
from threadpoolctl import threadpool_limits

from poverty_assets.arrays import FloatArray, IntArray, group_sums, logit
from poverty_assets.errors import ContractViolation
from poverty_assets.measure.measure import Measure
from poverty_assets.small_area.association.raking import rake
from poverty_assets.small_area.association.tilt import (
    Published,
    class_features,
    poor_features,
    published_features,
    tilt_to_published,
    within_published,
)
from poverty_assets.small_area.association.trait import trait_profiles
from poverty_assets.small_area.figures import Drawn
from poverty_assets.small_area.margins.benchmark import benchmarked, log_odds
from poverty_assets.small_area.margins.fit import HOUSEHOLD_EFFECT
from poverty_assets.small_area.margins.kernel import Covariates, density
from poverty_assets.small_area.people import Inhabitants
from poverty_assets.small_area.replicates import DRAWN_TOLERANCE, collect, drawn_households
from poverty_assets.small_area.totals.departures import (
    Departures,
    Field,
    field_over,
    learn_common,
    learn_spreads,
    mixed,
    reach_of,
)
from poverty_assets.small_area.totals.figures import SAMPLED, inside
from poverty_assets.small_area.totals.indices import COMPONENTS, Candidate, RankedColumns, probit, within_slopes
from poverty_assets.small_area.wanted import Options, Wanted

WITHIN, WITHIN_SPREAD = 0.6, 0.35
"""Slope of an indicator within published areas as a share of what is expected, and the standard deviation of that share.
Expected is the mean of its own slope between published areas and all indicators' (slopes on one index of deprivation are
alike). Three twins (seeds 20260101, 7 and 4242) have 0.63 on average with a register in the index, and less without; the
spread is about 0.3."""
AREA_SPREAD = 0.2
"""Standard deviation of a finest area's probit about its neighbours' (where ``margins.kernel`` starts, too)."""
COMMON = 0.5
"""Correlation of the indicators' slopes' errors, and of their departures in one finest area from its neighbours."""
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
    learner : Candidate
    eta : ndarray, shape (n, d)
    slope, slope_error : ndarray, shape (d,)
        Of probits within published areas on the deprivation index.
    index : ndarray, shape (n,)
        Deprivation index of finest areas, standardised by population.
    departures : Departures
    """

    learner: Candidate
    eta: FloatArray
    slope: FloatArray
    slope_error: FloatArray
    index: FloatArray
    departures: Departures

    def of(self, rows: IntArray) -> Downscaled:
        """The same of some of the finest areas."""
        return replace(self, eta=self.eta[rows], index=self.index[rows], departures=self.departures.of(rows))

    def draw(self, rng: np.random.Generator) -> FloatArray:
        """Probits as they may be, shape (n, d)."""
        n, d = self.eta.shape
        doubt = np.sqrt(COMMON) * rng.standard_normal() + np.sqrt(1 - COMMON) * rng.standard_normal(d)
        own = AREA_SPREAD * mixed(rng.standard_normal((n, d + 1)), COMMON)
        expected = self.index[:, None] * (self.slope + self.slope_error * doubt)
        return np.asarray(expected + self.departures.draw(rng) + own)


def downscale_margins(
    published: Published,
    covariates: Covariates,
    people: Inhabitants,
    columns: RankedColumns | None = None,
    learner: Candidate | None = None,
    field: Field | None = None,
) -> Downscaled:
    """Finest areas' probits along an index, with the slope between published areas; see the module's first step.

    Parameters
    ----------
    columns : RankedColumns, optional
        Of the covariates, where they are ranked already.
    learner : Candidate, optional
        The index; that of all covariates if not given.
    field : Field, optional
        Where it is known already.

    Raises
    ------
    ContractViolation
        If the published figures are not of the published areas that the finest areas lie in.
    """
    g = int(people.at_published.max()) + 1
    if published.uncensored.shape[0] != g:
        raise ContractViolation(
            f"figures of {published.uncensored.shape[0]} published areas for finest areas of {g}",
            remedy="give one row for each area of the published level, in the order of their numbers",
        )
    learner = learner or Candidate(COMPONENTS)
    index = (columns or RankedColumns.of(covariates)).index(learner, people, published.headcount_ratio)
    target = probit(published.uncensored)
    slope, error, departure = within_slopes(index, target, people, WITHIN, WITHIN_SPREAD)
    field = field or field_over(covariates.xy, reach_of(covariates.xy, people.at_published))
    noise = (published.uncensored_error / density(target)) ** 2
    of_means = field.covariance_of_means(people.at_published, people.population)
    spreads = learn_spreads(departure, noise, of_means)
    departures = Departures(field, spreads, learn_common(departure, noise, of_means, spreads))
    return Downscaled(learner, index[:, None] * slope, slope, error, index, departures)


@threadpool_limits.wrap(limits=1, user_api="blas")
def downscale(
    published: Published,
    covariates: Covariates,
    people: Inhabitants,
    wanted: Wanted,
    options: Options | None = None,
    model: Downscaled | None = None,
) -> Drawn:
    """Every figure of every area of the finest level from published totals of the published level, with intervals.

    Parameters
    ----------
    published : Published
    covariates : Covariates
        Of finest areas: features, and registers' rates as leading ones (``indices``); NaN where not known.
    people : Inhabitants
    wanted : Wanted
        Areas with ``method='downscaled'``.
    options : Options, optional
    model : Downscaled, optional
        That of all covariates together (`downscale_margins`) if not given.

    Returns
    -------
    Drawn
        For ``rows.small_area_tables``. Uncensored headcounts of published areas are the published ones; H and censored headcounts
        as near as the margins allow.
    """
    options = options or Options()
    model = model or downscale_margins(published, covariates, people)
    profiles, draws = downscaled_profiles(model, published, people, wanted.measure, options)
    return collect(profiles, draws, options.n_replicates, wanted)


def downscaled_profiles(
    model: Downscaled, published: Published, people: Inhabitants, measure: Measure, options: Options
) -> tuple[FloatArray, Iterator[FloatArray]]:
    """Profiles of finest areas, shape (n, 2^d), and as many as they may be as there are replicates."""
    rng = np.random.default_rng(options.seed)
    population, at_published = people.population, people.at_published
    margins = expit(benchmarked(log_odds(model.eta), population, at_published, inside(published.uncensored)))
    start = trait_profiles(margins, np.full_like(margins, LOADING))
    profiles, tilt = tilt_to_published(start, margins, population, at_published, published, measure)
    return profiles, _draws(model, published, people, tilt, measure, options, rng)


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
    factor = np.exp(tilt @ published_features(measure, published).T)
    features = poor_features(measure)
    # being poor, and the score of the poor: their means are H and M0; then those who nearly are, and those in severe poverty
    poor = np.column_stack([features[:, -1], features[:, :-1] @ np.asarray(measure.weights, dtype=float)])
    if published.classes is not None:
        poor = np.column_stack([poor, class_features(measure)])
    intensity = (
        published.censored @ np.asarray(measure.weights, dtype=float) / np.maximum(published.headcount_ratio, SAMPLED)
    )
    number = np.maximum(people.households / HOUSEHOLD_EFFECT, 1.0)
    weight = population / np.bincount(at_published, population)[at_published]

    def profiles(own: np.random.Generator) -> FloatArray:
        eta = model.draw(own)
        totals = drawn_totals(published.uncensored, published.uncensored_error, own)
        h = drawn_totals(published.headcount_ratio, published.headcount_ratio_error, own)
        wanted = np.column_stack([h, h * intensity, *_drawn_classes(published, h, own)])
        margins = expit(benchmarked(log_odds(eta), population, at_published, totals))
        loading = np.clip(LOADING * np.exp(0.2 * own.standard_normal((len(eta), 1))), 0.05, 0.9)
        seed = trait_profiles(margins, np.broadcast_to(loading, margins.shape)) * factor[at_published]
        raked = rake(seed, margins, start=np.zeros_like(margins), tolerance=DRAWN_TOLERANCE)
        for _ in range(_STEPS):
            found = group_sums(weight[:, None] * (raked.profiles @ poor), at_published, len(wanted))
            slope = within_published(raked.profiles, poor, margins.shape[1], weight, at_published, len(wanted))
            gap = wanted - found
            step = np.linalg.solve(slope + 1e-5 * np.eye(poor.shape[1]), gap[:, :, None])[:, :, 0]
            step /= np.maximum(np.abs(step).max(axis=1, keepdims=True) / _LONGEST_STEP, 1.0)
            seed *= np.exp(step @ poor.T)[at_published]
            raked = rake(seed, margins, start=raked.theta, tolerance=DRAWN_TOLERANCE)
        return drawn_households(raked.profiles, number, own)

    return options.workers.each(profiles, ((own,) for own in rng.spawn(options.n_replicates)))


def _drawn_classes(published: Published, h: FloatArray, rng: np.random.Generator) -> list[FloatArray]:
    """Near-poor and severe shares as they may be, of those who are not poor and of those who are; none where none is published."""
    if published.classes is None:
        return []
    known = inside(published.headcount_ratio)
    number = known * (1 - known) / np.maximum(published.headcount_ratio_error, 1e-9) ** 2
    out = []
    for share, of, drawn in zip(published.classes.T, (1 - known, known), (1 - h, h), strict=True):
        part = np.clip(share / of, 0.0, 1.0)
        error = np.sqrt(np.maximum(part * (1 - part), SAMPLED) / np.maximum(number * of, 1.0))
        out.append(drawn * drawn_totals(part, error, rng))
    return out


def drawn_totals(share: FloatArray, error: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Published shares as they may be: normal on the logit scale, or gamma where few cases stand behind them (or none)."""
    sampled = np.clip(share, SAMPLED, 1 - SAMPLED)
    unit = sampled * (1 - sampled)
    moved = expit(logit(sampled) + error / unit * rng.standard_normal(share.shape))
    number = unit / np.maximum(error, 1e-9) ** 2
    counted = rng.standard_gamma(1 + number * share) / number
    return inside(np.where(number * share < _FEW, np.minimum(counted, 0.5), moved))
