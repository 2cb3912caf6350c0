"""Codes of other editions on the boundaries in use: weights by people, totals that are kept, and Cambodia's four numbers of communes."""

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from poverty_assets.features.layers_and_tables import SHARE, features_from_source
from poverty_assets.geography.areas import areas_from_sources, boundary_source
from poverty_assets.geography.counts import add_counts
from poverty_assets.geography.crosswalk import (
    COLUMNS,
    CodeChanges,
    areas_of_units,
    edition_in_use,
    map_codes,
    map_sources,
    spread,
)
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.pack.country import load_country, load_sources
from poverty_assets.pack.feature import ColumnFeature
from poverty_assets.quarter import Quarter
from poverty_assets.registers.counts import listed_by_area
from poverty_assets.sources.readers import observe
from poverty_assets_tests.worlds import WORLDS

KHM = load_country("khm")
AREAS = pd.DataFrame(
    [("KH", "country", None, "C"), ("03", "province", "KH", "P"), ("25", "province", "KH", "T"), ("0301", "district", "03", "D"),
     ("2501", "district", "25", "E"), ("030101", "commune", "0301", "Old"), ("250101", "commune", "2501", "Dambae")],
    columns=["area_id", "area_level", "parent_id", "name_en"],
)  # fmt: skip
SINCE = CodeChanges(KHM.editions.between("2011", "2014"), first=True)


def placed(code, name="", changes=SINCE):
    rows = map_codes("s", pd.DataFrame({"area_code": [code], "name_en": [name]}), AREAS, KHM, set(), "f.csv", changes)
    return [
        (row.area_id if isinstance(row.area_id, str) else None, row.parent_id, row.how, row.weight)
        for row in rows.itertuples()
    ]


def test_the_province_that_was_split_is_divided_by_its_people():
    (west, east) = placed("03")
    assert (west[:3], east[:3]) == (("03", "KH", "split"), ("25", "KH", "split"))
    assert west[3] + east[3] == 1
    assert east[3] == pytest.approx(0.43, abs=0.005)
    unknown = CodeChanges(KHM.editions.into("2014"))
    assert placed("03", changes=unknown) == [
        ("03", "KH", "same_code", 1.0)
    ]  # nothing says that the table is an old one


def test_what_lay_in_it_is_found_by_its_district_and_name():
    assert placed("030401", "Dambae") == [("250101", "2501", "renumbered", 1.0)]
    assert placed("030499", "Nowhere") == [(None, "2501", "known_without_boundary", 1.0)]
    assert placed("0304") == [("2501", "25", "renumbered", 1.0)]
    assert placed("030101", "Old") == [("030101", "0301", "same_code", 1.0)]


@pytest.mark.parametrize(
    ("edition", "found"),
    [
        ("2011", {"03": "KH", "0304": "2501", "030499": "2501", "030101": "030101", "999999": None}),
        (None, {"03": "03", "0304": "2501", "030499": "2501", "030101": "030101", "999999": None}),
    ],
)
def test_a_household_is_in_what_its_area_became_or_in_the_smallest_that_holds_all_of_it(edition, found):
    specs = load_sources(KHM, simulated=False)
    survey = next(spec for spec in specs if spec.role == "survey")
    survey = survey.model_copy(update={"options": survey.options.model_copy(update={"edition": edition})})
    codes = pd.Series([*found, None, "0304"])
    placed = areas_of_units(codes, survey, AREAS, KHM, boundary_source(specs))
    assert placed.tolist() == [*found.values(), None, "2501"]
    known = codes[codes.isin(AREAS["area_id"])]
    assert (
        areas_of_units(
            known, survey.model_copy(update={"options": type(survey.options)()}), AREAS, KHM, boundary_source(specs)
        )
        is known
    )


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(
    counts=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=6),
    people=st.lists(st.lists(st.integers(1, 10**5), min_size=1, max_size=4), min_size=6, max_size=6),
)
def test_sums_by_people_through_the_crosswalk_keep_totals(counts, people):
    world = WORLDS[0].values[0]
    rows = []
    for number in range(len(counts)):
        targets = world.finest[: len(people[number])]
        for part, (area, n) in enumerate(zip(targets, people[number], strict=True), start=1):
            rows.append(("s", f"u{number}", part, area, "x", "split", n / sum(people[number])))
    crosswalk = pd.DataFrame(rows, columns=list(COLUMNS))
    listed, others = np.array(counts).T
    codes = [f"u{number}" for number in range(len(counts))]
    frame = pd.DataFrame({"area_code": codes, "households": listed + others, "listed": listed})
    made = listed_by_area(frame, crosswalk, world.hierarchy)
    assert made.loc[world.root].tolist() == [int((listed + others).sum()), int(listed.sum())]
    assert (
        made.loc[[code for code in world.finest if code in made.index]].sum().tolist() == made.loc[world.root].tolist()
    )
    assert (made["listed"] <= made["households"]).all()
    blank = world.dim_area.assign(population=None)
    counted = add_counts(blank, crosswalk, [("s", {"population": "households"}, frame, [])]).set_index("area_id")[
        "population"
    ]
    assert counted[world.root] == (listed + others).sum() == counted[world.finest].sum()


def test_a_sum_is_divided_and_a_rate_is_not():
    world = WORLDS[0].values[0]
    one, other = world.finest[:2]
    crosswalk = pd.DataFrame(
        [("s", "u", 1, one, "x", "split", 0.25), ("s", "u", 2, other, "x", "split", 0.75)], columns=list(COLUMNS)
    )
    table = spread(pd.DataFrame({"area_code": ["u"], "n": [8.0], "of": [16.0]}), crosswalk).rename(
        columns={"share": SHARE}
    )
    total, rate = (
        ColumnFeature.model_validate(
            {"feature_id": "f", "name": "f", "unit": "u", "statistic": "column", "options": options}
        )
        for options in ({"value": "n", "combine": "sum"}, {"value": "n", "per": "of"})
    )
    made = [
        features_from_source([f], table, world.outlined, metric_crs="EPSG:32648").set_index("area_id")["value"]
        for f in (total, rate)
    ]
    assert [made[0][code] for code in (one, other, world.root)] == [2, 6, 8]
    assert [made[1][code] for code in (one, other, world.root)] == [0.5, 0.5, 0.5]


@pytest.fixture(scope="module")
def real(shared):
    """Areas, crosswalk and rows of Cambodia's real sources."""
    named = {"commune_database_2011", "census_2008_migration", "idpoor_2022"}
    specs = [s for s in load_sources(KHM, simulated=False) if s.role == "areas" or s.source_id in named]
    rows = {s.source_id: observe(s, Quarter(2026, 1), shared / "realdata" / "khm", KHM).frame for s in specs}
    rows = {name: frame for name, frame in rows.items() if len(frame)}
    shapes = shapely.envelope(shapely.from_wkb(rows["boundaries_commune"]["geometry"].to_numpy()))
    rows["boundaries_commune"] = rows["boundaries_commune"].assign(
        geometry=shapely.to_wkb(shapes)
    )  # codes are asked for, not shapes
    areas = areas_from_sources([s for s in specs if s.role == "areas"], rows.get, KHM)
    coded = [
        s for s in specs if getattr(s, "has_codes", False) and (s.role != "areas" or s.source_id == "gazetteer_commune")
    ]
    return areas, map_sources(coded, rows.get, areas, KHM, boundary_source(specs)), rows


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.parametrize(
    ("source", "edition", "count"),
    [("commune_database_2011", "2011", "families"), ("census_2008_migration", "2011", "persons"), ("boundaries_commune", "2014", None),
     ("idpoor_2022", "2022", "households"), ("gazetteer_commune", "2025", None)],
)  # fmt: skip
def test_communes_of_every_edition_are_placed_once_and_lose_nobody(real, source, edition, count):
    areas, crosswalk, rows = real
    expected = KHM.editions.by_id[edition].areas
    assert expected == {"2011": 1621, "2014": 1633, "2022": 1646, "2025": 1661}[edition]
    if source == "boundaries_commune":
        assert edition_in_use(boundary_source(load_sources(KHM, simulated=False)), KHM) == edition
        assert (areas["area_level"] == "commune").sum() == expected == len(rows[source])
        assert (areas["edition"] == edition).all()
        return
    own = crosswalk[crosswalk["source_id"] == source]
    assert own["source_code"].nunique() == expected
    assert own.groupby("source_code")["weight"].sum().eq(1).all()
    if count is not None:
        hierarchy = Hierarchy.of(areas)
        spread_rows = spread(rows[source], own, [count])
        made = hierarchy.add_up(hierarchy.number(spread_rows["area_id"]), spread_rows[count].to_numpy(dtype=float))
        assert made[0] == rows[source][count].sum()
        east = rows[source]["area_code"].str[:4].isin(["0304", "0309", "0310", "0311", "0312", "0316", "0317"])
        of_2014 = rows[source]["area_code"].str.startswith("25")
        assert made[hierarchy.number(["25"])[0]] == rows[source].loc[east | of_2014, count].sum() > 0
