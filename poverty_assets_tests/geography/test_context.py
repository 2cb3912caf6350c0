"""Layers for orientation: cut at the border, made light, the same whatever the order of the rows."""

import numpy as np
import pandas as pd
import pytest
import shapely

from poverty_assets.catalog import table
from poverty_assets.geography import context
from poverty_assets.geography.context import context_layers
from poverty_assets.pack.country import ContextLayer, load_country, load_sources
from poverty_assets.warehouse.local import locale_of

OUTLINE = shapely.to_wkb(shapely.box(103, 11, 105, 13))
LAYERS = [
    ContextLayer(layer_id="roads", name_en="Roads", name_km="ផ្លូវ", sources=["roads"]),
    ContextLayer(layer_id="towns", name_en="Towns", name_km="ទីប្រជុំជន", sources=["places", "towns"]),
]
KHM = load_country("khm")
BOTH = {s.source_id: s for simulated in (False, True) for s in load_sources(KHM, simulated=simulated)}
SPECS = [BOTH[name] for name in ("roads", "places", "towns")]


def of(**sources):
    frames = {
        name: value if isinstance(value, pd.DataFrame) else pd.DataFrame({"geometry": list(shapely.to_wkb(value))})
        for name, value in sources.items()
    }
    rows = context_layers(LAYERS, SPECS, frames.get, OUTLINE, ["en", "km"])
    return rows.assign(shape=shapely.from_wkb(rows["geometry"].to_numpy()))


def test_a_road_is_joined_simplified_and_cut_at_the_border():
    wiggle = np.column_stack([np.linspace(103.5, 106, 251), 12 + 0.0005 * (np.arange(251) % 2)])
    halves = np.array([shapely.LineString(wiggle[:101]), shapely.LineString(wiggle[100:])])
    (row,) = of(roads=halves).itertuples()
    assert (row.layer_id, row.part, row.kind, row.source_id, row.n_shapes) == ("roads", 2, "line", "roads", 2)
    (line,) = row.shape.geoms
    assert shapely.get_coordinates(line)[:, 0].tolist() == pytest.approx([103.5, 105.01], abs=1e-4)


def test_points_outside_the_country_go_and_the_others_are_rounded_and_named():
    places = pd.DataFrame({"longitude": [104.123456, 99.0, np.nan], "latitude": [12.654321, 12.0, 12.0]})
    rows = of(places=places, towns=shapely.points([[103.5, 11.5]]))
    assert rows["part"].tolist() == [1, 4]
    assert rows["name_km"].tolist() == ["ទីប្រជុំជន"] * 2
    assert rows["shape"][0] == shapely.MultiPoint([(104.1235, 12.6543)])


def test_many_points_are_thinned_evenly_and_in_no_order(monkeypatch):
    monkeypatch.setattr(context, "MOST_POINTS", 100)
    xy = np.random.default_rng(0).uniform((103, 11), (105, 13), (5_000, 2))
    (row,) = of(towns=shapely.points(xy)).itertuples()
    assert row.n_shapes == 5_000
    assert 80 <= len(row.shape.geoms) <= 100
    kept = shapely.get_coordinates(row.shape)
    assert np.histogram2d(*kept.T, bins=4)[0].min() >= 2
    assert of(towns=shapely.points(xy[::-1]))["geometry"].tolist() == [row.geometry]


def test_lines_of_too_many_vertices_lose_more(monkeypatch):
    monkeypatch.setattr(context, "MOST_VERTICES", 50)
    turns = np.cumsum(np.random.default_rng(1).uniform(-0.01, 0.012, (2_000, 2)), axis=0) + np.array([103.1, 11.1])
    (row,) = of(roads=shapely.linestrings([turns])).itertuples()
    assert 2 <= shapely.get_num_coordinates(row.shape) <= 50


def test_polygons_stay_polygons_and_a_mixed_source_has_a_row_for_each_kind():
    rows = of(towns=np.array([shapely.box(104, 12, 107, 12.5), shapely.Point(104, 12)]))
    assert rows[["part", "kind"]].to_numpy().tolist() == [[4, "point"], [6, "polygon"]]
    assert rows["shape"][1].area == pytest.approx(1.01 * 0.5, abs=0.01)


def test_sources_that_are_absent_give_no_row_and_the_columns_are_those_of_the_catalog():
    assert of().empty
    assert of(roads=shapely.linestrings([[(90, 10), (91, 10)]])).empty
    assert [c.name for c in table("dim_context").within(locale_of(KHM)).columns] == of().columns.drop("shape").tolist()


def test_every_layer_of_a_country_has_its_own_id_and_sources_that_exist():
    assert len({layer.layer_id for layer in KHM.context_layers}) == len(KHM.context_layers) > 0
    assert [s for layer in KHM.context_layers for s in layer.sources if s not in BOTH] == []
