"""Benchmarking on numbers that can be checked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from poverty_assets.errors import ContractViolation
from poverty_assets.small_area.margins.benchmark import benchmark_shift, benchmarked


def test_benchmarking_meets_totals_keeps_order_and_leaves_the_rest() -> None:
    logits = np.array([[-2.0, 0.0], [0.0, 1.0], [1.0, -1.0]])
    population, group = np.array([1.0, 3.0, 2.0]), np.array([0, 0, 1])
    shares = expit(benchmarked(logits, population, group, np.array([[0.2, 0.7], [np.nan, 0.9]])))
    assert population[:2] @ shares[:2, 0] / 4 == pytest.approx(0.2, abs=1e-11)
    assert shares[0, 0] < shares[1, 0]
    assert shares[2, 0] == pytest.approx(expit(1.0))
    assert shares[2, 1] == pytest.approx(0.9, abs=1e-11)


def test_a_total_of_nought_is_no_benchmark() -> None:
    with pytest.raises(ContractViolation, match="1 totals are not inside 0 and 1"):
        benchmark_shift(np.zeros((1, 1)), [1.0], [0], [[0.0]])
