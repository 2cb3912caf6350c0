"""The course of the twin over time: coherent, and still or shaken where a scenario says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from poverty_assets.quarter import Quarter
from poverty_assets.twin import truth, write_quarter
from poverty_assets.twin.cambodia import settings, world

from .conftest import REFERENCE, SEED, Twin, small_country


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
