"""The model of a wave is made once for all quarters that it serves."""

import datetime as dt
import os
from unittest import mock

import numpy as np
import pandas as pd
import pytest

from poverty_assets import kept
from poverty_assets.kept import digest_of_values
from poverty_assets.quarter import Quarter
from poverty_assets.small_area import wave_model
from poverty_assets.small_area.estimate import estimate_quarter
from poverty_assets.small_area.inputs import Wave, covariates_of
from poverty_assets.small_area.wanted import Options
from poverty_assets_tests.small_area.test_chain import N, make_country
from poverty_assets_tests.small_area.test_estimate import long, make_inputs

FIRST, NEXT = Quarter(2022, 4), Quarter(2023, 1)


@pytest.fixture
def fits(monkeypatch):
    fit = mock.Mock(side_effect=wave_model.fit_margins)
    monkeypatch.setattr(wave_model, "fit_margins", fit)
    return fit


def inputs_of(quarter, moved=0.0):
    frame, codes, _, x = make_country()
    features = long(codes, x, observed_on=dt.date(2022, 3, 31))
    then = features.assign(register_id="", time_kind="wave", wave="src", at_quarter=dt.date(2022, 1, 1))
    now = features.assign(value=features["value"] + moved)
    return make_inputs(codes, now, then, [Wave("src", frame, dt.date(2022, 2, 1))], quarter)


def modelled(folder, quarter=FIRST, moved=0.0):
    inputs = inputs_of(quarter, moved)
    covariates = covariates_of(inputs.place, inputs.at_waves[-1])
    return wave_model.wave_model(inputs, covariates, np.ones(N), 0, folder)


@pytest.mark.slow
def test_a_quarter_whose_covariates_alone_are_new_starts_from_the_waves_model(tmp_path, fits):
    one, other = modelled(tmp_path), modelled(tmp_path, NEXT, moved=0.1)
    assert fits.call_count == 1
    for made in (other, modelled(None)):
        assert digest_of_values(made.margins) == digest_of_values(one.margins)
        assert made.found.chosen == one.found.chosen
        pd.testing.assert_frame_equal(made.found.metrics, one.found.metrics, check_exact=True)
        pd.testing.assert_frame_equal(made.found.importance, one.found.importance, check_exact=True)


@pytest.mark.slow
def test_a_quarter_gives_the_same_figures_whether_its_waves_model_was_there(tmp_path, fits):
    anew, again = (estimate_quarter(inputs_of(NEXT), options=Options(20, kept=tmp_path)) for _ in range(2))
    assert fits.call_count == 1
    pd.testing.assert_frame_equal(anew.draws, again.draws, check_exact=True)
    pd.testing.assert_frame_equal(anew.tables.mpi, again.tables.mpi, check_exact=True)


@pytest.mark.slow
def test_a_kept_model_that_is_cut_short_or_not_to_be_read_is_made_anew(tmp_path, fits):
    modelled(tmp_path)
    (file,) = tmp_path.glob("*.skops")
    file.write_bytes(file.read_bytes()[:1000])
    modelled(tmp_path)
    assert fits.call_count == 2
    kept.make_anew(True)
    try:
        modelled(tmp_path)
    finally:
        kept.make_anew(False)
    assert fits.call_count == 3


def test_a_folder_keeps_the_models_last_used(tmp_path):
    names = [tmp_path / f"{number}.skops" for number in range(4)]
    for number, path in enumerate(names):
        path.write_text("")
        os.utime(path, (number, number))
    kept.let_go(tmp_path.glob("*.skops"), 2)
    assert sorted(tmp_path.glob("*.skops")) == names[2:]
