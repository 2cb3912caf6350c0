"""What holds in one country holds in another: rooms that take areas from data, in a country of each shape.

Both worlds have five areas of the finest level, the same households and the same register in them: figures of these areas are
the same, and figures of larger ones differ only by which lies in which.
"""

from __future__ import annotations

from fractions import Fraction

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import Point

from poverty_assets.catalog import Locale, table
from poverty_assets.features.layers_and_tables import features_from_source
from poverty_assets.geography.areas import build_areas
from poverty_assets.geography.counts import add_counts
from poverty_assets.geography.crosswalk import map_codes
from poverty_assets.measure.measure import Cutoffs, Measure
from poverty_assets.measurement.coding import Columns
from poverty_assets.measurement.disclosure import decide
from poverty_assets.measurement.estimates import estimate_measure
from poverty_assets.measurement.masks import cells_of, count_masks
from poverty_assets.pack.country import Country, load_country
from poverty_assets.pack.feature import ColumnFeature, CountFeature
from poverty_assets.pack.levels import Level, Levels, ParentRule
from poverty_assets.registers.counts import listed_by_area
from poverty_assets.registers.rows import all_register_rows
from poverty_assets.reports.explorer.geometry import pack_boundaries
from poverty_assets.small_area.inputs import place_of
from poverty_assets.small_area.rollup import rollup
from poverty_assets.vulnerability.exposure import exposure
from poverty_assets.vulnerability.hazards import Hazard, Way
from poverty_assets.warehouse.headline import combine
from poverty_assets_tests.worlds import FREE, PREFIXED, WORLDS, World

COUNTRY = load_country("khm")
MEASURE = Measure.of_weights(
    "two", {"water": Fraction(1, 2), "school": Fraction(1, 2)}, Cutoffs(Fraction(1, 5), Fraction(1, 3), Fraction(1, 2))
)
every_world = pytest.mark.parametrize("world", WORLDS)


def pack_of(world: World) -> Country:
    """A pack that lists the world's levels (ids are of Latin letters), each area's parent by a table."""
    hierarchy = world.hierarchy
    held = world.areas.dropna(subset="parent_id").set_index("area_id")["parent_id"].to_dict()
    levels = [
        Level(
            id=f"level_{depth}" if depth else "country",
            names={"en": name},
            parent=ParentRule(table=held) if depth > 1 else None,
        )
        for depth, name in enumerate(hierarchy.levels)
    ]
    said = COUNTRY.model_dump(by_alias=True) | {"area_id": world.root, "levels": levels}
    return Country.model_validate(said)


def by_area(table: pd.DataFrame, column: str) -> pd.Series:
    return table.set_index("area_id")[column]


def parts_of(world: World, code: str) -> list[str]:
    return [one for one in world.finest if code in world.hierarchy.line(one)]


def headcount_ratio(world: World) -> pd.DataFrame:
    mpi = estimate_measure(world.households(), MEASURE, world.hierarchy, subgroups=[]).mpi
    return mpi[(mpi["statistic"] == "headcount_ratio") & np.isclose(mpi["k"], 0.5)]


@every_world
def test_direct_estimates_of_an_area_are_those_of_the_households_in_it(world):
    found, households = by_area(headcount_ratio(world), "estimate"), world.households()
    assert found.index.tolist() == world.hierarchy.ids.tolist()
    weight = households["weight"] * households["hh_size"]
    poor = households["water"].astype(bool) | households["school"].astype(bool)
    for code, share in found.items():
        inside = households["area_id"].isin(parts_of(world, code))
        assert share == pytest.approx(np.average(poor[inside], weights=weight[inside]))


def test_the_same_households_have_the_same_figures_whatever_areas_are_called():
    prefixed, free = (by_area(headcount_ratio(world), "estimate")[world.finest].tolist() for world in (PREFIXED, FREE))
    assert prefixed == free


@every_world
def test_cells_hold_the_households_of_their_parts_and_a_hidden_one_hides_another(world):
    counts = count_masks(world.households(), Columns(("water", "school"), ("is_urban",)))
    table = cells_of(counts, world.hierarchy).table
    whole = table[table["subgroup"] == "all"].set_index("area_id")["n_households"]
    assert all(n == whole[parts_of(world, code)].sum() for code, n in whole.items())
    areas = table.assign(n_households=np.where(table["area_id"] == world.finest[0], 3, table["n_households"]))
    hidden = decide(areas[areas["subgroup"] == "all"], world.hierarchy, minimum=5, flag_below=0)
    beside = set(parts_of(world, world.hierarchy.line(world.finest[0])[1]))
    assert {*hidden.loc[hidden["suppressed"], "area_id"]} & beside > {world.finest[0]}


@every_world
def test_features_of_larger_areas_are_sums_over_what_they_hold(world):
    places = gpd.GeoDataFrame(geometry=[Point(500 + 1_000 * i, 500) for i in (0, 0, 1, 4)], crs="EPSG:32648")
    count = CountFeature(feature_id="n", name="n", unit="n", statistic="count")
    found = by_area(features_from_source([count], places, world.outlined, metric_crs="EPSG:32648"), "value")
    assert found[world.finest].tolist() == [2, 1, 0, 0, 1]
    assert all(n == found[parts_of(world, code)].sum() for code, n in found.items())


@every_world
def test_areas_take_what_is_known_only_of_the_area_around_them(world):
    options = {"value": "x", "inherit": True}
    known = ColumnFeature(feature_id="x", name="x", unit="x", statistic="column", options=options)
    holder = world.hierarchy.line(world.finest[0])[1]
    table = pd.DataFrame({"area_id": [holder, world.finest[-1]], "x": [3.0, 5.0]})
    found = by_area(features_from_source([known], table, world.outlined, metric_crs="EPSG:32648"), "value")
    assert (found[parts_of(world, holder)] == 3).all()
    assert found[world.finest[-1]] == 5


@every_world
def test_register_counts_add_up_and_few_listed_are_withheld_with_another(world):
    register = world.register.assign(listed=[3, 37, 40, 50, 60])
    counts = listed_by_area(register, world.crosswalk, world.hierarchy)
    assert counts["listed"].to_dict() == {
        code: register.loc[register["area_code"].isin(parts_of(world, code)), "listed"].sum() for code in counts.index
    }
    rate = register["listed"] / register["households"]
    predictions = pd.DataFrame(
        {"register_id": "r", "area_id": world.finest, "modelled_rate": rate, "modelled_rate_ci_low": rate / 2,
         "modelled_rate_ci_high": rate * 2, "quality_flag": "ok"}
    )  # fmt: skip
    rows = all_register_rows(counts.reset_index().assign(register_id="r"), predictions, world.hierarchy)
    assert rows["area_id"].tolist() == world.hierarchy.ids.tolist()
    withheld = set(rows.loc[rows["suppressed"], "area_id"])
    assert world.finest[0] in withheld
    assert len(withheld & set(parts_of(world, world.hierarchy.line(world.finest[0])[1]))) > 1


@every_world
def test_people_are_counted_in_every_area_that_holds_them(world):
    table = pd.DataFrame({"area_code": world.finest, "n": [1, 2, 4, 8, 16]})
    blank = world.dim_area.assign(population=None)
    counted = by_area(add_counts(blank, world.crosswalk, [("register", {"population": "n"}, table, [])]), "population")
    own = dict(zip(world.finest, table["n"], strict=True))
    assert all(n == sum(own[one] for one in parts_of(world, code)) for code, n in counted.items())


@every_world
def test_codes_of_areas_are_their_own_in_the_crosswalk(world):
    codes = pd.DataFrame({"area_code": world.finest})
    rows = map_codes("register", codes, world.dim_area, COUNTRY, set(), "file.csv")
    pd.testing.assert_frame_equal(rows, world.crosswalk, check_dtype=False)


@every_world
def test_communes_of_a_quarter_know_their_published_area(world):
    place, hierarchy = place_of(world.dim_area, COUNTRY), world.hierarchy
    assert place.finest == hierarchy.codes(hierarchy.finest)
    assert place.published_ids == hierarchy.codes(hierarchy.published)
    for code, province, district in zip(place.finest, place.at_published, place.holder, strict=True):
        line = hierarchy.line(code)
        assert place.published_ids[province] == line[-2]
        assert {c for c, d in zip(place.finest, place.holder, strict=True) if d == district} == set(
            parts_of(world, line[1])
        )


@every_world
def test_larger_areas_are_population_weighted_means_of_communes(world):
    place = place_of(world.dim_area, COUNTRY)
    rows = rollup(place.hierarchy, place.finest, place.population)
    value, people = by_area(world.dim_area, "population")[place.finest] ** 0.5, place.population
    for code, mean in zip(rows.table["area_id"], rows.matrix @ value.to_numpy(), strict=True):
        inside = pd.Series(place.finest).isin(parts_of(world, code)).to_numpy()
        assert mean == pytest.approx(np.average(value[inside], weights=people[inside]))


@every_world
def test_a_commune_without_a_value_takes_that_of_the_smallest_area_around_it(world):
    way = Way("area", "s", unit="", threshold=5, tolerance=1, source_of_threshold="", is_assumption=True, normal=None,
              column="x", limits=(-np.inf, np.inf))  # type: ignore[arg-type]  # fmt: skip
    beside = parts_of(world, world.hierarchy.line(world.finest[0])[1])
    known = pd.DataFrame({"area_id": [beside[1], world.finest[-1]], "x": [9.0, 1.0]})
    made = exposure(
        [(Hazard("h", {"en": "h"}, (way,)), way)],
        world.hierarchy,
        cells=lambda: pytest.fail("no raster"),
        raster=lambda _: pytest.fail("no raster"),
        values=lambda _: known,
    )
    rows = made.hazards.set_index("area_id")
    assert rows.loc[beside[0], ["intensity", "central", "is_inherited"]].tolist() == [9.0, 1.0, True]
    assert rows.loc[world.finest[-1], ["intensity", "central", "is_inherited"]].tolist() == [1.0, 0.0, False]


@every_world
def test_boundaries_of_the_page_are_put_together_from_the_finest(world):
    rings = pack_boundaries(world.dim_area)["rings"]
    moved = [sum(abs(x) for polygon in area for ring in polygon for x in ring[2::2]) for area in rings]
    size = dict(zip(world.dim_area["area_id"], moved, strict=True))
    assert all(len(area) for area in rings)
    assert size[world.root] == max(moved)


@every_world
def test_levels_are_those_that_tables_allow(world):
    locale = Locale(levels=dict.fromkeys(world.hierarchy.levels, ".+"))
    assert table("fct_mpi").within(locale).column("area_level").allowed == world.hierarchy.levels


@every_world
def test_every_figure_has_one_headline(world):
    mpi = headcount_ratio(world).assign(quality_flag="ok")
    levels = Levels([Level.model_construct(level_id=level, names={"en": level}) for level in world.hierarchy.levels])
    assert combine("fct_mpi", [mpi], levels)["is_headline"].all()


@every_world
def test_areas_are_built_from_polygons_of_the_finest(world):
    finest = world.outlined.set_index("area_id").loc[world.finest].to_crs(4326)
    polygons = pd.DataFrame(
        {"area_code": world.finest, "geometry": finest.geometry.to_wkb(), "name_en": finest["name_en"]}
    )
    names = world.areas.rename(columns={"area_id": "area_code"}).assign(name_km=None)[
        ["area_code", "name_en", "name_km"]
    ]
    built = build_areas(polygons.reset_index(drop=True), names, pack_of(world))
    held = world.areas.set_index("area_id")["parent_id"].dropna()
    assert built.set_index("area_id")["parent_id"].dropna().to_dict() == held.to_dict()
