"""Draws of households, and replicates in threads."""

from __future__ import annotations

import numpy as np

from poverty_assets.small_area.replicates import drawn_households


def test_drawn_households_have_the_expected_mean_and_variance() -> None:
    expected = np.tile([0.6, 0.35, 0.0499, 0.0001], (4_000, 1))
    drawn = drawn_households(expected, np.full(4_000, 50.0), np.random.default_rng(0))
    np.testing.assert_allclose(drawn.sum(axis=1), 1)
    np.testing.assert_allclose(drawn.mean(axis=0), expected[0], atol=0.004)
    np.testing.assert_allclose(drawn.var(axis=0)[:3], expected[0][:3] * (1 - expected[0][:3]) / 50, rtol=0.15)
