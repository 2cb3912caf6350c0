"""Points, lines and polygons over areas: how many, how dense, how far, how long, how much of an area, and the mean of what they
carry.

Belongs here: measures of vector layers by area. Does not belong here: rasters (``zonal``), reading files (``sources``), or
which layers a country has.

Every function takes ``zones`` (``area_id``, ``geometry``) and answers with one value a zone, in the order of the zones.
Lengths and distances are taken in the metric CRS that the caller names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from poverty_assets.errors import ContractViolation, InputError, MissingCRS

if TYPE_CHECKING:
    import geopandas as gpd


def in_metric(layer: gpd.GeoDataFrame, metric_crs: str) -> np.ndarray:
    """Geometries of the layer as an array in ``metric_crs``.

    Raises
    ------
    MissingCRS
        If the layer does not state its CRS.
    """
    if layer.crs is None:
        raise MissingCRS("the layer does not state its coordinate reference system", remedy="set it where it is read")
    return np.asarray(layer.geometry.to_crs(metric_crs).array)


def zone_of_points(points: np.ndarray, zones: np.ndarray) -> np.ndarray:
    """Number of the zone that holds each point, -1 for none; a point on a shared border goes to the first zone.

    Both are arrays of shapely geometries in one CRS.
    """
    point, zone = shapely.STRtree(zones).query(points, predicate="intersects")
    found = np.full(len(points), len(zones), dtype=np.int64)
    np.minimum.at(found, point, zone)
    return np.where(found == len(zones), -1, found)


def count(points: gpd.GeoDataFrame, zones: gpd.GeoDataFrame, metric_crs: str) -> np.ndarray:
    """Points in each zone, shape (n_zones,)."""
    zone = zone_of_points(in_metric(points, metric_crs), in_metric(zones, metric_crs))
    return np.bincount(zone[zone >= 0], minlength=len(zones)).astype(float)


def area_km2(zones: gpd.GeoDataFrame, metric_crs: str) -> np.ndarray:
    """Size of each zone in square kilometres, shape (n_zones,)."""
    return np.asarray(shapely.area(in_metric(zones, metric_crs)) / 1e6)


def distance_km(
    targets: gpd.GeoDataFrame, zones: gpd.GeoDataFrame, metric_crs: str, *, boundary: bool = False
) -> np.ndarray:
    """Kilometres from a point within each zone to the nearest target, shape (n_zones,).

    The point is shapely's representative point, which is never outside its zone as a centroid can be.

    Parameters
    ----------
    targets : GeoDataFrame
        Points, lines or polygons; at least one.
    boundary : bool
        Measure to the outline of polygon targets, as for "distance to the border" from inside the country.
    """
    nearest = in_metric(targets, metric_crs)
    nearest = shapely.boundary(nearest) if boundary else nearest
    nearest = nearest[~(shapely.is_missing(nearest) | shapely.is_empty(nearest))]
    if not len(nearest):
        raise ContractViolation("there is nothing to measure the distance to: the layer has no geometry")
    # polygons and long lines are cut into their parts, so that the tree can tell near ones from far ones
    nearest = _segments(nearest)
    start = shapely.point_on_surface(in_metric(zones, metric_crs))
    pairs, metres = shapely.STRtree(nearest).query_nearest(start, all_matches=False, return_distance=True)
    found = np.full(len(zones), np.nan)
    found[pairs[0]] = metres / 1000.0
    return found


def _segments(geometries: np.ndarray) -> np.ndarray:
    """Multi-part geometries as parts; lines as segments of two vertices; points and polygons as they are."""
    parts = shapely.get_parts(geometries)
    is_line = np.isin(shapely.get_type_id(parts), (1, 2))
    if not is_line.any():
        return parts
    coordinates, line = shapely.get_coordinates(parts[is_line], return_index=True)
    joined = line[1:] == line[:-1]
    segments = shapely.linestrings(np.stack([coordinates[:-1][joined], coordinates[1:][joined]], axis=1))
    return np.concatenate([parts[~is_line], segments])


def covered_km2(polygons: gpd.GeoDataFrame, zones: gpd.GeoDataFrame, metric_crs: str) -> np.ndarray:
    """Square kilometres of each zone under any of the polygons, shape (n_zones,); where they overlap each other, once."""
    whole = in_metric(zones, metric_crs)
    layer = shapely.make_valid(in_metric(polygons, metric_crs))
    parts = shapely.get_parts(shapely.union_all(layer[~shapely.is_missing(layer)]))
    part, zone = shapely.STRtree(whole).query(parts, predicate="intersects")
    shared = shapely.area(shapely.intersection(parts[part], whole[zone]))
    return np.minimum(np.bincount(zone, weights=shared, minlength=len(zones)), shapely.area(whole)) / 1e6


def length_km(lines: gpd.GeoDataFrame, zones: gpd.GeoDataFrame, metric_crs: str) -> np.ndarray:
    """Kilometres of line within each zone, shape (n_zones,)."""
    segments = _segments(in_metric(lines, metric_crs))
    polygons = in_metric(zones, metric_crs)
    shapely.prepare(polygons)
    tree = shapely.STRtree(polygons)
    segment, zone = tree.query(segments, predicate="intersects")
    metres = np.bincount(
        zone, weights=shapely.length(shapely.intersection(segments[segment], polygons[zone])), minlength=len(zones)
    )
    return metres / 1000.0


def sums_of(
    points: gpd.GeoDataFrame, zones: gpd.GeoDataFrame, metric_crs: str, column: str, weight: str | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Sum of ``weight * column`` and sum of ``weight`` over the points in each zone that have both.

    Their ratio is the zone's (weighted) mean; the two are returned apart because they add up to larger areas.

    Returns
    -------
    numerator, denominator : numpy.ndarray, shape (n_zones,)
    """
    for name in (column, weight):
        if name is not None and name not in points.columns:
            raise InputError(
                f"the layer has no column {name!r}", remedy=f"one of {', '.join(str(c) for c in points.columns)}"
            )
    values = points[column].to_numpy(dtype=float)
    weights = np.ones(len(points)) if weight is None else points[weight].to_numpy(dtype=float)
    zone = zone_of_points(in_metric(points, metric_crs), in_metric(zones, metric_crs))
    use = (zone >= 0) & np.isfinite(values) & np.isfinite(weights)
    n = len(zones)
    numerator = np.bincount(zone[use], weights=values[use] * weights[use], minlength=n)
    return numerator, np.bincount(zone[use], weights=weights[use], minlength=n)
