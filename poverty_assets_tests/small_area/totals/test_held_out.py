"""Published areas held out, and which index of deprivation is published for it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from poverty_assets.measurement.joint import figures_of_profiles
from poverty_assets.small_area.association.tilt import Published
from poverty_assets.small_area.association.trait import trait_profiles
from poverty_assets.small_area.margins.kernel import Covariates
from poverty_assets.small_area.people import Inhabitants
from poverty_assets.small_area.totals.departures import field_over, learn_common, learn_spreads, mixed
from poverty_assets.small_area.totals.downscale import drawn_totals
from poverty_assets.small_area.totals.held_out import Whole, judge, together
from poverty_assets.small_area.totals.indices import (
    COMPONENTS,
    LEADING,
    PUBLISHED_LEVEL,
    Candidate,
    RankedColumns,
    is_publishable,
)
from poverty_assets.small_area.wanted import Options
from poverty_assets_tests.measurement.factories import make_measure

G, EACH = 9, 4


def country(of_truth: float, *, noise: int = 0, leading: tuple[str, ...] = ("light",), seed: int = 3) -> Whole:
    """Nine areas of four parts each, in a row; deprivation follows ``light`` as far as is said, other covariates are noise."""
    rng, measure = np.random.default_rng(seed), make_measure()
    at = np.repeat(np.arange(G), EACH)
    light = rng.normal(size=G)[at] + 0.3 * rng.normal(size=len(at))
    eta = of_truth * light[:, None] - np.array([0.8, 0.5, 0.2])
    eta = eta if of_truth else eta + 0.5 * rng.normal(size=G)[at][:, None]
    parts = figures_of_profiles(trait_profiles(ndtr(eta), np.full(eta.shape, 0.6)), measure)
    population = np.full(len(at), 1_000.0)

    def mean(values: np.ndarray) -> np.ndarray:
        return np.stack([values[at == area].mean(axis=0) for area in range(G)])

    h, shares = mean(parts.headcount_ratio[:, 1]), mean(parts.uncensored)
    published = Published(shares, mean(parts.censored[:, 1]), h, np.full(shares.shape, 0.015), np.full(G, 0.015))
    xy = np.column_stack([at * 100_000.0 + 10_000.0 * np.arange(len(at)) % 40_000, np.zeros(len(at))])
    features = np.column_stack([light, rng.normal(size=(len(at), noise))])
    covariates = Covariates(features, xy, at, np.empty((len(at), 0)))
    columns = RankedColumns.of(covariates, ["light", *(f"noise_{k}" for k in range(noise))], [], leading)
    return Whole(published, covariates, columns, Inhabitants(population, population / 5, at), measure)


def test_a_leading_covariate_is_published_alone_where_it_foretells_hidden_areas_better_than_all_together():
    made = judge(country(0.6, noise=30), Options(4))
    assert made.chosen == Candidate(LEADING, "light")
    assert made.reason.startswith("leading light: least error")


@pytest.mark.slow
def test_what_is_published_is_the_least_wrong_where_hidden_and_of_noise_not_always_the_model():
    chosen = []
    for seed in range(6):
        made = judge(country(0.0, noise=30, leading=(), seed=seed), Options(2))
        loss = made.metrics[made.metrics["metric"] == "relative_rmse"].set_index("learner")["value"]
        of_two = loss[[COMPONENTS, PUBLISHED_LEVEL]]
        assert of_two[PUBLISHED_LEVEL] == pytest.approx(1)
        assert made.chosen.learner == of_two.idxmin()
        chosen.append(made.chosen.learner)
    assert PUBLISHED_LEVEL in chosen


def test_every_covariate_alone_and_the_published_levels_own_figure_stand_beside_the_model():
    made = judge(country(0.6, noise=2), Options(4)).metrics
    rmse = made[(made["metric"] == "rmse") & (made["target"] == "headcount_ratio")]
    assert set(rmse["learner"] + rmse["feature"]) == {
        COMPONENTS, PUBLISHED_LEVEL, "leadinglight", "alonenoise_0", "alonenoise_1"
    }  # fmt: skip
    covered = made[made["metric"] == "coverage95"]
    assert set(covered["target"]) == {"headcount_ratio", "a", "b", "c"}
    assert (covered["n"] == G).all()


def test_of_two_published_areas_none_can_be_held_out_and_each_stands_for_its_parts():
    made = judge(country(0.6).grouped(np.array([0] * 5 + [1] * 4)), Options(4))
    assert made.chosen == Candidate(PUBLISHED_LEVEL)
    assert made.metrics.empty
    assert made.reason == "published_level: of 2 published areas none can be held out"


def test_a_covariate_that_nobody_named_is_shown_and_never_published():
    assert not any(is_publishable(one) for one in country(0.6, noise=3, leading=()).columns.candidates[2:])


def test_areas_taken_together_have_the_mean_by_people_and_the_error_of_independent_samples():
    published = country(0.6).published
    weight = np.array([3.0, 1.0, *np.ones(7)])
    made = together(published, np.array([0, 0, *range(1, 8)]), weight)
    assert made.headcount_ratio[0] == pytest.approx(published.headcount_ratio[:2] @ [0.75, 0.25])
    assert made.headcount_ratio_error[0] == pytest.approx(0.015 * np.hypot(0.75, 0.25))
    assert made.uncensored.shape == (8, 3)


def test_a_model_has_at_most_a_third_as_many_components_as_there_are_published_areas():
    whole = country(0.6, noise=60, leading=())

    def index(rate: np.ndarray) -> np.ndarray:
        found = whole.columns._of_components(whole.people, rate)
        return np.array([found[whole.people.at_published == area].mean() for area in range(G)])

    answers = np.column_stack([index(one - 1 / G) for one in np.eye(G)])  # to a rise of each area's rate alone
    assert 0 < np.trace(answers) <= G / 3


def test_each_indicator_has_a_spread_of_its_own_and_few_areas_leave_it_open():
    rng = np.random.default_rng(0)
    departure = rng.normal(size=(40, 2)) * [0.6, 0.05]
    noise = np.full((40, 2), 1e-3)
    wide, narrow = learn_spreads(departure, noise, np.eye(40)).mean
    assert wide == pytest.approx(0.6, rel=0.25)
    assert narrow < 0.1
    few = learn_spreads(departure[:3], noise[:3], np.eye(3))
    assert np.std([few.draw(rng)[0] for _ in range(200)]) > 0.1


def test_neighbours_depart_together_and_distant_areas_do_not():
    field = field_over(np.array([[0.0, 0.0], [5_000.0, 0.0], [900_000.0, 0.0]]), 50_000.0)
    correlation = field.root @ field.root.T
    assert correlation[0, 1] > 0.95
    assert abs(correlation[0, 2]) < 0.01


def found_common(departure: np.ndarray) -> np.ndarray:
    g = len(departure)
    noise, covariance = np.full(departure.shape, 1e-4), 0.3 + 0.7 * np.eye(g)
    return learn_common(departure, noise, covariance, learn_spreads(departure, noise, covariance))


@pytest.mark.parametrize("common", [0.0, 0.3, 0.8])
def test_indicators_depart_together_as_far_as_they_are_seen_to(common):
    normal = np.random.default_rng(1).normal(size=(80, 11))
    found = found_common(0.4 * mixed(normal, common) + 0.3)
    assert found @ np.linspace(0, 0.9, 19) == pytest.approx(common, abs=0.08)


def test_few_areas_leave_open_how_far_indicators_depart_together_and_two_say_nothing():
    normal = np.random.default_rng(2).normal(size=(80, 11))
    spread = [np.sqrt(found_common(mixed(normal[:g], 0.3)) @ (np.linspace(0, 0.9, 19) - 0.3) ** 2) for g in (2, 5, 80)]
    assert spread[0] > spread[1] > spread[2]
    np.testing.assert_allclose(found_common(mixed(normal[:2], 0.3)), 1 / 19)
    np.testing.assert_allclose(found_common(np.zeros((6, 3))), 1 / 19)  # nothing departs


def test_a_published_0_may_be_as_much_as_three_cases_in_as_many_households_as_were_asked():
    households = 200
    error = np.full((1, 1), np.sqrt(0.0005 * 0.9995 / households))
    rng = np.random.default_rng(2)
    drawn = np.array([drawn_totals(np.zeros((1, 1)), error, rng)[0, 0] for _ in range(4_000)])
    assert np.quantile(drawn, 0.975) == pytest.approx(
        -np.log(0.025) / households, rel=0.1
    )  # Clopper and Pearson's bound
