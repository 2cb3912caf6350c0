"""Change on one edition: earlier figures brought onto the areas of a later edition."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from poverty_assets.small_area.time.change import Apart, changes
from poverty_assets.small_area.time.on_edition import on_edition


def areas(people, **holders):
    """Finest areas with their people, in provinces, in a country."""
    rows = [
        ("X", "country", None, None),
        *((province, "province", "X", None) for province in dict.fromkeys(holders.values())),
    ]
    rows += [(code, "commune", holder, people.get(code)) for code, holder in holders.items()]
    return pd.DataFrame(rows, columns=["area_id", "area_level", "parent_id", "population"]).assign(households=None)


THEN = areas({"a": 300, "b": 100, "c": 200}, a="P", b="P", c="Q")
NOW = areas({}, a="P", b1="P", b2="Q", c="Q")
BECAME = {"b": (("b1", 0.25), ("b2", 0.75))}
POOR = {"X": 0.3, "P": 0.4, "Q": 0.1, "a": 0.5, "b": 0.1, "c": 0.1}
MPI = {"X": 0.15, "P": 0.2125, "Q": 0.025, "a": 0.25, "b": 0.1, "c": 0.025}


def draws(frame, poor, mpi):
    """Rows of ``area_draw``: two replicates a figure, of which the mean is the estimate."""
    rows = []
    for area, level in zip(frame["area_id"], frame["area_level"], strict=True):
        if area in poor:
            made = {"headcount_ratio": poor[area], "mpi": mpi[area], "intensity": mpi[area] / poor[area]}
            for name, value in made.items():
                spread = np.array([value * 0.9, value * 1.1], dtype=np.float32)
                rows.append((area, level, name, "all", 1 / 3, "composite", 50, value, spread))
    columns = ["area_id", "area_level", "statistic", "indicator_id", "k", "method", "n_households", "estimate", "draws"]
    return pd.DataFrame(rows, columns=columns)


def figure(rows, area, statistic="headcount_ratio"):
    return rows[(rows["area_id"] == area) & (rows["statistic"] == statistic)]["estimate"].item()


@pytest.fixture
def found():
    return on_edition(draws(THEN, POOR, MPI), BECAME, THEN, NOW)


def test_areas_that_stayed_keep_their_figures(found):
    assert found.made == {"b1", "b2", "P", "Q"}
    assert {area: figure(found.rows, area) for area in ("X", "a", "c")} == {"X": 0.3, "a": 0.5, "c": 0.1}


def test_parts_are_as_poor_as_the_whole_and_larger_areas_the_mean_by_people(found):
    assert figure(found.rows, "b1") == figure(found.rows, "b2") == pytest.approx(0.1)
    assert figure(found.rows, "P") == pytest.approx((300 * 0.5 + 25 * 0.1) / 325)
    assert figure(found.rows, "Q") == pytest.approx((200 * 0.1 + 75 * 0.1) / 275)
    poor = found.rows[found.rows["statistic"] == "headcount_ratio"].set_index("area_id")
    assert poor.loc["P", "draws"] == pytest.approx(figure(found.rows, "P") * np.array([0.9, 1.1]))


def test_an_intensity_is_the_ratio_of_its_shares(found):
    mpi = (300 * 0.25 + 25 * 0.1) / 325
    assert figure(found.rows, "P", "mpi") == pytest.approx(mpi)
    assert figure(found.rows, "P", "intensity") == pytest.approx(mpi / figure(found.rows, "P"))


def test_change_is_of_one_territory_and_says_which(found):
    now = draws(NOW, {**POOR, "b1": 0.1, "b2": 0.1}, {**MPI, "b1": 0.1, "b2": 0.1})
    apart = Apart(dt.date(2025, 1, 1), 0.25, True, 0.01, edition="2014", made=found.made)
    made = changes(now, found.rows, apart, measure_id="m").query("statistic == 'headcount_ratio'").set_index("area_id")
    assert made.loc[["b1", "b2"], "difference"].abs().max() < 1e-9
    assert made.loc["P", "difference"] == pytest.approx(0.4 - (300 * 0.5 + 25 * 0.1) / 325)
    assert set(made["edition"]) == {"2014"}
    assert made["quality_flag"].to_dict()["P"] == "same_survey_wave,baseline_of_other_areas"
    assert made["quality_flag"].to_dict()["a"] == "same_survey_wave"
