"""Memory that this process was given and has no use for.

Belongs here: handing it back to the system. Does not belong here: what is held, or for how long; whoever holds it lets go first.

A C library keeps what was freed for whoever asks next, in an arena of each thread that ever asked: after models were fitted in threads of
their own that was a third of what a process took for the rest of its life.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys


def give_back() -> None:
    """Hand freed memory back to the system, where its C library can; values and results are as before."""
    if "pyarrow" in sys.modules:
        import pyarrow as pa

        pa.default_memory_pool().release_unused()
    with contextlib.suppress(AttributeError, OSError, TypeError):  # only the GNU library has it
        ctypes.CDLL(None).malloc_trim(0)
