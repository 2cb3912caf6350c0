"""A landed survey with small cells put in on purpose: whom an attacker would look for.

Belongs here: making its files. Does not belong here: what an attacker finds (``attacker``), registers (``landing.list_few``).

Areas of one to four interviewed households, one household alone of its sex in an area, sets of deprivations that one to four households
hold, all in one area.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from poverty_assets_tests.sources.surveys.as_mics import write_mics
from poverty_assets_tests.sources.surveys.families import INDICATORS, fitting, made

RARE = {1: 0b1000000001, 2: 0b0100000010, 3: 0b0010000101, 4: 0b1111111111}
"""Sets of deprivations, by the households that hold them."""
_COMMON = (0, 0, 0, 0b0000110000, 0b0001110000, 0b0000110100, 0b1001110100, 0b0011110101)
_EACH = 40  # households of an area that is large


def survey(codes: Sequence[str], also: tuple[int, int] = (4, 7)) -> pd.DataFrame:
    """Households of some areas, in canonical form: the first four with one to four, the others with about forty each. Three in
    ten differ from a common set in one deprivation, from the first of ``also`` to before the second."""
    rng = np.random.default_rng(14)
    frame = made(_EACH * (len(codes) - 4), codes[4:])
    for few in range(1, 5):  # of whole areas
        frame.loc[frame.index[frame["area_id"] == codes[-1]][:few], "area_id"] = codes[few - 1]
    masks = rng.choice(_COMMON, len(frame)) ^ (1 << rng.integers(*also, len(frame))) * (rng.random(len(frame)) < 0.3)
    masks[np.isin(masks, list(RARE.values()))] = 0
    large = np.flatnonzero(frame["area_id"] == codes[4])
    frame.loc[large, "head_sex"] = ["female"] + ["male"] * (len(large) - 1)
    for number, mask in RARE.items():
        masks[large[3 * number :][:number]] = mask
    for bit, name in enumerate(INDICATORS):
        frame[name] = (masks >> bit & 1).astype(float)
    return fitting(frame)


def land(folder: Path, codes: Sequence[str], also: tuple[int, int] = (4, 7)) -> Path:
    """Files of such a survey of some areas."""
    folder.mkdir(parents=True)
    return write_mics(folder, survey(codes, also), np.random.default_rng(3))
