"""The kernel in factors: with columns for every area it is the whole kernel, with few it is near it, and many areas take it so."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest

from poverty_assets.small_area.margins import fit as fitting
from poverty_assets.small_area.margins import low_rank
from poverty_assets.small_area.margins.draw import Streams, draw_margins
from poverty_assets.small_area.margins.fit import fit_margins
from poverty_assets.small_area.margins.kernel import Covariates, KernelFit, KernelParts, fit_kernel, kernel_parts
from poverty_assets.small_area.margins.low_rank import FactoredParts, factored_parts
from poverty_assets.small_area.people import Inhabitants
from poverty_assets.small_area.sample import Sample, Survey

N, HOUSEHOLDS = 240, 25


@pytest.fixture(scope="module")
def world() -> tuple[Survey, Covariates, Inhabitants]:
    """Two waves over areas of a square whose poverty goes from west to east, with two indicators."""
    rng = np.random.default_rng(0)
    xy = rng.uniform(0, 200_000, (N, 2))
    province = ((xy[:, 0] // 100_000) * 2 + xy[:, 1] // 100_000).astype(np.int64)
    features = xy @ rng.normal(0, 1e-5, (2, 5)) + rng.normal(size=(N, 5))
    poverty = 0.5 * np.sin(xy[:, 0] / 30_000) + 0.3 * features[:, 0]
    share = 1 / (1 + np.exp(1 - np.column_stack([poverty, -0.5 * poverty]) - rng.normal(0, 0.3, (N, 2))))
    waves = []
    for _ in range(2):
        area = np.sort(rng.choice(N, 100, replace=False))
        shares = rng.binomial(HOUSEHOLDS, share[area]) / HOUSEHOLDS
        size = np.full(len(area), HOUSEHOLDS)
        waves.append(
            Sample(area, province[area], size * 40.0, shares, shares.min(axis=1)[:, None] / 2, size * 1.0, size, N)
        )
    people = Inhabitants(rng.uniform(1e3, 1e4, N), np.full(N, 400.0), province)
    holder = np.unique(province * 1_000 + (xy[:, 0] // 20_000).astype(np.int64), return_inverse=True)[1]
    return Survey(waves[1], waves[0]), Covariates(features, xy, province, share[:, :1], holder=holder), people


def two_waves(parts: KernelParts, survey: Survey) -> tuple[KernelParts, KernelFit]:
    """The later wave's parts and fit of the first indicator."""
    before, now = survey.samples
    parts = parts.after(fit_kernel(parts, before.shares[:, 0], before.effective, before.sampled))
    return parts, fit_kernel(parts, now.shares[:, 0], now.effective, now.sampled)


def covariance(root: object) -> np.ndarray:
    matrix = np.asarray(root @ np.eye(N, dtype=np.float32), dtype=float)  # type: ignore[operator]
    return matrix @ matrix.T


@pytest.mark.slow
def test_with_columns_for_every_area_factors_are_the_whole_kernel(world: tuple) -> None:
    survey, covariates, _ = world
    whole_parts, whole = two_waves(kernel_parts(covariates), survey)
    with mock.patch.multiple(low_rank, DIRECTIONS=N, _LEFT=0.0):
        parts, fit = two_waves(factored_parts(covariates, {"features_curved": N, "place": N}), survey)
        root = parts.error_root(fit, 1.3, np.zeros(N))
    assert isinstance(parts, FactoredParts)
    error = np.sqrt(whole.variance)
    assert (np.abs(fit.predicted - whole.predicted) / error).max() < 0.01
    np.testing.assert_allclose(fit.variance, whole.variance, rtol=0.01)
    np.testing.assert_allclose(fit.held_out_variance, whole.held_out_variance, rtol=0.02)
    np.testing.assert_allclose(fit.held_out, whole.held_out, atol=0.01)
    assert parts.carried_error(fit) == pytest.approx(whole_parts.carried_error(whole), abs=0.01)
    expected = covariance(whole_parts.error_root(whole, 1.3, np.zeros(N)))
    assert np.abs(covariance(root) - expected).max() < 0.02 * np.diagonal(expected).mean()


@pytest.mark.slow
def test_what_stands_for_large_matrices_does_to_vectors_what_they_do(world: tuple) -> None:
    survey, covariates, _ = world
    _, fit = two_waves(factored_parts(covariates), survey)
    precision = np.asarray(fit.precision @ np.eye(len(fit.sampled)))
    some = np.arange(len(fit.sampled)) % 3 == 0
    np.testing.assert_allclose(fit.precision[np.ix_(some, some)], precision[np.ix_(some, some)], atol=1e-8)
    np.testing.assert_allclose(fit.precision[:, some], precision[:, some], atol=1e-8)
    np.testing.assert_allclose(fit.mean + fit.smoother @ (fit.working - fit.mean), fit.predicted)
    each = fit.held_out_groups(np.arange(len(fit.sampled)))
    np.testing.assert_allclose(each, fit.held_out, atol=1e-6)


@pytest.mark.slow
def test_few_columns_come_within_a_twentieth_of_a_standard_error(world: tuple) -> None:
    survey, covariates, _ = world
    _, whole = two_waves(kernel_parts(covariates), survey)
    _, fit = two_waves(factored_parts(covariates, {"features_curved": 40, "place": 60}), survey)
    away = np.abs(fit.predicted - whole.predicted) / np.sqrt(whole.variance)
    assert away.mean() < 0.05
    np.testing.assert_allclose(np.sqrt(fit.variance), np.sqrt(whole.variance), rtol=0.05)


def test_many_areas_take_the_kernel_in_factors_and_draw_as_widely(world: tuple) -> None:
    survey, covariates, people = world
    found = []
    for most in (N, N - 1):
        with mock.patch.object(fitting, "MOST_WHOLE", most):
            margins = fit_margins(survey, covariates, people, distance=np.full(N, 1.5))
        factors = np.ones((60, len(survey.now.area)))
        draws = np.stack([shares for shares, _, _ in draw_margins(margins, survey.now, factors, Streams.of(1))])
        found.append((margins, draws))
    (whole, drawn), (few, drawn_few) = found
    assert isinstance(few.residual_roots[0], low_rank.FactoredRoot)
    assert isinstance(whole.residual_roots[0], np.ndarray)
    np.testing.assert_allclose(few.shares, whole.shares, atol=0.005)
    np.testing.assert_allclose(drawn_few.std(axis=0).mean(axis=0), drawn.std(axis=0).mean(axis=0), rtol=0.05)
