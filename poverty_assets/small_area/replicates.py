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

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import expit, ndtri
from threadpoolctl import threadpool_limits

from poverty_assets.arrays import FloatArray, IntArray, logit
from poverty_assets.small_area.association.loadings import trait_profiles
from poverty_assets.small_area.association.profiles import (
    BLOCK_SPREAD,
    Associations,
    fit_associations,
    joint_profiles,
    moved_profiles,
)
from poverty_assets.small_area.association.raking import rake
from poverty_assets.small_area.association.tilt import Published, poor_features, tilt_to_published
from poverty_assets.small_area.figures import Drawn, choose_bundles, figure_columns
from poverty_assets.small_area.margins.draw import Streams, draw_margins
from poverty_assets.small_area.margins.fit import HOUSEHOLD_EFFECT, Margins
from poverty_assets.small_area.people import Groups
from poverty_assets.small_area.sample import Sample
from poverty_assets.small_area.time.drift import walk_of_indicators
from poverty_assets.small_area.wanted import Options, Wanted, no_functionals

DRAWN_TOLERANCE = 1e-5
"""Largest difference of a margin in a replicate: far below the chance of its households."""
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
    tilt : ndarray, shape (g, 2^d), optional
        Multiplies the seeds of published areas (``association.tilt``).
    shift : ndarray, shape (n, d), optional
        Moves the logits of margins on from the survey (``time.nowcast.nowcast_shift``).
    """

    margins: Margins
    sample: Sample
    associations: Associations
    tilt: FloatArray | None = None
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


def draw_profiles(chain: Chain, factors: FloatArray, streams: Streams, *, n_jobs: int = 2) -> Iterator[FloatArray]:
    """Profiles of every area as they may be, one (n, 2^d) for each row of factors on the weights of PSUs (r, p).

    Every replicate has random numbers of its own, so that the number of threads changes nothing; nor does that of the linear
    algebra, which is held to one (its sums come out differently with more).
    """
    sample, fitted, tilt, shift = chain.sample, chain.associations, chain.tilt, chain.shift
    groups = fitted.groups
    number = np.maximum(chain.margins.people.households / HOUSEHOLD_EFFECT, 1.0)

    def profiles(shares: FloatArray, factor: FloatArray, own: np.random.Generator) -> FloatArray:
        again = fit_associations(sample, shares, groups, factor=factor, start=fitted)
        strength = np.exp(BLOCK_SPREAD * own.standard_normal((len(shares), 1)))
        if shift is not None:
            shares = expit(logit(shares) + shift)
        expected = trait_profiles(shares, np.minimum(again.loadings * strength, 0.96))
        if tilt is not None:
            expected *= tilt[groups.at_published]
            expected = rake(expected, shares, start=np.zeros_like(shares), tolerance=DRAWN_TOLERANCE).profiles
        return drawn_households(expected, number, own)

    tasks = zip(draw_margins(chain.margins, sample, factors, streams), streams.field.spawn(len(factors)), strict=True)
    return in_threads(profiles, ((shares, factor, own) for (shares, factor), own in tasks), n_jobs)


def in_threads(
    profiles: Callable[..., FloatArray], tasks: Iterable[tuple[Any, ...]], n_jobs: int
) -> Iterator[FloatArray]:
    """What the function makes of each task, in their order, a few ahead of the reader at most."""
    with ThreadPoolExecutor(n_jobs) as pool:
        waiting: deque[Future[FloatArray]] = deque()
        for task in tasks:
            waiting.append(pool.submit(profiles, *task))
            if len(waiting) > n_jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


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
    totals: Published | None = None,
    shift: FloatArray | None = None,
    options: Options | None = None,
) -> Drawn:
    """Point estimates and replicates of every figure, for every area of the roll-up.

    Parameters
    ----------
    margins : Margins
    sample : Sample
    groups : Groups
    wanted : Wanted
    totals : Published, optional
        Direct H and censored headcounts of published areas that profiles are to add up to (``association.tilt``).
    shift : ndarray, shape (n, d), optional
        Move of logits since the survey (``time.nowcast.nowcast_shift``), of the point and of every replicate, beside what all
        areas are expected to have gained (``margins.fit.Since.centre``).
    options : Options, optional
    """
    options = options or Options()
    streams = Streams.of(options.seed, options.wave)
    fitted = fit_associations(sample, margins.shares, groups)
    profiles = joint_profiles(margins.shares, fitted.loadings)
    tilt, weight, measure = None, margins.people.population, wanted.measure
    if totals is not None:
        profiles, by_feature = tilt_to_published(profiles, margins.shares, weight, groups.at_published, totals, measure)
        tilt = np.exp(by_feature @ poor_features(measure).T)
    factors = rescaled_bootstrap(sample.stratum, options.n_replicates, streams.wave)
    if margins.since.years:
        walk = walk_of_indicators(profiles, weight, measure)
        margins = replace(margins, since=replace(margins.since, walk_per_year=walk))
    draws = draw_profiles(Chain(margins, sample, fitted, tilt, shift), factors, streams, n_jobs=options.n_jobs)
    centre = margins.since.centre(margins.shares.shape[1])
    profiles = moved_profiles(
        profiles, np.broadcast_to(centre, margins.shares.shape) + (0.0 if shift is None else shift)
    )
    return collect(profiles, draws, options.n_replicates, wanted)


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
