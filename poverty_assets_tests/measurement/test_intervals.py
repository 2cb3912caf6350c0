"""Intervals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poverty_assets.measurement.intervals import exact_interval, logit_interval, symmetric_interval, t_quantile


def test_t_quantile_of_the_tables() -> None:
    np.testing.assert_allclose(t_quantile([1, 10, np.inf]), [12.7062, 2.22814, 1.95996], rtol=1e-5)
    assert np.isnan(t_quantile(0))


@given(st.floats(1e-6, 1 - 1e-6), st.floats(1e-9, 0.3), st.integers(1, 1000))
def test_logit_interval_of_a_share_is_within_0_and_1_and_holds_it(p: float, se: float, df: int) -> None:
    low, high = logit_interval(p, se, df)
    assert 0 <= low <= p * (1 + 1e-12)
    assert p * (1 - 1e-12) <= high <= 1


def test_share_of_0_has_no_logit_interval_but_an_exact_one() -> None:
    assert np.isnan(logit_interval(0.0, 0.1, 10)).all()
    low, high = exact_interval(0.0, 30)
    assert low == 0
    assert high == pytest.approx(1 - 0.025 ** (1 / 30))
    assert exact_interval(1.0, 30)[1] == 1


def test_symmetric_interval() -> None:
    np.testing.assert_allclose(symmetric_interval(10, 2, np.inf), [6.08007, 13.91993], rtol=1e-6)
