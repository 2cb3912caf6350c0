"""Totals where the sample has few cases."""

from __future__ import annotations

import numpy as np
import pytest

from poverty_assets.small_area.margins.published_totals import FewCases


def test_few_cases_pull_a_modelled_total_towards_what_was_seen() -> None:
    few = FewCases(np.array([[1.0, np.nan]]), np.array([[1 / 0.01 + 900, np.nan]]))
    totals = few.filled(np.array([[np.nan, 0.2]]))
    np.testing.assert_allclose(totals, [[0.001, 0.2]])
    drawn = np.array([few.filled(totals, np.random.default_rng(i))[0, 0] for i in range(400)])
    assert drawn.mean() == pytest.approx(0.001, rel=0.2)
