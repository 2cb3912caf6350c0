"""Screening: counts that can be checked in the head, and the verdicts that follow."""

from __future__ import annotations

import numpy as np
import pandas as pd

from poverty_assets.catalog import table
from poverty_assets.measurement.screening import screen
from poverty_assets_tests.measurement.factories import make_measure

MEASURE = make_measure()
N = 200


def areas() -> pd.DataFrame:
    """A country of twenty provinces of ten communes."""
    provinces = [f"{p:02d}" for p in range(20)]
    rows = [("X", "country", None)] + [(p, "province", "X") for p in provinces]
    rows += [(f"{p}{c:02d}", "commune", p) for p in provinces for c in range(10)]
    return pd.DataFrame(rows, columns=["area_id", "area_level", "parent_id"])


def households(sampled: int, clusters: int = 2) -> pd.DataFrame:
    """So many clusters of two households in each of the first communes; nobody of the first one answered c."""
    codes = areas().query("area_level == 'commune'")["area_id"].tolist()[:sampled]
    rows = [
        (code, f"{code}-{p}", 0.0, 0.0, np.nan if code == "0000" else 1.0)
        for code in codes
        for p in range(clusters)
        for _ in "hh"
    ]
    return pd.DataFrame(rows, columns=["area_id", "psu", "a", "b", "c"])


def published(n: int) -> pd.DataFrame:
    rows = [(f"{p:02d}", "province", one, 0.2) for p in range(n) for one in "abc"]
    return pd.DataFrame(rows, columns=["area_id", "area_level", "indicator_id", "estimate"])


def verdicts(rows: pd.DataFrame, indicator: str = "all") -> dict[tuple[str, str], str]:
    own = rows[rows["indicator_id"] == indicator]
    return dict(zip(zip(own["area_level"], own["method"], strict=True), own["verdict"], strict=True))


def test_shares_count_areas_without_data_and_with_one_cluster() -> None:
    rows = screen(pd.concat([households(50), households(80, 1)]), published(0), areas(), MEASURE)
    one = rows.set_index(["area_level", "indicator_id", "method"])
    assert one.loc[("commune", "a", "direct"), ["n_areas", "share_without_data", "share_few_clusters"]].tolist() == [
        200,
        0.6,
        0.15,
    ]
    assert one.loc[("commune", "c", "direct"), "share_without_data"] == 121 / 200
    assert one.loc[("province", "a", "direct"), "share_without_data"] == 12 / 20
    assert set(rows.columns) == {c.name for c in table("screening").lake_columns}


def test_a_survey_of_half_the_communes_bears_models_and_not_their_own_figures() -> None:
    found = verdicts(screen(households(110), published(0), areas(), MEASURE))
    assert found[("commune", "direct")] == "advised against"
    assert found[("country", "direct")] == "fine"
    assert found[("commune", "modelled")] == "fine"
    assert verdicts(screen(households(90), published(0), areas(), MEASURE))[("commune", "direct")] == "refused"
    assert (
        verdicts(screen(households(90), published(0), areas(), MEASURE))[("commune", "modelled")] == "advised against"
    )
    assert verdicts(screen(households(20), published(0), areas(), MEASURE))[("commune", "modelled")] == "refused"


def test_without_a_survey_only_downscaling_is_left_and_needs_totals() -> None:
    none = households(0)
    for n, verdict in ((20, "fine"), (10, "advised against"), (4, "refused")):
        found = verdicts(screen(none, published(n), areas(), MEASURE))
        assert found[("commune", "downscaled")] == verdict
        assert {found[(level, method)] for level in ("country", "commune") for method in ("direct", "modelled")} == {
            "refused"
        }
    assert ("province", "downscaled") not in found
