"""Answers of zonal statistics that are kept: a raster that has not changed is not summed over the same areas again.

Belongs here: under which digest an answer is kept, and taking it again. Does not belong here: statistics (``zonal``), or which cells an
area covers (``coverage``, which is kept as well: a new raster on a known grid needs it).

The digest is over the raster's own file and what its numbers mean, the areas, what was asked, and the sources of the modules that answer:
whatever could change a bit of an answer changes the name under which it is looked for.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from poverty_assets.atomic import replacing
from poverty_assets.features import zonal
from poverty_assets.kept import digest_of_code, digest_of_values, is_made_anew, let_go

if TYPE_CHECKING:
    import geopandas as gpd

_KEPT = 512
"""Answers that a folder keeps, those last used; each is some 30 kB for 1,700 areas and one statistic."""
_CODE = ("features/zonal.py", "features/coverage.py", "sources/raster.py", "sources/kept_raster.py")
_LIBRARIES = ("numpy", "exactextract", "shapely", "pyproj", "rasterio")


@dataclass(frozen=True)
class KeptStatistics:
    """Answers about some areas.

    Attributes
    ----------
    folder : Path
    zones : GeoDataFrame
        Columns ``area_id`` and ``geometry``.
    """

    folder: Path
    zones: gpd.GeoDataFrame

    def of(self, stamp: str, name: str, asked: Sequence[zonal.Statistic], weights: Mapping[str, str]) -> _Answer:
        """Where the answer about a raster lies.

        Parameters
        ----------
        stamp : str
            What tells the raster from any other.
        name : str
            Of the raster in the answer.
        asked : sequence of str or CellStatistic
        weights : mapping of str to str
            Stamps of rasters that weigh, by name.
        """
        said = [repr((one, weights.get(getattr(one, "weight", "") or "", ""))) for one in asked]
        key = digest_of_values(digest_of_code(_CODE, _LIBRARIES), self._areas, stamp, said)[:40]
        names = [zonal.name_of(one) for one in asked]
        return _Answer(self.folder / f"{key}.npz", name, names, self.zones["area_id"].to_numpy(dtype=object))

    @cached_property
    def _areas(self) -> str:
        sha = hashlib.sha256(repr((self.zones.crs.to_wkt(), list(self.zones["area_id"]))).encode())
        for shape in shapely.to_wkb(self.zones.geometry.to_numpy()):
            sha.update(shape or b"-")
        return sha.hexdigest()

    def let_go(self) -> None:
        """Delete those that nobody has used for longest, beyond what a folder keeps."""
        let_go(self.folder.glob("*.npz"), _KEPT)


@dataclass(frozen=True)
class _Answer:
    """The answer about one raster, which may not be there yet."""

    file: Path
    name: str
    statistics: list[str]
    ids: np.ndarray

    def read(self) -> pd.DataFrame | None:
        """Rows as `zonal.zonal_statistics` gives them; None where there is none, or it cannot be read: then it is made again."""
        if is_made_anew():
            return None
        try:
            with np.load(self.file, allow_pickle=False) as parts:
                value, share = parts["value"], parts["coverage"]
            os.utime(self.file)  # used now: others go first
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None
        n = len(self.statistics)
        if value.shape != (n * len(self.ids),) or share.shape != value.shape:
            return None
        return pd.DataFrame(
            {
                "area_id": np.tile(self.ids, n),
                "raster": self.name,
                "statistic": np.repeat(np.asarray(self.statistics, dtype=object), len(self.ids)),
                "value": value,
                "coverage": share,
            }
        )

    def keep(self, rows: pd.DataFrame) -> None:
        """Keep rows that were made."""
        with replacing(self.file) as temporary, temporary.open("wb") as stream:
            np.savez(stream, value=rows["value"].to_numpy(), coverage=rows["coverage"].to_numpy())


def stamp_of(file: Path, *meant: object) -> str:
    """What tells a raster from any other: its file's digest, and what its numbers mean."""
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return repr((digest, *meant))
