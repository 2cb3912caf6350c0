"""Small surveys for the tests of masks, overlap, bundles and classes."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pandas as pd

from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.measure.measure import Cutoffs, Dimension, Measure
from poverty_assets_tests.made_country import BETWEEN, FINEST, PUBLISHED, ROOT

INDICATORS = ["fuel", "water", "school"]
AREAS = pd.DataFrame(
    {
        "area_id": ["01", "02", "0101", "0102", "0201", "010101", "010102", "010201", "020101"],
        "area_level": [PUBLISHED] * 2 + [BETWEEN] * 3 + [FINEST] * 4,
        "parent_id": [ROOT, ROOT, "01", "01", "02", "0101", "0101", "0102", "0201"],
    }
)
HIERARCHY = Hierarchy.of(AREAS, root=ROOT)
SMALLEST = ["010101", "010102", "010201", "020101"]
CUTOFFS = Cutoffs(Fraction(1, 5), Fraction(1, 3), Fraction(1, 2))


def make_measure(indicators: list[str] = INDICATORS, dimensions: list[str] | None = None) -> Measure:
    """Equal weights; the dimension of each indicator in order."""
    measure = Measure.of_weights("test", {name: Fraction(1, len(indicators)) for name in indicators}, CUTOFFS)
    if dimensions is None:
        return measure
    return replace(
        measure,
        dimensions=tuple(Dimension(name, {"en": name}) for name in dict.fromkeys(dimensions)),
        indicators=tuple(replace(i, dimension_id=d) for i, d in zip(measure.indicators, dimensions, strict=True)),
    )


def make_households(profiles: list[str], **columns: object) -> pd.DataFrame:
    """One household a profile, as "101" for deprived in the first and third indicator and "1?0" for one not known."""
    rows = [[np.nan if mark == "?" else float(mark) for mark in profile] for profile in profiles]
    frame = pd.DataFrame(rows, columns=INDICATORS[: len(profiles[0])])
    frame = frame.assign(psu=range(len(frame)), stratum=1, weight=1.0, hh_size=1, area_id="010101")
    return frame.assign(**columns)


def make_survey(n: int = 400, seed: int = 0, n_psus: int = 40, indicators: list[str] = INDICATORS) -> pd.DataFrame:
    """Correlated deprivations in clusters, four small areas, two strata, some unknown."""
    rng = np.random.default_rng(seed)
    psu = rng.integers(0, n_psus, n)
    hardship = rng.normal(size=n) + rng.normal(size=n_psus)[psu]
    frame = pd.DataFrame(
        {name: (hardship + rng.normal(size=n) > j / 2).astype(float) for j, name in enumerate(indicators)}
    )
    frame.loc[rng.random(n) < 0.05, indicators[0]] = np.nan
    size = rng.integers(1, 8, n)
    return frame.assign(
        psu=psu,
        stratum=psu % 2,
        weight=rng.uniform(0.5, 2, n),
        hh_size=size,
        n_children=np.minimum(rng.integers(0, 4, n), size),
        area_id=np.array(SMALLEST)[psu % 4],
        is_urban=psu % 3 == 0,
    )
