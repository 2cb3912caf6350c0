"""Where the lines of a text end, and which letters fit.

Belongs here: breaking text at the places where its language allows it, which ICU knows also where no spaces stand between words. Does not
belong here: drawing a line.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path


def wrapped(text: str, width: float, measure: Callable[[str], float], language: str) -> list[str]:
    """The lines of a text.

    Parameters
    ----------
    text : str
    width : float
        What a line may take, in the unit of ``measure``. A part that is wider by itself has a line of its own.
    measure : callable
        Width of a part of a line; a line is as wide as its parts.
    language : str
        ISO 639 code.

    Examples
    --------
    >>> wrapped("one two three", 8, len, "en")
    ['one two', 'three']
    """
    from icu4py.breakers import LineBreaker

    lines, filled = [""], 0.0
    for part in LineBreaker(text, language):
        if lines[-1] and filled + measure(part.rstrip()) > width:
            lines.append("")
            filled = 0.0
        lines[-1] += part
        filled += measure(part)
    return [line.strip() for line in lines]


@functools.cache
def measure_of(font: Path, size: float) -> Callable[[str], float]:
    """Width of texts in a font, in the unit of the size, their letters joined as they are drawn.

    A file of a font is taken to stay as it is.
    """
    from PIL import ImageFont

    opened = ImageFont.truetype(str(font), 100, layout_engine=ImageFont.Layout.RAQM)

    @functools.lru_cache(4096)
    def measured(text: str) -> float:
        return float(opened.getlength(text)) * size / 100

    return measured
