"""Draws and profiles in small numbers: how near they come, and which areas have draws of their own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from poverty_assets.small_area.draws import COLUMNS
from poverty_assets.small_area.packed import (
    draw_rows,
    drawn_figures,
    pack,
    pack_profiles,
    profile_rows,
)
from poverty_assets_tests.measurement.factories import make_measure

MEASURE = make_measure()
FINEST = ["010101", "010102", "010201"]
PEOPLE = np.array([1000.0, 3000.0, 500.0])


def unpack_profiles(cells: np.ndarray) -> np.ndarray:
    """Shares of sets again, each row summing to 1."""
    shares = (cells.astype(float) / 65535) ** 2
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def areas() -> pd.DataFrame:
    rows = [("KH", "country", None), ("01", "province", "KH"), ("0101", "district", "01"), ("0102", "district", "01")]
    rows += [(code, "commune", code[:4]) for code in FINEST]
    return pd.DataFrame(rows, columns=["area_id", "area_level", "parent_id"])


def area_draw(own: dict[str, np.ndarray]) -> pd.DataFrame:
    """Rows of every figure: draws (r,) of each area by its code."""
    level = areas().set_index("area_id")["area_level"]
    rows = [
        (
            code,
            level[code],
            f.statistic,
            f.indicator_id,
            f.k,
            "modelled",
            None,
            float(np.mean(draws)),
            draws.astype(np.float32),
        )
        for f in drawn_figures(MEASURE)
        for code, draws in own.items()
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"n_households": "Int64"})


def area_profile() -> pd.DataFrame:
    profiles = np.random.default_rng(0).dirichlet(np.ones(8), 3)
    return pd.DataFrame({"area_id": FINEST, "population": PEOPLE, "profile": list(profiles)})


def of_finest(r: int = 120) -> dict[str, np.ndarray]:
    return dict(zip(FINEST, np.random.default_rng(1).uniform(0.1, 0.9, (3, r)), strict=True))


@pytest.mark.parametrize("width", [0.5, 0.01, 0.0])
def test_a_draw_is_at_most_half_a_step_off_and_a_step_is_a_255th_of_the_range(width: float) -> None:
    values = 0.3 + width * np.random.default_rng(2).random((50, 100))
    packed = pack(values)
    assert np.abs(packed.values - values).max() <= packed.step.max() / 2 + 1e-6
    assert packed.step.max() <= width / 255 + 2e-6


def test_sums_over_a_profile_of_1024_cells_err_by_some_hundred_thousandths() -> None:
    profiles = np.random.default_rng(3).dirichlet(np.full(1024, 0.05), 200)
    again = unpack_profiles(pack_profiles(profiles))
    half = np.random.default_rng(4).random(1024) < 0.5
    assert np.abs((again - profiles) @ half).max() < 5e-5


def test_the_finest_level_has_a_row_a_figure_and_sums_have_none() -> None:
    own = of_finest()
    total = np.average(list(own.values()), axis=0, weights=PEOPLE)
    rows = draw_rows(area_draw(own | {"KH": total}), area_profile(), areas(), MEASURE)
    assert len(rows) == 3 * len(drawn_figures(MEASURE)) == 3 * 10
    assert {len(draws) for draws in rows["draws"]} == {100}
    one = rows[(rows["figure_id"] == "headcount_ratio_k20") & (rows["area_id"] == "010102")].iloc[0]
    np.testing.assert_allclose(one["low"] + one["step"] * one["draws"], own["010102"][:100], atol=0.002)


def test_a_larger_area_that_is_not_the_sum_of_its_parts_has_draws_of_its_own() -> None:
    own = of_finest()
    total = np.average(list(own.values()), axis=0, weights=PEOPLE)
    rows = draw_rows(area_draw(own | {"KH": total, "01": total + 0.05}), area_profile(), areas(), MEASURE)
    assert set(rows["area_id"]) == {*FINEST, "01"}


def test_profiles_say_whose_bits_they_hold() -> None:
    rows = profile_rows(area_profile(), area_draw(of_finest()), MEASURE)
    assert rows["indicators"].tolist() == [["a", "b", "c"]] * 3
    np.testing.assert_allclose(
        unpack_profiles(np.stack(rows["profile"].to_list())), np.stack(area_profile()["profile"].to_list()), atol=2e-5
    )


def test_without_estimates_there_are_no_rows() -> None:
    none = area_profile().head(0)
    assert draw_rows(area_draw(of_finest()).head(0), none, areas(), MEASURE).empty
    assert profile_rows(none, area_draw(of_finest()), MEASURE).empty
