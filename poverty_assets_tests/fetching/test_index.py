"""Embeddings: scenes of many bands that an index lists, stored as square roots, reduced to a few bands."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import rasterio
from pydantic import ValidationError
from rasterio.transform import Affine

from poverty_assets.fetching.windows import directions
from poverty_assets_tests.fetching.conftest import entry

PATH = "rasters/rain_2025.tif"
BANDS = 8


def scene(vector, west=100.0, degrees=2.0, size=40):
    """A scene that is the same everywhere, its rows from south to north as embeddings are published."""
    cell = degrees / size
    with rasterio.MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=size, height=size, count=BANDS, dtype="int8", crs="EPSG:4326", nodata=-128,
            transform=Affine(cell, 0, west, 0, cell, 10.0),
        ) as out:  # fmt: skip
            out.write(np.broadcast_to(np.int8(vector)[:, None, None], (BANDS, size, size)))
        return memory.read()


def index(rows):
    data = io.BytesIO()
    names = ("path", "year", "w", "s", "e", "n")
    pq.write_table(pa.table({name: [row[i] for row in rows] for i, name in enumerate(names)}), data)
    return data.getvalue()


def embedding(provider, **fetch):
    said = {
        "path": "path", "year": "year", "bounds": ["w", "s", "e", "n"], "prefix": ["s3://theirs", provider.address],
        "root_of": 127.5, "directions": 3, "cells_per_degree": 2, "points": 4, "nodata": -128,
    }  # fmt: skip
    return entry(provider.at("/index.parquet"), client="index", cadence="year", fetch=said | fetch)


@pytest.fixture
def published(provider):
    """Scenes of the country's west and east, and of another year and place."""
    rows = [
        ("s3://theirs/2025/west.tiff", 2025, 100.0, 10.0, 101.0, 12.0),
        ("s3://theirs/2025/east.tiff", 2025, 101.0, 10.0, 102.0, 12.0),
        ("s3://theirs/2024/west.tiff", 2024, 100.0, 10.0, 101.0, 12.0),
        ("s3://theirs/2025/far.tiff", 2025, 140.0, 10.0, 141.0, 12.0),
    ]
    provider.put("/index.parquet", index(rows))
    west, east = np.arange(BANDS) * 10 - 30, np.full(BANDS, -128)
    provider.put("/2025/west.tiff", scene(west))
    provider.put("/2025/east.tiff", scene(east, west=101.0))
    return west


def test_scenes_of_the_year_over_the_country_become_a_few_bands(bench, provider, published):
    told = bench.fetch(embedding(provider))
    assert told.state == "fetched", told.words
    expected = directions(3, BANDS) @ (np.sign(published) * (published / 127.5) ** 2)
    with rasterio.open(bench.landing / PATH) as found:
        assert (found.count, found.shape, found.transform.e < 0) == (3, (4, 4), True)
        for band in range(3):
            np.testing.assert_allclose(found.read(band + 1), expected[band], atol=1e-6)
    assert not [path for _, path, _ in provider.asked if "2024" in path or "far" in path]
    assert bench.fetch(embedding(provider)).state == "unchanged"


def test_a_year_that_is_not_in_the_index_is_late(bench, provider, published):
    provider.put("/index.parquet", index([("s3://theirs/2024/west.tiff", 2024, 100.0, 10.0, 101.0, 12.0)]))
    told = bench.fetch(embedding(provider))
    assert told.state == "late"
    assert "no scene of 2025 over the country" in told.words


def test_an_index_without_these_columns_is_said(bench, provider, published):
    told = bench.fetch(embedding(provider, path="location"))
    assert told.state == "failed"
    assert "the index cannot be read" in told.words


def test_scenes_are_asked_for_over_https(provider):
    with pytest.raises(ValidationError, match="not asked for over https"):
        embedding(provider, prefix=["s3://theirs", "s3://ours"])


def test_directions_of_any_number_of_bands_stand_at_right_angles():
    for bands in (5, 64):
        found = directions(4, bands)
        np.testing.assert_allclose(found @ found.T, np.eye(4), atol=1e-12)
