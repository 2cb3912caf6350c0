"""What the households of the whole country show together: profiles whose areas add up to it.

Belongs here: the direct figures of the country that joint profiles are to have (H, censored headcounts, pairs), of the survey and of
each resampled one, and the tilt with which they come out. Does not belong here: the tilt of a replicate (``drawn``), margins
(``margins.benchmark``), the algebra of tilts (``tilt``).

One trait with a strength of each place makes all pairs alike; the survey tells the country's own pairs, and who is poor, far
better. Profiles are tilted by one vector for all areas, so that the country's H, censored headcounts and pairs come out as
the survey has them; replicates are tilted to the resampled survey's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poverty_assets.arrays import FloatArray
from poverty_assets.measure.measure import Measure
from poverty_assets.measurement.masks import pair_index, profile_bits
from poverty_assets.small_area.association.raking import rake
from poverty_assets.small_area.association.tilt import RIDGE, Asked, poor_features, tilt_to, within_published
from poverty_assets.small_area.margins.published_totals import MIN_CASES
from poverty_assets.small_area.people import Inhabitants
from poverty_assets.small_area.sample import Sample


@dataclass(frozen=True)
class WholeCountry:
    """Direct figures of the country, and profiles that have them.

    Attributes
    ----------
    features : ndarray, shape (2^d, q)
        Of profiles: each deprivation of the poor, being poor, and pairs that were seen often enough.
    wanted : ndarray, shape (q,)
        Their direct means.
    ridge : ndarray, shape (q,)
        Sampling variances of the pairs' means: a tilt has prior variance 1.
    people : Inhabitants
    wanted_of_each : ndarray, shape (r, q)
        Direct means in each resampled survey.
    """

    features: FloatArray
    wanted: FloatArray
    ridge: FloatArray
    people: Inhabitants
    wanted_of_each: FloatArray

    @classmethod
    def of(cls, sample: Sample, measure: Measure, people: Inhabitants, factors: FloatArray) -> WholeCountry:
        """From the sample's profiles; ``factors`` (r, p) are those of resampled surveys."""
        d = len(measure.indicators)
        bits = profile_bits(np.arange(1 << d), d)
        first, second = pair_index(d)
        often = (sample.pairs > 0).sum(axis=0) >= MIN_CASES
        poor = poor_features(measure)
        features = np.column_stack([poor, (bits[:, first] * bits[:, second])[:, often]])
        of_each = cls._means(sample, features, factors)
        ridge = np.maximum(of_each.var(axis=0), RIDGE)
        ridge[: poor.shape[1]] = RIDGE
        wanted = cls._means(sample, features, np.ones((1, len(sample.weight))))[0]
        return cls(features, wanted, ridge, people, of_each)

    @staticmethod
    def _means(sample: Sample, features: FloatArray, factors: FloatArray) -> FloatArray:
        """Direct means of the features in each resampled survey, shape (r, q)."""
        weight = factors * sample.weight
        return np.asarray((weight @ sample.profiles) @ features / weight.sum(axis=1, keepdims=True), dtype=float)

    def met(self, seed: FloatArray, margins: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Profiles (n, 2^d) with the margins given and the country's figures, and their tilt (q,)."""
        asked = Asked(self.wanted[None], self.features, self.ridge)
        profiles, tilt = tilt_to(seed, margins, self.people.population, self.people.as_one, asked)
        return profiles, tilt[0]

    def curvature(self, profiles: FloatArray, d: int) -> FloatArray:
        """How the features' means answer to a tilt about these profiles, the ridge with it, shape (q, q)."""
        weight = self.people.population / self.people.population.sum()
        found = within_published(profiles, self.features, d, weight, self.people.as_one, 1)[0]
        return np.asarray(found + np.diag(self.ridge))


@dataclass(frozen=True)
class CountryTilt:
    """The tilt of the point, which replicates start from: one step of Newton's with its curvature brings them to their own.

    ``theta`` (n, d) is what margins take once the point's seed is tilted.
    """

    whole: WholeCountry
    tilt: FloatArray
    curvature: FloatArray
    theta: FloatArray

    @classmethod
    def of(cls, whole: WholeCountry, seed: FloatArray, margins: FloatArray) -> tuple[CountryTilt, FloatArray]:
        """The tilt for a seed and margins of all areas, and the profiles that come of them."""
        profiles, tilt = whole.met(seed, margins)
        theta = rake(seed * np.exp(whole.features @ tilt), margins, start=np.zeros_like(margins)).theta
        return cls(whole, tilt, whole.curvature(profiles, margins.shape[1]), theta), profiles
