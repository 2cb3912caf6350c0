"""What a page of the explorer carries: its figures, deflated and written as text."""

import base64
import re
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np


def data_of(page: str, block: str = "data") -> str:
    """The text of one of its blocks of text."""
    return bytes_of(page, block).decode()


def bytes_of(page: str, block: str) -> bytes:
    """A block, which lies in several elements."""
    text = "".join(re.findall(rf'<script type="text/plain" data-block="{block}">(.*?)</script>', page, re.DOTALL))
    raw = base64.b85decode(text.replace(",", "<"))
    return zlib.decompress(raw[4 : 4 + int.from_bytes(raw[:4], "big")])


def arrays_of(told: Mapping[str, Any], blocks: Mapping[str, bytes]) -> dict[str, np.ndarray]:
    """Arrays of the blocks by name, as the page reads them."""
    found = {}
    for block, listed in told.items():
        at = 0
        for name, kind, size in listed:
            found[name] = np.frombuffer(blocks[block], dtype=f"<{kind}", count=size, offset=at)
            at += -(-found[name].nbytes // 4) * 4
    return found
