"""Files of text as they are: decoded, and as rows of a csv or a value of JSON.

Belongs here: encodings, the form of csv and JSON, and their faults, each with its line. Does not belong here: what columns mean
(``contract``), or files that are no text.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd

from poverty_assets.errors import ContractViolation, UnreadableFile

MOST_BYTES = 1 << 30
"""Size of the largest file of text that is read: its rows stand in memory several times over."""
LONGEST_FIELD = 100_000
"""Letters of the longest field of a table; a longer one is the rest of the file behind a stray quote."""


def decoded(path: Path, encoding: str, remedy: str) -> str:
    """The text of a file, line ends as they are.

    Raises
    ------
    UnreadableFile
        If it is too large, another encoding's, or no text; with the line.
    """
    if path.stat().st_size > MOST_BYTES:
        raise UnreadableFile(
            f"the file has {path.stat().st_size:,} bytes; at most {MOST_BYTES:,} are read", file=path, remedy=remedy
        )
    data = path.read_bytes()
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise UnreadableFile("the file is UTF-16, not " + encoding, file=path, place="byte 0", remedy=remedy)
    if b"\x00" in data:
        line = _line(data, data.index(b"\x00"))
        raise UnreadableFile(
            f"the file is UTF-16 or binary, not {encoding}: it holds bytes of zero",
            file=path,
            place=line,
            remedy=remedy,
        )
    if encoding.lower().replace("-", "") not in ("utf8", "utf8sig") and not data.isascii():
        try:
            data.decode("utf-8")
        except UnicodeDecodeError:
            pass
        else:  # text above ASCII that happens to be valid UTF-8 is UTF-8: the stated encoding would garble it
            first = next(i for i, byte in enumerate(data) if byte > 127)
            raise UnreadableFile(
                f"the file is UTF-8, not {encoding}", file=path, place=_line(data, first), remedy=remedy
            )
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableFile(
            f"byte 0x{data[error.start]:02x} is not {encoding}",
            file=path,
            place=_line(data, error.start),
            remedy=remedy,
        ) from error


def _line(data: bytes, at: int) -> str:
    before = data[:at].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    number = before.count(b"\n") + 1
    return f"line {number}"


def csv_rows(text: str, path: Path, remedy: str, wanted: Collection[str] = ()) -> pd.DataFrame:
    """Rows of a csv as text, by their number in the file.

    Rows of blanks are passed over, and so are tags of the Humanitarian Exchange Language under the header. Columns that nothing asks
    for may have one name.

    Parameters
    ----------
    wanted : collection of str
        Columns that are going to be read: such a name may stand once.

    Raises
    ------
    UnreadableFile, ContractViolation
        If it is no table of one header and rows as long as it.
    """
    try:
        rows = list(csv.reader(io.StringIO(text.replace("\r\n", "\n").replace("\r", "\n")), strict=True))
    except csv.Error as error:
        why = "it ends within a field" if "unexpected end" in str(error) else str(error)
        problem = f"not a csv that can be read: {why}; a quote may stand open"
        raise UnreadableFile(problem, file=path, remedy=f"correct the quote; {remedy}") from error
    numbered = [(number, row) for number, row in enumerate(rows, start=1) if any(cell.strip() for cell in row)]
    if not numbered:
        raise UnreadableFile("the file holds no table, only blanks", file=path, remedy=remedy)
    header, body = [cell.strip() for cell in numbered[0][1]], numbered[1:]
    if body and all(cell.startswith("#") or not cell.strip() for cell in body[0][1]):
        body = body[1:]  # tags of the Humanitarian Exchange Language under the header
    _refuse_form(header, body, path, remedy, set(wanted))
    counted: Counter[str] = Counter()
    names = []
    for name in header:
        counted[name] += 1
        names.append(name if counted[name] == 1 else f"{name} ({counted[name]})")
    return pd.DataFrame([row for _, row in body], columns=names, index=[number for number, _ in body], dtype="string")


def _refuse_form(
    header: list[str], body: list[tuple[int, list[str]]], path: Path, remedy: str, wanted: set[str]
) -> None:
    other = next((mark for mark in (";", "\t", "|") if len(header) == 1 and mark in header[0]), None)
    if other is not None:
        raise UnreadableFile(
            f"fields stand between {other!r} where a csv has commas",
            file=path,
            place="header",
            remedy="save it with commas between fields, and points in decimal numbers",
        )
    real = next((number for number, row in body if wanted and wanted & {cell.strip() for cell in row} == wanted), None)
    if real is not None and not wanted <= set(header):
        raise UnreadableFile(
            f"the header stands in row {real}, below rows of titles",
            file=path,
            place="row 1",
            remedy="delete the rows above the header",
        )
    again = next((number for number, row in body if [cell.strip() for cell in row] == header), None)
    if again is not None:
        raise UnreadableFile(
            "the header stands again among the rows; files may have been joined",
            file=path,
            place=f"row {again}",
            remedy="delete that row, and see that no rows are there twice",
        )
    for number, row in body:
        if len(row) != len(header):
            raise UnreadableFile(
                f"{len(row)} fields where the header has {len(header)}: the file may be truncated",
                file=path,
                place=f"row {number}",
                remedy=f"replace the file; {remedy}",
            )
        if max(map(len, row)) > LONGEST_FIELD:
            raise UnreadableFile(
                f"a field has {max(map(len, row)):,} letters; a quote may stand open",
                file=path,
                place=f"row {number}",
                remedy=f"correct the file; {remedy}",
            )
    twice = [name for name, times in Counter(header).items() if times > 1 and name in wanted]
    if twice:
        raise ContractViolation(
            f"{len(twice)} columns that are read stand twice, first {twice[0]!r}",
            file=path,
            place="header",
            remedy="keep one of them, or rename the other",
        )


def json_value(text: str, path: Path, remedy: str) -> Any:
    """A value of JSON; numbers that are none, and a key that stands twice, are refused.

    Raises
    ------
    UnreadableFile
        With the line where that is known.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) != len(pairs):
            key = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
            raise UnreadableFile(f"key {key!r} stands twice in one record", file=path, remedy="keep one of them")
        return value

    def refuse(word: str) -> NoReturn:
        raise UnreadableFile(f"{word} stands where JSON has a number", file=path, remedy="write null where not known")

    try:
        return json.loads(text, object_pairs_hook=once, parse_constant=refuse)
    except json.JSONDecodeError as error:
        raise UnreadableFile(
            f"not valid JSON: {error.msg}; the file may be truncated",
            file=path,
            place=f"line {error.lineno}",
            remedy=f"replace the file; {remedy}",
        ) from error
    except (RecursionError, ValueError) as error:
        problem = "lists within lists without end" if isinstance(error, RecursionError) else str(error).splitlines()[0]
        raise UnreadableFile(
            f"not JSON that can be read: {problem}", file=path, remedy=f"replace the file; {remedy}"
        ) from error
