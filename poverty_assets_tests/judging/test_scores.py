"""Scores checked by hand, intervals, and that no learner sees the target of the areas it is judged on."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poverty_assets.arrays import rate_logit, rate_of_logit
from poverty_assets.errors import SpecificationError
from poverty_assets.judging.applicability import dissimilarity
from poverty_assets.judging.league import Contest, held_out
from poverty_assets.judging.scores import conformal_width, found_in_top, interval_coverage, scores
from poverty_assets.registers.learners import ALONE, BASELINES, DEFAULT, alone, design, in_order, learner


def test_listed_households_found_in_the_worst_fifth_of_households():
    predicted, listed = np.array([0.1, 0.9, 0.5]), np.array([10.0, 30, 20])
    # area 1 holds a tenth of households; half of area 2 fills the fifth
    assert found_in_top(predicted, listed, np.array([70.0, 10, 20]), 0.2) == pytest.approx((30 + 10) / 60)


def test_scores_by_hand():
    rate, predicted = np.array([0.1, 0.2, 0.3, np.nan]), np.array([0.2, 0.2, 0.5, 0.5])
    found = scores(predicted, rate, np.ones(4), np.array(["a"] * 4))
    assert found["n"] == 3
    assert found["bias"] == pytest.approx(0.1)
    assert found["mae"] == pytest.approx(0.1)
    assert found["rmse"] == pytest.approx(np.sqrt(0.05 / 3))
    assert found["r2"] == pytest.approx(1 - 0.05 / 0.02)
    assert found["spearman"] == pytest.approx(np.sqrt(3) / 2)
    assert np.isnan(found["spearman_within_published"])  # no province of ten areas


def test_order_between_provinces_says_nothing_within_them():
    province = np.repeat(["a", "b"], 10)
    rate = np.concatenate([np.linspace(0.1, 0.2, 10), np.linspace(0.6, 0.7, 10)])
    found = scores(np.repeat([0.1, 0.6], 10), rate, np.ones(20), province)
    assert found["spearman"] > 0.8
    assert found["spearman_within_published"] == 0


def test_one_prediction_for_all_has_no_order():
    assert scores(np.full(5, 0.2), np.linspace(0, 1, 5), np.ones(5), np.array(["a"] * 5))["spearman"] == 0


@given(st.floats(0.002, 0.998))
def test_logit_and_expit_are_inverse(rate):
    assert rate_of_logit(rate_logit(np.array([rate])))[0] == pytest.approx(rate)


def test_conformal_width_counts_one_more_than_it_has():
    assert conformal_width(np.array([1.0, -2, 3, -4, 5, 6, -7, 8, 9]), 0.8) == 8
    assert conformal_width(np.array([]), 0.95) == np.inf


def test_coverage_is_measured_on_folds_that_the_width_has_not_seen():
    residuals = np.concatenate([np.full(50, 0.1), np.full(50, 10.0)])
    assert interval_coverage(residuals, np.repeat([0, 1], 50)) == 0.5


def country(n=240, seed=0):
    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, 400_000, (n, 2))
    features = pd.DataFrame({"wealth": rng.normal(size=n), "noise": rng.normal(size=n), "same": 1.0})
    features.loc[::17, "wealth"] = np.nan
    features.index = pd.Index([f"{i:06d}" for i in range(n)], name="area_id")
    province = np.char.mod("%02d", (xy[:, 0] // 100_000).astype(int))
    y = -1.5 - features["wealth"].fillna(0).to_numpy() + rng.normal(0, 0.3, n)
    return design(features, xy, province, rate_of_logit(y + rng.normal(0, 1, n))), y


def predictions(names, data, y, folds):
    return {name: found for (name, _), found in held_out(players(names), Contest(data, y), folds).items()}


def players(names):
    return [
        alone("wealth") if name == ALONE else learner(name) for name in (names if ALONE in names else in_order(names))
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [*DEFAULT, *BASELINES, ALONE, "svr", "random_forest", "hist_gradient_boosting", "ensemble_trees"]
)
def test_no_learner_sees_the_target_of_the_fold_it_is_judged_on(name):
    data, y = country(120)
    folds = np.arange(120) % 3
    changed = np.where(folds == 1, -y + np.sin(np.arange(120)) * 9, y)
    before, after = (predictions([name], data, target, folds)[name][folds == 1] for target in (y, changed))
    np.testing.assert_allclose(before, after, atol=1e-8)
    assert np.isfinite(before).all()


def test_areas_without_a_target_are_predicted_and_never_learnt_from():
    data, y = country()
    folds, gaps = np.arange(len(y)) % 4, np.arange(len(y)) % 9 == 0
    with_gaps = predictions(["ensemble"], data, np.where(gaps, np.nan, y), folds)
    assert all(np.isfinite(p).all() for p in with_gaps.values())
    assert np.corrcoef(with_gaps["ensemble"][gaps], y[gaps])[0, 1] > 0.7


def test_learners_by_name():
    assert in_order(["ensemble"]) == ["gaussian_process", "gaussian_process_wide", "ridge", "ensemble"]
    assert alone("wealth").is_baseline
    assert alone("wealth").learner_id == ("alone", "wealth")
    with pytest.raises(SpecificationError, match="oracle"):
        learner("oracle")


def test_design_leaves_out_constant_features_and_adds_neighbourhoods_of_features_only():
    data, _ = country()
    assert list(data.features) == ["wealth", "noise"]
    means = [f"{name}|{size}km" for size in (8, 30, 60) for name in ("wealth", "noise")]
    assert list(data.wide) == ["wealth", "noise", *means, "x_m", "y_m"]


def test_a_forecast_from_the_last_register_is_made_only_where_there_was_one():
    data, y = country()
    with_gaps = replace(data, lagged=np.where(np.arange(240) < 100, data.lagged, np.nan))
    y[:5] = np.nan
    held = predictions(["last_register_and_features"], with_gaps, y, np.arange(240) % 4)["last_register_and_features"]
    assert np.isfinite(held[:100]).all()
    assert np.isnan(held[100:]).all()
    assert learner("last_register_and_features").is_baseline


def test_only_the_forecast_learns_from_the_last_register():
    data, y = country(120)
    other = replace(data, lagged=np.roll(data.lagged, 1))
    folds = np.arange(120) % 3
    for name in (*DEFAULT, "published_mean", "nearest_area"):
        np.testing.assert_array_equal(
            predictions([name], data, y, folds)[name], predictions([name], other, y, folds)[name]
        )


def test_one_feature_alone_follows_the_direction_of_the_target():
    from poverty_assets.registers.baselines import OneFeature

    X = pd.DataFrame({"lights": [1.0, 2, 3, np.nan]})
    fitted = OneFeature().fit(X, np.array([3.0, 2, 1, 2]))
    assert fitted.predict(pd.DataFrame({"lights": [0.0, 1, 3, 9, np.nan]})).tolist() == [3, 3, 1, 1, 2]


def test_an_area_far_from_all_training_areas_is_outside_the_area_of_applicability():
    rng = np.random.default_rng(0)
    features = pd.DataFrame(rng.normal(size=(101, 3)))
    features.iloc[100] = 40.0
    training = np.arange(101) < 100
    distance = dissimilarity(features, training, np.arange(101) % 5)
    assert distance[100] > 5
    assert (distance[training] <= 1).mean() > 0.8
