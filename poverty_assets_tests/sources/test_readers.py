import datetime as dt

import geopandas as gpd
import pytest
import shapely
from pydantic import ValidationError

from poverty_assets.errors import ContractViolation, MissingCRS, NotObserved, UnreadableFile
from poverty_assets.pack.as_of import release
from poverty_assets.pack.country import load_country, load_sources
from poverty_assets.quarter import Quarter
from poverty_assets.sources.readers import digest, observe, read_source
from poverty_assets.sources.shapes import plain_shapes
from poverty_assets_tests.pack.test_source import make_spec

PERIOD = {"observed_from": dt.date(2022, 1, 1), "observed_to": dt.date(2022, 1, 1)}
KHM = load_country("khm")
COLUMNS = {"name": {"from": "Name", "type": "text"}}


def read(path, **changes):
    return read_source(release(make_spec(path=path.name, **PERIOD, **changes), Quarter(2022, 4), path.parent), KHM)


def test_mac_roman_text_with_cr_line_ends_is_read_with_its_accents(tmp_path):
    (tmp_path / "a.csv").write_bytes("Name,N\rKampong Saôm,1\rKrâchéh,2\r".encode("mac_roman"))
    frame = read(tmp_path / "a.csv", columns=COLUMNS, options={"encoding": "mac_roman"}).frame
    assert list(frame["name"]) == ["Kampong Saôm", "Krâchéh"]


def test_utf8_where_mac_roman_is_stated_is_refused_with_the_line(tmp_path):
    (tmp_path / "a.csv").write_text("Name,N\nKandal,1\nKrâchéh,2\n", encoding="utf-8")
    with pytest.raises(UnreadableFile, match="line 3: the file is UTF-8, not mac_roman"):
        read(tmp_path / "a.csv", columns=COLUMNS, options={"encoding": "mac_roman"})


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_another_encoding_where_utf8_is_stated_is_refused(tmp_path, encoding):
    (tmp_path / "a.csv").write_bytes("Name,N\nKrâchéh,2\n".encode(encoding))
    with pytest.raises(UnreadableFile):
        read(tmp_path / "a.csv", columns=COLUMNS)


def test_a_row_cut_short_is_refused_with_its_number(tmp_path):
    (tmp_path / "a.csv").write_text("Name,N\nA,1\nB")
    with pytest.raises(UnreadableFile, match=r"row 3: 1 fields where the header has 2"):
        read(tmp_path / "a.csv", columns=COLUMNS)


def test_a_vector_comes_back_in_degrees(tmp_path):
    there = gpd.GeoDataFrame({"Name": ["P"]}, geometry=[shapely.Point(500000, 1300000)], crs="EPSG:32648")
    there.to_file(tmp_path / "a.gpkg")
    frame = read(tmp_path / "a.gpkg", reader="geopackage", options={"columns": {"name": "Name"}}).frame
    point = shapely.from_wkb(frame["geometry"][0])
    assert 104.9 < point.x < 105.1
    assert 11.5 < point.y < 12


def test_a_vector_without_crs_is_refused(tmp_path):
    gpd.GeoDataFrame({"Name": ["P"]}, geometry=[shapely.Point(0, 0)]).to_file(tmp_path / "a.gpkg")
    with pytest.raises(MissingCRS):
        read(tmp_path / "a.gpkg", reader="geopackage")


BOW_TIE = shapely.Polygon([(104, 11), (105, 12), (105, 11), (104, 12)])
WITH_A_SPIKE = shapely.Polygon([(104, 11), (105, 11), (105, 12), (104, 12), (104, 11), (103, 11)])
NO_AREA = shapely.Polygon([(104, 11), (105, 12), (104, 11)])


@pytest.mark.parametrize(("shape", "area"), [(BOW_TIE, 0.5), (WITH_A_SPIKE, 1.0)], ids=["crosses itself", "spike"])
def test_a_polygon_that_crosses_itself_is_mended_and_what_has_no_area_falls_away(tmp_path, shape, area):
    """A spike turns into a collection of a polygon and a line when it is mended."""
    there = gpd.GeoDataFrame({"Name": ["P", "Q"]}, geometry=[shape, shapely.box(104, 13, 105, 14)], crs="EPSG:4326")
    there.to_file(tmp_path / "a.gpkg")
    options = {"columns": {"name": "Name"}, "outline": True}
    mended = shapely.from_wkb(read(tmp_path / "a.gpkg", reader="geopackage", options=options).frame["geometry"][0])
    assert mended.geom_type in ("Polygon", "MultiPolygon")
    assert mended.is_valid
    assert mended.area == pytest.approx(area)


def test_a_boundary_of_which_no_area_is_left_is_refused_with_its_number(tmp_path):
    there = gpd.GeoDataFrame({"Name": ["P", "Q"]}, geometry=[shapely.box(104, 13, 105, 14), NO_AREA], crs="EPSG:4326")
    options = {"columns": {"name": "Name"}, "polygons": "adm1"}
    spec = make_spec(path="a.gpkg", reader="geopackage", options=options, **PERIOD)
    with pytest.raises(ContractViolation, match=r"feature 2: 1 of 2 features .*no area is left when it is mended"):
        plain_shapes(there, spec, tmp_path / "a.gpkg")


def test_what_had_not_been_observed_gives_no_rows_and_the_reason(tmp_path):
    seen = observe(make_spec(path="none.csv", **PERIOD), Quarter(2021, 4), tmp_path, KHM)
    assert seen.frame.empty
    assert "2022-01-01" in seen.metadata["absent"]


def test_the_digest_of_a_folder_depends_on_names_and_contents(tmp_path):
    (tmp_path / "a").write_text("1")
    first = digest(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    assert digest(tmp_path) != first


@pytest.mark.slow
def test_every_real_source_can_be_read_as_it_is(landing_khm):
    rows = {}
    for spec in load_sources(KHM, simulated=False):
        try:
            rows[spec.source_id] = len(observe(spec, Quarter(2022, 4), landing_khm, KHM).frame)
        except NotObserved:
            rows[spec.source_id] = -1
    assert rows["idpoor_2022"] == 1646
    assert rows["boundaries_commune"] == 1633
    assert rows["idpoor_villages_2010"] == 6416  # three rates above 1 are set aside
    assert rows["ophi_subnational"] == 25 * 37
    assert rows["villages"] == 14073
    assert min(rows.values()) >= 0


def test_tags_under_the_header_are_no_row(tmp_path):
    (tmp_path / "a.csv").write_text("Name,N\n#adm1+name,\nKandal,1\n", encoding="utf-8")
    assert list(read(tmp_path / "a.csv", columns=COLUMNS).frame["name"]) == ["Kandal"]


def test_a_series_is_read_up_to_the_end_of_the_period(tmp_path):
    text = "Name,Day\nbefore,2021-12-15\non it,2022-01-01\nafter,2022-01-02\n"
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    columns = COLUMNS | {"day": {"from": "Day", "type": "date"}}
    found = read(tmp_path / "a.csv", columns=columns, options={"dated_by": "day"})
    assert list(found.frame["name"]) == ["before", "on it"]
    assert found.rows == 2


@pytest.mark.parametrize(("dated_by", "problem"), [("night", "there is no column 'night'"), ("name", "is no date")])
def test_a_series_is_dated_by_a_column_of_days(dated_by, problem):
    with pytest.raises(ValidationError, match=problem):
        make_spec(**PERIOD, columns=COLUMNS, options={"dated_by": dated_by})
