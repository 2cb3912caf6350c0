"""Change between quarters: what cancels, what is added, and which rows there are."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poverty_assets.catalog import table
from poverty_assets.errors import ContractViolation
from poverty_assets.quarter import Quarter
from poverty_assets.small_area.time.change import Apart, baselines, changes

R = 200


def make_draws(
    estimates: list[float], errors: np.ndarray, *, method: str = "modelled", level: str = "commune"
) -> pd.DataFrame:
    """One area a value: its headcount in indicator ``a``, with draws of the given errors."""
    n = len(estimates)
    return pd.DataFrame(
        {
            "area_id": [f"{10100 + i:06d}" for i in range(n)],
            "area_level": level,
            "statistic": "uncensored",
            "indicator_id": "a",
            "k": 0.333333,
            "method": method,
            "n_households": pd.array([30] * n, dtype="Int64"),
            "estimate": estimates,
            "draws": list((np.array(estimates)[:, None] + errors).astype(np.float32)),
        }
    )


def noise(seed: int, n: int = 1, size: float = 0.05) -> np.ndarray:
    return size * np.random.default_rng(seed).standard_normal((n, R))


def compared(
    now: pd.DataFrame, before: pd.DataFrame, *, same_wave: bool, drift_variance: float | None, years: float = 1.0
) -> pd.DataFrame:
    return changes(now, before, Apart(dt.date(2025, 1, 1), years, same_wave, drift_variance), measure_id="m")


def test_what_two_quarters_of_one_wave_share_cancels() -> None:
    """Of 50 areas one has moved, by as much as the survey's error."""
    shared = noise(0, 50)
    before, now = make_draws([0.3] * 50, shared), make_draws([0.35] + [0.3] * 49, shared)
    found = compared(now, before, same_wave=True, drift_variance=0.0)
    assert found.loc[0, "difference"] == pytest.approx(0.05)
    assert found.loc[0, "se"] < shared.std() / 3
    assert found["is_significant"].tolist() == [True] + [False] * 49
    assert set(found["quality_flag"]) == {"same_survey_wave"}


def test_drift_since_the_wave_is_added_on_the_logit_scale() -> None:
    one = noise(0)
    found = compared(make_draws([0.5], one), make_draws([0.5], one), same_wave=True, drift_variance=0.04).iloc[0]
    assert found["se"] == pytest.approx(0.2 * 0.5 * 0.5, rel=1e-3)
    assert found["difference"] == 0
    assert not found["is_significant"]
    assert found["ci_low"] == pytest.approx(-found["ci_high"])


def test_variance_of_drift_grows_with_time() -> None:
    now, before = make_draws([0.3], noise(0)), make_draws([0.3], noise(0))
    quarter, year = (
        compared(now, before, same_wave=True, drift_variance=0.04, years=years)["se"].iloc[0] for years in (0.25, 1.0)
    )
    assert year == pytest.approx(2 * quarter, rel=1e-3)


def test_without_a_second_wave_drift_is_not_known_and_nothing_is_significant() -> None:
    one = noise(0)
    found = compared(make_draws([0.5], one), make_draws([0.3], one), same_wave=True, drift_variance=None).iloc[0]
    assert np.isnan(found["se"])
    assert not found["is_significant"]
    assert found["quality_flag"] == "same_survey_wave,drift_not_known"


def test_different_waves_are_independent_samples_however_their_draws_are_paired() -> None:
    one = noise(0)
    found = compared(make_draws([0.5], one), make_draws([0.3], one), same_wave=False, drift_variance=0.04).iloc[0]
    assert found["se"] == pytest.approx(np.sqrt(2) * one.std(), rel=0.01)
    assert found["is_significant"]
    assert found["quality_flag"] == "ok"


def test_a_trend_that_the_draws_follow_is_no_surprise_when_the_next_wave_shows_it() -> None:
    """The estimate keeps to the survey while its draws follow a trend of up to -0.08: the next wave's -0.07 is no change since,
    but +0.02 against the trend is one."""
    trend = -np.linspace(0, 0.08, R)[None]
    before = make_draws([0.30], trend)
    fall, rise = (
        compared(make_draws([now], noise(1, size=0.001)), before, same_wave=False, drift_variance=None).iloc[0]
        for now in (0.23, 0.32)
    )
    assert not fall["is_significant"]
    assert rise["is_significant"]
    for row in (fall, rise):
        assert row["ci_low"] <= row["difference"] <= row["ci_high"]


def test_an_area_that_showed_no_drift_is_still_not_taken_to_stand_still() -> None:
    one = noise(0)
    found = compared(make_draws([0.3005], one), make_draws([0.3], one), same_wave=True, drift_variance=0.0).iloc[0]
    assert not found["is_significant"]
    assert found["se"] == pytest.approx(0.3 * 0.7 * np.sqrt(0.002), rel=2e-3)


def test_what_only_a_nowcast_has_moved_is_seldom_significant() -> None:
    """1,000 communes that nobody visited again, moved by covariates with a spread of 0.1 on the logit scale."""
    n = 1000
    moves = 0.025 * np.random.default_rng(4).standard_normal(n)
    before = make_draws([0.5] * n, noise(0, n))
    now = before.assign(estimate=0.5 + moves, draws=list(np.stack(before["draws"]) + moves[:, None].astype(np.float32)))
    found = compared(now, before, same_wave=True, drift_variance=0.0)
    assert 0 < found["is_significant"].mean() < 0.06


def test_a_headcount_ratio_drifts_by_as_much_more_as_its_draws_vary_more() -> None:
    one = noise(0, size=0.01)
    frames = []
    for value in (0.5, 0.5):
        margin = make_draws([value], one)
        poor = make_draws([value], 2 * one).assign(statistic="headcount_ratio", indicator_id="all")
        frames.append(pd.concat([margin, poor], ignore_index=True))
    found = compared(frames[1], frames[0], same_wave=True, drift_variance=0.04).set_index("statistic")["se"]
    assert found["headcount_ratio"] == pytest.approx(2 * found["uncensored"], rel=1e-3)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0.01, 0.99), min_size=1, max_size=6), st.integers(0, 50), st.booleans())
def test_change_back_is_change_with_the_sign_turned(values: list[float], seed: int, same_wave: bool) -> None:
    first = make_draws(values, noise(seed, len(values)))
    second = make_draws(values[::-1], noise(seed + 1, len(values)))
    there = compared(second, first, same_wave=same_wave, drift_variance=0.0)
    back = compared(first, second, same_wave=same_wave, drift_variance=0.0)
    np.testing.assert_allclose(there["difference"], -back["difference"])
    np.testing.assert_allclose(there["ci_low"], -back["ci_high"], atol=1e-9)
    assert (there["is_significant"] == ((there["ci_low"] > 0) | (there["ci_high"] < 0))).all()


def test_rows_have_the_catalogs_columns_and_only_what_both_quarters_know() -> None:
    now = make_draws([0.1, 0.2, 0.3], noise(0, 3), method="composite")
    before = make_draws([0.1, 0.2], noise(1, 2)).iloc[::-1]
    found = compared(now, before, same_wave=False, drift_variance=None)
    expected = {c.name for c in table("fct_change").lake_columns} - {"quarter", "is_headline"}
    assert set(found) == expected
    assert found["area_id"].tolist() == ["010100", "010101"]
    assert found["difference"].tolist() == pytest.approx([0, 0])
    assert set(found["method"]) == {"composite"}
    assert set(found["n_households"]) == {30}


def test_figures_that_the_table_does_not_know_are_left_out() -> None:
    extra = make_draws([0.1], noise(0)).assign(statistic="exposed_to_floods")
    assert compared(extra, extra, same_wave=True, drift_variance=0.0).empty


def test_a_figure_that_is_there_twice_is_refused() -> None:
    one = make_draws([0.1], noise(0))
    with pytest.raises(ContractViolation, match="1 figures of now are there twice"):
        compared(pd.concat([one, one]), one, same_wave=True, drift_variance=0.0)


def test_quarters_of_one_wave_have_as_many_replicates() -> None:
    with pytest.raises(ContractViolation, match="100 and 200 replicates"):
        compared(
            make_draws([0.1], noise(0)),
            make_draws([0.1], noise(0)[:, :100]),
            same_wave=True,
            drift_variance=0.0,
        )


def test_a_quarter_is_compared_with_the_one_before_and_that_of_a_year_before() -> None:
    sealed = {Quarter(2025, 2), Quarter(2026, 1), Quarter(2024, 2)}
    assert baselines(Quarter(2026, 2), sealed) == [Quarter(2026, 1), Quarter(2025, 2)]
    assert baselines(Quarter(2025, 2), sealed) == [Quarter(2024, 2)]
