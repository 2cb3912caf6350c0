"""The latent trait of households."""

from __future__ import annotations

import numpy as np

from poverty_assets.measurement.masks import profile_bits
from poverty_assets.small_area.association.raking import independent
from poverty_assets.small_area.association.trait import trait_profiles


def test_the_trait_meets_margins_and_a_loading_of_nought_is_independence() -> None:
    margins = np.array([[0.3, 0.1, 0.6]])
    p = trait_profiles(margins, np.full((1, 3), 0.7))
    np.testing.assert_allclose(p @ profile_bits(np.arange(8), 3), margins, atol=1e-6)
    assert p[0, 7] > 0.3 * 0.1 * 0.6
    np.testing.assert_allclose(trait_profiles(margins, np.zeros((1, 3))), independent(margins), atol=1e-9)
