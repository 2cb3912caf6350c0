"""What the UI shows of scores."""

import datetime as dt

import pandas as pd

from poverty_assets.graph.assets.describe import scores_table

NOW, BEFORE = dt.date(2022, 1, 1), dt.date(2021, 10, 1)


def test_scores_over_all_areas_and_of_the_latest_prediction_are_shown_each_kind_by_its_own_latest():
    rows = pd.DataFrame(
        [
            ("nowcast", "a", "nowcast", "", "next_wave", "town", "all", NOW, "rmse", 0.25),
            ("nowcast", "a", "nowcast", "", "next_wave", "town", "all", BEFORE, "rmse", 0.75),
            ("truth", "a", "modelled", "", "truth", "town", "all", BEFORE, "rmse", 0.125),
            ("truth", "a", "modelled", "", "truth", "town", "is_urban=true", BEFORE, "rmse", 0.5),
        ],
        columns=[
            "target_kind",
            "target",
            "learner",
            "feature",
            "fold_design",
            "area_level",
            "subgroup",
            "as_of_quarter",
            "metric",
            "value",
        ],
    )
    shown = scores_table(rows).md_str.splitlines()
    assert shown[2:] == [
        "| nowcast | a | next_wave | town | nowcast |  | 0.250 |",
        "| truth | a | truth | town | modelled |  | 0.125 |",
    ]
