"""Drift of covariates: the index on numbers that a reader checks, seasons, and what is said."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poverty_assets.small_area.time.covariate_drift import (
    OTHER_SEASON,
    SAME_SEASON,
    chance_index,
    drift_flag,
    drift_message,
    population_stability_index,
    stability,
)

N = 1000


def make_features(values: dict[str, np.ndarray], day: dt.date = dt.date(2022, 3, 31)) -> pd.DataFrame:
    frames = [
        pd.DataFrame({"area_id": np.arange(len(v)).astype(str), "feature_id": name, "value": v, "observed_on": day})
        for name, v in values.items()
    ]
    return pd.concat(frames, ignore_index=True)


def normal(seed: int = 0, shift: float = 0.0, n: int = N) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, size=n)


def test_two_categories_by_hand() -> None:
    """Half and half becomes 3 to 1: 0.25 ln 1.5 - 0.25 ln 0.5 = 0.2747."""
    then, now = np.repeat([0.0, 1.0], 50_000), np.repeat([0.0, 1.0], [25_000, 75_000])
    psi, bins = population_stability_index(then, now)
    assert psi == pytest.approx(0.2747, abs=1e-4)
    assert bins == 2


def test_deciles_of_training_hold_a_tenth_each() -> None:
    """Where all values fall into the last one, nine bins are empty: the index is large, and finite."""
    psi, bins = population_stability_index(np.arange(100.0), np.full(100, 1e6))
    assert bins == 10
    assert 4 < psi < 9


@given(st.integers(0, 1000))
def test_the_same_values_have_no_index_and_others_have_one_above_0(seed: int) -> None:
    then, now = normal(seed, n=60), normal(seed + 1, n=50)
    assert population_stability_index(then, then)[0] == 0
    assert population_stability_index(then, now)[0] >= 0


def test_samples_without_drift_have_the_index_of_chance() -> None:
    found = [population_stability_index(normal(seed), normal(seed + 10_000))[0] for seed in range(200)]
    assert np.mean(found) == pytest.approx(chance_index(10, N, N), rel=0.15)


@pytest.mark.parametrize(
    ("then", "now", "drifted"),
    [
        (np.zeros(50), np.zeros(50), False),
        (np.zeros(50), np.ones(50), True),
        (np.r_[np.zeros(40), np.ones(10)], np.r_[np.zeros(40), np.full(10, 2.0)], True),
        (normal(), np.where(np.arange(N) < 400, np.nan, normal()), True),
        (normal(), normal(seed=3, shift=0.05), False),
        (normal(), normal(seed=3, shift=0.8), True),
    ],
    ids=["constant", "constant moved", "new category", "values lost", "chance", "shifted"],
)
def test_constants_categories_and_missing_values(then: np.ndarray, now: np.ndarray, drifted: bool) -> None:
    assert stability(make_features({"x": then}), make_features({"x": now}))["drifted"].item() == drifted


def test_a_feature_that_is_gone_has_drifted_and_is_named_first() -> None:
    then = make_features({"x": normal(), "y": normal(1)})
    found = stability(then, make_features({"x": normal()}))
    assert found["feature_id"].tolist() == ["y", "x"]
    assert found["drifted"].tolist() == [True, False]
    assert drift_flag(found) == "covariate_drift"
    assert "y (absent)" in drift_message(found)


def test_a_sensor_that_doubles_is_flagged_and_named() -> None:
    lights = np.exp(normal())
    found = stability(make_features({"lights": lights}), make_features({"lights": 3 * lights}))
    assert drift_flag(found) == "covariate_drift"
    assert drift_message(found).startswith("1 of 1 features have drifted")
    assert "lights (" in drift_message(found)


def test_weather_is_named_but_flags_nothing() -> None:
    """It reorders communes, so the nowcast holds it at its training values."""
    found = stability(make_features({"rain": normal()}), make_features({"rain": normal(5, shift=1.0)}))
    assert found["drifted"].item()
    assert not found["followed"].item()
    assert drift_flag(found) == ""
    assert "held at their training values: rain (" in drift_message(found)


def test_another_season_is_not_judged_unless_the_same_season_is_given() -> None:
    rain = normal()
    then, now = make_features({"rain": rain}), make_features({"rain": 10 + rain}, dt.date(2026, 9, 30))
    found = stability(then, now).iloc[0]
    assert found["reference"] == OTHER_SEASON
    assert found["psi"] > 1
    assert not found["drifted"]
    matched = make_features({"rain": 10 + rain}, dt.date(2021, 9, 30))
    found = stability(then, now, same_season=matched).iloc[0]
    assert found["reference"] == SAME_SEASON
    assert found["psi"] == 0


def test_the_message_says_when_all_is_well() -> None:
    found = stability(make_features({"x": normal()}), make_features({"x": normal()}))
    assert drift_flag(found) == ""
    assert drift_message(found) == (
        "none of 1 features that estimates follow has drifted from the training data (index above 0.25)"
    )


def test_a_feature_without_a_day_has_no_season() -> None:
    then, now = make_features({"rate": normal()}), make_features({"rate": normal()}, dt.date(2026, 9, 30))
    assert stability(then.assign(observed_on=None), now)["reference"].item() == "training"
