"""How far areas may have moved since the survey."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from poverty_assets.measurement.joint import figures_of_profiles
from poverty_assets.small_area.association.moved import moved_profiles
from poverty_assets.small_area.margins.fit import PART_OF_TREND, Since
from poverty_assets.small_area.sample import Survey
from poverty_assets.small_area.time.drift import WALK, since_survey, trend_before, walk_of_indicators
from poverty_assets_tests.small_area.test_chain import make_measure
from poverty_assets_tests.small_area.test_sample import make_sample

AT = np.array([0, 0, 1, 1])


def test_half_of_the_trend_between_two_waves_goes_on_after_them() -> None:
    before, now = (make_sample(np.full((4, 2), share)) for share in (0.3, 0.2))
    since = since_survey(Survey(now, before), AT, years_between=4.0, years_since=2.0)
    change = np.log(0.2 / 0.8) - np.log(0.3 / 0.7)
    np.testing.assert_allclose(since.centre(2), PART_OF_TREND * change / 2)


def test_one_wave_tells_no_trend_but_time_has_passed() -> None:
    since = since_survey(Survey(make_sample(np.full((4, 2), 0.2))), AT, years_between=0.0, years_since=3.0)
    assert not since.centre(2).any()
    assert replace(since, walk_per_year=0.1).walked == pytest.approx(0.3)


def test_what_indicators_walk_makes_h_walk_as_other_countries_did() -> None:
    rng, measure = np.random.default_rng(5), make_measure()
    profiles, population = rng.dirichlet(np.full(8, 2.0), 30), rng.uniform(1, 3, 30)
    walk = walk_of_indicators(profiles, population, measure)
    steps = np.sqrt(walk) * (rng.standard_normal((200, 1)) + rng.standard_normal((200, 3)))

    def odds(shift: np.ndarray) -> float:
        moved = moved_profiles(profiles, np.broadcast_to(shift, (30, 3)))
        country = np.average(moved, axis=0, weights=population)
        poor = figures_of_profiles(country[None], measure).headcount_ratio[0, 1]
        return float(np.log(poor / (1 - poor)))

    assert np.var([odds(step) for step in steps]) == pytest.approx(WALK, rel=0.25)


def test_at_the_survey_nothing_has_been_gained() -> None:
    assert Since().walked == Since().variance == 0


LEVELS = pd.DataFrame(
    [(f"wave{i}", dt.date(2010 + 4 * i, 1, 1), name, share) for i, shares in enumerate(((0.4, 0.2), (0.3, 0.2), (0.2, 0.2)))
     for name, share in zip(("a", "b"), shares, strict=True)],
    columns=["wave", "middle", "indicator_id", "share"],
)  # fmt: skip


def test_the_trend_that_was_expected_between_two_waves_is_that_before_the_first() -> None:
    expected = trend_before(LEVELS, "wave1", "wave2", ["a", "b"])
    change = np.log(0.3 / 0.7) - np.log(0.4 / 0.6)
    np.testing.assert_allclose(expected, [PART_OF_TREND * change, 0.0], rtol=1e-3, atol=1e-12)


def test_without_a_wave_before_the_two_no_trend_was_expected() -> None:
    assert trend_before(LEVELS, "wave0", "wave1", ["a", "b"]) is None
    assert trend_before(LEVELS.head(0), "wave0", "wave1", ["a"]) is None
    assert trend_before(LEVELS, "wave1", "wave2", ["a", "c"]) is None
