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
