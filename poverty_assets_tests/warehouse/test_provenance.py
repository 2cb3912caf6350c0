"""``meta_source`` names what a quarter went without, and when it was expected; figures that rest on it are found."""

import datetime as dt

import pytest

from poverty_assets.pack.as_of import release
from poverty_assets.pack.country import load_country
from poverty_assets.quarter import Quarter
from poverty_assets.sources.lateness import AWAITED, note_awaited
from poverty_assets.sources.readers import observe
from poverty_assets.warehouse.lake import Lake
from poverty_assets.warehouse.provenance import late_sources, rows_of_late, source_rows
from poverty_assets_tests.fetching.conftest import entry, tiff

QUARTER = Quarter(2026, 3)


@pytest.fixture
def row(tmp_path):
    """The row of a source that a quarter is made from, or goes without, with the files that are there."""
    lake, country = (
        Lake(tmp_path / "lake"),
        load_country("khm").model_copy(update={"bounds": (100.0, 10.0, 102.0, 12.0)}),
    )

    def made(*there, **more):
        spec = entry("https://example.org/{label}.tif", required=False, **more)
        for name in there:
            path = tmp_path / "rasters" / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(tiff())
        seen = observe(spec, QUARTER, tmp_path, country)
        lake.write("src_rain", QUARTER, seen.frame, seen.metadata)
        return source_rows(lake, [spec], QUARTER).to_dict("records"), late_sources(lake, [spec], QUARTER)

    return made


def test_a_file_that_is_there_is_present_and_one_that_never_came_is_missing_and_one_that_used_to_come_is_late(row):
    [missing], late = row()
    assert (missing["state"], missing["sha256"], missing["file"]) == ("missing", None, "rasters/rain_2026Q3.tif")
    assert (missing["expected_on"], missing["observed_to"], missing["rows"]) == (dt.date(2026, 10, 30), QUARTER.end, 0)
    assert late == []
    [found], late = row("rain_2026Q2.tif")
    assert (found["state"], late) == ("late", ["rain"])
    [present], late = row("rain_2026Q3.tif")
    assert (present["state"], len(present["sha256"]), present["expected_on"], late) == ("present", 64, None, [])


def test_what_was_fetched_for_in_vain_is_late_in_a_homes_first_quarter_too(row, tmp_path):
    spec = entry("https://example.org/{label}.tif", required=False)
    note_awaited(release(spec, QUARTER, tmp_path), dt.date(2026, 11, 2))
    [found], late = row()
    assert (found["state"], late) == ("late", ["rain"])
    note_awaited(release(spec, QUARTER, tmp_path), None)
    [found], late = row()
    assert (found["state"], late) == ("missing", [])
    assert not (tmp_path / AWAITED).exists()


def test_of_a_source_that_begins_later_nothing_is_said_nor_of_the_twins(row):
    assert row(observed_from=dt.date(2027, 1, 1)) == ([], [])
    assert row("rain_2026Q2.tif", is_simulated=True) == ([], [])


def test_figures_that_rest_on_a_late_source_are_those_of_its_tables_and_methods():
    behind = {
        ("fct_mpi", "composite"): ["rain", "survey"],
        ("fct_mpi", "direct"): ["survey"],
        ("dim_area", ""): ["rain"],
    }
    rows = rows_of_late(["rain"], behind)
    assert rows.to_dict("records") == [{"table_name": "fct_mpi", "method": "composite", "source_id": "rain"}]
    assert rows_of_late([], behind).empty
