"""Fay-Herriot against R sae and R emdi at the variance that they found, and what a reader checks in the head."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq

from poverty_assets.errors import ContractViolation
from poverty_assets.small_area.margins.fay_herriot import eblup, regression


def fitted(x: np.ndarray, y: pd.Series, d: pd.Series, variance: float) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (p,) and predictors (n,) of one indicator; an intercept is added."""
    columns = np.column_stack([np.ones(len(y)), x])
    direct, noise = (np.asarray(a, dtype=float)[:, None] for a in (y, d))
    beta = regression(columns[None], direct, noise, np.array([variance]))[0]
    value, _ = eblup((columns @ beta)[:, None], direct, np.full_like(direct, variance), noise)
    return beta, value[:, 0]


@pytest.mark.parametrize("method", ["REML", "ML", "FH"])
def test_milk_agrees_with_sae(oracles: Path, method: str) -> None:
    milk = pd.read_csv(oracles / "small_area" / "milk_input.csv")
    fit = pd.read_csv(oracles / "small_area" / "milk_sae_fit.csv").query("method == @method")
    answer = pd.read_csv(oracles / "small_area" / "milk_sae_eblup.csv").query("method == @method")
    areas = pd.get_dummies(milk["MajorArea"], drop_first=True).to_numpy(float)
    beta, value = fitted(areas, milk["yi"], milk["SD"] ** 2, fit["refvar"].iloc[0])
    np.testing.assert_allclose(beta, fit["beta"], rtol=1e-9)
    np.testing.assert_allclose(value, answer["eblup"], rtol=1e-9)


def test_1650_areas_agree_with_sae(oracles: Path) -> None:
    """Its variance was not kept: the one that the first area implies must give the other 1,649."""
    given = pd.read_csv(oracles / "small_area" / "fh1650.csv")
    answer = pd.read_csv(oracles / "small_area" / "fh1650_R.csv")["eb"].to_numpy()
    x = given[["x1", "x2", "x3"]].to_numpy()

    def predicted(variance: float) -> np.ndarray:
        return fitted(x, given["y"], given["D"], variance)[1]

    variance = brentq(lambda a: predicted(a)[0] - answer[0], 0.01, 10, xtol=1e-14)
    np.testing.assert_allclose(predicted(variance), answer, rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "y", "columns"),
    [("reml", "Mean", ["cash", "self_empl"]), ("arcsin_bc", "MTMED", ["cash", "age_ben", "rent", "house_allow"])],
)
def test_coefficients_agree_with_emdi(oracles: Path, name: str, y: str, columns: list[str]) -> None:
    folder = oracles / "small_area"
    given, fit = (pd.read_csv(folder / f) for f in ("eusilcA_combined_input.csv", f"emdi_fh_{name}_fit.csv"))
    direct = given[y] if name == "reml" else np.arcsin(np.sqrt(given[y]))
    noise = given[f"Var_{y}"] if name == "reml" else 1 / (4 * given["n"])
    beta, value = fitted(given[columns].to_numpy(float), direct, noise, fit["variance"].iloc[0])
    np.testing.assert_allclose(beta, fit["coefficients"], rtol=1e-9)
    if name == "reml":
        np.testing.assert_allclose(value, pd.read_csv(folder / "emdi_fh_reml_ind.csv")["FH"], rtol=1e-9)


def test_areas_without_direct_estimate_get_the_synthetic_one() -> None:
    value, weight = eblup(
        np.array([[5.0], [5.0]]), np.array([[np.nan], [7.0]]), np.ones((2, 1)), np.array([[np.nan], [1.0]])
    )
    assert value[:, 0].tolist() == [5.0, 6.0]
    assert weight[:, 0].tolist() == [0.0, 0.5]


def test_indicators_fitted_together_are_those_fitted_alone() -> None:
    rng = np.random.default_rng(1)
    x, y, d = rng.normal(size=(3, 40, 2)), rng.normal(size=(40, 3)), rng.uniform(0.1, 1, size=(40, 3))
    together = regression(x, y, d, np.full(3, 0.5))
    for j in range(3):
        alone = regression(x[[j]], y[:, [j]], d[:, [j]], np.array([0.5]))
        np.testing.assert_allclose(together[j], alone[0], rtol=1e-9)


def test_bad_requests_are_refused() -> None:
    one = np.array([1.0])
    with pytest.raises(ContractViolation, match="1 direct estimates have no sampling variance"):
        regression(np.ones((1, 3, 1)), np.array([[1.0], [2], [3]]), np.array([[1.0], [0], [1]]), one)
    with pytest.raises(ContractViolation, match="no more direct estimates than"):
        regression(np.ones((1, 2, 2)), np.array([[1.0], [np.nan]]), np.ones((2, 1)), one)
