"""The Gaussian process: its closed form against refitting, and what it is made of."""

import numpy as np
import pandas as pd
import pytest

from poverty_assets.registers.gaussian_process import SpatialGaussianProcess


def places(n=80, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"a": rng.normal(size=n), "b": rng.normal(size=n)})
    frame[["x_m", "y_m"]] = rng.uniform(0, 200_000, (n, 2))
    frame["published"] = rng.integers(0, 5, n).astype(str)
    return frame, 0.5 * frame["a"].to_numpy() + rng.normal(0, 0.2, n)


@pytest.mark.parametrize(
    "options",
    [{}, {"place": (), "feature_variance": 0.0, "linear_variance": 0.1}, {"linear_variance": 0.1, "direct": ("b",)}],
)
def test_held_out_predictions_equal_solving_without_the_fold(options):
    X, y = places()
    folds = np.arange(80) % 4
    model = SpatialGaussianProcess(**options).fit(X[:60], y[:60])
    held, further = model.predict_held_out(folds[:60], X[60:], folds[60:])
    # the same kernel and ranks, solved for the rows of other folds only
    covariance = model._kernel(model._rows(X[:60]))
    for fold in range(4):
        seen, out = folds[:60] != fold, folds[:60] == fold
        alpha = np.linalg.solve(covariance[np.ix_(seen, seen)] + model.noise * np.eye(seen.sum()), y[:60][seen])
        np.testing.assert_allclose(held[out], covariance[np.ix_(out, seen)] @ alpha, rtol=1e-8)
        new = folds[60:] == fold
        expected = model._kernel(model._rows(X[60:]))[new][:, seen] @ alpha
        np.testing.assert_allclose(further[new], expected, rtol=1e-8)


def test_held_out_prediction_does_not_depend_on_targets_of_its_fold():
    X, y = places()
    folds = np.arange(80) % 4
    changed = np.where(folds == 0, y + np.where(np.arange(80) % 8 == 0, 50, -50), y)
    model = SpatialGaussianProcess()
    before = model.fit(X, y).predict_held_out(folds)[0]
    after = model.fit(X, changed).predict_held_out(folds)[0]
    np.testing.assert_allclose(before[folds == 0], after[folds == 0], atol=1e-8)


def test_only_order_of_features_matters_and_missing_is_the_middle():
    X, y = places()
    stretched = X.assign(a=np.exp(5 * X["a"]))
    new = X[:5].assign(a=np.nan)
    plain = SpatialGaussianProcess().fit(X, y)
    np.testing.assert_allclose(plain.predict(X), SpatialGaussianProcess().fit(stretched, y).predict(stretched))
    np.testing.assert_allclose(plain.predict(new), plain.predict(X[:5].assign(a=X["a"].median())), rtol=1e-3)


def test_linear_kernel_alone_is_ridge_regression():
    from sklearn.linear_model import Ridge

    X, y = places()
    model = SpatialGaussianProcess(
        place=(), feature_variance=0, group_variance=0, linear_variance=0.1, mean_variance=1e5, noise=0.2
    ).fit(X[["a", "b"]], y)
    scores = model.rows_["linear"]
    ridge = Ridge(alpha=2 * 0.2 / 0.1).fit(scores, y)
    np.testing.assert_allclose(model.predict(X[["a", "b"]]), ridge.predict(scores), atol=1e-3)


def test_each_kernel_takes_in_the_scales_it_is_told_and_direct_columns_are_no_features():
    X, y = places()
    X = X.rename(columns={"b": "a|30km"}).assign(earlier=X["a"])
    model = SpatialGaussianProcess(
        direct=("earlier",), feature_over=("",), linear_over=("", "30km"), linear_variance=0.1
    ).fit(X, y)
    assert model.columns_ == {"smooth": ["a"], "linear": ["a", "a|30km"], "direct": ["earlier"]}


def test_a_group_that_was_not_seen_has_no_effect():
    X, y = places()
    model = SpatialGaussianProcess(place=(), feature_variance=0.0, group_variance=5.0).fit(X, y)
    unseen = model.predict(X[:3].assign(published=["zz", "", "zz"]))
    np.testing.assert_allclose(unseen, unseen[0])
    assert abs(unseen[0] - y.mean()) < 0.1


def test_answers_do_not_depend_on_how_many_are_asked_at_once():
    X, y = places(300)
    model = SpatialGaussianProcess().fit(X, y)
    np.testing.assert_allclose(model.predict(X)[170:180], model.predict(X[170:180]), rtol=1e-11)
