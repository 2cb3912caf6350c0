"""Further questions of the twin's surveys: they leave all else as it is, and a framework that is data alone is measured by them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.measure.measure import load_measure, measure_files
from poverty_assets.measurement.direct_tables import profile_counts
from poverty_assets.measurement.estimates import estimate_measure
from poverty_assets.measurement.overlap import overlap_pairs
from poverty_assets.sources.surveys.canonical import read_households
from poverty_assets.twin.cambodia import surveys, world

from .conftest import COUNTRY, SEED, Twin

WAVE = "survey/2021-22"
COLUMNS = ["has_internet", "has_device", "has_literate_adult", "has_digital_skills"]
DIGITAL = ["internet", "device", "literacy", "digital_skills"]


@pytest.fixture(scope="module")
def households(small: Twin) -> pd.DataFrame:
    measure = load_measure(measure_files(COUNTRY)["digital_exclusion"])
    frame = read_households(small.landing / WAVE, measure=measure).frame
    return frame[frame["area_id"] < "05"]


@pytest.mark.slow
def test_questions_leave_every_other_answer_as_it_is(small: Twin, tmp_path: Path) -> None:
    asking = world.build((small.country_dir / "simulated.yaml").read_text(encoding="utf-8"), SEED)
    silent = replace(asking, settings=asking.settings.model_copy(update={"survey_answers": []}))
    drawn = pq.read_table(small.landing / WAVE / "households.parquet").to_pandas()
    sample = drawn.drop(columns=["household_id", *COLUMNS, *asking.settings.indicators]).assign(mask=np.uint16(0b1010))
    written = []
    for name, twin in (("asking", asking), ("silent", silent)):
        surveys.write_wave(tmp_path / name, twin, asking.settings.surveys[1], sample)
        written.append(pq.read_table(tmp_path / name / "households.parquet"))
    assert set(written[0].column_names) - set(written[1].column_names) == set(COLUMNS)
    assert written[0].drop(COLUMNS).equals(written[1])


def test_a_framework_of_data_alone_is_measured_with_overlap_against_the_ten(households: pd.DataFrame) -> None:
    measure = load_measure(measure_files(COUNTRY)["digital_exclusion"])
    root = pd.DataFrame({"area_id": ["KH"], "area_level": ["country"], "parent_id": [None]})
    areas = pd.DataFrame({"area_id": households["area_id"].unique(), "area_level": "finest", "parent_id": "KH"})
    hierarchy = Hierarchy.of(pd.concat([root, areas], ignore_index=True))
    known = households.dropna(subset=measure.indicator_ids)
    made = estimate_measure(households, measure, hierarchy, subgroups=[])
    country = made.mpi[(made.mpi["area_id"] == "KH") & (made.mpi["statistic"] == "headcount_ratio")].set_index("k")[
        "estimate"
    ]
    weight = known["weight"] * known["hh_size"]
    lacking = known[DIGITAL].sum(axis=1)
    assert country[0.333333] == pytest.approx(np.average(lacking >= 2, weights=weight))
    assert 0.1 < country[0.333333] < 0.6
    shares = made.contribution[(made.contribution["area_id"] == "KH") & np.isclose(made.contribution["k"], 0.333333)]
    of_ten = ~shares["indicator_id"].isin(DIGITAL)
    assert (shares.loc[of_ten, "share"].abs().max(), shares.loc[~of_ten, "share"].sum()) == (0, pytest.approx(1))
    counts, cells = profile_counts(households, measure, hierarchy)
    assert 1 << 10 < counts.masks.max() < 1 << 14
    pairs = overlap_pairs(counts, cells, measure)
    beside = pairs[
        (pairs["area_id"] == "KH")
        & (pairs["subgroup"] == "all")
        & (pairs["indicator_a"] == "electricity")
        & (pairs["indicator_b"] == "internet")
    ]
    both = np.average(known["electricity"] * known["internet"], weights=weight)
    assert beside["share_both"].item() == pytest.approx(both)
    assert beside["lift"].item() > 1
