"""The explorer's file: what it holds, what it never holds, and that it is read back as it was written."""

from __future__ import annotations

import base64
import json
import math
import re
import shutil
import zlib
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from poverty_assets.errors import ContractViolation, UsageError
from poverty_assets.reports import explorer
from poverty_assets.reports.explorer.codec import (
    DIFFERENCE,
    NO_FIGURE,
    SHARE,
    WITHHELD,
    Scale,
    deflated,
    pack_estimates,
    to_text,
)
from poverty_assets.reports.explorer.facts import read_facts
from poverty_assets.reports.explorer.figures import OTHER_BUNDLES
from poverty_assets.reports.explorer.geometry import frame_of, pack_boundaries, pack_layer
from poverty_assets.reports.explorer.payload import read_payload
from poverty_assets.reports.explorer.sureness import PROFILE_STEPS
from poverty_assets.reports.words import page_languages
from poverty_assets_tests.reports import explorer_warehouse as made
from poverty_assets_tests.reports.explorer_data import arrays_of, bytes_of
from poverty_assets_tests.warehouse.small_lake import KHM

FOLDER = Path(explorer.__file__).parent


def decoded(text: str) -> np.ndarray:
    return np.frombuffer(base64.b85decode(text.replace(",", "<")), dtype=">u4").astype(np.int64)


def unpacked(code: int, scale: Scale) -> tuple[float, float | None, float | None]:
    """What the page's own reader does (``static/data.js``)."""
    kept, rest = divmod(int(code), scale.base)
    step = math.floor(kept / scale.parts + 0.5)
    below, above = divmod(rest, scale.steps + 2 - step)
    low = None if below > step else below / 1000 + scale.least
    high = None if above > scale.steps - step else (step + above) / 1000 + scale.least
    return kept / (1000 * scale.parts) + scale.least, low, high


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory):
    return made.write_warehouse(tmp_path_factory.mktemp("made") / "poverty.duckdb")


@pytest.fixture(scope="module")
def payload(warehouse):
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return plainly(read_payload(connection, KHM, None))


def plainly(found):
    """What the page reads: JSON, and the arrays of its blocks by name."""
    arrays = arrays_of(found["arrays"], found.pop("blocks"))
    return json.loads(json.dumps(found)) | {"arrays": arrays, "first": {name for name, *_ in found["arrays"]["first"]}}


def codes(payload, figure, quarter):
    """Codes of a figure in a quarter, by area."""
    return payload["arrays"][f"{figure}@{payload['figures'][figure]['quarters'][quarter]}"]


@given(st.lists(st.floats(-1, 1), min_size=3, max_size=3).map(sorted), st.sampled_from([SHARE, DIFFERENCE]))
def test_what_is_packed_is_shown_as_the_figure_itself(figures, scale):
    low, value, high = (abs(x) if scale is SHARE else x for x in figures)
    low, high = min(low, value), max(high, value)
    packed = pack_estimates(np.array([value]), np.array([low]), np.array([high]), np.array([False]), scale)
    shown = unpacked(packed[0], scale)
    for number, exact in zip(shown, (value, low, high), strict=True):
        assert number == pytest.approx(exact, abs=0.0005 + 1e-12)
    assert scale is DIFFERENCE or shown[0] == pytest.approx(value, abs=1 / 30000 + 1e-12)


def test_a_missing_figure_and_a_missing_bound_stay_missing():
    nan = math.nan
    packed = pack_estimates(
        np.array([nan, 0.5, 0.5]), np.array([nan] * 3), np.array([nan] * 3), np.array([False, False, True])
    )
    assert packed[0] == NO_FIGURE
    assert unpacked(packed[1], SHARE) == (0.5, None, None)
    assert packed[2] == WITHHELD


def test_a_figure_outside_its_interval_is_refused():
    one = np.array([0.5])
    with pytest.raises(
        ContractViolation, match=r"1 of 1 figures lie outside their own interval, the first 0\.5 outside 0\.6"
    ):
        pack_estimates(one, one + 0.1, one + 0.2, np.array([False]))


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=20))
def test_text_is_read_back_and_is_safe_in_html(numbers):
    text = to_text(np.array(numbers, dtype=np.uint32))
    assert decoded(text).tolist() == numbers
    assert not set(text) & set("<\"'\\&/") - {"&"}


def test_neighbours_keep_one_border_when_simplified():
    wiggle = [(1 + 0.01 * (i % 2), i / 40) for i in range(41)]
    left = shapely.Polygon([(0, 0), *wiggle, (0, 1)])
    right = shapely.Polygon([*wiggle, (2, 1), (2, 0)])
    whole = shapely.union_all([left, right])
    frame = pd.DataFrame(
        {"area_id": ["KH", "010101", "010102"], "area_level": ["country", "commune", "commune"],
         "parent_id": [None, "KH", "KH"],
         "geometry": shapely.to_wkb([whole, left, right])}
    )  # fmt: skip
    packed = pack_boundaries(frame)
    shapes = [
        shapely.MultiPolygon([(np.cumsum(np.reshape(p[0], (-1, 2)), axis=0), []) for p in rings])
        for rings in packed["rings"]
    ]
    assert shapely.coverage_is_valid(shapes[1:])
    assert shapely.intersection(shapes[1], shapes[2]).area == 0
    assert shapely.union_all(shapes[1:]).area == shapes[0].area


@pytest.mark.slow
def test_suppressed_cells_are_known_only_as_withheld(payload):
    place = payload["areas"]["id"].index(made.WITHHELD)
    for name, figure in payload["figures"].items():
        found = {int(codes(payload, name, q)[place]) for q, at in enumerate(figure["quarters"]) if at is not None}
        expected = NO_FIGURE if name.startswith(("change:pair:", "wave:", "survey:")) else WITHHELD
        assert found == {expected}, name
    top = payload["bundles"]["top"]
    for quarter, _ in enumerate(payload["bundles"]["quarters"]):
        share = payload["arrays"][f"bundle_share@{quarter}"]
        assert set(share[place * top : (place + 1) * top]) == {NO_FIGURE}
    assert str(made.SECRET_HOUSEHOLDS) not in json.dumps({**payload, "arrays": None, "first": None})
    told = {name: array for name, array in payload["arrays"].items() if name.startswith(("rank", "p_", "lift"))}
    assert len(told) == 6 * 5 + 3 * 6
    assert {int(array[place]) for array in told.values()} <= {255, 65535}
    listed = [array for name, array in payload["arrays"].items() if name.startswith(("areas:", "profile_areas"))]
    assert len(listed) == 6
    assert not any(place in array for array in listed)
    assert {kind: text[0][place] for kind, text in payload["methods"].items()} == dict.fromkeys(payload["methods"], "-")


def test_figures_of_every_table_are_those_of_the_warehouse(warehouse, payload):
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        rows = connection.execute(
            """SELECT 'uncensored:' || indicator_id, area_id, estimate, ci_low, ci_high FROM fct_headcount
               WHERE quarter = '2026-07-01' AND kind = 'uncensored' AND NOT suppressed
               UNION ALL SELECT 'exposed:' || hazard_id, area_id, share_exposed, share_exposed_ci_low, share_exposed_ci_high
               FROM fct_hazard WHERE quarter = '2026-07-01' AND NOT suppressed
               UNION ALL SELECT 'register_gap', area_id, coverage_gap, coverage_gap_ci_low, coverage_gap_ci_high
               FROM fct_register WHERE quarter = '2026-07-01' AND NOT suppressed"""
        ).fetchall()
    assert len(rows) == 6 * 39
    for figure, area, *exact in rows:
        scale = DIFFERENCE if figure == "register_gap" else SHARE
        code = codes(payload, figure, 1)[payload["areas"]["id"].index(area)]
        assert unpacked(code, scale) == pytest.approx(exact, abs=0.0005)


def test_change_is_since_the_same_quarter_a_year_before(payload):
    assert {(name.split(":")[0], since) for name, since in payload["baselines"].items()} == {
        ("change", "2025Q3"), ("wave", "2022Q1"),
    }  # fmt: skip
    code = codes(payload, "change:pair:drinking_water+sanitation", 1)
    value, low, high = unpacked(code[payload["areas"]["id"].index("030205")], DIFFERENCE)
    half = 1.959964 * math.hypot(0.02, 0.02)
    assert (value, low, high) == pytest.approx((0.2, 0.2 - half, 0.2 + half), abs=0.0005)


def test_ranks_draws_and_lifts_are_those_of_the_warehouse(warehouse, payload):
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        ranks = connection.execute(
            """SELECT figure_id, area_id, rank, rank_low, rank_high, p_worst_tenth, p_above_country FROM fct_rank
               WHERE NOT suppressed"""
        ).fetchall()
        draws = connection.execute(
            "SELECT figure_id, area_id, low, step, draws FROM fct_draw WHERE NOT suppressed"
        ).fetchall()
        lifts = connection.execute(
            """SELECT least(indicator_a, indicator_b) || '+' || greatest(indicator_a, indicator_b), area_id, lift
               FROM fct_overlap_pair WHERE quarter = '2026-07-01' AND NOT suppressed"""
        ).fetchall()
    place, arrays = {code: i for i, code in enumerate(payload["areas"]["id"])}, payload["arrays"]
    assert (len(ranks), len(draws), len(lifts)) == (5 * 39, 5 * 29, 6 * 39)
    for figure, area, *whole, tenth, above in ranks:
        assert [arrays[f"{n}:{figure}"][place[area]] for n in ("rank", "rank_low", "rank_high")] == whole
        kept = [arrays[f"{n}:{figure}"][place[area]] / 200 for n in ("p_worst_tenth", "p_above_country")]
        assert all(0 <= p - k < 0.005 + 1e-9 for p, k in zip((tenth, above), kept, strict=True))  # never made surer
    for figure, area, low, step, drawn in draws:
        i = arrays[f"areas:{figure}"].tolist().index(place[area])
        assert arrays[f"draws:{figure}"].reshape(-1, 20)[i].tolist() == list(drawn)
        assert [arrays[f"low:{figure}"][i], arrays[f"step:{figure}"][i]] == pytest.approx([low, step], rel=1e-6)
    assert all(abs(arrays[f"lift:{pair}"][place[area]] / 10 - lift) <= 0.05 + 1e-9 for pair, area, lift in lifts)


@given(st.integers(1, 2**6 - 1), st.booleans())
def test_an_own_set_is_the_sum_over_its_profiles(mask, together):
    random = np.random.default_rng(mask)
    shares = random.dirichlet(np.full(2**6, 0.2), 30)
    stored = np.rint(65535 * np.sqrt(shares))
    kept = np.rint(stored * PROFILE_STEPS / 65535)
    bits = np.arange(2**6)
    counts = (bits & mask) == mask if together else (bits & mask) != 0
    shown = (kept[:, counts] ** 2).sum(axis=1) / (kept**2).sum(axis=1)
    assert np.abs(shown - shares[:, counts].sum(axis=1)).max() < 0.003


@pytest.mark.slow
def test_sets_that_are_not_told_apart_have_a_place_of_their_own(tmp_path):
    path = made.write_warehouse(tmp_path / "poverty.duckdb", quarters=made.QUARTERS[1:])
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "UPDATE kept.fct_bundle_rows SET bundle_mask = -1, indicators = [], rank = 0 WHERE bundle_mask = 15"
        )
        found = plainly(read_payload(connection, KHM, None))
    place, top, masks = 0, found["bundles"]["top"], found["arrays"]["bundle_mask@0"]
    assert masks[place * top + top - 1] == OTHER_BUNDLES
    assert (masks == OTHER_BUNDLES).sum() == 39


def test_the_first_block_has_the_newest_quarter_and_the_measures_own_figures_of_every_quarter(payload):
    opening = {
        name for name in payload["arrays"] if name.split("@")[0] in ("headcount_ratio", "survey:headcount_ratio", "mpi")
    }
    assert len(opening) == 6
    assert opening <= payload["first"]
    assert {"uncensored:water@1", "bundle_share@1"} <= {name.replace("drinking_", "") for name in payload["first"]}
    later = set(payload["arrays"]) - payload["first"]
    assert {name.split(":")[0].split("@")[0] for name in later if name.endswith("@1")} == {"change"}
    assert {"draws:headcount_ratio", "profile_high", "bundle_share@0"} <= later


def test_a_block_is_read_back_from_its_elements(warehouse, payload, tmp_path):
    page = explorer.write_explorer(warehouse, tmp_path / "a.html", KHM).read_text(encoding="utf-8")
    told = json.loads(bytes_of(page, "data"))["arrays"]
    arrays = arrays_of(told, {block: bytes_of(page, block) for block in told})
    assert {name: array.tobytes() for name, array in arrays.items()} == {
        name: array.tobytes() for name, array in payload["arrays"].items()
    }


def test_what_is_deflated_is_read_back_by_its_length():
    for size in range(8):
        data = b"people" * size
        raw = base64.b85decode(deflated(data).replace(",", "<"))
        assert zlib.decompress(raw[4 : 4 + int.from_bytes(raw[:4], "big")]) == data


@pytest.mark.slow
def test_the_same_warehouse_gives_the_same_bytes(warehouse, tmp_path):
    first = explorer.write_explorer(warehouse, tmp_path / "a.html", KHM).read_bytes()
    assert first == explorer.write_explorer(warehouse, tmp_path / "b.html", KHM).read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.html", "b.html"]
    assert not re.search(rb'(?:src|href)="(?:https?:)?//', first)


def test_tables_of_later_stages_may_be_absent_or_empty(tmp_path):
    path = made.write_warehouse(
        tmp_path / "poverty.duckdb", without=made.LATER | {"fct_change"}, quarters=made.QUARTERS[1:]
    )
    with duckdb.connect(str(path), read_only=True) as connection:
        found = read_payload(connection, KHM, ["2026Q3"])
    assert not [name for name in found["figures"] if name.startswith(("exposed", "new_poor", "change"))]
    assert "headcount_ratio" in found["figures"]
    assert found["context"] == []


def test_people_are_those_of_each_quarter_with_their_day_and_source(payload):
    now = payload["areas"]["population"]
    assert payload["populations"] == {"0": [int(0.8 * n) for n in now]}
    said = [(basis["source"], basis["day"], basis["total"]) for basis in payload["people"]]
    assert said == [("Night lights", "2024-07-01", None), ("Night lights", "2025-07-01", None)]


@pytest.mark.slow
def test_of_an_older_file_people_are_those_of_the_areas(tmp_path):
    path = made.write_warehouse(tmp_path / "poverty.duckdb", without=frozenset({"fct_population"}))
    with duckdb.connect(str(path), read_only=True) as connection:
        found = read_payload(connection, KHM, None)
    assert (found["populations"], found["people"]) == ({}, [None, None])


def test_layers_lie_where_the_warehouse_has_them(payload):
    parks, roads, clinics = payload["context"]
    assert [layer["names"]["km"] for layer in (parks, roads, clinics)] == ["ឧទ្យាន", "ផ្លូវ", "គ្លីនិក"]
    width, height = payload["geometry"]["width"], payload["geometry"]["height"]
    (part,) = clinics["parts"]
    assert (part["kind"], part["n"]) == ("point", 2)
    assert part["points"] == pytest.approx([width / 2, height * (13.4 - 11.5) / 2.4], abs=1)
    (line,) = roads["parts"][0]["lines"]
    ends = np.cumsum(np.reshape(line, (-1, 2)), axis=0)[[0, -1]]
    assert ends == pytest.approx(np.array([[0, height * 1.4 / 2.4], [width, height * 1.4 / 2.4]]), abs=1)
    ((ring,),) = parks["parts"][0]["rings"]
    assert len(ring) == 8


def test_what_leaves_the_frame_is_moved_to_its_edge():
    frame = frame_of(np.array([shapely.box(103, 11, 105, 13)]))
    assert pack_layer("point", shapely.MultiPoint([(102.9, 13.1)]), frame) == {"points": [0, 0]}
    assert pack_layer("line", shapely.MultiLineString([[(104, 12), (104.00001, 12)]]), frame) == {"lines": []}


def test_a_quarter_that_is_not_published_is_refused(warehouse, tmp_path):
    with pytest.raises(UsageError, match="not published, the first 2019Q1") as caught:
        explorer.write_explorer(warehouse, tmp_path / "x.html", KHM, ["2019Q1"])
    assert caught.value.remedy == "ask for some of 2025Q3, 2026Q3"
    assert not list(tmp_path.iterdir())


def test_every_word_asked_for_is_there_and_none_is_there_for_nothing():
    words = page_languages(KHM)[0].words
    scripts = "\n".join(path.read_text() for path in (FOLDER / "static").iterdir())
    asked = set(re.findall(r'\bt\((?:[^()"]+\? )?"(\w+)"', scripts)) | set(
        re.findall(r'data-t(?:-label|-placeholder)?="(\w+)"', scripts)
    )
    assert sorted(asked - set(words)) == []
    built = re.compile(
        r"^(?:topic|method|group|download|basis|tab|criterion|own_how|report|say)_"
    )  # the last two: the report's
    scripts += (FOLDER / "unscripted.py").read_text()
    assert [key for key in words if key not in asked and not built.match(key) and f'"{key}"' not in scripts] == []


def test_features_and_units_are_named_in_every_language_of_the_country(payload):
    codes = set(KHM.language_codes)
    assert [name for name, one in payload["features"].items() if set(one["names"]) != codes] == []
    assert [unit for unit, names in payload["country"]["units"].items() if set(names) != codes] == []
    assert {f"group_{one['group']}" for one in payload["features"].values()} - {"group_hazard"} <= set(
        payload["languages"][0]["words"]
    )


def test_units_that_read_badly_are_shown_another_way(warehouse):
    units = read_facts(KHM.folder / "explorer.yaml").units
    assert units["minutes per metre"].shown(0.001) == pytest.approx(60)  # km/h
    assert math.isnan(units["minutes per metre"].shown(0))
    assert units["share"].shown(0.25) == 25
    assert units["kilometres"].shown(0.25) == 0.25


def test_without_scripts_the_page_says_its_first_finding_in_every_language(payload):
    english, khmer = re.findall(r'<section lang="(?:en|km)".*?</section>', payload["finding"])
    value, low, high = unpacked(codes(payload, "headcount_ratio", 1)[0], SHARE)
    for text in (english, khmer):
        assert all(f"{100 * part:.1f}%" in text for part in (value, low, high))
    assert "Cambodia, 2026Q3: People who are poor (H)" in english
    assert "កម្ពុជា" in khmer


@pytest.mark.slow
@pytest.mark.parametrize(
    ("unknown", "english", "khmer"),
    [
        ("area_id = '010101'", "Figures that are sums over communes are without Khum 1, whose population is not known.", "ឃុំទី 1"),
        ("area_id IN ('010101', '020101')", "are without 2 communes whose population is not known, among them Khum 1.", "ចំនួន 2"),
        ("area_level = 'commune'", "The population of no commune of Cambodia is known: in sums over communes each counts alike.", "ស្មើគ្នា"),
    ],
)  # fmt: skip
def test_without_scripts_the_page_says_what_sums_leave_out(warehouse, tmp_path, unknown, english, khmer):
    copy = Path(shutil.copy(warehouse, tmp_path / "poverty.duckdb"))
    with duckdb.connect(str(copy)) as connection:
        connection.execute(f"UPDATE dim_area SET population = NULL, households = NULL WHERE {unknown}")
        said = read_payload(connection, KHM, None)["finding"]
    assert english in said
    assert khmer in said


def test_a_country_that_says_nothing_of_features_is_offered_all_of_them(warehouse, tmp_path, monkeypatch):
    bare = KHM.model_copy(update={"country_id": "bare"})
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "country.yaml").write_text("{}")
    monkeypatch.setenv("POVERTY_ASSETS_COUNTRIES", str(tmp_path))
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        found = read_payload(connection, bare, None)["features"]
    assert {name for name in found if ":" not in name} == {"nightlights_mean", "school_count", "not_offered"}
    assert found["not_offered"]["names"] == {"en": "not offered"}
    assert found["not_offered"]["group"] == "other"
