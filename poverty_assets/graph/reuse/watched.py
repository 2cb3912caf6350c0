"""What a step reads while it runs, seen and written down with digests.

Belongs here: a home that notes what is asked of it, the files that are opened meanwhile, and what the answers to the same questions are
now. Does not belong here: what follows from them (``step``), or the code of a step (``code``).

Two runs of one function that are told the same are told everything the same: what it asks next follows from what it was told before. So
what a step was made of is the list of its questions with the answers, and it need not be made again where each has the answer that it had.
What cannot be seen (a file of the landing folder that the step has not stated, a member of the home that its code is not known to use)
is noted as *untold*: then nothing is kept, and the step is made again next time.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MethodType, SimpleNamespace
from typing import Any

from poverty_assets.graph.resources.home import Home
from poverty_assets.measure.measure import SHARED
from poverty_assets.quarter import Quarter
from poverty_assets.settings import chosen_measure
from poverty_assets.warehouse.lake import Lake

NO_QUARTER = Quarter(1900, 1)
"""What a step is told that may not know its quarter."""
ABSENT = "absent"
_PLACES = ("landing", "landing_folder")
_LOADED = {"country": (), "sources": ("kind",), "measure": ("measure",)}
"""What the home reads from the pack once, and which questions tell which file that is."""
_DIGESTS: dict[tuple[Any, ...], str] = {}
_OPENED: list[set[str]] = []


# ---------------------------------------------------------------------- files
def digest_of(path: Path) -> str:
    """SHA-256 of a file, or of the names and contents of a folder's files; ``absent`` where there is neither.

    A file is read once a process for as long as the system says that nobody wrote it.
    """
    if path.is_dir():
        files = sorted(one for one in path.rglob("*") if one.is_file())
        return _digest(f"{one.relative_to(path).as_posix()} {digest_of(one)}\n" for one in files)
    try:
        known = path.stat()
    except OSError:
        return ABSENT
    state = (known.st_dev, known.st_ino, known.st_size, known.st_mtime_ns)
    if state not in _DIGESTS:
        with path.open("rb") as stream:
            _DIGESTS[state] = hashlib.file_digest(stream, "sha256").hexdigest()
    return _DIGESTS[state]


def _digest(texts: Iterator[str]) -> str:
    sha = hashlib.sha256()
    for text in texts:
        sha.update(text.encode())
    return sha.hexdigest()


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and _OPENED and isinstance(arguments[0], str | bytes):
        path = arguments[0] if isinstance(arguments[0], str) else arguments[0].decode(errors="surrogateescape")
        for opened in _OPENED:
            opened.add(path)


@contextmanager
def opened() -> Iterator[set[str]]:
    """Names of files that Python opens meanwhile, in whichever thread; libraries that open files by themselves are not heard."""
    if not getattr(sys, "_poverty_assets_hears", False):
        sys.addaudithook(_hear)  # hooks stay as long as the process
        sys._poverty_assets_hears = True  # type: ignore[attr-defined]
    found: set[str] = set()
    _OPENED.append(found)
    try:
        yield found
    finally:
        _OPENED[:] = [one for one in _OPENED if one is not found]


# ---------------------------------------------------------------------- questions
@dataclass(frozen=True)
class Present:
    """The answers as they are now.

    Attributes
    ----------
    home : Home
    quarter : Quarter
    """

    home: Home
    quarter: Quarter

    def answer(self, question: str) -> str:
        """The answer to one question: ``table:NAME``, ``notes:NAME`` (of another quarter with ``@KEY``), ``setting:NAME``, ``measure``,
        ``pack:FILE``, ``shared:FILE``."""
        kind, _, of = question.partition(":")
        if kind in ("table", "notes"):
            name, _, key = of.partition("@")
            return self._of_lake(kind, name, Quarter.from_key(key) if key else self.quarter)
        if kind == "setting":
            return repr(getattr(self.home.settings, of))
        if kind == "measure":
            return chosen_measure(self.home.settings, self.home.country.default_measure)
        return digest_of((SHARED if kind == "shared" else self.home.country.folder) / of)

    def _of_lake(self, kind: str, name: str, quarter: Quarter) -> str:
        lake = self.home.lake
        if kind == "table":
            return digest_of(lake.path(name, quarter))
        return " ".join(digest_of(path) for path in lake.noted_files(name, quarter))

    def pack_question(self, path: Path) -> str | None:
        """The question after a file of the pack; None of another file."""
        for kind, folder in (("pack", self.home.country.folder), ("shared", SHARED)):
            if path.is_relative_to(folder.resolve()):
                return f"{kind}:{path.relative_to(folder.resolve()).as_posix()}"
        return None


@dataclass
class Heard:
    """What a step asked, the answers that it was given, and what it did that nobody can tell of."""

    answers: dict[str, str] = field(default_factory=dict)
    untold: list[str] = field(default_factory=list)


_BEHIND: dict[tuple[str, str], dict[str, str]] = {}


class WatchedHome:
    """The home as a step sees it: it answers as `Home` does, and notes what was asked.

    Parameters
    ----------
    home : Home
    quarter : Quarter
        Of the run.
    members : collection of str
        Members of `Home` that the step's code is known to use.
    """

    def __init__(self, home: Home, quarter: Quarter, members: frozenset[str]) -> None:
        self._home, self._members = home, members
        self._present = Present(home, quarter)
        self._told = Heard()

    def __getattr__(self, name: str) -> Any:
        if "_members" not in self.__dict__:  # not there yet: whoever looks at it now asks nothing of the home
            raise AttributeError(name)
        if name not in self._members and name != "settings":
            self._told.untold.append(f"home.{name}")
        if name in _LOADED:
            return self._loaded(name)
        member = getattr(Home, name, None)
        if isinstance(member, property) and member.fget is not None:
            return member.fget(self)
        return MethodType(member, self) if callable(member) else getattr(self._home, name)

    @cached_property
    def settings(self) -> Any:
        """Settings, of which the values that are asked for are noted; where folders lie is no value."""
        return _WatchedSettings(self._home.settings, self._ask)

    @cached_property
    def lake(self) -> Lake:
        """The lake, of which what is read is noted."""
        return _WatchedLake(self._home.lake, self._present.quarter, self._ask, self._told.untold.append)

    def _ask(self, question: str) -> None:
        self._told.answers.setdefault(question, self._present.answer(question))

    def _loaded(self, name: str) -> Any:
        """A value that the home reads from the pack once, with the files that it was read from as they were then."""
        key = (name, self._home.settings.model_dump_json())
        for question in _LOADED[name]:
            self._ask("setting:kind" if question == "kind" else question)
        if key not in _BEHIND or name not in self._home.__dict__:
            self._home.__dict__.pop(name, None)
            with opened() as files:
                getattr(self._home, name)
            questions = (self._present.pack_question(Path(file).resolve()) for file in files)
            _BEHIND[key] = {q: self._present.answer(q) for q in questions if q is not None}
        self._told.answers |= _BEHIND[key]
        return getattr(self._home, name)

    def told(self, files: set[str], stated: Sequence[Path]) -> Heard:
        """What has been asked, with the files that were opened meanwhile.

        Parameters
        ----------
        files : set of str
            What `opened` heard.
        stated : sequence of Path
            Files and folders that the step says it reads, whose digests are asked for apart.
        """
        landing = self._home.settings.landing_folder.resolve()
        known = [one.resolve() for one in stated]
        for file in sorted(files):
            path = Path(file).resolve()
            question = self._present.pack_question(path)
            if question is not None:
                self._ask(question)
            elif path.is_relative_to(landing) and not any(path.is_relative_to(one) for one in known):
                self._told.untold.append(f"landing file {path.relative_to(landing)}")
        return self._told


class _WatchedSettings:
    def __init__(self, settings: Any, ask: Callable[[str], None]) -> None:
        self._settings, self._ask = settings, ask

    def __getattr__(self, name: str) -> Any:
        if "_settings" not in self.__dict__:
            raise AttributeError(name)
        value = getattr(self._settings, name)
        if not isinstance(value, Path) and not callable(value):
            self._ask(f"setting:{name}")
        return value


class _WatchedLake(Lake):
    """The lake, where a step that may not know its quarter reads its own."""

    def __init__(
        self, lake: Lake, own: Quarter, ask: Callable[[str], None], cannot_tell: Callable[[str], None]
    ) -> None:
        super().__init__(lake.root, lake.shelf)
        self._lake, self._own, self._ask, self._cannot_tell = lake, own, ask, cannot_tell

    def read(self, name: str, quarter: Quarter, columns: list[str] | None = None) -> Any:
        return self._lake.read(name, self._asked("table", name, quarter), columns)

    def raster(self, name: str, quarter: Quarter) -> Any:
        return self._lake.raster(name, self._asked("table", name, quarter))

    def has(self, name: str, quarter: Quarter) -> bool:
        return self._lake.has(name, self._asked("table", name, quarter))

    def notes(self, name: str, quarter: Quarter) -> dict[str, Any]:
        return self._lake.notes(name, self._asked("notes", name, quarter))

    def path(self, name: str, quarter: Quarter) -> Path:
        self._cannot_tell(f"lake file of {name}")
        return self._lake.path(name, quarter)

    def file(self, name: str) -> Path:
        self._cannot_tell(f"lake file {name}")
        return self._lake.file(name)

    def quarters(self) -> list[Quarter]:
        self._cannot_tell("quarters of the lake")
        return self._lake.quarters()

    def part_files(self, name: str, quarters: list[Quarter]) -> list[Path]:
        self._cannot_tell(f"parts of {name}")
        return self._lake.part_files(name, quarters)

    def write_checks(self, name: str, quarter: Quarter, rows: Any) -> Path:
        return self._lake.write_checks(name, self._own, rows)

    def _asked(self, kind: str, name: str, quarter: Quarter) -> Quarter:
        if quarter in (NO_QUARTER, self._own):
            self._ask(f"{kind}:{name}")
            return self._own
        self._ask(f"{kind}:{name}@{quarter.key}")
        return quarter


class WatchedContext:
    """Dagster's context as a step sees it: the quarter, or one that stands for none, the log, and metadata."""

    def __init__(self, context: Any, quarter: Quarter) -> None:
        self.log = context.log
        self.run = SimpleNamespace(tags={"dagster/partition": quarter.key})
        self.metadata: dict[str, Any] = {}

    def add_output_metadata(self, metadata: dict[str, Any]) -> None:
        """Metadata of the one output of the step."""
        self.metadata |= metadata
