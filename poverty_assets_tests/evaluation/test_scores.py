"""Scores against truth that a reader can check by hand."""

import numpy as np
import pandas as pd
import pytest

from poverty_assets.evaluation.scores import bias_by_decile, compare, coverage_by_level, profile_scores, scores
from poverty_assets.small_area.association.raking import independent
from poverty_assets.small_area.association.trait import trait_profiles
from poverty_assets_tests.measurement.factories import make_measure

N = 40


def make_draws(error: float = 0.0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Communes whose true share runs from 0.1 to 0.5 in every figure, estimated with one constant error; draws spread by 0.1."""
    true = np.linspace(0.1, 0.5, N)
    measure = make_measure()
    figures = [("headcount_ratio", "all"), ("mpi", "all"), *(("uncensored", name) for name in measure.indicator_ids)]
    spread = np.linspace(-0.1, 0.1, 99).astype(np.float32)
    rows = [
        {"area_id": f"{i:06d}", "area_level": "commune", "statistic": statistic, "indicator_id": indicator, "k": 0.333333,
         "method": "composite" if i % 2 else "modelled", "n_households": 30 if i % 2 else None,
         "estimate": value + error, "draws": spread + np.float32(value + error)}
        for i, value in enumerate(true)
        for statistic, indicator in figures
    ]  # fmt: skip
    names = ["headcount_ratio", "mpi", *measure.indicator_ids]
    return pd.DataFrame(rows), pd.DataFrame({"area_id": [f"{i:06d}" for i in range(N)], **dict.fromkeys(names, true)})


def value(metrics: pd.DataFrame, metric: str, learner: str = "modelled", subgroup: str = "all") -> float:
    asked = "target == 'headcount_ratio' and subgroup == @subgroup and learner == @learner and metric == @metric"
    rows = metrics.query(asked)
    return float(rows["value"].iloc[0])


def kinds() -> pd.DataFrame:
    return pd.DataFrame(
        {"area_id": [f"{i:06d}" for i in range(N)], "is_urban": np.where(np.arange(N) < 20, "true", "false")}
    )


def test_a_perfect_estimate_has_no_bias_the_spread_of_the_truth_and_full_coverage():
    draws, truth = make_draws()
    metrics = scores(compare(draws, truth, make_measure()), kinds())
    assert value(metrics, "bias") == pytest.approx(0)
    assert value(metrics, "sd_ratio") == pytest.approx(1)
    assert value(metrics, "coverage95") == 1
    assert value(metrics, "exactly_0_or_1") == 0


def test_an_error_beyond_the_interval_is_bias_and_lost_coverage_in_every_kind_of_commune():
    draws, truth = make_draws(error=0.2)
    metrics = scores(compare(draws, truth, make_measure()), kinds())
    assert value(metrics, "bias_poorest_tenth") == pytest.approx(0.2)
    assert value(metrics, "coverage95") == 0
    assert value(metrics, "coverage95", "composite", "is_urban=true") == 0


def test_coverage_grows_with_the_nominal_level_and_bias_is_told_by_decile():
    draws, truth = make_draws(error=0.07)
    one = compare(draws, truth, make_measure())[0]
    coverage = coverage_by_level(one).query("method == 'modelled'").set_index("level")["coverage"]
    assert coverage[0.5] == 0
    assert coverage[0.8] == 1
    assert bias_by_decile(one)["bias"].to_numpy() == pytest.approx(0.07, abs=1e-6)


def test_profiles_are_compared_with_independence():
    margins = np.column_stack([np.linspace(0.1, 0.6, N), np.linspace(0.5, 0.2, N), np.full(N, 0.3)])
    truth, everywhere = trait_profiles(margins, np.full((N, 3), 0.7)), np.ones(N, dtype=bool)
    perfect = profile_scores(truth, truth, everywhere, make_measure()).set_index("metric")["value"]
    assert perfect["h_error_against_independence"] == -1
    alone = independent(margins)
    none = profile_scores(alone, truth, everywhere, make_measure()).set_index("metric")["value"]
    assert none["total_variation_against_independence"] == pytest.approx(0, abs=1e-9)
