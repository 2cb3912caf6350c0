"""Entries that come with the package: taken by their id, with a pack's own words over them."""

import re
from pathlib import Path

import pytest

from poverty_assets.errors import SpecificationError
from poverty_assets.lined_yaml import parse_lined_yaml
from poverty_assets.pack.country import country_folders, load_country, load_sources, read_sources
from poverty_assets.pack.licences import known_licences, terms_of
from poverty_assets.pack.open_sources import open_sources, with_open_sources

BOUNDARIES = """\
- {source_id: areas, title: Areas, description: Areas., role: areas, reader: geojson, path: areas.geojson, publisher: An office,
   licence: CC BY 4.0, url: "https://example.org", obtain: Ask., observed_from: 2020-01-01, observed_to: 2020-12-31, reference: true,
   options: {polygons: district, columns: {area_code: code}, key: [area_code]}}
"""


def written_out(text):
    return with_open_sources(parse_lined_yaml(text, "sources.yaml", list)).value


def faults(tmp_path: Path, text: str) -> str:
    (tmp_path / "sources.yaml").write_text(BOUNDARIES + text, encoding="utf-8")
    with pytest.raises(SpecificationError) as caught:
        read_sources(tmp_path / "sources.yaml")
    return str(caught.value)


def test_a_pack_takes_an_entry_by_its_id():
    (rain,) = written_out("- {open_source: rainfall}")
    assert rain == open_sources()["rainfall"].value


def test_mappings_are_joined_and_all_else_stands_in_place_of_what_was_there():
    (rain,) = written_out("- {open_source: rainfall, title: Rain, features: [], fetch: {lag_days: 60}}")
    before = open_sources()["rainfall"].value
    assert (rain["title"], rain["features"], rain["source_id"]) == ("Rain", [], "rainfall")
    assert rain["fetch"] == before["fetch"] | {"lag_days": 60}
    assert open_sources()["rainfall"].value["title"] != "Rain"


def test_an_entry_that_there_is_not_is_refused_with_its_line_and_the_nearest(tmp_path):
    said = faults(tmp_path, "- {open_source: rainfal}\n- {open_source: popultion}\n")
    assert re.search(r"sources\.yaml, line 4: there is no open source 'rainfal'.*'rainfall'", said, re.DOTALL)
    assert "line 5: there is no open source 'popultion'; did you mean 'population'?" in said


def test_what_a_pack_writes_wrong_is_shown_in_the_pack(tmp_path):
    said = faults(tmp_path, "- open_source: rainfall\n  fetch:\n    lag_dys: 60\n")
    assert "sources.yaml, line 6, rainfall.fetch.lag_dys: unknown key 'lag_dys'" in said
    assert "'lag_days'" in said


def test_what_does_not_fit_an_entry_any_more_is_shown_in_both_files(tmp_path):
    said = faults(tmp_path, "- {open_source: rainfall, fetch: {address: https://example.org/a.tif}}\n")
    assert re.search(r"sources\.yaml, line 4, rainfall\.fetch\.combine \(weather\.yaml, line \d+\)", said)
    assert "{month} and combine go together" in said


def test_a_pack_is_told_what_it_has_to_state_itself(tmp_path):
    said = faults(tmp_path, "- {open_source: roads_osm}\n")
    assert re.search(r"line 4, roads_osm\.fetch\.address \(maps\.yaml, line \d+\): the address holds \{region\}", said)
    assert "state names: {region: ...}" in said


def test_an_entry_that_is_taken_twice_is_refused(tmp_path):
    said = faults(tmp_path, "- {open_source: ndvi}\n" * 2)
    assert re.search(r"line 5 \(land\.yaml, line \d+\): source_id 'ndvi' is there twice", said)


@pytest.mark.parametrize("name", open_sources())
def test_an_open_source_serves_any_country(name):
    entry = open_sources()[name].value
    assert entry["required"] is False
    assert "fetch" in entry
    countries = [load_country(country) for country in sorted(country_folders())]
    text = str({key: value for key, value in entry.items() if key != "publisher"})
    assert not [one.name_en for one in countries if re.search(one.name_en, text, re.IGNORECASE)]


@pytest.mark.parametrize("name", open_sources())
def test_the_page_of_packs_lists_every_open_source_with_its_licence(name):
    entry = open_sources()[name].value
    page = (Path(__file__).parents[2] / "docs" / "country-pack.md").read_text(encoding="utf-8")
    assert f"| `{name}` | {entry['title']} | `{entry['fetch']['client']}` |" in page
    assert f"| {entry['licence']} |" in page


def test_the_licence_of_each_open_source_is_known_or_it_is_said_where_none_was_found():
    of = {name: known_licences()[part.value["licence"].lower()] for name, part in open_sources().items()}
    unstated = {name: licence for name, licence in of.items() if licence.kind == "unstated"}
    assert sorted(unstated) == ["boundaries_geoboundaries", "rainfall_normal"]
    assert all("https://" in licence.looked for licence in unstated.values())
    (written,) = unstated["rainfall_normal"].written
    terms = terms_of({"rainfall_normal": written, "census": "CC BY 4.0"})
    assert terms.licence is None
    assert "states no licence (https://" in terms.reason


@pytest.mark.parametrize("name", open_sources())
def test_figures_made_from_a_source_that_forbids_commercial_use_go_on_under_such_a_licence(name):
    entry = open_sources()[name].value
    terms = terms_of({"census": "CC BY 4.0", name: entry["licence"]})
    forbids = "NC" in terms.licence.name if terms.licence else False
    assert forbids == entry["fetch"].get("non_commercial", False)
    assert not forbids or name in terms.reason


@pytest.mark.parametrize("country", sorted(country_folders()))
def test_every_pack_of_the_package_takes_open_sources(country):
    taken = [spec.source_id for spec in load_sources(load_country(country), simulated=False) if spec.fetch is not None]
    assert {"population", "rainfall", "land_surface_temperature", "roads_osm"} <= {*taken}
