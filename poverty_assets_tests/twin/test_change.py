"""The course of the twin over time: coherent, and still or shaken where a scenario says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.special import ndtr

from poverty_assets.quarter import Quarter
from poverty_assets.small_area.margins.kernel import Covariates
from poverty_assets.small_area.sample import Sample
from poverty_assets.small_area.time.nowcast import choose_nowcast, score_nowcast
from poverty_assets.twin import truth, write_quarter
from poverty_assets.twin.cambodia import settings, world

from .conftest import REFERENCE, SEED, Twin, small_country

pytestmark = pytest.mark.slow


def scenario(tmp_path: Path, **content: object) -> world.World:
    country = small_country(tmp_path / "country", scenario={"no_change": False, "planted_change": None, **content})
    return world.build(settings.read_text(country), SEED)


@pytest.mark.slow
def test_no_change_means_none(tmp_path: Path) -> None:
    still = scenario(tmp_path, no_change=True)
    assert np.array_equal(still.offsets(Quarter(2014, 1)), still.offsets(Quarter(2029, 3)))
    assert np.array_equal(still.households(Quarter(2014, 1)), still.households(Quarter(2029, 3)))


@pytest.mark.slow
def test_a_planted_change_strikes_where_and_when_it_is_told(tmp_path: Path, small: Twin) -> None:
    plant = {"from": "2023Q1", "areas": ["16", "010201"], "indicators": ["electricity"], "shift": -1.0}
    shaken = scenario(tmp_path, planted_change=plant)
    plain = world.build(settings.read_text(small.country_dir), SEED)
    assert np.array_equal(shaken.offsets(Quarter(2022, 4)), plain.offsets(Quarter(2022, 4)))
    difference = shaken.offsets(Quarter(2023, 1)) - plain.offsets(Quarter(2023, 1))
    codes = shaken.areas.commune_code
    hit = np.char.startswith(codes, "16") | (codes == "010201")
    assert difference[hit][:, 7] == pytest.approx(-1.0)
    difference[np.nonzero(hit)[0], 7] = 0
    assert not difference.any()


BREAK = {"from": "2024Q1", "shift": 0.3, "province": 0.4, "commune": 0.4, "seen": 0.1}


def test_a_break_is_hardly_seen_by_registers_and_satellites(tmp_path: Path, small: Twin) -> None:
    broken = scenario(tmp_path, **{"break": BREAK})
    plain = world.build(settings.read_text(small.country_dir), SEED)
    before, after = Quarter(2023, 4), Quarter(2024, 1)
    for view in ("offsets", "seen"):
        assert np.array_equal(getattr(broken, view)(before), getattr(plain, view)(before))
    struck = broken.offsets(after) - plain.offsets(after)
    assert struck.mean() == pytest.approx(0.3, abs=0.25)
    assert struck.std() == pytest.approx(np.hypot(0.4, 0.4), abs=0.1)
    np.testing.assert_allclose(broken.seen(after) - plain.seen(after), 0.1 * struck, atol=1e-9)


def test_after_a_break_that_nothing_saw_the_judge_does_not_trust_the_nowcast(tmp_path: Path, small: Twin) -> None:
    plain = world.build(settings.read_text(small.country_dir), SEED)
    assert judged(plain) == "nowcast"
    assert judged(scenario(tmp_path, **{"break": {**BREAK, "seen": 0.0}})) == "persistence"
    # of a great shock a tenth is more than nothing
    assert judged(scenario(tmp_path, **{"break": BREAK})) == "nowcast"


def judged(twin: world.World) -> str:
    """What the judge chooses when a wave of late 2025 comes, four years after one of late 2021; covariates are wealth as it is seen."""
    waves = [Quarter(2021, 4), Quarter(2025, 4)]
    samples = [clusters(twin, quarter, number) for number, quarter in enumerate(waves)]
    xy = np.column_stack([twin.areas.seed_lon, twin.areas.seed_lat]) * 1e5
    look = [Covariates(np.zeros((len(xy), 0)), xy, twin.areas.province, twin.wealth(q)[:, None]) for q in waves]
    scores = score_nowcast(*samples, *look, twin.areas.persons, twin.settings.indicators)
    return choose_nowcast(scores, has_trend=False).method


def clusters(twin: world.World, quarter: Quarter, number: int, size: int = 25) -> Sample:
    """Two clusters in each second commune, of households as the twin's offsets expect."""
    rng, n = np.random.default_rng(number), len(twin.areas)
    area = np.repeat(np.arange(number, n, 2), 2)
    shares = rng.binomial(size, ndtr(twin.offsets(quarter)[area])) / size
    many = np.full(len(area), size)
    pairs = np.zeros((len(area), shares.shape[1] * (shares.shape[1] - 1) // 2))
    return Sample(area, twin.areas.province[area], twin.areas.persons[area] / 2, shares, pairs, many * 1.0, many, n)


def test_households_persist_from_quarter_to_quarter(small: Twin, tmp_path: Path) -> None:
    later = REFERENCE.shift(1)
    write_quarter(tmp_path / "landing", tmp_path / "truth", later, country_dir=small.country_dir, seed=SEED)
    before = truth.read_truth_households(small.truth, REFERENCE)
    after = truth.read_truth_households(tmp_path / "truth", later)
    one = "120101"
    before, after = (frame[frame["area_id"] == one].reset_index(drop=True) for frame in (before, after))
    n = min(len(before), len(after))
    assert (before["hh_size"][:n] == after["hh_size"][:n]).all()
    assert (before["mask"][:n] == after["mask"][:n]).mean() > 0.85


@pytest.mark.slow
def test_the_season_returns(full_world: world.World) -> None:
    water = full_world.settings.indicators.index("drinking_water")
    seasons = full_world.settings.model.season["drinking_water"]
    assert seasons[1] > seasons[3]
    change = [
        (full_world.offsets(Quarter(year, 2)) - full_world.offsets(Quarter(year, 1)))[:, water].mean()
        for year in (2022, 2023, 2024)
    ]
    trend = full_world.slope_after[:, water].mean() / 4
    assert np.mean(change) == pytest.approx(seasons[1] - seasons[0] + trend, abs=0.01)
