"""Rasters in a folder that a web page lists, packed, with a file that counts looks; and interfaces that are asked by a posted body."""

import gzip
import json

import numpy as np
import pytest
from pydantic import ValidationError

from poverty_assets.sources.landed import read_record
from poverty_assets.sources.readers import observe
from poverty_assets_tests.fetching.conftest import QUARTER, entry, of_package, tiff, values_of

MADE = "rasters/rain_2026Q3.tif"
MONTHS = ("07", "08", "09")


def page(names):
    links = "".join(f'<tr><td><a href="{name}">{name}</a></td></tr>' for name in ("../", *names))
    return f"<html><title>Index</title><table>{links}</table></html>".encode()


@pytest.fixture
def lights(provider, monkeypatch):
    """Each month brightness and looks, made twice: the second time they are right."""
    monkeypatch.setenv("EOG_TOKEN", "Kept-Token-3391")
    for number, month in enumerate(MONTHS, start=1):
        names = [f"N_{day}_{kind}.tif.gz" for day in ("c1", "c2") for kind in ("rade", "cvg", "cf_cvg")]
        for name in names:
            values = tiff(float(number)) if "rade" in name else tiff(1.0)
            data = gzip.compress(values if "c2" in name else tiff(9.0))
            provider.put(f"/{month}/{name}", data, wants="Bearer Kept-Token-3391")
        listing = page(names)
        provider.answers[f"/{month}/"] = lambda words, listing=listing: listing
    said = {
        "file": "N_*_rade.tif.gz",
        "looks": "N_*_cf_cvg.tif.gz",
        "least_looks": 500,
        "combine": "mean",
        "token": "EOG_TOKEN",
    }
    return entry(provider.at("/{month}/"), client="folder", fetch=said)


def test_the_last_files_of_a_folder_are_unpacked_and_only_cells_that_were_seen_count(bench, provider, lights):
    told = bench.fetch(lights)
    assert told.state == "fetched", told.words
    stored, looks = values_of(tiff(1.0))[10:30, 10:30], values_of(tiff(1.0))[10:30, 10:30]
    right = np.where(looks >= 500, stored * 2.0, -9999.0)  # the mean of once, twice and three times
    assert np.allclose(values_of(bench.landing / MADE), right)
    assert not any(b"Kept-Token" in path.read_bytes() for path in bench.landing.parent.rglob("*") if path.is_file())
    sent = provider.sent
    assert bench.fetch(lights).state == "unchanged"
    assert provider.sent - sent < 3000  # pages alone


def test_a_folder_without_such_a_file_is_late_and_a_login_in_its_place_is_said(bench, provider, lights):
    provider.answers["/08/"] = lambda words: page(["N_c1_other.tif.gz"])
    told = bench.fetch(lights)
    assert (told.state, "has no file N_*_rade.tif.gz" in told.words) == ("late", True)
    provider.answers["/08/"] = lambda words: b"<html>Sign in</html>"
    assert "the page lists no files" in bench.fetch(lights).words


def test_a_packed_file_that_came_broken_is_fetched_again(bench, provider, lights):
    file = provider.files["/07/N_c2_rade.tif.gz"]
    whole, file.data = file.data, file.data[:-20]
    told = bench.fetch(lights)
    assert "the packed file cannot be read" in told.words
    assert bench.files == []
    file.data, file.etag = whole, '"2"'
    assert bench.fetch(lights).state == "fetched"


def test_another_provider_may_have_another_licence(bench, provider, lights):
    said = {"address": provider.at("/{month}/"), "licence": "CC BY-NC 4.0", "client": "folder", "citation": "Another"}
    instead = lights.fetch.model_dump(exclude_none=True, exclude_defaults=True) | said | {"confirmed": "by the test"}
    spec = entry(provider.at("/none_{label}.tif"), fetch={"instead": instead})
    assert bench.fetch(spec).state == "fetched"
    assert read_record(bench.landing / MADE).licence == "CC BY-NC 4.0"


@pytest.mark.parametrize("as_text", [True, False])
def test_an_interface_that_is_asked_by_a_posted_body_gives_points(bench, provider, country, as_text):
    asked = []

    def summary(words):
        asked.append(json.loads(words["body"]))
        points = [{"type": "Point", "coordinates": (100.5 + i, 11.5)} for i in range(2)]
        return [
            {"hex_id": f"h{i}", "people": 10.0 * i, "geometry": json.dumps(p) if as_text else p}
            for i, p in enumerate(points)
        ]

    provider.answers["/summary"] = summary
    columns = {name: {"from": name} for name in ("longitude", "latitude", "people")} | {
        "hexagon": {"from": "hex_id", "type": "text"}
    }
    body = {
        "aoi": "{bounds}",
        "fields": ["people", "year_{year}"],
        "spatial_join_method": "centroid",
        "geometry": "point",
    }
    spec = entry(
        provider.at("/summary"), client="rest", fetch={"body": body, "point": "geometry"}, reader="json_records", columns=columns,
        options={"points": ["longitude", "latitude"]}, key=["hexagon"],
    ).model_copy(update={"path": "points_{label}.json"})  # fmt: skip
    assert bench.fetch(spec).state == "fetched"
    assert asked[-1]["fields"] == ["people", "year_2026"]
    assert asked[-1]["aoi"]["geometry"]["coordinates"][0][0] == [100.0, 10.0]
    rows = observe(spec, QUARTER, bench.landing, country).frame
    assert rows[["hexagon", "longitude", "latitude", "people"]].to_numpy().tolist() == [
        ["h0", 100.5, 11.5, 0.0],
        ["h1", 101.5, 11.5, 10.0],
    ]
    provider.answers["/summary"] = lambda words: [{"hex_id": "h0", "geometry": "POINT (1 2)"}]
    assert "has no point under 'geometry'" in bench.fetch(spec).words


def test_the_packages_cross_check_is_read_as_points_of_people(bench, provider, country):
    provider.answers["/summary"] = lambda words: [
        {"hex_id": "h0", "sum_pop_2020": 12.5, "geometry": {"type": "Point", "coordinates": [101.0, 11.0]}},
        {"hex_id": "h1", "sum_pop_2020": None, "geometry": {"type": "Point", "coordinates": [101.1, 11.0]}},
    ]
    spec = of_package("population_space2stats", provider, "https://space2stats.ds.io")
    assert bench.fetch(spec).state == "fetched"
    rows = observe(spec, QUARTER, bench.landing, country).frame
    assert rows["population"].fillna(-1).tolist() == [12.5, -1]
    assert rows["longitude"].tolist() == [101.0, 101.1]


def test_night_lights_come_from_the_other_provider_where_the_first_fails(bench, provider, monkeypatch):
    monkeypatch.setenv("EARTHDATA_TOKEN", "one")
    monkeypatch.setenv("EOG_TOKEN", "two")
    provider.always["/search"] = "503"
    for number, month in enumerate(MONTHS, start=1):
        folder = f"/nighttime_light/monthly_notile/v10/2026/2026{month}/vcmcfg/"
        stem = f"SVDNB_npp_2026{month}01-2026{month}28_global_vcmcfg_v10_c202611012300"
        names = [f"{stem}.{kind}.tif.gz" for kind in ("avg_rade9h", "cf_cvg", "avg_rade9h.masked", "cvg")]
        provider.answers[folder] = lambda words, names=names: page(names)
        for name in names[:2]:
            provider.put(
                folder + name, gzip.compress(tiff(number / 1000.0 if "rade" in name else 5.0)), wants="Bearer two"
            )
    lights = of_package("nightlights", provider, "https://cmr.earthdata.nasa.gov", "https://eogdata.mines.edu")
    told = bench.fetch(lights)
    assert told.state == "fetched", told.words
    record = read_record(bench.landing / "rasters/black_marble_2026Q3.tif")
    assert (record.client, record.licence) == ("folder", "CC BY 4.0")


def test_months_of_a_folder_are_combined_in_a_stated_way():
    with pytest.raises(ValidationError, match=r"\{month\} and combine go together"):
        entry("https://example.org/{month}/", client="folder", fetch={"file": "*.tif"})
