"""What the UI shows of scores."""

import datetime as dt

import pandas as pd

from poverty_assets.graph.assets.describe import scores_table

NOW, BEFORE = dt.date(2022, 1, 1), dt.date(2021, 10, 1)


def test_scores_over_all_areas_and_of_the_latest_prediction_are_shown_each_kind_by_its_own_latest():
    rows = pd.DataFrame(
        [
            ("nowcast", "a", "nowcast", "next_wave", "all", NOW, "rmse", 0.25),
            ("nowcast", "a", "nowcast", "next_wave", "all", BEFORE, "rmse", 0.75),
            ("truth", "a", "modelled", "truth", "all", BEFORE, "rmse", 0.125),
            ("truth", "a", "modelled", "truth", "is_urban=true", BEFORE, "rmse", 0.5),
        ],
        columns=["target_kind", "target", "learner", "fold_design", "subgroup", "as_of_quarter", "metric", "value"],
    )
    shown = scores_table(rows).md_str.splitlines()
    assert shown[2:] == ["| nowcast | a | next_wave | nowcast | 0.250 |", "| truth | a | truth | modelled | 0.125 |"]
