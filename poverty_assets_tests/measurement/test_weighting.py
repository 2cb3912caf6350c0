"""Weights made from weights."""

from __future__ import annotations

import numpy as np
import pytest

from poverty_assets.errors import ContractViolation
from poverty_assets.measurement.design import SurveyDesign
from poverty_assets.measurement.weighting import calibrate, jackknife, poststratify


def test_cells_get_their_known_size() -> None:
    design = poststratify(SurveyDesign.build([1, 1, 2, 2]), ["a", "a", "b", "b"], {"a": 10, "b": 6})
    np.testing.assert_allclose(design.weight, [5, 5, 3, 3])


def test_total_of_a_calibration_variable_is_certain() -> None:
    x = np.array([1.0, 2.0, 3.0, 6.0])
    design = calibrate(SurveyDesign.build(np.ones(4)), np.column_stack([np.ones(4), x]), [5, 14])
    assert design.sums(x).estimate.item() == pytest.approx(14)
    assert design.sums(x).se.item() == pytest.approx(0, abs=1e-9)


def test_totals_that_cannot_be_met_are_named() -> None:
    with pytest.raises(ContractViolation, match="2 totals cannot be met"):
        calibrate(SurveyDesign.build(np.ones(3)), np.ones((3, 2)), [3, 4])


def test_cell_of_unknown_size_is_refused() -> None:
    with pytest.raises(ContractViolation, match="the first 'b'"):
        poststratify(SurveyDesign.build(np.ones(2)), ["a", "b"], {"a": 1})


def test_jackknife_of_a_mean_of_equal_psus_is_linearisation() -> None:
    design = SurveyDesign.build(np.ones(6), psu=[1, 1, 2, 2, 3, 3])
    y = np.array([1.0, 2, 4, 4, 5, 9])
    _, se = jackknife(design).estimate(lambda w: np.array([w @ y / w.sum()]))
    assert se.item() == pytest.approx(design.means(y).se.item())
