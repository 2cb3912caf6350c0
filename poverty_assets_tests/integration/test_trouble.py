"""A home in trouble: a disk that fills up, one that cannot be written, two that want the same. One sentence, and nothing is lost."""

import os
import shutil
from pathlib import Path

import pytest

from poverty_assets.definitions import build_definitions
from poverty_assets.errors import PagesBehind
from poverty_assets.graph.resources.home import FULL
from poverty_assets.pack.country import load_country
from poverty_assets.running.instance import open_instance
from poverty_assets.running.publication import follow
from poverty_assets.settings import Settings
from poverty_assets_tests.disk import Disk
from poverty_assets_tests.integration.conftest import QUARTER
from poverty_assets_tests.integration.refresher import Refresher
from poverty_assets_tests.integration.test_kill import opened
from poverty_assets_tests.integration.test_refresh import lake_bytes

ROOMY = 1 << 20  # kilobytes
SIZES = int(os.environ.get("POVERTY_ASSETS_SOAK_SIZES", "20"))


@pytest.fixture
def disk(tmp_path):
    """Makes disks, and takes them away."""
    made = []

    def make(name, kilobytes):
        made.append(Disk(tmp_path / name, kilobytes))
        return made[-1]

    yield make
    for one in made:
        one.take_away()


def temporaries(home):
    return [path for path in home.rglob("*") if ".tmp" in path.name]


def test_a_full_disk_is_said_in_one_sentence(disk, landing, run_cli):
    home = disk("small", 1024).folder / "home"
    answer = run_cli(home, "refresh", "--quarter", QUARTER, "--sources", "landing", "--landing", landing)
    assert answer.code == 1
    assert f"{home}: no room is left on the disk\nRemedy: free some there" in answer.err
    assert "Traceback" not in answer.err + answer.out
    assert temporaries(home) == []


def test_a_folder_that_cannot_be_written_is_said_in_one_sentence(disk, published_home, landing, run_cli):
    place = disk("still", ROOMY)
    home = Path(shutil.copytree(published_home, place.folder / "home"))
    place.protect()
    command = ("refresh", "--quarter", QUARTER, "--sources", "landing", "--landing", landing)
    for arguments in (command, ("backup", home / "x.tar"), ("rollback",)):
        answer = run_cli(home, *arguments)
        assert answer.code in (1, 2), arguments
        assert "Traceback" not in answer.err + answer.out, answer.err
    assert "nothing can be written there\nRemedy: " in run_cli(home, *command).err
    assert run_cli(home, "query", "SELECT 1").code == 0
    assert "records of runs cannot be read: nothing can be written there" in run_cli(home, "status").out


def test_where_the_pages_have_no_room_the_end_says_which_is_new(disk, home):
    shutil.rmtree(home / "reports")
    disk("home/reports", 200)
    settings = Settings(home=home)
    before = (home / "warehouse/poverty.duckdb").stat().st_ino
    with open_instance(settings.dagster_home) as instance, pytest.raises(PagesBehind) as caught:
        follow(settings, load_country("khm"), build_definitions(settings), instance, {FULL: "true"})
    assert (home / "warehouse/poverty.duckdb").stat().st_ino != before
    assert "poverty.duckdb is published; its pages could not be written" in str(caught.value)
    assert f"{home}/reports: no room is left on the disk" in str(caught.value)
    assert temporaries(home) == []


def test_what_a_home_holds_is_not_guessed_where_its_record_is_spoilt(home, run_cli):
    (home / "home.json").write_text('{"country": "kh')
    for arguments in (("status",), ("refresh",), ("query", "SELECT 1"), ("ui", "--port", "0")):
        answer = run_cli(home, *arguments)
        assert answer.code == 2, arguments
        assert f"{home}/home.json: what this home holds cannot be read" in answer.err
        assert "Traceback" not in answer.err


def assert_full_disks_lose_nothing(refresher, disk, isle, sizes, published=None):
    """At each size a refresh fails in one sentence or succeeds; what was published stays; with room the next one gives the same."""
    said, lakes = [], []
    for size in sizes:
        place = disk(f"disk{size}", ROOMY)
        home = place.folder / "home"
        if published:
            shutil.copytree(published, home)
        place.resize(place.used() + size)
        log = place.folder.with_suffix(".log")
        request = {**isle, "home": home, "log": log}
        refresher.ask(**request, full=bool(published))  # which is there already, and nothing would be written
        code = refresher.answer()["code"]
        assert code in (0, 1, 3), log.read_text()
        assert "Traceback" not in log.read_text(), (size, log.read_text())
        assert code == 0 or "no room is left on the disk" in log.read_text(), (size, log.read_text())
        assert temporaries(home) == [], size
        if published:
            assert opened(home) == opened(published), size
        place.resize(ROOMY)
        refresher.ask(**request)
        assert refresher.answer()["code"] == 0, (size, log.read_text())
        said.append((size, code))
        lakes.append(lake_bytes(home))
    print(f"size of the disk in kB (beyond what the home took) and exit code: {said}")
    assert all(lake == lakes[0] for lake in lakes)
    assert {1, 0} <= {code for _, code in said}
    return lakes[0]


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_a_disk_that_is_full_at_twenty_sizes_loses_nothing(disk, isle, tmp_path):
    published = tmp_path / "published"
    with Refresher() as refresher:
        refresher.ask(**isle, home=published, log=tmp_path / "log")
        assert refresher.answer()["code"] == 0, (tmp_path / "log").read_text()
        sizes = [
            1024 + 42_000 * n // SIZES for n in range(SIZES)
        ]  # a log of up to 16 MB is beside the file that is built
        fresh = assert_full_disks_lose_nothing(refresher, disk, isle, sizes)
        sizes = [1024 + 32_000 * n // SIZES for n in range(SIZES)]
        again = assert_full_disks_lose_nothing(refresher, disk, isle, sizes, published)
    assert fresh == again == lake_bytes(published)
