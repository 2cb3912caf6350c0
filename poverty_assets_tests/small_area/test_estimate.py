"""A quarter's commune estimates from tables of the lake, on a country of 120 communes."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from poverty_assets.pack.country import load_country
from poverty_assets.pack.growth import Growth
from poverty_assets.quarter import Quarter
from poverty_assets.small_area.draws import draws_matrix
from poverty_assets.small_area.estimate import Estimated, estimate_quarter, latest
from poverty_assets.small_area.inputs import Inputs, Wave, waves_of
from poverty_assets.small_area.time.covariate_drift import quarter_stability
from poverty_assets.small_area.time.nowcast import choose_nowcast
from poverty_assets.small_area.wanted import Functionals, Options
from poverty_assets_tests.measurement.factories import make_measure
from poverty_assets_tests.small_area.test_chain import N, make_country

QUARTER = Quarter.from_label("2022Q4")
NOTHING = pd.DataFrame()
REGISTER = pd.DataFrame(columns=["register_id", "area_id", "households", "listed"])


def make_areas(codes: list[str]) -> pd.DataFrame:
    code = pd.Series(codes)
    levels = [
        ("commune", code, code.str[:4]),
        ("district", code.str[:4], code.str[:2]),
        ("province", code.str[:2], "KH"),
    ]
    parts = [pd.DataFrame({"area_id": own, "area_level": level, "parent_id": above}) for level, own, above in levels]
    areas = pd.concat([*parts, pd.DataFrame([{"area_id": "KH", "area_level": "country"}])]).drop_duplicates("area_id")
    at = np.arange(len(areas))
    return areas.assign(
        is_urban=False,
        population=2_000,
        households=500,
        centroid_lon=103 + at % 20 * 0.05,
        centroid_lat=12 + at // 20 * 0.05,
    )


def long(codes: list[str], x: np.ndarray, **more: object) -> pd.DataFrame:
    return pd.DataFrame({"area_id": codes, "feature_id": "x", "value": x, **more})


def estimate(functionals: Functionals | None = None, quarter: Quarter = QUARTER) -> Estimated:
    frame, codes, _, x = make_country()
    wave = Wave("src", frame, dt.date(2022, 2, 1))
    features = long(codes, x, observed_on=dt.date(2022, 3, 31))
    then = features.assign(register_id="", time_kind="wave", wave="src", at_quarter=dt.date(2022, 1, 1))
    inputs = make_inputs(codes, features, then, [wave], quarter)
    return estimate_quarter(inputs, functionals=functionals, options=Options(30))


def make_inputs(
    codes: list[str], features: pd.DataFrame, then: pd.DataFrame, waves: list[Wave], quarter: Quarter = QUARTER
) -> Inputs:
    return Inputs(
        areas=make_areas(codes),
        features=features,
        wave_features=then,
        stability=quarter_stability(then, features, pd.Index(codes)) if len(then) else NOTHING,
        registers=REGISTER,
        waves=waves,
        published_mpi=NOTHING,
        published_headcount=NOTHING,
        measure=make_measure(),
        country=load_country("khm"),
        quarter=quarter,
    )


@pytest.fixture(scope="module")
def estimated() -> Estimated:
    return estimate()


@pytest.mark.slow
def test_communes_with_households_are_composite_and_the_others_modelled(estimated):
    rows = estimated.tables.mpi.query("area_level == 'commune' and statistic == 'mpi' and k == 0.5")
    assert rows["method"].value_counts().to_dict() == {"composite": N // 2, "modelled": N // 2}


def test_larger_areas_are_the_population_weighted_means_of_their_communes(estimated):
    rows = estimated.tables.headcount.query("kind == 'uncensored' and indicator_id == 'a'").set_index("area_id")[
        "estimate"
    ]
    communes = rows[rows.index.str.len() == 6]
    for area in ("KH", "01", "0101"):
        own = communes if area == "KH" else communes[communes.index.str.startswith(area)]
        assert rows[area] == pytest.approx(own.mean(), abs=1e-9)
    assert estimated.note["largest gap to direct totals of the country"] < 1e-6


def test_profiles_sum_to_one_and_hold_the_margins_that_are_published(estimated):
    profiles = np.stack(estimated.profiles["profile"])
    assert np.allclose(profiles.sum(axis=1), 1)
    rows = estimated.tables.headcount.query("kind == 'uncensored' and indicator_id == 'b'").set_index("area_id")[
        "estimate"
    ]
    held = profiles[:, (np.arange(8) >> 1 & 1) == 1].sum(axis=1)
    assert np.allclose(rows[estimated.profiles["area_id"]], held)


@pytest.mark.slow
def test_two_quarters_of_one_wave_share_their_draws_so_that_their_difference_is_small(estimated):
    later = estimate(quarter=Quarter.from_label("2023Q1"))
    pick = "area_level == 'commune' and statistic == 'headcount_ratio' and k > 0.33 and k < 0.34"
    before, after = (draws_matrix(e.draws.query(pick)) for e in (estimated, later))
    assert (after - before).std() < 0.2 * before.std(axis=1).mean()


@pytest.mark.slow
def test_a_functional_is_followed_through_every_replicate():
    measure = make_measure()
    column = np.zeros((8, 1))
    column[0b111] = 1.0
    half = Functionals(["in_all_three"], column, np.full((N, 1), 0.5))
    made = estimate(half)
    rows = made.draws[made.draws["statistic"] == "in_all_three"].set_index("area_id")
    counts = made.tables.counts.query("n_deprivations == 3").set_index("area_id")["estimate"]
    assert np.allclose(rows["estimate"], 0.5 * counts[rows.index])
    assert len(rows["draws"].iloc[0]) == 30
    assert measure.indicator_ids == ["a", "b", "c"]


def test_without_survey_or_publication_there_are_no_rows():
    _, codes, _, x = make_country()
    made = estimate_quarter(make_inputs(codes, long(codes, x), NOTHING, []))
    assert made.tables.mpi.empty
    assert made.draws.empty
    assert list(made.draws.columns)


def test_the_wave_that_serves_is_the_last_one_and_empty_ones_are_passed_over():
    noted = [("one", {"observed_from": dt.date(2014, 6, 1), "observed_to": dt.date(2014, 12, 1)}),
             ("two", {"observed_from": dt.date(2021, 9, 1), "observed_to": dt.date(2022, 2, 1)})]  # fmt: skip
    frame = pd.DataFrame({"x": [1]})
    waves = waves_of([NOTHING, frame], noted)
    assert [(w.name, w.middle) for w in waves] == [("two", dt.date(2021, 11, 16))]


@pytest.mark.slow
def test_when_a_wave_comes_every_quarter_between_it_and_the_one_before_is_judged_by_what_it_knew(monkeypatch):
    frame, codes, _, x = make_country()
    waves = [Wave("one", frame, dt.date(2018, 2, 1)), Wave("two", frame, dt.date(2022, 2, 1))]
    day = dt.date(2022, 3, 31)
    times = [(2018, "one", x), (2022, "two", x + 0.1), (2019, "", x), (2020, "", x + 0.05)]
    then = pd.concat(
        [
            long(codes, values, wave=wave, time_kind="wave" if wave else "between_waves", at_quarter=dt.date(year, 1, 1),
                 register_id="", observed_on=day)
            for year, wave, values in times
        ]
    )  # fmt: skip
    inputs = make_inputs(codes, long(codes, x, observed_on=day), then, waves, Quarter.from_label("2022Q1"))
    asked: list[dt.date] = []
    monkeypatch.setattr(Growth, "gained", lambda self, first, last, *, as_of: asked.append(as_of))
    made = estimate_quarter(inputs, options=Options(20))
    assert set(asked) == {Quarter.from_label(label).end for label in ("2022Q1", "2019Q1", "2020Q1")}
    skill = made.metrics[(made.metrics["metric"] == "skill_against_persistence") & (made.metrics["target"] == "a")]
    hierarchy = inputs.place.hierarchy
    assert set(zip(skill["area_level"], skill["as_of_quarter"], strict=True)) == {
        (level, Quarter.from_label(label).start)
        for level in (hierarchy.finest, hierarchy.published)
        for label in ("2022Q1", "2019Q1", "2020Q1")
    }
    last = latest(made.metrics[made.metrics["target_kind"] == "nowcast"])
    assert set(last["as_of_quarter"]) == {dt.date(2022, 1, 1)}
    assert made.note["nowcast"] == choose_nowcast(last, has_trend=True).method
    assert made.note["nowcast"] in ("nowcast", "trend", "persistence")
