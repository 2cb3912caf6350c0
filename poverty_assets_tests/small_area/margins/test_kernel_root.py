"""Roots of covariances of errors are of one kind, so that errors of two indicators made of the same numbers go together."""

from __future__ import annotations

import numpy as np
import pytest

from poverty_assets.small_area.margins.kernel import triangular_root

N = 120


@pytest.fixture(scope="module")
def covariances() -> tuple[np.ndarray, np.ndarray]:
    """One that is positive definite, and the same where rounding left it not quite so."""
    columns = np.random.default_rng(0).normal(size=(N, 12)).astype(np.float32)
    whole = columns @ columns.T + 0.5 * np.eye(N, dtype=np.float32)
    values, vectors = np.linalg.eigh(whole)
    values[:5] = -1e-3
    return whole, ((vectors * values) @ vectors.T).astype(np.float32)


def test_a_root_is_triangular_and_gives_the_covariance_back_whichever_way_it_was_found(covariances: tuple) -> None:
    for covariance in covariances:
        root = triangular_root(covariance)
        np.testing.assert_array_equal(np.triu(root, 1), 0)
        np.testing.assert_allclose(root @ root.T, covariance, atol=2e-3)


def test_errors_of_the_same_numbers_go_together_where_one_root_was_not_to_be_had_directly(covariances: tuple) -> None:
    one, other = (triangular_root(covariance) for covariance in covariances)
    alike = (one * other).sum(axis=1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
    assert alike.mean() > 0.95
