"""Joint profiles of every area: association fitted to the survey, margins met.

Belongs here: strengths of published areas and of blocks of land within them, profiles at given margins, and profiles whose
margins have moved. Does not belong here: how a strength is fitted (``loadings``), how margins are met (``raking``), where
margins come from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from poverty_assets.arrays import FloatArray, logit
from poverty_assets.small_area.association.loadings import Association, StrengthPrior, fit_association, trait_profiles
from poverty_assets.small_area.association.raking import rake
from poverty_assets.small_area.people import Groups
from poverty_assets.small_area.sample import Sample

BLOCK_SPREAD = 0.1
"""Prior standard deviation of log strengths of 50 km blocks about their published area's; also what an area of the finest
level adds of its own."""


@dataclass(frozen=True)
class Associations:
    """Association of published areas, and of blocks within them."""

    groups: Groups
    published_ids: Association
    blocks: Association

    @property
    def loadings(self) -> FloatArray:
        """Loadings of each area, those of its block, shape (n, d)."""
        return self.blocks.of_areas(self.groups.block)


def fit_associations(
    sample: Sample,
    margins: FloatArray,
    groups: Groups,
    *,
    factor: FloatArray | None = None,
    start: Associations | None = None,
) -> Associations:
    """Published areas first, then blocks within them; from ``start``, two steps of each."""
    steps = 12 if start is None else 2
    published_ids = fit_association(
        sample,
        margins,
        groups.at_published,
        factor=factor,
        start=start.published_ids if start else None,
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
        prior=StrengthPrior(centre, BLOCK_SPREAD),
        iterations=steps,
    )
    return Associations(groups, published_ids, blocks)


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
