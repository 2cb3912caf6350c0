"""Official rates judge published figures, and nothing learns from them."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from poverty_assets.errors import ContractViolation, SpecificationError
from poverty_assets.evaluation import official
from poverty_assets.evaluation.official import (
    OfficialTable,
    official_scores,
    read_official,
    refuse_truth_among_columns,
    refuse_truth_among_covariates,
)
from poverty_assets.measure.measure import load_measure
from poverty_assets.pack.country import load_country
from poverty_assets.quarter import Quarter
from poverty_assets_tests.measurement.factories import MEASURES
from poverty_assets_tests.pack.test_source import make_spec
from poverty_assets_tests.worlds import FREE, PREFIXED, WORLDS, World

MEASURE = load_measure(MEASURES / "global_mpi.yaml")
COUNTRY = load_country("khm")
every_world = pytest.mark.parametrize("world", WORLDS)
DAY = {"observed_from": "2018-01-01", "observed_to": "2020-12-31"}


def figures(world: World, shares: dict[str, float], method: str = "downscaled") -> pd.DataFrame:
    """The headcount ratio to quote: of the finest areas as given, of larger ones 0.5."""
    rows = pd.DataFrame({"area_id": world.areas["area_id"]})
    rows["estimate"] = rows["area_id"].map(shares).fillna(0.5)
    rows["method"] = np.where(rows["area_id"].isin(list(shares)), method, "published")
    quoted = rows.assign(is_headline=True)
    other = rows.assign(estimate=0.9, method="modelled", is_headline=False)
    both = pd.concat([quoted, other], ignore_index=True)
    return both.assign(statistic="headcount_ratio", measure_id="global_mpi", subgroup="all", k=0.333333)


def table(rates: dict[tuple[str, int], float], name: str = "rates") -> OfficialTable:
    rows = [(code, year, rate) for (code, year), rate in rates.items()]
    return OfficialTable(name, "Rates (Office; open)", pd.DataFrame(rows, columns=["area_id", "year", "rate"]))


def score(metrics: pd.DataFrame, learner: str, metric: str) -> float:
    [value] = metrics[(metrics["learner"] == learner) & (metrics["metric"] == metric)]["value"]
    return float(value)


@every_world
def test_scores_beside_baselines_can_be_worked_out_by_hand(world):
    shares = dict(zip(world.finest, (0.1, 0.2, 0.3, 0.4, 0.5), strict=True))
    rates = {(code, 2018): share + 0.1 for code, share in shares.items()}
    made = official_scores(figures(world, shares), [table(rates)], world.dim_area, MEASURE, Quarter(2018, 4))
    assert set(made.metrics["fold_design"]) == {"official"}
    assert set(made.metrics["n"]) == {5}
    assert set(made.metrics["subgroup"]) == {"all"}
    assert score(made.metrics, "downscaled", "spearman") == pytest.approx(1)
    assert score(made.metrics, "downscaled", "spearman_within") == pytest.approx(1)
    assert "spearman_within" not in set(made.metrics.loc[made.metrics["learner"] == "published_level", "metric"])
    assert score(made.metrics, "downscaled", "rmse") == pytest.approx(0.1)
    assert score(made.metrics, "downscaled", "bias") == pytest.approx(-0.1)
    assert score(made.metrics, "published_level", "spearman") == 0  # one figure for all says nothing of their order
    assert score(made.metrics, "published_level", "rmse") == pytest.approx(
        np.sqrt(np.mean(np.square([0.3, 0.2, 0.1, 0, -0.1])))
    )
    assert score(made.metrics, "population_density", "spearman") == pytest.approx(
        -1
    )  # people grow from west to east, as rates do
    assert "rates of 2018, 5 areas of level" in made.notes["rates"]


def test_the_nearest_year_is_taken_and_codes_of_no_area_are_said():
    shares = dict(zip(PREFIXED.finest, (0.1, 0.2, 0.3, 0.4, 0.5), strict=True))
    rates = {(code, year): share for code, share in shares.items() for year in (2011, 2018, 2020)}
    rates |= {(code, 2020): 0.9 - share for code, share in shares.items()} | {("999999", 2018): 0.2}
    at = {
        year: official_scores(figures(PREFIXED, shares), [table(rates)], PREFIXED.dim_area, MEASURE, Quarter(year, 4))
        for year in (2012, 2019, 2022)
    }
    found = {year: score(made.metrics, "downscaled", "spearman") for year, made in at.items()}
    assert found == {2012: pytest.approx(1), 2019: pytest.approx(1), 2022: pytest.approx(-1)}
    assert "1 codes are of no area, first 999999" in at[2019].notes["rates"]


def test_order_within_published_areas_is_scored_apart_from_order_between_them():
    shares = dict(zip(PREFIXED.finest, (0.1, 0.2, 0.3, 0.9, 0.8), strict=True))
    reversed_within = dict(zip(PREFIXED.finest, (0.3, 0.2, 0.1, 0.8, 0.9), strict=True))
    rates = {(code, 2018): rate for code, rate in reversed_within.items()}
    metrics = official_scores(
        figures(PREFIXED, shares), [table(rates)], PREFIXED.dim_area, MEASURE, Quarter(2018, 4)
    ).metrics
    assert score(metrics, "downscaled", "spearman") == pytest.approx(0.5)
    assert score(metrics, "downscaled", "spearman_within") == pytest.approx(-1)


def test_areas_of_two_levels_are_scored_apart_and_figures_of_several_kinds_are_named_headline():
    shares = dict(zip(PREFIXED.finest, (0.1, 0.2, 0.3, 0.4, 0.5), strict=True))
    own = figures(PREFIXED, shares)
    own.loc[(own["area_id"] == PREFIXED.finest[0]) & own["is_headline"], "method"] = "composite"
    districts = {("0101", 2018): 0.1, ("0102", 2018): 0.2, ("0201", 2018): 0.3}
    rates = {(code, 2018): share for code, share in shares.items()} | districts
    metrics = official_scores(own, [table(rates)], PREFIXED.dim_area, MEASURE, Quarter(2018, 4)).metrics
    assert set(metrics["area_level"]) == {"parish", "county"}
    finest = metrics[metrics["area_level"] == PREFIXED.hierarchy.finest]
    assert set(finest["learner"]) == {"headline", "published_level", "population_density"}


def test_too_few_areas_are_not_scored_and_that_is_said():
    rates = {(code, 2018): 0.1 for code in PREFIXED.finest[:2]}
    made = official_scores(figures(PREFIXED, {}), [table(rates)], PREFIXED.dim_area, MEASURE, Quarter(2018, 4))
    assert made.metrics.empty
    assert made.notes["rates"].endswith("nothing scored")
    assert official_scores(figures(PREFIXED, {}), [], PREFIXED.dim_area, MEASURE, Quarter(2018, 4)).metrics.empty


def covariate(world: World, values: dict[str, float]) -> pd.DataFrame:
    return pd.DataFrame({"area_id": list(values), "feature_id": "wealth", "value": list(values.values())})


@every_world
@pytest.mark.parametrize("scale", [1, 100])
def test_a_covariate_that_holds_official_rates_is_refused(world, scale):
    rates = {(code, 2020): 0.05 + 0.1 * i for i, code in enumerate(world.finest)}
    values = {code: rate * scale for (code, _), rate in rates.items()}
    with pytest.raises(ContractViolation, match="wealth holds the rates of rates of 2020"):
        refuse_truth_among_covariates(covariate(world, values), [table(rates)], world.dim_area)
    others = {code: value * 1.5 for code, value in values.items()}
    refuse_truth_among_covariates(covariate(world, others), [table(rates)], world.dim_area)


def test_a_covariate_that_inherits_official_rates_from_larger_areas_is_refused():
    codes = [f"{i:02d}" for i in range(1, 7)]
    nested = [(code, "aimag", "MN", code) for code in codes]
    nested += [(f"{code}{j}", "sum", code, code) for code in codes for j in (1, 2)]
    areas = pd.DataFrame(
        [("MN", "country", None, "MN"), *nested], columns=["area_id", "area_level", "parent_id", "name_en"]
    )
    rates = {(code, 2018): 0.1 * i for i, code in enumerate(codes, start=1)}
    values = {f"{code}{j}": rate for (code, _), rate in rates.items() for j in (1, 2)}
    with pytest.raises(ContractViolation, match="wealth holds the rates"):
        refuse_truth_among_covariates(covariate(FREE, values), [table(rates)], areas)


def reading(monkeypatch: pytest.MonkeyPatch, *specs: object) -> None:
    monkeypatch.setattr(official, "load_truth_sources", lambda country, simulated: list(specs))


def test_rates_of_the_landing_folder_are_read_in_either_form(tmp_path, monkeypatch):
    (tmp_path / "wide.csv").write_text("code,y18,y20\n0101,12.5,10\n0102,,20\n")
    (tmp_path / "long.csv").write_text("code,year,rate\n0101,2018,0.125\n0101,2020,0.1\n0102,2020,0.2\n")
    code = {"area_code": {"from": "code", "type": "code", "digits": 4}}
    wide = {**code, "a": {"from": "y18", "nullable": True}, "b": {"from": "y20"}}
    long = {**code, "year": {"from": "year", "type": "integer"}, "rate": {"from": "rate"}}
    reading(
        monkeypatch,
        make_spec(role="truth", source_id="wide", path="wide.csv", columns=wide, **DAY,
                  options={"official": {"rates": {"a": 2018, "b": 2020}, "percent": True}}),
        make_spec(role="truth", source_id="long", path="long.csv", columns=long, **DAY,
                  options={"official": {"value": "rate", "year": "year"}}),
        make_spec(role="truth", source_id="gone", path="gone.csv", columns=long, **DAY,
                  options={"official": {"value": "rate", "year": "year"}}),
    )  # fmt: skip
    found = read_official(COUNTRY, tmp_path)
    one, other = (each.rates.sort_values(["area_id", "year"]).to_numpy().tolist() for each in found.tables)
    assert one == other == [["0101", 2018, 0.125], ["0101", 2020, 0.1], ["0102", 2020, 0.2]]
    assert found.absent == {"gone": "there is no gone.csv"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("area_id,year,value\n0101,2018,12.5\n", "no share of people"),
        ("area_id,year,value\n0101,x,0.5\n", "of no year"),
        ("area_id,year,value\n0101,2018,0.5\n0101,2018,0.6\n", "there twice"),
        ("area,year,value\n0101,2018,0.5\n", "column 'area_id' is missing"),
    ],
)
def test_rates_of_a_pack_that_cannot_be_used_are_refused(tmp_path, monkeypatch, text, says):
    reading(monkeypatch)
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth" / "rates.csv").write_text(text)
    pack = SimpleNamespace(folder=tmp_path)
    with pytest.raises(SpecificationError, match="whose source and licence nothing states"):
        read_official(pack, tmp_path)
    (tmp_path / "truth" / "truth.yaml").write_text(
        "- {file: rates.csv, title: R, source: Office, licence: open, url: none}\n"
    )
    with pytest.raises(ContractViolation) as caught:
        read_official(pack, tmp_path)
    assert says in caught.value.problem


def test_rates_of_a_pack_are_read(tmp_path, monkeypatch):
    reading(monkeypatch)
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth" / "rates.csv").write_text("area_id,year,value\n0101,2018,12.5\n0102,2018,\n")
    entry = "- {file: rates.csv, title: R, source: Office, licence: open, url: none, percent: true}\n"
    (tmp_path / "truth" / "truth.yaml").write_text(entry)
    [found] = read_official(SimpleNamespace(folder=tmp_path), tmp_path).tables
    assert (found.name, found.about, found.rates.to_numpy().tolist()) == (
        "rates",
        "R (Office; open)",
        [["0101", 2018, 0.125]],
    )


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"options": {}}, "official is missing"),
        ({"columns": {"rate": {"from": "rate"}}}, "there is no column 'area_code'"),
        ({"options": {"official": {"rates": {"other": 2018}}}}, "there is no column 'other'"),
        ({"options": {"official": {}}}, "rates stand in one way"),
        ({"role": "features"}, "official rates are of role truth, not features"),
        ({"features": [{"feature_id": "f", "name": "f", "unit": "u", "statistic": "column", "options": {"value": "rate"}}]},
         "official rates are for evaluation alone"),
    ],
)  # fmt: skip
def test_an_entry_of_official_rates_has_its_form(changes, says):
    columns = {"area_code": {"from": "code", "type": "code"}, "rate": {"from": "rate"}}
    plain = {"role": "truth", "columns": columns, "options": {"official": {"rates": {"rate": 2018}}}, **DAY}
    make_spec(**plain)
    with pytest.raises(ValueError, match=says):
        make_spec(**{**plain, **changes})


@pytest.mark.shared
def test_the_official_rate_among_published_columns_is_found_though_four_codes_are_crossed(shared: Path):
    folder = shared / "realdata" / "kgz"
    rates = pd.read_csv(folder / "truth" / "rayon_poverty.csv", dtype={"code": str})
    known = table({(code, 2020): rate / 100 for code, rate in zip(rates["code"], rates["poverty_2020"], strict=True)})
    records = json.loads((folder / "tables" / "kyr-admin-level-datasets.json").read_text())["DataList"]
    frame = pd.DataFrame(records).assign(code=lambda t: t["Adm2_Code"].str.removeprefix("417")).set_index("code")
    numbers = frame.select_dtypes("number")
    with pytest.raises(ContractViolation, match=r"^1 covariates are official rates .*: poverty holds"):
        refuse_truth_among_columns({name: numbers[name] for name in numbers}, [known])
    refuse_truth_among_columns({name: numbers[name] for name in numbers if name != "poverty"}, [known])
