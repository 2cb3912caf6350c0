"""Boundaries and layers for the screen, packed as whole numbers; boundaries simplified together, so that neighbours keep one border.

Belongs here: from the warehouse's geometry to what ``static/data.js`` draws. Does not belong here: drawing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import shapely

from poverty_assets.geography.hierarchy import Hierarchy

GRID = 4096  # steps across the longer side: 180 m in a country of 750 km, a third of a pixel on a wide screen
TOLERANCE = 2.5  # in steps: square root of the area of a corner that a border may lose


@dataclass(frozen=True)
class Frame:
    """From degrees to the steps of the drawing: ``(xy - origin) * factor``, y downwards, ``width`` by ``height`` steps."""

    origin: Any
    factor: Any
    width: int
    height: int

    def steps(self, xy: Any) -> Any:
        """Coordinates in steps, not rounded."""
        return (xy - self.origin) * self.factor


def frame_of(shapes: Any) -> Frame:
    """The frame that just holds these shapes (degrees)."""
    west, south, east, north = shapely.total_bounds(shapes)
    shrink = math.cos(math.radians((south + north) / 2))  # a degree of longitude against one of latitude
    step = max((east - west) * shrink, north - south) / GRID
    factor = np.array([shrink / step, -1 / step])
    width, height = math.ceil((east - west) * factor[0]), math.ceil((north - south) / step)
    return Frame(np.array([west, north]), factor, width, height)


def pack_layer(kind: str, shape: Any, frame: Frame) -> dict[str, Any]:
    """A layer's multi-geometry (degrees) in the steps of the frame, as differences; what leaves the frame is moved to its edge.

    Returns
    -------
    dict
        ``points``: ``[x0, y0, dx1, dy1, ...]``; or ``lines``: a list of such lists; or ``rings`` as of ``pack_boundaries``.
    """
    edge = np.array([frame.width, frame.height])
    snapped = shapely.transform(shape, lambda xy: np.clip(np.rint(frame.steps(xy)), 0, edge))
    if kind == "point":
        return {"points": _moves(shapely.get_coordinates(snapped))}
    if kind == "line":
        lines = [shapely.get_coordinates(line) for line in shapely.get_parts(shapely.remove_repeated_points(snapped))]
        return {"lines": [_moves(line) for line in lines if len(line) > 1 and np.ptp(line, axis=0).any()]}
    return {"rings": _polygons(shapely.make_valid(snapped))}


def pack_boundaries(areas: pd.DataFrame) -> dict[str, Any]:
    """Rings of every area as differences of whole coordinates.

    Parameters
    ----------
    areas : DataFrame
        ``area_id, area_level, parent_id, geometry`` (WKB, degrees), in the order of the page. Boundaries of the finest level are
        simplified; larger areas are put together from these, and so share every border.

    Returns
    -------
    dict
        ``width``, ``height`` of the drawing in steps, and ``rings``: for each area a list of polygons, each a list of
        rings, each a list ``[x0, y0, dx1, dy1, ...]`` with y counted downwards; the closing point is left out.
    """
    shapes = shapely.from_wkb(areas["geometry"].to_numpy())
    hierarchy = Hierarchy.of(areas)
    small = (areas["area_level"] == hierarchy.finest).to_numpy()
    frame = frame_of(shapes)
    drawn = np.array([None] * len(areas), dtype=object)
    drawn[small] = _simplified(shapely.transform(shapes[small], frame.steps))
    number = hierarchy.number(areas["area_id"])
    held = hierarchy.ancestors[number[small]]
    for i in np.flatnonzero(~small):
        parts = np.flatnonzero(small)[held[:, hierarchy.level[number[i]]] == number[i]]
        whole = (
            shapely.union_all(drawn[parts])
            if len(parts)
            else _simplified(shapely.transform(shapes[[i]], frame.steps))[0]
        )
        drawn[i] = whole
    return {
        "width": frame.width,
        "height": frame.height,
        "rings": [_polygons(shape) for shape in drawn],
    }


def _simplified(shapes: Any) -> Any:
    thinned = shapely.coverage_simplify(shapes, TOLERANCE)
    snapped = shapely.transform(thinned, np.rint)
    lost = np.array([_area(shape) <= 0 for shape in snapped])  # smaller than a step: kept as it was
    snapped[lost] = shapely.transform(shapes[lost], lambda xy: np.rint(xy * 4) / 4)
    return shapely.make_valid(snapped)


def _area(shape: Any) -> float:
    return float(shape.area)


def _polygons(shape: Any) -> list[list[list[int]]]:
    polygons = [p for p in shapely.get_parts(shape) if p.geom_type == "Polygon" and p.area > 0]
    return [[_moves(np.asarray(ring.coords)[:-1]) for ring in (p.exterior, *p.interiors)] for p in polygons]


def _moves(coordinates: Any) -> list[int]:
    xy = np.rint(coordinates).astype(int)
    moves = np.vstack([xy[:1], np.diff(xy, axis=0)])
    return [int(v) for v in moves.ravel()]
