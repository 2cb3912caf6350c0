"""Arrays of the page in two blocks: those of its first view, which are read at once, and the rest, which are read after it.

Belongs here: which array lies where, and the arrays of a block as bytes. Does not belong here: what the arrays hold (``figures``,
``sureness``), or how bytes are written into HTML (``codec``).

A block is its arrays one after the other, little-endian, each from a multiple of four bytes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[Any]]
FIRST, REST = "first", "rest"


def in_blocks(arrays: Mapping[str, npt.NDArray[Any]], first: frozenset[str]) -> dict[str, Any]:
    """Arrays by block.

    Parameters
    ----------
    arrays : mapping
        By name, which the page looks them up by.
    first : frozenset of str
        Names of those that the first view needs.

    Returns
    -------
    dict
        ``arrays``: block -> ``[name, type, length]`` of each array in its order; ``blocks``: block -> its bytes.
    """
    held: dict[str, Arrays] = {FIRST: {}, REST: {}}
    for name, array in arrays.items():
        held[FIRST if name in first else REST][name] = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return {
        "arrays": {
            block: [[name, array.dtype.str[1:], array.size] for name, array in part.items()]
            for block, part in held.items()
        },
        "blocks": {block: b"".join(_aligned(array) for array in part.values()) for block, part in held.items()},
    }


def once(name: str, by_quarter: list[npt.NDArray[Any] | None]) -> tuple[Arrays, list[int | None]]:
    """One array a quarter under ``<name>@<quarter>``, and for each quarter the number of the one that has its content; None without."""
    kept: Arrays = {}
    places: list[int | None] = []
    for quarter, array in enumerate(by_quarter):
        earlier = (
            place
            for place in places
            if place is not None and array is not None and np.array_equal(kept[f"{name}@{place}"], array)
        )
        place = None if array is None else next(earlier, quarter)
        places.append(place)
        if place == quarter and array is not None:
            kept[f"{name}@{quarter}"] = array
    return kept, places


def _aligned(array: npt.NDArray[Any]) -> bytes:
    data = array.tobytes()
    return data + b"\0" * (-len(data) % 4)
