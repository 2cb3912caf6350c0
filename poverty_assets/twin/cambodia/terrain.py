"""The lie of the land: grid, height, water, towns and where people live.

Belongs here: fields on the grid that follow from the outline, rivers, hills and towns of the settings. Does not belong
here: areas (``areas``) and anything that changes from quarter to quarter.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from poverty_assets.twin.cambodia.settings import TwinSettings
from poverty_assets.twin.grid import KM_PER_DEGREE, Grid
from poverty_assets.twin.streams import smooth_noise, stream

Field = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Terrain:
    """Fields on the grid, all of shape (rows, columns).

    ``density`` is persons per km2 up to a factor for each province; ``nearness`` grows with the size and nearness of
    towns; ``minutes`` is the travel time to the nearest town; ``friction`` the minutes to cross one metre.
    """

    grid: Grid
    inside: Mask
    water: Mask
    elevation: Field
    river_km: Field
    lake_km: Field
    road_km: Field
    density: Field
    nearness: Field
    minutes: Field
    friction: Field
    forest: Field
    roads: tuple[tuple[int, int], ...]


def distance_to_lines(grid: Grid, lines: list[list[tuple[float, float]]]) -> Field:
    """Distance of every cell to the nearest of the lines, km."""
    blank = np.ones(grid.shape, dtype=bool)
    for line in lines:
        for (x0, y0), (x1, y1) in pairwise(line):
            steps = int(np.hypot(x1 - x0, y1 - y0) * grid.per_degree * 2) + 2
            blank[grid.cell_of(np.linspace(x0, x1, steps), np.linspace(y0, y1, steps))] = False
    return np.asarray(ndimage.distance_transform_edt(blank) * grid.cell_km, dtype=np.float32)


def town_roads(settings: TwinSettings) -> tuple[tuple[int, int], ...]:
    """Pairs of towns joined by a road: the shortest tree over all towns, and each town's two nearest."""
    from scipy.sparse.csgraph import minimum_spanning_tree
    from scipy.spatial.distance import cdist

    places = np.array([(lon, lat) for _, lon, lat, _ in settings.towns])
    distance = cdist(places, places)
    tree = minimum_spanning_tree(distance).tocoo()
    pairs = {(min(a, b), max(a, b)) for a, b in zip(tree.row.tolist(), tree.col.tolist(), strict=True)}
    for town, nearest in enumerate(np.argsort(distance, axis=1, kind="stable")[:, 1:3].tolist()):
        pairs |= {(min(town, other), max(town, other)) for other in nearest}
    return tuple(sorted(pairs))


def _squared_km(grid: Grid, lon: float, lat: float) -> Field:
    """Squared distance of every cell to a point, km2."""
    km_east = KM_PER_DEGREE * np.cos(np.radians(grid.lat.mean()))
    east, north = (grid.lon - lon) * km_east, (grid.lat - lat) * KM_PER_DEGREE
    return np.asarray(east[None, :] ** 2 + north[:, None] ** 2, dtype=np.float32)


def _elevation(settings: TwinSettings, grid: Grid, river_km: Field, lake_km: Field, water: Mask, seed: int) -> Field:
    """Height: a plain that rises slowly from the water, and the hills, roughened."""
    rough = smooth_noise(stream(seed, "terrain", "rough"), grid.shape, 5)
    height = 8.0 + 0.35 * np.minimum(np.minimum(river_km, lake_km), 120) + 4 * rough
    for lon, lat, top, radius in settings.hills:
        height += top * np.exp(0.25 * rough - _squared_km(grid, lon, lat) / (2 * radius**2))
    return np.where(water, 1.0, np.maximum(height, 1.0)).astype(np.float32)


def _towns(settings: TwinSettings, grid: Grid) -> tuple[Field, Field, Field]:
    """What towns do to each cell: townspeople per km2, nearness, and minutes to the nearest on an even road."""
    people, near = np.zeros((2, *grid.shape), dtype=np.float32)
    minutes = np.full(grid.shape, np.inf, dtype=np.float32)
    for _, lon, lat, thousands in settings.towns:
        km = np.sqrt(_squared_km(grid, lon, lat))
        scale = 0.6 * thousands**0.3
        people += thousands * 1000 / (2 * np.pi * scale**2) * np.exp(-km / scale)
        near += thousands**0.7 * np.exp(-km / (6 * scale))
        minutes = np.minimum(minutes, km * 1.6)
    return people, near, minutes


def build(settings: TwinSettings, seed: int) -> Terrain:
    """Fields of the country."""
    import shapely

    g = settings.grid
    grid = Grid(g.west, g.north, g.columns, g.rows, g.cells_per_degree)
    lon, lat = grid.mesh()
    water = shapely.contains_xy(shapely.Polygon(settings.lake), lon, lat)
    river_km = distance_to_lines(grid, list(settings.rivers.values()))
    lake_km = np.asarray(ndimage.distance_transform_edt(~water) * grid.cell_km, dtype=np.float32)
    elevation = _elevation(settings, grid, river_km, lake_km, water, seed)
    roads = town_roads(settings)
    ends = [(lon_, lat_) for _, lon_, lat_, _ in settings.towns]
    road_km = distance_to_lines(grid, [[ends[a], ends[b]] for a, b in roads])
    townspeople, near, minutes = _towns(settings, grid)

    patchy = smooth_noise(stream(seed, "terrain", "settlement"), grid.shape, 4)
    rural = 18 + 110 * np.exp(-river_km / 18) + 60 * np.exp(-lake_km / 22) + 70 * np.exp(-road_km / 8)
    density = (rural * np.exp(-elevation / 220 + 0.45 * patchy) + townspeople) * np.where(water, 0.08, 1.0)
    forest = smooth_noise(stream(seed, "terrain", "forest"), grid.shape, 12) + np.log1p(elevation / 60) - 1
    return Terrain(
        grid=grid,
        inside=shapely.contains_xy(shapely.Polygon(settings.outline), lon, lat),
        water=water,
        elevation=elevation,
        river_km=river_km,
        lake_km=lake_km,
        road_km=road_km,
        density=density.astype(np.float32),
        nearness=np.log1p(near),
        minutes=((minutes + 1.2 * road_km) * (1 + elevation / 800)).astype(np.float32),
        friction=(0.0012 + 0.0006 * np.minimum(road_km, 25) + 0.00001 * elevation).astype(np.float32),
        forest=forest.astype(np.float32),
        roads=roads,
    )
