"""A home as one file, and a home made from it again.

Belongs here: packing and unpacking a home. Does not belong here: what a home holds (``settings``).

The lake, the published files, pages, models and Dagster's records go into one tar archive, whose files are as they are in the home. A
lake in a bucket is backed up there: the home has copies of it. Models of waves are made again.
Databases of Dagster's are copied by SQLite itself, so that a run that is on does no harm; a publication waits.
"""

from __future__ import annotations

import contextlib
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from poverty_assets.atomic import replacing
from poverty_assets.errors import MissingFile, UnreadableFile, UsageError
from poverty_assets.settings import Settings

_PASSING = (".lock", ".tmp", ".db-wal", ".db-shm", ".db-journal")
_FIRST = "home.json"


def backup(settings: Settings, target: Path) -> int:
    """Write a home into a new tar file; returns how many files it holds.

    Raises
    ------
    MissingFile
        If nothing has been made in this home yet.
    UsageError
        If the target lies within the home, or is there already.
    """
    from filelock import FileLock

    home = settings.home.resolve()
    if not (home / _FIRST).is_file():
        raise MissingFile("there is no home here", file=home, remedy="run poverty-assets refresh first")
    if target.exists() or target.resolve().is_relative_to(home):
        why = "is there already" if target.exists() else "lies within the home"
        raise UsageError(f"the backup {why}", file=target, remedy="name a new file elsewhere")
    (home / "warehouse").mkdir(exist_ok=True)
    with FileLock(home / "warehouse" / ".publish.lock"), replacing(target) as beside:
        with tarfile.open(beside, "w", format=tarfile.PAX_FORMAT) as archive:
            files = [
                home / _FIRST,
                *(path for path in _files(home) if path != home / _FIRST and not _is_copy(path, settings)),
            ]
            for path in files:
                with _still(path) as copy:
                    archive.add(copy, arcname=path.relative_to(home).as_posix(), recursive=False)
        return len(files)


def restore(settings: Settings, source: Path) -> int:
    """Make a home from a backup, in a folder that is empty or not there; returns how many files it holds.

    Raises
    ------
    UsageError
        If the home already holds something.
    MissingFile, UnreadableFile
        If the backup is not there, or is not one of ours.
    """
    home = settings.home.resolve()
    if home.exists() and any(path.name != "README.md" for path in home.iterdir()):
        raise UsageError(
            "the home already holds something", file=home, remedy="set POVERTY_ASSETS_HOME to a folder that is empty"
        )
    if not source.is_file():
        raise MissingFile("no such backup", file=source, remedy="name a file that poverty-assets backup wrote")
    home.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(source, "r:") as archive:
            members = archive.getmembers()
            if not members or members[0].name != _FIRST:
                raise tarfile.ReadError("it does not begin as a backup does")
            # home.json comes last: a home that was only half restored is none
            for member in [*members[1:], members[0]]:
                archive.extract(member, home, filter="data")
    except (tarfile.TarError, OSError, EOFError) as error:
        raise UnreadableFile(
            f"cannot be restored: {error}", file=source, remedy=f"empty {home} and take another copy of the backup"
        ) from error
    return len(members)


def _files(home: Path) -> list[Path]:
    return sorted(p for p in home.rglob("*") if p.is_file() and not p.is_symlink() and not p.name.endswith(_PASSING))


def _is_copy(path: Path, settings: Settings) -> bool:
    copies = [settings.waves, *([settings.lake] if settings.bucket else [])]
    return any(path.is_relative_to(folder.resolve()) for folder in copies)


@contextlib.contextmanager
def _still(path: Path) -> Iterator[Path]:
    """The file itself, or of a database a copy as of one moment."""
    if path.suffix != ".db":
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        with (
            contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as live,
            contextlib.closing(sqlite3.connect(copy)) as still,
        ):
            live.backup(still)
        yield copy
