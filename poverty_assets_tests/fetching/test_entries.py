"""Blocks ``fetch`` of the packs: what their addresses hold, for whom they serve, and what is refused."""

import datetime as dt
from pathlib import Path

import pytest
from pydantic import ValidationError

from poverty_assets.fetching.addresses import filled, shown
from poverty_assets.fetching.clients import CLIENTS
from poverty_assets.fetching.orders import order, with_census
from poverty_assets.pack.country import load_country, load_sources
from poverty_assets.pack.licences import known_licences
from poverty_assets.quarter import Quarter
from poverty_assets_tests.fetching.conftest import entry

KHM = load_country("khm")
FETCHED = [spec for spec in load_sources(KHM, simulated=False) if spec.fetch is not None]
each_entry = pytest.mark.parametrize("spec", FETCHED, ids=lambda spec: spec.source_id)


def wanted(spec, country, quarter="2026Q3"):
    return order(spec, Quarter.from_label(quarter), Path("landing"), country)


@each_entry
def test_an_entry_says_whose_it_is_and_where_its_address_was_read(spec):
    early = spec.fetch.preliminary
    for block in (*spec.fetch.providers, *(early.providers if early is not None else [])):
        assert block.client in CLIENTS
        assert all(len(words) > 7 for words in (block.citation, block.confirmed, block.licence or spec.licence))
    asks = known_licences().get(spec.licence.lower())
    assert spec.fetch.non_commercial == (asks is not None and asks.kind == "non_commercial")
    assert all(address.startswith(("https://", "s3://")) for _, address in wanted(spec, KHM).addresses)


@each_entry
def test_the_same_block_serves_another_country(spec):
    kgz = KHM.model_copy(update={"country_id": "kgz", "iso3": "KGZ", "names": {"en": "Kyrgyzstan"}})
    found = wanted(spec, kgz)
    said = [address for _, address in found.addresses]
    said += [found.filled(str(value)) for value in spec.fetch.model_dump(include={"dataset", "file"}).values()]
    assert not any(word in text.lower() for text in said for word in ("khm", "cambodia"))


def test_addresses_of_a_quarter_are_those_of_its_months():
    (rain,) = (spec for spec in FETCHED if spec.source_id == "rainfall")
    assert [month for month, _ in wanted(rain, KHM).addresses] == [7, 8, 9]
    assert wanted(rain, KHM).addresses[0][1].endswith("chirps-v3.0.2026.07.cog")
    assert wanted(rain, KHM).expected == dt.date(2026, 11, 14)


def test_the_snapshot_of_new_years_day_is_of_the_year_before():
    (roads,) = (spec for spec in FETCHED if spec.source_id == "roads_osm")
    assert wanted(roads, KHM).addresses[0][1] == "https://download.geofabrik.de/asia/cambodia-260101.osm.pbf"
    assert wanted(roads, KHM).release.observed_to == dt.date(2025, 12, 31)


def test_another_recipe_is_told_from_the_wording_of_an_entry():
    plain = entry("https://example.org/{label}.tif", client="cog_window")
    reworded = entry(
        "https://example.org/{label}.tif", client="cog_window", fetch={"citation": "Another", "lag_days": 3}
    )
    other = entry("https://example.org/{label}.tif", client="cog_window", fetch={"nodata": 0})
    assert wanted(plain, KHM).recipe == wanted(reworded, KHM).recipe != wanted(other, KHM).recipe


@pytest.mark.parametrize(
    ("fetch", "problem"),
    [
        ({"address": "http://example.org/a.tif"}, "is not https"),
        ({"address": "https://example.org/{quater}.tif"}, r"holds \{quater\}"),
        ({"address": "https://example.org/{year.tif"}, "no template"),
        ({"address": "https://example.org/{month}.tif"}, r"gives several files"),
        ({"client": "cog_window", "address": "https://example.org/{month}.tif"}, r"\{month\} and combine go together"),
        ({"client": "rest"}, "does not land what reader geotiff reads"),
        ({"lag_days": 76}, "never comes by then"),
        ({"token": "my secret"}, "should match pattern"),
        ({"colour": "red"}, "unknown key 'colour'"),
        ({"client": "ftp"}, "does not match any of the expected tags"),
    ],
)
def test_a_block_that_cannot_be_used_is_refused(fetch, problem):
    with pytest.raises(ValidationError, match=problem):
        entry("https://example.org/{label}.tif", fetch=fetch)


def test_what_is_shown_of_an_address_holds_no_secret():
    assert (
        shown("https://me:pw@example.org/a.tif?v=1&sig=x&X-Amz-Signature=y&api_key=z#t")
        == "https://example.org/a.tif?v=1"
    )


def test_a_climatology_has_the_months_of_the_calendar():
    (normal,) = (spec for spec in FETCHED if spec.source_id == "rainfall_normal")
    assert [month for month, _ in filled(normal.fetch.address, wanted(normal, KHM).release, KHM)] == list(range(1, 13))


def test_of_a_grid_of_people_the_year_of_the_census_is_wanted_too(tmp_path):
    khm = load_country("khm")
    grid = next(spec for spec in load_sources(khm, simulated=False) if spec.source_id == "population")
    others = next(spec for spec in load_sources(khm, simulated=False) if spec.source_id == "rainfall")
    now = Quarter(2026, 3)
    assert with_census(grid, [now], tmp_path, khm) == [now, Quarter(2019, 4)]
    assert with_census(others, [now], tmp_path, khm) == [now]
    before, soon_after = Quarter(2018, 4), Quarter(2019, 4)
    assert with_census(grid, [before], tmp_path, khm) == [before]
    assert with_census(grid, [soon_after], tmp_path, khm) == [soon_after]
