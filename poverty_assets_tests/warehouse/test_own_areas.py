"""A user's own areas: unions of communes, communes cut by land or by people, and what is refused."""

from __future__ import annotations

import io
import json
from pathlib import Path

import duckdb
import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pyproj import CRS

from poverty_assets.errors import InputError, MissingCRS, MissingFile, UnreadableFile, UsageError
from poverty_assets.quarter import Quarter
from poverty_assets.sources.raster import Raster
from poverty_assets.warehouse.lake import Lake
from poverty_assets.warehouse.own_areas import estimate_own, formed, parts_of
from poverty_assets_tests.warehouse.made_warehouse import FINEST, NOW, areas, members, profiles, shared_made
from poverty_assets_tests.warehouse.small_lake import KHM

WGS84 = CRS.from_epsg(4326).to_wkt()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared_made(tmp_path_factory)


def drawn(folder: Path, shapes: dict[str, object], crs: str | None = "EPSG:4326", name: str = "own.gpkg") -> Path:
    gpd.GeoDataFrame({"name": list(shapes)}, geometry=list(shapes.values()), crs=crs).to_file(folder / name)
    return folder / name


def square(code: str, start: float = 0.0, stop: float = 1.0) -> shapely.Polygon:
    """The part of a commune's square between two shares of its width."""
    west = 102.5 + FINEST.index(code) / 4
    return shapely.box(west + start / 4, 12, west + stop / 4, 12.5)


def asked(file: Path, made: Path, quarter: Quarter | None = None) -> pd.DataFrame:
    return estimate_own(file, made, Lake(made.parents[1] / "lake"), KHM, quarter)


def test_a_union_of_communes_has_the_figures_of_the_roll_up(tmp_path: Path, made: Path) -> None:
    own = {area: shapely.union_all([square(code) for code in members(area)]) for area in ("KH", "02", "0102")}
    rows = asked(drawn(tmp_path, own, name="own.geojson"), made).set_index(["area", "figure_id"])
    with duckdb.connect(str(made), read_only=True) as connection:
        held = connection.execute(
            "SELECT area_id, figure_id, estimate FROM fct_rank WHERE quarter = ?", [NOW.start]
        ).df()
    held = held.set_index(["area_id", "figure_id"])["estimate"].reindex(rows.index)
    assert len(rows) == 3 * (3 + 1 + 2 * 4)
    np.testing.assert_allclose(rows["estimate"], held, atol=1e-6)
    assert ((rows["ci_low"] <= rows["estimate"]) & (rows["estimate"] <= rows["ci_high"]) & (rows["se"] > 0)).all()
    assert (rows["areas_cut"] == 0).all()
    assert set(rows["cut_by"]) == {"none"}
    assert rows.loc[("0102", "mpi"), ["people", "areas_whole"]].tolist() == [1000 + 2000 + 3000, 3]


def test_a_cut_commune_counts_with_the_share_of_its_land_where_no_grid_says_more(tmp_path: Path, made: Path) -> None:
    shape = square("010201", 0.5).union(square("010202"))
    row = asked(drawn(tmp_path, {"site": shape}), made).set_index("figure_id").loc["headcount_ratio"]
    h = [profiles(NOW)[code][[m for m in range(16) if POOR[m]]].sum() for code in ("010201", "010202")]
    assert row["estimate"] == pytest.approx(np.average(h, weights=[500, 2000]), abs=1e-6)
    assert row[["people", "areas_whole", "areas_cut", "cut_by"]].tolist() == [2500, 1, 1, "area"]


POOR = [(0.3 * (m & 1) + 0.3 * (m >> 1 & 1) + 0.2 * (m >> 2 & 1) + 0.2 * (m >> 3 & 1)) >= 1 / 3 for m in range(16)]


def test_where_a_grid_says_where_people_live_they_are_what_is_cut() -> None:
    finest = gpd.GeoDataFrame(geometry=[square("010201"), square("010202")], crs="EPSG:4326")
    own = gpd.GeoDataFrame({"name": ["site"]}, geometry=[square("010201", 0.5)], crs="EPSG:4326")
    people = np.tile([90.0, 10.0, 50.0, 50.0], (2, 1))  # nine tenths live in the western half of the first square
    parts, by = parts_of(own, finest, (Raster(people, (102.5, 12.0, 103.0, 12.5), WGS84), False))
    assert by == "people"
    assert parts.share.tolist() == pytest.approx([0.1], abs=1e-3)
    by_land, said = parts_of(own, finest, None)
    assert (said, by_land.share.tolist()) == ("area", pytest.approx([0.5], abs=1e-6))


@pytest.mark.slow
def test_edges_that_rounding_moved_cut_nothing(tmp_path: Path, made: Path) -> None:
    rows = asked(drawn(tmp_path, {"moved": square("010203", 0.0005, 1.0005)}), made)
    assert rows[["areas_whole", "areas_cut", "people"]].iloc[0].tolist() == [1, 0, 3000]


@pytest.mark.parametrize(
    ("shapes", "crs", "error", "said"),
    [
        ({"good": square("010201"), "dot": square("010201", 0.0, 0.4)}, "EPSG:4326", UsageError, "1 of 2 areas .* first 'dot' with some 4"),
        ({"sea": shapely.box(0, 0, 1, 1)}, "EPSG:4326", UsageError, "fewer than 500 people of the country; first 'sea' with some 0"),
        ({"road": shapely.LineString([(102.5, 12), (103, 12.5)])}, "EPSG:4326", InputError, "no polygons, the first is a LineString"),
        ({"site": square("010201")}, None, MissingCRS, "do not state their coordinate reference system"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_refused(
    tmp_path: Path, made: Path, shapes: dict[str, object], crs: str | None, error: type[InputError], said: str
) -> None:
    with pytest.raises(error, match=said):
        asked(drawn(tmp_path, shapes, crs), made)


def test_files_that_hold_no_areas_are_refused(tmp_path: Path, made: Path) -> None:
    with pytest.raises(MissingFile):
        asked(tmp_path / "none.gpkg", made)
    (tmp_path / "text.geojson").write_text("no json")
    with pytest.raises(UnreadableFile, match="cannot be read as areas"):
        asked(tmp_path / "text.geojson", made)
    with pytest.raises(UsageError, match="no draws of 1999Q1"):
        asked(drawn(tmp_path, {"site": square("010203")}), made, Quarter(1999, 1))


def test_a_file_of_an_earlier_version_has_no_draws(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "old.duckdb")) as connection:
        connection.execute("CREATE TABLE fct_mpi (quarter DATE)")
    with pytest.raises(UsageError, match="no quarter of the published file has draws"):
        estimate_own(drawn(tmp_path, {"site": square("010203")}), tmp_path / "old.duckdb", Lake(tmp_path), KHM)


def test_the_answer_is_the_same_as_csv_and_as_json(tmp_path: Path, made: Path) -> None:
    rows = asked(drawn(tmp_path, {"site": square("020203")}), made)
    from_csv = pd.read_csv(io.StringIO(formed(rows, "csv")), dtype={"area": str})
    from_json = pd.DataFrame(json.loads(formed(rows, "json")))
    pd.testing.assert_frame_equal(from_csv, from_json, check_dtype=False)
    assert from_csv["is_simulated"].all()
    assert areas().set_index("area_id").loc["020203", "population"] == from_csv["people"].iloc[0]
