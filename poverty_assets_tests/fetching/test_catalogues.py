"""Files of a CKAN catalogue, and records in pages."""

import datetime as dt
import json

import pytest
from pydantic import ValidationError

from poverty_assets.sources.landed import landed_files, read_record
from poverty_assets.sources.readers import observe
from poverty_assets_tests.fetching.conftest import QUARTER, entry, tiff

GOOD = tiff()
RECORDS = {"reader": "json_records", "columns": {"area_code": {"from": "code", "type": "code"}, "n": {"from": "n"}}}


@pytest.fixture
def catalogue(provider):
    """A data set with two files; its answer may be changed."""
    files = [
        {
            "name": "Rain",
            "url": provider.at("/dataset/1/download/rain_khm.tif"),
            "last_modified": "2026-11-02T06:00:00",
        },
        {
            "name": "Read me",
            "url": provider.at("/dataset/1/download/readme.txt"),
            "last_modified": "2026-11-02T06:00:00",
        },
    ]
    provider.put("/dataset/1/download/rain_khm.tif", GOOD)
    provider.answers["/api/3/action/package_show"] = lambda words: {
        "success": True,
        "result": {"resources": files if words == {"id": "rain-for-cambodia"} else []},
    }
    return files


def listed(provider, file="rain_{iso3_lower}.tif", dataset="rain-for-{name}"):
    return entry(provider.address, client="ckan", fetch={"dataset": dataset, "file": file})


@pytest.mark.parametrize("file", ["rain_{iso3_lower}.tif", "Rain"])
def test_the_file_of_a_data_set_is_found_by_its_name(bench, provider, catalogue, file):
    assert bench.fetch(listed(provider, file)).state == "fetched"
    record = read_record(bench.landing / "rasters/rain_2026Q3.tif")
    assert record.url == provider.at("/dataset/1/download/rain_khm.tif")
    assert record.released_on == dt.date(2026, 11, 2)


def test_what_the_catalogue_has_not_changed_is_not_moved(bench, provider, catalogue):
    bench.fetch(listed(provider))
    sent = provider.sent
    assert bench.fetch(listed(provider)).state == "unchanged"
    assert provider.sent - sent < 1000  # the catalogue's answer
    catalogue[0]["last_modified"] = "2026-12-01T06:00:00"
    provider.put("/dataset/1/download/rain_khm.tif", tiff(2.0))
    assert bench.fetch(listed(provider)).state == "revised"


@pytest.mark.parametrize(
    ("file", "dataset", "why"),
    [
        ("snow.tif", "rain-for-{name}", "0 files of the name snow.tif; there are: rain_khm.tif, readme.txt"),
        ("rain_khm.tif", "snow-for-{name}", "data set snow-for-cambodia has no files"),
    ],
)
def test_what_the_catalogue_does_not_have_is_said(bench, provider, catalogue, file, dataset, why):
    told = bench.fetch(listed(provider, file, dataset))
    assert why in told.words
    assert bench.files == []


def test_an_address_that_is_not_https_is_not_followed(bench, provider, catalogue):
    catalogue[0]["url"] = "http://example.org/rain_khm.tif"
    assert "names no https address" in bench.fetch(listed(provider)).words


def records(provider, path, **fetch):
    return entry(provider.at(path), client="rest", fetch=fetch, **RECORDS).model_copy(
        update={"path": "rain_{label}.json"}
    )


def test_pages_that_are_counted_are_put_together(bench, provider, country):
    def page(words):
        assert words["iso"] == "KHM"
        first = 2 * int(words["page"]) - 2
        return {"items": [{"code": f"01010{i}", "n": i} for i in range(first, min(first + 2, 5))]}

    provider.answers["/api"] = page
    spec = records(provider, "/api", records="items", page="page", parameters={"iso": "{iso3}"})
    assert bench.fetch(spec).state == "fetched"
    assert [path.name for path in landed_files(bench.landing, "rain_*.json")] == [
        "rain_2026Q3.json"
    ]  # and not its record
    frame = observe(spec, QUARTER, bench.landing, country).frame
    assert frame["area_code"].tolist() == [f"01010{i}" for i in range(5)]


def test_pages_that_name_the_next_are_followed_to_the_end(bench, provider):
    following = {"1": provider.at("/api?page=2"), "2": provider.at("/api?page=3"), "3": None}
    provider.answers["/api"] = lambda words: {
        "items": [{"code": "010101", "n": 1}],
        "next": following[words.get("page", "1")],
    }
    assert bench.fetch(records(provider, "/api", records="items", next="next")).state == "fetched"
    assert len(json.loads((bench.landing / "rain_2026Q3.json").read_text())) == 3
    following["3"] = provider.at("/api?page=2")
    told = bench.fetch(records(provider, "/api", records="items", next="next"))
    assert "round in a circle" in told.words


def test_the_same_records_again_are_no_revision(bench, provider):
    provider.answers["/api"] = lambda words: [{"code": "010101", "n": 1}]
    assert bench.fetch(records(provider, "/api")).state == "fetched"
    assert bench.fetch(records(provider, "/api")).state == "unchanged"
    provider.answers["/api"] = lambda words: [{"code": "010101", "n": 2}]
    assert bench.fetch(records(provider, "/api")).state == "revised"


@pytest.mark.parametrize(
    ("answer", "why"), [({"error": 1}, "no list of records under 'items'"), ({"items": []}, "gives no record")]
)
def test_an_interface_that_has_changed_is_said(bench, provider, answer, why):
    provider.answers["/api"] = lambda words: answer
    assert why in bench.fetch(records(provider, "/api", records="items")).words


def test_an_answer_that_is_not_json_is_asked_for_again_and_then_said(bench, provider):
    provider.answers["/api"] = lambda words: b"<html>busy</html>"
    assert "not JSON" in bench.fetch(records(provider, "/api")).words
    assert len(provider.asked) == 6


# ---------------------------------------------------------------- areas and what is known of each
def tree(provider):
    """An interface that gives out areas by a key of its own, and counts of each by their place in a list."""
    children = {
        "top": [{"uuid": "n/1", "code": "01"}, {"uuid": "s", "code": "02"}],
        "n/1": [{"uuid": "a", "code": "010101"}, {"uuid": "b", "code": "010102"}],
        "s": [{"uuid": "c", "code": "020101"}],
    }
    said = {"a": [{"level": 1, "n": 3}, {"level": 2, "n": 4}], "b": [{"level": 1, "n": 5}], "c": [{"level": 1, "n": 7}]}
    for key, found in children.items():
        provider.answers[f"/units/{key}/children"] = lambda words, found=found: found if words["year"] == "2026" else []
    for key, found in said.items():
        provider.answers[f"/units/{key}/counts"] = lambda words, found=found: found


def walked(provider, *steps, **fetch):
    more = [{"address": provider.at(path), **take} for path, take in steps]
    return records(provider, "/units/top/children", parameters={"year": "{year}"}, steps=more, **fetch)


def test_records_are_asked_further_down_a_tree_and_for_what_is_known_of_each(bench, provider):
    tree(provider)
    counts = ("/units/{uuid}/counts", {"take": {"n": "0.n", "second": "1.n"}})
    unknown = ("/units/{uuid}/rates", {"take": {"rate": "0.rate"}})
    told = bench.fetch(walked(provider, ("/units/{uuid}/children", {}), counts, unknown))
    assert told.state == "fetched", told.words
    found = json.loads((bench.landing / "rain_2026Q3.json").read_text())
    assert [(one["code"], one["n"], one["second"]) for one in found] == [
        ("010101", 3, 4),
        ("010102", 5, None),
        ("020101", 7, None),
    ]
    assert {one["rate"] for one in found} == {None}  # nothing is known there
    assert any("/units/n%2F1/children" in path for _, path, _ in provider.asked)


def test_a_record_that_lacks_the_key_is_said(bench, provider):
    tree(provider)
    told = bench.fetch(walked(provider, ("/units/{id}/children", {})))
    assert "a record lacks what" in told.words


def test_a_step_names_a_field_and_is_asked_over_https(provider):
    with pytest.raises(ValidationError, match="holds no field of a record"):
        walked(provider, ("/units/children", {}))
    with pytest.raises(ValidationError, match="is not https"):
        records(provider, "/units", steps=[{"address": "http://example.org/{uuid}"}])
