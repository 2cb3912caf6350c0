"""Households of the twin: who lives in them, and what they lack in a quarter.

Belongs here: drawing a province's households and turning offsets into bitmasks of deprivations. Does not belong here:
offsets (``world``), surveys, registers, files.

A household keeps its latent traits for good; what it lacks changes because the offsets of its commune move.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poverty_assets.twin.cambodia.calibration import Eligibility
from poverty_assets.twin.cambodia.settings import HouseholdSettings, TwinSettings
from poverty_assets.twin.streams import stream

Float = NDArray[np.float32]

ELDERLY, CHILDLESS, COMPLETE = 0, 1, 2


@dataclass(frozen=True)
class Composition:
    """Look-up tables from random integers: size by 16 bits, children by size and 8 bits, elderly by 8 bits."""

    size: NDArray[np.uint8]
    children: NDArray[np.uint8]
    elderly_below: int

    @classmethod
    def of(cls, settings: HouseholdSettings) -> Composition:
        """Tables for the shares that the settings state."""
        edges = np.round(np.cumsum(settings.size_shares) * 65536).astype(int)
        size = (np.searchsorted(edges, np.arange(65536), side="right") + 1).clip(1, len(edges)).astype(np.uint8)
        chance = (np.arange(256) + 0.5) / 256
        children = np.zeros((len(edges) + 1, 256), dtype=np.uint8)
        for members in range(2, len(edges) + 1):
            others, share = members - 1, settings.child_share
            chances = [math.comb(others, k) * share**k * (1 - share) ** (others - k) for k in range(others)]
            children[members] = np.searchsorted(np.cumsum(chances), chance)
        return cls(size, children, round(settings.elderly_share * 256))

    @property
    def mean_size(self) -> float:
        """Mean number of members."""
        return float(self.size.mean())

    def kind(self, size: NDArray[np.uint8], children: NDArray[np.uint8], draw: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Type of each household: elderly alone, without children, or complete."""
        elderly = (children == 0) & (size <= 2) & (draw < self.elderly_below)
        return np.where(elderly, ELDERLY, np.where(children == 0, CHILDLESS, COMPLETE)).astype(np.uint8)

    def eligibility(self, settings: TwinSettings) -> Eligibility:
        """Persons by household type, exactly as the tables give them."""
        sizes = np.bincount(self.size, minlength=len(self.children)) * np.arange(len(self.children))
        childless = (self.children == 0).mean(axis=1)
        small = np.arange(len(self.children)) <= 2
        elderly = sizes @ (childless * small) * self.elderly_below / 256
        share = np.array([elderly, sizes @ childless - elderly, sizes @ (1 - childless)]) / sizes.sum()
        return Eligibility(share, allowed(settings))


def allowed(settings: TwinSettings) -> NDArray[np.bool_]:
    """Which indicators a household of each type can be deprived in, shape (types, indicators)."""
    table = np.ones((3, len(settings.indicators)), dtype=bool)
    for j, indicator in enumerate(settings.indicators):
        table[[ELDERLY, CHILDLESS], j] = indicator not in settings.households.needs_children
        table[ELDERLY, j] &= indicator not in settings.households.needs_younger_adults
    return table


@dataclass(frozen=True)
class Province:
    """Households of one province that exist at some time, ordered by commune; arrays of length n.

    ``first`` and ``length`` delimit each commune's households; ``rank`` numbers them within the commune from 0: those
    with a rank below the commune's number of households exist. ``latent`` has shape (indicators, n).
    """

    communes: NDArray[np.intp]
    first: NDArray[np.intp]
    length: NDArray[np.intp]
    rank: NDArray[np.int32]
    latent: Float
    factor: Float
    visit: Float
    size: NDArray[np.uint8]
    children: NDArray[np.uint8]
    kind_mask: NDArray[np.uint16]
    female_head: NDArray[np.bool_]

    def spread(self, values: NDArray[np.float64]) -> Float:
        """Value of each commune of the province, repeated for its households."""
        return np.repeat(values.astype(np.float32), self.length)

    def existing(self, counts: NDArray[np.intp]) -> NDArray[np.intp]:
        """Positions of the households that exist when the province's communes have `counts` of them."""
        return np.concatenate([np.arange(a, a + n) for a, n in zip(self.first, counts, strict=True)])

    def masks(self, offset: NDArray[np.float64]) -> NDArray[np.uint16]:
        """Bitmask of deprivations of every household: bit j stands for indicator j.

        Parameters
        ----------
        offset : array, shape (n_communes of the province, n_indicators)
        """
        mask = np.zeros(len(self.rank), dtype=np.uint16)
        for j, latent in enumerate(self.latent):
            mask |= (latent > np.repeat(-offset[:, j].astype(np.float32), self.length)).astype(np.uint16) << np.uint16(
                j
            )
        return mask & self.kind_mask


def draw(
    settings: TwinSettings,
    composition: Composition,
    seed: int,
    code: str,
    communes: NDArray[np.intp],
    length: NDArray[np.intp],
    loading: NDArray[np.float64],
) -> Province:
    """Draw the households of the province `code`.

    Parameters
    ----------
    communes, length : array of int, shape (n_communes,)
        Indices of the province's communes, and the most households each ever has.
    loading : array, shape (n_communes, n_indicators)
        Loadings on the first factor.
    """
    rng = stream(seed, "households", code)
    n, model = int(length.sum()), settings.model
    first = np.concatenate([[0], np.cumsum(length)[:-1]])
    rank = np.arange(n, dtype=np.int32) - np.repeat(first, length).astype(np.int32)
    clusters = -(-length // model.enumeration_area_households)
    cluster = rank // model.enumeration_area_households + np.repeat(np.cumsum(clusters) - clusters, length)
    shared = rng.standard_normal(int(clusters.sum()), dtype=np.float32)
    shared = (shared - shared.mean()) / shared.std()  # small provinces have few clusters: keep them calibrated
    factor = np.float32(np.sqrt(model.cluster_share)) * shared[cluster]
    factor += np.float32(np.sqrt(1 - model.cluster_share)) * rng.standard_normal(n, dtype=np.float32)
    second = rng.standard_normal(n, dtype=np.float32)
    latent = np.empty((len(settings.indicators), n), dtype=np.float32)
    for j, row in enumerate(latent):
        k = model.loading_second[j]
        rng.standard_normal(out=row, dtype=np.float32)
        row *= np.repeat(np.sqrt(1 - loading[:, j] ** 2 - k**2).astype(np.float32), length)
        row += np.repeat(loading[:, j].astype(np.float32), length) * factor
        if k:
            row += np.float32(k) * second
    size = composition.size[rng.integers(0, 65536, n, dtype=np.uint16)]
    bytes_ = rng.integers(0, 256, (3, n), dtype=np.uint8)
    children = composition.children[size, bytes_[0]]
    bits = (allowed(settings) << np.arange(len(settings.indicators))).sum(axis=1).astype(np.uint16)
    return Province(
        communes=communes,
        first=first,
        length=length,
        rank=rank,
        latent=latent,
        factor=factor,
        visit=rng.standard_normal(n, dtype=np.float32),
        size=size,
        children=children,
        kind_mask=bits[composition.kind(size, children, bytes_[1])],
        female_head=bytes_[2] < (256 * settings.households.female_head * (1 + 0.25 * np.tanh(factor))),
    )


def scores(settings: TwinSettings) -> NDArray[np.uint8]:
    """Deprivation score of every possible mask, in eighteenths; shape (2 ** n_indicators,)."""
    masks = np.arange(2 ** len(settings.indicators))
    bits = masks[:, None] >> np.arange(len(settings.indicators)) & 1
    return (bits @ np.array(settings.weights_18)).astype(np.uint8)
