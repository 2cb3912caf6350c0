"""A home moves to another machine and path as one file."""

import tarfile

import pytest

from poverty_assets_tests.integration.conftest import QUARTER
from poverty_assets_tests.integration.test_refresh import lake_bytes


def files(home):
    passing = (".lock", ".db-wal", ".db-shm")
    found = {p.relative_to(home).as_posix(): p for p in home.rglob("*") if p.is_file() and not p.name.endswith(passing)}
    return {name: path.read_bytes() for name, path in found.items() if not name.endswith(".db")}


def test_a_home_is_restored_elsewhere_byte_for_byte_and_goes_on(home, landing, run_cli, tmp_path):
    assert run_cli(home, "backup", tmp_path / "home.tar").code == 0
    elsewhere = tmp_path / "another" / "place"
    assert run_cli(elsewhere, "restore", tmp_path / "home.tar").code == 0
    assert files(elsewhere) == files(home)
    assert run_cli(elsewhere, "status").out.replace(str(elsewhere), str(home)) == run_cli(home, "status").out
    before = lake_bytes(elsewhere)
    answer = run_cli(elsewhere, "refresh", "--quarter", QUARTER, "--sources", "landing", "--landing", landing)
    assert answer.code == 0, answer.err
    assert lake_bytes(elsewhere) == before


def test_a_backup_that_would_overwrite_or_hold_itself_is_refused(home, run_cli, tmp_path):
    (tmp_path / "there.tar").write_text("something")
    assert "is there already" in run_cli(home, "backup", tmp_path / "there.tar").err
    inside = run_cli(home, "backup", home / "home.tar")
    assert inside.code == 2
    assert "within the home" in inside.err


def test_a_home_that_holds_something_is_never_restored_over(home, run_cli, tmp_path):
    run_cli(home, "backup", tmp_path / "home.tar")
    answer = run_cli(home, "restore", tmp_path / "home.tar")
    assert answer.code == 2
    assert "already holds something" in answer.err


@pytest.mark.parametrize("spoil", ["cut", "foreign", "text"])
def test_what_is_no_whole_backup_makes_no_home(home, run_cli, tmp_path, spoil):
    archive = tmp_path / "home.tar"
    run_cli(home, "backup", archive)
    if spoil == "cut":
        archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    elif spoil == "foreign":
        with tarfile.open(archive, "w") as other:
            other.add(home / "home.json", "../outside.json")
    else:
        archive.write_text("not a tar file")
    answer = run_cli(tmp_path / "new", "restore", archive)
    assert answer.code == 2
    assert "cannot be restored" in answer.err
    assert not (tmp_path / "new" / "home.json").exists()
