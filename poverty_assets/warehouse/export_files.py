"""The files of an export: GeoParquet, GeoPackage, XLSX, a folder of CSV.

Belongs here: one writer a format. Does not belong here: which rows, or what is said about them (``export``).

A file appears whole or not at all. Same rows of the same build, same bytes.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from poverty_assets.atomic import replacing, replacing_folder, write_text
from poverty_assets.errors import UsageError
from poverty_assets.warehouse.qgis import add_styles, style_of

if TYPE_CHECKING:
    import pyarrow as pa


Form = Literal["geoparquet", "csv", "xlsx", "gpkg"]


@dataclass(frozen=True)
class About:
    """What is said of an export: rows of topic, name and text, and whether its data are simulated."""

    is_simulated: bool
    built_at: Any
    rows: tuple[tuple[str, str, str], ...]


MARK = "SIMULATED DATA"
MOST_ROWS = 1_048_575  # of an Excel sheet, less its heading
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
_EXCEL_TEXT = 32_767
_HEADINGS = ("topic", "name", "text")


def styled(target: Path, form: Form) -> tuple[Path, ...]:
    """Files that lie beside the one that is written."""
    return (target.with_suffix(".qml"),) if form == "geoparquet" else ()


def write(target: Path, form: Form, tables: dict[str, pa.Table], about: About) -> None:
    """Write the tables and what is said of them in the form asked for."""
    {"csv": _csv, "xlsx": _xlsx, "geoparquet": _geoparquet, "gpkg": _gpkg}[form](target, tables, about)


def _csv(target: Path, tables: dict[str, pa.Table], about: About) -> None:
    """A folder with a file a table and ``about.csv``; names begin with ``simulated_`` where the data are."""
    import pyarrow as pa
    import pyarrow.csv

    prefix = "simulated_" if about.is_simulated else ""
    described = pa.table({name: [row[i] for row in about.rows] for i, name in enumerate(_HEADINGS)})
    with replacing_folder(target) as beside:
        for name, data in {**tables, "about": described}.items():
            pyarrow.csv.write_csv(_inert(flat(data, "|")), beside / f"{prefix}{name}.csv")


def _inert(data: pa.Table) -> pa.Table:
    """The table with an apostrophe before each text that a spreadsheet would take for a formula."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for i, field in enumerate(data.schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            text = data.column(i)
            quoted = pc.binary_join_element_wise(pa.scalar("'", field.type), text, pa.scalar("", field.type))
            live = pc.match_substring_regex(text, r"^[=+\-@\t\r]")
            data = data.set_column(i, field, pc.if_else(live, quoted, text))
    return data


def _xlsx(target: Path, tables: dict[str, pa.Table], about: About) -> None:
    """A workbook: ``about`` first, then a sheet a table; tabs are red where the data are simulated."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    for name, data in tables.items():
        if data.num_rows > MOST_ROWS:
            raise UsageError(
                f"{name} has {data.num_rows:,} rows; a sheet holds {MOST_ROWS:,}",
                remedy="ask for fewer quarters or one level, or use csv",
            )
    book = Workbook(write_only=True)
    book.properties.title = MARK if about.is_simulated else "Deprivation by area"
    book.properties.creator = "poverty_assets"
    book.properties.created = about.built_at
    sheets: list[tuple[str, Any, Iterator[tuple[Any, ...]]]] = [("about", _HEADINGS, iter(about.rows))]
    sheets += [(name, data.column_names, _tuples(flat(data, ", "))) for name, data in tables.items()]
    for name, headings, rows in sheets:
        sheet = book.create_sheet(name[:31])
        sheet.freeze_panes = "A2"
        if about.is_simulated:
            sheet.sheet_properties.tabColor = "B2182B"
            sheet.oddHeader.center.text = MARK
        sheet.append(list(headings))
        for row in rows:
            sheet.append([_cell(WriteOnlyCell, sheet, value) for value in row])
    with replacing(target) as temporary:
        book.save(temporary)
        _same_bytes(temporary, f"{about.built_at:%Y-%m-%dT%H:%M:%SZ}")


def _cell(make: Any, sheet: Any, value: Any) -> Any:
    """A text stays a text, also where it begins like a formula."""
    if not isinstance(value, str) or not value.startswith(("=", "+", "-", "@")):
        return value[:_EXCEL_TEXT] if isinstance(value, str) else value
    cell = make(sheet, value=None)
    cell._value, cell.data_type = value[:_EXCEL_TEXT], "s"
    return cell


def _same_bytes(path: Path, day: str) -> None:
    """Give the workbook the build's time in place of the clock's."""
    again = path.with_name(path.name + ".again")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(again, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.infolist():
            data = old.read(item)
            if item.filename == "docProps/core.xml":
                data = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>" + day.encode(), data)
            new.writestr(zipfile.ZipInfo(item.filename, _ZIP_EPOCH), data, zipfile.ZIP_DEFLATED)
    again.replace(path)


def _geoparquet(target: Path, tables: dict[str, pa.Table], about: About) -> None:
    """One table with its boundaries, and beside it its style for QGIS; what is said of it under ``poverty_assets`` in its metadata."""
    import pyarrow.parquet as pq

    if len(tables) > 1:
        raise UsageError(f"a GeoParquet file holds one table, not {len(tables)}", remedy="use gpkg, or ask for one")
    ((_, data),) = tables.items()
    with replacing(target) as temporary:
        _frame(data).to_parquet(temporary, compression="zstd")
        written = pq.read_table(temporary)
        metadata = {**(written.schema.metadata or {}), b"poverty_assets": _json(about).encode()}
        pq.write_table(written.replace_schema_metadata(metadata), temporary, compression="zstd")
    style = style_of(data)
    if style is not None:
        write_text(styled(target, "geoparquet")[0], style)


def _gpkg(target: Path, tables: dict[str, pa.Table], about: About) -> None:
    """A layer a table, with its style for QGIS; what is said of them in its metadata, ``simulated_`` before its name where it is so."""
    import pyogrio

    prefix = "simulated_" if about.is_simulated else ""
    metadata = {"poverty_assets": _json(about), "is_simulated": str(about.is_simulated).lower()}
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": f"{about.built_at:%Y-%m-%dT%H:%M:%S.000Z}"})
    try:
        with replacing(target) as temporary:
            beside = temporary.with_suffix(".gpkg")
            try:
                for number, (name, data) in enumerate(tables.items()):
                    pyogrio.write_dataframe(
                        _frame(flat(data, ", ")), beside, layer=prefix + name, driver="GPKG", use_arrow=True,
                        promote_to_multi=True, append=number > 0, layer_metadata=metadata,
                    )  # fmt: skip
                styles = {prefix + name: style_of(flat(data, ", ")) for name, data in tables.items()}
                at = f"{about.built_at:%Y-%m-%dT%H:%M:%S.000Z}"
                add_styles(beside, {layer: style for layer, style in styles.items() if style is not None}, at)
                beside.replace(temporary)
            finally:
                beside.unlink(missing_ok=True)
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})


def _frame(data: pa.Table) -> Any:
    """A GeoDataFrame in EPSG:4326; counts and truth values keep NULL apart."""
    import geopandas as gpd
    import pandas as pd
    import pyarrow as pa
    import shapely

    kept = {pa.int64(): pd.Int64Dtype(), pa.int32(): pd.Int32Dtype(), pa.bool_(): pd.BooleanDtype()}
    frame = data.drop_columns(["geometry"]).to_pandas(types_mapper=kept.get)
    shapes = shapely.from_wkb(data.column("geometry").to_numpy(zero_copy_only=False))
    return gpd.GeoDataFrame(frame, geometry=shapes, crs="EPSG:4326")


def flat(data: pa.Table, joint: str) -> pa.Table:
    """Lists as text."""
    import pyarrow as pa

    for i, field in enumerate(data.schema):
        if pa.types.is_list(field.type):
            joined = [None if value is None else joint.join(map(str, value)) for value in data.column(i).to_pylist()]
            data = data.set_column(i, field.name, pa.array(joined, pa.string()))
    return data


def _tuples(data: pa.Table) -> Iterator[tuple[Any, ...]]:
    for batch in data.to_batches(max_chunksize=20_000):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _json(about: About) -> str:
    said = [dict(zip(_HEADINGS, row, strict=True)) for row in about.rows]
    return json.dumps({"is_simulated": about.is_simulated, "about": said}, ensure_ascii=False, sort_keys=True)
