"""The register model: choice, predictions for every commune, determinism, saving; and the marks on real data."""

import numpy as np
import pandas as pd
import pytest

from poverty_assets.errors import ContractViolation, SpecificationError, UnreadableFile
from poverty_assets.modelling.artifact import load_model, predict_with, save_model
from poverty_assets.modelling.register_model import choose, fit_register_model
from poverty_assets_tests.modelling.test_validation import country, expit


@pytest.fixture(scope="module")
def inputs():
    data, y = country()
    rate = pd.Series(expit(y), index=data.features.index)
    rate[::20] = np.nan
    households = pd.Series(1_000.0, index=rate.index)
    return data, (data.features, rate, households, data.xy, data.province)


@pytest.fixture(scope="module")
def model(inputs):
    return fit_register_model(*inputs[1], learners=("ridge", "gaussian_process"), alone=("wealth", "absent"))


def test_every_commune_is_predicted_with_an_interval_around(inputs, model):
    predictions = model.predictions
    assert predictions["area_id"].tolist() == list(inputs[1][0].index)
    assert (
        predictions["modelled_rate"]
        .between(predictions["modelled_rate_ci_low"], predictions["modelled_rate_ci_high"])
        .all()
    )
    assert 0.9 <= model.interval_coverage <= 1
    assert model.n_training == 228


def test_metrics_hold_baselines_and_every_fold_design(model):
    by_block = model.metrics.query("fold_design == 'block50km' and metric == 'spearman'").set_index("learner")["value"]
    assert {"ridge", "gaussian_process", "province_mean", "nearest_commune", "alone:wealth"} == set(by_block.index)
    assert set(model.metrics["fold_design"]) == {"random", "block50km", "leave_province_out"}
    assert model.learner == by_block[["ridge", "gaussian_process"]].idxmax()
    assert by_block[model.learner] > by_block["province_mean"]


def test_choice_looks_at_blocks_only_and_never_takes_a_baseline():
    rows = [
        ("ridge", "random", 0.9), ("ridge", "block50km", 0.4), ("extra_trees", "random", 0.1),
        ("extra_trees", "block50km", 0.5), ("province_mean", "block50km", 0.8),
    ]  # fmt: skip
    metrics = pd.DataFrame(rows, columns=["learner", "fold_design", "value"]).assign(metric="spearman")
    assert choose(metrics) == "extra_trees"
    with pytest.raises(SpecificationError):
        choose(metrics[metrics["learner"] == "province_mean"])


def test_the_feature_that_matters_is_the_most_important(model):
    assert model.importance["feature"].iloc[0] == "wealth"
    assert model.importance["importance"].iloc[0] > 0.3


def test_same_inputs_same_model_and_other_targets_another_digest(inputs, model):
    again = fit_register_model(*inputs[1], learners=("ridge", "gaussian_process"), alone=("wealth", "absent"))
    pd.testing.assert_frame_equal(again.predictions, model.predictions)
    pd.testing.assert_frame_equal(again.metrics, model.metrics)
    assert again.training_digest == model.training_digest
    features, rate, *rest = inputs[1]
    assert fit_register_model(features, rate * 0.9, *rest, learners=("ridge",)).training_digest != model.training_digest


@pytest.mark.parametrize("name", ["gaussian_process", "ensemble", "hist_gradient_boosting"])
def test_saved_model_answers_as_the_fitted_one(inputs, tmp_path, name):
    data, arguments = inputs
    fitted = fit_register_model(*arguments, learners=(name,))
    saved = load_model(save_model(fitted, tmp_path / "deep" / "model.skops"))
    columns = predict_with({"estimators": fitted.estimators}, data)
    np.testing.assert_allclose(predict_with(saved, data), columns)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["model.skops"]


def test_saving_twice_gives_the_same_bytes(model, tmp_path):
    first, second = (save_model(model, tmp_path / name).read_bytes() for name in ("a.skops", "b.skops"))
    assert first == second


def test_model_file_with_a_strange_type_is_refused(tmp_path):
    import skops.io
    from sklearn.preprocessing import FunctionTransformer

    skops.io.dump({"estimators": FunctionTransformer(func=fit_register_model)}, tmp_path / "model.skops")
    with pytest.raises(UnreadableFile, match="not trusted"):
        load_model(tmp_path / "model.skops")


def test_too_few_rates_and_impossible_rates_are_refused(inputs):
    features, rate, *rest = inputs[1]
    with pytest.raises(ContractViolation, match="10 areas have both"):
        fit_register_model(features, rate.dropna().iloc[:10], *rest)
    with pytest.raises(ContractViolation, match="1 rates are outside 0 to 1, first at area '000001'"):
        fit_register_model(features, rate.where(rate.index != "000001", 1.5), *rest)
