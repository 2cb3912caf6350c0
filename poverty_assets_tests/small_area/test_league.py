"""Learners and baselines on a small country whose deprivation follows one covariate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import expit

from poverty_assets.arrays import normal_ranks
from poverty_assets.judging.applicability import applicability
from poverty_assets.judging.baselines import GroupMean, NearestArea
from poverty_assets.judging.scores import spearman
from poverty_assets.small_area.league import (
    KERNEL,
    Competition,
    FeatureNames,
    Kernels,
    PenalisedLogistic,
    WaveBefore,
    compete,
)
from poverty_assets.small_area.margins.kernel import Covariates, fit_kernel, kernel_parts
from poverty_assets.small_area.margins.low_rank import factored_parts
from poverty_assets.small_area.sample import Sample, read_sample
from poverty_assets_tests.small_area.test_chain import PER_PROVINCE, N, make_country


@pytest.fixture(scope="module")
def contest() -> Competition:
    frame, codes, _, x = make_country()
    sample = read_sample(frame, ["a", "b", "c"], codes)
    noise = np.random.default_rng(1).normal(size=N)
    covariates = Covariates(np.column_stack([x, noise]), _line(), np.arange(N) // PER_PROVINCE, np.zeros((N, 0)))
    return compete(
        sample,
        _fits(sample, covariates),
        ["a", "b", "c"],
        covariates,
        FeatureNames(("wealth", "noise"), alone=("wealth", "not a feature")),
        before=WaveBefore(sample),
    )


def _line() -> np.ndarray:
    return np.column_stack([np.arange(N) * 5_000.0, np.zeros(N)])


def _fits(sample: Sample, covariates: Covariates, of: Callable = kernel_parts) -> list:
    parts = of(covariates)
    return [fit_kernel(parts, column, sample.effective, sample.sampled) for column in sample.shares.T]


def test_every_learner_and_baseline_has_every_score_under_every_design(contest: Competition) -> None:
    metrics = contest.metrics
    learners = {
        KERNEL,
        "penalised_logistic",
        "extra_trees",
        "published_mean",
        "nearest_area",
        "alone",
        "last_wave",
    }
    assert set(metrics["learner"]) == learners
    assert set(metrics["fold_design"]) == {"random", "block50km", "leave_published_out"}
    assert len(metrics) == 3 * len(learners) * 3 * 5
    assert metrics["value"].notna().all()
    assert (metrics["n"] == N // 2).all()


def test_what_knows_the_covariate_beats_what_does_not(contest: Competition) -> None:
    loss = (
        contest.metrics.query("metric == 'log_loss' and fold_design == 'block50km'").groupby("learner")["value"].mean()
    )
    assert loss[KERNEL] < loss["published_mean"]
    assert loss["penalised_logistic"] < loss["nearest_area"]


def test_baselines_are_never_chosen_and_the_covariate_matters_most(contest: Competition) -> None:
    assert set(contest.chosen.values()) <= {KERNEL, "penalised_logistic", "extra_trees"}
    first = contest.importance.groupby("target").first()
    assert set(first["feature"]) == {"wealth"}
    assert (first["importance"] > 0.2).all()


def test_a_penalised_regression_finds_the_line() -> None:
    x = np.linspace(-2, 2, 400)[:, None]
    found = PenalisedLogistic().fit(x, expit(-1 + 0.7 * x), np.full(400, 30.0))
    np.testing.assert_allclose(found.coef_[:, 0], [-1, 0.7], atol=0.01)


def test_a_province_without_a_sample_gets_the_mean_of_all() -> None:
    mean = GroupMean().fit(np.array([[0.0], [0.0], [2.0]]), np.array([[0.1], [0.3], [0.8]]), np.array([1.0, 1.0, 2.0]))
    np.testing.assert_allclose(mean.predict(np.array([[0.0], [1.0], [2.0]]))[:, 0], [0.2, 0.5, 0.8])


def test_the_nearest_area_answers() -> None:
    near = NearestArea().fit(np.array([[0.0, 0.0], [10.0, 0.0]]), np.array([[0.1], [0.9]]), np.ones(2))
    np.testing.assert_allclose(near.predict(np.array([[4.0, 0.0], [6.0, 0.0]]))[:, 0], [0.1, 0.9])


def test_an_area_like_no_other_is_outside() -> None:
    features = np.random.default_rng(0).normal(size=(200, 3))
    features[0] = [-9.0, 9.0, -9.0]
    xy = np.column_stack([np.arange(200) * 10_000.0, np.zeros(200)])
    distance, inside = applicability(features, np.arange(1, 200), xy)
    assert distance.argmax() == 0
    assert not inside[0]
    assert inside.mean() > 0.9


@pytest.mark.parametrize("parts", [kernel_parts, factored_parts])
def test_the_kernel_answers_for_areas_as_they_are_and_knows_what_a_feature_does(parts: Callable) -> None:
    frame, codes, _, x = make_country()
    sample = read_sample(frame, ["a", "b", "c"], codes)
    covariates = Covariates(x[:, None], _line(), np.arange(N) // PER_PROVINCE, np.zeros((N, 0)))
    ranks = normal_ranks(covariates.features)[sample.sampled]
    kernels = Kernels(_fits(sample, covariates, parts), ranks, 1)
    folds = np.arange(len(ranks)) % 3
    out = folds == 1
    copies = np.concatenate([ranks[out], ranks[out], ranks[out][::-1]])
    held, further = kernels.predict_held_out(folds, copies, np.full(len(copies), 1))
    size = int(out.sum())
    np.testing.assert_allclose(further[:size], held[out])
    np.testing.assert_allclose(further[size : 2 * size], held[out])
    other = ranks[out][::-1, 0]
    assert spearman(further[2 * size :, 0], other) > spearman(held[out][:, 0], other) + 0.3
