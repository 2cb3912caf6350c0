"""Estimates of every area with intervals: replicates of the whole chain from the sample to the figure.

Belongs here: the loop over replicates, the factors on the weights of clusters that each begins with, households drawn from
profiles, and the roll-up of figures to larger areas. Does not belong here: how margins (``margins``) and profiles
(``association``) are made, intervals, or the form of the fact tables (``rows``).

A replicate resamples clusters (Rao and Wu 1988), moves margins by what that does to them and by an error that resampling does
not show, correlated over space and between indicators (``margins.draw``), benchmarks to the replicate's own published area
totals, refits the strength of association with an error of its own, makes profiles, and draws the area's households from them:
an area of the finest level of 300 households departs from its expectation by chance. Whatever is a function of profiles is
then computed once more, so every figure's interval belongs to the figure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import expit, ndtri
from threadpoolctl import threadpool_limits

from poverty_assets.arrays import FloatArray, IntArray, logit
from poverty_assets.measurement.masks import profile_bits
from poverty_assets.memory import give_back
from poverty_assets.small_area.association.country import CountryTilt, WholeCountry
from poverty_assets.small_area.association.drawn import near_country, pairs_apart, unseen
from poverty_assets.small_area.association.loadings import bounded
from poverty_assets.small_area.association.moved import moved_profiles
from poverty_assets.small_area.association.profiles import Associations, fit_associations, learn_associations
from poverty_assets.small_area.association.raking import EDGE, rake
from poverty_assets.small_area.association.trait import joint_profiles, trait_profiles
from poverty_assets.small_area.figures import BundleChoice, Drawn, choose_bundles, figure_columns
from poverty_assets.small_area.margins.benchmark import benchmarked
from poverty_assets.small_area.margins.draw import Streams, draw_margins
from poverty_assets.small_area.margins.fit import HOUSEHOLD_EFFECT, Margins
from poverty_assets.small_area.people import Groups
from poverty_assets.small_area.sample import Sample
from poverty_assets.small_area.time.drift import walk_of_indicators
from poverty_assets.small_area.wanted import Options, Wanted, no_functionals
from poverty_assets.workers import Workers

NEAR = 1e-3
"""Largest difference of a margin in a replicate before it is tilted to its own country."""
DRAWN_TOLERANCE = 1e-5
"""Largest difference of a margin in a replicate: far below the chance of its households."""
_WORTH_FROM = 20  # resampled surveys that tell what pairs are worth
_RARE = 0.4  # households expected of a profile, up to which no more than three are drawn (a fourth: 1 in 1,400)
_MANY = 12.0  # households expected, beyond which the normal distribution with its skewness gives their number


@dataclass(frozen=True)
class Chain:
    """The chain of the point estimate, which every replicate goes through once more.

    Attributes
    ----------
    margins : Margins
    sample : Sample
    associations : Associations
    tilt : CountryTilt, optional
        To what the country's households show together (``association.country``).
    shift : ndarray, shape (n, d), optional
        Moves the logits of margins on from the survey (``time.nowcast.nowcast_shift``).
    """

    margins: Margins
    sample: Sample
    associations: Associations
    tilt: CountryTilt | None = None
    shift: FloatArray | None = None


def rescaled_bootstrap(stratum: IntArray, n_replicates: int, rng: np.random.Generator) -> FloatArray:
    """Factors on the weights of PSUs, one row a replicate (Rao and Wu 1988; Rao, Wu and Yue 1992).

    In each stratum of m PSUs, m - 1 are drawn with replacement, and a PSU drawn t times has the factor t m / (m - 1). A stratum
    with a single PSU keeps it: it shows no spread.

    Returns
    -------
    ndarray, shape (n_replicates, p)
    """
    factor = np.ones((n_replicates, len(stratum)))
    for code in np.unique(stratum):
        members = np.flatnonzero(stratum == code)
        m = len(members)
        if m > 1:
            drawn = rng.multinomial(m - 1, np.full(m, 1 / m), size=n_replicates)
            factor[:, members] = drawn * (m / (m - 1))
    return factor


def draw_profiles(
    chain: Chain, factors: FloatArray, streams: Streams, *, workers: Workers
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Profiles of every area as they may be, expected ones and those of its households, each (n, 2^d), for each row of factors on
    the weights of PSUs (r, p).

    Every replicate has random numbers of its own, so that whoever makes it changes nothing; nor does the number of threads of the linear
    algebra, which is held to one (its sums come out differently with more).
    """
    sample, fitted = chain.sample, chain.associations
    number = np.maximum(chain.margins.people.households / HOUSEHOLD_EFFECT, 1.0)
    tilt, shift, wanted = chain.tilt, chain.shift, [None] * len(factors)
    if tilt is not None:
        wanted = list(tilt.whole.wanted_of_each)

    def profiles(
        shares: FloatArray, now: FloatArray, factor: FloatArray, asked: Any, own: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        again = fit_associations(sample, shares, fitted.groups, factor=factor, start=fitted)
        loadings, apart = bounded(again.loadings * unseen(fitted, own)), pairs_apart(fitted, own)
        if shift is not None:
            now = expit(logit(now) + shift)
        if tilt is None:
            expected = rake(trait_profiles(now, loadings) * apart, now, tolerance=DRAWN_TOLERANCE).profiles
        else:
            seed = near_country(tilt, trait_profiles(shares, loadings) * apart, shares, asked, NEAR)
            expected = rake(seed, now, start=logit(now) - logit(shares), tolerance=DRAWN_TOLERANCE).profiles
        return expected, drawn_households(expected, number, own)

    drawn = draw_margins(chain.margins, sample, factors, streams)
    tasks = zip(drawn, wanted, streams.field.spawn(len(factors)), strict=True)
    return workers.each(profiles, ((*margins, asked, own) for margins, asked, own in tasks))


def drawn_households(expected: FloatArray, number: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Profiles of as many households as live in each area, drawn from the expected ones.

    Counts are Poisson, each from one uniform number by the inverse of its distribution function: with the same numbers, profiles
    that hardly differ give counts that hardly differ, so that the chance of two quarters' households cancels in their difference.
    Most profiles expect far less than one household.

    Parameters
    ----------
    expected : ndarray, shape (n, 2^d)
    number : ndarray, shape (n,)
        Independent households that the area's count for.
    """
    rate = expected * number[:, None]
    uniform = rng.random(rate.shape, dtype=np.float32)
    counts = np.zeros(rate.shape)
    often = np.flatnonzero(rate > _RARE)
    counts.flat[often] = poisson_counts(rate.flat[often], uniform.flat[often].astype(float))
    some = np.flatnonzero((uniform < rate) & (rate <= _RARE))  # 1 - e^-x < x: no other cell can have any
    x, u = rate.flat[some], 1 - uniform.flat[some].astype(float)
    none = np.exp(-x)
    one, two = none * (1 + x), none * (1 + x + x**2 / 2)
    counts.flat[some] = (u > none).astype(float) + (u > one) + (u > two)
    total = counts.sum(axis=1, keepdims=True)
    return np.where(total > 0, counts / np.maximum(total, 1.0), expected)


def poisson_counts(rate: FloatArray, uniform: FloatArray) -> FloatArray:
    """Poisson counts of ``rate`` whose distribution function first reaches ``uniform``; both (m,).

    Above `_MANY` by the Cornish-Fisher expansion, which is right but for one count in a hundred there, and then by one.

    Examples
    --------
    >>> poisson_counts(np.array([1.0, 1.0, 100.0]), np.array([0.3, 0.95, 0.5])).tolist()
    [0.0, 3.0, 100.0]
    """
    counts = np.zeros(len(rate))
    many = rate > _MANY
    z = ndtri(np.clip(uniform[many], 1e-9, 1 - 1e-9))
    counts[many] = np.maximum(np.rint(rate[many] + np.sqrt(rate[many]) * z + (z**2 - 1) / 6), 0.0)
    at = np.flatnonzero(~many)
    mean, wanted = rate[at], np.minimum(uniform[at], 1 - 1e-9)
    probability = np.exp(-mean)
    reached, k = probability.copy(), 0
    while len(at):
        more = wanted > reached
        at, mean, wanted = at[more], mean[more], wanted[more]
        probability, reached = probability[more], reached[more]
        k += 1
        probability = probability * mean / k
        reached = reached + probability
        counts[at] = k
    return counts


@threadpool_limits.wrap(limits=1, user_api="blas")
def replicate(
    margins: Margins,
    sample: Sample,
    groups: Groups,
    wanted: Wanted,
    *,
    shift: FloatArray | None = None,
    options: Options | None = None,
) -> Drawn:
    """Point estimates and replicates of every figure, for every area of the roll-up.

    A point is the mean of its own draws, moved so that the country as it was at the survey has its direct H, censored headcounts and
    headcounts exactly.

    Parameters
    ----------
    margins : Margins
    sample : Sample
    groups : Groups
    wanted : Wanted
    shift : ndarray, shape (n, d), optional
        Move of logits since the survey (``time.nowcast.nowcast_shift``), of the point and of every replicate, beside what all
        areas are expected to have gained (``margins.fit.Since.centre``).
    options : Options, optional
    """
    options = options or Options()
    streams = Streams.of(options.seed, options.wave)
    factors = rescaled_bootstrap(sample.stratum, options.n_replicates, streams.wave)
    fitted = learn_associations(sample, margins.shares, groups, factors[:_WORTH_FROM])
    tilt = None
    if sample.profiles is None:
        first = joint_profiles(margins.shares, fitted.loadings)
    else:
        seed = trait_profiles(margins.shares, fitted.loadings)
        whole = WholeCountry.of(sample, wanted.measure, margins.people, factors)
        tilt, first = CountryTilt.of(whole, seed, margins.shares)
    if margins.since.years:
        walk = walk_of_indicators(first, margins.people.population, wanted.measure)
        margins = replace(margins, since=replace(margins.since, walk_per_year=walk))
    chain = Chain(margins, sample, fitted, tilt, shift)
    middle = _Middle(np.zeros_like(first))
    draws = middle.passed_on(draw_profiles(chain, factors, streams, workers=options.workers))
    drawn = collect(moved_profiles(first, moved_since(chain)), draws, options.n_replicates, wanted)
    give_back()
    return with_point(drawn, centred(middle.total / options.n_replicates, chain), wanted)


@dataclass
class _Middle:
    """The sum of expected profiles (n, 2^d), filled while draws of households are passed on."""

    total: FloatArray

    def passed_on(self, draws: Iterable[tuple[FloatArray, FloatArray]]) -> Iterator[FloatArray]:
        for expected, households in draws:
            self.total += expected
            yield households


def moved_since(chain: Chain) -> FloatArray:
    """What logits of margins have gained since the survey in the middle of the draws, (n, d): part of the trend, and the shift."""
    margins = chain.margins
    centre = margins.since.centre(margins.shares.shape[1])
    return np.asarray(np.zeros_like(margins.shares) + centre + (0.0 if chain.shift is None else chain.shift))


def centred(profiles: FloatArray, chain: Chain) -> FloatArray:
    """Mean profiles of the draws (n, 2^d), moved so that the country at the survey is what the survey found.

    What logits have gained since, half the trend and the shift, is taken off before and put on again.
    """
    margins, tilt = chain.margins, chain.tilt
    moved = moved_since(chain)
    then = moved_profiles(profiles, -moved)
    d = moved.shape[1]
    shares = np.clip(then @ profile_bits(np.arange(1 << d), d), EDGE, 1 - EDGE)
    country = margins.people.as_one
    totals = margins.few.filled(margins.totals)
    shares = expit(benchmarked(logit(shares), margins.people.population, country, totals))
    seed = np.maximum(then, 1e-12)
    then = rake(seed, shares).profiles if tilt is None else tilt.whole.met(seed, shares)[0]
    return moved_profiles(then, moved)


def collect(profiles: FloatArray, draws: Iterable[FloatArray], n_replicates: int, wanted: Wanted) -> Drawn:
    """Keep of every replicate's profiles the figures and the chosen bundles; the profiles themselves would fill the memory."""
    areas = wanted.areas
    columns = figure_columns(wanted.measure)
    more = wanted.functionals or no_functionals(*profiles.shape)
    whole = np.asarray(areas.matrix @ profiles)
    bundles = choose_bundles(whole)
    kept = np.empty((n_replicates, len(whole), columns.shape[1]), dtype=np.float32)
    shares = np.empty((n_replicates, len(bundles.mask)), dtype=np.float32)
    followed = np.empty((n_replicates, len(whole), len(more.statistic)), dtype=np.float32)
    for r, drawn in enumerate(draws):
        kept[r] = areas.matrix @ (drawn @ columns)
        shares[r] = np.asarray(areas.matrix @ drawn)[bundles.area, bundles.mask]
        followed[r] = areas.matrix @ (drawn @ more.columns * more.multipliers)
    return Drawn(
        profiles,
        whole @ columns,
        kept,
        bundles,
        whole[bundles.area, bundles.mask],
        shares,
        np.asarray(areas.matrix @ (profiles @ more.columns * more.multipliers)),
        followed,
    )


def with_point(drawn: Drawn, profiles: FloatArray, wanted: Wanted) -> Drawn:
    """The same draws about other profiles of finest areas (n, 2^d); the sets of each area are ranked by these."""
    areas, chosen = wanted.areas, drawn.bundles
    more = wanted.functionals or no_functionals(*profiles.shape)
    whole = np.asarray(areas.matrix @ profiles)
    share = whole[chosen.area, chosen.mask]
    empty = chosen.mask == 0
    order = np.lexsort((-share, ~empty, chosen.area))
    area, mask = chosen.area[order], chosen.mask[order]
    start = np.flatnonzero(np.r_[True, area[1:] != area[:-1]])
    rank = np.arange(len(area)) - np.repeat(start, np.diff(np.r_[start, len(area)]))
    return replace(
        drawn,
        profiles=profiles,
        point=whole @ figure_columns(wanted.measure),
        bundles=BundleChoice(area, mask, rank),
        bundle_point=share[order],
        bundle_draws=drawn.bundle_draws[:, order],
        further_point=np.asarray(areas.matrix @ (profiles @ more.columns * more.multipliers)),
    )
