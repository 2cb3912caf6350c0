"""Observations of an SDMX service as a table."""

import pandas as pd

from poverty_assets_tests.fetching.conftest import entry
from poverty_assets_tests.fetching.formats import answer


def census(provider, **fetch):
    columns = {"area_code": {"from": "AREA", "type": "code", "digits": 2}, "persons": {"from": "value"}}
    said = {"flow": "NSO,POP,1.0", "key": "A.", "since": "{year}", "lag_days": 0} | fetch
    spec = entry(provider.at("/rest"), client="sdmx", cadence="year", reader="csv", columns=columns, fetch=said)
    return spec.model_copy(update={"path": "census/pop_{year}.csv"})


def serve(provider, data):
    provider.put("/rest/data/NSO,POP,1.0/A.", data, content_type="application/vnd.sdmx.genericdata+xml;version=2.1")


def test_observations_become_rows_sorted_by_their_dimensions(bench, provider):
    serve(provider, answer({"02": [(2025, 20)], "01": [(2024, 9), (2025, 10)]}))
    told = bench.fetch(census(provider))
    assert told.state == "fetched", told.words
    found = pd.read_csv(bench.landing / "census/pop_2025.csv", dtype=str)
    assert found.to_dict("list") == {
        "AREA": ["01", "01", "02"],
        "TIME_PERIOD": ["2024", "2025", "2025"],
        "value": ["9.0", "10.0", "20.0"],
    }
    (_, path, _), *_ = provider.asked
    assert "endPeriod=2025-12-31" in path
    assert "startPeriod=2025" in path
    assert bench.fetch(census(provider)).state == "unchanged"


def test_faults_are_outlasted_and_what_is_not_there_is_said(bench, provider):
    serve(provider, answer({"01": [(2025, 10)]}))
    provider.files["/rest/data/NSO,POP,1.0/A."].faults = ["503", "429", "", "503", "page"]
    assert bench.fetch(census(provider)).state == "fetched"
    told = bench.fetch(census(provider, flow="NSO,SNOW,1.0"))
    assert told.state == "late"
    assert "SNOW,1.0/A.?" in told.words
    assert "there is no such file (404)" in told.words
