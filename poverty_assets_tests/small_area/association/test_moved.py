"""Profiles whose margins move."""

from __future__ import annotations

import numpy as np
import pytest

from poverty_assets.arrays import logit
from poverty_assets.small_area.association.moved import moved_profiles


def test_profiles_are_moved_by_the_shift_of_their_margins() -> None:
    profiles = np.array([[0.4, 0.1, 0.2, 0.3]])
    shift = np.array([[0.5, -0.25]])
    moved = moved_profiles(profiles, shift)
    bits = np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
    np.testing.assert_allclose(logit(moved @ bits) - logit(profiles @ bits), shift, atol=1e-6)
    assert moved[0, 0] * moved[0, 3] / (moved[0, 1] * moved[0, 2]) == pytest.approx(6.0)
    assert moved_profiles(profiles, np.zeros((1, 2))) is profiles
