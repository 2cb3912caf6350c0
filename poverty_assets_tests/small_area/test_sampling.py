"""What clusters tell of noise, draws of households, and changes that all areas share."""

from __future__ import annotations

import numpy as np
import pytest

from poverty_assets.small_area.drift import common_error
from poverty_assets.small_area.margins import FewCases
from poverty_assets.small_area.replicates import drawn_households, in_threads
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


def test_drawn_households_have_the_expected_mean_and_variance() -> None:
    expected = np.tile([0.6, 0.35, 0.0499, 0.0001], (4_000, 1))
    drawn = drawn_households(expected, np.full(4_000, 50.0), np.random.default_rng(0))
    np.testing.assert_allclose(drawn.sum(axis=1), 1)
    np.testing.assert_allclose(drawn.mean(axis=0), expected[0], atol=0.004)
    np.testing.assert_allclose(drawn.var(axis=0)[:3], expected[0][:3] * (1 - expected[0][:3]) / 50, rtol=0.15)


def test_threads_keep_the_order() -> None:
    found = list(in_threads(lambda x: np.array([x]), ((i,) for i in range(7)), 3))
    np.testing.assert_array_equal(np.concatenate(found), np.arange(7))


def test_few_cases_pull_a_modelled_total_towards_what_was_seen() -> None:
    few = FewCases(np.array([[1.0, np.nan]]), np.array([[1 / 0.01 + 900, np.nan]]))
    totals = few.filled(np.array([[np.nan, 0.2]]))
    np.testing.assert_allclose(totals, [[0.001, 0.2]])
    drawn = np.array([few.filled(totals, np.random.default_rng(i))[0, 0] for i in range(400)])
    assert drawn.mean() == pytest.approx(0.001, rel=0.2)


def test_a_walk_has_gone_as_far_as_the_root_of_time() -> None:
    before, now = (make_sample(np.full((4, 2), share)) for share in (0.2, 0.3))
    far = common_error(before, now, years_between=4.0, years_since=1.0)
    change = np.log(0.3 / 0.7) - np.log(0.2 / 0.8)
    np.testing.assert_allclose(far, change / 2)
