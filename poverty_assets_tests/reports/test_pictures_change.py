"""Pictures of change, skill and drift: they are drawn from rows as published, and same rows give same bytes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from poverty_assets.reports.pictures.change import change_map, nowcast_skill_bars, stability_bars
from poverty_assets_tests.vulnerability.factories import make_areas

CODES = ["010101", "010102", "010103", "010104"]
AREAS = make_areas(CODES)
CHANGE = pd.DataFrame(
    {
        "area_id": CODES[:3],
        "difference": [0.05, -0.08, 0.01],
        "is_significant": [True, True, False],
    }
)
METRICS = pd.DataFrame(
    [
        ("a", "nowcast", "skill_against_persistence", 0.1),
        ("a", "trend", "skill_against_persistence", -0.1),
        ("all", "nowcast", "skill_against_persistence", 0.05),
        ("all", "nowcast", "skill_against_persistence_se", 0.02),
        ("all", "trend", "skill_against_persistence", -0.05),
    ],
    columns=["target", "learner", "metric", "value"],
)
STABLE = pd.DataFrame(
    {
        "feature_id": ["gone", "rain", "lights", "roads"],
        "psi": [np.nan, 3.0, 0.3, 0.0],
        "reference": ["training", "other_season", "training", "training"],
        "followed": [True, False, True, True],
        "moved": [True, False, True, False],
        "drifted": [True, False, True, False],
    }
)
PICTURES = {
    "map": lambda simulated: change_map(CHANGE, AREAS, "Headcount ratio", simulated),
    "map of nothing": lambda simulated: change_map(CHANGE.iloc[:0], AREAS, "Headcount ratio", simulated),
    "skill": lambda simulated: nowcast_skill_bars(METRICS, {"a": "Fuel"}, "Skill", simulated),
    "skill without trend": lambda simulated: nowcast_skill_bars(
        METRICS.query("learner == 'nowcast'"), {}, "Skill", simulated
    ),
    "stability": lambda simulated: stability_bars(STABLE, {}, "Drift", simulated),
}


@pytest.mark.parametrize("name", PICTURES)
def test_same_rows_give_the_same_picture_and_simulated_data_are_marked(name: str) -> None:
    draw = PICTURES[name]
    png = draw(True)
    assert png.startswith(b"\x89PNG")
    assert png == draw(True)
    assert png != draw(False)
