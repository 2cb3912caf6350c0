"""The nowcast on a small made-up country: it follows what moves, keeps the country's level, and is judged fairly."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit, ndtr, ndtri

from poverty_assets.errors import ContractViolation
from poverty_assets.small_area.margins.kernel import Covariates
from poverty_assets.small_area.sample import Sample
from poverty_assets.small_area.time.nowcast import (
    OVERALL,
    SURVEYED,
    UNSURVEYED,
    Expected,
    choose_nowcast,
    grown,
    in_common,
    nowcast_shift,
    sample_with_poor,
    score_nowcast,
)
from poverty_assets_tests.measurement.factories import make_measure

N, PROVINCES, CLUSTER = 400, 8, 60
NAMES = ["a", "b"]


def make_place(seed: int = 0) -> tuple[Covariates, np.ndarray, np.ndarray]:
    """Covariates at the wave, their first one later, and the true logits at the wave (n, 2), which follow the first one."""
    rng = np.random.default_rng(seed)
    lights = rng.normal(size=N)
    later = lights + 0.25 * rng.normal(size=N)
    rain = rng.normal(size=N)
    xy = np.column_stack([np.arange(N) * 1_000.0, np.zeros(N)])
    covariates = Covariates(np.column_stack([lights, rain]), xy, np.arange(N) * PROVINCES // N, np.zeros((N, 0)))
    return covariates, later, np.array([-1.0, 0.0]) - 0.8 * lights[:, None]


def later_than(covariates: Covariates, lights: np.ndarray, seed: int = 5) -> Covariates:
    rain = np.random.default_rng(seed).normal(size=N)
    return dataclasses.replace(covariates, features=np.column_stack([lights, rain]))


def make_sample(logits: np.ndarray, seed: int) -> Sample:
    """One cluster in each second commune."""
    rng = np.random.default_rng(seed)
    area = np.arange(seed % 2, N, 2)
    shares = rng.binomial(CLUSTER, expit(logits[area])) / CLUSTER
    ones, many = np.ones(len(area)), np.full(len(area), CLUSTER)
    pairs = np.zeros((len(area), logits.shape[1] * (logits.shape[1] - 1) // 2))
    return Sample(area, area * PROVINCES // N, ones, shares, pairs, many.astype(float), many, N)


@pytest.fixture(scope="module")
def followed() -> pd.DataFrame:
    """Scores where deprivation moves as the covariate does."""
    before, later, logits = make_place()
    truth = logits - 0.8 * (later - before.features[:, 0])[:, None]
    first, second = make_sample(logits, 2), make_sample(truth, 3)
    trend = np.array([-1.0, -1.0])
    return score_nowcast(first, second, before, later_than(before, later), np.ones(N), NAMES, expected=Expected(trend))


def value(scores: pd.DataFrame, target: str, learner: str, metric: str) -> float:
    row = scores[(scores["target"] == target) & (scores["learner"] == learner) & (scores["metric"] == metric)]
    row = row[(row["area_level"] != "published") & (row["subgroup"] == "all")]
    return float(row["value"].item())


def test_a_move_of_the_covariate_moves_the_estimate_the_way_of_the_level() -> None:
    before, later, logits = make_place()
    shift = nowcast_shift(make_sample(logits, 2), before, later_than(before, later), np.ones(N))
    true = -0.8 * (later - before.features[:, 0])
    assert np.corrcoef(shift[:, 0], true)[0, 1] > 0.9
    np.testing.assert_allclose(shift.mean(axis=0), 0, atol=1e-12)


def test_nothing_moves_where_every_covariate_moves_alike() -> None:
    before, _, logits = make_place()
    brighter = later_than(before, 3 * before.features[:, 0] + 7)
    np.testing.assert_allclose(nowcast_shift(make_sample(logits, 2), before, brighter, np.ones(N)), 0, atol=1e-12)


def test_weather_is_not_followed() -> None:
    before, _, logits = make_place()
    wetter = later_than(before, before.features[:, 0])
    assert not np.array_equal(wetter.features[:, 1], before.features[:, 1])
    np.testing.assert_allclose(nowcast_shift(make_sample(logits, 2), before, wetter, np.ones(N)), 0, atol=1e-12)


def test_covariates_of_two_kinds_are_refused() -> None:
    before, _, logits = make_place()
    fewer = dataclasses.replace(before, features=before.features[:, :1])
    with pytest.raises(ContractViolation, match="the wave has 2 features"):
        nowcast_shift(make_sample(logits, 2), before, fewer, np.ones(N))


def test_a_nowcast_that_follows_beats_persistence_and_is_chosen(followed: pd.DataFrame) -> None:
    for target in ("a", "b"):
        assert value(followed, target, "nowcast", "rmse") < 0.97 * value(followed, target, "persistence", "rmse")
    assert value(followed, OVERALL, "trend", "skill_against_persistence") < -0.1
    chosen = choose_nowcast(followed, has_trend=True)
    assert (chosen.surveyed, chosen.unsurveyed) == ("nowcast", "nowcast")
    assert chosen.reason.startswith("nowcast: skill against persistence +")


def test_a_nowcast_of_noise_does_not() -> None:
    before, later, logits = make_place()
    first, second = make_sample(logits, 2), make_sample(logits, 3)
    scores = score_nowcast(first, second, before, later_than(before, later), np.ones(N), NAMES)
    assert value(scores, OVERALL, "nowcast", "skill_against_persistence") < 0
    assert choose_nowcast(scores, has_trend=False).method == "persistence"
    assert choose_nowcast(scores, has_trend=True).method == "trend"
    assert "trend" not in set(scores["learner"])


def test_after_a_break_that_covariates_hardly_see_neither_trend_nor_nowcast_is_trusted() -> None:
    """Deprivation fell up to the first wave, and rose after it, everywhere alike but for what no covariate tells of."""
    before, later, logits = make_place()
    shock = 0.6 + 0.5 * np.random.default_rng(9).normal(size=(N, 1))
    first, second = make_sample(logits, 2), make_sample(logits + shock, 3)
    trend = np.array([-0.5, -0.5])
    scores = score_nowcast(
        first, second, before, later_than(before, later), np.ones(N), NAMES, expected=Expected(trend)
    )
    chosen = choose_nowcast(scores, has_trend=True)
    assert (chosen.surveyed, chosen.unsurveyed) == ("persistence", "persistence")
    assert "the trend -" in chosen.reason


def test_each_group_of_areas_has_the_one_that_came_nearest_there(followed: pd.DataFrame) -> None:
    skill = (followed["subgroup"] == SURVEYED) & (followed["metric"] == "skill_against_persistence")
    worse = followed.assign(value=followed["value"].where(~skill, -0.2))
    worse = pd.concat([worse, followed[followed["subgroup"] == UNSURVEYED].assign(subgroup=SURVEYED, value=-0.2)])
    chosen = choose_nowcast(
        worse.drop_duplicates(["target", "learner", "area_level", "subgroup", "metric"], keep="last"), has_trend=True
    )
    assert (chosen.surveyed, chosen.unsurveyed) != ("nowcast", "nowcast")
    assert chosen.followed(np.array([True, False])).tolist() == [False, chosen.unsurveyed == "nowcast"]


def test_no_wave_has_judged_it_yet() -> None:
    chosen = choose_nowcast(pd.DataFrame(), has_trend=False)
    assert (chosen.method, chosen.reason) == ("persistence", "persistence: no wave has judged the nowcast yet")


def test_a_gain_within_its_standard_error_is_none(followed: pd.DataFrame) -> None:
    doubtful = followed.copy()
    doubtful.loc[doubtful["metric"] == "skill_against_persistence_se", "value"] = 1.0
    assert choose_nowcast(doubtful, has_trend=False).method == "persistence"


def test_the_sampling_error_of_the_new_wave_is_taken_off(followed: pd.DataFrame) -> None:
    """Persistence is off by what moved (0.2 on the logit scale, some 0.04 of a share) and by its own error, not by the cluster's."""
    measured = value(followed, "b", "persistence", "rmse")
    assert 0.03 < measured < 0.09
    assert value(followed, "b", "persistence", "mae") > measured * 0.8


def test_scores_are_rows_of_model_metric(followed: pd.DataFrame) -> None:
    keys = ["target", "learner", "fold_design", "area_level", "subgroup", "metric"]
    assert not followed.duplicated(keys).any()
    assert set(followed) == {*keys, "value", "n"}
    assert set(followed["fold_design"]) == {"next_wave"}
    assert (
        followed.loc[(followed["metric"] == "rmse") & (followed["area_level"] == "published"), "n"].eq(PROVINCES).all()
    )


def test_being_poor_is_scored_like_an_indicator() -> None:
    households = pd.DataFrame(
        {
            "psu": ["p"] * 4, "stratum": ["s"] * 4, "weight": 1.0, "hh_size": 1, "area_id": "010101",
            "a": [1, 0, 0, np.nan], "b": [1, 1, 0, 1], "c": [0, 0, 1, 1],
        }
    )  # fmt: skip
    sample = sample_with_poor(households, make_measure(), ["010101"])
    np.testing.assert_allclose(sample.shares, [[1 / 3, 2 / 3, 1 / 3, 2 / 3]])


def test_only_what_was_seen_twice_can_move() -> None:
    then, now = (
        pd.DataFrame([(name, "") for name in names] + [("", register)], columns=["feature_id", "register_id"])
        for names, register in (("xy", "z"), ("yz", "x"))
    )
    assert [frame["feature_id"].tolist() for frame in in_common(then, now)] == [["y"], ["y"]]


def test_a_register_seen_twice_moves_with_the_features() -> None:
    then, now = (pd.DataFrame({"feature_id": [name, ""], "register_id": ["", "r"]}) for name in ("x", "y"))
    assert [frame["register_id"].tolist() for frame in in_common(then, now)] == [["r"], ["r"]]


def test_where_everything_moved_as_income_says_growth_is_the_baseline() -> None:
    before, later, logits = make_place()
    first, second = make_sample(logits, 2), make_sample(logits + grown(logits, 0.5), 3)
    growing = np.array([0.4, 0.4])
    scores = score_nowcast(
        first, second, before, later_than(before, later), np.ones(N), NAMES, expected=Expected(growing, 0.5)
    )
    assert value(scores, OVERALL, "growth", "skill_against_persistence") > 0.3
    chosen = choose_nowcast(scores, has_trend=True, has_growth=True)
    assert (chosen.surveyed, chosen.unsurveyed, chosen.baseline) == ("growth", "growth", "growth")
    assert "; growth +" in chosen.reason
    assert choose_nowcast(scores, has_trend=True, has_growth=False).baseline == "persistence"


def test_growth_that_has_not_been_judged_is_not_published(followed: pd.DataFrame) -> None:
    assert choose_nowcast(followed, has_trend=False, has_growth=True).baseline == "persistence"


def test_growth_takes_the_same_off_every_probit() -> None:
    shares = ndtr(np.array([-1.0, 0.0, 1.5]))
    np.testing.assert_allclose(ndtri(expit(logit(shares) + grown(logit(shares), 0.3))), [-1.3, -0.3, 1.2], atol=1e-9)
