"""Files of the made-up landing folder: their places, and opening, changing and writing each kind.

Belongs here: forms. Does not belong here: which changes there are (``mutations``, ``changes``).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import openpyxl
import rasterio
import shapely

Rng = np.random.Generator
Change = Callable[[Any, Rng], Any]

COMMUNES = "boundaries/geoBoundaries-KHM-ADM3_simplified.geojson"
CODES = "boundaries/derived_geoBoundaries_ADM3_to_NCDD_code.csv"
PCODES = "boundaries/hdx_global_pcodes_adm1_2_KHM.csv"
PROVINCES = "boundaries/khm_bnd_admin1_gov_ed2022.json"
REGISTER = "registers/prism_idpoor_communes_2022_01_01.json"
FLOOD = "registers/prism_flood_hazard_index_communes.json"
VILLAGES_2010 = "registers/odc_idpoor_villages_2010.csv"
DATABASE = "registers/cdb_commune_census_data_2011.csv"
CENSUS = "registers/census2008_int_migration_commune.csv"
DISTRICTS = "registers/census2008_migration_district.csv"
PLACES = "points/geonames_KH_cities500.csv"
CITIES = "points/gds4ae_ghsl_cambodian_cities.geojson"
ROADS = "points/gds4ae_cambodia_roads_cache.gpkg"
SUBNATIONAL, NATIONAL = "published/subnational-results-mpi.xlsx", "published/national-results-mpi.xlsx"
PUBLISHED = "published/global_mpi.csv"
FRICTION = "rasters/gds4ae/cambodia_2020_walking_friction_surface.tif"
NDVI = "rasters/cop_ndvi_lta_june21_cambodia.tif"
DENSITY = "rasters/gpw_v411_popdensity_2020_decoded_3857.tif"
WAVE = "survey/dhs_2021_22"

MAC = {VILLAGES_2010, DATABASE, DISTRICTS}
"""Files in Mac Roman; the other tables are UTF-8."""
PLAIN_FILES = (COMMUNES, CODES, REGISTER, CENSUS, DATABASE, PLACES, ROADS, SUBNATIONAL, PUBLISHED, FRICTION)
"""One of each kind, for what may befall any file."""


def encoding_of(file: str) -> str:
    return "mac_roman" if file in MAC else "utf-8"


def table(file: str, change: Change) -> Callable[[Path, Rng], None]:
    """A csv as rows of text, the header first; ``change`` alters them in place or gives others."""

    def changed(folder: Path, rng: Rng) -> None:
        path = folder / file
        text = path.read_bytes().decode(encoding_of(file)).replace("\r\n", "\n").replace("\r", "\n")
        rows = list(csv.reader(io.StringIO(text)))
        rows = change(rows, rng) or rows
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows(rows)
        path.write_bytes(out.getvalue().encode(encoding_of(file)))

    return changed


def text(file: str, change: Change) -> Callable[[Path, Rng], None]:
    """A file as its bytes; ``change`` gives others."""

    def changed(folder: Path, rng: Rng) -> None:
        (folder / file).write_bytes(change((folder / file).read_bytes(), rng))

    return changed


def records(file: str, change: Change) -> Callable[[Path, Rng], None]:
    """A json file's list of records, changed in place or for another."""

    def changed(folder: Path, rng: Rng) -> None:
        value = json.loads((folder / file).read_text())
        value["DataList"] = change(value["DataList"], rng) or value["DataList"]
        (folder / file).write_text(json.dumps(value))

    return changed


def shapes(file: str, change: Change) -> Callable[[Path, Rng], None]:
    """A GeoJSON's features, changed in place or for others."""

    def changed(folder: Path, rng: Rng) -> None:
        value = json.loads((folder / file).read_text())
        value["features"] = change(value["features"], rng) or value["features"]
        (folder / file).write_text(json.dumps(value))

    return changed


def moved(file: str, move: Callable[[np.ndarray], np.ndarray], crs: str | None = None) -> Callable[[Path, Rng], None]:
    """A vector file with every coordinate moved, and labelled with ``crs``."""

    def changed(folder: Path, rng: Rng) -> None:
        data = gpd.read_file(folder / file)
        geometry = shapely.transform(data.geometry.to_numpy(), move)
        data = data.set_geometry(gpd.GeoSeries(geometry, crs=crs or data.crs))
        (folder / file).unlink()
        data.to_file(folder / file, driver="GPKG" if file.endswith(".gpkg") else "GeoJSON")

    return changed


def book(file: str, change: Change) -> Callable[[Path, Rng], None]:
    """A workbook, changed in place."""

    def changed(folder: Path, rng: Rng) -> None:
        opened = openpyxl.load_workbook(folder / file)
        change(opened, rng)
        opened.save(folder / file)

    return changed


def raster(file: str, change: Change) -> Callable[[Path, Rng], None]:
    """A GeoTIFF's array and profile; ``change`` gives both, changed."""

    def changed(folder: Path, rng: Rng) -> None:
        with rasterio.open(folder / file) as data:
            values, profile = data.read(), data.profile
        values, profile = change((values, dict(profile)), rng)
        profile.update(height=values.shape[1], width=values.shape[2], count=values.shape[0], dtype=values.dtype)
        (folder / file).unlink()
        with rasterio.open(folder / file, "w", **profile) as data:
            data.write(values)

    return changed


def some(rng: Rng, number: int, most: int = 5) -> list[int]:
    """A few places of so many."""
    return sorted(int(i) for i in rng.choice(number, size=min(number, int(rng.integers(1, most + 1))), replace=False))


def column(rows: list[list[str]], name: str) -> int:
    return rows[0].index(name)


def each_cell(file: str, name: str, change: Callable[[str], str]) -> Callable[[Path, Rng], None]:
    """A column of a csv with every value changed."""

    def change_all(rows: list[list[str]], rng: Rng) -> None:
        at = column(rows, name)
        for row in rows[1:]:
            row[at] = change(row[at])

    return table(file, change_all)


def a_cell(file: str, name: str, value: str) -> Callable[[Path, Rng], None]:
    """A column of a csv with the same value put into a few rows."""

    def change_some(rows: list[list[str]], rng: Rng) -> None:
        at = column(rows, name)
        for i in some(rng, len(rows) - 1):
            rows[1 + i][at] = value

    return table(file, change_some)


def put(key: str, value: Any) -> Change:
    """A value into a few records."""

    def change(listed: list[dict[str, Any]], rng: Rng) -> None:
        for i in some(rng, len(listed)):
            listed[i][key] = value

    return change


def every_record(change: Callable[[dict[str, Any]], None]) -> Change:
    def changed(listed: list[dict[str, Any]], rng: Rng) -> None:
        for record in listed:
            change(record)

    return changed


def shuffled(rows: list[Any], rng: Rng, header: int = 0) -> list[Any]:
    return rows[:header] + [rows[header + int(i)] for i in rng.permutation(len(rows) - header)]


def cut(rows: list[Any], rng: Rng, header: int = 0) -> list[Any]:
    """So many rows from the beginning as are at most half and at least a tenth."""
    return rows[: header + max(1, int((len(rows) - header) * rng.uniform(0.1, 0.5)))]
