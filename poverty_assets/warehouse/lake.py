"""The lake: one Parquet file a table and quarter, whole or absent.

Belongs here: paths, schemas and atomic writing of partitions, and the seal that says that a quarter is complete. Does not
belong here: DuckDB (``build``), or what a table means (``catalog``).
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from poverty_assets.catalog import INNER_TABLES, TABLES, Table, table
from poverty_assets.errors import MissingFile, PovertyAssetsError
from poverty_assets.quarter import Quarter
from poverty_assets.settings import Settings
from poverty_assets.sources.kept_raster import KeptRaster, rows_in_parts
from poverty_assets.sources.raster import RasterCells
from poverty_assets.warehouse.shelf import Disk, Shelf, shelf_of

SEAL, QUARTER_NOTE, CHECK_RESULT = "quarter_seal", "quarter_note", "check_result"
SOURCE_RELEASE = "source_release"
SOURCE = "src_"
IN_PARTS = tuple(one.name for one in (*TABLES, *INNER_TABLES) if one.in_parts)


class Lake:
    """A folder ``<table>/quarter=YYYY-MM-DD/part.parquet``.

    Parameters
    ----------
    root : Path
    shelf : Shelf, optional
        What keeps the files: by default the folder itself; a bucket, of which the folder holds copies.
    """

    def __init__(self, root: Path, shelf: Shelf | None = None) -> None:
        self.root = Path(root)
        self.shelf = shelf or Disk(self.root)

    @classmethod
    def of(cls, settings: Settings) -> Lake:
        """The lake of a home."""
        return cls(settings.lake, shelf_of(settings))

    def path(self, name: str, quarter: Quarter) -> Path:
        """Where a table's partition lies."""
        return self.shelf.here(self._place(name, quarter))

    def file(self, name: str) -> Path:
        """Where a file lies that is named by its place below the root."""
        return self.shelf.here(self.root / name)

    def _place(self, name: str, quarter: Quarter) -> Path:
        return self.root / name / f"quarter={quarter.key}" / "part.parquet"

    def has(self, name: str, quarter: Quarter) -> bool:
        """Whether the partition is there."""
        return self.path(name, quarter).is_file()

    def write(self, name: str, quarter: Quarter, frame: pd.DataFrame, noted: Mapping[str, Any] | None = None) -> Path:
        """Write a partition whole, replacing any before it; what is noted of it first, the release that was read apart
        (``source_release``).

        Columns, order and types follow the catalog, with names in as many languages as the rows have; rows of a published table are
        sorted by its key, so that the same rows give the same bytes. A source (``src_<source_id>``) is written as it is.
        """
        import pyarrow.parquet as pq

        if noted is not None:
            self._write_noted(name, quarter, noted)
        path = self._place(name, quarter)
        with self.shelf.writing(path) as temporary:
            pq.write_table(_as_arrow(name, frame), temporary, compression="zstd", row_group_size=1 << 20)
        return path

    def write_raster(
        self, name: str, quarter: Quarter, raster: RasterCells, noted: Mapping[str, Any]
    ) -> tuple[Path, pd.DataFrame]:
        """Write the partition of a source that is a raster, some rows at a time; its file and its first row."""
        import pyarrow.parquet as pq

        self._write_noted(name, quarter, noted)
        path = self._place(name, quarter)
        with self.shelf.writing(path) as temporary:
            writer, head = None, pd.DataFrame()
            for rows in rows_in_parts(raster):
                head = rows.head(1) if writer is None else head
                table = _as_arrow(name, rows)
                writer = writer or pq.ParquetWriter(temporary, table.schema, compression="zstd")
                writer.write_table(table)
            if writer is not None:
                writer.close()
        return path, head

    def raster(self, name: str, quarter: Quarter) -> RasterCells:
        """The raster that a partition keeps, which is read as its rows are asked for."""
        return KeptRaster(self.path(name, quarter))

    def read(self, name: str, quarter: Quarter, columns: list[str] | None = None) -> pd.DataFrame:
        """Read a partition.

        Raises
        ------
        MissingFile
            If it has not been written.
        """
        import pyarrow.parquet as pq

        path = self.path(name, quarter)
        if not path.is_file():
            raise MissingFile(
                f"the lake has no {name} of {quarter}",
                file=path,
                remedy=f"run poverty-assets refresh --quarter {quarter}",
            )
        return pq.ParquetFile(path).read(columns=columns).to_pandas()

    def notes(self, name: str, quarter: Quarter) -> dict[str, Any]:
        """What was noted when the partition was written: note to text or number, or to a dict of them by detail; and the facts of
        the release that was read, as the catalog types them."""
        released, noted = (self._part_rows(part, name, quarter) for part in (SOURCE_RELEASE, QUARTER_NOTE))
        facts = {
            fact: value for row in released for fact, value in row.items() if fact != "asset" and value is not None
        }
        return facts | notes_of_rows(noted)

    def noted_files(self, name: str, quarter: Quarter) -> tuple[Path, Path]:
        """Where lies what was noted of a partition: of the release that was read, and the rest. Either may be absent."""
        return self._part(SOURCE_RELEASE, name, quarter), self._part(QUARTER_NOTE, name, quarter)

    def checked_file(self, name: str, quarter: Quarter) -> Path:
        """Where lies what the checks of a table found."""
        return self._part(CHECK_RESULT, name, quarter)

    # ------------------------------------------------------------------ seals
    def digests(self, quarter: Quarter, names: Collection[str]) -> dict[str, str]:
        """SHA-256 of the quarter's file of each table, and of what was noted and checked, by path below the root."""
        paths = [self.path(name, quarter) for name in sorted(names)]
        paths += [path for part in IN_PARTS for path in self.part_files(part, [quarter])]
        return {path.relative_to(self.root).as_posix(): _sha256(path) for path in paths}

    def unsealed(self, quarter: Quarter) -> list[str]:
        """Files of the quarter that are missing or are not the ones that were sealed; empty where it is complete.

        A seal is the partition of ``quarter_seal``: columns ``file`` and ``sha256``.
        """
        import pyarrow as pa

        wrong = []
        try:
            seal = self.read(SEAL, quarter)
        except (pa.ArrowInvalid, OSError):  # the seal itself is cut short
            return [SEAL]
        self.shelf.bring(self.root / name for name in seal["file"])
        for name, digest in zip(seal["file"], seal["sha256"], strict=True):
            file = self.file(name)
            if not file.is_file() or _sha256(file) != digest:
                wrong.append(name.split("/")[0])
        return wrong

    def sealed_digest(self, quarter: Quarter) -> str:
        """Digest over the sealed files of a quarter."""
        return seal_digest(self.read(SEAL, quarter))

    def sealed_at(self) -> dict[Quarter, dt.datetime]:
        """When each quarter was sealed."""
        at = {quarter: self.path(SEAL, quarter).stat().st_mtime for quarter in self.quarters()}
        return {quarter: dt.datetime.fromtimestamp(moment, dt.UTC) for quarter, moment in at.items()}

    def source_digest(self, source_id: str, quarter: Quarter) -> str | None:
        """Digest of the file that a source gave a quarter; None where it gave none."""
        return self.notes(f"{SOURCE}{source_id}", quarter).get("sha256")

    def quarters(self) -> list[Quarter]:
        """Quarters that have a seal, in order."""
        seals = self.shelf.found(f"{SEAL}/quarter=*/part.parquet")
        return sorted(Quarter.from_key(path.parent.name.removeprefix("quarter=")) for path in seals)

    # ------------------------------------------------------------------ tables in parts
    def write_checks(self, name: str, quarter: Quarter, rows: pd.DataFrame) -> Path:
        """Write what the checks of one table found (catalog: ``check_result``)."""
        return self._write_part(CHECK_RESULT, name, quarter, rows)

    def part_files(self, name: str, quarters: list[Quarter]) -> list[Path]:
        """Files of a table that several assets write, of these quarters."""
        found = [self.shelf.found(f"{name}/*/quarter={quarter.key}/part.parquet") for quarter in quarters]
        return [self.shelf.here(path) for files in found for path in files]

    def _part(self, name: str, of: str, quarter: Quarter) -> Path:
        return self.shelf.here(self._part_place(name, of, quarter))

    def _part_place(self, name: str, of: str, quarter: Quarter) -> Path:
        column = table(name).in_parts.removesuffix("_name")
        return self.root / name / f"{column}={of}" / f"quarter={quarter.key}" / "part.parquet"

    def _write_noted(self, name: str, quarter: Quarter, noted: Mapping[str, Any]) -> None:
        facts = [column.name for column in table(SOURCE_RELEASE).columns if column.name != "asset"]
        was_read = "sha256" in noted  # nothing but a release has a digest
        if was_read or self._part(SOURCE_RELEASE, name, quarter).is_file():
            row = pd.DataFrame([{"asset": name, **{fact: noted.get(fact) for fact in facts}}])
            self._write_part(SOURCE_RELEASE, name, quarter, row if was_read else row.head(0))
        others = {note: value for note, value in noted.items() if not (was_read and note in facts)}
        self._write_part(QUARTER_NOTE, name, quarter, note_rows(name, others))

    def _part_rows(self, name: str, of: str, quarter: Quarter) -> list[dict[str, Any]]:
        import pyarrow.parquet as pq

        path = self._part(name, of, quarter)
        return pq.ParquetFile(path).read().to_pylist() if path.is_file() else []

    def _write_part(self, name: str, of: str, quarter: Quarter, rows: pd.DataFrame) -> Path:
        import pyarrow.parquet as pq

        path = self._part_place(name, of, quarter)
        with self.shelf.writing(path) as temporary:
            pq.write_table(_conform(rows, table(name)), temporary, compression="zstd")
        return path


def seal_digest(seal: pd.DataFrame) -> str:
    """Digest over the files that a seal names."""
    return hashlib.sha256("".join(seal["file"] + seal["sha256"]).encode()).hexdigest()


def note_rows(asset: str, noted: Mapping[str, Any]) -> pd.DataFrame:
    """Rows of ``quarter_note``: a note that is a mapping has a row for each of its keys; one that is None has none."""
    rows = []
    for note, value in noted.items():
        for detail, one in value.items() if isinstance(value, Mapping) else [("", value)]:
            is_number = isinstance(one, int | float) and not isinstance(one, bool)
            if one is not None:
                rows.append((asset, note, detail, None if is_number else str(one), float(one) if is_number else None))
    return pd.DataFrame(rows, columns=["asset", "note", "detail", "text", "number"])


def notes_of_rows(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The notes of one asset again, from their rows."""
    noted: dict[str, Any] = {}
    for row in rows:
        value = row["text"] if row["number"] is None else row["number"]
        if row["detail"]:
            noted.setdefault(row["note"], {})[row["detail"]] = value
        else:
            noted[row["note"]] = value
    return noted


def _as_arrow(name: str, frame: pd.DataFrame) -> Any:
    import pyarrow as pa

    if name.startswith(SOURCE):
        return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    try:
        definition = table(name)
    except KeyError:
        raise PovertyAssetsError(f"the lake has no table {name}: the catalog does not know it") from None
    return _conform(frame, definition)


def _conform(frame: pd.DataFrame, definition: Table) -> Any:
    import pyarrow as pa

    schema = definition.as_in(map(str, frame.columns)).arrow_schema()
    if not len(frame.columns):  # nothing at all: no rows
        return schema.empty_table()
    absent = [field.name for field in schema if field.name not in frame.columns]
    extra = [name for name in frame.columns if name not in schema.names]
    if absent or (extra and not definition.further):
        raise PovertyAssetsError(
            f"table {definition.name}: columns absent {absent}, columns unknown to the catalog {extra}"
        )
    if frame.empty:
        return schema.empty_table()
    arrays = []
    for field in schema:
        column = frame[field.name]
        if pa.types.is_integer(field.type) or pa.types.is_boolean(field.type) or column.isna().all():
            column = column.astype("object").where(column.notna(), None)
        arrays.append(pa.array(column, type=field.type, from_pandas=True))
    data = pa.table(arrays, schema=schema)
    if definition.inner:
        for name in extra:
            data = data.append_column(name, pa.array(frame[name], from_pandas=True))
        return data
    keys = [name for name in definition.key if name in schema.names]
    return data.sort_by([(name, "ascending") for name in keys]) if keys else data


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
