"""The code location, as Dagster's server loads it."""

import ast
import datetime as dt
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml

import poverty_assets
from poverty_assets.definitions import build_definitions
from poverty_assets.graph.partitions import quarterly
from poverty_assets.graph.schedules import requests
from poverty_assets.quarter import Quarter
from poverty_assets.settings import Settings
from poverty_assets.warehouse.gate import KINDS
from poverty_assets.warehouse.local import tables_of
from poverty_assets_tests.warehouse.small_lake import KHM

PACKAGE = Path(poverty_assets.__file__).parent
WIRING = {"graph", "running", "definitions.py"}


@pytest.fixture(scope="module", params=["landing", "simulated"])
def definitions(request, tmp_path_factory):
    return build_definitions(Settings(home=tmp_path_factory.mktemp("home"), sources=request.param))


@pytest.fixture(scope="module")
def nodes(definitions):
    graph = definitions.resolve_asset_graph()
    return [graph.get(key) for key in graph.materializable_asset_keys]


def test_the_workspace_loads_the_headline_assets_as_the_server_does(tmp_path, monkeypatch):
    monkeypatch.setenv("POVERTY_ASSETS_HOME", str(tmp_path))
    entry = yaml.safe_load((PACKAGE.parent / "workspace.yaml").read_text())["load_from"][0]["python_module"]
    loaded = dg.Definitions.merge(__import__(entry["module_name"], fromlist=["x"]).poverty_assets())
    keys = {key.to_user_string() for key in loaded.resolve_asset_graph().materializable_asset_keys}
    assert {"dim_area", "area_feature", "fct_mpi", "fct_register", "survey_household", "warehouse"} <= keys


def test_every_asset_says_what_it_is_whose_it_is_and_where_it_stands(nodes):
    for node in nodes:
        name = node.key.to_user_string()
        assert len(node.description or "") > 40, name
        assert node.owners == ["team:poverty-data"], name
        assert node.kinds, name
        assert node.group_name != "default", name
        assert "sources" in node.metadata, name
        (reference,) = node.metadata["dagster/code_references"].code_references
        assert Path(reference.file_path).is_relative_to(PACKAGE / "graph" / "assets"), name


def test_every_table_of_the_lake_is_an_asset_with_its_columns_units_and_checks(definitions, nodes):
    by_name = {node.key.to_user_string(): node for node in nodes}
    checked = {key.asset_key.to_user_string() for key in definitions.resolve_asset_graph().asset_check_keys}
    for table in tables_of(KHM):
        if not table.is_one_file:
            continue
        schema = by_name[table.name].metadata["dagster/column_schema"]
        assert [c.name for c in schema.columns] == [c.name for c in table.columns], table.name
        assert all(c.description for c in schema.columns), table.name
        assert table.name in checked


def test_every_check_of_a_table_speaks_of_one_quarter_and_the_gates_are_the_warehouses_own(definitions):
    graph = definitions.resolve_asset_graph()
    checks = {key: graph.get(key) for key in graph.asset_check_keys}
    of_warehouse = {key.name for key in checks if key.asset_key == dg.AssetKey("warehouse")}
    assert of_warehouse == set(KINDS)
    for key, node in checks.items():
        assert (node.partitions_def is None) == (key.asset_key == dg.AssetKey("warehouse")), key


def test_all_but_the_warehouse_its_pages_and_what_came_are_partitioned_by_quarter(nodes):
    came = {"arrivals"} if all(n.key != dg.AssetKey("simulated_landing") for n in nodes) else set()
    assert {n.key.to_user_string() for n in nodes if n.partitions_def is None} == {"warehouse", "pages"} | came


def test_the_schedule_runs_twenty_days_after_a_quarters_end_for_that_quarter(definitions):
    (schedule,) = definitions.schedules
    assert schedule.cron_schedule == "0 2 20 1,4,7,10 *"
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    quarters = quarterly(Quarter(2010, 1))
    (tick,) = requests(quarters, dt.datetime(2026, 10, 20, 2, tzinfo=dt.UTC), [])
    assert tick.partition_key == "2026-07-01"
    assert isinstance(
        requests(quarterly(Quarter(2030, 1)), dt.datetime(2026, 10, 20, tzinfo=dt.UTC), []), dg.SkipReason
    )


@pytest.mark.parametrize(("resource", "key"), [("home", "settings"), ("home", "settings_json"), ("io_manager", "lake")])
@pytest.mark.parametrize("job", ["quarter", "publish"])
def test_no_run_can_name_another_home(definitions, job, resource, key):
    asked = {"resources": {resource: {"config": {key: "/elsewhere"}}}}
    with pytest.raises(dg.DagsterInvalidConfigError, match=f'unexpected config entry "{key}"'):
        dg.validate_run_config(definitions.resolve_job_def(job), asked)


def test_partition_keys_are_the_first_days_of_quarters():
    keys = quarterly(Quarter(2010, 1)).get_partition_keys(current_time=dt.datetime(2012, 2, 1, tzinfo=dt.UTC))
    assert keys == [Quarter(2010, 1).shift(n).key for n in range(8)]


def test_only_the_wiring_knows_that_dagster_exists():
    offenders = []
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).parts
        if parts[0] in WIRING:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            offenders += [f"{'/'.join(parts)}: {name}" for name in names if name.split(".")[0] == "dagster"]
    assert offenders == []


def test_loading_the_code_location_imports_nothing_heavy():
    heavy = (
        "great_expectations",
        "sklearn",
        "matplotlib",
        "rioxarray",
        "rasterio",
        "geopandas",
        "duckdb",
        "exactextract",
    )
    code = f"import poverty_assets.definitions, sys; print([m for m in {heavy!r} if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_every_package_says_what_belongs_in_it():
    for path in PACKAGE.rglob("__init__.py"):
        docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
        assert "Belongs here" in docstring, path
