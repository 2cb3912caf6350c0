"""A small made-up country whose every source is fetched: its pack, and a provider that has the files.

Belongs here: three regions of twelve parishes each, their boundaries, figures that somebody published, people, and two rasters. Does not
belong here: how a provider answers (``fetching.server``).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from rasterio.transform import from_origin

from poverty_assets_tests.fetching.server import Provider
from poverty_assets_tests.made_files import write_workbook

WEST, NORTH, SIDE = 20.0, 12.0, 0.2
REGIONS = {"1": "North", "2": "Middle", "3": "South"}
PEOPLE = {2024: 5.0, 2025: 5.5}
"""Persons of each cell of the grid, by year; a quarter of them are children."""
CODES = [f"{region}{parish:02d}" for region in REGIONS for parish in range(1, 13)]

_COUNTRY = """
country_id: isl
iso3: ISL
area_id: IS
name_en: Isle
languages:
  - {code: en, name: English}
levels:
  - {id: country, names: {en: [country, countries]}}
  - {id: region, names: {en: [region, regions]}, code: '\\d{1}'}
  - {id: parish, names: {en: [parish, parishes]}, code: '\\d{3}', parent: {prefix: 1}}
metric_crs: EPSG:32634
bounds: [20.0, 10.8, 22.4, 12.0]
default_measure: global_mpi
first_quarter: 2025Q3
baseline_features: [rainfall_mean]
censuses:
  - {day: 2024-07-01, total: 43200, source: "Census of Isle 2024, table 1"}
"""

_SOURCES = """
- source_id: boundaries
  title: Boundaries of parishes
  description: Squares.
  role: areas
  reader: geojson
  path: boundaries/parishes.geojson
  publisher: Survey of Isle
  licence: CC BY 4.0
  url: https://example.org
  obtain: "poverty-assets fetch boundaries"
  observed_from: 2020-01-01
  observed_to: 2020-01-01
  reference: true
  options:
    polygons: parish
    valid_from: 2020-01-01
    names_from: [regions]
    outline: true
    key: [area_code]
    columns: {area_code: code, name_en: name}
  fetch: {client: https, link: download, address: "ADDRESS/boundaries", pause_seconds: 0, citation: Survey of Isle, confirmed: by the test}

- source_id: regions
  title: Names of regions
  description: Names.
  role: areas
  reader: csv
  path: boundaries/regions.csv
  publisher: Survey of Isle
  licence: CC BY 4.0
  url: https://example.org
  obtain: "poverty-assets fetch regions"
  observed_from: 2020-01-01
  observed_to: 2020-01-01
  reference: true
  columns: {area_code: {from: code, type: code, digits: 1}, name_en: {from: name, type: text}}
  key: [area_code]
  fetch: {client: https, address: "ADDRESS/regions.csv", pause_seconds: 0, citation: Survey of Isle, confirmed: by the test}

- source_id: people
  title: People by parish
  description: A count.
  role: context
  reader: json_records
  path: tables/people_{year}.json
  publisher: Statistics of Isle
  licence: CC BY 4.0
  url: https://example.org
  obtain: "poverty-assets fetch people"
  cadence: year
  observed_from: 2024-01-01
  columns: {area_code: {from: code, type: code, digits: 3}, population: {from: people, type: integer, minimum: 1}}
  key: [area_code]
  options: {area_attributes: {population: population}}
  fetch:
    {client: rest, address: "ADDRESS/people", records: items, page: page, parameters: {year: "{year}"}, pause_seconds: 0,
     citation: Statistics of Isle, confirmed: by the test}

- source_id: grid
  title: People by cell
  description: A grid.
  role: features
  reader: geotiff
  path: rasters/people_{year}.tif
  publisher: Statistics of Isle
  licence: CC BY 4.0
  url: https://example.org
  obtain: "poverty-assets fetch grid"
  cadence: year
  observed_from: 2024-01-01
  options: {people: {without_value: nobody}}
  fetch: {client: https, address: "ADDRESS/people_{year}.tif", pause_seconds: 0, citation: Statistics of Isle, confirmed: by the test}
  features:
    - {feature_id: population_sum, name: "Population", unit: persons, statistic: sum}

- source_id: children
  title: Children by cell
  description: A grid.
  role: features
  reader: geotiff
  path: rasters/children_{year}.tif
  publisher: Statistics of Isle
  licence: CC BY 4.0
  url: https://example.org
  obtain: "poverty-assets fetch children"
  cadence: year
  observed_from: 2024-01-01
  required: false
  options: {people: {age_group: "0_14", without_value: nobody}}
  fetch: {client: https, address: "ADDRESS/children_{year}.tif", pause_seconds: 0, citation: Statistics of Isle, confirmed: by the test}

- source_id: hexagons
  title: People by hexagon
  description: For comparison.
  role: context
  reader: json_records
  path: points/hexagons.json
  publisher: Statistics of Isle
  licence: CC BY 4.0
  url: https://example.org
  obtain: "poverty-assets fetch hexagons"
  observed_from: 2020-01-01
  observed_to: 2020-12-31
  required: false
  columns: {people: {from: people}, longitude: {from: longitude}, latitude: {from: latitude}}
  options: {points: [longitude, latitude], cross_check: people}
  fetch:
    {client: rest, address: "ADDRESS/summary", body: {aoi: "{bounds}"}, point: geometry, pause_seconds: 0, citation: Statistics of Isle,
     confirmed: by the test}

- source_id: rain
  title: Rain of the quarter
  description: Sum of months.
  role: features
  reader: geotiff
  path: rasters/rain_{label}.tif
  publisher: Weather of Isle
  licence: CC0
  url: https://example.org
  obtain: "poverty-assets fetch rain"
  cadence: quarter
  observed_from: 2025-07-01
  fetch:
    {client: cog_window, address: "ADDRESS/rain_{year}.{month}.tif", combine: sum, lag_days: 20, pause_seconds: 0,
     citation: Weather of Isle, confirmed: by the test}
  features:
    - {feature_id: rainfall_mean, name: "Rainfall", unit: mm a quarter, statistic: mean}

- source_id: mpi_national
  title: MPI, the whole country
  description: As published.
  role: published
  reader: ophi_workbook
  path: published/national.xlsx
  publisher: A university
  licence: CC BY 4.0
  url: https://example.org
  obtain: "poverty-assets fetch mpi_national"
  observed_from: 2024-01-01
  observed_to: 2024-12-31
  released_on: 2025-10-17
  options: {table: national, iso3: ISL}
  fetch:
    {client: ckan, address: "ADDRESS", dataset: mpi, file: national.xlsx, pause_seconds: 0, citation: A university,
     confirmed: by the test}

- source_id: mpi_regions
  title: MPI by region
  description: As published.
  role: published
  reader: ophi_workbook
  path: published/regions.xlsx
  publisher: A university
  licence: CC BY 4.0
  url: https://example.org
  obtain: "poverty-assets fetch mpi_regions"
  observed_from: 2024-01-01
  observed_to: 2024-12-31
  released_on: 2025-10-17
  options: {table: subnational, iso3: ISL, regions: {North: "1", Middle: "2", South: "3"}}
  fetch:
    {client: ckan, address: "ADDRESS", dataset: mpi, file: regions.xlsx, pause_seconds: 0, citation: A university,
     confirmed: by the test}
"""


def write_pack(folder: Path, provider: Provider) -> Path:
    """Write the pack of the country into a folder of packs."""
    pack = folder / "isl"
    (pack / "measures").mkdir(parents=True)
    (pack / "country.yaml").write_text(_COUNTRY, encoding="utf-8")
    (pack / "sources.yaml").write_text(_SOURCES.replace("ADDRESS", provider.address), encoding="utf-8")
    (pack / "measures" / "global_mpi.yaml").write_text("measure_id: global_mpi\nbase: global_mpi\n", encoding="utf-8")
    return folder


def serve(provider: Provider, folder: Path) -> None:
    """Serve what does not change from quarter to quarter."""
    squares = [
        shapely.box(x := WEST + SIDE * (i % 12), (y := NORTH - 2 * SIDE * (i // 12)) - 2 * SIDE, x + SIDE, y)
        for i in range(len(CODES))
    ]
    areas = gpd.GeoDataFrame({"code": CODES, "name": [f"Parish {c}" for c in CODES]}, geometry=squares, crs="EPSG:4326")
    provider.put("/files/parishes.geojson", areas.to_json().encode())
    provider.answers["/boundaries"] = lambda words: {"download": provider.at("/files/parishes.geojson")}
    provider.put("/regions.csv", ("code,name\n" + "".join(f"{c},{n}\n" for c, n in REGIONS.items())).encode())
    people = [{"code": code, "people": 1000 + 10 * i} for i, code in enumerate(CODES)]

    def page(words: dict[str, str]) -> Any:
        first = 20 * int(words["page"]) - 20
        return {"items": people[first : first + 20]}

    provider.answers["/people"] = page
    hexagons = [
        {"type": "Point", "coordinates": [WEST + SIDE, NORTH - 2 * SIDE * region - SIDE]} for region in range(3)
    ]
    provider.answers["/summary"] = lambda words: [
        {"people": 14_400 * (i + 1), "geometry": p} for i, p in enumerate(hexagons)
    ]
    for year, each in PEOPLE.items():
        provider.put(f"/people_{year}.tif", _raster(100, 0.05, each, flat=True))
        provider.put(f"/children_{year}.tif", _raster(100, 0.05, each / 4, flat=True))
    mpi = (0.070052, 16.6, 42.2, 20.5, 4.1)
    write_workbook(folder / "national.xlsx", {"": mpi}, "1", 6, ("ISL", "Isle"))
    write_workbook(folder / "regions.xlsx", dict.fromkeys(REGIONS.values(), mpi), "5", 7, ("ISL", "Isle"))
    files = []
    for name in ("national.xlsx", "regions.xlsx"):
        data = (folder / name).read_bytes()
        provider.put(f"/download/{name}", data)
        files.append(
            {"url": provider.at(f"/download/{name}"), "size": len(data), "last_modified": "2025-10-17T00:00:00"}
        )
    provider.answers["/api/3/action/package_show"] = lambda words: {"result": {"resources": files}}


def serve_rain(provider: Provider, year: int, months: range) -> int:
    """Serve rain of some months; returns the bytes of all of it."""
    files = [
        provider.put(f"/rain_{year}.{month:02d}.tif", _raster(2000, 0.02, float(month)), etag=f'"{year}-{month}"')
        for month in months
    ]
    return sum(len(file.data) for file in files)


def _raster(size: int, cell: float, value: float, *, flat: bool = False) -> bytes:
    """A raster around the country, as a COG where it is large; of one value, or of one that differs from cell to cell."""
    rows, columns = np.mgrid[:size, :size]
    tiles = {"tiled": True, "blockxsize": 256, "blockysize": 256} if size > 1000 else {}
    with rasterio.MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=size, height=size, count=1, dtype="float32", crs="EPSG:4326", nodata=-9999.0,
            transform=from_origin(WEST - 1, NORTH + 1, cell, cell), **tiles,
        ) as out:  # fmt: skip
            waves = 0.0 * rows if flat else np.sin(rows / 9) + np.cos(columns / 7)
            out.write((value + waves).astype("float32"), 1)
        return memory.read()


def landed(home: Path) -> dict[str, dict[str, Any]]:
    """The records of what was landed, by source and file."""
    found = sorted((home / "landing").rglob("*.fetched.json"))
    return {path.name.removesuffix(".fetched.json"): json.loads(path.read_text(encoding="utf-8")) for path in found}
