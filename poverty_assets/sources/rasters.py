"""Rasters of sources, each read once in a process.

Belongs here: the path and options of a raster source, a small cache of what was read, and its description in one row. Does
not belong here: opening a raster (``sources.raster``) or statistics (``features.zonal``).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from poverty_assets.pack.source import Release
from poverty_assets.sources.raster import Raster, open_raster

_KEPT = 40  # rasters of some 10 MB at most: a quarter's set, so that the features asset need not read them again


def load_raster(found: Release, bounds: tuple[float, float, float, float]) -> Raster:
    """Read the raster of a release, or give the one that was read before from the same file.

    Raises
    ------
    MissingFile, UnreadableFile, MissingCRS, NoDataInBounds
    """
    options = found.spec.options
    member = options.get("member")
    path = f"/vsizip/{found.path}/{member}" if member else str(found.path)
    state = found.path.stat()
    valid_range = tuple(options["valid_range"]) if "valid_range" in options else None
    return _load(
        path, state.st_mtime_ns, state.st_size, options.get("band", 1), options.get("nodata"), valid_range, bounds
    )


@lru_cache(maxsize=_KEPT)
def _load(
    path: str,
    modified: int,
    size: int,
    band: int,
    nodata: float | None,
    valid_range: tuple[float, float] | None,
    bounds: tuple[float, float, float, float],
) -> Raster:
    return open_raster(path, band=band, nodata=nodata, valid_range=valid_range, within=bounds)


def describe(raster: Raster) -> dict[str, Any]:
    """One row that describes a raster: grid, CRS, and the range of its valid cells."""
    from pyproj import CRS

    values = raster.values[np.isfinite(raster.values)]
    crs = CRS.from_wkt(raster.crs)
    return {
        "width": raster.shape[1],
        "height": raster.shape[0],
        "cell_width": raster.cell_size[0],
        "cell_height": raster.cell_size[1],
        "crs": crs.to_string() if crs.to_authority() else crs.name,
        "valid_cells": int(values.size),
        "minimum": float(values.min()),
        "mean": float(values.mean(dtype=np.float64)),
        "maximum": float(values.max()),
    }
