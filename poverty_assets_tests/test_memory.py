"""Freed memory goes back to the system."""

import ctypes
from pathlib import Path

import pytest

from poverty_assets.memory import give_back


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="the C library keeps what it has")
def test_what_is_let_go_of_goes_back_to_the_system():
    # small enough to lie on the heap; the last holds the others below it
    blocks = [b"\1" * 60_000 for _ in range(2_000)]
    del blocks[:-1]
    before = resident()
    give_back()
    assert before - resident() > 60e6
    assert blocks == [b"\1" * 60_000]
