"""Joint profiles of every area: association fitted to the survey, margins met.

Belongs here: strengths of published areas and of blocks of land within them, profiles at given margins, and profiles whose
margins have moved. Does not belong here: how a strength is fitted (``loadings``), how margins are met (``raking``), where
margins come from.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.special import expit

from poverty_assets.arrays import FloatArray, logit
from poverty_assets.small_area.association.loadings import (
    STRENGTH_SPREAD,
    Association,
    StrengthPrior,
    fit_association,
    learnt_spread,
    learnt_worth,
    trait_profiles,
)
from poverty_assets.small_area.association.raking import rake
from poverty_assets.small_area.people import Groups
from poverty_assets.small_area.sample import Sample

_ROUNDS = 3
BLOCK_SPREAD = 0.1
"""Prior standard deviation of log strengths of 50 km blocks about their published area's; also what an area of the finest
level adds of its own."""


@dataclass(frozen=True)
class Associations:
    """Association of published areas, and of blocks within them."""

    groups: Groups
    published_ids: Association
    blocks: Association
    prior: Spreads = field(default_factory=lambda: Spreads())

    @property
    def loadings(self) -> FloatArray:
        """Loadings of each area, those of its block, shape (n, d)."""
        return self.blocks.of_areas(self.groups.block)

    def unseen(self, rng: np.random.Generator) -> FloatArray:
        """Factor on the strengths of areas (n, 1) as they may be, for the part that resampling the survey does not show.

        A strength is drawn half to its prior by what the survey leaves open, and a resampled survey is drawn to the same: with
        prior variance t^2 and error e^2 there is e^4 / t^2 that no resampling shows, of published areas and of blocks within them.
        An area has a strength of its own besides, which one or two clusters cannot tell.
        """
        spreads = self.prior
        of_published = (
            self.published_ids.strength_error**2
            / spreads.published
            * rng.standard_normal(len(self.published_ids.strength))
        )
        of_block = self.blocks.strength_error**2 / spreads.block * rng.standard_normal(len(self.blocks.strength))
        own = BLOCK_SPREAD * rng.standard_normal(len(self.groups.block))
        return np.exp(of_published[self.groups.at_published] + of_block[self.groups.block] + own)[:, None]


@dataclass(frozen=True)
class Spreads:
    """Prior standard deviations of log strengths: of published areas, of blocks about theirs; and what pairs are ``worth``."""

    published: float = STRENGTH_SPREAD
    block: float = BLOCK_SPREAD
    worth: float = 1.0


def fit_associations(
    sample: Sample,
    margins: FloatArray,
    groups: Groups,
    *,
    factor: FloatArray | None = None,
    start: Associations | None = None,
    spreads: Spreads | None = None,
) -> Associations:
    """Published areas first, then blocks within them; from ``start``, two steps of each with its spreads."""
    steps = 12 if start is None else 2
    prior = spreads or (start.prior if start else Spreads())
    published_ids = fit_association(
        sample,
        margins,
        groups.at_published,
        factor=factor,
        start=start.published_ids if start else None,
        prior=StrengthPrior(None, prior.published, prior.worth),
        iterations=steps,
    )
    centre = published_ids.strength[groups.published_of_block]
    first = start.blocks if start else Association(published_ids.loadings, centre, np.zeros(len(centre)))
    blocks = fit_association(
        sample,
        margins,
        groups.block,
        factor=factor,
        start=Association(published_ids.loadings, first.strength, first.strength_error),
        prior=StrengthPrior(centre, prior.block, prior.worth),
        iterations=steps,
    )
    return Associations(groups, published_ids, blocks, prior)


def learn_associations(sample: Sample, margins: FloatArray, groups: Groups, factors: FloatArray) -> Associations:
    """`fit_associations` with spreads that the survey itself shows.

    Parameters
    ----------
    factors : ndarray, shape (r, p)
        Replicate factors on the weights of PSUs, some twenty: they show what the pairs are worth.
    """
    prior = Spreads()
    fitted = fit_associations(sample, margins, groups)
    again = [fit_associations(sample, margins, groups, factor=factor, start=fitted).published_ids for factor in factors]
    prior = replace(
        prior, worth=learnt_worth(fitted.published_ids, again, StrengthPrior(None, prior.published, prior.worth))
    )
    for _ in range(_ROUNDS):
        fitted = fit_associations(sample, margins, groups, start=fitted, spreads=prior)
        centre = fitted.published_ids.strength[groups.published_of_block]
        prior = replace(
            prior,
            published=learnt_spread(fitted.published_ids, StrengthPrior(None, prior.published)),
            block=learnt_spread(fitted.blocks, StrengthPrior(centre, prior.block)),
        )
    return fit_associations(sample, margins, groups, spreads=prior)


def joint_profiles(margins: FloatArray, loadings: FloatArray) -> FloatArray:
    """Profiles with the margins given to 1e-8, shape (n, 2^d): the trait's as a seed of each area's own, raked."""
    seed = trait_profiles(margins, loadings)
    return rake(seed, margins, start=np.zeros_like(margins)).profiles


def moved_profiles(profiles: FloatArray, shift: FloatArray) -> FloatArray:
    """Joint profiles (n, 2^d) with the logits of their margins moved by ``shift`` (n, d) and their association kept."""
    if not shift.any():
        return profiles
    d = shift.shape[1]
    bits = (np.arange(1 << d)[:, None] >> np.arange(d)) & 1
    margins = np.clip(profiles @ bits, 1e-6, 1 - 1e-6)
    # the margins of the seed are known, so the tilt starts at the shift itself
    return rake(np.maximum(profiles, 1e-12), expit(logit(margins) + shift), start=shift).profiles
