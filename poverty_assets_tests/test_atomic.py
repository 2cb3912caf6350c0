"""What a killed process left half written is cleared away; what living ones write is left."""

import errno
import os
import subprocess
import sys

import pytest

from poverty_assets.atomic import replacing, sweep

PROGRAM = """
import os, pathlib, sys
from poverty_assets.atomic import replacing
with replacing(pathlib.Path(sys.argv[1])) as beside:
    beside.write_text("half")
    beside.with_name(beside.name + ".wal").write_text("log")
    os._exit(1)
"""


def test_what_dead_processes_left_goes_and_what_living_ones_write_stays(tmp_path):
    page, table = tmp_path / "reports" / "page.html", tmp_path / "lake" / "part.parquet"
    subprocess.run([sys.executable, "-c", PROGRAM, page], check=False)
    left = sorted(page.parent.iterdir())
    assert len(left) == 2
    of_an_older_version = page.with_name(f"{left[0].name.replace(left[0].name.split('.')[-4] + '.', '', 1)}")
    of_an_older_version.write_text("half")
    elsewhere = page.with_name(f".page.html.00000000.{left[0].name.split('.')[-3]}.0a1b2c3d.tmp")
    elsewhere.write_text("another machine's")
    with replacing(table) as beside:
        beside.write_text("at work")
        assert sorted(sweep(tmp_path)) == sorted([*left, of_an_older_version])
        assert sweep(tmp_path) == []
    assert table.read_text() == "at work"
    assert list(page.parent.iterdir()) == [elsewhere]


def test_an_error_of_the_system_names_the_file_that_was_written(tmp_path):
    with pytest.raises(OSError, match=r"page\.html") as caught, replacing(tmp_path / "page.html"):
        raise OSError(28, os.strerror(28))
    assert caught.value.filename == str(tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []


def test_what_hangs_on_to_the_name_of_a_file_goes_with_it_when_its_writing_fails(tmp_path):
    def fill_the_disk():
        with replacing(tmp_path / "poverty.duckdb") as temporary:
            temporary.touch()
            temporary.with_name(f"{temporary.name}.wal").touch()
            temporary.with_name(f"{temporary.name}.tmp").mkdir()
            raise OSError(errno.ENOSPC, "no room")

    with pytest.raises(OSError, match="no room"):
        fill_the_disk()
    assert list(tmp_path.iterdir()) == []
