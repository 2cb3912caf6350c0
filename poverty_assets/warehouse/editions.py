"""Published files that a newer one has replaced: the last five are kept, to be read or to go back to.

Belongs here: keeping, finding and bringing back earlier published files; setting aside what a crashed session left beside one. Does not
belong here: building a file (``build``).
"""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

from poverty_assets.atomic import replacing, write_text
from poverty_assets.errors import UnreadableFile, UsageError
from poverty_assets.warehouse.opening import connect, require_unheld, write_ahead_log

LOG = logging.getLogger("poverty_assets")
KEPT = 5
FOLDER = "earlier"
_PUT_BACK = ".put_back"


def earlier(warehouse: Path) -> list[Path]:
    """Earlier published files, the newest first."""
    return sorted((warehouse.parent / FOLDER).glob("*.duckdb"), reverse=True)


def edition(warehouse: Path, back: int) -> Path:
    """The file that was published ``back`` publications ago; 0 is the present one.

    Raises
    ------
    UsageError
        If so many are not kept.
    """
    if back == 0:
        return warehouse
    kept = earlier(warehouse)
    if not 0 < back <= len(kept):
        there = f"1 to {len(kept)}" if kept else "none"
        raise UsageError(
            f"there is no published file {back} back", file=warehouse, remedy=f"earlier files kept: {there}"
        )
    return kept[back - 1]


def keep(warehouse: Path) -> None:
    """Keep the present file beside the earlier ones, under the time at which it was published, and let the oldest go.

    The file is linked, not copied, where the file system can; it is the same file until a new one takes its name.
    """
    if not warehouse.is_file():
        return
    name = f"{warehouse.stat().st_mtime_ns:020d}.duckdb"
    target = warehouse.parent / FOLDER / name
    if not target.exists():
        with replacing(target) as beside:
            _linked(warehouse, beside)
    for old in earlier(warehouse)[KEPT:]:
        old.unlink(missing_ok=True)


def roll_back(warehouse: Path, back: int, lake: str = "") -> Path:
    """Put an earlier file in place of the present one, which is kept in its turn.

    Parameters
    ----------
    lake : str
        The version of the lake that is not wanted (``behind.lake_version``): no publication follows by itself until it is another.

    Returns
    -------
    Path
        The earlier file that is published again. The lake is as it was: the next publication is made from it.
    """
    from filelock import FileLock

    with FileLock(warehouse.parent / ".publish.lock"):
        chosen = edition(warehouse, back)
        with replacing(warehouse) as beside:
            shutil.copyfile(chosen, beside)  # a file of its own, so that it is kept under a time of its own
            keep(warehouse)
            set_aside_log(warehouse)
        write_text(warehouse.parent / _PUT_BACK, lake)
    return chosen


def unwanted_lake(warehouse: Path) -> str:
    """The version of the lake of which somebody put an earlier file back; empty where the present file is the newest made."""
    mark = warehouse.parent / _PUT_BACK
    return mark.read_text(encoding="utf-8") if mark.is_file() else ""


def want_again(warehouse: Path) -> None:
    """Forget that an earlier file was put back: a newer one is published."""
    (warehouse.parent / _PUT_BACK).unlink(missing_ok=True)


def set_aside_log(warehouse: Path) -> None:
    """Move a write-ahead log that a session left beside the file out of the way: it would be replayed into the next one."""
    log = write_ahead_log(warehouse)
    if log.exists():
        require_unheld(warehouse)
        aside = log.with_name(f"{log.name}.set-aside")
        os.replace(log, aside)
        LOG.warning("a session that wrote to the published file was cut off; what it left is set aside as %s", aside)


def set_aside_unreadable(warehouse: Path) -> None:
    """Move a published file that nobody can read out of the way, so that a new one can be built.

    Raises
    ------
    HeldElsewhere
        If another program has it open for writing.
    """
    if not warehouse.is_file():
        return
    try:
        connect(warehouse).close()
    except UnreadableFile as error:
        aside = warehouse.with_name(f"{warehouse.name}.unreadable")
        os.replace(warehouse, aside)
        LOG.warning("%s; it is set aside as %s, and a new one is built from the lake", error.problem, aside)


def _linked(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
