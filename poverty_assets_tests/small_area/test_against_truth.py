"""Scores of estimates whose errors are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from poverty_assets.catalog import table
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.small_area.against_truth import point_scores, profile_scores, scores
from poverty_assets.small_area.association.loadings import trait_profiles
from poverty_assets.small_area.association.raking import independent
from poverty_assets.small_area.replicates import collect
from poverty_assets.small_area.rows import Drawn, rollup
from poverty_assets.small_area.wanted import Wanted
from poverty_assets_tests.measurement.factories import make_measure

N = 40


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    margins = np.column_stack([np.linspace(0.1, 0.6, N), np.linspace(0.5, 0.2, N), np.full(N, 0.3)])
    return trait_profiles(margins, np.full((N, 3), 0.7))


def drawn_about(profiles: np.ndarray, spread: float) -> Drawn:
    """Point estimates with these profiles, and draws about them."""
    codes = [f"0101{i:02d}" for i in range(N)]
    areas = pd.DataFrame({"area_id": codes, "area_level": "commune", "parent_id": "KH"})
    up = rollup(Hierarchy.of(areas, root="KH"), codes, np.ones(N))
    rng = np.random.default_rng(0)
    draws = (profiles * np.exp(spread * rng.standard_normal(profiles.shape)) for _ in range(60))
    return collect(profiles, (d / d.sum(axis=1, keepdims=True) for d in draws), 60, Wanted(up, make_measure()))


def value(frame: pd.DataFrame, target: str, metric: str) -> float:
    return float(frame.query("target == @target and metric == @metric")["value"].iloc[0])


def test_the_truth_itself_scores_perfectly(truth: np.ndarray) -> None:
    found = scores(drawn_about(truth, 0.2), truth, np.arange(N) < 10, {"odd": np.arange(N) % 2 == 1}, make_measure())
    assert value(found, "mpi", "coverage95") == 1
    assert value(found, "mpi", "mae") == 0
    assert value(found, "margin:a", "sd_ratio") == pytest.approx(1)
    assert value(found, "margin:a", "bias_poorest_tenth") == 0
    assert set(found["n"]) == {30, 10, 20}
    assert set(found) <= {c.name for c in table("model_metric").lake_columns}


def test_estimates_that_are_too_high_show_as_bias_and_lost_coverage(truth: np.ndarray) -> None:
    higher = truth.copy()
    higher[:, 7] += 0.2
    higher /= 1.2
    found = scores(drawn_about(higher, 0.01), truth, np.zeros(N, dtype=bool), {}, make_measure())
    assert value(found, "headcount_ratio", "bias") > 0.05
    assert value(found, "headcount_ratio", "coverage95") < 0.1
    m = np.linspace(0.1, 0.6, N)
    deciles = [value(found, "margin:a", f"bias_decile_{k}") for k in (1, 10)]
    np.testing.assert_allclose(deciles, [0.2 * (1 - m[:4].mean()) / 1.2, 0.2 * (1 - m[-4:].mean()) / 1.2], atol=1e-5)


def test_coverage_grows_with_the_level(truth: np.ndarray) -> None:
    shaken = truth * np.exp(0.3 * np.random.default_rng(5).standard_normal(truth.shape))
    found = scores(
        drawn_about(shaken / shaken.sum(axis=1, keepdims=True), 0.3), truth, np.zeros(N, bool), {}, make_measure()
    )
    by_level = [value(found, "mpi", f"coverage{k}") for k in (50, 80, 90, 95)]
    assert by_level == sorted(by_level)


def test_profiles_are_compared_with_independence(truth: np.ndarray) -> None:
    everywhere = np.ones(N, dtype=bool)
    perfect = profile_scores(truth, truth, everywhere, make_measure()).set_index("metric")["value"]
    assert perfect["h_error_against_independence"] == -1
    alone = independent(np.column_stack([np.linspace(0.1, 0.6, N), np.linspace(0.5, 0.2, N), np.full(N, 0.3)]))
    none = profile_scores(alone, truth, everywhere, make_measure()).set_index("metric")["value"]
    assert none["total_variation_against_independence"] == pytest.approx(0, abs=1e-9)


def test_a_point_prediction_is_scored_without_intervals() -> None:
    true = np.linspace(0, 1, 20)
    found = point_scores("headcount_ratio", true + 0.1, true, np.ones(20, bool), learner="direct").set_index("metric")
    assert found.loc["mae", "value"] == pytest.approx(0.1)
    assert found.loc["spearman", "value"] == pytest.approx(1)
