"""Published figures of two provinces brought down to their communes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from poverty_assets.errors import ContractViolation
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.measurement.joint import figures_of_profiles
from poverty_assets.small_area.association.trait import trait_profiles
from poverty_assets.small_area.margins.kernel import Covariates
from poverty_assets.small_area.people import Inhabitants
from poverty_assets.small_area.rollup import rollup
from poverty_assets.small_area.rows import small_area_rows
from poverty_assets.small_area.totals.downscale import downscale
from poverty_assets.small_area.totals.figures import published_totals
from poverty_assets.small_area.wanted import Options, Wanted
from poverty_assets_tests.measurement.factories import make_measure

N = 30
PROVINCES = ["01", "02", "03"]


def published_rows() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of three provinces, made from profiles so that no figure contradicts another; indicator c of province 02 is 0."""
    measure = make_measure()
    margins = np.array([[0.2, 0.1, 0.3], [0.4, 0.3, 1e-9], [0.5, 0.35, 0.4]])
    f = figures_of_profiles(trait_profiles(margins, np.full((3, 3), 0.6)), measure)
    keys = {"measure_id": measure.measure_id, "subgroup": "all"}
    mpi = pd.DataFrame({"area_id": PROVINCES, "k": 0.333333, "statistic": "headcount_ratio", "estimate": f.headcount_ratio[:, 1],
                        "se": [0.02, 0.02, np.nan]}).assign(**keys)  # fmt: skip
    parts = [
        pd.DataFrame({"area_id": PROVINCES, "indicator_id": name, "kind": kind, "estimate": np.round(values[:, j], 6), "se": np.nan})
        for kind, values in (("uncensored", f.uncensored), ("censored", f.censored[:, 1]))
        for j, name in enumerate(measure.indicator_ids)
    ]  # fmt: skip
    return mpi, pd.concat(parts, ignore_index=True).assign(**keys)


def test_published_rows_become_totals_with_errors_from_that_of_h() -> None:
    mpi, headcount = published_rows()
    found = published_totals(mpi, headcount, PROVINCES, make_measure())
    h = mpi["estimate"].to_numpy()
    np.testing.assert_allclose(found.headcount_ratio, h)
    np.testing.assert_allclose(found.headcount_ratio_error[:2], 0.02)
    households = h[0] * (1 - h[0]) / 0.02**2
    assert found.uncensored_error[0, 0] == pytest.approx(np.sqrt(0.2 * 0.8 / households), rel=1e-4)
    assert found.uncensored_error[1, 2] > 0
    assert np.isfinite(found.headcount_ratio_error).all()


def test_a_missing_or_doubled_figure_is_refused() -> None:
    mpi, headcount = published_rows()
    with pytest.raises(ContractViolation, match="03 has no headcount_ratio"):
        published_totals(mpi[mpi["area_id"] != "03"], headcount, PROVINCES, make_measure())
    with pytest.raises(ContractViolation, match="stand twice; 01 has a more than once"):
        published_totals(mpi, pd.concat([headcount, headcount.iloc[:1]]), PROVINCES, make_measure())
    with pytest.raises(ContractViolation, match="has a standard error"):
        published_totals(mpi.assign(se=np.nan), headcount, PROVINCES, make_measure())


def test_communes_add_up_to_what_was_published_and_vary_with_the_register() -> None:
    measure = make_measure()
    totals = published_totals(*published_rows(), PROVINCES, measure)
    province, rng = np.repeat([0, 1, 2], N // 3), np.random.default_rng(0)
    population = rng.uniform(500, 3_000, N)
    register = 0.1 + 0.1 * province + rng.uniform(0, 0.2, N)
    codes = [f"{p + 1:02d}01{i:02d}" for i, p in enumerate(province)]
    areas = pd.DataFrame(
        {
            "area_id": [*codes, *PROVINCES],
            "area_level": ["commune"] * N + ["province"] * 3,
            "parent_id": [c[:2] for c in codes] + ["KH"] * 3,
        }
    )
    up = rollup(Hierarchy.of(areas, root="KH"), codes, population, method="downscaled")
    covariates = Covariates(rng.normal(size=(N, 1)), np.zeros((N, 2)), province, register[:, None])
    people = Inhabitants(population, population / 5, province)
    wanted = Wanted(up, measure)
    tables, _ = small_area_rows(downscale(totals, covariates, people, wanted, Options(30, seed=1)), wanted)
    own = tables.headcount.query("kind == 'uncensored'").pivot(
        index="area_id", columns="indicator_id", values="estimate"
    )
    np.testing.assert_allclose(own.loc[PROVINCES, ["a", "b", "c"]], totals.uncensored, atol=2e-6)
    h = tables.mpi.query("statistic == 'headcount_ratio' and k > 0.3 and k < 0.4").set_index("area_id")
    np.testing.assert_allclose(h.loc[PROVINCES, "estimate"], totals.headcount_ratio, atol=1e-3)
    assert set(tables.mpi["method"]) == {"downscaled"}
    inside = province == 2
    assert np.corrcoef(register[inside], own.loc[codes, "a"].to_numpy()[inside])[0, 1] > 0.5
    assert ((own > 0) & (own < 1)).all(axis=None)
    widths = (h["ci_high"] - h["ci_low"]).loc[codes]
    assert 0.05 < widths.mean() < 0.6
