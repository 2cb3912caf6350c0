"""Editions of a country's areas: which there have been, and what became of each area from one to the next.

Belongs here: the form of the pack's tables of changes, and codes of one edition as those of another, with weights by people. Does not
belong here: giving units of a source their areas (``geography.crosswalk``), or the shapes of an edition (a source of polygons).

A table of changes has a row for each piece: ``old`` (a code before), ``new`` (the code after) and, where an area was divided,
``weight`` (the share of its people who live in the piece) or ``people`` (how many do). Codes that are not listed stayed as they were. A
split is several rows of one ``old``, a merger several rows of one ``new``, a new code one row of both. From the later edition back to
the earlier one weights follow from ``people``.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field
from pydantic_core import PydanticCustomError

from poverty_assets.errors import SpecificationError
from poverty_assets.lined_yaml import Form, misfit, nearest
from poverty_assets.pack.keys import read_table_of_pack

Parts = Mapping[str, tuple[tuple[str, float], ...]]
"""Of a code, those that it became, each with the share of its people; shares of a code sum to 1."""
ROUNDING = 0.005
"""By how much weights of an area may miss 1: they are written with two or three decimals."""
_FORM = "give it the columns old and new, and weight or people where an area was divided"


class AreaEdition(Form):
    """One edition of the country's areas.

    Attributes
    ----------
    edition_id : str
        ``edition`` in the file.
    valid_from : date, optional
    areas : int, optional
        How many areas of the finest level it has.
    changes : str, optional
        Csv of the pack: what became of the areas of the edition before it.
    """

    edition_id: str = Field(alias="edition", pattern=r"^\w[\w.-]*$")
    valid_from: dt.date | None = None
    areas: int | None = Field(default=None, ge=1)
    changes: str | None = Field(default=None, pattern=r"^[\w./-]+\.csv$")

    @staticmethod
    def faults(editions: Sequence[AreaEdition]) -> list[PydanticCustomError]:
        """What is wrong with a list of them, as misfits."""
        ids = [one.edition_id for one in editions]
        found: list[PydanticCustomError] = [
            misfit(f"edition {name!r} is there twice", "rename one", "editions", i, "edition")
            for i, name in enumerate(ids)
            if name in ids[:i]
        ]
        if editions and editions[0].changes is not None:
            problem = "the first edition has changes, and there is none before it"
            found.append(misfit(problem, "list the edition before it first", "editions", 0, "changes"))
        return found


@dataclass(frozen=True)
class Piece:
    """People of an area of one edition who live in an area of the next: a row of a table of changes."""

    old: str
    new: str
    weight: float | None
    people: float | None
    line: int


@dataclass(frozen=True)
class Changes:
    """A table of changes."""

    file: Path
    pieces: tuple[Piece, ...]

    def forward(self) -> Parts:
        """What became of the codes before."""
        return _shares([(one.old, one.new, one.people, one.weight) for one in self.pieces], self.file)

    def backward(self) -> Parts:
        """What the codes after were made of.

        Raises
        ------
        SpecificationError
            If one was made of several, and the table has no people.
        """
        return _shares([(one.new, one.old, one.people, None) for one in self.pieces], self.file)


def read_changes(file: Path) -> Changes:
    """Read and check a table of changes.

    Raises
    ------
    SpecificationError
        Naming every row at fault, and every area whose weights do not sum to 1.
    """
    pieces, faults = [], []
    for line, row in enumerate(read_table_of_pack(file, ["old", "new"], _FORM), start=2):
        problems = [f"column {name} is empty" for name in ("old", "new") if not row[name]]
        numbers: dict[str, float | None] = {}
        for name in ("weight", "people"):
            numbers[name] = _number(row.get(name, ""))
            if numbers[name] is not None and not (math.isfinite(numbers[name] or 0.0) and (numbers[name] or 0.0) >= 0):
                problems.append(f"{name} is {row[name]!r}")
        faults += [
            SpecificationError(
                problem, file=file, place=f"line {line}", remedy="enter a code, or a number of 0 or more"
            )
            for problem in problems
        ]
        pieces.append(Piece(row["old"], row["new"], numbers["weight"], numbers["people"], line))
    if not faults:
        faults = [*_twice(pieces, file), *_unsummed(pieces, file)]
    if faults:
        raise SpecificationError.together(faults)
    return Changes(file, tuple(pieces))


def _number(text: str) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return math.nan


def _twice(pieces: Sequence[Piece], file: Path) -> list[SpecificationError]:
    seen: set[tuple[str, str]] = set()
    faults = []
    for one in pieces:
        if (one.old, one.new) in seen:
            problem = f"{one.old} to {one.new} is there twice"
            faults.append(
                SpecificationError(problem, file=file, place=f"line {one.line}", remedy="keep one of the two")
            )
        seen.add((one.old, one.new))
    return faults


def _unsummed(pieces: Sequence[Piece], file: Path) -> list[SpecificationError]:
    """Areas whose people are not divided among their pieces: no weights, or such that do not sum to 1."""
    faults = []
    for old in dict.fromkeys(one.old for one in pieces):
        own = [one for one in pieces if one.old == old]
        problem = ""
        if all(one.people is not None for one in own):
            if sum(one.people or 0.0 for one in own) <= 0:
                problem = f"nobody lives in the pieces of {old}"
        elif len(own) > 1 or own[0].weight is not None:
            weights = [one.weight for one in own]
            if any(weight is None for weight in weights):
                problem = f"{old} was divided, and not every piece has a weight or people"
            elif abs(sum(weight or 0.0 for weight in weights) - 1) > ROUNDING:
                problem = f"weights of {old} sum to {sum(weight or 0.0 for weight in weights):g}, not 1"
        if problem:
            place = f"line {own[0].line}"
            remedy = "weight is the share of the old area's people who live in each piece, people is how many do"
            faults.append(SpecificationError(problem, file=file, place=place, remedy=remedy))
    return faults


def _shares(pieces: Iterable[tuple[str, str, float | None, float | None]], file: Path) -> Parts:
    """Of each first code the second ones with their shares, by people or else by weights."""
    grouped: dict[str, list[tuple[str, float | None, float | None]]] = {}
    for code, other, people, weight in pieces:
        grouped.setdefault(code, []).append((other, people, weight))
    out: dict[str, tuple[tuple[str, float], ...]] = {}
    for code, own in grouped.items():
        sizes = [1.0] if len(own) == 1 else [people if people is not None else weight for _, people, weight in own]
        if any(size is None for size in sizes) or not sum(size or 0.0 for size in sizes) > 0:
            raise SpecificationError(
                f"{code} is made of {len(own)} areas of the other edition, and it is not said how many people came of each",
                file=file,
                remedy="give the table the column people",
            )
        whole = math.fsum(size or 0.0 for size in sizes)
        out[code] = tuple((other, (size or 0.0) / whole) for (other, _, _), size in zip(own, sizes, strict=True))
    return out


class Editions:
    """Editions of a country, the oldest first.

    Parameters
    ----------
    editions : sequence of AreaEdition
    pack : Path
        The folder that holds their tables.
    """

    def __init__(self, editions: Sequence[AreaEdition], pack: Path) -> None:
        self.ids = [one.edition_id for one in editions]
        self.by_id = {one.edition_id: one for one in editions}
        self._changes = {
            one.edition_id: read_changes(pack / one.changes) for one in editions if one.changes is not None
        }

    @property
    def last(self) -> str | None:
        """The newest; None where the pack tells none apart."""
        return self.ids[-1] if self.ids else None

    def place(self, edition: str) -> int:
        """Place of an edition in the list.

        Raises
        ------
        SpecificationError
            If there is none of that name.
        """
        if edition not in self.ids:
            remedy = nearest(edition, self.ids) if self.ids else "list it under editions"
            raise SpecificationError(f"there is no edition {edition!r} in country.yaml", remedy=remedy)
        return self.ids.index(edition)

    def between(self, edition: str, onto: str) -> Parts:
        """What codes of one edition are in another; a code that is not listed is the same.

        Raises
        ------
        SpecificationError
            If there is no such edition, or a way back lacks people.
        """
        start, end = self.place(edition), self.place(onto)
        names = self.ids[start + 1 : end + 1] if start <= end else self.ids[end + 1 : start + 1][::-1]
        tables = [self._changes[name] for name in names if name in self._changes]
        return _composed([one.forward() if start <= end else one.backward() for one in tables])

    def into(self, onto: str) -> Parts:
        """Codes that are of no area of an edition but of one of another: of every older edition, the nearest first, then of newer ones."""
        at = self.place(onto)
        found: dict[str, tuple[tuple[str, float], ...]] = {}
        for name in [*self.ids[:at][::-1], *self.ids[at + 1 :]]:
            for code, parts in self.between(name, onto).items():
                found.setdefault(code, parts)
        return found


def _composed(steps: Sequence[Parts]) -> Parts:
    """One step for several, one after the other.

    Examples
    --------
    >>> _composed([{"a": (("b", 0.25), ("c", 0.75))}, {"c": (("b", 0.5), ("d", 0.5))}])
    {'a': (('b', 0.625), ('d', 0.375)), 'c': (('b', 0.5), ('d', 0.5))}
    """
    whole: dict[str, tuple[tuple[str, float], ...]] = {}
    for step in steps:
        for code in [*whole, *(code for code in step if code not in whole)]:
            shares: dict[str, float] = {}
            for middle, weight in whole.get(code, ((code, 1.0),)):
                for end, share in step.get(middle, ((middle, 1.0),)):
                    shares[end] = shares.get(end, 0.0) + weight * share
            whole[code] = tuple(shares.items())
    return whole
