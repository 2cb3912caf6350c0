"""The association of one replicate, from that of the point.

Belongs here: strengths drawn for what resampling does not show, and the tilt to the resampled survey's own country. Does not belong
here: the point's (``profiles``, ``country``), the loop over replicates (``replicates``).
"""

from __future__ import annotations

import numpy as np

from poverty_assets.arrays import FloatArray
from poverty_assets.measurement.masks import pair_index, profile_bits
from poverty_assets.small_area.association.country import CountryTilt
from poverty_assets.small_area.association.profiles import BLOCK_SPREAD, Associations
from poverty_assets.small_area.association.raking import rake

_LONGEST_STEP = 1.0


def unseen(fitted: Associations, rng: np.random.Generator) -> FloatArray:
    """Factor on the strengths of areas (n, 1) as they may be, for the part that resampling the survey does not show.

    A strength is drawn half to its prior by what the survey leaves open, and a resampled survey is drawn to the same: with
    prior variance t^2 and error e^2 there is e^4 / t^2 that no resampling shows, of published areas and of blocks within them.
    An area has a strength of its own besides, which one or two clusters cannot tell.
    """
    spreads = fitted.prior
    published, blocks = fitted.published_ids, fitted.blocks
    of_published = published.strength_error**2 / spreads.published * rng.standard_normal(len(published.strength))
    of_block = blocks.strength_error**2 / spreads.block * rng.standard_normal(len(blocks.strength))
    own = BLOCK_SPREAD * rng.standard_normal(len(fitted.groups.block))
    return np.exp(of_published[fitted.groups.at_published] + of_block[fitted.groups.block] + own)[:, None]


def pairs_apart(fitted: Associations, rng: np.random.Generator) -> FloatArray:
    """Factors on the profiles of areas (n, 2^d): single pairs of published areas as they may be beside what the area's strength says.

    One trait with a strength of the place makes all its pairs alike; how far they are not, the survey tells (``profiles.Spreads.pair``).
    """
    d = len(fitted.published_ids.loadings)
    bits, (first, second) = profile_bits(np.arange(1 << d), d), pair_index(d)
    drawn = fitted.prior.pair * rng.standard_normal((len(fitted.published_ids.strength), len(first)))
    return np.asarray(np.exp(drawn @ (bits[:, first] * bits[:, second]).T)[fitted.groups.at_published])


def near_country(
    point: CountryTilt, seed: FloatArray, margins: FloatArray, wanted: FloatArray, tolerance: float
) -> FloatArray:
    """Profiles with the margins given (n, d) whose country comes near what is wanted (q,), from the tilt of the point; not raked
    again."""
    features = point.whole.features
    profiles = rake(seed * np.exp(features @ point.tilt), margins, start=point.theta, tolerance=tolerance).profiles
    population = point.whole.people.population
    gap = wanted - population @ (profiles @ features) / population.sum() - point.whole.ridge * point.tilt
    step = np.linalg.solve(point.curvature, gap)
    step /= max(float(np.abs(step).max()) / _LONGEST_STEP, 1.0)
    return np.asarray(profiles * np.exp(features @ step))
