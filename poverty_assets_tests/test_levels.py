"""Models know levels by role: a country of two levels below it, and one of four, through registers, small areas and vulnerability.

Both have the areas of the finest level of `small_area.test_chain`, and the same ones of the published level.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.pack.country import load_country
from poverty_assets.quarter import Quarter
from poverty_assets.registers.quarter_models import RegisterModels, RegisterTables, fit_registers
from poverty_assets.small_area.estimate import Estimated, estimate_quarter
from poverty_assets.small_area.inputs import Wave, place_of
from poverty_assets.small_area.margins.saved import run_rows
from poverty_assets.small_area.wanted import Options
from poverty_assets.vulnerability.quarter_tables import vulnerability_tables
from poverty_assets.vulnerability.register_audit import AuditTables, audit_rows
from poverty_assets_tests.small_area.test_chain import make_country
from poverty_assets_tests.small_area.test_estimate import long, make_inputs
from poverty_assets_tests.vulnerability import test_quarter_tables as threats
from poverty_assets_tests.vulnerability import test_register_audit as audits
from poverty_assets_tests.vulnerability.factories import MEASURE, make_draws

COUNTRY = load_country("khm")
FRAME, CODES, MARGINS, X = make_country()
QUARTER = Quarter.from_label("2022Q1")
LEVELS = {"two": ("region", "town"), "four": ("land", "county", "town", "ward")}
shapes = pytest.mark.parametrize("shape", LEVELS)


def shaped(codes: list[str], shape: str) -> pd.DataFrame:
    """``dim_area``: the published level by two digits of the codes; those between, where there are any, by four and five."""
    digits = dict(zip(LEVELS[shape], (2, 6) if shape == "two" else (2, 4, 5, 6), strict=True))
    rows: list[tuple[str, str, str | None]] = [("X", "country", None)]
    above = 0
    for level, length in digits.items():
        rows += [(c, level, c[:above] or "X") for c in sorted({code[:length] for code in codes})]
        above = length
    areas = pd.DataFrame(rows, columns=["area_id", "area_level", "parent_id"])
    at = pd.Index(codes).get_indexer(areas["area_id"])  # the same places in both shapes
    return areas.assign(
        is_urban=False, population=2_000.0, households=500.0, area_km2=10.0,
        centroid_lon=103 + at % 12 * 0.4, centroid_lat=10.5 + at // 12 * 0.3,
    )  # fmt: skip


@cache
def estimated(shape: str) -> Estimated:
    """Estimates of a quarter in which a second wave comes, so that the nowcast from the first is judged."""
    day = dt.date(2022, 3, 31)
    waves = [Wave("one", FRAME, dt.date(2018, 2, 1)), Wave("two", FRAME, dt.date(2022, 2, 1))]
    times = [(2018, "one", X), (2022, "two", X + 0.1)]
    then = pd.concat(
        [
            long(
                CODES,
                values,
                wave=wave,
                time_kind="wave",
                at_quarter=dt.date(year, 1, 1),
                register_id="",
                observed_on=day,
            )
            for year, wave, values in times
        ]
    )
    inputs = make_inputs(CODES, long(CODES, X, observed_on=day), then, waves, QUARTER)
    return estimate_quarter(replace(inputs, areas=shaped(CODES, shape)), options=Options(20))


@cache
def modelled(shape: str, folder: str) -> RegisterModels:
    rate = np.clip(0.1 + 0.05 * X, 0.01, 0.5)
    counts = pd.DataFrame({"register_id": "r", "area_id": CODES, "households": 500, "listed": np.round(500 * rate)})
    none = pd.DataFrame({"register_id": [], "area_id": [], "rate": []})
    tables = RegisterTables(long(CODES, X), counts, none, shaped(CODES, shape), COUNTRY)
    return fit_registers(tables, Path(folder), QUARTER)


@pytest.mark.slow
@shapes
def test_every_area_of_every_level_has_figures_that_are_means_of_its_parts(shape):
    made, hierarchy = estimated(shape), Hierarchy.of(shaped(CODES, shape))
    rows = made.tables.headcount.query("kind == 'uncensored' and indicator_id == 'a'").set_index("area_id")
    assert set(rows.index) == set(hierarchy.ids)
    assert set(rows["area_level"]) == {"country", *LEVELS[shape]}
    finest = rows.loc[CODES, "estimate"].astype(float)
    for code, row in rows.iterrows():
        inside = [one for one in CODES if code in hierarchy.line(one)]
        assert row["estimate"] == pytest.approx(finest[inside].mean(), abs=1e-9)


@shapes
def test_scores_name_the_level_of_the_areas_and_folds_that_of_the_published(shape):
    published, *_, finest = LEVELS[shape]
    metrics = estimated(shape).metrics
    margins, nowcast = (metrics[metrics["target_kind"] == kind] for kind in ("margin", "nowcast"))
    assert set(margins["fold_design"]) == {"random", "block50km", f"leave_{published}_out"}
    assert set(margins["area_level"]) == {finest}
    assert set(nowcast["area_level"]) == {finest, published, "all"}
    g = nowcast[nowcast["area_level"] == published]["n"]
    assert set(g) == {len({code[:2] for code in CODES})}
    fitted = estimated(shape).fitted
    assert fitted is not None
    assert run_rows(fitted, "x")["chosen_by"].str.endswith(f"log loss under block50km and leave_{published}_out").all()


def test_levels_between_are_a_part_of_the_model_and_move_figures_of_other_levels_by_less_than_their_errors():
    two, four = (
        estimated(shape).tables.mpi.query("statistic == 'mpi' and k == 0.5").set_index("area_id") for shape in LEVELS
    )
    shared = [*CODES, *sorted({code[:2] for code in CODES}), "X"]
    away = (four["estimate"] - two["estimate"])[shared].abs().astype(float)
    assert away[CODES].max() > 0
    assert (away / two["se"][shared].astype(float)).max() < 1
    assert away["X"] < 1e-6


@pytest.mark.slow
@shapes
def test_registers_are_modelled_and_judged_by_role(shape, tmp_path_factory):
    published, *_, finest = LEVELS[shape]
    made = modelled(shape, str(tmp_path_factory.getbasetemp() / f"models_{shape}"))
    assert made.predictions["area_id"].tolist() == CODES
    assert set(made.metrics["area_level"]) == {finest}
    assert f"leave_{published}_out" in set(made.metrics["fold_design"])
    assert {"published_mean", "nearest_area"} <= set(made.metrics["learner"])
    assert np.isfinite(made.predictions["modelled_rate"]).all()


@shapes
def test_exposure_and_the_registers_audit_go_up_to_the_country(shape):
    areas = shaped(threats.CODES, shape)
    draws = make_draws(threats.CODES, threats.FIGURES).assign(area_level=LEVELS[shape][-1])
    hazard = vulnerability_tables(areas, draws, threats.EXPOSED, [threats.make_shock()], MEASURE, COUNTRY).hazard
    assert set(hazard["area_level"]) == {"country", *LEVELS[shape]}
    assert set(hazard["area_id"]) == set(areas["area_id"])
    counts = pd.DataFrame({"register_id": "list", "area_id": audits.CODES, "households": 100, "listed": [10, 20, 30]})
    register = counts[["register_id", "area_id"]].assign(suppressed=False)
    poor = make_draws(audits.CODES, {"headcount_ratio": [0.5, 0.3, 0.1]}).assign(area_level=LEVELS[shape][-1])
    place = place_of(shaped(audits.CODES, shape), COUNTRY)
    rows = audit_rows(AuditTables(counts, register, poor, audits.NO_SURVEY), place, audits.TARGETING, MEASURE)
    ranked = rows.dropna(subset="rank")
    assert set(rows["area_id"]) == set(place.areas["area_id"])
    assert set(ranked["area_id"]) == set(audits.CODES)
    assert set(ranked["area_level"]) == {LEVELS[shape][-1]}
