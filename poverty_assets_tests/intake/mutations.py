"""Corrupted landing files, drawn by a seed: over every kind of file of the made-up landing folder.

Belongs here: ways to spoil a file, and ways to change one that mean nothing and have to be accepted. Does not belong here: what the gate
says of them (``trial``), or the folder itself (``poverty_assets_tests.landing``).

Each way is a function of the landing folder and a generator of random numbers: which row, feature, cell or sheet is hit differs with the
seed.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import rasterio
import shapely
from rasterio.transform import Affine

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


@dataclass(frozen=True)
class Mutation:
    """A way to change the folder.

    Attributes
    ----------
    kind : str
        ``form, geometry, identity, unit, published, raster, survey``.
    name : str
    file : str
        Within the landing folder.
    change : callable
        Of the folder and a generator.
    harmless : bool
        Whether the folder is still right, and has to be accepted.
    """

    kind: str
    name: str
    file: str
    change: Callable[[Path, Rng], None]
    harmless: bool = False

    def __str__(self) -> str:
        return f"{self.kind}: {self.name} ({Path(self.file).name})"


def drawn(seed: int, number: int) -> list[tuple[int, Mutation]]:
    """So many mutations with a seed of their own for each; a third are harmless, and no way comes again before every other has come."""
    rng = np.random.default_rng(seed)
    ways = list(every())
    pools = {True: [w for w in ways if w.harmless], False: [w for w in ways if not w.harmless]}
    chosen: list[Mutation] = []
    for harmless, share in ((True, number // 3), (False, number - number // 3)):
        pool, taken = pools[harmless], []
        while len(taken) < share:
            taken += [pool[i] for i in rng.permutation(len(pool))]
        chosen += taken[:share]
    return [(int(rng.integers(2**31)), chosen[i]) for i in rng.permutation(len(chosen))]


# ------------------------------------------------------------------------------------------------ opening and writing


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


# ------------------------------------------------------------------------------------------------ the ways


def every() -> Iterator[Mutation]:
    """Every way."""
    yield from _harmless()
    yield from _any_file()
    yield from _tables()
    yield from _json()
    yield from _geometry()
    yield from _identity()
    yield from _units()
    yield from _published()
    yield from _rasters()
    yield from _surveys()


def _harmless() -> Iterator[Mutation]:
    made = partial(Mutation, harmless=True)
    for file in (CODES, PCODES, CENSUS, DATABASE, VILLAGES_2010, PLACES, PUBLISHED):
        yield made("form", "rows in another order", file, table(file, partial(shuffled, header=1)))
        yield made("form", "columns in another order", file, table(file, _columns_shuffled))
        yield made("form", "an extra column", file, table(file, _extra_column))
        yield made("form", "other line ends", file, text(file, _line_ends))
        yield made("form", "empty lines at the end", file, text(file, lambda data, rng: data + b"\n\n"))
    for file in (CODES, CENSUS, PLACES, PUBLISHED):
        yield made("form", "a byte order mark", file, text(file, lambda data, rng: b"\xef\xbb\xbf" + data))
        yield made("form", "every field in quotes", file, text(file, _quoted))
    yield made("form", "tags of HXL under the header", CENSUS, table(CENSUS, _hxl))
    for file in (REGISTER, FLOOD):
        yield made("form", "records in another order", file, records(file, shuffled))
        yield made("form", "an extra key", file, records(file, every_record(lambda r: r.update(note="x"))))
        yield made("form", "a byte order mark", file, text(file, lambda data, rng: b"\xef\xbb\xbf" + data))
        yield made("form", "indented", file, text(file, lambda d, rng: json.dumps(json.loads(d), indent=2).encode()))
    for file in (COMMUNES, PROVINCES, CITIES):
        yield made("geometry", "features in another order", file, shapes(file, shuffled))
        yield made("geometry", "an extra property", file,
                   shapes(file, every_record(lambda f: f["properties"].update(note="x"))))  # fmt: skip
    yield made("geometry", "another layer first", ROADS, _another_layer)
    yield made("raster", "compressed in tiles", FRICTION, raster(FRICTION, _tiled))
    yield made("raster", "stored from the south", FRICTION, raster(FRICTION, _south_up))
    yield made("raster", "in 64 bits", NDVI, raster(NDVI, lambda v, rng: (v[0].astype("float64"), v[1])))
    yield made("raster", "a margin of no value", FRICTION, raster(FRICTION, _margin))
    for suffix in (".csv", ".dta", ".sav", ".parquet"):
        yield made("survey", f"a wave ({suffix})", f"{WAVE}/h{suffix}", partial(_wave, suffix=suffix))
        yield made("survey", f"rows in another order ({suffix})", f"{WAVE}/h{suffix}",
                   partial(_wave, suffix=suffix, change=lambda f, rng: f.sample(frac=1, random_state=int(rng.integers(99)))))  # fmt: skip
    yield made(
        "survey", "an extra column", f"{WAVE}/h.dta", partial(_wave, suffix=".dta", change=lambda f, rng: f.assign(x=1))
    )
    yield made("survey", "weights of zero", f"{WAVE}/h.csv", partial(_wave, suffix=".csv", change=_idle))


def _any_file() -> Iterator[Mutation]:
    for file in PLAIN_FILES:
        yield Mutation("form", "empty", file, text(file, lambda data, rng: b""))
        yield Mutation("form", "absent", file, lambda folder, rng, file=file: (folder / file).unlink())
        yield Mutation("form", "a web page", file, text(file, lambda data, rng: _PAGE))
        yield Mutation("form", "a folder in its place", file, partial(_replaced, file=file, by=Path.mkdir))
        yield Mutation("form", "a pipe in its place", file, partial(_replaced, file=file, by=os.mkfifo))
        yield Mutation("form", "a dangling link", file, partial(_replaced, file=file, by=_link_to_nothing))
        yield Mutation("form", "a link out of the folder", file, partial(_linked_out, file=file))
        yield Mutation("form", "random bytes", file, text(file, lambda data, rng: rng.bytes(max(len(data), 4000))))
        yield Mutation(
            "form", "another kind of file", file, text(file, lambda data, rng: b"PK\x03\x04" + rng.bytes(900))
        )
        if not file.endswith(".gpkg"):
            yield Mutation(
                "form", "cut short", file, text(file, lambda data, rng: data[: int(len(data) * rng.uniform(0.3, 0.7))])
            )


_PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><p>Please sign in.</p></body></html>\n"


def _replaced(folder: Path, rng: Rng, *, file: str, by: Callable[[Path], Any]) -> None:
    (folder / file).unlink()
    by(folder / file)


def _link_to_nothing(path: Path) -> None:
    path.symlink_to(path.with_name("nothing"))


def _linked_out(folder: Path, rng: Rng, *, file: str) -> None:
    outside = folder.parent / f"{folder.name}_outside"
    outside.mkdir(exist_ok=True)
    shutil.move(folder / file, outside / "file")
    (folder / file).symlink_to(outside / "file")


def _tables() -> Iterator[Mutation]:
    for file, name in ((CENSUS, "TT_Both"), (DATABASE, "TT_Family"), (PLACES, "population")):
        for value, why in (("9" * 25, "an integer beyond 64 bits"), ("1e30", "1e30"), ("abc", "text in a column of numbers"),
                           ("", "no value"), ("-5", "a negative count"), ("inf", "without end"), ("12,5", "a decimal comma")):  # fmt: skip
            yield Mutation("form", why, file, a_cell(file, name, value))
        yield Mutation("form", "a field of 200 kB", file, a_cell(file, name, "x" * 200_000))
    for file in (CODES, CENSUS, PLACES, PUBLISHED, PCODES):
        yield Mutation("form", "a byte order mark alone", file, text(file, lambda data, rng: b"\xef\xbb\xbf"))
        yield Mutation("form", "UTF-16", file, text(file, lambda data, rng: data.decode().encode("utf-16")))
        yield Mutation("form", "Latin-1", file, text(file, _latin))
        yield Mutation("form", "blanks alone", file, text(file, lambda data, rng: b" \n\n  \n"))
        yield Mutation("form", "the header alone", file, table(file, lambda rows, rng: rows[:1]))
        yield Mutation("form", "a short row", file, table(file, _ragged))
        yield Mutation("form", "the header again among the rows", file, table(file, _header_again))
        yield Mutation("form", "semicolons and decimal commas", file, text(file, _semicolons))
        yield Mutation("form", "rows of titles", file, text(file, lambda data, rng: b"Table 5\nAs of today\n" + data))
        yield Mutation("form", "zero bytes", file, text(file, lambda data, rng: data + b"\x00" * 9 + b"\n"))
    for file, name in ((CENSUS, "TT_Both"), (DATABASE, "TT_Family"), (PUBLISHED, "MPI"), (CODES, "commune_code")):
        yield Mutation("form", "a column's name stands twice", file, table(file, partial(_twice, name=name)))
        yield Mutation("form", "a column is missing", file, table(file, partial(_without, name=name)))
    for file, name in ((CODES, "shapeName"), (PLACES, "name")):
        yield Mutation("form", "a stray quote", file, text(file, _stray_quote))
        yield Mutation("form", "a control character in a name", file, a_cell(file, name, "Phum\x07 Thmei"))


def _json() -> Iterator[Mutation]:
    for file, key in ((REGISTER, "Total_HHs"), (FLOOD, "flood_hazard_index")):
        for value, why in ((10**30, "an integer beyond 64 bits"), (1e30, "1e30"), (float("nan"), "NaN"), ("many", "text"),
                           ([1, 2], "a list"), ({"a": 1}, "a mapping"), (None, "null"), (-1, "below zero"), (True, "a truth")):  # fmt: skip
            yield Mutation("form", f"{why} for a number", file, records(file, put(key, value)))
        yield Mutation(
            "form", "nested without end", file, text(file, lambda data, rng: b'{"DataList": ' + b"[" * 200_000)
        )
        yield Mutation("form", "nested deep", file, text(file, lambda data, rng: b"[" * 5000 + b"]" * 5000))
        yield Mutation(
            "form", "under another key", file, text(file, lambda data, rng: data.replace(b"DataList", b"Rows"))
        )
        yield Mutation(
            "form", "a list of lists", file, records(file, lambda listed, rng: [list(r.values()) for r in listed])
        )
        yield Mutation("form", "no records", file, text(file, lambda data, rng: b'{"DataList": []}'))


def _geometry() -> Iterator[Mutation]:
    for file in (COMMUNES, PROVINCES):
        for value, why in ((None, "null"), ({"type": "Polygon", "coordinates": []}, "empty"),
                           ({"type": "Point", "coordinates": [104.5, 12.5]}, "a point"),
                           ({"type": "LineString", "coordinates": [[104, 12], [104.2, 12.1]]}, "a line")):  # fmt: skip
            yield Mutation("geometry", f"{why} among polygons", file, shapes(file, put("geometry", value)))
        yield Mutation("geometry", "NaN in a corner", file, shapes(file, _not_a_number))
        yield Mutation("geometry", "coordinates as text", file, shapes(file, _as_text))
    for file in (COMMUNES, PROVINCES, CITIES, ROADS):
        yield Mutation("geometry", "latitude before longitude", file, moved(file, lambda xy: xy[:, ::-1]))
        yield Mutation("geometry", "another country", file, moved(file, lambda xy: xy + np.array([-60.0, 25.0])))
        yield Mutation("geometry", "metres without saying so", file, moved(file, lambda xy: xy * 111_320))
        yield Mutation("geometry", "degrees called metres", file, moved(file, lambda xy: xy, "EPSG:3857"))
        yield Mutation("geometry", "at 0, 0", file, moved(file, lambda xy: xy * 0 + (xy - xy.mean(axis=0)) * 1e-3))
    for name, other in (("longitude", "latitude"),):
        yield Mutation(
            "geometry", "latitude before longitude", PLACES, table(PLACES, partial(_swapped, one=name, other=other))
        )
        yield Mutation("geometry", "another country", PLACES, each_cell(PLACES, name, lambda v: str(float(v) - 60)))
        yield Mutation("geometry", "at 0, 0", PLACES, table(PLACES, partial(_zeros, names=(name, other))))
    yield Mutation(
        "geometry", "a shape twice", COMMUNES, shapes(COMMUNES, lambda f, rng: [*f, f[int(rng.integers(len(f)))]])
    )
    yield Mutation("geometry", "its neighbour's polygon too", COMMUNES, shapes(COMMUNES, _neighbours_too))
    yield Mutation("geometry", "no layer with shapes", ROADS, _no_shapes)


def _identity() -> Iterator[Mutation]:
    for value, why in ((None, "null"), ("", "blank"), ("S999999", "unknown")):
        yield Mutation("identity", f"{why} id of a shape", COMMUNES, shapes(COMMUNES, partial(_shape_id, value=value)))
        yield Mutation("identity", f"{why} id in the table of codes", CODES, a_cell(CODES, "shapeID", value or ""))
    yield Mutation("identity", "ids of another edition", COMMUNES,
                   shapes(COMMUNES, every_record(lambda f: f["properties"].update(shapeID="T" + f["properties"]["shapeID"]))))  # fmt: skip
    for file, name in ((CENSUS, "Com_Code"), (DATABASE, "NCDD_CodeC"), (CODES, "commune_code")):
        yield Mutation(
            "identity", "codes of another country", file, each_cell(file, name, lambda v: f"77{int(v):06d}"[:6])
        )
        yield Mutation("identity", "unknown codes", file, a_cell(file, name, "991234"))
        yield Mutation("identity", "no code", file, a_cell(file, name, ""))
        yield Mutation("identity", "a code twice", file, table(file, partial(_same_as_another, name=name)))
        yield Mutation("identity", "a larger area's codes", file, table(file, partial(_larger, name=name)))
    for file in (CENSUS, DATABASE, CODES, PCODES, DISTRICTS):
        yield Mutation("identity", "cut at a row", file, table(file, partial(cut, header=1)))
    for file in (REGISTER, FLOOD):
        key = "Adm3_text" if file == REGISTER else "commune"
        yield Mutation("identity", "cut at a record", file, records(file, cut))
        yield Mutation(
            "identity",
            "codes of another country",
            file,
            records(file, every_record(lambda r, key=key: r.update({key: "77" + r[key][2:]}))),
        )
        yield Mutation("identity", "unknown codes", file, records(file, put(key, "991234")))
        yield Mutation("identity", "no code", file, records(file, put(key, None)))
        yield Mutation("identity", "a larger area's codes", file, records(file, partial(_larger_records, key=key)))
    yield Mutation("identity", "half of its shapes", COMMUNES, shapes(COMMUNES, cut))
    for share, why in ((0.5, "half"), (1.0, "all but one")):
        yield Mutation(
            "identity",
            f"{why} of its rows set aside",
            VILLAGES_2010,
            table(VILLAGES_2010, partial(_set_aside, share=share)),
        )
    yield Mutation("identity", "another kind of area's file", CENSUS,
                   lambda folder, rng: (folder / CENSUS).write_bytes((folder / DISTRICTS).read_bytes()))  # fmt: skip


def _units() -> Iterator[Mutation]:
    yield Mutation(
        "unit", "rates in percent", VILLAGES_2010, each_cell(VILLAGES_2010, "TOT_Per_HH", lambda v: str(float(v) * 100))
    )
    yield Mutation(
        "unit",
        "percent as a share",
        DATABASE,
        each_cell(DATABASE, "Per_HH_El", lambda v: str(round(float(v) / 100, 4))),
    )
    yield Mutation("unit", "above a hundred percent", DATABASE, a_cell(DATABASE, "Per_HH_El", "140"))
    yield Mutation("unit", "decimal commas", DATABASE, each_cell(DATABASE, "Per_HH_El", lambda v: v.replace(".", ",")))
    yield Mutation("unit", "in thousands", CENSUS, each_cell(CENSUS, "TT_Both", lambda v: str(int(int(v) / 1000))))
    yield Mutation("unit", "a thousandfold", CENSUS, each_cell(CENSUS, "TT_Both", lambda v: v + "000"))
    yield Mutation("unit", "parts that do not add up", REGISTER, records(REGISTER, _parts))
    yield Mutation("unit", "more listed than there are", REGISTER, records(REGISTER, put("Total_Poor_12_HHs", 10**6)))
    yield Mutation("unit", "households in thousands", REGISTER, records(REGISTER, every_record(_thousands)))
    yield Mutation("unit", "above its scale", FLOOD, records(FLOOD, put("flood_hazard_index", 140)))
    for name in ("Headcount Ratio", "Intensity of Deprivation", "Vulnerable to Poverty", "In Severe Poverty"):
        yield Mutation(
            "unit", f"{name} as a share", PUBLISHED, each_cell(PUBLISHED, name, lambda v: f"{float(v) / 100:.5f}")
        )
        yield Mutation(
            "unit", f"{name} with a decimal comma", PUBLISHED, each_cell(PUBLISHED, name, lambda v: v.replace(".", ","))
        )
    yield Mutation("unit", "MPI in percent", PUBLISHED, each_cell(PUBLISHED, "MPI", lambda v: str(float(v) * 100)))
    yield Mutation("unit", "MPI a thousandfold", PUBLISHED, each_cell(PUBLISHED, "MPI", lambda v: str(float(v) * 2.5)))


def _published() -> Iterator[Mutation]:
    for value, why in (("", "no date"), ("2099-01-01 00:00:00+00:00", "a date to come"), ("soon", "no date but text")):
        yield Mutation("published", why, PUBLISHED, each_cell(PUBLISHED, "Start Date", lambda v, value=value: value))
        yield Mutation("published", f"{why} in a row", PUBLISHED, a_cell(PUBLISHED, "Start Date", value))
    yield Mutation("published", "no P-code", PUBLISHED, table(PUBLISHED, _no_pcode))
    yield Mutation("published", "a P-code of no area", PUBLISHED, table(PUBLISHED, partial(_pcode, code="KH99")))
    yield Mutation("published", "another region's P-code", PUBLISHED, table(PUBLISHED, partial(_pcode, code=None)))
    # one region under another name is still placed by its P-code, rightly: published/test_regions.py
    yield Mutation("published", "names of regions exchanged", PUBLISHED, table(PUBLISHED, _names_exchanged))
    yield Mutation("published", "not a number", PUBLISHED, a_cell(PUBLISHED, "Headcount Ratio", "22.1*"))
    yield Mutation(
        "published", "another country's rows", PUBLISHED, each_cell(PUBLISHED, "Country ISO3", lambda v: "LAO")
    )
    for file in (SUBNATIONAL, NATIONAL):
        for value, why in (("22.1*", "a note at a figure"), ("=B2*2", "a formula without value"), ("16.6", "a number as text"),
                           (None, "an empty cell"), (-3.0, "below zero"), (640.0, "a share far above all")):  # fmt: skip
            yield Mutation("published", why, file, book(file, partial(_figure, value=value)))
        yield Mutation("published", "a sheet missing", file, book(file, lambda b, rng: b.remove(_sheet_of(b, rng))))
        yield Mutation("published", "a row missing in one sheet", file, book(file, _row_missing))
        yield Mutation("published", "headcounts as shares", file, book(file, _shares))
    yield Mutation("published", "a column inserted", SUBNATIONAL, book(SUBNATIONAL, _column_inserted))
    yield Mutation("published", "a region renamed", SUBNATIONAL, book(SUBNATIONAL, partial(_renamed, everywhere=True)))
    yield Mutation(
        "published",
        "a region renamed in one sheet",
        SUBNATIONAL,
        book(SUBNATIONAL, partial(_renamed, everywhere=False)),
    )


def _rasters() -> Iterator[Mutation]:
    for file in (FRICTION, NDVI, DENSITY):
        yield Mutation("raster", "mirrored", file, raster(file, _mirrored))
        yield Mutation("raster", "rotated", file, raster(file, _rotated))
        yield Mutation("raster", "without a CRS", file, raster(file, lambda v, rng: (v[0], v[1] | {"crs": None})))
        yield Mutation(
            "raster",
            "a CRS of metres for degrees",
            file,
            raster(file, lambda v, rng: (v[0], v[1] | {"crs": "EPSG:3857"})),
        )
        yield Mutation("raster", "nothing valid", file, raster(file, lambda v, rng: (np.full_like(v[0], -9999), v[1])))
        yield Mutation("raster", "no value not said", file, raster(file, _silent_nodata))
        yield Mutation("raster", "values of no size", file, raster(file, lambda v, rng: (v[0] * np.float32(1e6), v[1])))
        yield Mutation("raster", "another country", file, raster(file, partial(_shifted, east=-60.0, north=25.0)))
        yield Mutation("raster", "latitude before longitude", file, raster(file, _transposed))
        yield Mutation("raster", "a virtual dataset", file, partial(_virtual, file=file))
    yield Mutation(
        "raster",
        "codes above the range",
        NDVI,
        raster(NDVI, lambda v, rng: (np.where(rng.random(v[0].shape) < 0.1, np.float32(255), v[0]), v[1])),
    )


def _surveys() -> Iterator[Mutation]:
    for suffix in (".csv", ".dta", ".sav", ".parquet"):
        made = partial(Mutation, "survey", file=f"{WAVE}/h{suffix}")
        of = partial(partial, _wave, suffix=suffix)
        yield made(
            name=f"cut short ({suffix})",
            change=partial(
                _wave,
                suffix=suffix,
                after=text(f"{WAVE}/h{suffix}", partial(_within_a_row, suffix=suffix)),
            ),
        )
        yield made(
            name=f"random bytes ({suffix})",
            change=partial(_wave, suffix=suffix, after=text(f"{WAVE}/h{suffix}", lambda d, rng: rng.bytes(3000))),
        )
        yield made(
            name=f"codes that nothing lists ({suffix})",
            change=of(change=lambda f, rng: f.assign(electricity=rng.choice([1, 2, 9], len(f)))),
        )
        yield made(name=f"a household twice ({suffix})", change=of(change=lambda f, rng: pd.concat([f, f.iloc[:1]])))
        yield made(
            name=f"no weight ({suffix})",
            change=of(change=lambda f, rng: f.assign(w=np.where(f.index == 3, np.nan, f["w"]))),
        )
        yield made(
            name=f"a weight below zero ({suffix})",
            change=of(change=lambda f, rng: f.assign(w=np.where(f.index == 3, -1.0, f["w"]))),
        )
        yield made(name=f"all weights zero ({suffix})", change=of(change=lambda f, rng: f.assign(w=0.0)))
        yield made(
            name=f"areas of another country ({suffix})",
            change=of(change=lambda f, rng: f.assign(area="77" + f["area"].str[2:])),
        )
        yield made(
            name=f"a household of nobody ({suffix})",
            change=of(change=lambda f, rng: f.assign(size=np.where(f.index == 5, 0.0, f["size"]))),
        )
        yield made(
            name=f"a column missing ({suffix})",
            change=of(change=lambda f, rng: f.drop(columns=str(rng.choice(["w", "psu", "area"])))),
        )
    yield Mutation(
        "survey",
        "a survey.yaml that is none",
        f"{WAVE}/survey.yaml",
        partial(_wave, suffix=".csv", after=text(f"{WAVE}/survey.yaml", lambda d, rng: b"title: [")),
    )
    yield Mutation(
        "survey",
        "aliases without end",
        f"{WAVE}/survey.yaml",
        partial(_wave, suffix=".csv", after=text(f"{WAVE}/survey.yaml", lambda d, rng: _BOMB)),
    )
    yield Mutation(
        "survey",
        "a tag",
        f"{WAVE}/survey.yaml",
        partial(
            _wave,
            suffix=".csv",
            after=text(f"{WAVE}/survey.yaml", lambda d, rng: d + b"\nnote: !!python/object/apply:os.system [ls]\n"),
        ),
    )
    yield Mutation(
        "survey",
        "a file out of the folder",
        f"{WAVE}/survey.yaml",
        partial(
            _wave,
            suffix=".csv",
            after=text(f"{WAVE}/survey.yaml", lambda d, rng: d.replace(b"file: h.csv", b"file: ../../registers/x.csv")),
        ),
    )
    yield Mutation(
        "survey",
        "one of two codes",
        f"{WAVE}/survey.yaml",
        partial(
            _wave, suffix=".csv", after=text(f"{WAVE}/survey.yaml", lambda d, rng: d + b"values: {deprived: yes}\n")
        ),
    )


_BOMB = b"a: &a [x, x, x, x, x, x, x, x, x]\n" + b"".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n".encode() for a, b in zip("abcdefghi", "bcdefghij", strict=True)
)


# ------------------------------------------------------------------------------------------------ what they do


def _columns_shuffled(rows: list[list[str]], rng: Rng) -> list[list[str]]:
    order = rng.permutation(len(rows[0]))
    return [[row[i] for i in order] for row in rows]


def _extra_column(rows: list[list[str]], rng: Rng) -> list[list[str]]:
    return [[*row, "remark" if i == 0 else "x"] for i, row in enumerate(rows)]


def _line_ends(data: bytes, rng: Rng) -> bytes:
    plain = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return plain.replace(b"\n", [b"\r\n", b"\n", b"\r"][int(rng.integers(3))])


def _quoted(data: bytes, rng: Rng) -> bytes:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(csv.reader(io.StringIO(data.decode())))
    return out.getvalue().encode()


def _hxl(rows: list[list[str]], rng: Rng) -> list[list[str]]:
    return [rows[0], [f"#x+{name.lower()}" for name in rows[0]], *rows[1:]]


def _latin(data: bytes, rng: Rng) -> bytes:
    lines = data.decode().split("\n")
    name = next(cell for cell in lines[1].split(",") if cell and not cell[0].isdigit())
    return "\n".join([lines[0], lines[1].replace(name, "Kr\u00e2ch\u00e9h", 1), *lines[2:]]).encode("latin-1")


def _ragged(rows: list[list[str]], rng: Rng) -> None:
    i = 1 + int(rng.integers(len(rows) - 1))
    rows[i] = rows[i][:-1] if rng.random() < 0.5 else [*rows[i], "x"]


def _header_again(rows: list[list[str]], rng: Rng) -> list[list[str]]:
    i = 1 + int(rng.integers(len(rows) - 1))
    return [*rows[:i], rows[0], *rows[i:]]


def _semicolons(data: bytes, rng: Rng) -> bytes:
    rows = csv.reader(io.StringIO(data.decode()))
    return "\n".join(";".join(cell.replace(".", ",") for cell in row) for row in rows).encode() + b"\n"


def _twice(rows: list[list[str]], rng: Rng, *, name: str) -> list[list[str]]:
    return [[*row, name if i == 0 else "7"] for i, row in enumerate(rows)]


def _without(rows: list[list[str]], rng: Rng, *, name: str) -> list[list[str]]:
    at = column(rows, name)
    return [row[:at] + row[at + 1 :] for row in rows]


def _stray_quote(data: bytes, rng: Rng) -> bytes:
    lines = data.decode().split("\n")
    i = 1 + int(rng.integers(len(lines) // 2))
    cells = lines[i].split(",")
    cells[1] = '"' + cells[1]
    return "\n".join([*lines[:i], ",".join(cells), *lines[i + 1 :]]).encode()


def _not_a_number(features: list[dict[str, Any]], rng: Rng) -> None:
    for i in some(rng, len(features)):
        ring = features[i]["geometry"]["coordinates"]
        while isinstance(ring[0][0], list):
            ring = ring[0]
        ring[1][0] = float("nan")


def _as_text(features: list[dict[str, Any]], rng: Rng) -> None:
    for feature in features:
        feature["geometry"] = json.loads(json.dumps(feature["geometry"]), parse_float=str)


def _swapped(rows: list[list[str]], rng: Rng, *, one: str, other: str) -> None:
    a, b = column(rows, one), column(rows, other)
    rows[0][a], rows[0][b] = other, one


def _zeros(rows: list[list[str]], rng: Rng, *, names: tuple[str, ...]) -> None:
    for row in rows[1:]:
        for name in names:
            row[column(rows, name)] = "0"


def _shape_id(features: list[dict[str, Any]], rng: Rng, *, value: str | None) -> None:
    for i in some(rng, len(features)):
        features[i]["properties"]["shapeID"] = value


def _neighbours_too(features: list[dict[str, Any]], rng: Rng) -> None:
    for i in some(rng, len(features) - 1):
        pair = [shapely.from_geojson(json.dumps(features[j]["geometry"])) for j in (i, i + 1)]
        features[i]["geometry"] = json.loads(shapely.to_geojson(shapely.union_all(pair)))


def _another_layer(folder: Path, rng: Rng) -> None:
    data = gpd.read_file(folder / ROADS)
    (folder / ROADS).unlink()
    points = gpd.GeoDataFrame(data[["highway"]], geometry=data.geometry.representative_point(), crs=data.crs)
    points.to_file(folder / ROADS, layer="a_first", driver="GPKG")
    data.to_file(folder / ROADS, layer="roads", driver="GPKG")


def _no_shapes(folder: Path, rng: Rng) -> None:
    with sqlite3.connect(folder / ROADS) as connection:
        connection.execute("DELETE FROM gpkg_geometry_columns")
        connection.execute("UPDATE gpkg_contents SET data_type = 'attributes'")


def _same_as_another(rows: list[list[str]], rng: Rng, *, name: str) -> None:
    at, (i, j) = column(rows, name), rng.choice(len(rows) - 1, 2, replace=False)
    rows[1 + i][at] = rows[1 + j][at]


def _larger(rows: list[list[str]], rng: Rng, *, name: str) -> list[list[str]]:
    """A row for each larger area in place of the finest."""
    at, kept = column(rows, name), {}
    for row in rows[1:]:
        kept.setdefault(f"{int(row[at]):06d}"[:4], row)
    for code, row in kept.items():
        row[at] = code
    return [rows[0], *kept.values()]


def _larger_records(listed: list[dict[str, Any]], rng: Rng, *, key: str) -> list[dict[str, Any]]:
    kept: dict[str, dict[str, Any]] = {}
    for record in listed:
        kept.setdefault(record[key][:4], record | {key: record[key][:4]})
    return list(kept.values())


def _set_aside(rows: list[list[str]], rng: Rng, *, share: float) -> None:
    at, last = column(rows, "TOT_Per_HH"), len(rows) - (1 if share == 1 else 0)
    for row in rows[1:last]:
        if rng.random() < share:
            row[at] = "1.7"


def _parts(listed: list[dict[str, Any]], rng: Rng) -> None:
    for i in some(rng, len(listed)):
        listed[i]["Total_Poor_1_HHs"] += 7


def _thousands(record: dict[str, Any]) -> None:
    for key in ("Total_HHs", "Total_Poor_12_HHs", "Total_Poor_1_HHs", "Total_Poor_2_HHs"):
        record[key] = record[key] // 100 + 1
    record["Total_Poor_12_HHs"] = min(record["Total_HHs"], record["Total_Poor_1_HHs"] + record["Total_Poor_2_HHs"])
    record["Total_Poor_2_HHs"] = record["Total_Poor_12_HHs"] - record["Total_Poor_1_HHs"]


def _of_regions(rows: list[list[str]]) -> list[int]:
    at = column(rows, "Admin 1 Name")
    return [i for i in range(1, len(rows)) if rows[i][at]]


def _no_pcode(rows: list[list[str]], rng: Rng) -> None:
    rows[int(rng.choice(_of_regions(rows)))][column(rows, "Admin 1 PCode")] = ""


def _pcode(rows: list[list[str]], rng: Rng, *, code: str | None) -> None:
    at, (i, j) = column(rows, "Admin 1 PCode"), rng.choice(_of_regions(rows), 2, replace=False)
    rows[i][at] = code or rows[j][at]


def _names_exchanged(rows: list[list[str]], rng: Rng) -> None:
    (one, other), named = rng.choice(_of_regions(rows), 2, replace=False), column(rows, "Admin 1 Name")
    rows[one][named], rows[other][named] = rows[other][named], rows[one][named]


def _sheet_of(opened: Any, rng: Rng) -> Any:
    return opened.worksheets[int(rng.integers(len(opened.worksheets)))]


def _figures_of(sheet: Any) -> list[Any]:
    """Cells of figures in the rows of the country."""
    return [
        cell
        for row in sheet.iter_rows(min_row=10)
        if row[1].value == "KHM"
        for cell in row[6:]
        if isinstance(cell.value, float | int)
    ]


def _figure(opened: Any, rng: Rng, *, value: Any) -> None:
    sheets = [s for s in opened.worksheets if not s.title.endswith("sample")]
    cells = _figures_of(sheets[int(rng.integers(len(sheets)))])
    cells[int(rng.integers(len(cells)))].value = value


def _column_inserted(opened: Any, rng: Rng) -> None:
    _sheet_of(opened, rng).insert_cols(int(rng.integers(2, 7)))


def _row_missing(opened: Any, rng: Rng) -> None:
    sheet = _sheet_of(opened, rng)
    rows = [row[0].row for row in sheet.iter_rows(min_row=10) if row[1].value == "KHM"]
    sheet.delete_rows(int(rng.choice(rows)))


def _shares(opened: Any, rng: Rng) -> None:
    sheets = [s for s in opened.worksheets if s.title.split()[-1] in ("mpi", "censored", "uncensored")]
    for cell in _figures_of(sheets[int(rng.integers(len(sheets)))]):
        cell.value = cell.value / 100 if cell.value > 1 else cell.value


def _renamed(opened: Any, rng: Rng, *, everywhere: bool) -> None:
    chosen = opened.worksheets if everywhere else [_sheet_of(opened, rng)]
    for sheet in chosen:
        for row in sheet.iter_rows(min_row=10):
            if row[6].value == "Beta":
                row[6].value = "Omega"


def _tiled(value: tuple[np.ndarray, dict[str, Any]], rng: Rng) -> tuple[np.ndarray, dict[str, Any]]:
    return value[0], value[1] | {"compress": "deflate", "tiled": True, "blockxsize": 16, "blockysize": 16}


def _south_up(value: tuple[np.ndarray, dict[str, Any]], rng: Rng) -> tuple[np.ndarray, dict[str, Any]]:
    values, profile = value
    t = profile["transform"]
    return values[:, ::-1], profile | {"transform": Affine(t.a, 0, t.c, 0, -t.e, t.f + t.e * values.shape[1])}


def _mirrored(value: tuple[np.ndarray, dict[str, Any]], rng: Rng) -> tuple[np.ndarray, dict[str, Any]]:
    values, profile = value
    t = profile["transform"]
    return values[:, :, ::-1], profile | {"transform": Affine(-t.a, 0, t.c + t.a * values.shape[2], 0, t.e, t.f)}


def _rotated(value: tuple[np.ndarray, dict[str, Any]], rng: Rng) -> tuple[np.ndarray, dict[str, Any]]:
    return value[0], value[1] | {"transform": value[1]["transform"] @ Affine.rotation(20)}


def _margin(value: tuple[np.ndarray, dict[str, Any]], rng: Rng) -> tuple[np.ndarray, dict[str, Any]]:
    values, profile = value
    n = int(rng.integers(1, 9))
    t = profile["transform"]
    wider = np.pad(values, ((0, 0), (n, n), (n, n)), constant_values=np.float32(profile["nodata"]))
    return wider, profile | {"transform": t @ Affine.translation(-n, -n)}


def _silent_nodata(value: tuple[np.ndarray, dict[str, Any]], rng: Rng) -> tuple[np.ndarray, dict[str, Any]]:
    values, profile = value
    holes = rng.random(values.shape) < 0.2
    return np.where(holes, np.float32(-9999), values), profile | {"nodata": None}


def _shifted(
    value: tuple[np.ndarray, dict[str, Any]], rng: Rng, *, east: float, north: float
) -> tuple[np.ndarray, dict[str, Any]]:
    t = value[1]["transform"]
    return value[0], value[1] | {"transform": Affine(t.a, 0, t.c + east, 0, t.e, t.f + north)}


def _transposed(value: tuple[np.ndarray, dict[str, Any]], rng: Rng) -> tuple[np.ndarray, dict[str, Any]]:
    t = value[1]["transform"]
    return value[0], value[1] | {"transform": Affine(t.a, 0, t.f, 0, t.e, t.c)}


def _virtual(folder: Path, rng: Rng, *, file: str) -> None:
    outside = folder.parent / f"{folder.name}_outside"
    outside.mkdir(exist_ok=True)
    shutil.move(folder / file, outside / "real.tif")
    with rasterio.open(outside / "real.tif") as data:
        t, rows, columns = data.transform, data.height, data.width
        wkt = data.crs.to_wkt().replace('"', "&quot;")
    (folder / file).write_text(
        f'<VRTDataset rasterXSize="{columns}" rasterYSize="{rows}"><SRS>{wkt}</SRS>'
        f"<GeoTransform>{t.c}, {t.a}, 0, {t.f}, 0, {t.e}</GeoTransform>"
        f'<VRTRasterBand dataType="Float32" band="1"><SimpleSource><SourceFilename>{outside / "real.tif"}</SourceFilename>'
        "<SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"
    )


def _idle(frame: pd.DataFrame, rng: Rng) -> pd.DataFrame:
    return frame.assign(w=np.where(rng.random(len(frame)) < 0.1, 0.0, frame["w"]))


_INDICATORS = ("nutrition", "child_mortality", "years_schooling", "school_attendance", "cooking_fuel", "sanitation",
               "drinking_water", "electricity", "housing", "assets")  # fmt: skip


def _within_a_row(data: bytes, rng: Rng, *, suffix: str) -> bytes:
    """The beginning of a file. Of a csv it ends within a row: what ends with a row is a smaller file, and no spoilt one."""
    end = int(len(data) * rng.uniform(0.2, 0.7))
    return data[: data.rfind(b"\n", 0, end) + 13] if suffix == ".csv" else data[:end]


def _wave(
    folder: Path,
    rng: Rng,
    *,
    suffix: str,
    change: Callable[[pd.DataFrame, Rng], pd.DataFrame] = lambda frame, rng: frame,
    after: Callable[[Path, Rng], None] = lambda folder, rng: None,
) -> None:
    """A wave of 160 households, two of each commune, in the format of ``suffix``."""
    import pyreadstat

    from poverty_assets_tests.landing import commune_codes

    wave = folder / WAVE
    wave.mkdir(parents=True)
    area = np.repeat(commune_codes(), 2)
    frame = pd.DataFrame({"hh": [f"H{i}" for i in range(len(area))], "area": area})
    frame = frame.assign(psu="P" + frame["area"], stratum=frame["area"].str[:2])
    frame = frame.assign(w=rng.uniform(0.5, 2, len(area)), size=rng.integers(1, 9, len(area)).astype(float))
    for name in _INDICATORS:
        frame[name] = (rng.random(len(area)) < 0.3).astype(int)
    frame = change(frame, rng)
    file = wave / f"h{suffix}"
    if suffix == ".csv":
        frame.to_csv(file, index=False)
    elif suffix == ".parquet":
        frame.to_parquet(file)
    else:
        (pyreadstat.write_dta if suffix == ".dta" else pyreadstat.write_sav)(frame.reset_index(drop=True), str(file))
    mapped = ", ".join(f"{name}: {name}" for name in _INDICATORS)
    (wave / "survey.yaml").write_text(
        f"title: A wave\nfieldwork: {{start: 2021-09-15, end: 2022-02-15}}\nfile: h{suffix}\n"
        "columns: {household_id: hh, psu: psu, stratum: stratum, weight: w, hh_size: size, area_id: area}\n"
        f"indicators: {{{mapped}}}\n"
    )
    after(folder, rng)
