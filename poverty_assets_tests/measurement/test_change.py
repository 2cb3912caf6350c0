"""Change over time: by hand, and against mpitbR with samples that share PSUs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poverty_assets.errors import UsageError
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.measure.measure import k_value
from poverty_assets.measurement.change import (
    absolute_change,
    annualised_relative_change,
    relative_change,
)
from poverty_assets.measurement.design import SurveyDesign
from poverty_assets.measurement.estimates import estimate_measure
from poverty_assets_tests.measurement.factories import AREAS, ORACLE_INDICATORS, oracle_measure
from poverty_assets_tests.measurement.test_estimates import KS, STATISTIC, expected_of

YEARS = 8.5


def test_change_of_independent_samples() -> None:
    change = absolute_change(0.30, 0.20, 0.03, 0.04)
    assert change.difference == pytest.approx(-0.10)
    assert change.se == pytest.approx(0.05)
    assert change.ci_low == pytest.approx(-0.10 - 1.959964 * 0.05)
    assert bool(change.is_significant)


def test_change_is_not_significant_where_the_interval_holds_0_or_there_is_none() -> None:
    before, after = [0.3, 0.3, 0.3], [0.29, 0.2, 0.2]
    change = absolute_change(before, after, [0.02, 0.01, np.nan], [0.02, 0.01, 0.01])
    assert change.is_significant.tolist() == [False, True, False]


def test_shared_psus_make_a_change_more_certain() -> None:
    assert absolute_change(0.3, 0.2, 0.03, 0.04, covariance=0.0006).se == pytest.approx(np.sqrt(0.0013))


def test_relative_change_is_a_share_of_the_earlier_figure() -> None:
    assert relative_change(0.4, 0.3, 0.01, 0.01).difference == pytest.approx(-0.25)
    assert np.isnan(relative_change(0.0, 0.3, 0.01, 0.01).difference)


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.floats(0.5, 20))
def test_annualised_change_leads_from_one_figure_to_the_other(before: float, after: float, years: float) -> None:
    yearly = annualised_relative_change(before, after, 0.01, 0.01, years=years).difference
    assert before * (1 + yearly) ** years == pytest.approx(after)
    slope = absolute_change(before, after, 0.01, 0.01, years=years).difference
    assert before + slope * years == pytest.approx(after)


def test_one_year_apart_annualised_is_plain() -> None:
    one, other = (
        f(0.4, 0.3, 0.01, 0.02, **o) for f, o in ((relative_change, {}), (annualised_relative_change, {"years": 1}))
    )
    np.testing.assert_allclose([one.difference, one.se], [other.difference, other.se])


def test_estimates_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(UsageError, match="-2 years apart"):
        absolute_change(0.3, 0.2, 0.1, 0.1, years=-2)


@pytest.fixture(scope="module")
def compared(oracles: Path) -> pd.DataFrame:
    """mpitbR's changes beside our two estimates and their covariance in the pooled design."""
    pooled = pd.read_csv(oracles / "mpi" / "syn_cdta_input.csv").rename(columns={"area": "zone"}).assign(area_id="X")
    measure = oracle_measure()
    design = SurveyDesign.build(pooled["weight"], psu=pooled["psu"], stratum=pooled["stratum"])
    years = [pooled[pooled["t"] == t].reset_index(drop=True) for t in (1, 2)]
    options = {"subgroups": ["zone", "region"], "cutoffs": list(KS.values())}
    before, after = (
        estimate_measure(frame, measure, Hierarchy.of(AREAS.iloc[:0], root="X"), **options).mpi for frame in years
    )
    keys = ["subgroup", "k", "statistic"]
    both = before.merge(after, on=keys, suffixes=("_0", "_1"))[[*keys, "estimate_0", "estimate_1", "se_0", "se_1"]]
    scores = measure.scores(pooled[ORACLE_INDICATORS])
    one = np.ones(len(pooled))
    poor = {k_value(k): measure.is_poor(scores, k) for k in KS.values()}

    def covariance(row: pd.Series) -> float:
        column, _, value = row["subgroup"].partition("=")
        inside = one > 0 if column == "all" else (pooled[column].astype(str) == value).to_numpy()
        q = poor[row["k"]]
        top, bottom = {"headcount_ratio": (q, one), "mpi": (q * scores / 18, one), "intensity": (q * scores / 18, q)}[
            row["statistic"]
        ]
        pair = [design.scores(top, bottom, inside & (pooled["t"] == t).to_numpy()) for t in (1, 2)]
        return float(design.covariance(np.column_stack(pair))[0, 1])

    both["covariance"] = both[both["statistic"].isin(STATISTIC.values())].apply(covariance, axis=1)
    expected = expected_of(oracles, "syn_cdta_mpitbR_cotframe.csv")
    expected = expected[expected["measure"].isin(STATISTIC)]
    return expected.assign(statistic=expected["measure"].map(STATISTIC)).merge(both, on=keys)


@pytest.mark.shared
@pytest.mark.parametrize(("kind", "annualised"), [("abs", 0), ("abs", 1), ("rel", 0), ("rel", 1)])
@pytest.mark.slow
def test_changes_agree_with_mpitbr(compared: pd.DataFrame, kind: str, annualised: int) -> None:
    rows = compared[(compared["ctype"] == kind) & (compared["ann"] == annualised)]
    assert len(rows) == 276
    figures = [rows[name] for name in ("estimate_0", "estimate_1", "se_0", "se_1")]
    shared = {"covariance": rows["covariance"]}
    if kind == "abs":
        change, unit = absolute_change(*figures, **shared, years=YEARS if annualised else 1.0), 1
    elif annualised:
        change, unit = annualised_relative_change(*figures, **shared, years=YEARS), 100
    else:
        change, unit = relative_change(*figures, **shared), 100
    np.testing.assert_allclose(change.difference * unit, rows["b"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(change.se * unit, rows["se"], rtol=1e-9)
    np.testing.assert_allclose(change.ci_low * unit, rows["ll"], rtol=0, atol=1e-10)
    np.testing.assert_allclose(change.ci_high * unit, rows["ul"], rtol=0, atol=1e-10)
