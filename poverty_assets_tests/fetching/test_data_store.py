"""A store that makes a file on request, and variables that are found though they were renamed."""

import datetime as dt
import json

import h5py
import numpy as np
import pytest

from poverty_assets.errors import FetchFailed
from poverty_assets.fetching.variables import variable_of
from poverty_assets.fetching.web import NotTheFile
from poverty_assets_tests.fetching.conftest import entry, of_package, values_of
from poverty_assets_tests.fetching.formats import netcdf

MADE = "rasters/rain_2026Q3.tif"
SAYS = {"standard_name": ["water_volume_transport_in_river_channel"], "long_name": ["River discharge"]}


class Store:
    """A data store: posted jobs, looked at until they are done."""

    def __init__(self, provider):
        self.provider, self.posted, self.states = provider, [], ["accepted", "running", "successful"]
        root = "/api/retrieve/v1"
        provider.answers[f"{root}/processes/floods"] = lambda words: {"id": "floods"}
        provider.answers[f"{root}/processes/floods/execution"] = self.post
        provider.answers[f"{root}/jobs/j-1"] = self.look
        provider.answers[f"{root}/jobs/j-1/results"] = lambda words: {
            "asset": {"value": {"href": provider.at("/made.nc"), "file:size": len(provider.files["/made.nc"].data)}}
        }

    def post(self, words):
        self.posted.append(json.loads(words["body"])["inputs"])
        return {"jobID": "j-1", "status": "accepted"}

    def look(self, words):
        return {"jobID": "j-1", "status": self.states.pop(0) if len(self.states) > 1 else self.states[0]}


@pytest.fixture
def store(provider, monkeypatch):
    monkeypatch.setenv("EWDS_KEY", "Kept-Key-5512")
    provider.put("/made.nc", netcdf())
    return Store(provider)


def floods(provider, **fetch):
    said = {
        "dataset": "floods", "token": "EWDS_KEY", "combine": "maximum", "variable": ["avg_dis", "dis24"], "known_by": SAYS,
        "request": {"year": ["{year}"], "month": ["{month}"], "day": ["01", "02"], "data_format": "netcdf"},
    }  # fmt: skip
    return entry(provider.at("/api"), client="data_store", fetch=said | fetch)


def test_what_a_store_makes_on_request_is_landed_as_the_largest_of_its_days(bench, provider, store):
    told = bench.fetch(floods(provider))
    assert told.state == "fetched", told.words
    assert values_of(bench.landing / MADE).tolist() == (5.0 * np.arange(16).reshape(4, 4)).tolist()
    (asked,) = store.posted
    assert (asked["month"], asked["year"], asked["area"]) == (["07", "08", "09"], ["2026"], [12.0, 100.0, 10.0, 102.0])
    assert bench.fetch(floods(provider)).state == "unchanged"
    assert len(store.posted) == 1
    written = [path.read_bytes() for path in bench.landing.parent.rglob("*") if path.is_file()]
    assert not any(b"Kept-Key-5512" in data for data in written)


def test_a_job_that_was_posted_is_gone_on_with_and_one_that_failed_is_said(bench, provider, store):
    provider.files["/made.nc"].faults = ["500"] * 6
    assert bench.fetch(floods(provider)).state == "failed"
    assert bench.fetch(floods(provider)).state == "fetched"
    assert len(store.posted) == 1
    (bench.landing / MADE).unlink()
    store.states = ["failed"]
    assert "could not make the file (failed)" in bench.fetch(floods(provider)).words


def test_a_period_that_the_store_has_not_is_late_and_without_a_key_nobody_is_asked(bench, provider, store, monkeypatch):
    provider.plans["/api/retrieve/v1/processes/floods/execution"] = ["400"]
    told = bench.fetch(floods(provider))
    assert (told.state, "takes no such request" in told.words) == ("late", True)
    assert bench.probe(floods(provider)).state == "there"
    assert store.posted == []
    monkeypatch.delenv("EWDS_KEY")
    provider.asked.clear()
    assert bench.fetch(floods(provider)).state == "passed"
    assert provider.asked == []


def test_the_packages_discharge_is_preliminary_until_the_consolidated_one_is_expected(bench, provider, store):
    root = "/api/retrieve/v1/processes"
    provider.answers[f"{root}/cems-glofas-historical/execution"] = provider.answers[f"{root}/floods/execution"]
    discharge = of_package("river_discharge", provider, "https://ewds.climate.copernicus.eu")
    told = bench.fetch(discharge)
    assert (told.state, "it is preliminary" in told.words) == ("fetched", True)
    assert store.posted[-1]["product_type"] == ["intermediate"]
    assert store.posted[-1]["variable"] == ["average_river_discharge_in_the_last_24_hours"]
    provider.put("/made.nc", netcdf(days=(2.0, 6.0)), etag='"2"')
    assert bench.fetch(discharge, today=dt.date(2026, 12, 20)).state == "revised"
    assert store.posted[-1]["product_type"] == ["consolidated"]
    assert len(store.posted[-1]["day"]) == 31


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("avg_dis", {}),
        ("dis24", {}),
        ("q_mean", {"standard_name": "water_volume_transport_in_river_channel"}),
        ("q_mean", {"long_name": "River discharge"}),
    ],
)
def test_a_variable_that_was_renamed_is_found_by_an_alias_or_by_what_it_says(bench, provider, store, name, attributes):
    provider.put("/made.nc", netcdf(name, **attributes))
    assert bench.fetch(floods(provider)).state == "fetched"
    assert values_of(bench.landing / MADE).max() == 75.0


def test_a_variable_that_nothing_tells_is_said_with_those_that_there_are(bench, provider, store):
    provider.put("/made.nc", netcdf("q_mean", long_name="Something else"))
    told = bench.fetch(floods(provider))
    assert told.state == "failed"
    assert "has no variable avg_dis or dis24; it has: " in told.words
    assert "q_mean, sd" in told.words


def test_variables_of_hdf5_are_found_by_their_attributes_too_and_two_that_say_the_same_are_not_guessed(tmp_path):
    file = tmp_path / "a.h5"
    with h5py.File(file, "w") as out:
        for name in ("one", "two"):
            out.create_dataset(f"grid/{name}", data=np.ones((4, 4), "f4")).attrs["long_name"] = f"Number {name}"
    assert variable_of(file, ["none"], {"long_name": ["number_two"]}).endswith("two")
    with h5py.File(file, "a") as out:
        out["grid/one"].attrs["long_name"] = "Number two"
    with pytest.raises(FetchFailed, match="2 variables whose long_name"):
        variable_of(file, ["none"], {"long_name": ["Number two"]})
    (tmp_path / "b.nc").write_bytes(netcdf()[:200])
    with pytest.raises(NotTheFile):
        variable_of(tmp_path / "b.nc", ["avg_dis"])
