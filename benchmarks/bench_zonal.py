"""How much faster zonal means are than exactextract's own, for several rasters on one grid.

Run: ``python -m benchmarks.bench_zonal [RASTERS]``; needs the shared data folder.
"""

from __future__ import annotations

import sys
import time

import geopandas as gpd
import numpy as np

from poverty_assets.features.zonal import zonal_statistics
from poverty_assets.sources.raster import open_raster
from poverty_assets_tests.conftest import shared_folder


def main(n_rasters: int) -> None:
    from exactextract import exact_extract

    folder = shared_folder() / "realdata" / "khm"
    path = folder / "rasters" / "gds4ae" / "cambodia_2020_walking_friction_surface.tif"
    areas = gpd.read_file(folder / "boundaries" / "geoBoundaries-KHM-ADM3_simplified.geojson")
    areas = areas.rename(columns={"shapeID": "area_id"})
    start = time.perf_counter()
    rasters = {f"r{i}": open_raster(path) for i in range(n_rasters)}
    ours = zonal_statistics(rasters.items(), areas)
    ours_seconds = time.perf_counter() - start
    start = time.perf_counter()
    for _ in range(n_rasters):
        theirs = exact_extract(str(path), areas[["geometry"]], ["mean"], output="pandas")
    their_seconds = time.perf_counter() - start
    difference = float(np.abs(ours["value"].to_numpy()[-len(areas) :] / theirs["mean"].to_numpy() - 1).max())
    print(
        f"{n_rasters} rasters on one grid, {len(areas)} areas: ours {ours_seconds:.2f} s, exactextract {their_seconds:.2f} s"
    )
    print(f"ratio exactextract / ours {their_seconds / ours_seconds:.1f}; largest relative difference {difference:.1e}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 12)
