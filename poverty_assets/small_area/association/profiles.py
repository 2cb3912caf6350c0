"""How strongly deprivations hang together in every area, as the survey shows it.

Belongs here: strengths of published areas and of blocks of land within them, and what is learnt of how they spread. Does not belong here:
how a strength is fitted (``loadings``), what a replicate draws of it (``drawn``), profiles (``trait``, ``moved``).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from poverty_assets.arrays import FloatArray, IntArray
from poverty_assets.small_area.association.loadings import (
    STRENGTH_SPREAD,
    Association,
    PairResiduals,
    StrengthPrior,
    fit_association,
    pair_residuals,
)
from poverty_assets.small_area.people import Groups
from poverty_assets.small_area.sample import Sample

_ROUNDS = 3
_SPREAD_OF_SPREAD = 1.0  # prior standard deviation of the log of a spread of log strengths
_LEAST_WORTH = 0.05
BLOCK_SPREAD = 0.1
"""Prior standard deviation of log strengths of 50 km blocks about their published area's; also what an area of the finest
level adds of its own."""

PAIR_SPREAD = 0.1
"""Prior standard deviation of log odds ratios of single pairs in published areas about what the areas' strengths say."""


@dataclass(frozen=True)
class Associations:
    """Association of published areas, and of blocks within them; ``loadings`` (n, d) are each area's, those of its block."""

    groups: Groups
    published_ids: Association
    blocks: Association
    loadings: FloatArray
    prior: Spreads = field(default_factory=lambda: Spreads())


@dataclass(frozen=True)
class Spreads:
    """Prior standard deviations of log strengths: of published areas, of blocks about theirs; what pairs are ``worth``; and the standard
    deviation of log odds ratios of pairs in published areas about what strengths say of them (``pair``)."""

    published: float = STRENGTH_SPREAD
    block: float = BLOCK_SPREAD
    worth: float = 1.0
    pair: float = PAIR_SPREAD


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
    centre = published_ids.strength[_published_of_block(groups)]
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
    return Associations(groups, published_ids, blocks, blocks.of_areas(groups.block), prior)


def _published_of_block(groups: Groups) -> IntArray:
    """Published area of each block."""
    out = np.zeros(int(groups.block.max()) + 1, dtype=np.int64)
    out[groups.block] = groups.at_published
    return out


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
        centre = fitted.published_ids.strength[_published_of_block(groups)]
        prior = replace(
            prior,
            published=learnt_spread(fitted.published_ids, StrengthPrior(None, prior.published)),
            block=learnt_spread(fitted.blocks, StrengthPrior(centre, prior.block)),
        )
    fitted = fit_associations(sample, margins, groups, spreads=prior)
    found = fitted.published_ids
    seen = pair_residuals(sample, margins, groups.at_published, found)
    resampled = [pair_residuals(sample, margins, groups.at_published, found, factor=factor).away for factor in factors]
    return replace(fitted, prior=replace(prior, pair=learnt_pair_spread(seen, np.stack(resampled))))


def learnt_pair_spread(seen: PairResiduals, resampled: FloatArray) -> float:
    """Standard deviation of log odds ratios of pairs in groups about what loadings and strengths say, as the survey shows it.

    A group's residual of a pair varies by what resampled surveys show, and by spread^2 k^2 more, k what a unit of log odds ratio
    adds to its share; what all groups share is left to the country's own pairs. The spread is at the maximum of the likelihood, times a
    wide prior about `PAIR_SPREAD`.

    Parameters
    ----------
    seen : PairResiduals
    resampled : ndarray, shape (r, g, pairs)
        The same ``away`` of resampled surveys beside the same fit.
    """
    g, n_pairs = seen.away.shape
    sampling = (seen.unit**2 * resampled.var(axis=0, ddof=1)).mean(axis=1, keepdims=True) / seen.unit**2
    known = sampling[:, 0] > 0
    if known.sum() < 2:
        return PAIR_SPREAD
    away, sampling, answer = seen.away[known], sampling[known], seen.answer[known]
    apart = away - (away / sampling).sum(axis=0) / (1 / sampling).sum(axis=0)
    left = max(
        1 - (g + 2 * n_pairs) / (g * n_pairs), 0.1
    )  # strengths, loadings (fewer than pairs) and the means are fitted
    spreads = PAIR_SPREAD * np.exp(np.linspace(-2.5, 1.5, 81))
    variance = left * (sampling + (spreads[:, None, None] * answer) ** 2)
    value = 0.5 * np.sum(np.log(variance) + apart**2 / variance, axis=(1, 2))
    value += 0.5 * (np.log(spreads / PAIR_SPREAD) / _SPREAD_OF_SPREAD) ** 2
    return float(spreads[np.argmin(value)])


def learnt_spread(found: Association, prior: StrengthPrior) -> float:
    """Standard deviation of log strengths of groups about their centres, as the survey shows it.

    What each group's own pairs say of its log strength, prior taken off, is u_g with variance 1 / I_g, I_g the information in
    them: u_g ~ N(centre, spread^2 + 1 / I_g). The spread is at the maximum of that likelihood, times a wide prior about the one
    that the strengths were fitted with.
    """
    middle = np.zeros_like(found.strength) if prior.centre is None else np.log(prior.centre)
    away = np.log(found.strength) - middle
    information = np.maximum(1 / found.strength_error**2 - 1 / prior.spread**2, 0.0)
    known = information > 1e-3 / prior.spread**2
    if not known.any():
        return prior.spread
    own = away[known] * (1 + 1 / (prior.spread**2 * information[known]))
    spreads = prior.spread * np.exp(np.linspace(-1.5, 1.5, 121))
    variance = spreads[:, None] ** 2 + 1 / information[known]
    value = 0.5 * np.sum(np.log(variance) + own**2 / variance, axis=1)
    value += 0.5 * (np.log(spreads / prior.spread) / _SPREAD_OF_SPREAD) ** 2
    return float(spreads[np.argmin(value)])


def learnt_worth(found: Association, again: list[Association], prior: StrengthPrior) -> float:
    """What pairs are worth beside as many that know nothing of each other, from fits to resampled surveys.

    Pairs share indicators and households share clusters, so that strengths of resampled surveys vary more than the information
    would have them: with I_g of it and a prior of variance t^2, by I_g / (I_g + 1 / t^2)^2.
    """
    total = 1 / found.strength_error**2
    information = np.maximum(total - 1 / prior.spread**2, 0.0)
    expected = float(np.sum(information / total**2))
    moved = np.stack([np.log(one.strength) for one in again])
    seen = float(np.sum(moved.var(axis=0, ddof=1)))
    return float(np.clip(expected / seen, _LEAST_WORTH, 1.0)) if seen > 0 else 1.0
