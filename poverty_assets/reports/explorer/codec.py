"""Figures as text: an estimate with its interval in 32 bits, 32 bits in five characters.

Belongs here: the one coding that ``static/data.js`` reads back. Does not belong here: which figures are packed.

A page for 1,661 small areas and four quarters holds some 700,000 estimates with intervals. As JSON they take 17 MB. Bounds
are shown to 0.001 and are kept to 0.001; an estimate is kept to 1/15000, finer than shown so that a ranking has few
ties, and an odd fraction of 0.001 so that rounding what is kept gives what rounding the figure gives. Since a lower bound
lies at or below the estimate and an upper bound at or above it, the three together have fewer than 2^32 values.
"""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poverty_assets.errors import ContractViolation

NO_FIGURE = 2**32 - 1
WITHHELD = 2**32 - 2


@dataclass(frozen=True)
class Scale:
    """How a figure is coded: its least value, steps of 0.001 up to its greatest, and parts of a step kept.

    Parameters
    ----------
    least : float
        Least value: 0 for shares, -1 for differences.
    steps : int
        Steps of 0.001 from the least to the greatest value.
    parts : int
        Parts of a step that the estimate is kept to; odd, so that rounding twice is rounding once.
    """

    least: float
    steps: int
    parts: int

    @property
    def base(self) -> int:
        """Codes that the two bounds can have for one estimate, at most."""
        return (self.steps // 2 + 2) ** 2


SHARE = Scale(0.0, 1000, 15)
DIFFERENCE = Scale(-1.0, 2000, 1)


def pack_estimates(
    estimate: npt.NDArray[np.float64],
    low: npt.NDArray[np.float64],
    high: npt.NDArray[np.float64],
    withheld: npt.NDArray[np.bool_],
    scale: Scale = SHARE,
) -> npt.NDArray[np.uint32]:
    """One 32-bit code per figure.

    Parameters
    ----------
    estimate, low, high : ndarray, shape (n,)
        The figures and their bounds; NaN where there is none.
    withheld : ndarray of bool, shape (n,)
        Figures that are suppressed: coded as such, whatever stands in the other arrays.
    scale : Scale
        Range and resolution.

    Raises
    ------
    ContractViolation
        If a figure lies outside the scale or outside its own interval.
    """
    known = ~withheld & ~np.isnan(estimate)
    value = np.where(known, estimate, scale.least)
    code = np.rint((value - scale.least) * 1000 * scale.parts)
    step = np.floor(code / scale.parts + 0.5)
    below = _bound(low, known, scale)
    above = _bound(high, known, scale)
    _refuse_unordered(estimate, low, high, known & ((below > step) | (above < step)))
    _refuse_outside(estimate, known & ((code < 0) | (code > scale.steps * scale.parts)))
    below = np.where(np.isnan(below), step + 1, below)
    above = np.where(np.isnan(above), scale.steps + 1 - step, above - step)
    packed = code * scale.base + below * (scale.steps + 2 - step) + above
    packed = np.where(withheld, WITHHELD, np.where(known, packed, NO_FIGURE))
    return packed.astype(np.uint32)


def to_text(numbers: npt.NDArray[np.generic]) -> str:
    """Bytes of an array, big-endian, as base 85 in the alphabet of RFC 1924 with a comma for ``<`` (safe inside HTML)."""
    data = np.ascontiguousarray(numbers, dtype=numbers.dtype.newbyteorder(">")).tobytes()
    return base64.b85encode(data, pad=True).decode("ascii").replace("<", ",")


def deflated(data: bytes) -> str:
    """Bytes, deflated, as ``to_text`` writes them: the length of what is deflated as four bytes, then that, filled up with noughts."""
    packed = zlib.compress(data, 9)
    whole = len(packed).to_bytes(4, "big") + packed
    return to_text(np.frombuffer(whole + b"\0" * (-len(whole) % 4), dtype=np.uint8))


def _bound(bound: npt.NDArray[np.float64], known: npt.NDArray[np.bool_], scale: Scale) -> npt.NDArray[np.float64]:
    steps = np.clip(np.floor((bound - scale.least) * 1000 + 0.5), 0, scale.steps)
    return np.where(known, steps, np.nan)


def _refuse_outside(estimate: npt.NDArray[np.float64], wrong: npt.NDArray[np.bool_]) -> None:
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        raise ContractViolation(
            f"{int(wrong.sum())} of {wrong.size} figures lie outside their range, the first {estimate[first]:.6g}",
            remedy="mend the table in the warehouse; its gate should have stopped this",
        )


def _refuse_unordered(
    estimate: npt.NDArray[np.float64],
    low: npt.NDArray[np.float64],
    high: npt.NDArray[np.float64],
    wrong: npt.NDArray[np.bool_],
) -> None:
    if wrong.any():
        i = int(np.flatnonzero(wrong)[0])
        raise ContractViolation(
            f"{int(wrong.sum())} of {wrong.size} figures lie outside their own interval, the first"
            f" {estimate[i]:.6g} outside {low[i]:.6g} to {high[i]:.6g}",
            remedy="mend the table in the warehouse; its gate should have stopped this",
        )
