"""The profiles that one latent trait gives at any margins.

Belongs here: profiles of areas from their margins and loadings. Does not belong here: how loadings are fitted (``loadings``), profiles
whose margins have moved (``moved``).
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri

from poverty_assets.arrays import FloatArray
from poverty_assets.small_area.association.raking import EDGE, products, rake

_NODES = 11


def trait_profiles(margins: FloatArray, loadings: FloatArray) -> FloatArray:
    """Profiles of areas with the given margins and loadings (both (n, d)), shape (n, 2^d): margins met to quadrature's error.

    Notes
    -----
    Gauss and Hermite's rule over the trait, thresholds corrected by two steps of Newton so that margins hold under the rule.
    """
    node, weight = np.polynomial.hermite_e.hermegauss(_NODES)
    weight = weight / weight.sum()
    wanted = np.clip(margins, EDGE, 1 - EDGE)[:, None, :]
    own = 1 / np.sqrt(1 - loadings**2)[:, None, :]
    trait = loadings[:, None, :] * node[:, None]
    threshold = ndtri(wanted)
    for _ in range(2):
        z = (threshold + trait) * own
        slope = np.tensordot(weight, np.exp(-(z**2) / 2), (0, 1))[:, None, :] * own / np.sqrt(2 * np.pi)
        found = np.tensordot(weight, ndtr(z), (0, 1))[:, None, :]
        threshold = threshold - np.clip((found - wanted) / np.maximum(slope, 1e-12), -0.5, 0.5)
    chance = np.clip(ndtr((threshold + trait) * own), 1e-12, 1 - 1e-12)
    half = loadings.shape[1] // 2
    # given the trait a profile's chance is that of its low bits times that of its high ones: the sum over nodes is one small
    # matrix product an area
    high = products(chance[..., half:]) * weight[:, None]
    out = np.matmul(high.transpose(0, 2, 1), products(chance[..., :half]))
    return np.asarray(out.reshape(len(margins), -1))


def joint_profiles(margins: FloatArray, loadings: FloatArray) -> FloatArray:
    """Profiles with the margins given to 1e-8, shape (n, 2^d): the trait's as a seed of each area's own, raked."""
    seed = trait_profiles(margins, loadings)
    return rake(seed, margins, start=np.zeros_like(margins)).profiles
