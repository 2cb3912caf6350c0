"""What spoils a file, or changes it without meaning: rows, cells, shapes, sheets, pixels and waves.

Belongs here: one change a function, of what was opened and a generator. Does not belong here: opening and writing (``landing_files``), or
which file is spoilt by what (``mutations``).
"""

from __future__ import annotations

import csv
import io
import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import shapely
from rasterio.transform import Affine

from poverty_assets_tests.intake.landing_files import (
    ROADS,
    WAVE,
    Rng,
    column,
    some,
)


def columns_shuffled(rows: list[list[str]], rng: Rng) -> list[list[str]]:
    order = rng.permutation(len(rows[0]))
    return [[row[i] for i in order] for row in rows]


def extra_column(rows: list[list[str]], rng: Rng) -> list[list[str]]:
    return [[*row, "remark" if i == 0 else "x"] for i, row in enumerate(rows)]


def line_ends(data: bytes, rng: Rng) -> bytes:
    plain = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return plain.replace(b"\n", [b"\r\n", b"\n", b"\r"][int(rng.integers(3))])


def quoted(data: bytes, rng: Rng) -> bytes:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(csv.reader(io.StringIO(data.decode())))
    return out.getvalue().encode()


def hxl(rows: list[list[str]], rng: Rng) -> list[list[str]]:
    return [rows[0], [f"#x+{name.lower()}" for name in rows[0]], *rows[1:]]


def latin(data: bytes, rng: Rng) -> bytes:
    lines = data.decode().split("\n")
    name = next(cell for cell in lines[1].split(",") if cell and not cell[0].isdigit())
    return "\n".join([lines[0], lines[1].replace(name, "Kr\u00e2ch\u00e9h", 1), *lines[2:]]).encode("latin-1")


def ragged(rows: list[list[str]], rng: Rng) -> None:
    i = 1 + int(rng.integers(len(rows) - 1))
    rows[i] = rows[i][:-1] if rng.random() < 0.5 else [*rows[i], "x"]


def header_again(rows: list[list[str]], rng: Rng) -> list[list[str]]:
    i = 1 + int(rng.integers(len(rows) - 1))
    return [*rows[:i], rows[0], *rows[i:]]


def semicolons(data: bytes, rng: Rng) -> bytes:
    rows = csv.reader(io.StringIO(data.decode()))
    return "\n".join(";".join(cell.replace(".", ",") for cell in row) for row in rows).encode() + b"\n"


def twice(rows: list[list[str]], rng: Rng, *, name: str) -> list[list[str]]:
    return [[*row, name if i == 0 else "7"] for i, row in enumerate(rows)]


def without(rows: list[list[str]], rng: Rng, *, name: str) -> list[list[str]]:
    at = column(rows, name)
    return [row[:at] + row[at + 1 :] for row in rows]


def stray_quote(data: bytes, rng: Rng) -> bytes:
    lines = data.decode().split("\n")
    i = 1 + int(rng.integers(len(lines) // 2))
    cells = lines[i].split(",")
    cells[1] = '"' + cells[1]
    return "\n".join([*lines[:i], ",".join(cells), *lines[i + 1 :]]).encode()


def not_a_number(features: list[dict[str, Any]], rng: Rng) -> None:
    for i in some(rng, len(features)):
        ring = features[i]["geometry"]["coordinates"]
        while isinstance(ring[0][0], list):
            ring = ring[0]
        ring[1][0] = float("nan")


def as_text(features: list[dict[str, Any]], rng: Rng) -> None:
    for feature in features:
        feature["geometry"] = json.loads(json.dumps(feature["geometry"]), parse_float=str)


def swapped(rows: list[list[str]], rng: Rng, *, one: str, other: str) -> None:
    a, b = column(rows, one), column(rows, other)
    rows[0][a], rows[0][b] = other, one


def zeros(rows: list[list[str]], rng: Rng, *, names: tuple[str, ...]) -> None:
    for row in rows[1:]:
        for name in names:
            row[column(rows, name)] = "0"


def shape_id(features: list[dict[str, Any]], rng: Rng, *, value: str | None) -> None:
    for i in some(rng, len(features)):
        features[i]["properties"]["shapeID"] = value


def neighbours_too(features: list[dict[str, Any]], rng: Rng) -> None:
    for i in some(rng, len(features) - 1):
        pair = [shapely.from_geojson(json.dumps(features[j]["geometry"])) for j in (i, i + 1)]
        features[i]["geometry"] = json.loads(shapely.to_geojson(shapely.union_all(pair)))


def another_layer(folder: Path, rng: Rng) -> None:
    data = gpd.read_file(folder / ROADS)
    (folder / ROADS).unlink()
    points = gpd.GeoDataFrame(data[["highway"]], geometry=data.geometry.representative_point(), crs=data.crs)
    points.to_file(folder / ROADS, layer="a_first", driver="GPKG")
    data.to_file(folder / ROADS, layer="roads", driver="GPKG")


def no_shapes(folder: Path, rng: Rng) -> None:
    with sqlite3.connect(folder / ROADS) as connection:
        connection.execute("DELETE FROM gpkg_geometry_columns")
        connection.execute("UPDATE gpkg_contents SET data_type = 'attributes'")


def same_as_another(rows: list[list[str]], rng: Rng, *, name: str) -> None:
    at, (i, j) = column(rows, name), rng.choice(len(rows) - 1, 2, replace=False)
    rows[1 + i][at] = rows[1 + j][at]


def larger(rows: list[list[str]], rng: Rng, *, name: str) -> list[list[str]]:
    """A row for each larger area in place of the finest."""
    at, kept = column(rows, name), {}
    for row in rows[1:]:
        kept.setdefault(f"{int(row[at]):06d}"[:4], row)
    for code, row in kept.items():
        row[at] = code
    return [rows[0], *kept.values()]


def larger_records(listed: list[dict[str, Any]], rng: Rng, *, key: str) -> list[dict[str, Any]]:
    kept: dict[str, dict[str, Any]] = {}
    for record in listed:
        kept.setdefault(record[key][:4], record | {key: record[key][:4]})
    return list(kept.values())


def set_aside(rows: list[list[str]], rng: Rng, *, share: float) -> None:
    at, last = column(rows, "TOT_Per_HH"), len(rows) - (1 if share == 1 else 0)
    for row in rows[1:last]:
        if rng.random() < share:
            row[at] = "1.7"


def parts(listed: list[dict[str, Any]], rng: Rng) -> None:
    for i in some(rng, len(listed)):
        listed[i]["Total_Poor_1_HHs"] += 7


def thousands(record: dict[str, Any]) -> None:
    for key in ("Total_HHs", "Total_Poor_12_HHs", "Total_Poor_1_HHs", "Total_Poor_2_HHs"):
        record[key] = record[key] // 100 + 1
    record["Total_Poor_12_HHs"] = min(record["Total_HHs"], record["Total_Poor_1_HHs"] + record["Total_Poor_2_HHs"])
    record["Total_Poor_2_HHs"] = record["Total_Poor_12_HHs"] - record["Total_Poor_1_HHs"]


def of_regions(rows: list[list[str]]) -> list[int]:
    at = column(rows, "Admin 1 Name")
    return [i for i in range(1, len(rows)) if rows[i][at]]


def country_alone(rows: list[list[str]], rng: Rng) -> None:
    rows[:] = [row for i, row in enumerate(rows) if i not in of_regions(rows)]


def region_lost(rows: list[list[str]], rng: Rng) -> None:
    del rows[int(rng.choice(of_regions(rows)))]


def no_pcode(rows: list[list[str]], rng: Rng) -> None:
    rows[int(rng.choice(of_regions(rows)))][column(rows, "Admin 1 PCode")] = ""


def pcode(rows: list[list[str]], rng: Rng, *, code: str | None) -> None:
    at, (i, j) = column(rows, "Admin 1 PCode"), rng.choice(of_regions(rows), 2, replace=False)
    rows[i][at] = code or rows[j][at]


def names_exchanged(rows: list[list[str]], rng: Rng) -> None:
    (one, other), named = rng.choice(of_regions(rows), 2, replace=False), column(rows, "Admin 1 Name")
    rows[one][named], rows[other][named] = rows[other][named], rows[one][named]


def sheet_of(opened: Any, rng: Rng) -> Any:
    return opened.worksheets[int(rng.integers(len(opened.worksheets)))]


def figures_of(sheet: Any) -> list[Any]:
    """Cells of figures in the rows of the country."""
    return [
        cell
        for row in sheet.iter_rows(min_row=10)
        if row[1].value == "KHM"
        for cell in row[6:]
        if isinstance(cell.value, float | int)
    ]


def figure(opened: Any, rng: Rng, *, value: Any) -> None:
    sheets = [s for s in opened.worksheets if not s.title.endswith("sample")]
    cells = figures_of(sheets[int(rng.integers(len(sheets)))])
    cells[int(rng.integers(len(cells)))].value = value


def column_inserted(opened: Any, rng: Rng) -> None:
    sheet_of(opened, rng).insert_cols(int(rng.integers(2, 7)))


def row_missing(opened: Any, rng: Rng) -> None:
    sheet = sheet_of(opened, rng)
    rows = [row[0].row for row in sheet.iter_rows(min_row=10) if row[1].value == "KHM"]
    sheet.delete_rows(int(rng.choice(rows)))


def region_missing(opened: Any, rng: Rng) -> None:
    for sheet in opened.worksheets:
        sheet.delete_rows(next(row[0].row for row in sheet.iter_rows(min_row=10) if row[6].value == "Beta"))


def shares(opened: Any, rng: Rng) -> None:
    sheets = [s for s in opened.worksheets if s.title.split()[-1] in ("mpi", "censored", "uncensored")]
    for cell in figures_of(sheets[int(rng.integers(len(sheets)))]):
        cell.value = cell.value / 100 if cell.value > 1 else cell.value


def renamed(opened: Any, rng: Rng, *, everywhere: bool) -> None:
    chosen = opened.worksheets if everywhere else [sheet_of(opened, rng)]
    for sheet in chosen:
        for row in sheet.iter_rows(min_row=10):
            if row[6].value == "Beta":
                row[6].value = "Omega"


def tiled(value: tuple[np.ndarray, dict[str, Any]], rng: Rng) -> tuple[np.ndarray, dict[str, Any]]:
    return value[0], value[1] | {"compress": "deflate", "tiled": True, "blockxsize": 16, "blockysize": 16}


def south_up(value: tuple[np.ndarray, dict[str, Any]], rng: Rng) -> tuple[np.ndarray, dict[str, Any]]:
    values, profile = value
    t = profile["transform"]
    return values[:, ::-1], profile | {"transform": Affine(t.a, 0, t.c, 0, -t.e, t.f + t.e * values.shape[1])}


def mirrored(value: tuple[np.ndarray, dict[str, Any]], rng: Rng) -> tuple[np.ndarray, dict[str, Any]]:
    values, profile = value
    t = profile["transform"]
    return values[:, :, ::-1], profile | {"transform": Affine(-t.a, 0, t.c + t.a * values.shape[2], 0, t.e, t.f)}


def rotated(value: tuple[np.ndarray, dict[str, Any]], rng: Rng) -> tuple[np.ndarray, dict[str, Any]]:
    return value[0], value[1] | {"transform": value[1]["transform"] @ Affine.rotation(20)}


def margin(value: tuple[np.ndarray, dict[str, Any]], rng: Rng) -> tuple[np.ndarray, dict[str, Any]]:
    values, profile = value
    n = int(rng.integers(1, 9))
    t = profile["transform"]
    wider = np.pad(values, ((0, 0), (n, n), (n, n)), constant_values=np.float32(profile["nodata"]))
    return wider, profile | {"transform": t @ Affine.translation(-n, -n)}


def silent_nodata(value: tuple[np.ndarray, dict[str, Any]], rng: Rng) -> tuple[np.ndarray, dict[str, Any]]:
    values, profile = value
    holes = rng.random(values.shape) < 0.2
    return np.where(holes, np.float32(-9999), values), profile | {"nodata": None}


def shifted(
    value: tuple[np.ndarray, dict[str, Any]], rng: Rng, *, east: float, north: float
) -> tuple[np.ndarray, dict[str, Any]]:
    t = value[1]["transform"]
    return value[0], value[1] | {"transform": Affine(t.a, 0, t.c + east, 0, t.e, t.f + north)}


def transposed(value: tuple[np.ndarray, dict[str, Any]], rng: Rng) -> tuple[np.ndarray, dict[str, Any]]:
    t = value[1]["transform"]
    return value[0], value[1] | {"transform": Affine(t.a, 0, t.f, 0, t.e, t.c)}


def virtual(folder: Path, rng: Rng, *, file: str) -> None:
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


def rows_drawn_anew(frame: pd.DataFrame, rng: Rng) -> pd.DataFrame:
    return frame.sample(frac=1, random_state=int(rng.integers(99)))


def idle(frame: pd.DataFrame, rng: Rng) -> pd.DataFrame:
    return frame.assign(w=np.where(rng.random(len(frame)) < 0.1, 0.0, frame["w"]))


INDICATORS = ("nutrition", "child_mortality", "years_schooling", "school_attendance", "cooking_fuel", "sanitation",
               "drinking_water", "electricity", "housing", "assets")  # fmt: skip


def within_a_row(data: bytes, rng: Rng, *, suffix: str) -> bytes:
    """The beginning of a file. Of a csv it ends within a row: what ends with a row is a smaller file, and no spoilt one."""
    end = int(len(data) * rng.uniform(0.2, 0.7))
    return data[: data.rfind(b"\n", 0, end) + 13] if suffix == ".csv" else data[:end]


def a_wave(
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
    for name in INDICATORS:
        frame[name] = (rng.random(len(area)) < 0.3).astype(int)
    frame = change(frame, rng)
    file = wave / f"h{suffix}"
    if suffix == ".csv":
        frame.to_csv(file, index=False)
    elif suffix == ".parquet":
        frame.to_parquet(file)
    else:
        (pyreadstat.write_dta if suffix == ".dta" else pyreadstat.write_sav)(frame.reset_index(drop=True), str(file))
    mapped = ", ".join(f"{name}: {name}" for name in INDICATORS)
    (wave / "survey.yaml").write_text(
        f"title: A wave\nfieldwork: {{start: 2021-09-15, end: 2022-02-15}}\nfile: h{suffix}\n"
        "columns: {household_id: hh, psu: psu, stratum: stratum, weight: w, hh_size: size, area_id: area}\n"
        f"indicators: {{{mapped}}}\n"
    )
    after(folder, rng)
