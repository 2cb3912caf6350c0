"""Tables in any key: another coding turned into codes of areas, a column for each year, several files as one."""

import json
import shutil

import geopandas as gpd
import pytest
import shapely
from pydantic import TypeAdapter

from poverty_assets.errors import ContractViolation, MissingFile, NotObserved, SpecificationError
from poverty_assets.lined_yaml import parse_lined_yaml
from poverty_assets.pack.as_of import release
from poverty_assets.pack.country import COUNTRIES, country_folder, load_country, read_sources
from poverty_assets.pack.source import AnySource
from poverty_assets.quarter import Quarter
from poverty_assets.sources.readers import observe, read_source

ENTRY = """
source_id: made
title: t
description: d
role: context
reader: csv
path: made.csv
publisher: p
licence: l
url: u
obtain: o
observed_from: 2019-01-01
observed_to: 2021-12-31
columns:
  province: {from: Province, type: text}
  district: {from: Number, type: text}
  poor: {from: value, nullable: true}
key: [area_code]
options:
  coded_by: {key: [province, district], table: codes/districts.csv}
"""
CODES = (
    "province,district,area_code,reason\nNorth,1,0101,\nNorth,2,0102,\nSouth,1,0201,\nAll,0,,the country's own row\n"
)
ROWS = "Province,Number,value\n north ,01,3\nNORTH,2.0,4\nSouth,1,5\nAll,0,12\n"


def entry(text=ENTRY):
    return TypeAdapter(AnySource).validate_python(parse_lined_yaml(text, "sources.yaml").value)


@pytest.fixture
def country(tmp_path, monkeypatch):
    """A pack whose folder tests may write to."""
    monkeypatch.setenv(COUNTRIES, str(tmp_path / "packs"))
    shutil.copytree(country_folder("kgz"), tmp_path / "packs" / "kgz")
    (tmp_path / "packs" / "kgz" / "codes").mkdir(exist_ok=True)
    (tmp_path / "packs" / "kgz" / "codes" / "districts.csv").write_text(CODES)
    return load_country("kgz")


def read(folder, country, spec, rows=ROWS, quarter="2022Q4"):
    (folder / spec.path).write_text(rows, encoding="utf-8")
    return observe(spec, Quarter.from_label(quarter), folder, country)


def test_rows_of_another_coding_become_rows_of_areas(tmp_path, country):
    seen = read(tmp_path, country, entry())
    assert seen.frame[["area_code", "poor"]].to_numpy().tolist() == [["0101", 3], ["0102", 4], ["0201", 5]]
    assert seen.quarantined == {"left out by codes/districts.csv: the country's own row": 1}


def test_an_empty_part_of_a_key_is_that_of_the_table_of_codes(tmp_path, country):
    table = country.folder / "codes" / "districts.csv"
    table.write_text(CODES.replace("All,0,", "All,,"))
    spec = entry(ENTRY.replace("Number, type: text", "Number, type: text, nullable: true"))
    seen = read(tmp_path, country, spec, ROWS.replace("All,0,", "All,,"))
    assert (len(seen.frame), sum(seen.quarantined.values())) == (3, 1)
    table.write_text(CODES)
    with pytest.raises(ContractViolation, match=r"does not list: All, \(empty\)"):
        read(tmp_path, country, spec, ROWS.replace("All,0,", "All,,"))


def test_rows_that_do_not_join_are_refused_with_their_number_and_names(tmp_path, country):
    with pytest.raises(ContractViolation) as refused:
        read(tmp_path, country, entry(), ROWS + "East,1,2\nEast,1,3\nWest,4,1\n")
    assert "made.csv, row 6: 3 of 7 rows have a province and district" in refused.value.message
    assert "East, 1; West, 4" in refused.value.message
    assert "codes/districts.csv" in refused.value.message


def test_rows_that_do_not_join_are_counted_and_named_where_they_may_be_left_out(tmp_path, country):
    spec = entry(ENTRY.replace("districts.csv}", "districts.csv, unmatched: leave_out}"))
    seen = read(tmp_path, country, spec, ROWS + "East,1,2\nEast,1,3\n")
    assert len(seen.frame) == 3
    assert seen.quarantined["no code in codes/districts.csv: East, 1"] == 2


def test_what_the_pack_leaves_out_is_not_held_against_the_contract(tmp_path, country):
    spec = entry(ENTRY.replace("nullable: true", "nullable: true, maximum: 10"))
    assert len(read(tmp_path, country, spec).frame) == 3  # the row of the whole country has 12


def test_two_rows_of_one_area_are_found_after_joining(tmp_path, country):
    with pytest.raises(ContractViolation, match="duplicate key; first area_code = '0101'"):
        read(tmp_path, country, entry(), ROWS + "North,1.0,9\n")


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        (CODES + "SOUTH,01,0202,\n", "line 6: 'SOUTH, 01' stands for 0201 and 0202"),
        (CODES + "East,1,,\n", "line 6: 'East, 1' has no area_code"),
        (CODES.replace("area_code", "code"), "line 1: column 'area_code' is missing"),
    ],
)
def test_a_table_of_codes_is_refused_with_its_line(tmp_path, country, table, problem):
    (country.folder / "codes" / "districts.csv").write_text(table)
    with pytest.raises(SpecificationError, match=problem):
        read(tmp_path, country, entry())


def test_another_source_of_the_landing_folder_may_give_the_codes(tmp_path, country):
    text = ENTRY.replace("table: codes/districts.csv", "source: rayon_codes").replace(
        "[province, district]", "[shape_id]"
    )
    spec = entry(
        text.replace("province: {from: Province", "shape_id: {from: Province").replace(
            "  district: {from: Number, type: text}\n", ""
        )
    )
    (tmp_path / "boundaries").mkdir()
    (tmp_path / "boundaries" / "rayon_codes.csv").write_text("pcode,code\nKG1,02205\nKG2,2210\n")
    seen = read(tmp_path, country, spec, "Province,value\nKG2,3\nKG1,4\n")
    assert seen.frame[["area_code", "poor"]].to_numpy().tolist() == [["02210", 3], ["02205", 4]]


WIDE = """
  wide: {columns: "{variable}_{year}"}
  area_attributes: {population: people}
"""


def wide():
    text = ENTRY.replace("  coded_by: {key: [province, district], table: codes/districts.csv}\n", WIDE)
    columns = "  area_code: {from: Code, type: code}\n  people: {from: pop, type: integer}\n  poor: {from: poor, nullable: true}\n"
    return entry(text[: text.index("  province")] + columns + text[text.index("key:") :])


YEARS = "Code,Name,pop_2019,poor_2019,pop_2020,poor_2020,pop_2021,poor_2021\nA,a,10,1,11,2,12,\nB,b,20,5,,,22,6\n"


@pytest.mark.parametrize(
    ("quarter", "year", "rows"),
    [
        ("2019Q4", 2019, [["A", 10, 1], ["B", 20, 5]]),
        ("2021Q3", 2020, [["A", 11, 2]]),
        ("2030Q1", 2021, [["A", 12, None], ["B", 22, 6]]),
    ],
)
def test_of_a_table_with_a_column_a_year_a_quarter_sees_the_last_that_had_ended(tmp_path, country, quarter, year, rows):
    seen = read(tmp_path, country, wide(), YEARS, quarter)
    found = seen.frame.astype(object).where(seen.frame.notna(), None)
    assert found.to_numpy().tolist() == rows
    assert (seen.metadata["observed_from"].year, seen.metadata["observed_to"].year) == (year, year)


def test_a_quarter_before_the_first_year_sees_nothing_of_it(tmp_path, country):
    assert "2019-12-31" in read(tmp_path, country, wide(), YEARS, "2019Q3").metadata["absent"]
    with pytest.raises(NotObserved):
        release(wide(), Quarter(2018, 4), tmp_path)


def test_a_wrong_value_of_a_wide_table_is_named_with_its_row_and_year(tmp_path, country):
    with pytest.raises(ContractViolation, match=r"made.csv, row 3, year 2021, column pop: .* first pop = 'x'"):
        read(tmp_path, country, wide(), YEARS.replace(",22,", ",x,"))
    with pytest.raises(ContractViolation, match=r"no column is named {variable}_{year}; the file has Code"):
        read(tmp_path, country, wide(), "Code,Name\nA,a\n")


def test_official_rates_may_have_a_column_a_year(tmp_path, country):
    text = ENTRY.replace("role: context", "role: truth").replace("[area_code]", "[area_code, year]")
    text = text.replace(
        "  poor: {from: value, nullable: true}", "  year: {from: year, type: integer}\n  rate: {from: value}"
    )
    spec = entry(text + '  wide: {columns: "rate {year}"}\n  official: {value: rate, year: year, percent: true}\n')
    found = read(tmp_path, country, spec, "Province,Number,rate 2018,rate 2020\nNorth,1,20,18\nSouth,1,,30\n").frame
    assert found[["area_code", "year", "rate"]].to_numpy().tolist() == [
        ["0101", 2018, 20],
        ["0101", 2020, 18],
        ["0201", 2020, 30],
    ]


ALSO = """
source_id: shapes
title: t
description: d
role: context
reader: geojson
path: north.geojson
publisher: p
licence: l
url: u
obtain: Ask for all files.
observed_from: 2019-01-01
observed_to: 2021-12-31
options: {columns: {code: {from: Code, type: code}}, key: [code], also: [south.gpkg, "more/*.geojson"]}
"""


def shapes(path, crs, **codes):
    path.parent.mkdir(exist_ok=True)
    gpd.GeoDataFrame({"Code": list(codes)}, geometry=[shapely.Point(*xy) for xy in codes.values()], crs=crs).to_file(
        path
    )


def test_several_files_of_shapes_are_one_source(tmp_path, country):
    shapes(tmp_path / "north.geojson", "EPSG:4326", N1=(70, 42), N2=(71, 42))
    shapes(tmp_path / "south.gpkg", "EPSG:32643", S1=(500_000, 4_500_000))
    shapes(tmp_path / "more" / "a.geojson", "EPSG:4326", M1=(72, 42))
    found = release(entry(ALSO), Quarter(2022, 4), tmp_path)
    seen = read_source(found, country)
    assert seen.frame["code"].tolist() == ["N1", "N2", "S1", "M1"]
    assert shapely.from_wkb(seen.frame["geometry"][2]).x == pytest.approx(75, abs=1e-9)
    shapes(tmp_path / "more" / "b.geojson", "EPSG:4326", M2=(72, 42))
    assert read_source(found, country).sha256 != seen.sha256


def test_a_shape_of_two_files_and_a_file_that_is_missing_are_named(tmp_path, country):
    shapes(tmp_path / "north.geojson", "EPSG:4326", N1=(70, 42))
    shapes(tmp_path / "south.gpkg", "EPSG:4326", N1=(70, 42))
    found = release(entry(ALSO), Quarter(2022, 4), tmp_path)
    with pytest.raises(MissingFile, match=r"more/\*.geojson: no such file"):
        read_source(found, country)
    shapes(tmp_path / "more" / "a.geojson", "EPSG:4326", M1=(72, 42))
    with pytest.raises(
        ContractViolation, match=r"south.gpkg: 1 of 3 features of 3 files: duplicate key; first code = 'N1'"
    ):
        read_source(found, country)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("district: {from: Number", "no: {from: Number", "put it in quotes: unquoted, yaml reads no"),
        ("key: [province, district], table", "keys: [province, district], table", "did you mean 'key'"),
        ("[province, district], table", "[province, distrikt], table", "there is no column 'distrikt'"),
        ("table: codes/districts.csv", "table: codes/districts.csv, source: oblasts", "the codes are in one place"),
        ("table: codes/districts.csv", "source: oblast", "there is no source 'oblast'"),
        ("table: codes/districts.csv", "source: boundaries_rayon", "has no column area_code of its own"),
        (
            "  poor: {from",
            "  area_code: {from: Code, type: code}\n  poor: {from",
            "coded_by makes it of another coding",
        ),
        ("options:\n", "options:\n  wide: {column: '{year}'}\n", "did you mean 'columns'"),
        ("options:\n", "options:\n  wide: {columns: 'rate'}\n", "does not say where the year stands"),
    ],
)
def test_what_an_entry_says_amiss_is_refused_with_file_and_line(country, old, new, problem):
    path = country.folder / "sources.yaml"
    text = ENTRY.replace(old, new)
    assert text != ENTRY
    lines = [("- " if number == 0 else "  ") + line for number, line in enumerate(text.strip().splitlines())]
    path.write_text(path.read_text(encoding="utf-8") + "\n" + "\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(SpecificationError) as refused:
        read_sources(path)
    assert problem in refused.value.message
    assert "sources.yaml, line " in refused.value.message


def test_records_of_json_are_read_alike(tmp_path, country):
    text = ENTRY.replace("reader: csv", "reader: json_records")
    rows = [{"Province": "North", "Number": 1, "value": 3}, {"Province": "All", "Number": 0, "value": None}]
    seen = read(tmp_path, country, entry(text), json.dumps(rows))
    assert seen.frame["area_code"].tolist() == ["0101"]


def test_areas_are_polygons_though_all_that_a_file_holds_are_points(tmp_path, country):
    shapes(tmp_path / "north.geojson", "EPSG:4326", N1=(70, 42), N2=(71, 42))
    alone = entry(ALSO.replace("role: context", "role: areas").replace(', also: [south.gpkg, "more/*.geojson"]', ""))
    with pytest.raises(ContractViolation, match="2 of 2 features have no usable shape: not one of areas"):
        read_source(release(alone, Quarter(2022, 4), tmp_path), country)
