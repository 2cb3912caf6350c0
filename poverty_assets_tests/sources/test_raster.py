"""The raster reader: what it reads, and what it refuses."""

import numpy as np
import pandas as pd
import pytest
import rasterio
from rasterio.transform import from_origin

from poverty_assets.errors import InputError, MissingCRS, MissingFile, NoDataInBounds, UnreadableFile
from poverty_assets.pack.source import RasterOptions
from poverty_assets.sources.raster import Raster, open_raster, raster_of_rows, raster_rows


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
def test_a_raster_goes_through_a_table_and_back_bit_for_bit(tmp_path, dtype):
    values = np.random.default_rng(2).normal(size=(5, 3)).astype(dtype)
    values[2, 1] = np.nan
    raster = Raster(values[::-1], (100.1, 7.3, 103.7, 10.9), "EPSG:4326")
    raster_rows(raster).to_parquet(tmp_path / "a.parquet")
    again = raster_of_rows(pd.read_parquet(tmp_path / "a.parquet"))
    assert again.grid == raster.grid
    assert again.values.dtype == values.dtype
    assert again.values.tobytes() == np.ascontiguousarray(raster.values).tobytes()
