"""Joint profiles whose margins have moved.

Belongs here: the same association at other margins. Does not belong here: how far margins move (``small_area.time``), how they are met
(``raking``).
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from poverty_assets.arrays import FloatArray, logit
from poverty_assets.small_area.association.raking import rake


def moved_profiles(profiles: FloatArray, shift: FloatArray) -> FloatArray:
    """Joint profiles (n, 2^d) with the logits of their margins moved by ``shift`` (n, d) and their association kept."""
    if not shift.any():
        return profiles
    d = shift.shape[1]
    bits = (np.arange(1 << d)[:, None] >> np.arange(d)) & 1
    margins = np.clip(profiles @ bits, 1e-6, 1 - 1e-6)
    # the margins of the seed are known, so the tilt starts at the shift itself
    return rake(np.maximum(profiles, 1e-12), expit(logit(margins) + shift), start=shift).profiles
