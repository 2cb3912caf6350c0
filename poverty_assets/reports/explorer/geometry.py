"""Boundaries for the screen: simplified together, so that neighbours keep one border, and packed as whole numbers.

Belongs here: from the warehouse's boundaries to what ``static/data.js`` draws. Does not belong here: drawing.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

GRID = 4096  # steps across the longer side: 180 m in a country of 750 km, a third of a pixel on a wide screen
TOLERANCE = 2.5  # in steps: square root of the area of a corner that a border may lose


def pack_boundaries(areas: pd.DataFrame, finest: str = "commune") -> dict[str, Any]:
    """Rings of every area as differences of whole coordinates.

    Parameters
    ----------
    areas : DataFrame
        ``area_id, area_level, geometry`` (WKB, degrees), in the order of the page.
    finest : str
        Level whose boundaries are simplified; larger areas are put together from these, and so share every border.

    Returns
    -------
    dict
        ``width``, ``height`` of the drawing in steps, and ``rings``: for each area a list of polygons, each a list of
        rings, each a list ``[x0, y0, dx1, dy1, ...]`` with y counted downwards; the closing point is left out.
    """
    import shapely

    shapes = shapely.from_wkb(areas["geometry"].to_numpy())
    small = (areas["area_level"] == finest).to_numpy()
    west, south, east, north = shapely.total_bounds(shapes)
    shrink = math.cos(math.radians((south + north) / 2))  # a degree of longitude against one of latitude
    step = max((east - west) * shrink, north - south) / GRID
    origin = np.array([west, north])
    factor = np.array([shrink / step, -1 / step])
    drawn = np.array([None] * len(areas), dtype=object)
    drawn[small] = _simplified(shapely.transform(shapes[small], lambda xy: (xy - origin) * factor))
    codes = areas["area_id"].to_numpy()
    for i in np.flatnonzero(~small):
        parts = _parts(codes[i], codes, small, areas["area_level"].to_numpy()[i] == "country")
        whole = (
            shapely.union_all(drawn[parts])
            if len(parts)
            else _simplified(shapely.transform(shapes[[i]], lambda xy: (xy - origin) * factor))[0]
        )
        drawn[i] = whole
    return {
        "width": math.ceil((east - west) * factor[0]),
        "height": math.ceil((north - south) / step),
        "rings": [_polygons(shape) for shape in drawn],
    }


def _simplified(shapes: Any) -> Any:
    import shapely

    thinned = shapely.coverage_simplify(shapes, TOLERANCE)
    snapped = shapely.transform(thinned, np.rint)
    lost = np.array([_area(shape) <= 0 for shape in snapped])  # smaller than a step: kept as it was
    snapped[lost] = shapely.transform(shapes[lost], lambda xy: np.rint(xy * 4) / 4)
    return shapely.make_valid(snapped)


def _area(shape: Any) -> float:
    return float(shape.area)


def _parts(code: str, codes: Any, small: Any, is_country: bool) -> Any:
    inside = np.array([is_country or c.startswith(code) for c in codes])
    return np.flatnonzero(inside & small)


def _polygons(shape: Any) -> list[list[list[int]]]:
    import shapely

    polygons = [p for p in shapely.get_parts(shape) if p.geom_type == "Polygon" and p.area > 0]
    return [[_ring(ring.coords) for ring in (p.exterior, *p.interiors)] for p in polygons]


def _ring(coordinates: Any) -> list[int]:
    xy = np.rint(np.asarray(coordinates)[:-1]).astype(int)
    moves = np.vstack([xy[:1], np.diff(xy, axis=0)])
    return [int(v) for v in moves.ravel()]
