"""Fay-Herriot against R sae and R emdi, and what a reader checks in the head."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from poverty_assets.errors import ContractViolation, UsageError
from poverty_assets.small_area.fay_herriot import FayHerriot, fit_fay_herriot, mean_of_squared_sine


@pytest.mark.parametrize("method", ["reml", "ml", "fh"])
def test_milk_agrees_with_sae(oracles: Path, method: str) -> None:
    milk = pd.read_csv(oracles / "small_area" / "milk_input.csv")
    answer = pd.read_csv(oracles / "small_area" / "milk_sae_eblup.csv").query("method == @method.upper()")
    areas = pd.get_dummies(milk["MajorArea"], drop_first=True).to_numpy(float)
    model = FayHerriot(method).fit(areas, milk["yi"], milk["SD"] ** 2)  # type: ignore[arg-type]
    np.testing.assert_allclose(model.eblup_[:, 0], answer["eblup"], rtol=1e-9)
    np.testing.assert_allclose(model.mse_[:, 0], answer["mse"], rtol=1e-9)


def test_1650_areas_agree_with_sae(oracles: Path) -> None:
    given = pd.read_csv(oracles / "small_area" / "fh1650.csv")
    answer = pd.read_csv(oracles / "small_area" / "fh1650_R.csv")
    model = FayHerriot().fit(given[["x1", "x2", "x3"]], given["y"], given["D"])
    np.testing.assert_allclose(model.eblup_[:, 0], answer["eb"], rtol=1e-9)
    np.testing.assert_allclose(model.mse_[:, 0], answer["mse"], rtol=1e-9)


def test_reml_agrees_with_emdi(oracles: Path) -> None:
    folder = oracles / "small_area"
    given = pd.read_csv(folder / "eusilcA_combined_input.csv")
    model = FayHerriot().fit(given[["cash", "self_empl"]], given["Mean"], given["Var_Mean"])
    np.testing.assert_allclose(model.eblup_[:, 0], pd.read_csv(folder / "emdi_fh_reml_ind.csv")["FH"], rtol=1e-5)
    np.testing.assert_allclose(model.mse_[:, 0], pd.read_csv(folder / "emdi_fh_reml_mse.csv")["FH"], rtol=1e-5)


def test_arcsine_agrees_with_emdi_given_its_variance(oracles: Path) -> None:
    """emdi's optimiser stops 2% off the maximum; two predictions beyond pi / 2 fall to 0 there (see the module)."""
    folder = oracles / "small_area"
    given = pd.read_csv(folder / "eusilcA_combined_input.csv")
    covariates = given[["cash", "age_ben", "rent", "house_allow"]].to_numpy(float)
    variance = pd.read_csv(folder / "emdi_fh_arcsin_bc_fit.csv")["variance"].iloc[0]
    fit = fit_fay_herriot(
        np.column_stack([np.ones(len(given)), covariates]),
        np.arcsin(np.sqrt(given["MTMED"])),
        1 / (4 * given["n"]),
        variance=[variance],
    )
    share = mean_of_squared_sine(fit.eblup, fit.leading)[:, 0]
    inside = fit.eblup[:, 0] < np.pi / 2
    answer = pd.read_csv(folder / "emdi_fh_arcsin_bc_ind.csv")["FH"].to_numpy()
    assert (~inside).sum() == 2
    assert np.abs(share - given["MTMED"])[~inside].max() < 0.1
    near_the_end = fit.eblup[:, 0] > np.pi / 2 - 0.1
    np.testing.assert_allclose(share[~near_the_end], answer[~near_the_end], rtol=1e-6)
    own = FayHerriot(transformation="arcsine").fit(covariates, given["MTMED"], effective_n=given["n"])
    bootstrap = pd.read_csv(folder / "emdi_fh_arcsin_bc_mse.csv")["FH"].to_numpy()
    assert 0.5 < np.median(own.mse_[inside, 0] / bootstrap[inside]) < 2


def test_areas_without_direct_estimate_get_the_synthetic_one() -> None:
    x = np.arange(6.0)
    model = FayHerriot().fit(x[:, None], np.array([0.0, 1, 2, 3.5, 4, np.nan]), np.array([1.0, 1, 1, 1, 1, np.nan]))
    assert model.eblup_[5, 0] == pytest.approx(model.fit_.synthetic[5, 0])
    assert model.eblup_[5, 0] == pytest.approx(model.predict([[5.0]])[0, 0])
    assert model.mse_[5, 0] >= model.fit_.variance[0]


def test_indicators_fitted_together_are_those_fitted_alone() -> None:
    rng = np.random.default_rng(1)
    x, y, d = rng.normal(size=(3, 40, 2)), rng.normal(size=(40, 3)), rng.uniform(0.1, 1, size=(40, 3))
    together = fit_fay_herriot(x, y, d)
    for j in range(3):
        alone = fit_fay_herriot(x[j], y[:, j], d[:, j])
        np.testing.assert_allclose(together.eblup[:, j], alone.eblup[:, 0], rtol=1e-9)
        np.testing.assert_allclose(together.mse[:, j], alone.mse[:, 0], rtol=1e-9)


def test_bad_requests_are_refused() -> None:
    with pytest.raises(ContractViolation, match="1 direct estimates have no sampling variance"):
        fit_fay_herriot(np.ones((3, 1)), [1.0, 2, 3], [1.0, 0.0, 1])
    with pytest.raises(ContractViolation, match="no more direct estimates than"):
        fit_fay_herriot(np.ones((2, 2)), [1.0, np.nan], [1.0, 1])
    with pytest.raises(UsageError, match="not an estimator"):
        fit_fay_herriot(np.ones((3, 1)), [1.0, 2, 3], [1.0, 1, 1], method="mle")  # type: ignore[arg-type]
