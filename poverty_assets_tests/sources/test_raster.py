"""The raster reader: what it reads, and what it refuses."""

import datetime as dt

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from poverty_assets.errors import InputError, MissingCRS, MissingFile, NoDataInBounds, UnreadableFile
from poverty_assets.intake.bench import Bench
from poverty_assets.intake.gate import judged
from poverty_assets.pack.as_of import release
from poverty_assets.pack.country import load_country
from poverty_assets.pack.source import RasterOptions
from poverty_assets.quarter import Quarter
from poverty_assets.sources.kept_raster import raster_of_rows
from poverty_assets.sources.raster import Raster, RasterFile, by_rows, opened_raster
from poverty_assets.sources.raster_summary import CountryCells, Looking
from poverty_assets.warehouse.lake import Lake
from poverty_assets_tests.pack.test_source import make_spec
from poverty_assets_tests.sources.whole_raster import open_raster, raster_rows


def write(path, values, *, crs="EPSG:4326", nodata=None, transform=None, **options):
    values = np.asarray(values)
    transform = transform or from_origin(100, 10, 1, 1)
    with rasterio.open(
        path, "w", driver="GTiff", height=values.shape[0], width=values.shape[1], count=1, dtype=values.dtype,
        crs=crs, transform=transform, nodata=nodata, **options,
    ) as data:  # fmt: skip
        data.write(values, 1)
    return path


NINE = np.arange(1, 10, dtype="int16").reshape(3, 3)


def test_values_bounds_and_crs_are_read(tmp_path):
    raster = open_raster(write(tmp_path / "a.tif", NINE))
    assert raster.values.tolist() == NINE.tolist()
    assert raster.bounds == (100, 7, 103, 10)
    assert raster.cell_size == (1, 1)
    assert "WGS 84" in raster.crs


def test_nodata_of_file_and_of_source_and_valid_range_become_nan_before_scale(tmp_path):
    path = write(tmp_path / "a.tif", NINE, nodata=1)
    raster = open_raster(path, RasterOptions(nodata=2, valid_range=(0, 8), scale=0.5, offset=10))
    expected = [[np.nan, np.nan, 11.5], [12, 12.5, 13], [13.5, 14, np.nan]]
    np.testing.assert_array_equal(raster.values, expected)


def test_south_up_grid_is_turned_north_up(tmp_path):
    path = write(tmp_path / "a.tif", NINE, transform=rasterio.Affine(1, 0, 100, 0, 1, 7))
    assert open_raster(path).values[0].tolist() == [7, 8, 9]


def test_missing_crs_is_refused_with_a_remedy(tmp_path):
    path = write(tmp_path / "a.tif", NINE, crs=None)
    with pytest.raises(MissingCRS, match="a_srs"):
        open_raster(path)


def test_absent_and_empty_files_are_told_apart(tmp_path):
    with pytest.raises(MissingFile):
        open_raster(tmp_path / "none.tif")
    (tmp_path / "empty.tif").touch()
    with pytest.raises(UnreadableFile, match="0 bytes"):
        open_raster(tmp_path / "empty.tif")


@pytest.mark.parametrize("compress", ["none", "deflate"])
@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_truncated_file_is_refused(tmp_path, compress, kept):
    noise = np.random.default_rng(1).normal(size=(200, 200)).astype("float32")
    path = write(tmp_path / "a.tif", noise, compress=compress)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    with pytest.raises(UnreadableFile, match="download it again"):
        open_raster(path)


def test_text_that_calls_itself_a_raster_is_refused(tmp_path):
    (tmp_path / "a.tif").write_text("<html>please log in</html>")
    with pytest.raises(UnreadableFile):
        open_raster(tmp_path / "a.tif")


def test_no_valid_cell_within_the_bounds_is_refused(tmp_path):
    values = np.full((3, 3), -9999.0, dtype="float32")
    values[0, 0] = 5
    path = write(tmp_path / "a.tif", values, nodata=-9999)
    assert np.isfinite(open_raster(path, within=(100, 9, 101, 10)).values).sum() == 1
    with pytest.raises(NoDataInBounds, match="none of the 4 cells"):
        open_raster(path, within=(101, 7, 103, 9))
    with pytest.raises(NoDataInBounds):
        open_raster(path, within=(0, 0, 1, 1))


def test_a_band_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="band 2"):
        open_raster(write(tmp_path / "a.tif", NINE), RasterOptions(band=2))


def test_raster_inside_a_zip_is_read(landing_khm):
    relief = landing_khm / "rasters" / "odc_usgs_kh_geographical_relief_tif.zip"
    raster = open_raster(relief, RasterOptions(member="CamGeorel.tif"))
    assert raster.shape == (2117, 3909)


def test_a_band_for_each_quarter_of_the_year(tmp_path):
    with rasterio.open(
        tmp_path / "a.tif", "w", driver="GTiff", height=1, width=1, count=4, dtype="int16", crs="EPSG:4326",
        transform=from_origin(100, 10, 1, 1),
    ) as data:  # fmt: skip
        data.write(np.arange(1, 5, dtype="int16").reshape(4, 1, 1))
    of_season = [open_raster(tmp_path / "a.tif", RasterOptions(band="quarter"), season=n).values[0, 0] for n in (1, 4)]
    assert of_season == [1, 4]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_raster_goes_through_the_lake_and_back_bit_for_bit(tmp_path, monkeypatch, dtype):
    monkeypatch.setattr("poverty_assets.sources.raster.CELLS_AT_A_TIME", 6)  # two rows at a time, and a row group
    values = np.random.default_rng(2).normal(size=(5, 3)).astype(dtype)
    values[2, 1] = np.nan
    raster = Raster(values[::-1], (100.1, 7.3, 103.7, 10.9), "EPSG:4326")
    lake, quarter = Lake(tmp_path), Quarter(2022, 4)
    lake.write_raster("src_rain", quarter, raster, {})
    again = lake.raster("src_rain", quarter)
    assert again.grid == raster.grid
    for top, bottom in ((0, 5), (1, 4), (4, 5), (0, 2)):
        part = again.rows(top, bottom)
        assert part.dtype == values.dtype
        assert part.tobytes() == np.ascontiguousarray(raster.values[top:bottom]).tobytes()
    assert raster_of_rows(lake.read("src_rain", quarter)).values.tobytes() == raster_rows(raster)["cells"].sum()


def in_pieces(monkeypatch, cells=64):
    """Files of more than a few cells count as large: they are read in pieces, and only where the country is."""
    for name in ("CELLS_AT_A_TIME", "IN_MEMORY", "WHOLE_UP_TO"):
        monkeypatch.setattr(f"poverty_assets.sources.raster.{name}", cells)


@pytest.mark.parametrize("south_up", [False, True])
@pytest.mark.parametrize("within", [None, (103.2, 2, 110, 8.7)])
def test_a_file_that_is_read_in_pieces_holds_what_it_holds_whole(tmp_path, monkeypatch, south_up, within):
    values = np.random.default_rng(5).integers(0, 99, (48, 32)).astype("int16")
    where = rasterio.Affine(0.5, 0, 100, 0, 0.25, 0) if south_up else from_origin(100, 12, 0.5, 0.25)
    path = write(tmp_path / "a.tif", values, nodata=7, transform=where, tiled=True, blockxsize=16, blockysize=16)
    whole = open_raster(path)
    in_pieces(monkeypatch)
    file = opened_raster(path, within=within)
    assert isinstance(file, RasterFile)
    assert (file.shape[0] < 48) == (within is not None)
    row, column = round((12 - file.bounds[3]) / 0.25), round((file.bounds[0] - 100) / 0.5)
    expected = whole.values[row:, column:][: file.shape[0], : file.shape[1]]
    np.testing.assert_array_equal(np.concatenate([part for _, part in by_rows(file)]), expected)
    np.testing.assert_array_equal(file.rows(3, 20), expected[3:20])
    opened_raster(path, within=within, look=(look := Looking()))
    assert look.summary.described["valid_cells"] == np.isfinite(expected).sum()


def test_one_look_tells_of_the_country_alone_and_gives_an_overview(tmp_path, monkeypatch):
    monkeypatch.setattr("poverty_assets.sources.raster.CELLS_AT_A_TIME", 3)  # a row at a time
    monkeypatch.setattr("poverty_assets.sources.raster_summary._ACROSS", 1)  # a cell across
    path = write(tmp_path / "a.tif", NINE)
    opened_raster(path, look=(look := Looking((101, 7, 103, 9), (0, 7))))
    seen = look.summary
    assert (seen.described["valid_cells"], seen.mean) == (9, 5)
    assert seen.of_country == CountryCells(number=4, beyond=2, total=28.0, first=8.0)  # 5, 6, 8 and 9
    assert seen.overview.values.tolist() == [[1.0]]
    opened_raster(path, look=(elsewhere := Looking((0, 0, 1, 1))))
    assert elsewhere.summary.of_country.number == 0


def test_what_is_wrong_with_a_large_file_is_found_as_its_rows_are_read(tmp_path, monkeypatch):
    in_pieces(monkeypatch)
    values = np.ones((40, 40), dtype="float32")
    values[30, 5] = -9999
    with pytest.raises(UnreadableFile, match="cells hold -9999"):
        opened_raster(write(tmp_path / "a.tif", values), look=Looking())
    cut = write(tmp_path / "cut.tif", np.random.default_rng(1).normal(size=(64, 64)))
    cut.write_bytes(cut.read_bytes()[:9000])
    with pytest.raises(UnreadableFile, match="download it again"):
        opened_raster(cut, look=Looking())
    with pytest.raises(NoDataInBounds, match="none of the"):
        opened_raster(write(tmp_path / "b.tif", np.full((40, 40), 5.0), nodata=5), within=(105, -5, 110, 5))


def test_a_file_of_the_whole_world_costs_the_countrys_window_in_validation_too(tmp_path, monkeypatch):
    country = load_country("khm")
    path = tmp_path / "world.tif"
    with rasterio.open(
        path, "w", driver="GTiff", height=21_600, width=43_200, count=1, dtype="uint8", crs="EPSG:4326", nodata=255,
        transform=from_origin(-180, 90, 1 / 120, 1 / 120), tiled=True, blockxsize=512, blockysize=512, sparse_ok=True,
    ) as data:  # fmt: skip
        data.write(np.full((1, 512, 512), 3, "uint8"), window=rasterio.windows.Window(34_200, 9_300, 512, 512))
    cells, really = [], RasterFile._decoded
    monkeypatch.setattr(RasterFile, "_decoded", lambda self, *asked: cells.append(really(self, *asked)) or cells[-1])
    monkeypatch.setattr(
        "poverty_assets.sources.readers.digest", lambda path: pytest.fail("all bytes of the file are read")
    )
    spec = make_spec(
        source_id="world", reader="geotiff", path="world.tif", reference=True, sense={"values": [0, 10]},
        observed_from=dt.date(2020, 1, 1), observed_to=dt.date(2020, 1, 1),
    )  # fmt: skip
    found = release(spec, Quarter(2022, 4), tmp_path)
    west, south, east, north = country.bounds
    bench = Bench([spec], Quarter(2022, 4), tmp_path, country)
    assert {one.check for one in judged(found, bench.reading(found), bench)} >= {"unit"}
    assert 0 < sum(part.size for part in cells) < 1.05 * (east - west + 0.1) * (north - south + 0.1) * 120**2
