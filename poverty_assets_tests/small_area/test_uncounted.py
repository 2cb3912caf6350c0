"""Areas whose people no source counts: kept out of totals, said, and flagged where they are many."""

import numpy as np
import pytest

from poverty_assets.pack.country import load_country
from poverty_assets.small_area.inputs import place_of
from poverty_assets.small_area.rollup import rollup
from poverty_assets_tests.worlds import WORLDS

COUNTRY = load_country("khm")


@pytest.mark.parametrize("world", WORLDS)
def test_an_area_whose_people_are_not_known_is_kept_out_of_totals_and_named_with_the_share_left_out(world):
    lost = world.finest[0]
    unknown = world.dim_area.astype({"population": "Int64", "households": "Int64"})
    unknown.loc[unknown["area_id"] == lost, ["population", "households"]] = None
    place = place_of(unknown, COUNTRY)
    assert lost in place.uncounted
    share = 1 / len(world.finest)  # squares of one size: of the land as of areas
    assert place.uncounted.startswith(
        f"1 of {len(world.finest)} areas of the finest level ({share:.0%} of them, {share:.1%} of the land)"
    )
    areas = rollup(place.hierarchy, place.finest, place.population, method="downscaled", counted=place.counted)
    weights = dict(zip(areas.table["area_id"], areas.matrix.toarray(), strict=True))[world.root]
    assert weights[place.finest.index(lost)] < 1e-8
    assert np.isclose(weights.sum(), 1)
    flags = areas.table.set_index("area_id")["flag"]
    assert flags[lost] == flags[world.hierarchy.line(lost)[1]] == flags[world.root] == "population_unknown"
    assert flags[world.finest[-1]] == ""


def test_where_nobodys_people_are_known_each_area_counts_alike_and_that_is_said():
    world = WORLDS[0].values[0]
    nobody = world.dim_area.astype({"population": "Int64", "households": "Int64"}).assign(
        population=None, households=None
    )
    place = place_of(nobody, COUNTRY)
    assert ", each counts alike in totals: " in place.uncounted
    areas = rollup(place.hierarchy, place.finest, place.population, counted=place.counted)
    weights = dict(zip(areas.table["area_id"], areas.matrix.toarray(), strict=True))[world.root]
    np.testing.assert_allclose(weights, 1 / len(place.finest))


def test_where_all_are_known_nothing_is_said():
    world = WORLDS[0].values[0]
    place = place_of(world.dim_area, COUNTRY)
    assert place.uncounted == ""
    assert set(rollup(place.hierarchy, place.finest, place.population, counted=place.counted).table["flag"]) == {""}
