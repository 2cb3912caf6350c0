"""The form of the data dictionary: a column, a table, and what follows from them.

Belongs here: ``Column`` and ``Table``, their DDL, Arrow schema and COMMENTs. Does not belong here: any table in
particular (``tables``), or running SQL.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

DuckType = Literal[
    "VARCHAR", "DOUBLE", "INTEGER", "BIGINT", "BOOLEAN", "DATE", "TIMESTAMP", "BLOB", "VARCHAR[]", "DOUBLE[]", "FLOAT[]"
]  # fmt: skip
Evidence = Literal["direct", "modelled", "composite", "downscaled", "register", "published"]

METHODS: tuple[Evidence, ...] = ("direct", "modelled", "composite", "downscaled", "register", "published")


@dataclass(frozen=True)
class Column:
    """One column: its name, type and meaning, and the values it may hold.

    Parameters
    ----------
    name, type : str
        Name and DuckDB type.
    description : str
        What it holds, in a sentence.
    unit : str
        Unit of measurement; empty for codes and names.
    nullable : bool
        Whether NULL is a legal value (and then means "not known", "not applicable" or "suppressed", as described).
    minimum, maximum : float, optional
        Closed range of legal values.
    allowed : tuple of str, optional
        The only legal values.
    pattern : str, optional
        Regular expression that every value matches in full.
    """

    name: str
    type: DuckType
    description: str
    unit: str = ""
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    allowed: tuple[str, ...] | None = None
    pattern: str | None = None

    def renamed(self, name: str, description: str | None = None, **changes: Any) -> Column:
        """The same column under another name."""
        return replace(self, name=name, description=description or self.description, **changes)

    @property
    def comment(self) -> str:
        """Text of the COMMENT in the warehouse: meaning, unit, range."""
        parts = [self.description]
        if self.unit:
            parts.append(f"Unit: {self.unit}.")
        if self.allowed:
            parts.append(f"One of: {', '.join(self.allowed)}.")
        if self.minimum is not None and self.maximum is not None:
            parts.append(f"From {self.minimum:g} to {self.maximum:g}.")
        if len(parts) > 1 and not parts[0].endswith("."):
            parts[0] += "."
        return " ".join(parts)


@dataclass(frozen=True)
class Table:
    """One table: what a row is, its key and columns.

    Attributes
    ----------
    partitioned : bool
        Written a quarter at a time to the lake, without the ``quarter`` column (the folder holds it); one without a ``quarter``
        column is a dimension, of which the warehouse keeps each key's newest row. The others are made in the warehouse itself.
    in_parts : str
        Where several assets write the table, each a file of its own: the column that says which one. Else empty.
    inner : bool
        Stays in the lake: a step between two assets, in the order in which its rows were made.
    further : str
        What columns beyond those stated an inner table may have; empty where none.
    """

    name: str
    description: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    group: str
    partitioned: bool = True
    in_parts: str = ""
    inner: bool = False
    further: str = ""

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        doubled = sorted({name for name in names if names.count(name) > 1})
        absent = [name for name in self.key if name not in names]
        if doubled or absent:
            raise ValueError(f"table {self.name}: columns twice {doubled}, key columns absent {absent}")

    def column(self, name: str) -> Column:
        """The column of that name; KeyError if there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"table {self.name} has no column {name}")

    @property
    def keeps_newest(self) -> bool:
        """Whether the warehouse keeps the newest row of each key instead of a row per quarter."""
        return self.partitioned and not any(c.name == "quarter" for c in self.columns)

    @property
    def lake_columns(self) -> tuple[Column, ...]:
        """Columns as written to the lake: all but the partition's own."""
        return tuple(c for c in self.columns if not (self.partitioned and c.name == "quarter"))

    @property
    def is_one_file(self) -> bool:
        """Whether a quarter of it is one file in the lake."""
        return self.partitioned and not self.in_parts

    def before_headline(self, name: str, description: str) -> Table:
        """The inner table that holds some of the rows of this one, before it is known which of them is quoted."""
        columns = tuple(c for c in self.lake_columns if c.name != "is_headline")
        key = tuple(k for k in self.key if k != "quarter")
        return Table(name, description, self.grain, key, columns, self.group, inner=True)

    @property
    def ddl(self) -> str:
        """``CREATE TABLE`` with NOT NULL constraints; the key is added when the rows are in (``key_ddl``)."""
        lines = [
            f'  "{c.name}" {c.type}{"" if c.nullable and c.name not in self.key else " NOT NULL"}' for c in self.columns
        ]
        return f'CREATE TABLE "{self.name}" (\n' + ",\n".join(lines) + "\n)"

    @property
    def key_ddl(self) -> str:
        """``ALTER TABLE`` that adds the primary key; on rows that are there it takes half the time of row by row."""
        return f'ALTER TABLE "{self.name}" ADD PRIMARY KEY ({", ".join(self.key)})'

    def arrow_schema(self) -> Any:
        """The Arrow schema of the lake's files for this table."""
        import pyarrow as pa

        types = {
            "VARCHAR": pa.string(),
            "DOUBLE": pa.float64(),
            "INTEGER": pa.int32(),
            "BIGINT": pa.int64(),
            "BOOLEAN": pa.bool_(),
            "DATE": pa.date32(),
            "TIMESTAMP": pa.timestamp("us"),
            "BLOB": pa.binary(),
            "VARCHAR[]": pa.list_(pa.string()),
            "DOUBLE[]": pa.list_(pa.float64()),
            "FLOAT[]": pa.list_(pa.float32()),
        }
        return pa.schema([pa.field(c.name, types[c.type], nullable=c.nullable) for c in self.lake_columns])
