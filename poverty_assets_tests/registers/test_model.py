"""The register model: choice, predictions for every commune, determinism, saving; and the marks on real data."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from poverty_assets.arrays import rate_of_logit
from poverty_assets.errors import ContractViolation, SpecificationError, UnreadableFile
from poverty_assets.pack.country import load_country
from poverty_assets.registers.artifact import load_model, save_model
from poverty_assets.registers.learners import learner
from poverty_assets.registers.model import RegisterInputs, choose, fit_register_model
from poverty_assets.registers.quarter_models import RegisterTables, register_inputs
from poverty_assets_tests.judging.test_scores import country


@pytest.fixture(scope="module")
def inputs():
    data, y = country()
    rate = pd.Series(rate_of_logit(y), index=data.features.index)
    rate[::20] = np.nan
    households = pd.Series(1_000.0, index=rate.index)
    alone = ("wealth", "absent")
    return data, RegisterInputs(
        "list",
        data.features,
        rate,
        households,
        data.wide[["x_m", "y_m"]].to_numpy(),
        data.published,
        alone=alone,
    )


def answers(estimators, data):
    """Rates by estimators, each given the columns that its learner sees."""
    return rate_of_logit(
        np.mean([one.predict(learner(name).columns(data)) for name, one in estimators.items()], axis=0)
    )


@pytest.fixture(scope="module")
def model(inputs):
    return fit_register_model(inputs[1], learners=("ridge", "gaussian_process"))


def test_every_commune_is_predicted_with_an_interval_around(inputs, model):
    predictions = model.predictions
    assert predictions["area_id"].tolist() == list(inputs[1].features.index)
    assert (
        predictions["modelled_rate"]
        .between(predictions["modelled_rate_ci_low"], predictions["modelled_rate_ci_high"])
        .all()
    )
    assert 0.9 <= model.interval_coverage <= 1
    assert model.n_training == 228


def test_metrics_hold_baselines_and_every_fold_design(model):
    by_block = model.metrics.query("fold_design == 'block50km' and metric == 'spearman'").set_index("learner")["value"]
    assert {"ridge", "gaussian_process", "published_mean", "nearest_area", "alone"} == set(by_block.index)
    assert set(model.metrics["fold_design"]) == {"random", "block50km", "leave_published_out"}
    assert set(model.metrics.loc[model.metrics["learner"] == "alone", "feature"]) == {"wealth"}
    assert model.learner == by_block[["ridge", "gaussian_process"]].idxmax()
    assert by_block[model.learner] > by_block["published_mean"]


def test_choice_looks_at_blocks_only_and_never_takes_a_baseline():
    rows = [
        ("ridge", "random", 0.9), ("ridge", "block50km", 0.4), ("extra_trees", "random", 0.1),
        ("extra_trees", "block50km", 0.5), ("published_mean", "block50km", 0.8),
    ]  # fmt: skip
    metrics = pd.DataFrame(rows, columns=["learner", "fold_design", "value"]).assign(metric="spearman")
    assert choose(metrics) == "extra_trees"
    with pytest.raises(SpecificationError):
        choose(metrics[metrics["learner"] == "published_mean"])


def scored(**found):
    rows = [(name, "block50km", "spearman", value) for name, value in found.items()]
    return pd.DataFrame(rows, columns=["learner", "fold_design", "metric", "value"])


def test_the_last_champion_stays_until_another_is_better_on_the_same_folds():
    assert choose(scored(ridge=0.5, ensemble=0.5), champion="ensemble") == "ensemble"
    assert choose(scored(ridge=0.51, ensemble=0.5), champion="ensemble") == "ridge"
    assert choose(scored(ridge=0.4, ensemble=0.5), champion="ridge") == "ensemble"


def test_a_champion_that_is_no_longer_a_learner_gives_way():
    assert choose(scored(ridge=0.4, ensemble=0.5), champion="neural_network_of_2019") == "ensemble"


def test_answers_do_not_depend_on_the_number_of_threads(inputs, model):
    with threadpool_limits(2):
        again = fit_register_model(inputs[1], learners=("ridge", "gaussian_process"))
    pd.testing.assert_frame_equal(again.predictions, model.predictions, check_exact=True)


def test_a_champion_is_judged_beside_the_learners_of_the_quarter(inputs):
    against = {"learners": ("gaussian_process",), "champion": "ridge"}
    fitted = fit_register_model(inputs[1], **against)
    by_block = fitted.metrics.query("fold_design == 'block50km' and metric == 'spearman'").set_index("learner")["value"]
    assert {"ridge", "gaussian_process"} <= set(by_block.index)
    assert fitted.learner == by_block[["ridge", "gaussian_process"]].idxmax()
    assert ("stays" if fitted.learner == "ridge" else "beats the last champion, ridge") in fitted.chosen_by


def test_a_province_without_a_rate_gets_the_learner_that_is_best_at_unseen_provinces(inputs):
    province = inputs[1].published
    known = replace(inputs[1], rate=inputs[1].rate.where(province != "03"))
    fitted = fit_register_model(known, learners=("ridge", "gaussian_process"))
    by_published = fitted.metrics.query("fold_design == 'leave_published_out' and metric == 'spearman'")
    candidates = by_published.set_index("learner")["value"][["ridge", "gaussian_process"]]
    assert fitted.elsewhere == candidates.idxmax()
    alone = fit_register_model(known, learners=(fitted.elsewhere,))
    unseen = province == "03"
    expected = answers(alone.estimators, inputs[0])[unseen]
    np.testing.assert_allclose(fitted.predictions["modelled_rate"].to_numpy()[unseen], expected, rtol=1e-8)


def test_the_feature_that_matters_is_the_most_important(model):
    assert model.importance["feature"].iloc[0] == "wealth"
    assert model.importance["importance"].iloc[0] > 0.3


def test_same_inputs_same_model_and_other_targets_another_digest(inputs, model):
    again = fit_register_model(inputs[1], learners=("ridge", "gaussian_process"))
    pd.testing.assert_frame_equal(again.predictions, model.predictions)
    pd.testing.assert_frame_equal(again.metrics, model.metrics)
    assert again.training_digest == model.training_digest
    other = replace(inputs[1], rate=inputs[1].rate * 0.9)
    assert fit_register_model(other, learners=("ridge", "gaussian_process")).training_digest != model.training_digest


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gaussian_process", "ensemble", "hist_gradient_boosting", "extra_trees"])
def test_saved_model_answers_as_the_fitted_one(inputs, tmp_path, name):
    data, arguments = inputs
    fitted = fit_register_model(arguments, learners=(name,))
    saved = load_model(save_model(fitted, tmp_path / "deep" / "model.skops"))
    columns = answers(fitted.estimators, data)
    np.testing.assert_allclose(answers(saved["estimators"], data), columns)
    assert sorted(path.name for path in (tmp_path / "deep").iterdir()) == ["model.json", "model.skops"]


def test_saving_twice_gives_the_same_bytes(model, tmp_path):
    first, second = (save_model(model, tmp_path / name) for name in ("a.skops", "b.skops"))
    assert first.read_bytes() == second.read_bytes()
    assert first.with_suffix(".json").read_bytes() == second.with_suffix(".json").read_bytes()


def test_the_card_beside_the_model_holds_features_scores_and_area_of_applicability(inputs, model, tmp_path):
    card = json.loads(save_model(model, tmp_path / "model.skops").with_suffix(".json").read_text(encoding="utf-8"))
    assert card["learner"] == model.learner
    assert card["features"] == ["wealth", "noise"]
    assert card["training_digest"] == model.training_digest
    assert len(card["scores"]) == len(model.metrics)
    assert {"learner", "feature", "fold_design", "metric", "value", "n"} == set(card["scores"][0])
    applicability = card["area_of_applicability"]
    assert applicability["areas_inside"] + len(applicability["areas_outside"]) == 240
    assert applicability["mean"]["wealth"] == pytest.approx(
        inputs[0].features["wealth"].drop(index=inputs[0].features.index[::20]).mean()
    )


def test_a_saved_model_knows_areas_unlike_any_it_learnt_from(inputs, model, tmp_path):
    saved = load_model(save_model(model, tmp_path / "model.skops"))
    features = inputs[0].features
    assert (saved["cloud"].distance(features[1:20]) == 0).all()  # each is an area it learnt from
    assert saved["cloud"].distance(features[:1] + 50)[0] > 1


def test_a_model_that_could_not_be_read_back_is_not_saved(model, tmp_path):
    from sklearn.preprocessing import FunctionTransformer

    strange = replace(model, estimators={"ridge": FunctionTransformer(func=fit_register_model)})
    with pytest.raises(UnreadableFile, match="not trusted"):
        save_model(strange, tmp_path / "model.skops")
    assert not (tmp_path / "model.skops").exists()


def test_model_file_with_a_strange_type_is_refused(tmp_path):
    import skops.io
    from sklearn.preprocessing import FunctionTransformer

    skops.io.dump({"estimators": FunctionTransformer(func=fit_register_model)}, tmp_path / "model.skops")
    with pytest.raises(UnreadableFile, match="not trusted"):
        load_model(tmp_path / "model.skops")


def test_too_few_rates_and_impossible_rates_are_refused(inputs):
    rate = inputs[1].rate
    with pytest.raises(ContractViolation, match="10 areas have both"):
        fit_register_model(replace(inputs[1], rate=rate.dropna().iloc[:10]))
    with pytest.raises(ContractViolation, match="1 rates are outside 0 to 1, first at area '000001'"):
        fit_register_model(replace(inputs[1], rate=rate.where(rate.index != "000001", 1.5)))


def test_inputs_hold_the_areas_own_features_and_not_the_registers_count_of_households():
    areas = pd.DataFrame(
        {"area_id": ["010101", "010102", "01", "KH"], "area_level": ["commune", "commune", "province", "country"],
         "parent_id": ["01", "01", "KH", None], "population": [1_000.0, 500.0, 1_500.0, 1_500.0],
         "area_km2": [10.0, 50.0, 60.0, 60.0], "households": [200.0, 90.0, 290.0, 290.0],
         "centroid_lon": [103.0, 103.1, 103.0, 103.0], "centroid_lat": [13.0, 13.1, 13.0, 13.0]}
    )  # fmt: skip
    counts = pd.DataFrame(
        {"register_id": "idpoor", "area_id": ["010101", "01"], "households": [200, 290], "listed": 50}
    )
    features = pd.DataFrame({"area_id": ["010102"], "feature_id": ["elevation_mean"], "value": [12.0]})
    none = pd.DataFrame({"register_id": [], "area_id": [], "rate": []})
    inputs = register_inputs(RegisterTables(features, counts, none, areas, load_country("khm")))["idpoor"]
    assert inputs.features["area_population_per_km2"].tolist() == [100, 10]
    assert not [name for name in inputs.features if "household" in name]
    assert inputs.rate["010101"] == 0.25
    assert np.isnan(inputs.rate["010102"])
    assert inputs.lagged is None
    assert inputs.published.tolist() == ["01", "01"]
