"""Who does work that comes in many like pieces: threads of this process, or workers of Dask, on this machine or on others.

Belongs here: handing pieces out, taking the answers in their order, and what is to be said when nobody answers. Does not belong here:
what a piece is (``features.zonal``, ``small_area.replicates``); it may depend on its own arguments alone, random numbers among them, so
that the answers are the same to the last bit whoever gives them.

Dask is an extra (``poverty-assets[dask]``). What every piece of a piece of work shares is kept by the scheduler, not by a worker: when a
worker dies, others are given it, and the pieces that it had.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from threadpoolctl import threadpool_limits

from poverty_assets import __version__
from poverty_assets.errors import UsageError, WorkersLost

Made = TypeVar("Made")
LOCAL = "local"
"""Asked for in place of a scheduler's address: a scheduler and workers of our own, on this machine."""
_TRIES = 3
_PATIENCE = 30  # seconds in which a scheduler answers and has a worker


class Workers(Protocol):
    """Whoever does it."""

    def each(self, do: Callable[..., Made], tasks: Iterable[tuple[Any, ...]]) -> Iterator[Made]:
        """What the function makes of each task, in their order; tasks are taken a few ahead of the reader at most."""


@dataclass(frozen=True)
class Threads:
    """Threads of this process; with one, each piece is done as its answer is asked for.

    Attributes
    ----------
    number : int

    Examples
    --------
    >>> list(Threads(2).each(pow, [(2, 3), (3, 2)]))
    [8, 9]
    """

    number: int = 2

    def each(self, do: Callable[..., Made], tasks: Iterable[tuple[Any, ...]]) -> Iterator[Made]:
        """See ``Workers``."""
        if self.number == 1:
            for task in tasks:
                made = do(*task)
                del task  # what it holds may be large, and the next one comes only now
                yield made
            return
        with ThreadPoolExecutor(self.number) as pool:
            waiting: deque[Future[Made]] = deque()
            for task in tasks:
                waiting.append(pool.submit(do, *task))
                if len(waiting) > self.number:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()


@dataclass(frozen=True)
class DaskWorkers:
    """Workers of a Dask scheduler, each piece by one thread of linear algebra.

    Attributes
    ----------
    client : distributed.Client
    """

    client: Any

    def each(self, do: Callable[..., Made], tasks: Iterable[tuple[Any, ...]]) -> Iterator[Made]:
        """See ``Workers``.

        Raises
        ------
        WorkersLost
            If a piece is lost with its worker again and again, or the scheduler is.
        """
        from distributed import CancelledError, KilledWorker

        shared = self.client.submit(_as_it_is, do, pure=False)
        waiting: deque[Any] = deque()
        try:
            for task in tasks:
                waiting.append(self.client.submit(_by_one_thread, shared, *task, pure=False))
                if len(waiting) > 2 * max(1, sum(self.client.nthreads().values())):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except (KilledWorker, CancelledError, OSError) as error:
            raise WorkersLost(
                f"the workers of Dask were lost, {_TRIES} at the same piece of work or all with their scheduler ({type(error).__name__});"
                " see why they die (memory?), or work here: unset POVERTY_ASSETS_DASK"
            ) from error


def _as_it_is(one: Made) -> Made:
    return one


def _by_one_thread(do: Callable[..., Made], *task: Any) -> Made:
    with threadpool_limits(1, user_api="blas"):  # sums come out differently with more
        return do(*task)


def version_here() -> str:
    """Of the package where this is asked."""
    return __version__


@contextmanager
def open_workers(asked: str, number: int = 2) -> Iterator[Workers]:
    """Workers as settings name them, until they are let go.

    Parameters
    ----------
    asked : str
        Nothing: threads of this process. ``local``: a Dask cluster on this machine, which ends with us. Else the address of a
        scheduler (``tcp://host:8786``).
    number : int
        Threads, or workers of the local cluster.

    Raises
    ------
    UsageError
        If Dask is not installed, no scheduler answers, or its workers have another version of this package.
    """
    if not asked:
        yield Threads(number)
        return
    distributed = _distributed()
    import dask

    quiet = {"distributed.scheduler.allowed-failures": _TRIES, "distributed.admin.large-graph-warning-threshold": "1GB"}
    with dask.config.set(quiet):
        if asked == LOCAL:
            with (
                distributed.LocalCluster(
                    n_workers=number,
                    threads_per_worker=1,
                    host="127.0.0.1",
                    dashboard_address="127.0.0.1:0",
                    silence_logs=50,
                ) as cluster,
                distributed.Client(cluster) as client,
            ):
                yield DaskWorkers(client)
            return
        with _client(distributed, asked) as client:
            _require_this_version(client, asked)
            yield DaskWorkers(client)


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise UsageError(
            "POVERTY_ASSETS_DASK asks for Dask, which is not installed",
            remedy="pip install 'poverty-assets[dask]', or unset POVERTY_ASSETS_DASK",
        ) from error
    return distributed


def _client(distributed: Any, address: str) -> Any:
    try:
        client = distributed.Client(address, timeout=_PATIENCE)
    except (OSError, ValueError, TimeoutError) as error:
        raise UsageError(
            f"no Dask scheduler answers at {address}",
            place="POVERTY_ASSETS_DASK",
            remedy="start it (dask scheduler), correct the address, or unset the setting to work here",
        ) from error
    return client


def _require_this_version(client: Any, address: str) -> None:
    """Refuse a scheduler without workers, and workers that would compute by other code."""
    try:
        client.wait_for_workers(1, timeout=_PATIENCE)
        found = client.run(version_here)
    except Exception as error:  # whatever a worker without this package, or none at all, answers
        raise UsageError(
            f"no worker of the Dask scheduler at {address} can work for us ({type(error).__name__})",
            place="POVERTY_ASSETS_DASK",
            remedy=f"start workers (dask worker {address}) where poverty-assets {__version__} is installed",
        ) from error
    other = {worker: version for worker, version in found.items() if version != __version__}
    if other:
        worker, version = next(iter(other.items()))
        raise UsageError(
            f"{len(other)} of {len(found)} Dask workers have another version of poverty-assets, first {worker}: {version}",
            place="POVERTY_ASSETS_DASK",
            remedy=f"install {__version__} on all of them, so that they give the same figures",
        )
