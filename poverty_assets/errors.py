"""Errors that a caller can act on, one class for each kind of remedy.

Belongs here: exception classes and the shape of their message. Does not belong here: checking anything.

Every message says how many values are wrong, the first offender (file, row, value), why it is wrong and what to do. The
command line prints that message and nothing else; a traceback is for defects of ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class PovertyAssetsError(Exception):
    """Base of every error this project raises on purpose.

    It reaches another process whole, whatever its kind is made from: what it says, and what stands in its attributes.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        """As it is, and not as it was made: kinds take different arguments."""
        return _again, (type(self), self.args), dict(self.__dict__)


def _again(kind: type[PovertyAssetsError], said: tuple[Any, ...]) -> PovertyAssetsError:
    error = kind.__new__(kind, *said)
    error.args = said
    return error


class InputError(PovertyAssetsError):
    """The input or the request cannot be used as it is: exit code 2, nothing published.

    Parameters
    ----------
    problem : str
        What is wrong, with the count and the first offender.
    file : str or path, optional
        The file at fault.
    place : str, optional
        Where in the file: row, column, line, band, sheet.
    remedy : str, optional
        What the person should do about it.
    """

    def __init__(
        self, problem: str, *, file: object | None = None, place: str | None = None, remedy: str | None = None
    ) -> None:
        self.problem = problem
        self.file = None if file is None else str(file)
        self.place = place
        self.remedy = remedy
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """The whole message, one fact a line.

        Examples
        --------
        >>> print(InputError("3 rows have no code", file="a.csv", place="row 7", remedy="fill in the code").message)
        a.csv, row 7: 3 rows have no code
        Remedy: fill in the code
        """
        where = ", ".join(part for part in (self.file, self.place) if part)
        lines = [f"{where}: {self.problem}" if where else self.problem]
        if self.remedy:
            lines.append(f"Remedy: {self.remedy}")
        return "\n".join(lines)


class UsageError(InputError):
    """The command or setting itself cannot be carried out (unknown quarter, a home that holds the other kind of data)."""


class MissingFile(InputError):
    """A file or folder that a source names is not there."""


class UnreadableFile(InputError):
    """A file is there but is empty, truncated, or not in the format or encoding that its source names."""


class HeldElsewhere(InputError):
    """A file is open for writing in another program."""


class MissingCRS(InputError):
    """A raster or vector file does not say which coordinate reference system it is in."""


class NoDataInBounds(InputError):
    """A raster has no valid cell within the country."""


class ContractViolation(InputError):
    """Rows were read, but break the source's contract: unknown code, duplicate key, value out of range, missing column.

    Attributes
    ----------
    rows : tuple of (str, str, str)
        Place, column and value of each row at fault, where single rows are.
    """

    rows: tuple[tuple[str, str, str], ...] = ()


class SpecificationError(InputError):
    """A yaml file of a country (country, sources, measure) cannot be used; the place is its line.

    Attributes
    ----------
    several : tuple of SpecificationError
        Everything that is wrong where that is more than one thing (see ``together``); else empty.
    """

    several: tuple[SpecificationError, ...] = ()

    @classmethod
    def together(cls, faults: Sequence[SpecificationError]) -> SpecificationError:
        """One error for all of them, at least one, the first before the others; faults that hold several are taken apart."""
        each = [fault for one in faults for fault in (one.several or (one,))]
        if len(each) == 1:
            return each[0]
        first, *rest = each
        others = [
            f"{', '.join(part for part in (one.file if one.file != first.file else None, one.place) if part)}: {one.problem}"
            + (f"; {one.remedy}" if one.remedy else "")
            for one in rest
        ]
        error = cls(
            f"{first.problem} (the first of {len(each)} faults)",
            file=first.file,
            place=first.place,
            remedy="\n  ".join([first.remedy or "", *others]),
        )
        error.several = tuple(each)
        return error


class NotObserved(InputError):
    """Nothing that the quarter needs had been observed by its end."""


class MachineTrouble(PovertyAssetsError):
    """The machine did not let us go on: a full disk, a folder that cannot be written, records that cannot be reached.

    Parameters
    ----------
    problem : str
        What is wrong, in one sentence.
    place : str or path, optional
        Where.
    remedy : str, optional
        What the person should do about it.
    """

    def __init__(self, problem: str, *, place: object | None = None, remedy: str | None = None) -> None:
        self.problem = problem
        self.place = None if place is None else str(place)
        self.remedy = remedy
        said = f"{self.place}: {problem}" if self.place else problem
        super().__init__("\n".join([said, *([f"Remedy: {remedy}"] if remedy else [])]))


class PagesBehind(PovertyAssetsError):
    """The new file is published, and its pages could not be written: some are those of the file before."""


class GateFailed(PovertyAssetsError):
    """The warehouse built from the lake broke its own keys, ranges or identities; it was not published.

    Parameters
    ----------
    problem : str
    failures : sequence of (str, str)
        Each check that failed: its kind, and what it found.
    """

    def __init__(self, problem: str, failures: Sequence[tuple[str, str]] = ()) -> None:
        self.failures = list(failures)
        super().__init__("\n".join([problem, *(f"  {found}" for _, found in self.failures)]))


class FetchFailed(PovertyAssetsError):
    """What a source was asked for did not come, or is not what it should be; nothing was landed of it.

    Parameters
    ----------
    problem : str
        Why, in one sentence.
    address : str, optional
        Where it was asked for, without secrets.
    remedy : str, optional
        What the person should do about it.
    """

    def __init__(self, problem: str, *, address: str | None = None, remedy: str | None = None) -> None:
        self.problem = problem
        self.address = address
        self.remedy = remedy
        super().__init__(": ".join(part for part in (address, problem) if part))


class NotThere(FetchFailed):
    """The publisher has no such file, or not yet."""


class WorkersLost(PovertyAssetsError):
    """Other machines' workers were lost with their work again and again; it can be done again, there or here."""


class DefectElsewhere(Exception):
    """A defect met in another process, by an error that cannot be handed over: its traceback as text.

    It is no error of ours that somebody can act on, so that whoever prints it prints all of it.
    """
