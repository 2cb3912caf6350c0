"""A survey that knows only regions: communes are downscaled from its own figures, with its own errors."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from poverty_assets.measurement.estimates import estimate_measure
from poverty_assets.small_area.estimate import Estimated, estimate_quarter
from poverty_assets.small_area.inputs import Inputs, Wave
from poverty_assets.small_area.totals.figures import surveyed_totals
from poverty_assets.small_area.wanted import Options
from poverty_assets_tests.measurement.factories import make_measure
from poverty_assets_tests.small_area.test_chain import make_country
from poverty_assets_tests.small_area.test_estimate import long, make_inputs

FRAME, CODES, MARGINS, X = make_country()
REGIONS = FRAME.assign(area_id=FRAME["area_id"].str[:2])
MEASURE = make_measure()


def inputs_of(*waves: tuple[str, pd.DataFrame, dt.date]) -> Inputs:
    features = long(CODES, X, observed_on=dt.date(2022, 3, 31))
    then = pd.concat(
        [
            features.assign(register_id="", time_kind="wave", wave=name, at_quarter=dt.date(day.year, 1, 1))
            for name, _, day in waves
        ]
    )
    return make_inputs(CODES, features, then, [Wave(*wave) for wave in waves])


def regions_only(frame: pd.DataFrame = REGIONS) -> Inputs:
    return inputs_of(("src", frame, dt.date(2022, 2, 1)))


@pytest.fixture(scope="module")
def estimated() -> Estimated:
    return estimate_quarter(regions_only(), options=Options(200))


def of(table: pd.DataFrame, level: str) -> pd.DataFrame:
    return table.query(f"area_level == '{level}' and kind == 'uncensored'").pivot(
        index="area_id", columns="indicator_id", values=["estimate", "se"]
    )


@pytest.mark.slow
def test_the_survey_does_not_stop_the_quarter_and_every_commune_is_downscaled(estimated):
    assert set(estimated.tables.mpi["method"]) == {"downscaled"}
    assert sorted(estimated.profiles["area_id"]) == sorted(CODES)
    assert estimated.note["wave"] is None
    assert (
        estimated.note["reason"]
        == "src knows no area of the finest level: downscaled from its direct totals of the published level, by components: of 3"
        " published areas none can be held out"
    )


def test_communes_add_up_to_the_direct_figures_of_their_province_and_bear_their_errors(estimated):
    place = regions_only().place
    direct = of(estimate_measure(REGIONS, MEASURE, place.hierarchy, subgroups=()).headcount, "province")
    found = of(estimated.tables.headcount, "province")
    np.testing.assert_allclose(found["estimate"], direct["estimate"], atol=1e-5)
    ratio = (found["se"] / direct["se"]).to_numpy(dtype=float)
    assert ((ratio > 0.8) & (ratio < 1.25)).all()


def test_communes_follow_what_is_known_of_them_and_their_intervals_hold_the_truth(estimated):
    rows = estimated.tables.headcount.query("area_level == 'commune' and kind == 'uncensored'")
    for j, name in enumerate(MEASURE.indicator_ids):
        own = rows[rows["indicator_id"] == name].set_index("area_id").loc[CODES]
        assert own["estimate"].corr(pd.Series(MARGINS[:, j], index=CODES), method="spearman") > 0.6
        inside = (own["ci_low"] <= MARGINS[:, j]) & (MARGINS[:, j] <= own["ci_high"])
        assert inside.mean() > 0.85


def test_a_survey_that_knows_some_districts_gives_the_same_provinces():
    mixed = REGIONS.assign(area_id=REGIONS["area_id"].where(np.arange(len(REGIONS)) % 3 > 0, FRAME["area_id"].str[:4]))
    one, other = (surveyed_totals(frame, regions_only().place, MEASURE) for frame in (REGIONS, mixed))
    for name in ("uncensored", "censored", "headcount_ratio", "uncensored_error", "headcount_ratio_error"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-12)


@pytest.mark.slow
def test_a_province_without_households_is_given_the_countrys_figures_and_a_wide_error():
    place = regions_only().place
    totals = surveyed_totals(REGIONS[REGIONS["area_id"] != "02"], place, MEASURE)
    rest = estimate_measure(REGIONS[REGIONS["area_id"] != "02"], MEASURE, place.hierarchy, subgroups=()).headcount
    country = rest.query("area_id == 'KH' and kind == 'uncensored'").set_index("indicator_id")["estimate"]
    np.testing.assert_allclose(totals.uncensored[1], country[MEASURE.indicator_ids])
    spread = of(rest, "province")["estimate"].std()[MEASURE.indicator_ids]
    assert (totals.uncensored_error[1] > spread.to_numpy()).all()
    made = estimate_quarter(regions_only(REGIONS[REGIONS["area_id"] != "02"]), options=Options(20))
    assert len(made.tables.mpi.query("area_level == 'commune' and statistic == 'mpi' and k == 0.5")) == len(CODES)


def test_a_figure_of_nobody_has_an_error_nonetheless():
    totals = surveyed_totals(REGIONS.assign(c=0), regions_only().place, MEASURE)
    assert (totals.uncensored[:, 2] == 0).all()
    assert (totals.uncensored_error[:, 2] > 0).all()


@pytest.mark.slow
def test_a_wave_before_that_knows_regions_alone_is_passed_over():
    now = ("src", FRAME, dt.date(2022, 2, 1))
    alone = estimate_quarter(inputs_of(now), options=Options(20))
    both = estimate_quarter(inputs_of(("old", REGIONS, dt.date(2017, 2, 1)), now), options=Options(20))
    pd.testing.assert_frame_equal(both.tables.mpi, alone.tables.mpi)
    assert both.note == alone.note


@pytest.mark.slow
def test_a_later_wave_that_knows_regions_alone_serves_with_its_own_figures():
    later = ("new", REGIONS.assign(a=0), dt.date(2022, 2, 1))
    made = estimate_quarter(inputs_of(("old", FRAME, dt.date(2017, 2, 1)), later), options=Options(20))
    assert set(made.tables.mpi["method"]) == {"downscaled"}
    rows = made.tables.headcount.query("area_level == 'country' and indicator_id == 'a' and kind == 'uncensored'")
    assert rows["estimate"].item() < 1e-4
