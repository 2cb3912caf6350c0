"""The feature table: rasters go through the lake, and each file is opened once for all times that it serves."""

import datetime as dt
from collections import Counter
from unittest import mock

import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from rasterio.transform import from_origin
from shapely.geometry import box

from poverty_assets.features.feature_table import Observed, quarter_features
from poverty_assets.features.zonal import zonal_statistics
from poverty_assets.pack.country import load_country
from poverty_assets.quarter import Quarter
from poverty_assets.sources.earlier import EarlierTime
from poverty_assets.sources.readers import observe
from poverty_assets.warehouse.lake import Lake
from poverty_assets_tests.pack.test_source import make_spec

KHM = load_country("khm")
NOW, BEFORE, LONG_BEFORE = Quarter(2022, 3), Quarter(2021, 3), Quarter(2021, 1)
AREAS = pd.DataFrame(
    {
        "area_id": ["KH", "01", "010101", "010102"],
        "area_level": ["country", "province", "commune", "commune"],
        "parent_id": [None, "KH", "01", "01"],
        "geometry": shapely.to_wkb([box(104, 11, 106, 12), box(104, 11, 106, 12), box(104, 11, 105, 12), box(105, 11, 106, 12)]),
    }
)  # fmt: skip


def feature(name):
    return [{"feature_id": name, "name": name, "unit": "u", "statistic": "mean"}]


HILLS = make_spec(
    source_id="hills", reader="geotiff", path="hills.tif", features=feature("height"), reference=True,
    observed_from=dt.date(2020, 1, 1), observed_to=dt.date(2020, 1, 1),
)  # fmt: skip
LIGHTS = make_spec(
    source_id="lights", reader="geotiff", path="lights_{label}.tif", features=feature("light"), cadence="quarter",
    observed_from=dt.date(2021, 7, 1),
)  # fmt: skip
RAIN = make_spec(
    source_id="rain", reader="geotiff", path="rain.tif", features=feature("usual_rain"), options={"band": "quarter"},
    reference=True, observed_from=dt.date(2020, 1, 1), observed_to=dt.date(2020, 1, 1),
)  # fmt: skip


def write(path, *bands):
    with rasterio.open(
        path, "w", driver="GTiff", height=1, width=2, count=len(bands), dtype="float32", crs="EPSG:4326",
        transform=from_origin(104, 12, 1, 1),
    ) as data:  # fmt: skip
        data.write(np.array(bands, dtype="float32").reshape(len(bands), 1, 2))


@pytest.fixture
def opened(tmp_path, monkeypatch):
    write(tmp_path / "hills.tif", [10, 20])
    write(tmp_path / "lights_2022Q3.tif", [3, 4])
    write(tmp_path / "lights_2021Q3.tif", [1, 2])
    write(tmp_path / "rain.tif", [100, 100], [200, 200], [300, 300], [400, 400])
    count, really = Counter(), rasterio.open

    def counted(path, *arguments, **options):
        count[str(path).rsplit("/", 1)[-1]] += 1
        return really(path, *arguments, **options)

    monkeypatch.setattr(rasterio, "open", counted)
    return count


def features(folder, specs, earlier):
    seen = {spec.source_id: observe(spec, NOW, folder, KHM) for spec in specs}
    observed = Observed(
        rows=lambda source_id: seen[source_id].frame,
        noted=lambda source_id: seen[source_id].metadata,
        quarter=NOW,
        landing=folder,
        earlier=earlier,
        raster=lambda source_id: seen[source_id].raster,
    )
    return quarter_features(specs, AREAS, pd.DataFrame(), KHM, observed)


def from_lake(folder, specs, earlier):
    """Features as a refresh makes them: rasters from the lake, with a folder in which answers are kept; and which rasters were summed."""
    lake, seen, summed = Lake(folder / "lake"), {}, []
    for spec in specs:
        seen[spec.source_id] = observe(spec, NOW, folder, KHM)
        lake.write_raster(f"src_{spec.source_id}", NOW, seen[spec.source_id].raster, {})
    observed = Observed(
        rows=lambda source_id: seen[source_id].frame,
        noted=lambda source_id: seen[source_id].metadata,
        quarter=NOW,
        landing=folder,
        earlier=earlier,
        coverages=folder / "coverage",
        raster=lambda source_id: lake.raster(f"src_{source_id}", NOW),
    )

    def counted(rasters, *arguments, **options):
        rasters = list(rasters)
        summed.extend(name.partition("@")[0] for name, _ in rasters)
        return zonal_statistics(rasters, *arguments, **options)

    with mock.patch("poverty_assets.features.feature_table.zonal_statistics", counted):
        now, before = quarter_features(specs, AREAS, pd.DataFrame(), KHM, observed)
    return now, before, summed


def test_a_raster_that_has_not_changed_is_not_summed_again(tmp_path, opened):
    times = [EarlierTime("wave", BEFORE, "w")]
    first, then, summed = from_lake(tmp_path, [HILLS, LIGHTS], times)
    assert sorted(summed) == ["hills", "lights", "lights"]
    again, then_again, summed = from_lake(tmp_path, [HILLS, LIGHTS], times)
    assert summed == []
    pd.testing.assert_frame_equal(first, again)
    pd.testing.assert_frame_equal(then[times[0]], then_again[times[0]])
    write(tmp_path / "lights_2022Q3.tif", [5, 6])
    changed, _, summed = from_lake(tmp_path, [HILLS, LIGHTS], times)
    assert summed == ["lights"]
    assert by_commune(changed, "height") == [10, 20]
    assert by_commune(changed, "light") == [5, 6]


def test_answers_about_other_areas_or_statistics_are_made_anew(tmp_path, opened):
    from_lake(tmp_path, [HILLS], [])
    most = HILLS.model_copy(update={"features": [HILLS.features[0].model_copy(update={"statistic": "max"})]})
    assert from_lake(tmp_path, [most], [])[2] == ["hills"]
    moved = AREAS.assign(geometry=shapely.to_wkb([box(104, 11, 105.5, 12)] * 4))
    with mock.patch(f"{__name__}.AREAS", moved):
        assert from_lake(tmp_path, [HILLS], [])[2] == ["hills"]


def by_commune(table, feature_id):
    mine = table[table["feature_id"] == feature_id].set_index("area_id")["value"]
    return mine.reindex(["010101", "010102"]).tolist()


def test_every_raster_file_is_opened_once_whatever_times_it_serves(tmp_path, opened):
    times = [
        EarlierTime("wave", BEFORE, "w"),
        EarlierTime("same_season", BEFORE),
        EarlierTime("wave", LONG_BEFORE, "v"),
    ]
    now, before = features(tmp_path, [HILLS, LIGHTS], times)
    assert opened == {"hills.tif": 1, "lights_2022Q3.tif": 1, "lights_2021Q3.tif": 1}
    assert by_commune(now, "height") == [10, 20]
    assert by_commune(now, "light") == [3, 4]
    assert now.set_index("feature_id").loc["light", "observed_on"].unique().tolist() == [NOW.end]
    for time in times[:2]:
        assert by_commune(before[time], "height") == [10, 20]
        assert by_commune(before[time], "light") == [1, 2]
    assert before[times[2]]["feature_id"].unique().tolist() == ["height"]


def test_a_band_for_each_quarter_of_the_year_is_another_raster_in_another_season(tmp_path, opened):
    wave, first = EarlierTime("wave", BEFORE, "w"), EarlierTime("wave", LONG_BEFORE, "v")
    now, before = features(tmp_path, [RAIN], [wave, first])
    assert by_commune(now, "usual_rain") == by_commune(before[wave], "usual_rain") == [300, 300]
    assert by_commune(before[first], "usual_rain") == [100, 100]
    assert opened == {"rain.tif": 2}


def test_nothing_observed_gives_tables_without_rows(tmp_path):
    optional = LIGHTS.model_copy(update={"required": False})
    wave = EarlierTime("wave", BEFORE, "w")
    now, before = features(tmp_path, [optional], [wave])
    assert now.columns.tolist() == ["area_id", "feature_id", "value", "unit", "source_id", "observed_on"]
    assert now.empty
    assert before[wave].empty
