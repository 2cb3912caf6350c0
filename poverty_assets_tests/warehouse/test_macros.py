"""Macros of the published file, opened read-only, against what Python makes of the same tables."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import numpy as np
import pandas as pd
import pytest

from poverty_assets.small_area.intervals import interval_of_draws
from poverty_assets.warehouse.macros import MACROS
from poverty_assets_tests.small_area.test_packed import unpack_profiles
from poverty_assets_tests.warehouse.made_warehouse import (
    FINEST,
    INDICATORS,
    NOW,
    areas,
    members,
    profiles,
    shared_made,
)

Q = NOW.label


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(shared_made(tmp_path_factory)), read_only=True) as connection:
        yield connection


def one(made: duckdb.DuckDBPyConnection, sql: str) -> object:
    row = made.execute(f"SELECT {sql}").fetchone()
    assert row is not None
    return row[0]


def draws(made: duckdb.DuckDBPyConnection, area: str, figure: str) -> np.ndarray:
    """Draws of an area in Python: weighted sums of the bytes of its communes."""
    sql = "SELECT * FROM fct_draw WHERE quarter = ? AND figure_id = ?"
    rows = (
        made.execute(sql, [NOW.start, figure])
        .df()
        .set_index("area_id")
        .loc[members(area) if area not in FINEST else [area]]
    )
    values = rows["low"].to_numpy()[:, None] + rows["step"].to_numpy()[:, None] * np.stack(rows["draws"].to_list())
    people = areas().set_index("area_id").loc[rows.index, "population"]
    return np.average(values, axis=0, weights=people)


@pytest.mark.parametrize("area", ["KH", "01", "0201", "020203"])
def test_p_above_is_the_share_of_draws_above_at_every_level(made: duckdb.DuckDBPyConnection, area: str) -> None:
    own = draws(made, area, "headcount_ratio")
    for threshold in (own.min() - 0.01, float(np.median(own)), own.max() + 0.01):
        said = one(made, f"p_above('{area}', '{Q}', 'headcount_ratio', {float(threshold)})")
        assert said == pytest.approx(np.mean(own > threshold) + np.mean(own == threshold) / 2, abs=1e-9)
    assert one(made, f"p_above('{area}', DATE '{NOW.key}', 'headcount_ratio', 0)") == 1


def test_an_area_is_to_act_on_where_the_probability_passes_the_level(made: duckdb.DuckDBPyConnection) -> None:
    middle = float(np.quantile(draws(made, "02", "mpi"), 0.25))
    assert one(made, f"p_above('02', '{Q}', 'mpi', {middle})") == pytest.approx(0.75, abs=0.03)
    assert one(made, f"to_act_on('02', '{Q}', 'mpi', {middle})") is False
    assert one(made, f"to_act_on('02', '{Q}', 'mpi', {middle}, level := 0.6)") is True


@pytest.mark.parametrize("figure", ["headcount_ratio_k20", "uncensored:sanitation"])
def test_a_difference_has_the_interval_of_the_draws_differences(made: duckdb.DuckDBPyConnection, figure: str) -> None:
    found = one(made, f"difference('02', '010201', '{Q}', '{figure}')")
    estimates = dict(
        made.execute(
            "SELECT area_id, estimate FROM fct_rank WHERE quarter = ? AND figure_id = ?", [NOW.start, figure]
        ).fetchall()
    )
    apart = draws(made, "02", figure) - draws(made, "010201", figure)
    point = estimates["02"] - estimates["010201"]
    wanted = interval_of_draws(np.array([[point]]), apart[:, None, None])
    assert isinstance(found, dict)
    assert found["difference"] == pytest.approx(point, abs=1e-12)
    for bound in ("ci_low", "ci_high"):
        assert found[bound] == pytest.approx(wanted[bound][0, 0], abs=1e-6)
    assert found["p_above"] == pytest.approx((apart > 0).mean() + (apart == 0).mean() / 2)


def test_a_rank_is_the_row_of_fct_rank(made: duckdb.DuckDBPyConnection) -> None:
    found = one(made, f"rank_within('010201', '{Q}', 'share_both:sanitation:drinking_water')")
    row = made.execute(
        "SELECT rank, rank_low, rank_high, n_areas, p_worst_tenth, p_worst_fifth FROM fct_rank WHERE area_id = '010201'"
        " AND quarter = ? AND statistic = 'share_both' AND indicator_id = 'sanitation' AND indicator_b = 'drinking_water'",
        [NOW.start],
    ).fetchone()
    assert isinstance(found, dict)
    assert tuple(found.values()) == row
    assert found["n_areas"] == 12


@pytest.mark.parametrize("area", ["KH", "02", "0102", "010301"])
@pytest.mark.parametrize("wanted", [("sanitation", "nutrition"), ("drinking_water",)])
def test_share_with_is_a_sum_over_the_joint_profile(
    made: duckdb.DuckDBPyConnection, area: str, wanted: tuple[str, ...]
) -> None:
    share = profiles(NOW)[area]
    bits = (np.arange(16)[:, None] >> np.array([INDICATORS.index(one) for one in wanted])) & 1
    for how, held in (("all", bits.all(axis=1)), ("any", bits.any(axis=1))):
        said = one(made, f"share_with('{area}', '{Q}', {list(wanted)}, '{how}')")
        assert said == pytest.approx(share[held].sum(), abs=2e-5)


def test_published_profiles_are_those_of_the_communes(made: duckdb.DuckDBPyConnection) -> None:
    rows = made.execute("SELECT area_id, profile FROM fct_profile WHERE quarter = ? ORDER BY 1", [NOW.start]).fetchall()
    again = unpack_profiles(np.array([cells for _, cells in rows], dtype=np.uint16))
    np.testing.assert_allclose(again, np.stack([profiles(NOW)[code] for code, _ in rows]), atol=2e-5)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (f"p_above('99', '{Q}', 'mpi', 0.1)", "no area 99"),
        ("p_above('01', '1999Q1', 'mpi', 0.1)", "no quarter 1999Q1"),
        (f"p_above('01', '{Q}', 'headcount', 0.1)", "no figure headcount in fct_draw"),
        (f"rank_within('01', '{Q}', 'share_both:mpi')", "no figure share_both:mpi in fct_rank"),
        (f"difference('01', '99', '{Q}', 'mpi')", "no area 99"),
        (f"share_with('01', '{Q}', ['water'], 'all')", "none of the measure"),
        (f"share_with('01', '{Q}', ['nutrition'], 'some')", "how is all or any"),
    ],
)
def test_what_is_not_there_is_refused_by_name(made: duckdb.DuckDBPyConnection, asked: str, said: str) -> None:
    with pytest.raises(duckdb.Error, match=said):
        one(made, asked)


def test_macros_may_be_put_to_many_areas_at_once(made: duckdb.DuckDBPyConnection) -> None:
    sql = f"SELECT area_id, p_above(area_id, '{Q}', 'mpi', 0.2) AS p FROM dim_area WHERE area_level = 'commune'"
    said = dict(made.execute(sql).fetchall())
    assert said == {code: pytest.approx(np.mean(draws(made, code, "mpi") > 0.2), abs=0.03) for code in FINEST}


def test_every_macro_says_what_it_answers(made: duckdb.DuckDBPyConnection) -> None:
    rows = pd.DataFrame(
        made.execute(
            "SELECT function_name, comment FROM duckdb_functions() WHERE NOT internal AND function_type = 'macro'"
        ).fetchall()
    )
    assert set(rows[0]) == {macro.name for macro in MACROS}
    assert rows[1].str.startswith("SIMULATED DATA").all()


def test_draws_are_the_same_whether_or_not_a_shared_join_is_made_once(made: duckdb.DuckDBPyConnection) -> None:
    sql = "SELECT * FROM v_draw ORDER BY ALL"
    both = made.execute(sql).df()
    made.execute("SET disabled_optimizers = 'common_subplan'")
    pd.testing.assert_frame_equal(made.execute(sql).df(), both, atol=1e-12)
    made.execute("RESET disabled_optimizers")
