"""Questions asked side by side, none of which can keep the others.

Belongs here: asking them at once, and going on without those that are not answered in time. Does not belong here: what is asked.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def answered(questions: Sequence[Callable[[], T]], within: float) -> Iterator[tuple[int, T]]:
    """Answers as they come, each with the number of its question; those that take longer than so many seconds are not among them.

    Each question has a thread of its own, which ends with the process: one that hangs in the network cannot be stopped.

    Raises
    ------
    Exception
        What a question raised.

    Examples
    --------
    >>> sorted(answered([lambda: "a", lambda: "b"], within=10))
    [(0, 'a'), (1, 'b')]
    """
    came: queue.SimpleQueue[tuple[int, T | None, BaseException | None]] = queue.SimpleQueue()

    def ask(number: int, question: Callable[[], T]) -> None:
        try:
            came.put((number, question(), None))
        except BaseException as error:  # raised again where somebody waits for it
            came.put((number, None, error))

    for number, question in enumerate(questions):
        threading.Thread(target=ask, args=(number, question), daemon=True).start()
    until = time.monotonic() + within
    for _ in questions:
        try:
            number, answer, error = came.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            return
        if error is not None:
            raise error
        yield number, answer  # type: ignore[misc]
