"""Raking on numbers that can be checked by hand or by another way."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from poverty_assets.measurement.masks import profile_bits
from poverty_assets.small_area.association.raking import EDGE, independent, rake


def swept(seed: np.ndarray, margins: np.ndarray, sweeps: int = 500) -> np.ndarray:
    """Iterative proportional fitting as in a textbook, one area."""
    p, bits = seed / seed.sum(), profile_bits(np.arange(len(seed)), len(margins))
    for _ in range(sweeps):
        for j, m in enumerate(margins):
            on = bits[:, j] > 0
            p = np.where(on, p * m / p[on].sum(), p * (1 - m) / p[~on].sum())
    return p


def test_raking_is_what_sweeps_converge_to() -> None:
    rng = np.random.default_rng(0)
    seed, margins = rng.dirichlet(np.full(16, 0.3), size=2) + 1e-6, rng.uniform(0.02, 0.9, size=(5, 4))
    stratum = np.array([0, 1, 0, 1, 1])
    raked = rake(seed, margins, stratum)
    for i in range(5):
        np.testing.assert_allclose(raked.profiles[i], swept(seed[stratum[i]], margins[i]), atol=1e-8)


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_margins_are_met_and_odds_ratios_kept(number: int) -> None:
    rng = np.random.default_rng(number)
    seed, margins = rng.dirichlet(np.full(4, 0.5)) + 1e-4, rng.uniform(0, 1, size=(3, 2))
    p = rake(seed, margins).profiles
    np.testing.assert_allclose(p @ profile_bits(np.arange(4), 2), np.clip(margins, EDGE, 1 - EDGE), atol=1e-8)
    np.testing.assert_allclose(
        p[:, 0] * p[:, 3] / (p[:, 1] * p[:, 2]), seed[0] * seed[3] / (seed[1] * seed[2]), rtol=1e-6
    )


def test_one_seed_an_area_is_used_for_its_own_area() -> None:
    margins = np.full((2, 2), 0.5)
    together, apart = np.array([0.49, 0.01, 0.01, 0.49]), np.array([0.01, 0.49, 0.49, 0.01])
    np.testing.assert_allclose(rake(np.stack([together, apart]), margins).profiles, [together, apart], atol=1e-8)


def test_margins_of_0_and_1_are_moved_inside() -> None:
    p = rake(np.full(4, 0.25), np.array([[0.0, 1.0]])).profiles
    np.testing.assert_allclose(p[0], [EDGE * (1 - EDGE), EDGE**2, (1 - EDGE) ** 2, EDGE * (1 - EDGE)], atol=1e-8)


def test_a_warm_start_needs_one_look() -> None:
    rng = np.random.default_rng(3)
    seed, margins = rng.dirichlet(np.ones(8)), rng.uniform(0.1, 0.6, size=(4, 3))
    first = rake(seed, margins)
    assert rake(seed, margins, start=first.theta).iterations == 1


def test_independence_multiplies() -> None:
    np.testing.assert_allclose(independent(np.array([[0.5, 0.2]]))[0], [0.4, 0.4, 0.1, 0.1])
