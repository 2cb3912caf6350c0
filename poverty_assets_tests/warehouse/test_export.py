"""Exports: each format read back by the library that people read it with."""

from __future__ import annotations

import csv
import json

import duckdb
import pytest

from poverty_assets.errors import MissingFile, UsageError
from poverty_assets.quarter import Quarter
from poverty_assets.warehouse.export import export
from poverty_assets_tests.integration.conftest import run_cli  # noqa: F401
from poverty_assets_tests.warehouse.made_warehouse import BEFORE, FINEST, INDICATORS, NOW, shared_made

TARGETS = {"geoparquet": "out.parquet", "gpkg": "out.gpkg", "xlsx": "out.xlsx", "csv": "out"}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return shared_made(tmp_path_factory).parents[1]


@pytest.fixture(scope="module")
def simulated(home):
    return home / "warehouse" / "poverty.duckdb"


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    return shared_made(tmp_path_factory, simulated=False)


def ask(warehouse, sql):
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def headcounts(warehouse, quarter):
    sql = f"""SELECT area_id, estimate FROM fct_mpi WHERE is_headline AND area_level = 'commune' AND subgroup = 'all'
              AND statistic = 'headcount_ratio' AND k BETWEEN 0.33 AND 0.34 AND quarter = '{quarter.key}' ORDER BY 1"""
    return ask(warehouse, sql)


def metadata_of_gpkg(path):
    import pyogrio

    layers = [layer for layer, _ in pyogrio.list_layers(path) if layer != "layer_styles"]
    return {layer: pyogrio.read_info(path, layer=layer)["layer_metadata"] for layer in layers}


def test_a_geoparquet_profile_has_a_row_a_commune_with_its_boundary_and_the_warehouses_figures(simulated, tmp_path):
    import geopandas as gpd
    import pyarrow.parquet as pq

    target = export(simulated, tmp_path / "communes.parquet", form="geoparquet").path
    frame = gpd.read_parquet(target)
    assert list(frame["area_id"]) == list(FINEST)
    assert frame.crs.to_epsg() == 4326
    assert frame.geometry.is_valid.all()
    assert list(zip(frame["area_id"], frame["headcount_ratio"], strict=True)) == headcounts(simulated, NOW)
    assert frame["is_simulated"].all()
    assert {f"{name}_headcount_ci_low" for name in INDICATORS} <= set(frame.columns)
    assert set(frame["exposed_to_flood"]) == {0.4}
    assert (frame["newly_poor_under_pandemic"] > frame["newly_poor_under_flood"]).all()
    said = json.loads(pq.read_metadata(target).metadata[b"poverty_assets"])
    assert said["is_simulated"] is True
    assert all(row["text"] for row in said["about"])
    assert any(row["topic"] == "source" and "CC BY 4.0" in row["text"] for row in said["about"])


@pytest.mark.slow
def test_a_geopackage_says_simulated_in_its_layers_name_metadata_and_rows(simulated, real, tmp_path):
    import geopandas as gpd

    target = export(simulated, tmp_path / "a.gpkg", form="gpkg", level="district", quarters=[BEFORE, NOW]).path
    frame = gpd.read_file(target, layer="simulated_district_profile")
    assert len(frame) == 8
    assert frame["is_simulated"].all()
    assert set(frame["quarter_label"]) == {"2025Q3", "2026Q3"}
    assert metadata_of_gpkg(target)["simulated_district_profile"]["is_simulated"] == "true"
    honest = export(
        real, tmp_path / "b.gpkg", form="gpkg", tables=["fct_register", "v_mpi_latest"], level="commune"
    ).path
    assert {name: said["is_simulated"] for name, said in metadata_of_gpkg(honest).items()} == {
        "fct_register": "false", "v_mpi_latest": "false",
    }  # fmt: skip
    assert not gpd.read_file(honest, layer="fct_register")["is_simulated"].any()


@pytest.mark.slow
def test_a_workbook_has_a_sheet_a_table_and_one_about_them(simulated, tmp_path):
    from openpyxl import load_workbook

    target = export(
        simulated, tmp_path / "a.xlsx", form="xlsx", tables=["fct_mpi", "fct_bundle", "v_register_gap"]
    ).path
    book = load_workbook(target)
    assert book.sheetnames == ["about", "fct_mpi", "fct_bundle", "v_register_gap"]
    assert book.properties.title == "SIMULATED DATA"
    assert {sheet.sheet_properties.tabColor.rgb for sheet in book} == {"00B2182B"}
    about = [tuple(cell.value for cell in row) for row in book["about"].iter_rows(min_row=2)]
    assert about[0][2].startswith("SIMULATED DATA")
    assert {topic for topic, _, _ in about} == {"data", "build", "source", "column"}
    assert all(text for topic, _, text in about if topic == "column")
    rows = list(book["fct_mpi"].values)
    assert len(rows) - 1 == ask(simulated, "SELECT count(*) FROM fct_mpi WHERE quarter = '2026-07-01'")[0][0]
    assert all(row[rows[0].index("is_simulated")] is True for row in rows[1:])
    exported = sorted(row[rows[0].index("estimate")] for row in rows[1:] if row[rows[0].index("estimate")] is not None)
    known = ask(simulated, "SELECT estimate FROM fct_mpi WHERE quarter = '2026-07-01' AND NOT suppressed ORDER BY 1")
    assert exported == pytest.approx([value for (value,) in known], rel=1e-12)


def test_csv_is_a_folder_whose_files_say_simulated(simulated, tmp_path):
    target = export(simulated, tmp_path / "tables", form="csv", tables=["fct_mpi", "dim_area", "meta_source"]).path
    assert sorted(path.name for path in target.iterdir()) == [
        "simulated_about.csv", "simulated_dim_area.csv", "simulated_fct_mpi.csv", "simulated_meta_source.csv",
    ]  # fmt: skip
    for path in target.iterdir():
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert rows
        if "about" not in path.name:
            assert {row["is_simulated"] for row in rows} == {"true"}
    assert {row["name_km"] for row in csv.DictReader((target / "simulated_dim_area.csv").open(encoding="utf-8"))} == {
        "ឃុំ សង្កាត់"
    }


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_suppressed_cells_are_empty(simulated, tmp_path, form):
    done = export(simulated, tmp_path / TARGETS[form], form=form, tables=["fct_mpi", "fct_register"])
    withheld = [row for row in rows_of(done.path, form) if str(row["suppressed"]).lower() == "true"]
    shown = ("estimate", "se", "ci_low", "ci_high", "listed", "rate", "coverage_gap")
    assert len(withheld) == 4
    assert {row.get(name) or None for row in withheld for name in shown} == {None}


def rows_of(path, form):
    if form == "csv":
        files = [p for p in sorted(path.iterdir()) if "about" not in p.name]
        return [row for file in files for row in csv.DictReader(file.open(encoding="utf-8"))]
    from openpyxl import load_workbook

    sheets = [list(sheet.values) for sheet in load_workbook(path) if sheet.title != "about"]
    return [dict(zip(rows[0], row, strict=True)) for rows in sheets for row in rows[1:]]


def test_the_profile_holds_nothing_of_a_withheld_commune(simulated, tmp_path):
    import geopandas as gpd

    frame = gpd.read_parquet(export(simulated, tmp_path / "a.parquet", form="geoparquet").path).set_index("area_id")
    withheld = frame.loc[FINEST[1], ["register_rate", "register_coverage_gap", "register_coverage_gap_ci_low"]]
    assert withheld.isna().all()
    assert frame.loc[FINEST[2], "register_rate"] == pytest.approx(0.1)


@pytest.mark.slow
@pytest.mark.parametrize("form", TARGETS)
def test_same_build_same_bytes_and_no_leftovers(simulated, tmp_path, form):
    def written(folder):
        folder.mkdir()
        done = export(simulated, folder / TARGETS[form], form=form)
        return {
            p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
        }, done

    (one, done), (two, _) = written(tmp_path / "a"), written(tmp_path / "b")
    assert one == two
    assert done.rows == {"commune_profile": 12}
    assert len(one) == (2 if form in ("csv", "geoparquet") else 1)  # what is said of them, a style


@pytest.mark.slow
@pytest.mark.parametrize("form", TARGETS)
def test_an_export_that_is_there_is_replaced_only_when_that_is_asked_for(simulated, tmp_path, form):
    target = tmp_path / TARGETS[form]
    export(simulated, target, form=form, level="district")
    before = {path: path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()}
    with pytest.raises(UsageError, match="add --force"):
        export(simulated, target, form=form)
    assert {path: path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()} == before
    assert export(simulated, target, form=form, force=True).rows == {"commune_profile": 12}
    assert [
        path for path in before if path.exists() and path.read_bytes() == before[path] and "about" not in path.name
    ] == []


def test_force_replaces_no_folder_of_somebody_elses(simulated, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="csv is written to a new folder"):
        export(simulated, tmp_path / "mine", form="csv", force=True)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "mine"


def test_rows_of_areas_name_them_and_those_above_and_say_the_quarter(simulated, tmp_path):
    target = export(simulated, tmp_path / "a", form="csv", tables=["fct_hazard", "v_mpi_latest", "dim_hazard"]).path
    rows = list(csv.DictReader((target / "simulated_fct_hazard.csv").open(encoding="utf-8", newline="")))
    commune = next(row for row in rows if row["area_id"] == "010201")
    assert (commune["name_en"], commune["name_km"], commune["district_name_en"], commune["province_name_en"]) == (
        "Commune 010201", "ឃុំ សង្កាត់", "District 0102", "Province 01",
    )  # fmt: skip
    assert {row["quarter_label"] for row in rows} == {"2026Q3"}
    heads = [next(csv.reader(path.open(encoding="utf-8", newline=""))) for path in sorted(target.iterdir())]
    assert all(len(head) == len(set(head)) for head in heads)


def test_the_wide_row_has_change_ranks_audit_hot_spots_and_pairs(simulated, tmp_path):
    import geopandas as gpd
    import pyarrow.parquet as pq

    target = export(simulated, tmp_path / "a.parquet", form="geoparquet").path
    frame = gpd.read_parquet(target).set_index("area_id")
    first, last = frame.loc[FINEST[0]], frame.loc[FINEST[-1]]
    assert str(last["change_since"])[:10] == "2025-07-01"
    assert (
        last["headcount_ratio_change_ci_low"] < last["headcount_ratio_change"] < last["headcount_ratio_change_ci_high"]
    )
    assert (last["headcount_ratio_rank"], last["headcount_ratio_rank_of"]) == (1, 12)
    assert (last["n_hot"], first["n_hot"], last["is_poverty_hot"]) == (4, 0, True)
    assert len(last["hot_indicators"]) == 4
    assert last["poor_people"] == pytest.approx(last["headcount_ratio"] * last["population"])
    assert (last["district_name_en"], last["province_name_en"]) == ("District 0202", "Province 02")
    pairs = [name for name in frame.columns if name.startswith("both_") and not name.endswith(("_low", "_high"))]
    assert len(pairs) == 6
    row = ask(
        simulated,
        f"""SELECT share_both, share_both_ci_low, lift FROM v_overlap_latest WHERE area_id = '{FINEST[-1]}'
            AND indicator_a = 'nutrition' AND indicator_b = 'sanitation'""",
    )
    names = ("both_nutrition_and_sanitation", "both_nutrition_and_sanitation_ci_low", "lift_nutrition_and_sanitation")
    assert [tuple(last[name] for name in names)] == row
    country = gpd.read_parquet(export(simulated, tmp_path / "b.parquet", form="geoparquet", level="country").path)
    assert country.loc[0, "register_missed_households"] == 5000
    told = {
        row["name"].split(".")[1]
        for row in json.loads(pq.read_metadata(target).metadata[b"poverty_assets"])["about"]
        if row["topic"] == "column" and row["text"]
    }
    assert told >= set(frame.columns)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1+2", "@SUM(A1)", "\t=1+1"])
def test_no_cell_of_a_csv_begins_like_a_formula(simulated, tmp_path, text):
    import shutil

    other = shutil.copy(simulated, tmp_path / "poverty.duckdb")
    with duckdb.connect(str(other)) as connection:
        connection.execute("UPDATE check_result SET observed = $text", {"text": text})
    target = export(tmp_path / "poverty.duckdb", tmp_path / "a", form="csv", tables=["check_result"]).path
    with next(target.glob("*check_result.csv")).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["observed"] for row in rows} == {f"'{text}"}
    assert not [row for row in rows if any(cell.startswith(("=", "+", "-", "@", "\t")) for cell in row.values())]


def test_text_that_looks_like_a_formula_stays_text(simulated, tmp_path):
    import shutil

    from openpyxl import load_workbook

    other = shutil.copy(simulated, tmp_path / "poverty.duckdb")
    with duckdb.connect(str(other)) as connection:
        connection.execute("UPDATE check_result SET observed = '=1+1'")
    target = export(tmp_path / "poverty.duckdb", tmp_path / "a.xlsx", form="xlsx", tables=["check_result"]).path
    cells = [
        cell
        for row in load_workbook(target)["check_result"].iter_rows(min_row=2)
        for cell in row
        if cell.value == "=1+1"
    ]
    assert len(cells) == 3
    assert {cell.data_type for cell in cells} == {"s"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tables": ["fct_mpl"]}, r"no table or view 'fct_mpl' is published\nRemedy: did you mean fct_mpi\?"),
        ({"tables": ["fct_mpi; DROP TABLE x"]}, "no table or view"),
        ({"quarters": [Quarter(2020, 1)]}, r"is not published, first 2020Q1\nRemedy: ask for one of 2025Q3, 2026Q3"),
        ({"level": "village"}, "'village' is not a level\nRemedy: use one of country, province, district, commune"),
        ({"tables": ["v_mpi_latest"], "quarters": [BEFORE]}, "v_mpi_latest has no row of 2025Q3"),
        ({"tables": ["meta_build"]}, "meta_build has no areas to draw"),
    ],
)
def test_what_cannot_be_exported_is_refused_with_a_remedy_and_leaves_nothing(simulated, tmp_path, arguments, message):
    with pytest.raises(UsageError, match=message):
        export(simulated, tmp_path / "a.gpkg", form="gpkg", **arguments)
    assert list(tmp_path.iterdir()) == []


def test_targets_that_would_lose_something_are_refused(simulated, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "kept").write_text("kept")
    with pytest.raises(UsageError, match="csv is written to a new folder"):
        export(simulated, tmp_path / "full", form="csv")
    with pytest.raises(UsageError, match="this is a folder"):
        export(simulated, tmp_path / "full", form="xlsx")
    with pytest.raises(UsageError, match=r"a file of format gpkg ends in \.gpkg"):
        export(simulated, simulated, form="gpkg")
    with pytest.raises(UsageError, match="one table, not 2"):
        export(simulated, tmp_path / "a.parquet", form="geoparquet", tables=["fct_mpi", "fct_register"])
    with pytest.raises(MissingFile, match="nothing has been published"):
        export(tmp_path / "none.duckdb", tmp_path / "a.xlsx", form="xlsx")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["full", "kept"]


def test_the_command_says_what_it_wrote_and_refuses_with_exit_code_2(run_cli, home, tmp_path):  # noqa: F811
    done = run_cli(
        home, "export", "--format", "csv", "--to", tmp_path / "a", "--table", "fct_mpi", "--quarter", "2026Q3"
    )
    assert done.code == 0
    assert done.out == f"Wrote {tmp_path / 'a'} (SIMULATED DATA): fct_mpi {done.out.split()[-2]} rows\n"
    refused = run_cli(home, "export", "--format", "csv", "--to", tmp_path / "b", "--view", "v_nothing")
    assert refused.code == 2
    assert "Remedy" in refused.err
    assert "Traceback" not in refused.err
    assert run_cli(home, "export", "--format", "pdf", "--to", tmp_path / "b").code == 2
    assert not (tmp_path / "b").exists()
