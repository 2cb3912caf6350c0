"""A release: read by what people read it with, the same bytes for the same file, and a licence that follows from the sources."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
from xml.etree import ElementTree as ET

import duckdb
import pytest
import yaml

from poverty_assets.errors import UsageError
from poverty_assets.pack.licences import known_licences, terms_of
from poverty_assets.warehouse.release import release
from poverty_assets_tests.integration.conftest import run_cli  # noqa: F401
from poverty_assets_tests.warehouse.made_warehouse import FINEST, shared_made
from poverty_assets_tests.warehouse.small_lake import KHM

H = "is_headline AND subgroup = 'all' AND statistic = 'headcount_ratio' AND k BETWEEN 0.33 AND 0.34"
STRING, LIST = {"type": "string", "minLength": 1}, {"type": "array", "minItems": 1}
TYPES = ["string", "number", "integer", "boolean", "date", "datetime", "array", "object", "any"]
FIELD = {
    "type": "object",
    "required": ["name", "type", "description"],
    "properties": {"name": STRING, "type": {"enum": TYPES}, "description": STRING},
}
SCHEMA = {
    "type": "object",
    "required": ["fields"],
    "properties": {
        "fields": {**LIST, "items": FIELD},
        "primaryKey": {**LIST, "items": STRING},
        "foreignKeys": {
            **LIST,
            "items": {
                "type": "object",
                "required": ["fields", "reference"],
                "properties": {"reference": {"type": "object", "required": ["fields", "resource"]}},
            },
        },
    },
}
PACKAGE = {
    "type": "object",
    "required": ["name", "resources"],
    "properties": {
        "$schema": {"const": "https://datapackage.org/profiles/2.0/datapackage.json"},
        "name": {"type": "string", "pattern": "^[a-z0-9._-]+$"},
        "created": {"type": "string", "format": "date-time"},
        "licenses": {**LIST, "items": {"type": "object", "anyOf": [{"required": ["name"]}, {"required": ["path"]}]}},
        "contributors": {**LIST, "items": {"type": "object", "required": ["title"]}},
        "sources": {**LIST, "items": {"type": "object", "required": ["title"]}},
        "resources": {
            **LIST,
            "items": {
                "type": "object",
                "required": ["name", "path", "bytes", "hash", "format", "mediatype"],
                "properties": {
                    "name": {"type": "string", "pattern": "^[a-z0-9._-]+$"},
                    "path": {"type": "string", "pattern": r"^[^/~.][^:]*$"},
                    "hash": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
                    "bytes": {"type": "integer", "minimum": 1},
                    "type": {"const": "table"},
                    "schema": SCHEMA,
                },
            },
        },
    },
}
"""What the standard (datapackage.org, version 2.0) asks of a package, a resource and a table's schema, as far as a release uses it."""


def tool(name: str) -> str:
    """The path of a program of Debian's; where it is absent the test is skipped by name, and fails in continuous integration."""
    path = shutil.which(name)
    if path is None and os.environ.get("CI") == "true":
        pytest.fail(f"{name} is absent; .ci/run installs it")
    return path or pytest.skip(f"{name} is absent (apt-get install r-base-core gdal-bin)")


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory):
    return shared_made(tmp_path_factory)


@pytest.fixture(scope="module")
def released(warehouse, tmp_path_factory):
    return release(warehouse, tmp_path_factory.mktemp("out") / "release", KHM).path


@pytest.fixture(scope="module")
def package(released):
    return json.loads((released / "datapackage.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def headcounts(warehouse):
    """The headline headcount ratio of each area of the latest quarter."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        sql = f"SELECT area_id, estimate FROM fct_mpi WHERE {H} AND quarter = (SELECT max(quarter) FROM dim_quarter)"
        return dict(connection.execute(sql).fetchall())


@pytest.mark.slow
def test_every_table_is_there_as_it_is_read(released, warehouse):
    import pyarrow.parquet as pq

    with duckdb.connect(str(warehouse), read_only=True) as connection:
        sql = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'main'"
        names = {row[0] for row in connection.execute(sql).fetchall()} - {"v_draw", *KHM.aliases}
        assert {path.stem for path in (released / "data").iterdir()} == names
        for name in sorted(names):
            table = pq.read_table(released / "data" / f"{name}.parquet")
            columns = {row[0] for row in connection.execute(f'DESCRIBE "{name}"').fetchall()}
            assert (set(table.column_names), table.num_rows) == (
                columns, connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0],
            ), name  # fmt: skip
            assert all(one.metadata[b"description"] for one in table.schema), name


def test_pandas_and_geopandas_read_the_figures_of_the_warehouse(released, headcounts):
    import geopandas as gpd
    import pandas as pd

    figures = pd.read_parquet(released / "data" / "v_figure.parquet")
    chosen = figures[(figures["figure_id"] == "headcount_ratio") & (figures["subgroup"] == "all")]
    latest = chosen[chosen["quarter_label"] == "2026Q3"].set_index("area_id")
    assert latest["estimate"].to_dict() == headcounts
    assert latest.loc["010201", "district_name_en"] == "District 0102"
    areas = gpd.read_parquet(released / "maps" / "commune_profile.parquet")
    assert list(areas["area_id"]) == list(FINEST)
    assert areas.crs.to_epsg() == 4326
    assert areas.set_index("area_id")["headcount_ratio"].to_dict() == {code: headcounts[code] for code in FINEST}


def test_r_reads_the_figures_of_the_warehouse(released, headcounts):
    script = """
    d <- read.csv("text/v_mpi_latest.csv", colClasses = c(area_id = "character"), encoding = "UTF-8")
    d <- d[d$statistic == "headcount_ratio" & d$is_headline_k == "true", ]
    cat(sprintf("%s %.17g", d$area_id, d$estimate), sep = "\\n")
    book <- read.csv("codebook.csv")
    stopifnot(all(c("table", "column", "type", "unit", "key", "meaning") %in% names(book)), all(nchar(book$meaning) > 0))
    """
    done = subprocess.run([tool("Rscript"), "-e", script], cwd=released, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    read = dict(line.split() for line in done.stdout.splitlines())
    assert {area: float(value) for area, value in read.items()} == headcounts


def test_gdal_reads_the_maps(released, headcounts):
    """Debian's GDAL has no driver for Parquet; the same rows lie in a GeoPackage."""
    layer = "simulated_commune_profile"
    sql = f"SELECT area_id, headcount_ratio FROM {layer} WHERE area_id = '{FINEST[-1]}'"
    done = subprocess.run(
        [tool("ogrinfo"), "-ro", "-al", "-sql", sql, str(released / "maps" / "areas.gpkg")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "Feature Count: 1" in done.stdout
    shown = float(next(line for line in done.stdout.splitlines() if "headcount_ratio (Real)" in line).split("=")[1])
    assert shown == pytest.approx(headcounts[FINEST[-1]], abs=1e-12)


def test_sums_are_those_that_sha256sum_checks(released):
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=released, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    files = {path.relative_to(released).as_posix() for path in released.rglob("*") if path.is_file()}
    listed = {line.split("  ", 1)[1] for line in (released / "SHA256SUMS").read_text().splitlines()}
    assert listed == files - {"SHA256SUMS"}


def test_the_package_is_what_the_standard_asks_and_what_is_there(released, package):
    import jsonschema

    jsonschema.validate(package, PACKAGE)
    by_path = {one["path"]: one for one in package["resources"]}
    assert {"data/fct_mpi.parquet", "text/dim_level.csv", "maps/commune_profile.parquet", "codebook.csv"} <= set(
        by_path
    )
    for path, one in by_path.items():
        held = (released / path).read_bytes()
        assert (one["bytes"], one["hash"]) == (len(held), f"sha256:{hashlib.sha256(held).hexdigest()}"), path
    mpi = by_path["data/fct_mpi.parquet"]["schema"]
    assert mpi["primaryKey"] == ["quarter", "area_id", "measure_id", "subgroup", "k", "statistic", "method"]
    assert {key["reference"]["resource"] for key in mpi["foreignKeys"]} == {"dim_area", "dim_quarter"}
    estimate = next(field for field in mpi["fields"] if field["name"] == "estimate")
    assert (estimate["unit"], estimate["constraints"]) == ("share, 0 to 1", {"minimum": 0, "maximum": 1})
    assert {one["name"] for one in package["resources"]} >= {"dim_area", "dim_quarter"}
    assert package["schema_version"] == 1


def test_the_codebook_tells_every_column_of_every_file(released):
    import pandas as pd
    import pyarrow.parquet as pq

    book = pd.read_csv(released / "codebook.csv", keep_default_na=False)
    assert set(book.loc[book["meaning"] == "", "column"]) == set()
    told = {name: set(rows["column"]) for name, rows in book.groupby("table")}
    for path in [*(released / "data").iterdir(), *(released / "maps").glob("*.parquet")]:
        assert set(pq.read_schema(path).names) == told[path.stem], path.stem
    page = (released / "codebook.md").read_text(encoding="utf-8")
    assert all(f"\n## {name}\n" in page for name in told)


def test_it_says_simulated_where_people_and_programs_look(released, package):
    for name in ("README.md", "LICENSE.txt", "CITATION.cff"):
        assert "SIMULATED DATA" in (released / name).read_text(encoding="utf-8"), name
    assert package["is_simulated"] is True
    assert "SIMULATED DATA" in package["title"]


def test_the_citation_names_every_source(released, package):
    cited = yaml.safe_load((released / "CITATION.cff").read_text(encoding="utf-8"))
    assert (cited["cff-version"], cited["type"], cited["license"]) == ("1.2.0", "dataset", "CC-BY-4.0")
    assert {one["title"] for one in cited["references"]} == {one["title"] for one in package["sources"]}
    assert all(one["authors"][0]["name"] and one["url"] for one in cited["references"])


@pytest.mark.slow
def test_the_same_file_gives_the_same_bytes(released, warehouse, tmp_path):
    again = release(warehouse, tmp_path / "again", KHM).path
    assert (again / "SHA256SUMS").read_text() == (released / "SHA256SUMS").read_text()


@pytest.mark.slow
def test_nothing_is_overwritten_unless_it_is_a_release_and_that_is_asked_for(warehouse, released, tmp_path):
    with pytest.raises(UsageError, match="this is there already\nRemedy: name a new folder, or add --force"):
        release(warehouse, released, KHM)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="is no release"):
        release(warehouse, tmp_path / "mine", KHM, force=True)
    old = shutil.copytree(released, tmp_path / "old")
    (old / "stale.txt").write_text("stale")
    release(warehouse, old, KHM, force=True)
    assert not (old / "stale.txt").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "old"]
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_maps_carry_a_style_that_goes_from_light_to_dark(released):
    with sqlite3.connect(released / "maps" / "areas.gpkg") as connection:
        rows = connection.execute(
            "SELECT f_table_name, f_geometry_column, styleQML, useAsDefault FROM layer_styles"
        ).fetchall()
        held = connection.execute("SELECT data_type FROM gpkg_contents WHERE table_name = 'layer_styles'").fetchall()
    assert held == [("attributes",)]
    assert [(name, shape, default) for name, shape, _, default in rows] == [
        (f"simulated_{level}_profile", "geom", 1) for level in ("province", "district", "commune")
    ]
    style = ET.fromstring(rows[-1][2])
    assert rows[-1][2] == (released / "maps" / "commune_profile.qml").read_text(encoding="utf-8")
    renderer = style.find("renderer-v2")
    assert (renderer.get("type"), renderer.get("attr")) == ("graduatedSymbol", "headcount_ratio")
    bounds = [(float(one.get("lower")), float(one.get("upper"))) for one in renderer.find("ranges")]
    assert len(bounds) == 5
    assert all(low < high for low, high in bounds)
    assert [high for _, high in bounds[:-1]] == [low for low, _ in bounds[1:]]
    fills = [one.find(".//Option[@name='color']").get("value").split(",")[:3] for one in renderer.find("symbols")]
    light = [sum(int(part) for part in fill) for fill in fills]
    assert light == sorted(light, reverse=True)
    names = {one.get("field"): one.get("name") for one in style.find("aliases")}
    assert names["headcount_ratio_ci_low"] == "Headcount ratio, lower bound"


@pytest.mark.parametrize(
    ("licences", "name"),
    [
        (["public domain", "simulated, CC0"], "CC0 1.0"),
        (["public domain", "MIT (repository)"], "CC BY 4.0"),
        (["The DHS Program's terms of use; registered users only"], "CC BY 4.0"),
        (["CC BY 4.0", "ODbL 1.0", "ODbL"], "ODbL 1.0"),
        (["CC BY 4.0", "CC BY-NC 4.0"], "CC BY-NC 4.0"),
        (["CC BY-NC 4.0", "CC BY-NC-SA 4.0"], "CC BY-NC-SA 4.0"),
        (["CC BY-SA 4.0", "ODbL 1.0"], None),
        (["CC BY-SA 4.0", "CC BY-NC 4.0"], None),
        (["CC BY 4.0", "CC BY-ND 4.0"], None),
        (["CC BY 4.0", "as agreed with the office"], None),
    ],
)
def test_the_source_that_asks_most_decides_the_licence(licences, name):
    terms = terms_of({f"s{i}": text for i, text in enumerate(licences)})
    assert (terms.licence.name if terms.licence else None) == name
    assert terms.reason


def test_an_unknown_licence_is_named_with_its_source():
    assert terms_of({"a": "ask us"}).reason.startswith("nobody has said what the licence of a ('ask us') asks")
    assert len({one.name for one in known_licences().values()}) > 10


@pytest.mark.slow
def test_the_command_writes_a_release_and_says_what_it_goes_on_under(run_cli, warehouse, tmp_path):  # noqa: F811
    home = warehouse.parents[1]
    done = run_cli(home, "export", "--release", tmp_path / "r")
    assert done.code == 0, done.err
    assert "(SIMULATED DATA)" in done.out
    assert "Licence: CC BY 4.0" in done.out
    refused = run_cli(home, "export", "--release", tmp_path / "r")
    assert (refused.code, "--force" in refused.err) == (2, True)
    assert run_cli(home, "export", "--release", tmp_path / "s", "--format", "csv").code == 2
    assert run_cli(home, "export").code == 2
