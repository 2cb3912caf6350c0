"""Who takes pieces of work: threads, and workers of a real scheduler of Dask, one of which is killed half-way."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from poverty_assets.errors import InputError, UsageError, WorkersLost
from poverty_assets.workers import Threads, open_workers


def drawn(number: int, rng: np.random.Generator, mortal: Path | None = None) -> np.ndarray:
    """What a piece gives; with ``mortal`` its worker dies where the number is 5, and leaves a mark there so that this happens once."""
    if mortal is not None and number == 5 and not mortal.exists():
        mortal.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    square = rng.normal(size=(60, 60))
    return np.linalg.inv(square @ square.T + np.eye(60))


def pieces(*more):
    streams = np.random.default_rng(1).spawn(12)
    return [(number, own, *more) for number, own in enumerate(streams)]


def test_threads_and_dask_give_the_same_bytes_in_the_same_order(cluster):
    one_thread = [made.tobytes() for made in cluster.each(drawn, pieces())]
    assert one_thread == [made.tobytes() for made in Threads(1).each(drawn, pieces())]
    assert one_thread == [made.tobytes() for made in Threads(3).each(drawn, pieces())]


def test_a_worker_that_is_killed_half_way_changes_nothing(cluster, tmp_path):
    expected = [made.tobytes() for made in Threads(1).each(drawn, pieces())]
    assert [made.tobytes() for made in cluster.each(drawn, pieces(tmp_path / "died"))] == expected
    assert (tmp_path / "died").exists()


@pytest.mark.slow
def test_a_piece_that_kills_every_worker_ends_in_one_sentence(cluster):
    with pytest.raises(WorkersLost, match="lost, 3 at the same piece of work"):
        list(cluster.each(killing, [(0,)]))


def killing(number: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def refusing(number: int) -> None:
    raise InputError("3 rows have no code", file="a.csv", place="row 7", remedy="fill in the code")


@pytest.mark.slow
def test_an_error_of_a_piece_arrives_whole(cluster):
    with pytest.raises(InputError) as caught:
        list(cluster.each(refusing, [(0,)]))
    assert caught.value.message == "a.csv, row 7: 3 rows have no code\nRemedy: fill in the code"


@pytest.mark.slow
def test_tasks_are_taken_a_few_ahead_of_the_reader(cluster):
    taken = []

    def tasks():
        for number in range(40):
            taken.append(number)
            yield (number,)

    for workers in (Threads(1), Threads(2), cluster):
        taken.clear()
        answers = workers.each(abs, tasks())
        next(answers)
        assert len(taken) <= 6
        assert [0, *answers] == list(range(40))


@pytest.mark.slow
def test_an_address_where_nobody_listens_is_refused_in_words(monkeypatch):
    monkeypatch.setattr("poverty_assets.workers._PATIENCE", 1)
    with (
        pytest.raises(UsageError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"),
        open_workers("tcp://127.0.0.1:9"),
    ):
        pass


def test_workers_of_another_version_are_refused(cluster, monkeypatch):
    monkeypatch.setattr("poverty_assets.workers.__version__", "0.0.1")
    address = cluster.client.scheduler.address
    with pytest.raises(UsageError, match=r"([12]) of \1 Dask workers have another version"), open_workers(address):
        pass


def test_a_scheduler_is_used_by_its_address(cluster):
    with open_workers(cluster.client.scheduler.address) as workers:
        assert list(workers.each(pow, [(2, 3), (3, 2)])) == [8, 9]
