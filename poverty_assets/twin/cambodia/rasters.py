"""Rasters of the twin: height, travel, people, buildings, and what satellites see in a quarter.

Belongs here: making fields on the grid from the world and writing them as GeoTIFF. Does not belong here: the latent
deprivation itself, which satellites see only through a veil of noise.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from poverty_assets.quarter import Quarter
from poverty_assets.twin.cambodia.world import World
from poverty_assets.twin.files import write_geotiff
from poverty_assets.twin.streams import smooth_noise, stream

Field = NDArray[np.float32]

_BORDER_CELLS = 3
_PERSONS_OF_A_BUILDING, _PERSONS_OF_A_CLOSE_CELL, _BUILDING_SPREAD = 3.2, 3000, 0.25
_RAIN_YEAR, _RAIN_PLACE, _RAIN_FINE = (
    0.10,
    0.15,
    0.02,
)  # spread of log rainfall: of years, of places in a year, of cells


def _within(world: World, values: NDArray[np.float64] | Field, decimals: int) -> Field:
    """Values inside the country and a few cells beyond, NaN elsewhere; rounded, as products are."""
    near = ndimage.binary_dilation(world.terrain.inside, iterations=_BORDER_CELLS)
    return np.where(near, np.round(values, decimals), np.nan).astype(np.float32)


def write_static(folder: Path, world: World) -> list[Path]:
    """Elevation, friction, travel time, and the long-term mean rainfall of each quarter of the year."""
    t = world.terrain
    products = [
        ("elevation", t.elevation, "m", 1, "Simulated elevation"),
        ("friction", t.friction, "minutes per metre", 5, "Simulated friction surface"),
        ("travel_time", t.minutes, "minutes", 1, "Simulated travel time to the nearest town"),
    ]
    written = [
        write_geotiff(folder / f"{name}.tif", _within(world, values, decimals), t.grid, title=title, unit=unit)
        for name, values, unit, decimals, title in products
    ]
    mean = np.exp((_RAIN_YEAR**2 + _RAIN_PLACE**2 + _RAIN_FINE**2) / 2)  # of a lognormal over its median
    normal = np.stack([_within(world, rainfall_median(world, season) * mean, 1) for season in range(4)])
    title = "Simulated long-term mean rainfall, a band a quarter of the year"
    return [*written, write_geotiff(folder / "rainfall_normal.tif", normal, t.grid, title=title, unit="mm")]


def rainfall_median(world: World, season: int) -> NDArray[np.float64]:
    """Median rainfall of a quarter of the year (0 to 3) in mm: what each year's weather varies about."""
    t = world.terrain
    wet = smooth_noise(stream(world.seed, "climate"), t.grid.shape, 45)
    return np.asarray(world.settings.rasters.rainfall_mm[season] * (1 + 0.9 * _coast(world) + 0.12 * wet))


def _coast(world: World) -> NDArray[np.float64]:
    """How near the rainy coast, 0 to 1."""
    grid = world.terrain.grid
    return np.asarray(np.exp(-((grid.lat[:, None] - 10.7) ** 2 + ((grid.lon[None, :] - 103.3) / 1.2) ** 2) / 0.9))


def cell_persons(world: World, year: int) -> NDArray[np.float64]:
    """Persons in every cell in mid-year, shape (rows, columns); 0 outside the country."""
    years = 0 if world.settings.scenario.no_change else year - world.settings.households.reference_year
    return np.asarray(world.areas.cell_persons * world.growth(years)[world.areas.cell_commune])


def write_population(folder: Path, world: World, year: int) -> Path:
    """Persons per cell in one year."""
    persons = np.where(world.terrain.inside, cell_persons(world, year), np.nan)
    return write_geotiff(
        folder / f"population_{year}.tif",
        np.round(persons, 3),
        world.terrain.grid,
        title=f"Simulated population {year}",
        unit="persons per cell",
    )


def write_buildings(folder: Path, world: World) -> Path:
    """Buildings per cell in the reference year: by persons, fewer for as many persons where they live close together."""
    year = world.settings.households.reference_year
    persons = cell_persons(world, year)
    close = 1 + np.log1p(persons / world.settings.population_scale / _PERSONS_OF_A_CLOSE_CELL)
    noise = stream(world.seed, "raster", "buildings").standard_normal(persons.shape)
    buildings = persons / (_PERSONS_OF_A_BUILDING * close) * np.exp(_BUILDING_SPREAD * noise)
    return write_geotiff(
        folder / "buildings.tif",
        np.round(np.where(world.terrain.inside, buildings, np.nan), 1),
        world.terrain.grid,
        title=f"Simulated buildings {year}",
        unit="buildings per cell",
    )


def _look(world: World, quarter: Quarter) -> Field:
    """How well off every cell looks from space: its commune's wealth behind noise of the commune and of the place, blurred."""
    noise, t, model = world.settings.noise, world.terrain, world.settings.model
    own = stream(world.seed, "look").standard_normal(len(world.areas)) * noise.look_commune
    look = (world.wealth(quarter) + own)[world.areas.cell_commune]
    if noise.look_place:
        sigma = model.smooth_km / t.grid.cell_km
        look = look + noise.look_place * smooth_noise(stream(world.seed, "look", "place"), t.grid.shape, sigma)
    return np.asarray(ndimage.gaussian_filter(look.astype(np.float32), 0.8))


def _noise(world: World, quarter: Quarter, name: str, sigma: float) -> Field:
    return smooth_noise(stream(world.seed, "raster", name, quarter.label), world.terrain.grid.shape, sigma)


def quarter_fields(world: World, quarter: Quarter) -> dict[str, tuple[Field, str, int, str]]:
    """Fields of one quarter: name to (values, unit, decimals, title)."""
    t, r, season = world.terrain, world.settings.rasters, quarter.number - 1
    look = _look(world, quarter)
    fine = stream(world.seed, "raster", "fine", quarter.label).standard_normal((3, *t.grid.shape), dtype=np.float32)
    crowd = np.log1p(cell_persons(world, quarter.year) / world.settings.population_scale)
    lights = np.exp(0.85 * crowd - 4.2 + r.wealth_in_lights * look + 0.25 * fine[0])
    lights *= np.exp(0.15 * _noise(world, quarter, "lights", 20))
    lights = np.where(t.water, 0.1, 1.0) * lights + 0.02

    wet = smooth_noise(stream(world.seed, "climate"), t.grid.shape, 45)
    coast = _coast(world)
    year = stream(world.seed, "weather", quarter.label).standard_normal(2)
    rain = rainfall_median(world, season) * np.exp(
        _RAIN_YEAR * year[0] + _RAIN_PLACE * _noise(world, quarter, "rain", 30) + _RAIN_FINE * fine[1]
    )
    anomaly = np.log(rain / r.rainfall_mm[season]) - 0.12 * wet - 0.6 * coast

    canopy = 1 / (1 + np.exp(-1.3 * t.forest))
    ndvi = 0.42 + 0.30 * canopy - 0.035 * np.maximum(crowd - 4, 0) - 0.012 * look
    ndvi += r.ndvi_season[season] * (1.3 - canopy) + 0.04 * anomaly + 0.02 * fine[2]
    ndvi = np.where(t.water, -0.1, ndvi.clip(-0.2, 0.92))

    heat = r.temperature_c[season] - 0.0055 * t.elevation - 3.0 * canopy + 0.25 * np.maximum(crowd - 3, 0)
    heat = heat - 0.12 * look + 0.5 * year[1] + 0.6 * _noise(world, quarter, "heat", 25) - 1.0 * anomaly

    low = np.exp(-np.minimum(t.river_km / 9, t.lake_km / 14)) * np.exp(-np.maximum(t.elevation - 12, 0) / 12)
    flood = r.flood_season[season] * low * np.exp(0.35 * year[0] + 0.5 * _noise(world, quarter, "flood", 8))
    flood = np.where(flood < 0.01, 0.0, flood.clip(0, 1))
    return {
        "nightlights": (lights, "nW cm-2 sr-1", 3, "Simulated night lights"),
        "ndvi": (ndvi, "1", 3, "Simulated vegetation index (NDVI)"),
        "rainfall": (rain, "mm", 1, "Simulated rainfall of the quarter"),
        "land_surface_temperature": (heat, "degrees Celsius", 2, "Simulated land surface temperature, day"),
        "flood_extent": (flood, "share of the cell", 3, "Simulated flooded share of the cell"),
    }


def write_quarter(folder: Path, world: World, quarter: Quarter) -> list[Path]:
    """Night lights, vegetation, rainfall, surface temperature and floods of one quarter."""
    return [
        write_geotiff(
            folder / f"{name}_{quarter.label}.tif",
            _within(world, values, decimals),
            world.terrain.grid,
            title=f"{title} {quarter.label}",
            unit=unit,
        )
        for name, (values, unit, decimals, title) in quarter_fields(world, quarter).items()
    ]
