"""Latent classes against poLCA, and what they do on known types."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from poverty_assets.catalog import table
from poverty_assets.errors import ContractViolation, UsageError
from poverty_assets.measurement.coding import Columns
from poverty_assets.measurement.latent_classes import (
    LatentClasses,
    class_profiles,
    class_stability,
    fit_classes,
    typology,
)
from poverty_assets.measurement.masks import cells_of, count_masks
from poverty_assets_tests.measurement.overlap_cases import HIERARCHY, SMALLEST, make_measure

ITEMS = ["a", "b", "c", "d", "e", "f"]
TRUE_SHARES, TRUE_ITEMS = np.array([0.6, 0.4]), np.array([[0.1] * 6, [0.8, 0.9, 0.7, 0.8, 0.9, 0.6]])


def profiles_of(oracles, name: str) -> tuple[np.ndarray, np.ndarray, int]:
    """Masks, their counts and the number of items of a data set of poLCA, coded 1 and 2."""
    coded = pd.read_csv(oracles / "latent_class" / f"{name}.csv").to_numpy() - 1
    masks, counts = np.unique((coded << np.arange(coded.shape[1])).sum(axis=1), return_counts=True)
    return masks, counts, coded.shape[1]


def make_typed_survey(n: int = 3000, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    psu = rng.integers(0, 60, n)
    kind = (rng.random(n) < np.where(psu % 2 == 0, 0.6, 0.2)).astype(int)
    frame = pd.DataFrame((rng.random((n, 6)) < TRUE_ITEMS[kind]).astype(int), columns=ITEMS)
    return frame.assign(psu=psu, stratum=psu % 3, weight=1.0, hh_size=1, area_id=np.array(SMALLEST)[psu % 4])


@pytest.mark.parametrize("data", ["carcinoma", "values"])
def test_log_likelihood_and_bic_agree_with_polca(oracles, data):
    wanted = pd.read_csv(oracles / "latent_class" / "poLCA_fit.csv").query("data == @data")
    model = LatentClasses(max_classes=4).fit(*profiles_of(oracles, data))
    np.testing.assert_allclose(model.fits_["log_likelihood"], wanted["llik"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(model.fits_["bic"], wanted["bic"], rtol=0, atol=2e-6)
    assert model.fits_["n_parameters"].tolist() == wanted["npar"].tolist()
    assert model.n_classes_ == wanted["k"].iloc[wanted["bic"].argmin()]


# Three classes of four items are not identified (Goodman 1974), so ``values`` has one answer at two classes only.
@pytest.mark.parametrize(("data", "k"), [("carcinoma", 2), ("carcinoma", 3), ("values", 2)])
def test_classes_agree_with_polca(oracles, data, k):
    rows = pd.read_csv(oracles / "latent_class" / "poLCA_params.csv").query("data == @data and k == @k")
    wanted = rows.pivot(index="class", columns="var", values="p2").assign(share=rows.groupby("class")["P"].first())
    model = LatentClasses(k).fit(*profiles_of(oracles, data))
    found = np.column_stack([model.item_probabilities_, model.class_shares_])
    wanted = wanted.sort_values("share", ascending=False).to_numpy()
    np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-6)


def test_known_types_are_found_and_bic_counts_them():
    masks = np.arange(64)
    bits = (masks[:, None] >> np.arange(6)) & 1
    share = sum(p * np.where(bits, q, 1 - q).prod(axis=1) for p, q in zip(TRUE_SHARES, TRUE_ITEMS, strict=True))
    model = LatentClasses(max_classes=4, n_starts=10).fit(masks, 5000 * share, 6)
    assert model.n_classes_ == 2
    np.testing.assert_allclose(model.class_shares_, TRUE_SHARES, atol=1e-4)
    np.testing.assert_allclose(model.item_probabilities_, TRUE_ITEMS, atol=1e-4)
    np.testing.assert_allclose(model.posterior(masks).sum(axis=1), 1)


def test_the_same_counts_give_the_same_classes_and_weights_are_scaled():
    masks, weight = np.arange(8), np.array([40, 9, 8, 3, 7, 4, 5, 30])
    first = LatentClasses(2).fit(masks, weight, 3)
    again = LatentClasses(2).fit(masks, weight * 10.0, 3, n_households=106)
    assert first.log_likelihood_ == pytest.approx(again.log_likelihood_, abs=1e-8)
    assert LatentClasses(2).fit(masks, weight, 3).item_probabilities_.tobytes() == first.item_probabilities_.tobytes()
    assert (np.diff(first.class_shares_) <= 0).all()


def test_types_are_stable_over_clusters_and_carried_to_areas():
    counts = count_masks(make_typed_survey(), Columns(tuple(ITEMS)))
    measure, cells = make_measure(ITEMS), cells_of(counts, HIERARCHY)
    model = fit_classes(counts, LatentClasses(max_classes=3, n_starts=8))
    stability = class_stability(model, counts, n_replicates=10, n_starts=2)
    assert model.n_classes_ == 2
    assert (stability > 0.9).all()
    rows = typology(counts, cells, measure, model)
    assert {c.name for c in table("fct_typology").lake_columns} - set(rows) == {"is_headline"}
    np.testing.assert_allclose(rows.groupby("area_id")["estimate"].sum(), 1)
    poor = rows[(rows["class_id"] == 2) & (rows["area_level"] == "commune")].set_index("area_id")["estimate"]
    assert (
        poor[["010101", "010201"]].min() > poor[["010102", "020101"]].max()
    )  # even clusters hold more of the second type
    described = class_profiles(model, measure, stability)
    assert {c.name for c in table("dim_typology").lake_columns} == set(described)


def test_more_classes_than_there_are_agree_less_with_themselves():
    counts = count_masks(make_typed_survey(), Columns(tuple(ITEMS)))
    model = fit_classes(counts, LatentClasses(4, n_starts=8))
    assert class_stability(model, counts, n_replicates=10, n_starts=2).min() < 0.75


def test_weights_below_zero_and_no_classes_are_refused():
    with pytest.raises(ContractViolation, match="1 missing or below 0"):
        LatentClasses(2).fit([0, 1], [1, -1], 1)
    with pytest.raises(UsageError, match="0 latent classes"):
        LatentClasses(0).fit([0, 1], [1, 1], 1)
