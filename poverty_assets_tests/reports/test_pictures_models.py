"""Pictures of models are drawn for what there is to show."""

import pandas as pd

from poverty_assets.quarter import Quarter
from poverty_assets.reports.pictures.models import drift_plot, margin_plots
from poverty_assets_tests.measurement.factories import make_measure

PNG = b"\x89PNG"


def judged(*labels: str) -> pd.DataFrame:
    rows = [
        (
            "nowcast",
            target,
            "nowcast",
            level,
            "all",
            Quarter.from_label(label).start,
            f"skill_against_persistence{se}",
            0.1,
        )
        for target, level in (("all", "all"), ("a", "town"), ("a", "region"))
        for se in ("", "_se")
        for label in ("2019Q3", *labels)
        if not se or target == "all"
    ]
    rows.append(("margin", "a", "kernel", "town", "all", Quarter.from_label("2019Q3").start, "rmse", 0.1))
    return pd.DataFrame(
        rows, columns=["target_kind", "target", "learner", "area_level", "subgroup", "as_of_quarter", "metric", "value"]
    )


def test_the_quarters_between_two_waves_are_drawn_when_they_were_judged():
    plain = margin_plots(judged(), pd.DataFrame(), make_measure(), True)
    whole = margin_plots(judged("2019Q1", "2019Q2"), pd.DataFrame(), make_measure(), True)
    assert set(whole) - set(plain) == {"Skill by the quarter that was nowcast"}
    assert all(picture.png.startswith(PNG) for picture in whole.values())


def test_without_a_wave_there_is_nothing_to_draw():
    assert drift_plot(pd.DataFrame(columns=["feature_id", "psi", "drifted"]), True) is None
    assert margin_plots(pd.DataFrame(columns=["target"]), pd.DataFrame(), make_measure(), True) == {}
