"""`country check` on made-up files with everything wrong at once: what a table, an area, a region and a covariate may lack."""

import re

import geopandas as gpd
import pytest
import shapely

from poverty_assets import cli
from poverty_assets.measure.measure import load_measure, measure_files
from poverty_assets.pack.country import COUNTRIES
from poverty_assets.sources import readers
from poverty_assets_tests.made_files import write_workbook

COMMON = "publisher: p, licence: l, url: u, obtain: o, observed_from: 2020-01-01, observed_to: 2020-12-31"
SOURCES = f"""
- {{source_id: income, title: t, description: d, role: features, reader: csv, path: tables/income.csv, {COMMON},
   columns: {{area_code: {{from: code, type: code}}, parent_name: {{from: Region, type: text}}, income: {{from: income}}}},
   features: [{{feature_id: income, name: Income, unit: share, statistic: column, options: {{value: income}}}}]}}
- {{source_id: clinics, title: t, description: d, role: features, reader: csv, path: tables/clinics.csv, {COMMON},
   columns: {{area_code: {{from: code, type: code}}, clinics: {{from: clinics}}}}}}
- {{source_id: shops, title: t, description: d, role: features, reader: csv, path: tables/shops.csv, {COMMON},
   columns: {{area_code: {{from: code, type: code}}, shops: {{from: shops, minimum: 0}}}}}}
- {{source_id: regional, title: t, description: d, role: published, reader: ophi_workbook, path: regional.xlsx, {COMMON},
   options: {{table: subnational, iso3: ABC, regions: {{North: "01", South: "02", East: "03"}}}}}}
"""
RATES = {f"01{n:02d}": 0.1 + n / 50 for n in range(1, 7)} | {f"02{n:02d}": 0.4 + n / 50 for n in range(1, 7)}


@pytest.fixture
def country(tmp_path, monkeypatch, capsys):
    """A country of two regions of six squares each, one of which lies in the middle of the other region; and what is said of it."""
    monkeypatch.setenv(COUNTRIES, str(tmp_path / "packs"))

    def run(*command):
        monkeypatch.setattr("sys.argv", ["poverty-assets", "country", *map(str, command)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out = capsys.readouterr()
        return ended.value.code or 0, " ".join((out.out + out.err).split())

    assert run("new", "ABC", "--to", tmp_path / "packs")[0] == 0
    pack, landing = tmp_path / "packs" / "abc", tmp_path / "landing"
    for name in ("boundaries", "tables"):
        (landing / name).mkdir(parents=True)
    places = [(x, y) for x in range(3) for y in range(2)]
    at = {f"01{i:02d}": xy for i, xy in enumerate(places, start=1)} | {
        f"02{i:02d}": (x + 3, y) for i, (x, y) in enumerate(places, start=1)
    }
    at["0101"], at["0206"] = at["0206"], at["0101"]  # each the other's enclave
    squares = [shapely.box(70 + x / 10, 40 + y / 10, 70.1 + x / 10, 40.1 + y / 10) for x, y in at.values()]
    shapes = gpd.GeoDataFrame(
        {"CODE": list(at), "NAME": [f"Place {code}" for code in at]}, geometry=squares, crs="EPSG:4326"
    )
    shapes.to_file(landing / "boundaries" / "finest.geojson")
    regions = "code,name\n01,North\n02,South\n"
    (landing / "regions.csv").write_text(regions)
    text = (
        (pack / "sources.yaml")
        .read_text(encoding="utf-8")
        .replace("    polygons: district\n", "    polygons: district\n    names_from: [regions]\n")
    )
    text = text[: text.index("# Published totals")]
    names = f"""
- {{source_id: regions, title: t, description: d, role: areas, reader: csv, path: regions.csv, {COMMON}, reference: true,
   columns: {{area_code: {{from: code, type: code, digits: 2}}, name_en: {{from: name, type: text}}}}}}
"""
    (pack / "sources.yaml").write_text(text + names + SOURCES, encoding="utf-8")
    stated = re.sub(
        r"(?m)^bounds: .*$", "bounds: [69, 39, 72, 42]", (pack / "country.yaml").read_text(encoding="utf-8")
    )
    (pack / "country.yaml").write_text(stated, encoding="utf-8")
    (landing / "tables" / "population.csv").write_text(
        "code,population\n" + "".join(f"{code},100\n" for code in list(at)[2:])
    )
    rows = {code: ("South" if code == "0105" else "North" if code.startswith("01") else "South") for code in at}
    (landing / "tables" / "income.csv").write_text(
        "code,Region,income\n" + "".join(f"{code},{region},{RATES[code]:.3f}\n" for code, region in rows.items())
    )
    (landing / "tables" / "clinics.csv").write_text("code,clinics\n0101,1\n0199,2\n9901,2\n9902,3\n")
    (landing / "tables" / "shops.csv").write_text("code,shops\n0101,1\n0102,-4\n")
    write_workbook(
        landing / "regional.xlsx",
        dict.fromkeys(("North", "South", "East"), (0.070052, 16.6, 42.2, 20.5, 4.1)),
        "5",
        7,
        ("ABC", "A country"),
    )
    write_truth(pack)
    return pack, landing, run


def write_truth(pack):
    """Official rates of a pack, which are the incomes of the made-up table."""
    (pack / "truth").mkdir(exist_ok=True)
    (pack / "truth" / "rates.csv").write_text(
        "area_id,year,value\n" + "".join(f"{code},2020,{rate:.3f}\n" for code, rate in RATES.items())
    )
    (pack / "truth" / "truth.yaml").write_text("- {file: rates.csv, title: t, source: s, licence: l, url: u}\n")


SENTENCES = [
    "tables/clinics.csv, record 3: 2 of 4 area codes are unknown; first '9901'",  # 0199 lies in a region that there is
    "tables/income.csv: 1 of 12 rows contradict their codes; 0105 (Place 0105) lies in North by its code, in South by the row",
    "2 of 12 areas have no population, and are kept out of totals: 0101 Place 0101, 0102 Place 0102",
    "16.7% of the land. Overlaps and all other sums over districts, those of the whole country too, leave these people out",
    "2 areas have under 15% of their border with areas of the same parent: 0101 Place 0101 in 01, 0206 Place 0206 in 02",
    "regions gives East the code '03', which is of no area",
    "income.income holds the rates of rates of 2020",
    "tables/shops.csv, row 3, column shops: 1 of 2 rows: below 0; first shops = '-4'",
]


def test_everything_is_named_at_once_each_with_its_file_and_each_file_read_once(country, monkeypatch):
    _, landing, run = country
    read = []
    digest = readers.digest
    monkeypatch.setattr(readers, "digest", lambda path: read.append(path.name) or digest(path))
    code, said = run("check", "abc", "--landing", landing)
    assert code == 2
    assert [sentence for sentence in SENTENCES if sentence not in said] == [], said
    assert sorted(read) == sorted(set(read))
    assert {"finest.geojson", "income.csv", "regional.xlsx"} <= set(read)


def test_what_is_only_said_does_not_refuse(country):
    pack, landing, run = country
    (pack / "truth" / "rates.csv").unlink()
    (pack / "truth" / "truth.yaml").unlink()
    (landing / "tables" / "clinics.csv").write_text("code,clinics\n0101,1\n")
    (landing / "tables" / "shops.csv").write_text("code,shops\n0101,1\n")
    text = (landing / "tables" / "income.csv").read_text().replace("0105,South", "0105,North")
    (landing / "tables" / "income.csv").write_text(text)
    sources = (pack / "sources.yaml").read_text(encoding="utf-8").replace('East: "03"', "East: null")
    (pack / "sources.yaml").write_text(sources, encoding="utf-8")
    code, said = run("check", "abc", "--landing", landing)
    assert code == 0, said
    assert "2 of 12 areas have no population" in said
    assert "under 15% of their border" in said


def mended(pack, landing):
    """The country with nothing wrong with it but what is only said."""
    for name in ("rates.csv", "truth.yaml"):
        (pack / "truth" / name).unlink()
    (landing / "tables" / "clinics.csv").write_text("code,clinics\n0101,1\n")
    (landing / "tables" / "shops.csv").write_text("code,shops\n0101,1\n")
    write(landing / "tables" / "income.csv", "0105,South", "0105,North")
    write(pack / "sources.yaml", 'East: "03"', "East: null")


def write(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text, (path, old)
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.slow
def test_what_becomes_of_numbers_of_larger_areas_is_said(country):
    pack, landing, run = country
    mended(pack, landing)
    (landing / "tables" / "regional.csv").write_text("code,population\n01,1000\n02,900\n")
    more = f"""
- {{source_id: regional_people, title: t, description: d, role: context, reader: csv, path: tables/regional.csv, {COMMON},
   columns: {{area_code: {{from: code, type: code}}, population: {{from: population}}}},
   options: {{area_attributes: {{population: population}}}}}}
"""
    (pack / "sources.yaml").write_text((pack / "sources.yaml").read_text(encoding="utf-8") + more, encoding="utf-8")
    code, said = run("check", "abc", "--landing", landing)
    assert code == 0, said
    assert (
        "1 areas have a number of their own, which stands since parts of them have none: 01 North 1,000 (parts 400)"
        in said
    )
    assert (
        "1 areas have a number of their own other than the sum of their parts, and the sum stands: 02 South 900 (parts 600)"
        in said
    )


def test_areas_that_are_called_by_their_codes_are_said(country):
    pack, landing, run = country
    mended(pack, landing)
    write(landing / "regions.csv", "02,South\n", "")
    _, said = run("check", "abc", "--landing", landing)
    assert "1 of 15 areas have no name and are called by their codes (1 region), first 02: name the source" in said


def test_codes_without_a_shape_are_said(country, monkeypatch):
    monkeypatch.setattr("poverty_assets.geography.areas.MOST_ABSENT", 0.1)
    pack, landing, run = country
    mended(pack, landing)
    codes = [f"0{r}{n:02d}" for r in (1, 2) for n in range(1, 7)]
    rows = "".join(f"{code},{code}\n" for code in [*codes, "0299"])
    (landing / "codes.csv").write_text("shape,code\n" + rows)
    table = f"""
- {{source_id: shape_codes, title: t, description: d, role: areas, reader: csv, path: codes.csv, {COMMON}, reference: true,
   columns: {{shape_id: {{from: shape, type: text}}, area_code: {{from: code, type: code}}}}}}
"""
    (pack / "sources.yaml").write_text((pack / "sources.yaml").read_text(encoding="utf-8") + table, encoding="utf-8")
    write(
        pack / "sources.yaml",
        "    key: [area_code]\n    columns: {area_code: {from: CODE, type: code, digits: 4}, name_en: NAME}",
        "    codes_from: shape_codes\n    key: [shape_id]\n    columns: {shape_id: CODE, name_en: NAME}",
    )
    code, said = run("check", "abc", "--landing", landing)
    assert code == 0, said
    assert "shape_codes lists 1 of 13 codes without a shape in boundaries/finest.geojson: 0299 (shape 0299)" in said


PRICES = f"""
- {{source_id: prices, title: t, description: d, role: context, reader: csv, path: tables/prices.csv, {COMMON},
   columns: {{date: {{from: date, type: date}}, region: {{from: region, type: text}}, market: {{from: market, type: text}},
     longitude: {{from: x, nullable: true}}, latitude: {{from: y, nullable: true}}, commodity: {{from: good, type: text}},
     good_unit: {{from: unit, type: text}}, price_type: {{from: kind, type: text}}, price: {{from: price}}}}}}
"""
SHOCKS = """
shocks:
  - shock_id: dear
    name_en: Dear food
    description: Dear food.
    who: near_poor
    price_change: {source: prices, basket: {rice: 1.0}, assumption: true, why: tried, regions: {Nord: "01", Sud: "09"}}
    adds: [{indicator: nutrition, per_price_change: 0.5, most: 0.5, assumption: true, why: tried}]
"""


def test_what_a_shock_of_prices_lacks_is_said(country):
    pack, landing, run = country
    mended(pack, landing)
    (pack / "sources.yaml").write_text((pack / "sources.yaml").read_text(encoding="utf-8") + PRICES, encoding="utf-8")
    (pack / "shocks.yaml").write_text(SHOCKS, encoding="utf-8")
    rows = "2020-02-01,Nord,a,,,rice,KG,Retail,5\n2020-02-01,South,b,,,rice,KG,Retail,5\n2020-02-01,Sud,c,,,rice,KG,Retail,5\n"
    (landing / "tables" / "prices.csv").write_text("date,region,market,x,y,good,unit,kind,price\n" + rows)
    code, said = run("check", "abc", "--landing", landing)
    assert code == 2
    assert "shock dear: regions gives Sud the code '09', which is of no area of level" in said
    assert "1 of 3 markets are left out, first c" in said


def test_households_whose_code_is_of_no_area_and_those_that_are_put_elsewhere_are_said(country):
    pack, landing, run = country
    mended(pack, landing)
    wave = landing / "survey"
    wave.mkdir()
    answers = ",".join(load_measure(measure_files(pack)["global_mpi"]).indicator_ids)
    codes = ["0101"] * 8 + ["0298", "0299", "9901"]
    rows = [
        f"h{i},p{i % 4},s,1,4,{code},{','.join('01'[(i + j) % 2] for j in range(10))}" for i, code in enumerate(codes)
    ]
    (wave / "hh.csv").write_text("\n".join([f"id,psu,stratum,weight,size,area,{answers}", *rows]) + "\n")
    columns = "{household_id: id, psu: psu, stratum: stratum, weight: weight, hh_size: size, area_id: area}"
    indicators = ", ".join(f"{one}: {one}" for one in answers.split(","))
    (wave / "survey.yaml").write_text(
        f"title: t\nfieldwork: {{start: 2020-03-01, end: 2020-06-30}}\nfile: hh.csv\ncolumns: {columns}\nindicators: {{{indicators}}}\n"
    )
    (pack / "changes.csv").write_text("old,new\n0298,0102\n0299,0103\n")
    with (pack / "country.yaml").open("a") as file:
        file.write('editions: [{edition: "1"}, {edition: "2", changes: changes.csv}]\n')
    with (pack / "sources.yaml").open("a") as file:
        file.write(
            f"- {{source_id: wave, title: t, description: d, role: survey, reader: survey, path: survey, {COMMON}}}\n"
        )
    code, said = run("check", "abc", "--landing", landing)
    assert code == 0, said
    assert "survey: 1 of 11 households name 1 codes of no area, first 9901: they count for the country alone" in said
    assert "survey: 2 of 11 households are put where their area is now: 0298 in 0102, 0299 in 0103" in said


WRONG = [
    ("sources.yaml", "name_en: NAME}", "name_en: NAMEN}", "1 columns missing, first 'NAMEN'; the file has CODE, NAME"),
    ("country.yaml", "parent: {prefix: 2}", "parent: {column: region}", "no column region, by which a district knows its parent; columns"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "problem"), WRONG)
def test_boundaries_that_cannot_be_used_are_one_fault_with_what_there_is(country, file, old, new, problem):
    pack, landing, run = country
    mended(pack, landing)
    write(pack / file, old, new)
    code, said = run("check", "abc", "--landing", landing)
    assert code == 2
    assert said.count(problem) == 1, said
    assert "faults of country abc: 1" in said


@pytest.mark.parametrize(("forms", "hint"), [("{n:02d}", "; all are written as those of a region"), ("X{n}", "")])
def test_boundaries_of_another_level_are_said_to_be_of_that(country, forms, hint):
    pack, landing, run = country
    mended(pack, landing)
    shapes = gpd.read_file(landing / "boundaries" / "finest.geojson")
    shapes["CODE"] = [forms.format(n=n) for n in range(1, 13)]
    shapes.to_file(landing / "boundaries" / "finest.geojson")
    write(pack / "sources.yaml", "{from: CODE, type: code, digits: 4}", "{from: CODE, type: code}")
    code, said = run("check", "abc", "--landing", landing)
    assert code == 2
    assert f"12 of 12 polygons have no code of a district, first {forms.format(n=1)!r}{hint} " in said, said
    assert ("is this file of level district?" in said) == bool(hint)


def other_parent(pack, landing):
    write(landing / "boundaries" / "finest.geojson", '"CODE": "0105"', '"CODE": "0905"')
    write(landing / "boundaries" / "finest.geojson", '"CODE": "0206"', '"CODE": "0806"')
    write(pack / "country.yaml", r"code: '\d{2}'", "code: '0[12]'")


def same_code(pack, landing):
    write(landing / "boundaries" / "finest.geojson", '"CODE": "0105"', '"CODE": "0104"')
    write(landing / "tables" / "population.csv", "0106,", "0105,")


def no_such_level(pack, landing):
    write(pack / "sources.yaml", "polygons: district", "polygons: distrikt")
    write(pack / "country.yaml", "parent: {prefix: 2}", "parent: {prefx: 2}")


def no_words(pack, landing):
    write(
        pack / "country.yaml",
        "- {code: en, name: English}",
        "- {code: en, name: English}\n  - {code: fr, name: Français}",
    )
    (pack / "words").mkdir()
    (pack / "words" / "fr.yaml").write_text("topic: Thème\n")


def truth_offered(pack, landing):
    write_truth(pack)
    write(landing / "tables" / "clinics.csv", "0101,1", "9901,1")


FIVE = [
    (other_parent, ["2 of 12 areas of level district lie in no region; the first is '0806', in '08'"]),
    (
        same_code,
        [
            "2 of 12 features: duplicate key; first area_code = '0104'",
            "2 of 10 rows: duplicate key; first area_code = '0105'",
        ],
    ),
    (no_such_level, ["there is no level 'distrikt'", "unknown key 'prefx'"]),
    (
        no_words,
        ["words of pages are missing in fr", "ABC has no name in fr", "level region has no name in fr", "nutrition"],
    ),
    (truth_offered, ["income.income holds the rates of rates of 2020", "1 of 1 area codes are unknown; first '9901'"]),
]


@pytest.mark.parametrize(("spoil", "problems"), FIVE, ids=[one.__name__ for one, _ in FIVE])
def test_a_pack_with_errors_on_purpose_has_each_of_them_named_at_once(country, spoil, problems):
    pack, landing, run = country
    mended(pack, landing)
    spoil(pack, landing)
    code, said = run("check", "abc", "--landing", landing)
    assert code == 2
    assert [problem for problem in problems if problem not in said] == [], said
