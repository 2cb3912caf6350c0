"""Whole files or none: every file is written under a temporary name and renamed into place.

Belongs here: the one way this project writes a file, and clearing away what processes left behind that were killed while at it.
"""

from __future__ import annotations

import os
import re
import shutil
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; rename it to ``path`` on success, remove it and what hangs on to its name on failure.

    A process that is killed leaves at most a hidden temporary file, never a part of ``path``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{_machine()}.{os.getpid()}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        yield temporary
        os.replace(temporary, path)
    except BaseException as error:
        if isinstance(error, OSError):
            error.filename = error.filename or str(path)  # a full disk is told of a file, not of its name
        for hanging in [
            one for one in path.parent.iterdir() if one.name.startswith(temporary.name)
        ]:  # as a database's log
            if hanging.is_dir():
                shutil.rmtree(hanging, ignore_errors=True)
            else:
                hanging.unlink(missing_ok=True)
        raise
    finally:
        temporary.unlink(
            missing_ok=True
        )  # not there after a success: who watches a refresh sees by it that the file is in place


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder beside ``path``; put it in the place of ``path``, whatever was there, on success; remove it on failure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mark = f"{os.getpid()}.{uuid.uuid4().hex[:8]}"
    temporary, old = (path.with_name(f".{path.name}.{mark}.{end}") for end in ("tmp", "old"))
    temporary.mkdir()
    try:
        yield temporary
        if path.exists():
            os.replace(path, old)
        try:
            os.replace(temporary, path)
        except OSError:
            if old.exists():
                os.replace(old, path)
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole, in UTF-8."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_bytes(path: Path, data: bytes) -> None:
    """Write a binary file whole."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def sweep(folder: Path) -> list[Path]:
    """Remove temporary files below a folder whose process, of this machine, is dead; returns them.

    A process that is killed cannot remove its own. Those of living processes, and of other machines, are left.
    """
    gone = []
    for parent, folders, files in os.walk(folder):
        for name in (*files, *folders):
            process = _TEMPORARY.match(name)
            if process and process["machine"] in (None, _machine()) and not _lives(int(process["process"])):
                path = Path(parent, name)
                if name in folders:
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)
                gone.append(path)
    return gone


# with what other programs hang on to the name: a log, a folder of what does not fit into memory
_TEMPORARY = re.compile(
    r"\..+?(\.(?P<machine>[0-9a-f]{8}))?\.(?P<process>\d{1,10})(\.[0-9a-f]{8})?\.tmp(\.wal|\.tmp|\..*\.parquet)?$"
)


def _machine() -> str:
    return f"{zlib.crc32(os.uname().nodename.encode()):08x}"


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    try:
        state = (
            Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
        )
    except OSError:
        return True
    return state != "Z"  # ended, and its parent has not looked yet
