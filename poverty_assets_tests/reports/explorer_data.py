"""What a page of the explorer carries: its figures, deflated and written as text."""

import base64
import re
import zlib


def data_of(page: str, block: str = "data") -> str:
    """The text of one of its blocks."""
    text = re.search(rf'<script type="text/plain" id="{block}">(.*?)</script>', page, re.DOTALL).group(1)
    raw = base64.b85decode(text.replace(",", "<"))
    return zlib.decompress(raw[4 : 4 + int.from_bytes(raw[:4], "big")]).decode()
