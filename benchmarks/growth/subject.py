"""A subject of the benchmark: its sizes, and ways of doing the same at each.

Belongs here: the form of a subject, and finding the subjects.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NAMES = ("households", "pixels", "areas", "quarters", "measure")
Act = Callable[[], Mapping[str, Any] | None]


@dataclass(frozen=True)
class Way:
    """One way of doing it.

    Attributes
    ----------
    ready : callable
        Given the folder of the input and the size, does what is not timed and gives what is; that may say figures of its own, and
        ``seconds`` where only a part of it counts.
    ours : bool
    up_to : float
        Largest size at which it is tried: beyond it takes hours, or more memory than there is.
    rounds : int
        No more than so many.
    """

    ready: Callable[[Path, int], Act]
    ours: bool = False
    up_to: float = float("inf")
    rounds: int = 99


@dataclass(frozen=True)
class Mark:
    """What is wanted: the median over rounds of one way's time over another's, at one size.

    Attributes
    ----------
    of, over : str
        Ways.
    size : int
    limit : float
    at_least : bool
        Whether the ratio has to reach the limit, not to stay below it.
    """

    of: str
    over: str
    size: int
    limit: float
    at_least: bool = False


@dataclass(frozen=True)
class Subject:
    """What is measured.

    Attributes
    ----------
    title, unit : str
    sizes : tuple of int
        At 1, 3, 10 and 30 times the first.
    short : tuple of int
        Sizes of the short form.
    make : callable
        Writes the input of a size into a folder.
    ways : mapping
        Ways by name, in their order within a round.
    marks : tuple of Mark
    note : str
        What a reader has to know of it.
    """

    title: str
    unit: str
    sizes: tuple[int, ...]
    short: tuple[int, ...]
    make: Callable[[Path, int], None]
    ways: Mapping[str, Way]
    marks: tuple[Mark, ...] = ()
    note: str = ""
    needs: tuple[str, ...] = field(default=())


def subject(name: str) -> Subject:
    """A subject by its name."""
    found: Subject = importlib.import_module(f"{__package__}.{name}").SUBJECT
    return found
