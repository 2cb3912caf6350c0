"""What areas one level up have in common: errors of their sums are as large as the model says."""

import numpy as np
import pytest
from scipy.special import ndtr

from poverty_assets.small_area.inputs import Place
from poverty_assets.small_area.margins.kernel import Covariates, fit_kernel, kernel_parts

N, HELD, HOUSEHOLDS = 240, 8, 50
HOLDER = np.arange(N) // HELD
SUMS = (np.arange(N // HELD)[:, None] == HOLDER) / HELD


def error_of_sums(seed: int, holder: np.ndarray | None) -> tuple[float, float]:
    """Mean squared error of means of areas one level up, and the variance that the model has of it."""
    rng = np.random.default_rng(seed)
    eta = -0.5 + rng.normal(0, 0.3, N // HELD)[HOLDER] + rng.normal(0, 0.15, N)
    seats = rng.uniform(0, 300_000, (N // HELD, 2))[HOLDER] + rng.normal(0, 20_000, (N, 2))
    parts = kernel_parts(Covariates(np.zeros((N, 0)), seats, np.arange(N) // 80, np.zeros((N, 0)), holder=holder))
    sampled = np.sort(rng.choice(N, N // 3, replace=False))
    share = rng.binomial(HOUSEHOLDS, ndtr(eta[sampled])) / HOUSEHOLDS
    fit = fit_kernel(parts, share, np.full(len(sampled), float(HOUSEHOLDS)), sampled)
    error = np.tril(parts.error_covariance(fit))
    error += np.tril(error, -1).T
    return float(np.mean((SUMS @ (fit.predicted - eta)) ** 2)), float(np.trace(SUMS @ error @ SUMS.T) / len(SUMS))


@pytest.mark.slow
def test_errors_of_levels_between_are_as_large_as_the_model_says_and_would_not_be_without_what_holds_areas_together():
    found = {kind: np.sum([error_of_sums(seed, of) for seed in range(3)], axis=0) for kind, of in
             (("with", HOLDER), ("without", None))}  # fmt: skip
    square, variance = found["with"]
    assert square / variance == pytest.approx(0.9, abs=0.3)
    assert found["without"][0] / found["without"][1] > 2
    assert square < found["without"][0]


@pytest.mark.parametrize(("holder", "between"), [([0, 0, 1, 2, 3], True), ([0, 0, 0, 1, 1], False)])
def test_only_levels_between_the_finest_and_the_published_one_hold_areas_together(holder, between):
    place = object.__new__(Place)
    for name, value in (("holder", np.array(holder)), ("at_published", np.array([0, 0, 0, 1, 1]))):
        object.__setattr__(place, name, value)
    assert (place.holder_between is not None) == between
