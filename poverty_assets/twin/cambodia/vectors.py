"""Vector files of the twin: commune boundaries, points, roads and protected areas.

Belongs here: boundaries, towns, health posts, schools, markets, roads, protected areas. Does not belong here: rasters, tables.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from poverty_assets.twin.cambodia import areas as areas_
from poverty_assets.twin.cambodia.world import World
from poverty_assets.twin.files import write_atomic, write_geojson
from poverty_assets.twin.streams import smooth_noise, stream

_NATIONAL_THOUSANDS = 100.0
_SMALLEST_PROTECTED_CELLS = 60
_PROTECTED_TOLERANCE = 0.008  # degrees


def area_table(world: World) -> pd.DataFrame:
    """Codes and names of the communes, one row each."""
    a = world.areas
    return pd.DataFrame(
        {
            "commune_code": a.commune_code.tolist(),
            "commune_en": a.commune_en,
            "commune_km": a.commune_km,
            "district_code": a.district_code.tolist(),
            "district_en": a.district_en,
            "district_km": a.district_km,
            "province_code": a.province_code.tolist(),
            "province_en": a.province_en,
            "province_km": a.province_km,
            "is_urban": a.is_urban.tolist(),
        }
    )


def write_boundaries(folder: Path, world: World) -> Path:
    """Commune polygons with codes, names in both scripts, and whether they are urban."""
    return write_geojson(
        folder / "communes.geojson",
        areas_.polygons(world.areas, world.settings),
        area_table(world),
        title="Simulated commune boundaries: real codes and names, invented geometry",
    )


def _scatter(world: World, kind: str, n: int) -> Any:
    """`n` points, drawn by population; markets prefer towns and well-off communes, schools spread evenly."""
    import shapely

    t, a, rng = world.terrain, world.areas, stream(world.seed, "points", kind)
    wealth = world.wealth(world.settings.reference_quarter)[a.cell_commune]
    power, response = {"markets": (0.9, 0.35), "schools": (0.65, 0.0)}.get(kind, (0.75, 0.12))
    weight = (a.cell_persons**power * np.exp(response * wealth)).ravel()
    cells = rng.choice(len(weight), size=n, p=weight / weight.sum(), replace=True)
    row, column = np.divmod(cells, t.grid.columns)
    lon = t.grid.lon[column] + rng.uniform(-0.45, 0.45, n) / t.grid.per_degree
    lat = t.grid.lat[row] + rng.uniform(-0.45, 0.45, n) / t.grid.per_degree
    outline = shapely.Polygon(world.settings.outline)
    inside = shapely.contains_xy(outline, lon, lat)
    lon, lat = np.where(inside, lon, t.grid.lon[column]), np.where(inside, lat, t.grid.lat[row])
    return shapely.points(np.round(lon, 6), np.round(lat, 6))


def write_points(folder: Path, world: World) -> list[Path]:
    """Towns, and the kinds of points that the settings count; schools as GeoParquet, the others as GeoJSON."""
    import geopandas as gpd
    import shapely

    towns = pd.DataFrame(world.settings.towns, columns=["name", "lon", "lat", "thousand_people"])
    files = [
        write_geojson(
            folder / "towns.geojson",
            list(shapely.points(towns["lon"], towns["lat"])),
            towns[["name", "thousand_people"]],
            title="Simulated towns: real places, approximate position and size",
        )
    ]
    for kind, n in world.settings.points.items():
        identity = pd.DataFrame({"point_id": [f"{kind}-{i:05d}" for i in range(1, n + 1)], "is_simulated": True})
        points = _scatter(world, kind, n)
        if kind == "schools":
            frame = gpd.GeoDataFrame(identity, geometry=points, crs="EPSG:4326")
            files.append(write_atomic(folder / f"{kind}.parquet", partial(frame.to_parquet, index=False)))
        else:
            title = f"Simulated {kind.replace('_', ' ')}"
            files.append(write_geojson(folder / f"{kind}.geojson", list(points), identity, title=title))
    return files


def write_roads(folder: Path, world: World) -> Path:
    """Roads between towns, gently winding; class ``national`` between larger towns, else ``provincial``."""
    import shapely

    towns, lines, rows = world.settings.towns, [], []
    for a, b in world.terrain.roads:
        (name_a, x0, y0, size_a), (name_b, x1, y1, size_b) = towns[a], towns[b]
        along = np.linspace(0, 1, 13)
        bend = np.sin(np.pi * along) * stream(world.seed, "road", name_a, name_b).normal(0, 0.02)
        lon, lat = x0 + along * (x1 - x0) - bend * (y1 - y0), y0 + along * (y1 - y0) + bend * (x1 - x0)
        lines.append(shapely.LineString(np.round(np.column_stack([lon, lat]), 6)))
        rows.append(
            {
                "name": f"{name_a} to {name_b}",
                "class": "national" if size_a + size_b > _NATIONAL_THOUSANDS else "provincial",
            }
        )
    return write_geojson(folder / "roads.geojson", lines, pd.DataFrame(rows), title="Simulated roads")


def write_protected_areas(folder: Path, world: World) -> Path:
    """Polygons of wooded land where few people live, numbered from the largest; some overlap communes' borders, as real ones do."""
    import rasterio
    import shapely
    from rasterio.features import shapes

    t, grid = world.terrain, world.terrain.grid
    worth = t.forest + 0.8 * smooth_noise(stream(world.seed, "terrain", "protected"), grid.shape, 10)
    worth = np.where(t.inside & ~t.water, worth - 0.5 * np.log1p(t.density / 20), -np.inf)
    at_least = np.quantile(worth[t.inside], 1 - world.settings.protected_share)
    transform = rasterio.Affine(1 / grid.per_degree, 0, grid.west, 0, -1 / grid.per_degree, grid.north)
    mask = worth >= at_least
    found = [shapely.geometry.shape(shape) for shape, _ in shapes(mask.astype(np.uint8), mask, transform=transform)]
    large = [shape for shape in found if shape.area * grid.per_degree**2 >= _SMALLEST_PROTECTED_CELLS]
    outline = shapely.Polygon(world.settings.outline)
    light = shapely.intersection(shapely.simplify(large, _PROTECTED_TOLERANCE), outline)
    ordered = light[np.argsort(-shapely.area(light), kind="stable")]
    names = [f"Simulated protected area {number}" for number in range(1, len(ordered) + 1)]
    rounded = shapely.set_precision(ordered, 1e-6)
    return write_geojson(
        folder / "protected_areas.geojson",
        list(rounded),
        pd.DataFrame({"name": names, "is_simulated": True}),
        title="Simulated protected areas",
    )
