"""What clusters tell of noise."""

from __future__ import annotations

import numpy as np

from poverty_assets.small_area.sample import Sample, pooled_design_effect, sampling_correlation

CLUSTERS, HOUSEHOLDS = 400, 25


def make_sample(shares: np.ndarray) -> Sample:
    """Two clusters of 25 households in each area; pairs as if independent."""
    n = len(shares)
    return Sample(
        np.repeat(np.arange(n // 2), 2),
        np.zeros(n, dtype=np.int64),
        np.ones(n),
        shares,
        (shares[:, 0] * shares[:, 1])[:, None],
        np.full(n, float(HOUSEHOLDS)),
        np.full(n, HOUSEHOLDS),
        n // 2,
    )


def test_independent_households_have_a_design_effect_of_about_1() -> None:
    shares = np.random.default_rng(0).binomial(HOUSEHOLDS, 0.3, (CLUSTERS, 2)) / HOUSEHOLDS
    np.testing.assert_allclose(pooled_design_effect([make_sample(shares)]), 1, atol=0.15)


def test_what_clusters_share_shows_in_the_correlation_of_sampling_errors() -> None:
    rng = np.random.default_rng(0)
    apart = rng.binomial(HOUSEHOLDS, 0.3, (CLUSTERS, 2)) / HOUSEHOLDS
    assert sampling_correlation([make_sample(apart)])[0, 1] < 0.15
    together = rng.binomial(HOUSEHOLDS, np.clip(0.3 + 0.15 * rng.standard_normal((CLUSTERS, 1)), 0, 1), (CLUSTERS, 2))
    assert sampling_correlation([make_sample(together / HOUSEHOLDS)])[0, 1] > 0.5
