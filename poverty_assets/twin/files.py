"""Writing output once, whole, and the same every time.

Belongs here: atomic files, the record of what is complete, the lock, and the formats' writers. Does not belong here:
what is in the files.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from poverty_assets.twin.grid import Grid

RECORDS = ".simulated"
NODATA = -9999.0


def write_atomic(path: Path, write: Callable[[Path], None]) -> Path:
    """Let `write` fill a temporary file beside `path`, then put it in place of `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def write_text(path: Path, text: str) -> Path:
    """Write UTF-8 text with LF line ends."""
    return write_atomic(path, lambda temporary: _put_bytes(temporary, text.encode()))


def _put_bytes(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def write_csv(path: Path, frame: pd.DataFrame) -> Path:
    """Write a table as CSV, UTF-8, LF."""
    return write_text(path, frame.to_csv(index=False, lineterminator="\n"))


def write_parquet(path: Path, table: Any, *, title: str) -> Path:
    """Write a pyarrow table as Parquet (zstd) that says in its metadata that it is simulated."""
    import pyarrow.parquet as pq

    kept = dict(table.schema.metadata or {})
    table = table.replace_schema_metadata({**kept, b"title": title.encode(), b"is_simulated": b"true"})
    return write_atomic(path, lambda temporary: pq.write_table(table, temporary, compression="zstd"))


def write_geojson(path: Path, geometries: list[Any], properties: pd.DataFrame, *, title: str) -> Path:
    """Write features in EPSG:4326 as GeoJSON (RFC 7946), one feature a line."""
    import shapely

    shapes = shapely.to_geojson(geometries).tolist()
    rows = properties.to_dict(orient="records")
    lines = [
        '{"type":"Feature","properties":' + json.dumps(row, ensure_ascii=False) + ',"geometry":' + shape + "}"
        for row, shape in zip(rows, shapes, strict=True)
    ]
    head = {"type": "FeatureCollection", "name": path.stem, "description": title, "is_simulated": True}
    text = json.dumps(head, ensure_ascii=False)[:-1] + ', "features": [\n' + ",\n".join(lines) + "\n]}\n"
    return write_text(path, text)


def write_geotiff(path: Path, values: NDArray[Any], grid: Grid, *, title: str, unit: str) -> Path:
    """Write a float32 GeoTIFF in EPSG:4326, tiled and deflated; NaN becomes the no-data value -9999.

    Parameters
    ----------
    values : ndarray, shape (rows, columns) or (bands, rows, columns)
    """
    import rasterio

    filled = np.where(np.isnan(values), NODATA, values).astype(np.float32).reshape(-1, grid.rows, grid.columns)

    def write(temporary: Path) -> None:
        with rasterio.open(
            temporary,
            "w",
            driver="GTiff",
            width=grid.columns,
            height=grid.rows,
            count=len(filled),
            dtype="float32",
            crs="EPSG:4326",
            transform=rasterio.Affine(1 / grid.per_degree, 0, grid.west, 0, -1 / grid.per_degree, grid.north),
            nodata=NODATA,
            tiled=True,
            blockxsize=256,
            blockysize=256,
            compress="deflate",
            zlevel=6,
            predictor=3,
        ) as raster:
            raster.write(filled)
            raster.update_tags(title=title, is_simulated="true")
            for band in range(1, len(filled) + 1):
                raster.set_band_description(band, title)
                raster.set_band_unit(band, unit)

    return write_atomic(path, write)


def is_complete(folder: Path, name: str, digest: str) -> bool:
    """Whether the output `name` in `folder` was written in full for this digest and its files are still all there."""
    record = folder / RECORDS / f"{name}.json"
    if not record.is_file():
        return False
    content = json.loads(record.read_text(encoding="utf-8"))
    return content["digest"] == digest and all(
        (folder / file).is_file() and (folder / file).stat().st_size == size for file, size in content["files"].items()
    )


def record_complete(folder: Path, name: str, digest: str, files: list[Path]) -> None:
    """Note that the output `name` is complete: written last, after all of its files."""
    sizes = {file.relative_to(folder).as_posix(): file.stat().st_size for file in sorted(files)}
    text = json.dumps({"is_simulated": True, "digest": digest, "files": sizes}, indent=1, sort_keys=True)
    write_text(folder / RECORDS / f"{name}.json", text + "\n")


def lock(folder: Path, name: str) -> Any:
    """Lock that one process at a time holds while it writes the output `name` into `folder`."""
    from filelock import FileLock

    place = folder / RECORDS
    place.mkdir(parents=True, exist_ok=True)
    return FileLock(place / f"{name}.lock")
