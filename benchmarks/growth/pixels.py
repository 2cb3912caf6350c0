"""Means of a raster over 1,633 polygons, beside reading it, exactextract and rasterstats."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.bench_zonal import areas, made, ours, rasterstats, read
from benchmarks.growth.subject import Act, Mark, Subject, Way
from poverty_assets.arrays import FloatArray

FILE = "raster.tif"
LARGEST = 1_000_000_000
_SHAPES = {
    300_000: (500, 600), 900_000: (900, 1_000), 33_333_333: (5_000, 6_667), 100_000_000: (8_000, 12_500),
    333_333_333: (15_000, 22_222), LARGEST: (25_000, 40_000),
}  # fmt: skip


def make(folder: Path, n: int) -> None:
    rows, columns = _SHAPES[n]
    made(folder / FILE, rows, columns, sparse=n > 50_000_000)


def told(means: FloatArray) -> dict[str, float]:
    """The mean over polygons, to hold beside exactextract's: both leave out those without a valid cell."""
    return {"mean": float(np.nanmean(means))}


def first(folder: Path, n: int) -> Act:
    zones = areas()
    import shutil

    shutil.rmtree(folder / "new", ignore_errors=True)
    return lambda: told(ours(folder / FILE, zones, folder / "new"))


def again(folder: Path, n: int) -> Act:
    zones = areas()
    ours(folder / FILE, zones, folder / "kept")
    return lambda: told(ours(folder / FILE, zones, folder / "kept"))


def reading(folder: Path, n: int) -> Act:
    """Block by block where the whole would not fit."""
    if n <= 50_000_000:
        return lambda: read(folder / FILE)

    def act() -> None:
        import rasterio

        with rasterio.open(folder / FILE) as file:
            for _, window in file.block_windows(1):
                file.read(1, window=window)

    return act


def exactextract(folder: Path, n: int) -> Act:
    from exactextract import exact_extract

    zones = areas()[["geometry"]]
    return lambda: {"mean": float(exact_extract(str(folder / FILE), zones, ["mean"], output="pandas")["mean"].mean())}


def by_rasterstats(folder: Path, n: int) -> Act:
    zones = areas()
    return lambda: rasterstats(folder / FILE, zones)


def by_dask(workers: int) -> Way:
    """So many workers of one thread, with the coverage at hand."""

    def ready(folder: Path, n: int) -> Act:
        zones = areas()
        ours(folder / FILE, zones, folder / "kept")

        def act() -> dict[str, float]:
            import time

            from poverty_assets.features.zonal import zonal_statistics
            from poverty_assets.sources.raster import RasterFile
            from poverty_assets.workers import open_workers

            with open_workers("local", workers) as some:
                start = time.perf_counter()
                zonal_statistics(
                    [("r", RasterFile(folder / FILE))], zones, ["mean"], kept=folder / "kept", workers=some
                )
                return {"seconds": time.perf_counter() - start}

        return act

    return Way(ready, ours=True, rounds=3)


SUBJECT = Subject(
    "Pixels",
    "cells",
    (33_333_333, 100_000_000, 333_333_333, LARGEST),
    (300_000, 900_000),
    make,
    {
        "ours, first time": Way(first, ours=True),
        "ours, coverage at hand": Way(again, ours=True),
        "reading": Way(reading),
        "exactextract": Way(exactextract, up_to=400_000_000),
        "rasterstats": Way(by_rasterstats, up_to=40_000_000, rounds=1),
        "ours, one Dask worker": by_dask(1),
        "ours, two Dask workers": by_dask(2),
    },
    (
        Mark("ours, first time", "exactextract", 33_333_333, 1.5),
        Mark("ours, coverage at hand", "reading", 33_333_333, 2.5),
        Mark("ours, one Dask worker", "ours, two Dask workers", LARGEST, 1.6, at_least=True),
    ),
    "Means over 1,633 polygons; rasters of more than 50 million cells are made up and mostly empty. rasterstats counts cells by centres.",
    ("rasterstats",),
)
