import datetime as dt
from pathlib import Path

import pandas as pd
import pytest
from pydantic import TypeAdapter, ValidationError

from poverty_assets.errors import NotObserved
from poverty_assets.pack.as_of import release
from poverty_assets.pack.source import AnySource, covariates
from poverty_assets.quarter import Quarter

TEXT = {"title": "t", "description": "d", "publisher": "p", "licence": "l", "url": "u", "obtain": "o"}


def make_spec(**changes):
    """A source: a csv file of one column, or as the changes say."""
    plain = {"source_id": "s", "role": "features", "reader": "csv", "path": "s.csv", **TEXT}
    if changes.get("reader", "csv") == "csv":
        plain["columns"] = {"x": {"from": "x"}}
    return TypeAdapter(AnySource).validate_python({**plain, **changes})


def test_a_quarter_sees_only_what_was_observed_by_its_end():
    spec = make_spec(observed_from=dt.date(2022, 1, 1), observed_to=dt.date(2022, 3, 31))
    assert release(spec, Quarter(2022, 1), Path("x")).path == Path("x/s.csv")
    with pytest.raises(NotObserved, match="2022-03-31"):
        release(spec, Quarter(2021, 4), Path("x"))


def test_a_reference_serves_every_quarter():
    spec = make_spec(observed_from=dt.date(2022, 1, 1), observed_to=dt.date(2022, 3, 31), reference=True)
    assert release(spec, Quarter(2010, 1), Path("x")).observed_to == dt.date(2022, 3, 31)


@pytest.mark.parametrize(
    ("quarter", "year"), [(Quarter(2022, 4), 2022), (Quarter(2022, 3), 2021), (Quarter(2023, 1), 2022)]
)
def test_a_yearly_source_gives_the_last_year_observed_in_full(quarter, year):
    found = release(make_spec(path="s_{year}.csv", cadence="year"), quarter, Path("x"))
    assert found.path.name == f"s_{year}.csv"
    assert found.observed_to <= quarter.end


def test_a_quarterly_source_gives_the_quarters_own_file():
    found = release(make_spec(path="s_{label}.tif", cadence="quarter"), Quarter(2022, 3), Path("x"))
    assert (found.path.name, found.observed_to) == ("s_2022Q3.tif", dt.date(2022, 9, 30))


def test_a_source_is_not_seen_before_it_begins():
    spec = make_spec(path="s_{year}.csv", cadence="year", observed_from=dt.date(2020, 1, 1))
    with pytest.raises(NotObserved, match="begins on 2020-01-01"):
        release(spec, Quarter(2020, 2), Path("x"))


@pytest.mark.parametrize("wrong", [{}, {"cadence": "year"}, {"cadence": "quarter", "path": "s_{year}.csv"}])
def test_an_entry_that_does_not_state_its_period_is_refused(wrong):
    with pytest.raises(ValidationError):
        make_spec(**wrong)


def test_models_learn_from_no_feature_that_is_only_shown():
    entries = [{"feature_id": f, "name": f, "unit": "count", "statistic": "sum", "covariate": f == "b"} for f in "ab"]
    spec = make_spec(reader="geotiff", path="s_{year}.tif", cadence="year", features=entries)
    table = pd.DataFrame({"feature_id": ["a", "b", "c"], "value": [1.0, 2.0, 3.0]})
    assert covariates(table, [spec])["feature_id"].tolist() == ["b", "c"]


COLUMN = {"feature_id": "f", "name": "n", "unit": "u", "statistic": "column"}
ONCE = {"observed_from": "2022-01-01", "observed_to": "2022-01-01"}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"role": "register"}, "register_id is missing"),
        ({"role": "register", "reader": "geotiff"}, "reader geotiff gives nothing for role register"),
        ({"role": "survey"}, "reader csv gives nothing for role survey"),
        ({"reader": "survey", "role": "survey", "options": {"key": "k"}}, "unknown key 'key'"),
        ({"reader": "geotiff", "columns": {"x": {"from": "x"}}}, "unknown key 'columns'"),
        ({"reader": "geotiff", "features": [COLUMN]}, "does not match any of the expected tags: 'mean', 'sum'"),
        ({"reader": "geojson", "features": [COLUMN | {"options": {"value": "x"}}]}, "'column' found using 'statistic'"),
        ({"reader": "geojson", "options": {"codes_from": "c"}}, "codes_from is of the boundaries of areas"),
        ({"key": ["y"]}, "there is no column 'y'"),
        ({"options": {"area_attributes": {"is_urban": "x"}}}, "is_urban and urban_value go together"),
        ({"features": [COLUMN | {"options": {"value": "x", "combine": "sum", "per": "y"}}]}, "a ratio of sums is no sum"),
        ({"features": [COLUMN | {"options": {"value": "x", "per": "x", "weight": "x"}}]}, "weight is of a mean"),
        ({"features": [COLUMN]}, "options"),
        ({"features": [COLUMN | {"options": {"value": "x"}}], "options": {"points": ["x", "x"]}}, "made of points"),
        ({"path": "../s.csv"}, "leads out of the landing folder"),
        ({"path": "a/../../s.csv"}, "leads out of the landing folder"),
        ({"path": "/etc/hostname"}, "leads out of the landing folder"),
        ({"reader": "geojson", "options": {"also": ["../more.geojson"]}}, "leads out of the landing folder"),
    ],
)  # fmt: skip
def test_an_entry_that_asks_for_what_its_reader_does_not_give_is_refused(changes, problem):
    with pytest.raises(ValidationError, match=problem):
        make_spec(**ONCE, **changes)
