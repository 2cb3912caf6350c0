"""The truth comes near the published figures, and the model's calculus is right."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr

from poverty_assets.quarter import Quarter
from poverty_assets.twin import truth
from poverty_assets.twin.cambodia import calibration
from poverty_assets.twin.cambodia.households import COMPLETE, Composition, scores
from poverty_assets.twin.cambodia.world import World

from .conftest import REFERENCE, Twin


@pytest.fixture(scope="module")
def communes(full: Twin) -> pd.DataFrame:
    return truth.read_truth_areas(full.truth, REFERENCE)


@pytest.fixture(scope="module")
def households(full: Twin) -> pd.DataFrame:
    return truth.read_truth_households(full.truth, REFERENCE)


def by_province(communes: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    persons = communes["population"]
    province = communes["area_id"].str[:2]
    total = communes[columns].mul(persons, axis=0).groupby(province).sum()
    return total.div(persons.groupby(province).sum(), axis=0)


@pytest.mark.slow
def test_provinces_meet_published_headcounts(communes: pd.DataFrame, full_world: World) -> None:
    settings = full_world.settings
    published = pd.DataFrame(
        {code: figures.uncensored for code, figures in settings.published.provinces.items()}, index=settings.indicators
    ).T
    gap = (by_province(communes, settings.indicators) - published).abs()
    assert gap.max().max() < 0.02
    assert gap.mean().max() < 0.004


def test_provinces_meet_published_headcount_ratios(communes: pd.DataFrame, full_world: World) -> None:
    published = pd.Series({code: f.headcount_ratio for code, f in full_world.settings.published.provinces.items()})
    gap = (by_province(communes, ["headcount_ratio"])["headcount_ratio"] - published).abs()
    assert gap.max() < 0.035
    assert gap.mean() < 0.008


def test_the_country_meets_published_figures(communes: pd.DataFrame) -> None:
    persons = communes["population"]
    for name, published, tolerance in (
        ("headcount_ratio", 0.166, 0.008),
        ("mpi", 0.0704, 0.004),
        ("severe", 0.041, 0.010),
    ):
        assert np.average(communes[name], weights=persons) == pytest.approx(published, abs=tolerance)
    assert 3.6e6 < communes["households"].sum() < 3.9e6
    assert 0.10 < communes["headcount_ratio"].std() < 0.14


def test_commune_figures_follow_from_the_households(
    communes: pd.DataFrame, households: pd.DataFrame, full_world: World
) -> None:
    code = communes["area_id"].iloc[1000]
    mine = households[households["area_id"] == code]
    row = communes.set_index("area_id").loc[code]
    persons, mask = mine["hh_size"].to_numpy().astype(int), mine["mask"].to_numpy()
    score = scores(full_world.settings)[mask]
    assert row["households"] == len(mine)
    assert row["population"] == persons.sum()
    assert row["headcount_ratio"] == pytest.approx(persons[score >= 6].sum() / persons.sum())
    assert row["mpi"] == pytest.approx((persons * score)[score >= 6].sum() / 18 / persons.sum())
    assert row["mpi"] == pytest.approx(row["headcount_ratio"] * row["intensity"])
    assert row["vulnerable"] == pytest.approx(persons[(score >= 4) & (score < 6)].sum() / persons.sum())
    assert row["sanitation"] == pytest.approx(persons[(mask >> 5) & 1 == 1].sum() / persons.sum())
    assert row["listed_share"] == pytest.approx(mine["on_register"].mean())


@pytest.mark.slow
def test_deprivations_meet_in_the_same_households(households: pd.DataFrame, full_world: World) -> None:
    bits = (households["mask"].to_numpy()[:, None] >> np.arange(10)) & 1
    share = bits.mean(axis=0)
    lift = (bits.T @ bits) / len(bits) / np.outer(share, share)
    names = full_world.settings.indicators
    apart = [name for name in names if name != "school_attendance"]
    pairs = [lift[names.index(a), names.index(b)] for a in apart for b in apart if a < b]
    assert min(pairs) > 1.05
    assert lift[names.index("electricity"), names.index("assets")] > 2


def test_households_of_2014_were_poorer(full_world: World) -> None:
    eligible = full_world.eligibility
    ratio = {
        label: np.average(
            calibration.expected_headcount_ratio(
                full_world.settings, full_world.offsets(Quarter.from_label(label)), full_world.loading, eligible
            ),
            weights=full_world.areas.persons,
        )
        for label in ("2014Q4", "2021Q4", "2025Q4")
    }
    assert ratio["2014Q4"] == pytest.approx(0.36, abs=0.02)  # 0.367 published, with the population of then
    assert ratio["2014Q4"] > ratio["2021Q4"] > ratio["2025Q4"] > 0.10


def test_thresholds_meet_the_target() -> None:
    offset, persons, group = np.array([[0.0], [1.0], [0.5]]), np.array([1.0, 3.0, 2.0]), np.array([0, 0, 1])
    tau = calibration.solve_thresholds(offset, persons, group, np.array([[0.3], [0.6]]), np.array([0.8]))
    reached = ndtr(offset + tau[group])[:, 0] * 0.8
    assert (reached[0] + 3 * reached[1]) / 4 == pytest.approx(0.3)
    assert reached[2] == pytest.approx(0.6)


def test_expected_headcount_ratio_without_loadings_is_the_independent_one(full_world: World) -> None:
    model = full_world.settings.model.model_copy(update={"loading_second": [0.0] * 10})
    settings = full_world.settings.model_copy(update={"model": model})
    everyone = calibration.Eligibility(np.array([1.0]), np.ones((1, 10), dtype=bool))
    p = np.array([0.5, 0.0, 0.4, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    offset = np.where(p == 0, -9.0, np.array([0.0, 0, -0.2533471, 0, 0, 0, 0, 0, 0, 0]))[None, :]
    ratio = calibration.expected_headcount_ratio(settings, offset, np.zeros((1, 10)), everyone)
    assert ratio[0] == pytest.approx(0.5 * 0.4, abs=1e-6)  # two sixths make a third, one alone does not


def test_meet_finds_reachable_targets_and_comes_close_to_others() -> None:
    found = calibration.meet(lambda x: np.array([x[0] ** 2, x[1]]), np.array([0.5, 3.0]), 0.0, 1.0)
    assert found == pytest.approx([0.5**0.5, 1.0], abs=1e-3)


def test_eligibility_is_what_the_tables_say(full_world: World) -> None:
    composition: Composition = full_world.composition
    assert composition.mean_size == pytest.approx(4.52, abs=0.01)
    assert full_world.eligibility.share.sum() == pytest.approx(1)
    kind = composition.kind(np.array([4], np.uint8), np.array([2], np.uint8), np.array([0], np.uint8))
    assert kind.tolist() == [COMPLETE]
    attendance = full_world.settings.indicators.index("school_attendance")
    assert full_world.eligibility.persons[attendance] == pytest.approx(full_world.eligibility.share[COMPLETE])
