"""Quarters of one refresh side by side, each in a process of its own.

Belongs here: starting the processes, handing on what they report, and the first error. Does not belong here: what a quarter's run
is (``refresh``). Quarters share nothing in the lake, so that the order of their runs changes nothing in their files.
"""

from __future__ import annotations

import logging
import logging.handlers
import multiprocessing
import os
import pickle
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from poverty_assets.errors import DefectElsewhere, PovertyAssetsError

T = TypeVar("T")
LOGGER = "poverty_assets"
_LOOK_EVERY = 1.0  # seconds


def run_side_by_side(run: Callable[..., T], arguments: list[tuple[Any, ...]], workers: int) -> list[T]:
    """Call ``run`` with each tuple of arguments, ``workers`` at once; raise the first error when those that run have ended.

    Returns
    -------
    list
        What each call returned, in order.

    Parameters
    ----------
    run : callable
        Importable by name; arguments and errors can be pickled.
    """
    context = multiprocessing.get_context("spawn")
    messages = context.Queue()
    listener = logging.handlers.QueueListener(messages, _Forward())
    listener.start()
    try:
        with ProcessPoolExecutor(workers, context, _prepare, (messages, os.getpid())) as pool:
            waiting = [pool.submit(handed_over, run, *each) for each in arguments]
            done, rest = wait(waiting, return_when=FIRST_EXCEPTION)
            for future in rest:
                future.cancel()
            for future in done:
                future.result()
            returned = [future.result() for future in waiting]
    except BrokenProcessPool as error:
        # a process that ended at once may hold the queue's lock for ever, so nothing more may be asked of the queue
        messages.cancel_join_thread()
        raise PovertyAssetsError(
            "a process of this refresh was ended from outside, perhaps for want of memory; nothing was published. "
            "Try again with POVERTY_ASSETS_WORKERS=1"
        ) from error
    except BaseException:
        listener.stop()
        raise
    listener.stop()
    return returned


def handed_over(run: Callable[..., T], *arguments: Any) -> T:
    """What a call returns; an error that could not be handed to the process that waits for it is raised as one that can.

    Libraries have errors that hold on to half of what was at work, or that cannot be made from what they say. To hand one over would
    end the pool, and nobody would learn what it was.

    Raises
    ------
    Exception
        Of the call: itself, or `DefectElsewhere` in its place.
    """
    try:
        return run(*arguments)
    except Exception as error:
        if _arrives(error):
            raise
        told = "".join(traceback.format_exception(error))
    raise DefectElsewhere(told)  # out here, where it does not hold on to that error itself


def _arrives(error: Exception) -> bool:
    """Whether an error is the same on the other side."""
    try:
        there = pickle.loads(pickle.dumps(error))
    except Exception:  # whatever its library's classes raise on the way, too deep a recursion among it
        return False
    return type(there) is type(error) and str(there) == str(error)


class _Forward(logging.Handler):
    """Hands a record of another process to this one's logger."""

    def emit(self, record: logging.LogRecord) -> None:
        logging.getLogger(record.name).handle(record)


def _prepare(messages: Any, parent: int) -> None:
    """In a process of its own: report to the parent, and end when it does."""
    logger = logging.getLogger(LOGGER)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(logging.handlers.QueueHandler(messages))
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY)
    os._exit(1)
