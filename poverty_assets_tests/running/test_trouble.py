"""An error of the machine is told by its kind, whichever library raised it; a defect of ours is not taken for one."""

import errno
import os
import sqlite3
from pathlib import Path

import duckdb
import pytest
from filelock import FileLock, Timeout
from sqlalchemy.exc import OperationalError

from poverty_assets.running.trouble import trouble_behind

HOME = Path("/srv/home")


def of_system(number, *named):
    return OSError(number, os.strerror(number), *named)


def of_records(said):
    return OperationalError("INSERT", {}, sqlite3.OperationalError(said))


@pytest.mark.parametrize(
    ("error", "place", "said"),
    [
        (of_system(errno.ENOSPC, "/srv/home/lake/part.parquet"), "/srv/home/lake", "no room is left"),
        (of_system(errno.EDQUOT), "/srv/home", "no room is left"),
        (OSError("Error writing bytes to file. Detail: [errno 28] No space left on device"), "/srv/home", "no room is left"),
        (duckdb.IOException("Could not write all bytes to file \"/srv/home/warehouse/x\": No space left on device"),
         "/srv/home/warehouse", "no room is left"),
        (of_records("database or disk is full"), "/srv/home", "no room is left"),
        (of_system(errno.EROFS, "/srv/home/home.json"), "/srv/home/home.json", "nothing can be written there"),
        (PermissionError(errno.EACCES, "Permission denied", "/srv/home/lake"), "/srv/home/lake", "nothing can be written there"),
        (of_records("attempt to write a readonly database"), "/srv/home", "nothing can be written"),
        (of_records("database is locked"), "/srv/home/dagster", "cannot be used: database is locked"),
        (Timeout("/srv/home/warehouse/.publish.lock"), "/srv/home/warehouse/.publish.lock", "has held this lock"),
    ],
)  # fmt: skip
def test_the_machines_trouble_is_one_sentence_with_place_and_remedy(error, place, said):
    try:
        raise RuntimeError("a step failed") from error
    except RuntimeError as outer:
        found = trouble_behind(outer, HOME)
    assert found is not None
    assert (found.place, said in found.problem) == (place, True)
    assert str(found).splitlines()[1].startswith("Remedy: ")


@pytest.mark.parametrize(
    "error", [ValueError("disk is full of numbers"), FileNotFoundError(2, "No such file", "x"), KeyError("a")]
)
def test_a_defect_of_ours_is_none(error):
    assert trouble_behind(error, HOME) is None


def test_a_lock_of_the_library_says_what_is_looked_for(tmp_path):
    with FileLock(tmp_path / "a.lock"), pytest.raises(Timeout) as caught:
        FileLock(tmp_path / "a.lock", timeout=0, is_singleton=False).acquire()
    found = trouble_behind(caught.value, HOME)
    assert found is not None
    assert found.place == str(tmp_path / "a.lock")
