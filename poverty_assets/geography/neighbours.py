"""Who is next to whom, and what the neighbourhood of an area is like.

Belongs here: neighbour matrices and means over neighbours. Does not belong here: folds and blocks (``blocks``), models.

A neighbour matrix is sparse, shape (n, n), with weights at the neighbours of each row and nothing on the diagonal: an area
is never its own neighbour.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely
from scipy import sparse
from scipy.spatial import cKDTree


def touching(polygons: np.ndarray, *, gap: float = 0.0) -> sparse.csr_array:
    """Queen neighbours: polygons that share a border or a corner.

    Parameters
    ----------
    polygons : numpy.ndarray of shapely geometries, shape (n,)
    gap : float
        Also count polygons up to so far apart, in units of their CRS; simplified borders leave slivers.
    """
    tree = shapely.STRtree(polygons)
    if gap > 0:
        row, column = tree.query(polygons, predicate="dwithin", distance=gap)
    else:
        row, column = tree.query(polygons, predicate="intersects")
    return _matrix(row, column, np.ones(len(row)), len(polygons))


def nearest(xy: np.ndarray, k: int) -> sparse.csr_array:
    """The ``k`` nearest points of each point, weight 1.

    Parameters
    ----------
    xy : numpy.ndarray, shape (n, 2)
        Metric coordinates.
    k : int
    """
    k = min(k, len(xy) - 1)
    # one more is asked for, since the nearest is the point itself (or one at the same place)
    column = cKDTree(xy).query(xy, k=k + 1)[1]
    row = np.repeat(np.arange(len(xy)), k + 1)
    return _matrix(row, column.ravel(), np.ones(row.size), len(xy))


def gaussian(xy: np.ndarray, bandwidth: float, *, reach: float = 3.0) -> sparse.csr_array:
    """Weights ``exp(-d^2 / (2 bandwidth^2))`` out to ``reach`` bandwidths; same units as ``xy``."""
    pairs = cKDTree(xy).query_pairs(reach * bandwidth, output_type="ndarray")
    distance = np.linalg.norm(xy[pairs[:, 0]] - xy[pairs[:, 1]], axis=1)
    weight = np.exp(-0.5 * (distance / bandwidth) ** 2)
    row = np.concatenate([pairs[:, 0], pairs[:, 1]])
    column = np.concatenate([pairs[:, 1], pairs[:, 0]])
    return _matrix(row, column, np.concatenate([weight, weight]), len(xy))


def _matrix(row: np.ndarray, column: np.ndarray, weight: np.ndarray, n: int) -> sparse.csr_array:
    other = row != column
    matrix = sparse.csr_array((weight[other], (row[other], column[other])), shape=(n, n))
    matrix.sort_indices()
    return matrix


def neighbourhood_mean(features: pd.DataFrame, neighbours: sparse.csr_array, suffix: str) -> pd.DataFrame:
    """Weighted mean of each feature over the neighbours of each area, the area itself left out.

    Missing values are left out of the mean; where no neighbour has a value the mean is missing.

    Parameters
    ----------
    features : DataFrame, shape (n, p)
        In the order of the matrix.
    neighbours : sparse array, shape (n, n)
    suffix : str
        Added to the column names.

    Returns
    -------
    DataFrame, shape (n, p)
    """
    values = features.to_numpy(dtype=float)
    known = np.isfinite(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (neighbours @ np.where(known, values, 0.0)) / (neighbours @ known.astype(float))
    return pd.DataFrame(mean, index=features.index, columns=[f"{name}{suffix}" for name in features.columns])


def least_bordered(areas: pd.DataFrame, metric_crs: str) -> pd.Series:
    """Share of each area's border with others that is with areas of the same parent.

    Parameters
    ----------
    areas : DataFrame
        ``area_id, parent_id, geometry`` (WKB, degrees), of one level.
    metric_crs : str

    Returns
    -------
    Series by ``area_id``; 1 for an only child of its parent and for an island, of which nothing can be told.
    """
    import geopandas as gpd

    shapes = (
        gpd.GeoSeries(shapely.from_wkb(areas["geometry"].to_numpy()), crs="EPSG:4326").to_crs(metric_crs).to_numpy()
    )
    parent = areas["parent_id"].to_numpy(dtype=object)
    pairs = sparse.triu(touching(shapes)).tocoo()
    length = shapely.length(
        shapely.intersection(shapely.boundary(shapes[pairs.row]), shapely.boundary(shapes[pairs.col]))
    )
    alike = np.where(parent[pairs.row] == parent[pairs.col], length, 0.0)
    n = len(areas)
    own, every = (np.bincount(pairs.row, of, n) + np.bincount(pairs.col, of, n) for of in (alike, length))
    siblings = pd.Series(parent).map(pd.Series(parent).value_counts()).to_numpy()
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where((every > 0) & (siblings > 1), own / every, 1.0)
    return pd.Series(share, index=areas["area_id"].to_numpy())
