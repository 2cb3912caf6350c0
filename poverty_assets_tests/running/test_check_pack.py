"""Every pack can be used; in a spoilt one every fault is found at once, with its file and line."""

import shutil
from pathlib import Path

import pytest

from poverty_assets.errors import UsageError
from poverty_assets.intake.validation import validate_landing
from poverty_assets.pack.country import COUNTRIES, country_folder, country_folders
from poverty_assets.running.check_pack import check_covariates, check_pack
from poverty_assets.settings import Settings

# file, what stands there, what is put in its place, what is said of it
FAULTS = [
    ("country.yaml", "default_measure: global_mpi", "default_measure: global_mpy", "there is no measure 'global_mpy'"),
    ("country.yaml", "{idpoor: gaussian_processes", "{idpoor: gausian_processes", "there is no learner 'gausian_processes'"),
    ("country.yaml", "[nightlights_mean,", "[nightlight_mean,", "there is no feature 'nightlight_mean'"),
    ("country.yaml", "sources: [cities, towns]", "sources: [cities, town]", "there is no source 'town'"),
    ("explorer.yaml", "  village_count: {group: people", "  village_count: {group: peeple", "there is no group with a word 'peeple'"),
    ("hazards.yaml", "        threshold: 0.25", "        treshold: 1\n        threshold: 0.25", "unknown key 'treshold'"),
    ("hazards.yaml", "        source: rainfall\n", "        source: rain\n", "there is no source 'rain'"),
    ("shocks.yaml", "        probability: 0.16\n", "        probability: 16\n", "probability is 16"),
    ("shocks.yaml", "      source: food_prices\n", "      source: food_price\n", "there is no table 'food_price'"),
    ("shocks.yaml", '        Kratie: "10"', "        Kratie: 10100", "region Kratie is 10100, which is no code of a province"),
    ("registers.yaml", "register_id: simulated_register\n", "register_id: simulated\n", "there is no register 'simulated'"),
    ("measures/global_mpi.yaml", "base:", "cutofs: 1\nbase:", "unknown key 'cutofs'"),
    ("surveys/dhs.yaml", "areas:", "aeras: {}\nareas:", "unknown key 'aeras'"),
    ("simulated.yaml", "weights_18: [", "weights_18: [0, ", "weights_18 has 11 values for 10 indicators"),
]  # fmt: skip
OF_AREAS = (
    "polygons: commune, codes_from: area_codes_2014, names_from: [boundaries_province, pcodes, gazetteer_province,"
    ' gazetteer_district, gazetteer_commune], valid_from: 2014-01-01, edition: "2014", '
)
SOURCES = [
    ("sources.yaml", "options: {encoding: mac_roman}", "options: {encodng: mac_roman}", "unknown key 'encodng'"),
    ("sources.yaml", "options: {member: ", "options: {membr: ", "unknown key 'membr'"),
    ("sources.yaml", "{boundary: true}", "{boundry: true}", "unknown key 'boundry'"),
    ("sources.yaml", "options: {points: [longitude, latitude]}", "options: {points: [lon, latitude]}", "there is no column 'lon'"),
    ("sources.yaml", "options: {records: DataList}", "options: {records: [DataList]}", "input should be a valid string"),
    ("sources.yaml", "{table: national, iso3: KHM}", "{table: national, iso3: KHM, regions: {Kep: 23}}", "23, which is no code"),
    ("sources_simulated.yaml", "options: {band: quarter}", "options: {band: 0}", "greater than or equal to 1"),
    ("sources_simulated.yaml", "options: {register_id: simulated_register}", "options: {}", "register_id is missing"),
    ("sources_simulated.yaml", "statistic: stdev}", "statistic: sdev}", "statistic is 'sdev'"),
    ("sources_simulated.yaml", "  reader: geoparquet\n", "  reader: geoparket\n", "reader is 'geoparket'"),
]  # fmt: skip


@pytest.fixture
def pack(tmp_path, monkeypatch) -> Path:
    """A copy of a pack that stands in for it."""
    folder = Path(shutil.copytree(country_folder("khm"), tmp_path / "khm"))
    monkeypatch.setenv(COUNTRIES, str(tmp_path))
    assert country_folder("khm") == folder
    return folder


def spoil(folder, faults):
    """Put the faults in; file and line of each."""
    places = []
    for name, old, new, _ in faults:
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text, (name, old)
        (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")
        places.append((str(folder / name), text[: text.index(old.strip())].count("\n") + 1))
    return places


def faults_found(country_id="khm"):
    errors = check_pack(country_id)
    assert all(error.remedy for error in errors)
    return [(error.file, int(error.place.split(",")[0].removeprefix("line ")), error.problem) for error in errors]


@pytest.mark.slow
@pytest.mark.parametrize("country_id", sorted(country_folders()))
def test_a_pack_can_be_used(country_id):
    assert [error.message for error in check_pack(country_id)] == []


@pytest.mark.parametrize("faults", [FAULTS, SOURCES], ids=["files", "sources"])
def test_every_fault_of_every_file_is_found_at_once_with_its_file_and_line(pack, faults):
    places = spoil(pack, faults)
    found = faults_found()
    for (file, line), (*_, words) in zip(places, faults, strict=True):
        assert [said for said in found if said[:2] == (file, line) and words in said[2]], (file, line, words)
    assert len(found) == len(faults)


def test_what_two_files_bring_to_light_is_said_once(pack):
    spoil(pack, [("shocks.yaml", "who: near_poor", "who: nobody", "")])
    assert len(check_pack("khm")) == 1


def test_a_table_that_holds_no_prices_is_none_of_a_shock(pack):
    places = spoil(pack, [("shocks.yaml", "      source: food_prices\n", "      source: commune_database_2011\n", "")])
    [(file, line, problem)] = faults_found()
    assert (file, line) == places[0]
    assert problem == "source commune_database_2011 has no column 'date'"


def test_long_term_means_have_a_band_for_each_quarter_of_the_year(pack):
    places = spoil(pack, [("hazards.yaml", "normal: rainfall_normal", "normal: elevation", "")])
    [(file, line, problem)] = faults_found()
    assert (file, line) == places[0]
    assert "a band for each quarter of the year" in problem


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (OF_AREAS, "", "no source gives the boundaries"),
        ("codes_from: area_codes_2014", "codes_from: area_codes", "there is no source 'area_codes'"),
        ("source_id: pcodes", "source_id: places", "source_id 'places' is there twice"),
        ("feature_id: town_distance_km", "feature_id: village_count", "feature_id 'village_count' is there twice"),
    ],
)
def test_sources_of_one_file_hang_together(pack, old, new, problem):
    spoil(pack, [("sources.yaml", old, new, "")])
    said = [one for *_, one in faults_found()]
    assert any(problem in one for one in said)


@pytest.mark.parametrize(
    ("regions", "problem"),
    [("{Kep: '23', KEP: '23'}", "'KEP' and 'Kep' are one region"), ("regions.csv", "no such file: regions names it")],
)
def test_what_is_said_of_published_regions_is_checked(pack, regions, problem):
    said = "options: {table: national, iso3: KHM}"
    spoil(pack, [("sources.yaml", said, said.replace("}", f", regions: {regions}}}"), "")])
    assert [problem in error.problem for error in check_pack("khm")] == [True]


RATES = """
- {source_id: rates, title: t, description: d, role: truth, reader: csv, path: rates.csv, publisher: p, licence: l, url: u, obtain: o,
   observed_from: 2020-01-01, observed_to: 2020-12-31, columns: {area_code: {from: code, type: code}, rate: {from: poor}},
   options: {official: {rates: {rate: 2020}, percent: true}}}
- {source_id: economy, title: t, description: d, role: features, reader: csv, path: economy.csv, publisher: p, licence: l, url: u,
   obtain: o,
   observed_from: 2020-01-01, observed_to: 2020-12-31,
   columns: {area_code: {from: code, type: code}, wheat: {from: wheat}, poverty: {from: poverty}},
   features: [{feature_id: need, name: Need, unit: share, statistic: column, options: {value: 0.01 * poverty}}]}
"""


def rows_of(settings):
    read = {}
    list(validate_landing(settings, read))
    return read


@pytest.mark.slow
def test_a_covariate_that_holds_official_rates_is_refused(pack, tmp_path, monkeypatch):
    landing = tmp_path / "landing"
    landing.mkdir()
    codes = [f"{n:06d}" for n in range(10101, 10111)]
    (landing / "rates.csv").write_text("code,poor\n" + "".join(f"{code},{10 + n}\n" for n, code in enumerate(codes)))
    rows = [f"{code},{n % 3},{99 if n < 2 else 10 + n}\n" for n, code in enumerate(codes)]  # two of ten differ
    (landing / "economy.csv").write_text("code,wheat,poverty\n" + "".join(rows))
    with (pack / "sources.yaml").open("a", encoding="utf-8") as stream:
        stream.write(RATES)
    settings = Settings(home=tmp_path / "home", sources="landing", landing=landing)
    assert check_pack("khm") == []
    [error] = check_covariates(settings, rows_of(settings))
    assert error.problem.endswith("economy.poverty holds the rates of rates of 2020")
    text = (pack / "sources.yaml").read_text(encoding="utf-8")
    (pack / "sources.yaml").write_text(text.replace("value: 0.01 * poverty", "value: wheat"), encoding="utf-8")
    assert check_covariates(settings, rows_of(settings)) == []


def test_what_a_pack_says_of_official_rates_is_checked(pack):
    (pack / "truth").mkdir()
    (pack / "truth" / "rates.csv").write_text("area_id,year,value\n")
    assert ["nothing states" in error.problem for error in check_pack("khm")] == [True]
    (pack / "truth" / "truth.yaml").write_text("- {file: other.csv, title: t, source: s, licence: l, url: u}\n")
    assert [error.problem for error in check_pack("khm")] == ["there is no file 'other.csv'", "rates.csv has no entry"]


def test_files_that_are_missing_are_named_together(pack):
    for name in ("explorer.yaml", "sources_simulated.yaml"):
        (pack / name).unlink()
    assert {Path(error.file).name for error in check_pack("khm") if "no such file" in error.problem} == {
        "sources_simulated.yaml"  # the map may do without explorer.yaml
    }  # fmt: skip


def test_an_unknown_country_is_refused():
    with pytest.raises(UsageError, match="no country 'xyz'"):
        check_pack("xyz")


def test_validate_says_what_is_wrong_with_the_pack_before_it_looks_at_files(pack, monkeypatch, capsys, tmp_path):
    from poverty_assets import cli

    spoil(pack, SOURCES[:1])
    monkeypatch.setattr("sys.argv", ["poverty-assets", "validate", str(tmp_path)])
    monkeypatch.setenv("POVERTY_ASSETS_HOME", str(tmp_path / "home"))
    with pytest.raises(SystemExit) as stop:
        cli.main()
    said = capsys.readouterr().err
    assert stop.value.code == 2
    assert "sources.yaml, line" in said
    assert "did you mean 'encoding'?" in said
    assert "faults in the files of country khm: 1" in said
