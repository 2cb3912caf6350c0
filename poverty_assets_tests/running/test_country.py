"""`country check` and `country new`: a pack and its files, tried as they were published and with faults made on purpose."""

import datetime as dt
import json
import shutil
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

import pytest

from poverty_assets import cli
from poverty_assets.errors import UsageError
from poverty_assets.pack.country import COUNTRIES, country_folder
from poverty_assets.quarter import Quarter
from poverty_assets.running.refresh import preflight
from poverty_assets.settings import Settings

TRUTH = """
- source_id: as_published
  title: Official poverty rates as published
  description: with crossed codes
  role: truth
  reader: json_records
  path: tables/poverty.json
  publisher: p
  licence: l
  url: u
  obtain: o
  observed_from: 2011-01-01
  observed_to: 2020-12-31
  columns:
    area_code: {from: Adm2_Code, type: code, without: "417"}
    parent_name: {from: Province, type: text}
    rate_2014: {from: poverty_2014, nullable: true}
    rate_2015: {from: poverty_2015, nullable: true}
    rate_2020: {from: poverty_2020, nullable: true}
  options: {records: DataList, official: {rates: {rate_2014: 2014, rate_2015: 2015, rate_2020: 2020}, percent: true}}

- source_id: offered
  title: Tables as published
  description: the official rate among them
  role: context
  reader: json_records
  path: tables/kyr-admin-level-datasets.json
  publisher: p
  licence: l
  url: u
  obtain: o
  observed_from: 2021-01-01
  observed_to: 2021-12-31
  columns:
    area_code: {from: Adm2_Code, type: code, without: "417"}
    poverty: {from: poverty, nullable: true}
  options: {records: DataList}
  features: [{feature_id: poverty, name: Poverty, unit: percent, statistic: column, options: {value: poverty}}]
"""


@pytest.fixture
def pack(tmp_path, monkeypatch):
    """A copy of a country's folder that may be spoilt."""
    monkeypatch.setenv(COUNTRIES, str(tmp_path))

    def copied(name):
        return shutil.copytree(country_folder(name), tmp_path / name)

    return copied


@pytest.fixture
def run(monkeypatch, capsys):
    """`poverty-assets country ...`: its exit code, and all that it said."""

    def country(*command):
        monkeypatch.setattr("sys.argv", ["poverty-assets", "country", *map(str, command)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out = capsys.readouterr()
        return ended.value.code or 0, out.out + out.err

    return country


@pytest.mark.slow
@pytest.mark.parametrize("name", ["kgz", "mng"])
def test_a_country_that_comes_with_the_package_fits_its_files(name, run, shared):
    code, said = run("check", name, "--landing", shared / "realdata" / name)
    assert code == 0, said
    expected = {"kgz": "15 of 55 areas have no population", "mng": "tables differ in soum_code: of 343 in all"}
    assert expected[name] in said


PCODES = """
- source_id: pcodes
  title: Published by P-code
  description: regions bear P-codes, and one that of an aimag
  role: published
  reader: ophi_csv
  path: published/global_mpi.csv
  publisher: p
  licence: l
  url: u
  obtain: o
  observed_from: 2018-01-01
  observed_to: 2018-12-31
  options: {iso3: MNG}
"""


@pytest.fixture(scope="module")
def as_published(shared, tmp_path_factory):
    """What `country check` says of Kyrgyzstan's and Mongolia's files as they were published, a single run each."""
    packs, said = tmp_path_factory.mktemp("packs"), {}
    for name in ("kgz", "mng"):
        sources = shutil.copytree(country_folder(name), packs / name) / "sources.yaml"
        text = sources.read_text(encoding="utf-8")
        if name == "kgz":
            cut, published = "boundaries/rayons_and_cities.geojson", "boundaries/kgz_admbnda_adm2_moes_20181119.json"
            sources.write_text(text.replace(cut, published) + TRUTH, encoding="utf-8")
        else:
            sources.write_text(text[: text.index("- source_id: ophi_national")] + PCODES, encoding="utf-8")
            by_pcode(packs / name, shared / "realdata" / "mng")
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as out, redirect_stderr(out):
            patch.setenv(COUNTRIES, str(packs))
            patch.setattr(
                "sys.argv", ["poverty-assets", "country", "check", name, "--landing", str(shared / "realdata" / name)]
            )
            with pytest.raises(SystemExit) as ended:
                cli.main()
        said[name] = (ended.value.code, " ".join(out.getvalue().split()))
    return said


def by_pcode(pack, landing):
    """Mongolia's aimags under their P-codes, as the csv of OPHI writes codes; tables of soums by the codes of the statistics office."""
    features = json.loads((landing / "mng_adm1_nso_match_1212_mn.json").read_text(encoding="utf-8"))["features"]
    codes = {f["properties"]["ADM1_PCODE"][2:]: f["properties"]["NSO_CODE"] for f in features}
    country, sources = pack / "country.yaml", pack / "sources.yaml"
    text = country.read_text(encoding="utf-8")
    table = text[text.index("      table:") : text.index("}", text.index("      table:")) + 1]
    parents = ", ".join(f'"{pcode}": "{code[0]}"' for pcode, code in codes.items())
    text = text.replace(table, f"      table: {{{parents}}}").replace(r"code: '\d{3}'", r"code: '\d{2}'")
    country.write_text(text, encoding="utf-8")
    (pack / "nso.csv").write_text("nso,area_code\n" + "".join(f"{code},{pcode}\n" for pcode, code in codes.items()))
    text = sources.read_text(encoding="utf-8")
    text = text.replace("{from: NSO_CODE, type: code, digits: 3}", "{from: ADM1_PCODE, type: code, without: MN}")
    text = text.replace("    area_code: {from: CODE, type: code,", "    nso: {from: CODE, type: code,")
    text = text.replace(
        "options: {records: DataList", "options: {coded_by: {key: [nso], table: nso.csv}, records: DataList"
    )
    sources.write_text(text, encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("country", "sentence"),
    [
        ("kgz", "regions gives Bishkek the code '11', which is of no area"),
        ("kgz", "regions gives Osh City the code '21', which is of no area"),
        ("kgz", "13 of 53 areas have no population, and are kept out of totals: 02410 Karakol (city)"),
        (
            "kgz",
            "tables/poverty.json: 4 of 40 rows contradict their codes; 06207 (Alai) lies in Osh by its code, in Chui by the row",
        ),
        ("kgz", "official rates as_published: 2015 repeats 2014 in 39 of 40 areas"),
        ("kgz", "offered.poverty holds the rates of"),
        ("mng", "Khangai has the code MN62, that of aimag 62 Ovorkhangai, which is no region"),
        ("mng", "tables differ in soum_code: of 343 in all population_2020 has 340"),
    ],
)
def test_what_is_wrong_with_files_as_published_is_named_at_once(as_published, country, sentence):
    code, said = as_published[country]
    assert code == 2
    assert sentence in said, said


FAULTS = [
    ("country.yaml", "parent: {prefix: 2}", "parent: {prefx: 2}", "unknown key 'prefx'"),
    ("country.yaml", "id: rayon,", "id: oblast,", "'oblast' is there twice"),
    ("sources.yaml", "polygons: rayon", "polygons: raion", "there is no level 'raion'"),
    ("measures/global_mpi.yaml", "name_ky: Санитария", "nam_ky: Санитария", "unknown key 'nam_ky'"),
    ("measures/global_mpi.yaml", "    name_ky: Тамактануу\n", "", "nutrition has no name in ky"),
    ("country.yaml", "ky: өлкө", "kg: өлкө", "level country has no name in ky"),
    ("sources.yaml", "role: truth", "role: context", "official rates are of role truth"),
]


OF_QUOTES = [
    ("explorer.yaml", "units:\n", "units:\n  cows: {en: cows, per person}\n", "a language code (en, ky) or times or over; quote"),
    ("sources.yaml", "title: Names of oblasts", "title: Names: of oblasts", "a text that holds ': ' must be in quotes"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "problem"), [*FAULTS, *OF_QUOTES])
def test_each_fault_of_a_pack_is_named_with_its_file_and_line(pack, run, file, old, new, problem):
    path = pack("kgz") / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    code, said = run("check", "kgz")
    assert code == 2
    assert problem in said
    assert f"{path.name}, line " in said


def test_all_faults_of_a_pack_are_named_at_once(pack, run):
    folder = pack("kgz")
    forms = [
        fault for fault in FAULTS if "has no name" not in fault[3]
    ]  # names are looked at in files that can be read
    for file, old, new, _ in forms:
        path = folder / file
        path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    code, said = run("check", "kgz")
    assert code == 2
    assert [problem for *_, problem in forms if problem not in said] == []


def test_a_new_pack_validates_as_it_stands_and_is_written_once(tmp_path, monkeypatch, run):
    monkeypatch.setenv(COUNTRIES, str(tmp_path))
    assert run("new", "XYZ")[0] == 0
    assert run("check", "xyz")[0] == 0
    code, said = run("new", "XYZ")
    assert (code, "there is a country 'xyz'" in said) == (2, True)


def test_names_of_a_measure_of_the_package_are_asked_for_in_one_message_with_the_file_to_write(pack, run):
    shutil.rmtree(pack("kgz") / "measures")
    code, said = run("check", "kgz")
    assert code == 2
    assert "faults of country kgz: 1" in said
    assert "health has no name in ky, a language of the country's pages, nor have 12 others: education" in said
    assert "write measures/global_mpi.yaml in the pack: measure_id: global_mpi, base: global_mpi, name_ky: ..." in said


def test_a_pack_without_survey_and_published_totals_is_refused_in_one_sentence(
    pack, run, monkeypatch, capsys, tmp_path
):
    sources = pack("mng") / "sources.yaml"
    text = sources.read_text(encoding="utf-8")
    cut = text.index("- source_id: ophi_national"), text.index("# -----", text.index("- source_id: ophi_subnational"))
    sources.write_text(text[: cut[0]] + text[cut[1] :], encoding="utf-8")
    sentence = "no survey and no published totals: nothing will be estimated"
    code, said = run("check", "mng")
    assert (code, said.count(sentence)) == (2, 1)
    settings = Settings(country="mng", sources="landing", landing=tmp_path, home=tmp_path / "home")
    with pytest.raises(UsageError, match=sentence):
        preflight(settings, [Quarter(2022, 4)], dt.date(2026, 1, 1))


def test_a_twin_that_a_country_has_not_is_named_as_missing(pack, tmp_path):
    folder = pack("kgz")
    (folder / "simulated.yaml").unlink()
    with pytest.raises(UsageError, match=r"kgz has no simulated\.yaml: there is no twin of it"):
        preflight(Settings(country="kgz", home=tmp_path / "home"), [Quarter(2022, 4)], dt.date(2026, 1, 1))
