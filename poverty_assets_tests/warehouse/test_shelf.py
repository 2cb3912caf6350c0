"""The lake in a bucket: the same files, whole or absent, and what counts is what a seal names."""

import os
import signal
import subprocess
import sys

import duckdb
import pytest

from poverty_assets.errors import MachineTrouble, UsageError
from poverty_assets.quarter import Quarter
from poverty_assets.settings import Settings
from poverty_assets.warehouse.build import publish
from poverty_assets.warehouse.lake import SEAL, Lake
from poverty_assets.warehouse.shelf import BucketShelf
from poverty_assets_tests.bucket import s3_server
from poverty_assets_tests.warehouse.small_lake import KHM, mpi, write_quarter

Q = Quarter(2022, 4)
CLAIM = {"country": "khm", "sources": "landing"}


@pytest.fixture(scope="module")
def server():
    with s3_server() as running:
        yield running


@pytest.fixture
def address(server, monkeypatch):
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return server.new_bucket()


@pytest.fixture
def machine(address, tmp_path):
    """A lake in the bucket as a process of a machine sees it; each machine has a folder of its own."""
    return lambda name: Lake(tmp_path / name, BucketShelf(address, tmp_path / name, CLAIM))


def headcount_ratio(lake, target):
    publish(lake, target, KHM, is_simulated=False, run_id="r")
    with duckdb.connect(str(target), read_only=True) as connection:
        sql = "SELECT round(estimate, 6) FROM fct_mpi WHERE statistic = 'headcount_ratio'"
        return [row[0] for row in connection.execute(sql).fetchall()]


@pytest.mark.slow
def test_a_bucket_holds_the_bytes_of_a_lake_on_disk(machine, tmp_path):
    disk, lake, elsewhere = Lake(tmp_path / "disk"), machine("a"), machine("b")
    for one in (disk, lake):
        write_quarter(one, Q)
        one.write("src_x", Q, mpi(0.2), {"why": "test"})
    files = [path.relative_to(disk.root).as_posix() for path in disk.root.rglob("part.parquet")]
    assert [name for name in files if elsewhere.file(name).read_bytes() != disk.file(name).read_bytes()] == []
    assert elsewhere.notes("src_x", Q) == {"why": "test"}
    assert elsewhere.sealed_digest(Q) == disk.sealed_digest(Q)


@pytest.mark.slow
def test_the_warehouse_is_published_from_the_bucket_alone(machine, tmp_path):
    write_quarter(machine("a"), Q, headcount_ratio=0.3)
    assert headcount_ratio(machine("b"), tmp_path / "poverty.duckdb") == [0.3]


@pytest.mark.slow
def test_what_another_machine_seals_is_seen_at_the_next_look(machine):
    one, other = machine("a"), machine("b")
    assert one.quarters() == []
    write_quarter(other, Q, headcount_ratio=0.3)
    assert one.quarters() == [Q]
    assert one.unsealed(Q) == []
    write_quarter(other, Q, headcount_ratio=0.4)
    assert (one.quarters(), one.unsealed(Q)) == ([Q], [])
    assert one.read("fct_mpi", Q)["estimate"].max() == 0.4


KILLED = """
import os, signal, sys
from pathlib import Path
from poverty_assets.quarter import Quarter
from poverty_assets.warehouse import lake, shelf
from poverty_assets_tests.warehouse.small_lake import write_quarter

left, put = int(sys.argv[3]), shelf.BucketShelf._asked
def counting(self, ask, **more):
    global left
    answer = put(self, ask, **more)
    if isinstance(answer, dict) and "last_modified" not in answer:  # an object has been put
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return answer
shelf.BucketShelf._asked = counting
root = Path(sys.argv[2])
bucket = shelf.BucketShelf(sys.argv[1], root, {"country": "khm", "sources": "landing"})
write_quarter(lake.Lake(root, bucket), Quarter(2022, 4), headcount_ratio=0.5)
"""


@pytest.mark.slow
def test_what_a_killed_process_had_put_counts_once_it_is_sealed(machine, address, tmp_path):
    write_quarter(machine("a"), Q, headcount_ratio=0.3)
    target, command = tmp_path / "poverty.duckdb", [sys.executable, "-c", KILLED, address, tmp_path / "killed"]
    assert headcount_ratio(machine("b"), target) == [0.3]
    assert subprocess.run([*command, "20"], env={**os.environ}).returncode == -signal.SIGKILL
    assert "fct_mpi" in machine("b").unsealed(Q)
    assert headcount_ratio(machine("b"), target) == [0.3]
    assert subprocess.run([*command, "1000"], env={**os.environ}).returncode == 0
    assert machine("b").unsealed(Q) == []
    assert machine("b").read("fct_mpi", Q)["estimate"].max() == 0.5


def test_a_copy_that_is_not_the_buckets_is_brought_again(machine):
    lake = machine("a")
    path = lake.write("fct_mpi", Q, mpi(0.2))
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    assert lake.path("fct_mpi", Q).read_bytes() == whole
    path.unlink()
    assert machine("a").path("fct_mpi", Q).read_bytes() == whole


def test_a_file_that_was_removed_is_gone_everywhere(machine):
    one, other = machine("a"), machine("b")
    one.write("fct_mpi", Q, mpi(0.2))
    assert other.has("fct_mpi", Q)
    one.shelf.remove(one.path("fct_mpi", Q))
    assert not one.has("fct_mpi", Q)
    assert not machine("b").has("fct_mpi", Q)


def test_a_bucket_of_another_country_is_refused(machine, address, tmp_path):
    machine("a").write("fct_mpi", Q, mpi(0.2))
    other = Lake(tmp_path / "b", BucketShelf(address, tmp_path / "b", {**CLAIM, "country": "kgz"}))
    with pytest.raises(UsageError, match="of country khm and not kgz"):
        other.quarters()


def test_a_bucket_that_is_not_there_or_cannot_be_reached_is_one_sentence(address, tmp_path, monkeypatch):
    with pytest.raises(MachineTrouble, match=r"s3://nowhere/x: the bucket .*NoSuchBucket|does not do what it is asked"):
        Lake(tmp_path, BucketShelf("s3://nowhere/x", tmp_path, CLAIM)).write("fct_mpi", Q, mpi(0.2))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("poverty_assets.warehouse.shelf._RETRIES", {"max_retries": 0})
    with pytest.raises(MachineTrouble, match="AWS_ENDPOINT_URL"):
        Lake(tmp_path, BucketShelf(address, tmp_path, CLAIM)).quarters()


@pytest.mark.slow
def test_the_setting_chooses_the_bucket(address, tmp_path):
    lake = Lake.of(Settings(home=tmp_path, bucket=address, country="khm"))
    write_quarter(lake, Q)
    assert lake.root == tmp_path / "lake_copies"
    assert Lake.of(Settings(home=tmp_path / "other", bucket=address, country="khm")).has(SEAL, Q)
    with pytest.raises(UsageError, match="no address of a bucket"):
        Lake.of(Settings(home=tmp_path, bucket="https://example.org/lake", country="khm")).quarters()
