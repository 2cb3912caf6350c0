"""Surveys and registers see the truth as such sources do: unbiased within their design, or biased as told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml

from poverty_assets.errors import SpecificationError
from poverty_assets.quarter import Quarter
from poverty_assets.twin import truth
from poverty_assets.twin.cambodia import registers, settings, surveys
from poverty_assets.twin.cambodia.world import World
from poverty_assets.twin.streams import stream

from .conftest import COUNTRY, REFERENCE, Twin


@pytest.fixture(scope="module")
def wave(small: Twin) -> pd.DataFrame:
    return pd.read_parquet(small.landing / "survey" / "2021-22" / "households.parquet")


@pytest.fixture(scope="module")
def communes(small: Twin) -> pd.DataFrame:
    return truth.read_truth_areas(small.truth, REFERENCE)


def test_weights_add_up_to_the_households_of_each_stratum(wave: pd.DataFrame, communes: pd.DataFrame) -> None:
    assert wave["weight"].sum() == pytest.approx(communes["households"].sum(), rel=0.02)
    assert wave.groupby("stratum")["psu"].nunique().min() >= 2
    assert wave["household_id"].is_unique


def test_survey_estimates_lie_near_the_truth(wave: pd.DataFrame, communes: pd.DataFrame, full_world: World) -> None:
    people = wave["weight"] * wave["hh_size"]
    for indicator in full_world.settings.indicators:
        known = wave[indicator].notna()
        estimate = np.average(wave.loc[known, indicator], weights=people[known])
        # The small country's clusters hold much of it, so that the sample is nearly a census.
        assert estimate == pytest.approx(np.average(communes[indicator], weights=communes["population"]), abs=0.02)


def test_survey_file_and_its_description_agree(small: Twin, wave: pd.DataFrame, full_world: World) -> None:
    description = yaml.safe_load((small.landing / "survey" / "2021-22" / "survey.yaml").read_text(encoding="utf-8"))
    assert description["is_simulated"] is True
    assert set(description["columns"].values()) | set(description["indicators"].values()) == set(wave.columns)
    assert list(description["indicators"]) == full_world.settings.indicators
    assert (
        wave[full_world.settings.indicators].isin([0, 1]).sum().sum()
        == wave[full_world.settings.indicators].notna().sum().sum()
    )
    assert 0.005 < wave["nutrition"].isna().mean() < 0.02
    assert wave["interview_date"].min() >= description["fieldwork"]["start"]
    assert wave["interview_date"].max() <= description["fieldwork"]["end"]
    assert set(wave["head_sex"]) == {"female", "male"}
    assert (wave["n_children"] < wave["hh_size"]).all()


def test_systematic_selection_is_proportional_to_size() -> None:
    sizes = np.array([10, 20, 30, 40])
    drawn = np.zeros(4)
    for i in range(2000):
        picks, chance = surveys._select(sizes, 2, stream(1, "test", i))
        drawn[picks] += 1
        assert chance == pytest.approx(2 * sizes[picks] / 100)
    assert drawn / 2000 == pytest.approx([0.2, 0.4, 0.6, 0.8], abs=0.04)


def test_enumeration_areas_cover_each_commune_once() -> None:
    commune, start, size = surveys._enumeration_areas(np.array([250, 40]), 100)
    assert commune.tolist() == [0, 0, 1]
    assert start.tolist() == [0, 125, 0]
    assert size.tolist() == [125, 125, 40]


def test_the_full_design_has_the_clusters_it_states(full_world: World) -> None:
    for wave in full_world.settings.surveys:
        psus = surveys.allocate(full_world, wave).psus
        assert sum(psus.values()) == wave.psus
        assert min(psus.values()) >= 2


@pytest.mark.slow
def test_register_lists_some_of_the_poor_and_some_others(full: Twin) -> None:
    households = truth.read_truth_households(full.truth, REFERENCE)
    communes = truth.read_truth_areas(full.truth, REFERENCE)
    assert households["on_register"].mean() == pytest.approx(0.175, abs=0.01)
    poor = communes["headcount_ratio"] * communes["households"]
    listed = np.average(communes["poor_listed_share"].fillna(0), weights=poor)
    assert 0.5 < listed < 0.6
    assert communes["listed_share"].corr(communes["headcount_ratio"], method="spearman") > 0.6


def test_register_file_adds_up(small: Twin) -> None:
    register = pd.read_csv(small.landing / "registers" / "register_2021.csv", dtype={"commune_code": str})
    assert register["commune_code"].is_unique
    assert (register["listed"] == register["listed_1"] + register["listed_2"]).all()
    assert (register["listed"] <= register["households"]).all()
    assert ((register["persons"] == 0) == (register["listed"] == 0)).all()


def _rates(world: World, difficulty: str) -> np.ndarray:
    """Rate of the register of 2021 in the communes of three provinces."""
    chosen = world.settings.model_copy(update={"difficulty": difficulty})
    rows = []
    for p in (8, 10, 23):
        province = world.province(p)
        seen = world.seen(Quarter(2021, 2))
        rows.append(registers.tabulate(replace(world, settings=chosen), province, 2021, seen))
    table = pd.concat(rows)
    return (table["listed"] / table["households"]).to_numpy()


def test_a_harder_twin_has_the_same_people_and_a_register_that_tells_less_of_them(full_world: World) -> None:
    easy, hard = _rates(full_world, "easy"), _rates(full_world, "calibrated")
    # what the twin listed before it had difficulties, to the household
    assert easy[:4].tolist() == [117 / 330, 88 / 460, 207 / 2439, 133 / 1404]
    offset = full_world.offsets(Quarter(2021, 2)).mean(axis=1)
    communes = np.concatenate([np.flatnonzero(full_world.areas.province == p) for p in (8, 10, 23)])
    told = [np.corrcoef(rate, offset[communes])[0, 1] for rate in (easy, hard)]
    assert told[1] < told[0] - 0.05


def test_a_difficulty_that_is_not_there_is_named() -> None:
    with pytest.raises(SpecificationError, match="there is no difficulty 'cruel'"):
        settings.parse(settings.read_text(COUNTRY, "cruel"))
