"""The lake: one Parquet file a table and quarter, whole or absent.

Belongs here: paths, schemas and atomic writing of partitions, and the seal that says that a quarter is complete. Does not
belong here: DuckDB (``build``), or what a table means (``catalog``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd

from poverty_assets.atomic import replacing
from poverty_assets.catalog import Table, table
from poverty_assets.errors import MissingFile, PovertyAssetsError
from poverty_assets.quarter import Quarter

_METADATA = b"poverty_assets"
SEAL = "quarter_seal"


class Lake:
    """A folder ``<table>/quarter=YYYY-MM-DD/part.parquet``.

    Parameters
    ----------
    root : Path
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    def path(self, name: str, quarter: Quarter) -> Path:
        """Where a table's partition lies."""
        return self.root / name / f"quarter={quarter.key}" / "part.parquet"

    def has(self, name: str, quarter: Quarter) -> bool:
        """Whether the partition is there."""
        return self.path(name, quarter).is_file()

    def write(self, name: str, quarter: Quarter, frame: pd.DataFrame, metadata: dict[str, Any] | None = None) -> Path:
        """Write a partition whole, replacing any before it.

        Columns, order and types follow the catalog where it knows the table; rows are sorted by the table's key, so that
        the same rows give the same bytes.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        definition = _definition(name)
        if definition is None:
            data = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
        else:
            data = _conform(frame, definition)
        if metadata:
            data = data.replace_schema_metadata({_METADATA: json.dumps(metadata, sort_keys=True, default=str).encode()})
        path = self.path(name, quarter)
        with replacing(path) as temporary:
            pq.write_table(data, temporary, compression="zstd", row_group_size=1 << 20)
        return path

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

    def metadata(self, name: str, quarter: Quarter) -> dict[str, Any]:
        """What was noted when the partition was written."""
        import pyarrow.parquet as pq

        noted = pq.read_schema(self.path(name, quarter)).metadata or {}
        return json.loads(noted.get(_METADATA, b"{}"))

    # ------------------------------------------------------------------ seals
    def digests(self, quarter: Quarter, names: Collection[str]) -> dict[str, str]:
        """SHA-256 of the quarter's file of each table, and of its check results, by path below the root."""
        paths = [self.path(name, quarter) for name in sorted(names)] + self._check_files(quarter)
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
        for name, digest in zip(seal["file"], seal["sha256"], strict=True):
            file = self.root / name
            if not file.is_file() or _sha256(file) != digest:
                wrong.append(name.split("/")[0])
        return wrong

    def sealed_digest(self, quarter: Quarter) -> str:
        """Digest over the sealed files of a quarter."""
        seal = self.read(SEAL, quarter)
        return hashlib.sha256("".join(seal["file"] + seal["sha256"]).encode()).hexdigest()

    def quarters(self) -> list[Quarter]:
        """Quarters that have a seal, in order."""
        folders = (self.root / SEAL).glob("quarter=*/part.parquet")
        return sorted(Quarter.from_key(path.parent.name.removeprefix("quarter=")) for path in folders)

    # ------------------------------------------------------------------ checks
    def write_checks(self, name: str, quarter: Quarter, rows: pd.DataFrame) -> Path:
        """Write what the checks of one table found (catalog: ``check_result``)."""
        import pyarrow.parquet as pq

        path = self.root / "check_result" / f"table={name}" / f"quarter={quarter.key}" / "part.parquet"
        with replacing(path) as temporary:
            pq.write_table(_conform(rows, table("check_result")), temporary, compression="zstd")
        return path

    def _check_files(self, quarter: Quarter) -> list[Path]:
        return sorted((self.root / "check_result").glob(f"table=*/quarter={quarter.key}/part.parquet"))

    def check_files(self, quarters: list[Quarter]) -> list[Path]:
        """Files of check results of these quarters."""
        return [path for quarter in quarters for path in self._check_files(quarter)]


def _definition(name: str) -> Table | None:
    try:
        return table(name)
    except KeyError:
        return None


def _conform(frame: pd.DataFrame, definition: Table) -> Any:
    import pyarrow as pa

    schema = definition.arrow_schema()
    absent = [field.name for field in schema if field.name not in frame.columns]
    extra = [name for name in frame.columns if name not in schema.names]
    if absent or extra:
        raise PovertyAssetsError(
            f"table {definition.name}: columns absent {absent}, columns unknown to the catalog {extra}"
        )
    arrays = []
    for field in schema:
        column = frame[field.name]
        if pa.types.is_integer(field.type) or pa.types.is_boolean(field.type):
            column = column.astype("object").where(column.notna(), None)
        arrays.append(pa.array(column, type=field.type, from_pandas=True))
    data = pa.table(arrays, schema=schema)
    keys = [name for name in definition.key if name in schema.names]
    return data.sort_by([(name, "ascending") for name in keys]) if keys else data


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
