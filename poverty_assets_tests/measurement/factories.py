"""Small surveys and measures for the tests of ``measurement``."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd

import poverty_assets
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.measure.measure import Cutoffs, Measure
from poverty_assets_tests.made_country import BETWEEN, FINEST, PUBLISHED, ROOT

CUTOFFS = Cutoffs(Fraction(1, 5), Fraction(1, 3), Fraction(1, 2))
MEASURES = Path(poverty_assets.__file__).parent / "countries" / "khm" / "measures"
AREAS = pd.DataFrame(
    [
        ("01", PUBLISHED, ROOT), ("02", PUBLISHED, ROOT),
        ("0101", BETWEEN, "01"), ("0201", BETWEEN, "02"),
        ("010101", FINEST, "0101"), ("010102", FINEST, "0101"), ("020101", FINEST, "0201"),
    ],
    columns=["area_id", "area_level", "parent_id"],
)  # fmt: skip
HIERARCHY = Hierarchy.of(AREAS, root=ROOT)
SMALLEST = ["010101", "010102", "020101"]
ORACLE_INDICATORS = ["d_cm", "d_nutr", "d_satt", "d_educ", "d_elct", "d_wtr", "d_sani", "d_hsg", "d_ckfl", "d_asst"]


def make_measure(cutoffs: Cutoffs = CUTOFFS) -> Measure:
    """Three indicators that weigh 1/2, 1/3 and 1/6."""
    return Measure.of_weights("m", {"a": Fraction(1, 2), "b": Fraction(1, 3), "c": Fraction(1, 6)}, cutoffs)


def oracle_measure(cutoffs: Cutoffs = CUTOFFS) -> Measure:
    """The measure of the synthetic survey that mpitbR ships: four sixths and six eighteenths."""
    weights = dict.fromkeys(ORACLE_INDICATORS[:4], Fraction(1, 6)) | dict.fromkeys(
        ORACLE_INDICATORS[4:], Fraction(1, 18)
    )
    return Measure.of_weights("oracle", weights, cutoffs)


def make_households(n: int = 24, seed: int = 0, missing: float = 0.0) -> pd.DataFrame:
    """Households in six PSUs of two strata and three small areas, with deprivations a, b and c."""
    rng = np.random.default_rng(seed)
    psu = np.arange(n) % 6
    frame = pd.DataFrame(
        {
            "household_id": [f"h{i}" for i in range(n)],
            "psu": psu,
            "stratum": np.where(psu < 4, "01", "02"),
            "weight": rng.uniform(0.5, 2.0, n),
            "hh_size": rng.integers(1, 9, n),
            "area_id": np.array(SMALLEST)[psu // 2],
            "is_urban": psu % 2 == 0,
            "head_sex": rng.choice(["female", "male"], n),
        }
    )
    frame["n_children"] = np.minimum(frame["hh_size"] - 1, rng.integers(0, 4, n))
    for name in "abc":
        flags = rng.integers(0, 2, n).astype(float)
        frame[name] = np.where(rng.random(n) < missing, np.nan, flags)
    return frame


def figure(table: pd.DataFrame, **key: object) -> pd.Series:
    """The one row of a table that a key names."""
    rows = table
    for column, value in key.items():
        rows = rows[np.isclose(rows[column], value)] if isinstance(value, float) else rows[rows[column] == value]
    if len(rows) != 1:
        raise LookupError(f"{len(rows)} rows for {key}")
    return rows.iloc[0]
