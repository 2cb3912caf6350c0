"""A file that is locked for as long as a process lives: the system takes the lock from the dead, whatever killed them.

Belongs here: giving such a sign, telling whose are cold, and taking turns by one. Does not belong here: what is done about the dead
(``running.interrupted``).

A sign is locked before it has its name and loses its name before its lock, so that nobody who looks takes the living for dead.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO


class SignOfLife:
    """A sign under one name, from when it is made until it is taken back or the process ends.

    Parameters
    ----------
    place : Path
        A file that nobody else gives; its name ends in ``.lock``.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        place.parent.mkdir(parents=True, exist_ok=True)
        unnamed = place.with_suffix(".starting")
        self._held: IO[str] = unnamed.open("w")
        fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.replace(unnamed, place)

    def take_back(self) -> None:
        """End the sign: the process lives on, and has nothing more to do with it."""
        self.place.unlink(missing_ok=True)
        self._held.close()

    def leave_behind(self) -> None:
        """Let the sign grow cold, so that whoever looks next finds it."""
        self._held.close()


class Turn:
    """A turn at something that one process does at a time; whoever comes meanwhile sleeps until the holder is done, or dead.

    Parameters
    ----------
    place : Path
        The same file for all who take turns; it stays.
    who : str
        What is said of this one to those who wait.
    wait_for : callable
        Told whom this one waits for, if it has to.
    """

    def __init__(self, place: Path, who: str, wait_for: Callable[[str], None]) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        self._held: IO[str] = place.open("a+")
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            wait_for(place.read_text(encoding="utf-8").strip() or "another process")
            fcntl.flock(self._held, fcntl.LOCK_EX)
        self._held.truncate(0)
        self._held.write(who)
        self._held.flush()

    def end(self) -> None:
        """Let the next one have it."""
        self._held.close()


def anyone_alive(folder: Path) -> bool:
    """Whether a process that gave a sign in this folder lives."""
    with contextlib.ExitStack() as held:
        return any(_looked_at(place, held) is False for place in folder.glob("*.lock"))


def cold_signs(folder: Path, held: contextlib.ExitStack) -> list[Path]:
    """Signs of processes that are dead; nobody else finds them until ``held`` is closed."""
    return [place for place in sorted(folder.glob("*.lock")) if _looked_at(place, held)]


def _looked_at(place: Path, held: contextlib.ExitStack) -> bool | None:
    """Whether a sign is cold, in which case we hold it; None where it has been taken back."""
    try:
        sign = held.enter_context(place.open())
        fcntl.flock(sign, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        return False
    return True if place.exists() else None
