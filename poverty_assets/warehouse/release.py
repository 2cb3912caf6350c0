"""A release: a folder that can be read when nothing of this project is left.

Belongs here: what is in it, and the one way to make it. Does not belong here: what a column means (``codebook``), which licence follows
from sources (``pack.licences``), forms of maps (``export_files``, ``qgis``), what is written for people (``release_papers``).

Every table and view as Parquet, maps of each level as GeoParquet and GeoPackage, small tables as CSV too, a codebook, a description by
which programs find their way (Data Package 2.0), how to cite it, its licence, and the digest of every file. The same published file
gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poverty_assets.atomic import replacing_folder
from poverty_assets.catalog import Table
from poverty_assets.errors import UsageError
from poverty_assets.pack.country import Country
from poverty_assets.pack.licences import Terms
from poverty_assets.warehouse.codebook import (
    HEADINGS,
    Chapter,
    chapter_of_profile,
    chapters_of,
    codebook_page,
    codebook_rows,
)
from poverty_assets.warehouse.export import describe_export
from poverty_assets.warehouse.export_files import flat, write
from poverty_assets.warehouse.local import read_levels, tables_of
from poverty_assets.warehouse.opening import connect, relations
from poverty_assets.warehouse.profile import profile_sql
from poverty_assets.warehouse.release_papers import Papers, read_papers
from poverty_assets.warehouse.views import views_of

if TYPE_CHECKING:
    import pyarrow as pa

PACKAGE, SUMS, NOTE = "datapackage.json", "SHA256SUMS", "README.md"
IN_TEXT = ("v_area", "v_mpi_latest", "v_area_profile", "v_change_latest")
"""Views that are there as CSV, too, beside all tables called ``dim_`` and ``meta_``."""
_ROWS_OF_A_GROUP = 122_880
_MEDIA = {
    ".parquet": ("parquet", "application/vnd.apache.parquet"),
    ".csv": ("csv", "text/csv"),
    ".gpkg": ("gpkg", "application/geopackage+sqlite3"),
}
_PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"


@dataclass(frozen=True)
class Released:
    """What was written: rows of each table, and what it goes on under."""

    path: Path
    is_simulated: bool
    terms: Terms
    rows: dict[str, int]


@dataclass
class _Making:
    """A release while it is made."""

    connection: Any
    folder: Path
    tables: tuple[Table, ...]
    chapters: dict[str, Chapter]
    papers: Papers
    of_files: dict[str, Chapter] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)


def release(warehouse: Path, target: Path, country: Country, *, force: bool = False) -> Released:
    """Write everything that is published into a new folder, whole or not at all.

    Parameters
    ----------
    warehouse, target : Path
    country : Country
        Whose file it is: levels, languages, citation.
    force : bool
        Put it in the place of a release that is there.

    Raises
    ------
    MissingFile
        If nothing has been published.
    UsageError
        If the folder is there, and ``force`` is not given or it holds something that is no release.
    """
    _check_target(target, force)
    with connect(warehouse) as connection, replacing_folder(target) as folder:
        tables, there = tables_of(country), relations(connection)
        views = [view.name for view in views_of(country) if view.released]
        names = [name for name in (*(one.name for one in tables), *views) if name in there]
        making = _Making(
            connection, folder, tables, chapters_of(connection, names, tables), read_papers(connection, country)
        )
        for name in names:
            _write_parquet(making, name)
            if name.startswith(("dim_", "meta_")) or name in IN_TEXT:
                _write_text(making, name)
        _write_maps(making)
        _write_codebook(making)
        for name, text in making.papers.files.items():
            (folder / name).write_text(text, encoding="utf-8")
        (folder / PACKAGE).write_text(_package(making), encoding="utf-8")
        (folder / SUMS).write_text(
            "".join(f"{_digest(path)}  {name}\n" for name, path in _files(folder)), encoding="utf-8"
        )
    return Released(target, making.papers.is_simulated, making.papers.terms, making.rows)


def _check_target(target: Path, force: bool) -> None:
    if not target.exists():
        return
    if not force:
        raise UsageError(
            "this is there already", file=target, remedy="name a new folder, or add --force to replace the release"
        )
    is_release = target.is_dir() and all((target / name).is_file() for name in (PACKAGE, SUMS))
    if not is_release and not (target.is_dir() and not any(target.iterdir())):
        raise UsageError("this is there already and is no release", file=target, remedy="name a new folder")


def _order(making: _Making, name: str) -> str:
    key = making.chapters[name].key
    return ", ".join(f'"{column}"' for column in key) if key else "ALL"


def _write_parquet(making: _Making, name: str) -> None:
    """Rows in the order of their key, so many in a group; what columns mean stands in the file, too."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    chapter, path = making.chapters[name], making.folder / "data" / f"{name}.parquet"
    path.parent.mkdir(exist_ok=True)
    result = making.connection.execute(f'SELECT * FROM "{name}" ORDER BY {_order(making, name)}')
    reader = result.to_arrow_reader(_ROWS_OF_A_GROUP)
    said = {entry.column: entry.meaning for entry in chapter.entries}
    fields = [one.with_metadata({"description": said[one.name]}) for one in reader.schema]
    metadata = {
        "title": name,
        "description": chapter.description,
        "is_simulated": str(making.papers.is_simulated).lower(),
    }
    schema = pa.schema(fields, metadata=metadata)
    count = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_batch(
                pa.RecordBatch.from_arrays(batch.columns, schema=schema), row_group_size=_ROWS_OF_A_GROUP
            )
            count += batch.num_rows
    making.rows[name] = count
    making.of_files[f"data/{name}.parquet"] = chapter


def _write_text(making: _Making, name: str) -> None:
    """As CSV in UTF-8; lists have bars between their items, boundaries and maps are left out."""
    left_out = [one.column for one in making.chapters[name].entries if one.kind in ("any", "object")]
    picked = "*" + (f" EXCLUDE ({', '.join(left_out)})" if left_out else "")
    rows = making.connection.execute(f'SELECT {picked} FROM "{name}" ORDER BY {_order(making, name)}').to_arrow_table()
    _csv(rows, making.folder / "text" / f"{name}.csv")
    whole = making.chapters[name]
    kept = tuple(one for one in whole.entries if one.column not in left_out)
    making.of_files[f"text/{name}.csv"] = Chapter(name, whole.description, whole.key, kept)


def _csv(rows: pa.Table, path: Path) -> None:
    import pyarrow.csv

    path.parent.mkdir(exist_ok=True)
    pyarrow.csv.write_csv(flat(rows, "|"), path)


def _write_maps(making: _Making) -> None:
    """One wide row an area of the latest quarter: GeoParquet with a style a level, and all levels in one GeoPackage."""
    connection = making.connection
    (latest,) = connection.execute("SELECT max(quarter) FROM dim_quarter").fetchone()
    layers = {}
    for level in read_levels(connection)[1:]:
        name = f"{level.area_level}_profile"
        sql = f"SELECT * FROM ({profile_sql(connection, level.area_level)}) WHERE quarter = $latest ORDER BY area_id"
        layers[name] = connection.execute(sql, {"latest": latest}).to_arrow_table()
        types = {
            row[0]: row[1]
            for row in connection.execute("DESCRIBE " + sql.replace("$latest", f"DATE '{latest}'")).fetchall()
        }
        about = describe_export(connection, [latest], {name: layers[name]})
        write(making.folder / "maps" / f"{name}.parquet", "geoparquet", {name: layers[name]}, about)
        making.chapters[name] = chapter_of_profile(name, types, making.tables)
        making.of_files[f"maps/{name}.parquet"] = making.chapters[name]
        making.rows[name] = layers[name].num_rows
    write(making.folder / "maps" / "areas.gpkg", "gpkg", layers, describe_export(connection, [latest], layers))


def _write_codebook(making: _Making) -> None:
    import pyarrow as pa

    rows = codebook_rows(making.chapters)
    _csv(pa.table({name: [row[i] for row in rows] for i, name in enumerate(HEADINGS)}), making.folder / "codebook.csv")
    (making.folder / "codebook.md").write_text(codebook_page(making.chapters, "Codebook"), encoding="utf-8")


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Files of a folder, in the order of their names, as they are written in it."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name != SUMS):
        yield path.relative_to(folder).as_posix(), path


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _package(making: _Making) -> str:
    """``datapackage.json``: what there is, where, of what form."""
    papers = making.papers
    resources = []
    for name, path in _files(making.folder):
        if path.suffix not in _MEDIA:
            continue
        form, media = _MEDIA[path.suffix]
        chapter = making.of_files.get(name)
        one: dict[str, Any] = {"name": name.rsplit(".", 1)[0].replace("data/", "").replace("/", "-"), "path": name}
        one |= {"format": form, "mediatype": media, "bytes": path.stat().st_size, "hash": f"sha256:{_digest(path)}"}
        if chapter is not None:
            one |= {"title": chapter.name, "description": chapter.description, "type": "table"}
            one["schema"] = chapter.schema(making.chapters)
            if form == "csv":  # lists are texts there
                for column in one["schema"]["fields"]:
                    column["type"] = "string" if column["type"] == "array" else column["type"]
        resources.append(one)
    said = {"$schema": _PROFILE, **papers.package, "resources": resources}
    return json.dumps(said, ensure_ascii=False, indent=1) + "\n"
