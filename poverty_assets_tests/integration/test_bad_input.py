"""Bad input through the command line: the file, the place, the reason, the remedy; nothing published."""

import json

import numpy as np
import pandas as pd
import pytest

from poverty_assets.catalog import SCHEMA
from poverty_assets_tests.integration.conftest import QUARTER
from poverty_assets_tests.landing import CORNER
from poverty_assets_tests.made_files import write_raster

REGISTER = "registers/prism_idpoor_communes_2022_01_01.json"
FLOOD = "registers/prism_flood_hazard_index_communes.json"
FRICTION = "rasters/gds4ae/cambodia_2020_walking_friction_surface.tif"
DATABASE = "registers/cdb_commune_census_data_2011.csv"


def edit_register(folder, change):
    value = json.loads((folder / REGISTER).read_text())
    change(value["DataList"])
    (folder / REGISTER).write_text(json.dumps(value))


def missing_file(folder):
    (folder / REGISTER).unlink()


def empty_file(folder):
    (folder / FLOOD).write_bytes(b"")


def truncated_geotiff(folder):
    data = (folder / FRICTION).read_bytes()
    (folder / FRICTION).write_bytes(data[: len(data) // 2])


def raster_without_crs(folder):
    write_raster(folder / FRICTION, np.ones((80, 100)), 0.025, CORNER, crs=None)


def wrong_encoding(folder):
    text = (folder / DATABASE).read_bytes().decode("mac_roman").replace("Commune 010101", "Krâchéh")
    (folder / DATABASE).write_bytes(text.encode("utf-8"))


def unknown_commune_code(folder):
    edit_register(folder, lambda records: records[3].update(Adm3_text="991234"))


def duplicate_key(folder):
    edit_register(folder, lambda records: records[5].update(Adm3_text=records[4]["Adm3_text"]))


def share_above_one(folder):
    edit_register(folder, lambda records: records[7].update(Total_Poor_12_HHs=records[7]["Total_HHs"] + 1))


def published_share_above_one(folder):
    path = folder / "published/global_mpi.csv"
    path.write_text(path.read_text().replace("16.6", "166", 1))


def survey_without_weights(folder):
    wave = folder / "survey" / "dhs_2021_22"
    wave.mkdir(parents=True)
    pd.DataFrame({"hh": ["a"], "psu": [1], "stratum": [1], "size": [4], "commune": ["010101"]}).to_csv(
        wave / "h.csv", index=False
    )
    (wave / "survey.yaml").write_text(
        "title: A wave\nfieldwork: {start: 2021-09-15, end: 2022-02-15}\nfile: h.csv\n"
        "columns: {household_id: hh, psu: psu, stratum: stratum, hh_size: size, area_id: commune}\n"
        "indicators: {}\n"
    )


CASES = [
    (missing_file, REGISTER, "no such file", "PRISM"),
    (empty_file, FLOOD, "empty", "PRISM"),
    (truncated_geotiff, FRICTION, "cannot be read", "truncated"),
    (raster_without_crs, FRICTION, "coordinate reference system", "gdal_edit"),
    (wrong_encoding, DATABASE + ", line 2", "UTF-8, not mac_roman", "encoding"),
    (
        unknown_commune_code,
        REGISTER + ", record 4",
        "1 of 80 area codes are unknown; first '991234'",
        "country.yaml",
    ),
    (duplicate_key, REGISTER + ", row 5", "duplicate key", "correct the file"),
    (share_above_one, REGISTER + ", row 8, column listed", "listed is above households", "correct the file"),
    (published_share_above_one, "global_mpi.csv", "outside 0 to 1", "publisher"),
    (survey_without_weights, "survey.yaml", "weight", "weight"),
]


@pytest.mark.parametrize(("spoil", "place", "reason", "remedy"), CASES, ids=[case[0].__name__ for case in CASES])
def test_a_spoilt_file_is_refused_and_nothing_is_published(run_cli, home, broken, spoil, place, reason, remedy):
    before = (home / "warehouse/poverty.duckdb").read_bytes()
    spoil(broken)
    answer = run_cli(home, "refresh", "--quarter", QUARTER, "--sources", "landing", "--landing", broken)
    assert answer.code == 2
    assert place in answer.err
    assert reason in answer.err
    assert remedy in answer.err.split("Remedy:")[1]
    assert "Traceback" not in answer.err + answer.out
    assert (home / "warehouse/poverty.duckdb").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "reason", "remedy"),
    [
        (["--quarter", QUARTER, "--landing", "nowhere"], "nowhere: no such landing folder", "--landing DIR"),
        (["--quarter", "2099Q1"], "2099Q1 has not ended; the latest complete quarter is", "earlier quarter"),
        (["--quarter", "1999Q1"], "1999Q1 lies before any source", "later quarter"),
        (["--quarter", "2022Q5"], "'2022Q5' is not a quarter", "2022Q1"),
        (["--sources", "simulated"], "holds landing and was asked for simulated", "another folder"),
        (["--country", "xyz"], "no country 'xyz'", "khm"),
        (["--measure", "xyz"], "no measure 'xyz'", "global_mpi"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused_and_nothing_is_published(run_cli, home, arguments, reason, remedy):
    before = (home / "warehouse/poverty.duckdb").read_bytes()
    answer = run_cli(home, "refresh", *arguments)
    assert answer.code == 2
    assert reason in answer.err
    assert remedy in answer.err.split("Remedy:")[1]
    assert "Traceback" not in answer.err + answer.out
    assert (home / "warehouse/poverty.duckdb").read_bytes() == before


def test_status_of_a_home_of_an_older_form_says_so_and_what_to_do(run_cli, tmp_path):
    (tmp_path / "lake" / "fct_mpi").mkdir(parents=True)
    (tmp_path / "home.json").write_text('{"country": "khm", "sources": "simulated", "schema": 2}')
    answer = run_cli(tmp_path, "status")
    assert (answer.code, answer.out) == (2, "")
    assert (
        f"the lake of this home has form 2, and this version of poverty-assets reads and writes form {SCHEMA}"
        in answer.err
    )
    assert "name a new folder in POVERTY_ASSETS_HOME" in answer.err


def test_validate_names_every_file_it_would_refuse_and_runs_nothing(run_cli, tmp_path, broken):
    empty_file(broken)
    raster_without_crs(broken)
    answer = run_cli(tmp_path / "fresh", "validate", broken)
    assert answer.code == 2
    assert "refused flood_hazard_index" in answer.out
    assert "refused friction_walking" in answer.out
    assert "2 sources cannot be used" in answer.err
    assert not (tmp_path / "fresh").exists()
