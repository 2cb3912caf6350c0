"""Layers for the reader's eye: roads as lines, services and places as points, made light enough to draw.

Belongs here: from the sources of a layer to a few multi-geometries of it. Does not belong here: measuring anything against areas
(``vector``), drawing (``reports``), or which layers a country has (``country.yaml``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import shapely

from poverty_assets.pack.country import ContextLayer
from poverty_assets.pack.source import SourceSpec, TableSource

KINDS = ("point", "line", "polygon")  # by dimension
DECIMALS = 4  # of a degree: 11 m
TOLERANCE = 0.0018  # degrees: 200 m along a meridian
MOST_POINTS = 6_000
MOST_VERTICES = 20_000
COAST = 0.01  # degrees: a pier or an island that the boundary leaves out is kept
Read = Callable[[str], "pd.DataFrame | None"]


def context_layers(
    layers: list[ContextLayer], specs: list[SourceSpec], read: Read, outline: bytes, languages: Sequence[str] = ("en",)
) -> pd.DataFrame:
    """The layers of a quarter (catalog: ``dim_context``).

    Parameters
    ----------
    layers : list of ContextLayer
        What each layer is called and which sources it takes.
    specs : list of SourceSpec
        Sources of the run; those of a layer that are not among them give no row.
    read : callable
        Rows of a source as the quarter sees it, EPSG:4326; None where it had not been observed.
    outline : bytes
        The country as WKB, EPSG:4326; what lies outside is cut off.
    languages : sequence of str
        Those of the columns ``name_<language>``.

    Returns
    -------
    DataFrame
        One row a layer, source and kind of shape. ``part`` is 3 times the source's place in the layer's list (from 0) plus 1 for
        points, 2 for lines, 3 for polygons, so that it means the same in every quarter.

    Notes
    -----
    Lines and polygons are simplified by 200 m (Douglas and Peucker 1973), or by twice, four times, ... as much where they would
    have more than 20,000 vertices; shorter lines and smaller polygons than that go. Of more than 6,000 points, one in each cell of
    the finest even grid that leaves at most 6,000 is kept. The order of a source's rows makes no difference.
    """
    by_id = {spec.source_id: spec for spec in specs}
    inside = shapely.buffer(shapely.simplify(shapely.make_valid(shapely.from_wkb(outline)), COAST / 10), COAST)
    shapely.prepare(inside)
    rows = []
    for layer in layers:
        for place, source_id in enumerate(layer.sources):
            frame = read(source_id) if source_id in by_id else None
            if frame is None:
                continue
            for kind, n_shapes, shape in _drawable(_shapes(by_id[source_id], frame), inside):
                part = 3 * place + 1 + KINDS.index(kind)
                names = (layer.names.get(language) for language in languages)
                rows.append((layer.layer_id, part, kind, *names, source_id, n_shapes, shapely.to_wkb(shape)))
    names_of = [f"name_{language}" for language in languages]
    columns = ["layer_id", "part", "kind", *names_of, "source_id", "n_shapes", "geometry"]
    return pd.DataFrame(rows, columns=columns)


def _shapes(spec: SourceSpec, frame: pd.DataFrame) -> Any:
    if isinstance(spec, TableSource) and spec.options.points is not None:
        x, y = (frame[name].to_numpy(dtype=float) for name in spec.options.points)
        return shapely.points(x, y)[np.isfinite(x) & np.isfinite(y)]
    shapes = shapely.from_wkb(frame["geometry"].to_numpy())
    return shapes[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))]


def _drawable(shapes: Any, inside: Any) -> list[tuple[str, int, Any]]:
    """Kind, number of shapes in the country, and one light multi-geometry of them, for each kind that there is."""
    shapes = shapes[shapely.intersects(inside, shapes)]
    found = []
    for dimension, kind in enumerate(KINDS):
        of_kind = shapes[shapely.get_dimensions(shapes) == dimension]
        if not len(of_kind):
            continue
        shape = _thinned(of_kind, inside) if kind == "point" else _simplified(of_kind, inside, dimension)
        if not shape.is_empty:
            found.append((kind, len(of_kind), shape))
    return found


def _thinned(shapes: Any, inside: Any) -> Any:
    parts = shapely.get_parts(shapes)
    xy = shapely.get_coordinates(parts[shapely.intersects(inside, parts)])
    xy = np.round(xy[np.lexsort((xy[:, 1], xy[:, 0]))], DECIMALS)
    if len(xy) > MOST_POINTS:
        xy = xy[_one_a_cell(xy)]
    return shapely.multipoints(xy)


def _one_a_cell(xy: Any) -> Any:
    """Numbers of the first point in each cell of the finest grid (steps of a tenth) that leaves at most ``MOST_POINTS``."""
    west, south = xy.min(axis=0)
    cell = float(np.ptp(xy, axis=0).max()) or 1.0
    kept = np.array([0])
    while True:
        columns, rows = np.floor((xy - (west, south)) / cell).astype(np.int64).T
        first = np.unique(columns * (rows.max() + 1) + rows, return_index=True)[1]
        if len(first) > MOST_POINTS or cell < 10**-DECIMALS:
            return np.sort(kept)
        kept, cell = first, cell * 0.9


def _simplified(shapes: Any, inside: Any, dimension: int) -> Any:
    parts = shapely.get_parts(shapely.normalize(shapely.union_all(shapely.intersection(shapes, inside))))
    whole = parts[shapely.get_dimensions(parts) == dimension]
    if dimension == 1:
        whole = shapely.get_parts(shapely.line_merge(shapely.multilinestrings(whole)))
    collect = shapely.multilinestrings if dimension == 1 else shapely.multipolygons
    tolerance = TOLERANCE
    while True:
        size = shapely.length(whole) if dimension == 1 else np.sqrt(shapely.area(whole))
        light = shapely.simplify(whole[size >= tolerance], tolerance)
        light = shapely.transform(light, lambda xy: np.round(xy, DECIMALS))
        if shapely.get_num_coordinates(light).sum() <= MOST_VERTICES:
            return shapely.normalize(collect(light))
        tolerance *= 2
