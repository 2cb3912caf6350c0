"""What a source is worth: held-out blocks are foretold worse without one that tells, and no worse without one that does not."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from poverty_assets.quarter import Quarter
from poverty_assets.small_area.inputs import Wave
from poverty_assets.small_area.worth import columns_of, worth_of_sources
from poverty_assets_tests.fetching.conftest import entry
from poverty_assets_tests.small_area.test_chain import make_country
from poverty_assets_tests.small_area.test_estimate import NOTHING, long, make_inputs

QUARTER = Quarter(2022, 4)


def source(name, feature):
    said = {"feature_id": feature, "name": feature, "unit": "none", "statistic": "mean"}
    return entry("https://example.org/{label}.tif", source_id=name, features=[said])


SOURCES = [source("telling", "x"), source("chance", "noise"), source("unseen", "y")]


@pytest.fixture(scope="module")
def country():
    frame, codes, _, x = make_country()
    noise = np.random.default_rng(1).normal(size=len(codes))
    features = pd.concat([long(codes, x), long(codes, noise).assign(feature_id="noise")], ignore_index=True)
    return frame, codes, features.assign(observed_on=dt.date(2022, 3, 31)), x


def lost(rows):
    """Mean rank correlation that goes with each source."""
    mean = rows[rows["metric"] == "spearman"].groupby("feature")["value"].mean()
    return (mean[""] - mean.drop("")).to_dict()


def test_of_a_survey_that_knows_areas_every_indicator_is_scored_with_all_sources_and_without_each(country):
    frame, codes, features, _ = country
    then = features.assign(register_id="", time_kind="wave", wave="src", at_quarter=dt.date(2022, 1, 1))
    wave = Wave("src", frame, dt.date(2022, 2, 1))
    rows = worth_of_sources(make_inputs(codes, features, then, [wave], QUARTER), SOURCES)
    assert set(rows["target_kind"]) == {"margin_without_source"}
    assert set(rows["feature"]) == {"", "telling", "chance"}
    assert set(rows["fold_design"]) == {"block50km"}
    assert not rows.duplicated(["target", "feature", "metric"]).any()
    gone = lost(rows)
    assert gone["telling"] > 0.1
    assert abs(gone["chance"]) < 0.05


def test_without_such_a_survey_the_rate_of_each_register_is(country):
    _, codes, features, x = country
    listed = np.round(500 / (1 + np.exp(-x))).astype(int)
    register = pd.DataFrame({"register_id": "r", "area_id": codes, "households": 500, "listed": listed})
    inputs = make_inputs(codes, features, NOTHING, [], QUARTER)
    assert worth_of_sources(inputs, SOURCES).empty
    rows = worth_of_sources(replace(inputs, registers=register), SOURCES)
    assert set(rows["target_kind"]) == {"register_rate_without_source"}
    assert set(rows["target"]) == {"r"}
    assert lost(rows)["telling"] > 0.3
    assert worth_of_sources(replace(inputs, registers=register.head(20)), SOURCES).empty


def test_a_source_gives_its_features_and_its_register():
    assert columns_of(SOURCES, ["noise", "x", "is_urban"]) == {"telling": ["x"], "chance": ["noise"]}
