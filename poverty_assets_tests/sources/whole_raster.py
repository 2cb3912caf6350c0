"""Rasters that fit into memory, whole, as tests look at them."""

import pandas as pd

from poverty_assets.sources.kept_raster import rows_in_parts
from poverty_assets.sources.raster import Raster, RasterFile


def open_raster(path, options=None, *, season=1, within=None) -> Raster:
    """One band, whole or, of a large file, where it covers the bounds."""
    return RasterFile(path, options, season=season, within=within).whole(within)


def raster_rows(raster) -> pd.DataFrame:
    """A raster as the rows of a table, of all its parts."""
    return pd.concat(rows_in_parts(raster), ignore_index=True)
