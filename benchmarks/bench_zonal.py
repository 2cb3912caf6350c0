"""Zonal statistics of large rasters against reading them and against peers, in one run: time and memory.

    python -m benchmarks.bench_zonal [--rounds 5] [--billion] [--rasterstats] [--write FILE]

A raster of 6,000 by 5,000 cells (the country at 100 m) is made, deflated as publishers send it, and means over 1,633 polygons are taken
from it: for the first time, with the coverage at hand, and of four bands; each round times all of them, and ratios are of one round.
Peaks are of processes of their own. Of the billion cells, made up and mostly empty, only memory and time are told. Needs the shared data
folder; `--rasterstats` needs `pip install rasterstats` first.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np

from poverty_assets.features.zonal import zonal_statistics
from poverty_assets.sources.raster import RasterFile
from poverty_assets.workers import open_workers
from poverty_assets_tests.conftest import shared_folder

BOUNDS = (102.3, 9.9, 107.7, 14.7)
MARKS = {
    "first time / exactextract": 1.5,
    "coverage at hand / reading": 2.5,
    "four bands / reading the four": 2.0,
}


def made(path: Path, rows: int, columns: int, bands: int = 1, sparse: bool = False) -> Path:
    """A raster of rainfall-like cells; a sparse one has some every tenth of a degree."""
    import rasterio
    from rasterio.transform import from_bounds
    from rasterio.windows import Window

    rng = np.random.default_rng(1)
    with rasterio.open(
        path, "w", driver="GTiff", height=rows, width=columns, count=bands, dtype="float32", crs="EPSG:4326", nodata=-9999,
        transform=from_bounds(*BOUNDS, columns, rows), tiled=True, blockxsize=512, blockysize=512, compress="deflate",
        sparse_ok=sparse, bigtiff="if_safer", interleave="pixel",
    ) as file:  # fmt: skip
        for top in range(0, rows, 512):
            high = min(512, rows - top)
            for left in range(0, columns, 512 * (8 if sparse else columns)):
                wide = min(512 if sparse else columns, columns - left)
                cells = np.round(rng.gamma(2, 10, (bands, high, wide)), 1).astype("float32")
                cells[rng.random(cells.shape) < 0.02] = -9999
                file.write(cells, window=Window(left, top, wide, high))
    return path


def areas() -> gpd.GeoDataFrame:
    """The polygons."""
    file = shared_folder() / "realdata" / "khm" / "boundaries" / "geoBoundaries-KHM-ADM3_simplified.geojson"
    return gpd.read_file(file).rename(columns={"shapeID": "area_id"})


def ours(path: Path, zones: gpd.GeoDataFrame, kept: Path, bands: int = 1) -> np.ndarray:
    """Means of each band."""
    from poverty_assets.pack.source import RasterOptions

    files = {str(band): RasterFile(path, RasterOptions(band=band)) for band in range(1, bands + 1)}
    return zonal_statistics(files.items(), zones, ["mean"], kept=kept)["value"].to_numpy()


def read(path: Path) -> None:
    """Read every band."""
    import rasterio

    with rasterio.open(path) as file:
        file.read()


def rounds(folder: Path, number: int, with_rasterstats: bool) -> list[str]:
    """Lines of a table: every ratio, least, middle and greatest."""
    from exactextract import exact_extract

    zones = areas()
    one, four = made(folder / "one.tif", 5000, 6000), made(folder / "four.tif", 5000, 6000, 4)
    kept, theirs = folder / "kept", np.empty(0)
    found: dict[str, list[float]] = {}
    for _ in range(number):
        shutil.rmtree(kept, ignore_errors=True)
        seconds = {"reading": timed(lambda: read(one)), "reading four": timed(lambda: read(four))}
        seconds["first"] = timed(lambda: ours(one, zones, kept))
        seconds["kept"] = timed(lambda: ours(one, zones, kept))
        seconds["four"] = timed(lambda: ours(four, zones, kept, 4))
        start = time.perf_counter()
        theirs = exact_extract(str(one), zones[["geometry"]], ["mean"], output="pandas")["mean"].to_numpy()
        seconds["exactextract"] = time.perf_counter() - start
        for name, value in (
            ("reading, s", seconds["reading"]),
            ("exactextract, s", seconds["exactextract"]),
            ("first time / exactextract", seconds["first"] / seconds["exactextract"]),
            ("coverage at hand / reading", seconds["kept"] / seconds["reading"]),
            ("four bands / reading the four", seconds["four"] / seconds["reading four"]),
        ):
            found.setdefault(name, []).append(value)
    if with_rasterstats:
        found["rasterstats / first time (once; a cell counts by its centre)"] = [
            timed(lambda: rasterstats(one, zones)) / timed(lambda: ours(one, zones, folder / "other"))
        ]
    difference = float(np.abs(ours(one, zones, kept) / theirs - 1).max())
    lines = [f"| {name} | {spread(values)} | {MARKS.get(name, '')} |" for name, values in found.items()]
    return [*lines, f"| largest relative difference from exactextract | {difference:.1e} | 1e-09 |"]


def rasterstats(path: Path, zones: gpd.GeoDataFrame) -> None:
    """The same by rasterstats."""
    from rasterstats import zonal_stats

    zonal_stats(zones.geometry, str(path), stats=["mean"])


def timed(act: Callable[[], object]) -> float:
    """Seconds that something takes."""
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def spread(values: list[float]) -> str:
    """Least, middle, greatest."""
    return ", ".join(f"{value:.2f}" for value in (min(values), float(np.median(values)), max(values)))


def peak(path: Path, kept: Path) -> tuple[float, float]:
    """Megabytes and seconds of a process that does nothing else."""
    start = time.perf_counter()
    said = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "benchmarks.bench_zonal", "--one", str(path), str(kept)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return float(said.stdout.split()[-1]), time.perf_counter() - start


def most_memory() -> float:
    """Megabytes that this process held at most: ``ru_maxrss`` would count what its parent held when it was started, too."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) * 1024 / 1e6


def by_dask(path: Path, kept: Path) -> list[str]:
    """Means of a large raster by one worker of Dask and by two, each of one thread, its coverage at hand."""
    zones = areas()
    ours(path, zones, kept)
    seconds = []
    for number in (1, 2):
        with open_workers("local", number) as workers:
            start = time.perf_counter()
            zonal_statistics([("r", RasterFile(path))], zones, ["mean"], kept=kept, workers=workers)
            seconds.append(time.perf_counter() - start)
    said = ", ".join(f"{one:.1f}" for one in seconds)
    return [f"| a billion cells: one worker of Dask over two ({said} s) | {seconds[0] / seconds[1]:.2f} | 1.6 |"]


def table(asked: argparse.Namespace, folder: Path) -> list[str]:
    """All that is told."""
    from importlib.metadata import version

    cpu = platform.processor() or platform.machine()
    lines = [
        f"{os.cpu_count()} cores ({cpu}), Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in ("numpy", "rasterio", "exactextract")),
        "",
        f"6,000 by 5,000 cells, 1,633 areas, {asked.rounds} rounds:",
        "",
        "| what | least, middle, greatest | mark |",
        "|---|---|---|",
        *rounds(folder, asked.rounds, asked.rasterstats),
    ]
    megabytes, seconds = peak(folder / "one.tif", folder / "peak")
    lines.append(
        f"| peak at 30 million cells, first time, MB (and s, with starting) | {megabytes:.0f} ({seconds:.1f}) | 600 |"
    )
    if asked.billion:
        file = made(folder / "billion.tif", 25_000, 40_000, sparse=True)
        megabytes, seconds = peak(file, folder / "peak")
        lines.append(f"| peak at a billion cells, first time, MB (and s) | {megabytes:.0f} ({seconds:.1f}) | 1000 |")
        lines += by_dask(file, folder / "kept")
    return lines


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--billion", action="store_true")
    parser.add_argument("--rasterstats", action="store_true")
    parser.add_argument("--write", type=Path)
    parser.add_argument("--one", nargs=2, type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        ours(asked.one[0], areas(), asked.one[1])
        print(most_memory())
        return
    with tempfile.TemporaryDirectory() as name:
        lines = table(asked, Path(name))
    print("\n".join(lines))
    if asked.write:
        asked.write.write_text(
            "\n".join(["# Zonal statistics", "", "`python -m benchmarks.bench_zonal`.", "", *lines, ""])
        )


if __name__ == "__main__":
    main()
