"""Ranks from draws: numbers that can be checked in the head, and a world in which the truth is drawn as the replicates are."""

from __future__ import annotations

import numpy as np
import pytest

from poverty_assets.measurement.joint import figures_of_totals
from poverty_assets.small_area.figures import Drawn, figure_columns
from poverty_assets.small_area.ranks import rank_draws, rank_rows, ranked_figures
from poverty_assets.small_area.rollup import Rollup
from poverty_assets_tests.measurement.factories import make_measure
from poverty_assets_tests.small_area.test_chain import fitted, published  # noqa: F401


def test_ranks_of_three_areas_in_four_replicates() -> None:
    draws = np.array([[0.5, 0.4, 0.1], [0.5, 0.6, 0.1], [0.5, 0.4, 0.1], [0.5, 0.4, 0.45]])
    found = rank_draws(np.array([0.5, 0.45, 0.2]), draws, np.zeros(draws.shape))
    assert found.rank.tolist() == [1, 2, 3]
    assert found.rank_low.tolist() == [1, 1, 2]
    assert found.rank_high.tolist() == [2, 3, 3]
    for p in found.p_worst:
        np.testing.assert_allclose(p, [0.75, 0.25, 0.0], atol=0.08)  # a kernel about each replicate


def test_equal_areas_are_worst_equally_often() -> None:
    rng = np.random.default_rng(0)
    found = rank_draws(np.zeros(10), np.zeros((400, 10)), rng.random((400, 10)))
    np.testing.assert_allclose(found.p_worst[1], 0.2, atol=0.07)


def test_who_is_among_the_worst_tenth_is_among_the_worst_fifth() -> None:
    rng = np.random.default_rng(5)
    draws = np.abs(rng.normal(0, 1e-9, (20, 55))) * (
        rng.random((20, 55)) < 0.5
    )  # a figure that is next to 0 everywhere
    tenth, fifth = rank_draws(draws.mean(axis=0), draws, rng.random((20, 55))).p_worst
    assert (tenth <= fifth).all()


def test_ranks_are_calibrated_where_the_truth_is_one_more_draw() -> None:
    rng = np.random.default_rng(1)
    held, said, was = [], [], []
    for _ in range(200):
        centre = rng.normal(size=100)
        draws = centre + 0.7 * rng.normal(size=(201, 100))
        true = (-draws[0]).argsort().argsort() + 1
        found = rank_draws(centre, draws[1:], np.zeros((200, 100)))
        held.append((found.rank_low <= true) & (true <= found.rank_high))
        said.append(found.p_worst[1])
        was.append(true <= 20)
    assert 0.88 < np.mean(held) < 0.94  # ranks are whole numbers: an interval of them holds rather more
    tenths = np.minimum((np.concatenate(said) * 5).astype(int), 4)
    for part in range(5):
        here = tenths == part
        assert abs(np.concatenate(said)[here].mean() - np.concatenate(was)[here].mean()) < 0.04


@pytest.mark.slow
def test_every_figure_that_is_ranked_is_that_of_the_fact_tables(published: tuple[Drawn, Rollup, object]) -> None:  # noqa: F811
    drawn, areas, _ = published
    measure = make_measure()
    rows = rank_rows(drawn, areas, measure)
    split = figure_columns(measure).shape[1] - (1 << len(measure.dimensions))
    f = figures_of_totals(drawn.point[:, :split], measure)
    at = {area: i for i, area in enumerate(areas.table["area_id"])}
    for figure, values in (
        ("headcount_ratio_k20", f.headcount_ratio[:, 0]), ("headcount_ratio", f.headcount_ratio[:, 1]), ("mpi", f.mpi[:, 1]),
        ("vulnerable", f.headcount_ratio[:, 0] - f.headcount_ratio[:, 1]), ("censored:c", f.censored[:, 1, 2]),
        ("uncensored:b", f.uncensored[:, 1]), ("share_both:a:c", f.pairs["share_both"][:, 1]),
    ):  # fmt: skip
        own = rows[rows["figure_id"] == figure]
        assert own["estimate"].to_numpy() == pytest.approx(values[own["area_id"].map(at)], abs=1e-12), figure


def test_every_area_has_one_row_a_figure_and_the_country_no_rank(published: tuple[Drawn, Rollup, object]) -> None:  # noqa: F811
    drawn, areas, _ = published
    rows = rank_rows(drawn, areas, make_measure())
    of_level = rows.groupby(["area_level", "figure_id"])
    counts = of_level.size().unstack(0)
    assert len(counts) == len(ranked_figures(make_measure()))
    assert (counts.loc["mpi"] == counts).all(axis=None)
    assert counts.loc["mpi"].to_dict() == {"country": 1, "commune": 120, "district": 3, "province": 3}
    below = rows[rows["area_level"] != "country"]
    assert (
        below.groupby(["area_level", "figure_id"])["rank"].max() == below.groupby(["area_level", "figure_id"]).size()
    ).all()
    assert rows.loc[rows["area_level"] == "country", ["rank", "p_worst_fifth", "p_above_country"]].isna().all(axis=None)
    above = below[(below["figure_id"] == "mpi") & (below["area_level"] == "commune")].sort_values("rank")
    assert above["p_above_country"].iloc[0] > 0.9 > 0.1 > above["p_above_country"].iloc[-1]
