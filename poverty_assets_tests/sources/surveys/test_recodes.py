"""The same households in canonical form, as recodes of the DHS and as files of a MICS: the same deprivations, the same estimates."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.measure.measure import load_measure
from poverty_assets.measurement.estimates import estimate_measure
from poverty_assets.pack.country import load_country
from poverty_assets.quarter import Quarter
from poverty_assets.sources.surveys import read_households
from poverty_assets.twin.cambodia import settings, surveys, world
from poverty_assets_tests.measurement.factories import MEASURES
from poverty_assets_tests.sources.surveys.as_dhs import write_dhs
from poverty_assets_tests.sources.surveys.as_mics import write_mics
from poverty_assets_tests.sources.surveys.families import INDICATORS, fitting, made
from poverty_assets_tests.twin.conftest import SEED, small_country

pytestmark = pytest.mark.slow

MEASURE = load_measure(MEASURES / "global_mpi.yaml")
KHM = load_country("khm")
WRITERS = {"dhs": write_dhs, "mics": write_mics}


@pytest.fixture(scope="module")
def twin_wave(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The last wave of the twin, from a world of a twentieth of the households, in canonical form."""
    folder = tmp_path_factory.mktemp("twin")
    twin = world.build(settings.read_text(small_country(folder / "country")), SEED)
    wave = twin.settings.surveys[-1]
    allocation, offsets = surveys.allocate(twin, wave), twin.offsets(Quarter.from_label(wave.quarter))
    sampled = []
    for p in range(len(twin.areas.provinces)):
        province = twin.province(p)
        sampled.append(
            surveys.sample_province(twin, wave, allocation, p, province, province.masks(offsets[province.communes]))
        )
    surveys.write_wave(folder, twin, wave, pd.concat(sampled, ignore_index=True))
    return fitting(read_households(folder, measure=MEASURE, country=KHM).frame)


@pytest.mark.parametrize(("survey", "with_finest"), [("dhs", True), ("mics", False)])
def test_the_survey_of_the_twin_gives_the_same_estimates_whoever_hands_it_over(
    tmp_path: Path, twin_wave, survey, with_finest
):
    assert len(twin_wave) > 5000
    WRITERS[survey](tmp_path, twin_wave, np.random.default_rng(2), with_finest=with_finest)
    found = read_households(tmp_path, measure=MEASURE, country=KHM).frame
    canonical = as_given(twin_wave, with_finest=with_finest)
    same_households(found, canonical)
    same_estimates(found, canonical, hierarchy_of(twin_wave))


def as_given(frame: pd.DataFrame, *, with_finest: bool) -> pd.DataFrame:
    return frame if with_finest else frame.assign(area_id=frame["area_id"].str[:2])


def same_households(found: pd.DataFrame, canonical: pd.DataFrame) -> None:
    """Row by row the same in everything but the names of clusters and strata, which stand for the same groups."""
    assert len(found) == len(canonical)
    plain = ["hh_size", "area_id", "head_sex", "n_children", "interview_date", *INDICATORS]
    pd.testing.assert_frame_equal(found[plain], canonical[plain].reset_index(drop=True), check_dtype=False)
    assert found["is_urban"].tolist() == canonical["is_urban"].tolist()
    np.testing.assert_allclose(found["weight"], canonical["weight"], rtol=1e-15)
    for name in ("psu", "stratum"):
        assert pd.factorize(found[name])[0].tolist() == pd.factorize(canonical[name])[0].tolist()


def same_estimates(found: pd.DataFrame, canonical: pd.DataFrame, hierarchy: Hierarchy) -> None:
    one, other = (
        estimate_measure(frame, MEASURE, hierarchy, censored_at=MEASURE.cutoffs) for frame in (found, canonical)
    )
    for name in ("mpi", "headcount", "contribution"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=False, rtol=0, atol=1e-12)
        assert len(getattr(one, name)) > 100


def hierarchy_of(frame: pd.DataFrame) -> Hierarchy:
    communes = sorted(frame["area_id"].unique())
    rows = [(code[:n], level, "KH" if n == 2 else code[: n - 2]) for code, (n, level) in
            product(communes, ((2, "province"), (4, "district"), (6, "commune")))]  # fmt: skip
    return Hierarchy.of(pd.DataFrame(sorted(set(rows)), columns=["area_id", "area_level", "parent_id"]), root="KH")


@pytest.mark.parametrize("with_finest", [True, False], ids=["communes", "regions"])
@pytest.mark.parametrize("survey", WRITERS)
def test_recodes_of_made_up_households_give_what_their_canonical_form_says(tmp_path: Path, survey, with_finest):
    households = made(600)
    WRITERS[survey](tmp_path, households, np.random.default_rng(1), with_finest=with_finest)
    found = read_households(tmp_path, measure=MEASURE, country=KHM)
    canonical = as_given(households, with_finest=with_finest)
    same_households(found.frame, canonical)
    same_estimates(found.frame, canonical, hierarchy_of(households))
    assert found.left_out == ({"households of weight 0": 3} if survey == "mics" else {})


def test_the_made_up_households_say_all_three_things_of_every_indicator():
    households = made(600)
    for name in INDICATORS:
        assert set(households[name].dropna()) == {0, 1}
        assert households[name].isna().sum() > 20
