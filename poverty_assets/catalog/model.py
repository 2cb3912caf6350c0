"""The form of the data dictionary: a column, a table, and what follows from them.

Belongs here: ``Column`` and ``Table``, their DDL, Arrow schema and COMMENTs, how a column is kept in the published file (`Kept`), and
what becomes of them in a country (`Locale`).
Does not belong here: any table in particular (``tables``), any country's levels and languages (its pack), or running SQL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

DuckType = Literal[
    "VARCHAR", "DOUBLE", "INTEGER", "BIGINT", "BOOLEAN", "DATE", "TIMESTAMP", "BLOB", "VARCHAR[]", "DOUBLE[]", "FLOAT[]",
    "UTINYINT[]", "USMALLINT[]", "MAP(VARCHAR, VARCHAR)",
]  # fmt: skip
Evidence = Literal["direct", "modelled", "composite", "downscaled", "register", "published"]

Kept = Literal[
    "", "code", "codes", "point", "alone", "chance", "spread", "rough", "low", "high",
    "ratio", "ratio_spread", "ratio_low", "ratio_high", "real",
]  # fmt: skip
"""How a column is kept in a narrow table of the published file: as it is read; one of few values, or of few lists of texts, as its number;
a figure to 1e-8; one that no other is the sum of to 1e-6; a probability to 1e-4; an error to 1e-6, or roughly, to 1e-5; a bound to 1e-4,
down or up so that it holds its figure; a ratio x as ln(1 + x), to 1e-6, or a millionth of it where it is above 1, and its error and bounds
likewise to 1e-4; to 24 bits."""
DECIMALS: dict[str, int] = {
    "point": 8, "alone": 6, "chance": 4, "spread": 6, "rough": 5, "low": 4, "high": 4,
    "ratio": 6, "ratio_spread": 4, "ratio_low": 4, "ratio_high": 4,
}  # fmt: skip
"""Decimals of what is kept as a figure, a probability, an error or a bound: a bound is the quantile of a few hundred draws, or as good as
the error that it follows from, and is sure of its second or third digit."""
STORED = "kept"
"""Schema of the published file in which narrow tables lie; their names are those of views that read them."""
LOT, LOTS = "lot", f"{STORED}.lots"
"""What stands in a narrow table for the quarter, and which lots of rows are whose: one lot may be of several quarters."""
OF_A_SOURCE = ("direct", "published")
"""Evidence of rows that are a source's own, and stay as they are from quarter to quarter until it has another edition."""

METHODS: tuple[Evidence, ...] = ("direct", "modelled", "composite", "downscaled", "register", "published")
FALLBACK = "en"
"""The language that every name is there in; the others may lack it."""
_LANGUAGE = "{lang}"
_CODE = "[a-z]{2,3}"
_NUMBERS = ("DOUBLE", "INTEGER", "BIGINT", "DOUBLE[]", "FLOAT[]")


@dataclass(frozen=True)
class Locale:
    """What a country adds to the catalog.

    Parameters
    ----------
    languages : mapping
        Code of each of its languages beyond English, and what the language is called.
    levels : mapping
        Id of each level of its areas, the country's first, and the regular expression that the whole code of an area matches.
    """

    languages: Mapping[str, str] = field(default_factory=dict)
    levels: Mapping[str, str] = field(default_factory=dict)

    @property
    def codes(self) -> str | None:
        """What the whole code of an area of any level matches; None where no level is known."""
        return f"^(?:{'|'.join(f'(?:{code})' for code in self.levels.values())})$" if self.levels else None


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
    wanted : bool
        Whether a NULL, though legal, is warned of.
    holds : {"", "area", "level"}
        Whether the values are codes of areas or ids of levels: a country's own levels say which there are.
    generated : str
        SQL that it is generated from, where it is; it is then in no file of the lake.
    language : str
        Code of the language that it is of, where it is one of several.
    stays : bool
        Whether it stands in a row that is withheld, too: it tells nothing of those who are protected.
    kept : Kept
        How a narrow table of the published file keeps it.
    derived : str
        SQL that a narrow table has it from instead, with other columns in braces.
    was : str
        Name that it had in the version before, under which it can still be read.

    Notes
    -----
    A column with ``{lang}`` in its name stands for one a language beyond English. In its description ``{language}`` is the language,
    and in the SQL of a generated one ``{by_language}`` the pairs of a MAP from language to name.
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
    wanted: bool = False
    holds: Literal["", "area", "level"] = ""
    generated: str = ""
    language: str = ""
    stays: bool = False
    kept: Kept = ""
    derived: str = ""
    was: str = ""

    @property
    def tells(self) -> bool:
        """Whether a withheld row may not show it: every number that can be NULL, unless it is said to stay."""
        return self.nullable and not self.stays and self.type in _NUMBERS

    @property
    def kept_type(self) -> str:
        """Type in a narrow table."""
        if self.kept in ("code", "codes"):
            return f'{STORED}."{self.name}"'
        if self.kept in ("", "real"):
            return "REAL" if self.kept else self.type
        return f"DECIMAL(18, {DECIMALS[self.kept]})"

    def packed(self, value: str) -> str:
        """SQL of what a narrow table keeps, of SQL of the value.

        A bound that was read from a file goes back as it was: the millionth of a step lies above what reading it rounds.
        """
        if not self.kept:
            return value
        if self.kept in ("code", "codes"):
            value = self.text(value)
        if self.kept.startswith("ratio"):
            value = f"ln(1 + {value})"
        if self.kept.endswith("low"):
            value = f"floor({value} * 1e{DECIMALS[self.kept]} + 1e-6) / 1e{DECIMALS[self.kept]}"
        if self.kept.endswith("high"):
            value = f"ceil({value} * 1e{DECIMALS[self.kept]} - 1e-6) / 1e{DECIMALS[self.kept]}"
        return f"CAST({value} AS {self.kept_type})"

    def text(self, value: str) -> str:
        """SQL of the text that stands for a value which is kept as a code."""
        return f"array_to_string({value}, ',')" if self.kept == "codes" else f"CAST({value} AS VARCHAR)"

    def read(self, value: str) -> str:
        """SQL of the value, of SQL of what a narrow table keeps."""
        text = f"CAST({value} AS VARCHAR)"
        if self.kept == "codes":
            return f"CASE WHEN {text} = '' THEN CAST([] AS VARCHAR[]) ELSE string_split({text}, ',') END"
        if self.kept == "code" and self.type != "VARCHAR":
            return f"CAST({text} AS {self.type})"
        if self.kept.startswith("ratio"):
            return f"exp(CAST({value} AS DOUBLE)) - 1"
        return f"CAST({value} AS {self.type})" if self.kept else value

    @property
    def per_language(self) -> bool:
        """Whether it stands for a column a language."""
        return _LANGUAGE in self.name

    def within(self, locale: Locale) -> Column:
        """The column with what the country's levels and languages say of its values."""
        if self.holds == "area":
            return replace(self, pattern=locale.codes)
        if self.holds == "level":
            return replace(self, allowed=tuple(locale.levels) or None)
        if self.generated:
            pairs = ", ".join(f"'{code}': name_{code}" for code in (FALLBACK, *locale.languages))
            return replace(self, generated=self.generated.format(by_language=pairs))
        return self

    def with_older_name(self) -> tuple[Column, ...]:
        """Itself and, where it had another name before, a column of that name, generated from it."""
        if not self.was:
            return (self,)
        text = f"Older name of {self.name}, which the next version will not have"
        return (
            self,
            replace(self, name=self.was, was="", description=text, generated=f'"{self.name}"', kept="", derived=""),
        )

    def by_language(self, languages: Mapping[str, str]) -> tuple[Column, ...]:
        """One column a language where it stands for several, else itself alone."""
        if not self.per_language:
            return (self,)
        return tuple(
            self.renamed(self.name.replace(_LANGUAGE, code), self.description.format(language=name), language=code)
            for code, name in languages.items()
        )

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
class Shared:
    """A figure with its error and interval that many rows of a narrow table have alike, and that lies in the file once for all of them.

    Attributes
    ----------
    figure : str
        Column of the figure; those of its error and interval are called after it.
    of : str
        Column that says whose figure it is.
    """

    figure: str
    of: str

    @property
    def columns(self) -> dict[str, str]:
        """The columns, and what they are called where they lie."""
        return {f"{self.figure}{end}": f"figure{end}" for end in ("", "_se", "_ci_low", "_ci_high")}

    @property
    def number(self) -> str:
        """Column that stands for them in a row."""
        return f"{self.of}_number"


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
    narrow : bool
        Whether the published file keeps its columns as their ``kept`` says, sorted to lie close, under a view of the table's name that
        reads them. It has no index of its key, which would take some hundred bytes a row: the gate looks whether a key stands twice.
    lies_by : str
        Column by which rows that are alike in all else lie side by side in a narrow table: areas, or what falls from one to the next.
    shared : tuple of Shared
        Figures of a narrow table that lie apart, each once for all rows of a lot that have it.
    newest : int
        Of how many quarters rows are published, the newest; 0 for all.
    of_all : bool
        Whether a direct figure of it is a mean over all interviewed households of its area and subgroup. Where not, a row counts
        those households alone that hold something together (a pair, a set, a class), and is shown only where enough of them do
        (``measurement.disclosure``).
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
    narrow: bool = False
    lies_by: str = "area_id"
    shared: tuple[Shared, ...] = ()
    newest: int = 0
    of_all: bool = False

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
    def stored_columns(self) -> tuple[Column, ...]:
        """All but those that are generated from others."""
        return tuple(c for c in self.columns if not c.generated)

    @property
    def lake_columns(self) -> tuple[Column, ...]:
        """Columns as written to the lake: all stored ones but the partition's own."""
        return tuple(c for c in self.stored_columns if not (self.partitioned and c.name == "quarter"))

    def within(self, locale: Locale) -> Table:
        """The table as it is in a country: a column a language, and the codes and levels that its areas may have."""
        columns = (column.within(locale) for column in self.columns)
        spoken = (one for c in columns for one in c.by_language(locale.languages))
        return replace(self, columns=tuple(one for c in spoken for one in c.with_older_name()))

    def as_in(self, names: Iterable[str]) -> Table:
        """The table with a column for each language that one of these names of columns is of."""
        own = {c.name for c in self.columns}
        forms = [re.compile(c.name.replace(_LANGUAGE, f"({_CODE})")) for c in self.columns if c.per_language]
        found = (form.fullmatch(name) for name in names if name not in own for form in forms)
        codes = {match[1]: match[1] for match in found if match}
        spoken = (one for c in self.columns for one in c.by_language(codes))
        return replace(self, columns=tuple(one for c in spoken for one in c.with_older_name()))

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
        lines = [f'  "{c.name}" {c.type}{self._constraint(c)}' for c in self.columns]
        return f'CREATE TABLE "{self.name}" (\n' + ",\n".join(lines) + "\n)"

    def _constraint(self, column: Column) -> str:
        if column.generated:
            return f" GENERATED ALWAYS AS ({column.generated}) VIRTUAL"
        return "" if column.nullable and column.name not in self.key else " NOT NULL"

    @property
    def kept_in(self) -> str:
        """The table of the published file that holds the rows."""
        return f'{STORED}."{self.name}_rows"' if self.narrow else f'"{self.name}"'

    @property
    def kept_from(self) -> str:
        """``FROM`` clause that gives rows as they are kept, each once a quarter that it is of."""
        return f"{self.kept_in} s JOIN {LOTS} l ON l.table_name = '{self.name}' AND l.{LOT} = s.{LOT}"

    @property
    def kept_columns(self) -> tuple[Column, ...]:
        """Columns that a narrow table keeps; the quarter is its lot's, the others are derived, or other names of them."""
        return tuple(c for c in self.columns if c.name != "quarter" and not (c.derived or c.generated))

    @property
    def lying_columns(self) -> tuple[Column, ...]:
        """Those of them that lie in the rows themselves."""
        apart = {name for one in self.shared for name in one.columns}
        return tuple(c for c in self.kept_columns if c.name not in apart)

    @property
    def shared_in(self) -> str:
        """The table of the published file that holds what rows share."""
        return f'{STORED}."{self.name}_shared"'

    @property
    def narrow_ddl(self) -> str:
        """``CREATE TABLE`` of a narrow table, and of what its rows share."""
        lines = [f'  "{c.name}" {c.kept_type}{self._constraint(c)}' for c in self.lying_columns]
        lines += [f'  "{one.number}" INTEGER NOT NULL' for one in self.shared]
        made = f"CREATE TABLE {self.kept_in} (\n  {LOT} INTEGER NOT NULL,\n" + ",\n".join(lines) + "\n);"
        for one in self.shared[:1]:
            figures = ", ".join(f'"{to}" {self.column(name).kept_type}' for name, to in one.columns.items())
            made += f"\nCREATE TABLE {self.shared_in} ({LOT} INTEGER NOT NULL, number INTEGER NOT NULL, {figures});"
        return made

    @property
    def _apart(self) -> tuple[dict[str, str], str]:
        """Where each kept column lies, ``s`` being the rows, and the joins that bring what they share."""
        places = {c.name: f's."{c.name}"' for c in self.lying_columns}
        joins = ""
        for number, one in enumerate(self.shared):
            places |= {name: f'f{number}."{to}"' for name, to in one.columns.items()}
            joins += f' JOIN {self.shared_in} f{number} ON f{number}.number = s."{one.number}"'
        return places, joins

    @property
    def lying(self) -> str:
        """``SELECT`` of lot and kept columns as they are kept."""
        places, joins = self._apart
        picked = ", ".join(f'{place} AS "{name}"' for name, place in places.items())
        return f"SELECT s.{LOT}, {picked} FROM {self.kept_in} s{joins}"

    @property
    def reading(self) -> str:
        """``SELECT`` that reads a narrow table as its columns state."""
        places, joins = self._apart
        kept = {c.name: c.read(places[c.name]) for c in self.kept_columns} | {"quarter": "l.quarter"}
        read: dict[str, str] = {}
        for c in self.columns:
            read[c.name] = read[c.generated.strip('"')] if c.generated else c.derived.format(**kept) or kept[c.name]
        return (
            "SELECT " + ", ".join(f'{sql} AS "{name}"' for name, sql in read.items()) + f" FROM {self.kept_from}{joins}"
        )

    @property
    def lie(self) -> tuple[str, ...]:
        """Order in which rows of a lot lie in a narrow table: what is alike side by side, areas innermost."""
        outer = [name for name in ("method", "suppressed", "area_level") if any(c.name == name for c in self.columns)]
        inner = [name for name in self.key if name not in (*outer, "quarter", "area_id")]
        return (*outer, *inner, *(name for name in self.key if name == "area_id"))

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
            "UTINYINT[]": pa.list_(pa.uint8()),
            "USMALLINT[]": pa.list_(pa.uint16()),
            "MAP(VARCHAR, VARCHAR)": pa.map_(pa.string(), pa.string()),
        }
        return pa.schema([pa.field(c.name, types[c.type], nullable=c.nullable) for c in self.lake_columns])
