"""A region goes to the area that the pack, or else a file, says it is: no figure is lost, or goes elsewhere, unsaid."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd
import pytest

from poverty_assets.errors import ContractViolation, SpecificationError
from poverty_assets.pack.country import load_country
from poverty_assets.pack.keys import plain_name
from poverty_assets.pack.source import PublishedOptions
from poverty_assets.published.regions import RegionMap, region_map
from poverty_assets.published.rows import PublishedSource, PublishedTables, published_tables
from poverty_assets_tests.measurement.factories import figure

KHM = load_country("khm")
AREAS = pd.DataFrame(
    [
        ("KH", "country", None, "Country"), ("01", "aimag", "KH", "Bulgan"), ("02", "aimag", "KH", "Dornod"),
        ("03", "aimag", "KH", "Uvs"), ("0102", "sum", "01", "Khangal"),
    ],
    columns=["area_id", "area_level", "parent_id", "name_en"],
)  # fmt: skip
SHARE = {"West": 0.5, "East": 0.25, "Khangai": 0.25}
H = {"West": 0.2, "East": 0.4, "Khangai": 0.8}
SE = {"West": 0.03, "East": 0.04, "Khangai": 0.05}


def workbook(
    names: Iterable[str] = SHARE, codes: Mapping[str, str] | None = None, day: str = "2018-01-01"
) -> pd.DataFrame:
    """Regions that are poor by half: A = 1/2, one indicator of contribution H, the other of the rest."""
    rows = []
    for name in names:
        key = next((one for one in H if plain_name(one) == plain_name(name)), "West")
        h, se = H[key], SE[key]
        rows += [
            (name, "mpi", "mpi", h / 2, se / 2), (name, "mpi", "headcount_ratio", h, se), (name, "mpi", "intensity", 0.5, None),
            (name, "censored", "housing", h / 2, None), (name, "contribution", "housing", h, None),
            (name, "contribution", "assets", 1 - h, None), (name, "mpi", "population_share", SHARE[key], None),
        ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["area_name", "family", "item", "estimate", "se"]).astype({"se": float})
    frame = frame.assign(ci_low=frame["se"] * 0 + 0.1, ci_high=frame["se"] * 0 + 0.9)
    frame["area_code"] = [dict(codes or {}).get(name, "") for name in frame["area_name"]]
    return frame.assign(observed_from=dt.date.fromisoformat(day))


def stated(regions: dict[str, str | list[str] | None]) -> RegionMap:
    return region_map(PublishedOptions(iso3="MNG", regions=regions), Path("pack"))


def made(regions: dict[str, str | list[str] | None], *frames: pd.DataFrame) -> PublishedTables:
    first, *others = frames or (workbook(),)
    return published_tables([PublishedSource(first, stated(regions)), *map(PublishedSource, others)], AREAS, KHM)


@pytest.mark.parametrize("name", [" khangai", "KHANGAI", "Khan\u00adgai", "\uff2bhangai"])
def test_names_are_one_whatever_their_case_and_signs(name):
    tables = made({name: "03", "West": "01", "East": "02"})
    assert figure(tables.mpi, area_id="03", statistic="headcount_ratio")["estimate"] == 0.8
    assert plain_name("Sud\u2013Est\u00a0  (L\u2019Ouest)") == plain_name("sud-est (l'ouest)")
    assert plain_name("Sud Est") != plain_name("Sud-Est")


def test_a_name_is_one_in_either_form_of_unicode_and_with_blanks_about_it():
    composed, apart = "Zo\u00eb\u0301e R\u00e9gion", "  Zoe\u0308\u0301e\u00a0 Re\u0301gion\n"
    assert composed != apart.strip()
    assert plain_name(composed) == plain_name(apart)


def test_a_region_is_its_area_with_its_level():
    tables = made({"West": "01", "East": "02", "Khangai": "03"})
    assert set(zip(tables.mpi["area_id"], tables.mpi["area_level"], strict=True)) == {
        ("01", "aimag"), ("02", "aimag"), ("03", "aimag")
    }  # fmt: skip
    assert set(tables.mpi["quality_flag"]) == {"ok", "se_not_published"}
    assert (tables.said.notes, tables.said.warnings) == ({}, {})


def test_a_csv_of_the_pack_says_the_same(tmp_path):
    (tmp_path / "regions.csv").write_text(
        "name,area_code,reason\nWest,01,\nWest,02,\nEast,,no area of ours\nKhangai,03,\n", encoding="utf-8-sig"
    )
    said = region_map(PublishedOptions(iso3="MNG", regions="regions.csv"), tmp_path)
    assert said.areas == {"west": ("01", "02"), "east": (), "khangai": ("03",)}
    tables = published_tables([PublishedSource(workbook(), said)], AREAS, KHM)
    assert tables.said.notes["East"] == "left out: no area of ours"
    with pytest.raises(SpecificationError, match="no such file"):
        region_map(PublishedOptions(iso3="MNG", regions="other.csv"), tmp_path)


def test_two_regions_are_merged_by_their_people():
    tables = made({"West": "01", "East": "01", "Khangai": "03"})
    h = figure(tables.mpi, area_id="01", statistic="headcount_ratio")
    assert h["estimate"] == pytest.approx((2 * 0.2 + 0.4) / 3)
    assert h["se"] == pytest.approx(((2 * 0.03) ** 2 + 0.04**2) ** 0.5 / 3)
    assert h["ci_low"] < h["estimate"] < h["ci_high"]
    assert h["quality_flag"] == "regions_merged"
    assert figure(tables.mpi, area_id="01", statistic="intensity")["estimate"] == pytest.approx(0.5)
    # of the poor, half are in the West, where housing contributes 0.2, half in the East, where it contributes 0.4
    assert figure(tables.contribution, area_id="01", indicator_id="housing")["share"] == pytest.approx(0.3)
    assert set(tables.said.notes) == {"West", "East"}
    assert len(tables.mpi) == len(tables.mpi.drop_duplicates(["area_id", "statistic"]))


def test_regions_without_shares_of_people_are_not_merged():
    frame = workbook()
    with pytest.raises(ContractViolation, match="no file has West's share of the people"):
        made({"West": "01", "East": "01", "Khangai": "03"}, frame[frame["item"] != "population_share"])


def test_each_area_of_a_region_is_given_its_figures_and_says_so():
    tables = made({"West": ["01", "02"], "East": None, "Khangai": "03"})
    for code in ("01", "02"):
        h = figure(tables.mpi, area_id=code, statistic="headcount_ratio")
        assert (h["estimate"], h["se"], h["quality_flag"]) == (0.2, 0.03, "region_of_several_areas")
    assert figure(tables.headcount, area_id="01")["quality_flag"] == "se_not_published,region_of_several_areas"
    assert tables.said.notes == {
        "West": "made up of 01, 02: each is given its figures", "East": "left out: the pack leaves it out"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("regions", "codes", "says"),
    [
        ({"West": "01", "East": "02"}, {}, "Khangai has no code in any file"),
        (
            {"West": "01", "East": "02"},
            {"Khangai": "0102"},
            "the code KH0102, that of sum 0102 Khangal, which is no aimag",
        ),
        ({"West": "01", "East": "02"}, {"Khangai": "77"}, "the code KH77, which is of no area"),
        (
            {"West": "01"},
            {"East": "02", "Khangai": "02"},
            "East and Khangai have one code, that of aimag 02 Dornod",
        ),
        ({"West": "01", "East": "02", "Khangai": "04"}, {}, "regions gives Khangai the code '04', which is of no area"),
        ({"West": ["01", "02"], "East": "02", "Khangai": "03"}, {}, "West and East share aimag 02 Dornod"),
        (
            {"West": "0102", "East": "02", "Khangai": "03"},
            {},
            "regions gives West the code of sum 0102 Khangal, and aimag 01 Bulgan, which holds it, is left without a figure",
        ),
    ],
)
def test_what_would_lose_a_figure_or_put_it_elsewhere_is_refused(regions, codes, says):
    with pytest.raises(ContractViolation) as caught:
        made(regions, workbook(codes=codes))
    assert says in caught.value.problem
    assert "regions:" in (caught.value.remedy or "")


def test_every_region_at_fault_is_named_at_once():
    with pytest.raises(ContractViolation, match=r"^3 published regions .* West .* East .* Khangai"):
        made({})


def test_what_the_pack_says_goes_before_the_code_of_a_file_and_is_said():
    tables = made({"West": "01", "East": "02", "Khangai": "03"}, workbook(codes={"Khangai": "0102"}))
    assert figure(tables.mpi, area_id="03", statistic="headcount_ratio")["estimate"] == 0.8
    assert tables.said.warnings == {"Khangai": "the file gives it the code of sum 0102 Khangal; the pack says 03"}


def test_a_region_that_no_file_has_and_one_of_a_smaller_level_are_said():
    tables = made({"West": "01", "East": "02", "Khangai": "0102", "Gobi": "03"})
    assert tables.said.warnings == {
        "Khangai": "is sum 0102 Khangal, no aimag: shown, and not brought down to smaller areas",
        "Gobi": "regions names it, and no file has a figure of it",
    }
    assert figure(tables.mpi, area_id="0102", statistic="mpi")["area_level"] == "sum"


def test_a_name_that_one_file_codes_is_known_in_the_others_and_two_files_are_not_two_regions():
    coded = workbook(codes={"West": "01", "East": "02", "Khangai": "03"}).query("item != 'population_share'")
    other = coded.assign(
        area_name=coded["area_name"].replace("West", "The West"), estimate=coded["estimate"] / 2, se=None
    )
    tables = made({}, workbook(), coded, other)
    assert figure(tables.mpi, area_id="01", statistic="headcount_ratio")["estimate"] == 0.2
    assert len(tables.mpi) == 9
    assert tables.said.warnings == {
        "West": "has the code of aimag 01 Bulgan, as 'The West' in another file",
        "The West": "has the code of aimag 01 Bulgan, as 'West' in another file",
    }


def test_two_files_that_exchange_two_regions_are_refused_unless_the_pack_says_which_is_which():
    one = workbook(codes={"West": "01", "East": "02", "Khangai": "03"}).query("item != 'population_share'")
    other = workbook(codes={"West": "02", "East": "01", "Khangai": "03"}).query("item != 'population_share'")
    with pytest.raises(ContractViolation, match="West has the codes KH01 and KH02 in different files; East has"):
        made({}, one, other)
    tables = made({"West": "01", "East": "02"}, one, other)
    assert figure(tables.mpi, area_id="01", statistic="headcount_ratio")["estimate"] == H["West"]


def test_figures_of_earlier_years_stand_back():
    old = workbook(["Gone"], day="2012-01-01")
    tables = made({"West": "01", "East": "02", "Khangai": "03"}, workbook(), old)
    assert set(tables.mpi["area_id"]) == {"01", "02", "03"}


def test_two_names_of_one_region_in_a_map_are_refused():
    with pytest.raises(SpecificationError, match="are one region"):
        stated({"Sud-Est": "01", "sud\u2013est": "02"})
