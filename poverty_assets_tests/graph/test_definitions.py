"""The code location, as Dagster's server loads it."""

import ast
import datetime as dt
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest
import yaml

from poverty_assets.definitions import build_definitions
from poverty_assets.errors import NotObserved, UsageError
from poverty_assets.graph.assets.landed import GROUPS, upstream
from poverty_assets.graph.assets.recipe import Pack
from poverty_assets.graph.freshness import by_when
from poverty_assets.graph.partitions import quarter_of, quarterly, yearly
from poverty_assets.graph.schedules import requests
from poverty_assets.pack.country import load_country, load_sources
from poverty_assets.quarter import Quarter
from poverty_assets.running.refresh import preflight
from poverty_assets.settings import Settings
from poverty_assets.warehouse.gate import KINDS
from poverty_assets.warehouse.local import tables_of
from poverty_assets_tests.fetching.conftest import entry
from poverty_assets_tests.parsed import PACKAGE, nodes_of, tree_of
from poverty_assets_tests.warehouse.small_lake import KHM

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
        assert node.tags["data"] in ("real", "simulated"), name
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


def test_every_group_can_be_taken_in_at_a_glance(nodes):
    sizes = Counter(node.group_name for node in nodes)
    assert all(size <= 30 for size in sizes.values()), sizes
    assert {
        "sources_areas",
        "sources_survey",
        "sources_rasters",
        "small_area_model",
        "small_area_figures",
        "uncertainty",
    } <= set(sizes)


def test_every_source_says_what_its_columns_hold(nodes):
    shown = {}
    for node in nodes:
        name = node.key.to_user_string()
        if name.startswith("src_"):  # of other forms (published tables, surveys) the columns are those that they become
            shown[name] = node.metadata["dagster/column_schema"].columns
            assert all(column.description for column in shown[name]), name
    table = shown.get("src_commune_counts") or shown["src_idpoor_2022"]
    columns = {column.name: column for column in table}
    assert columns["area_code"].type == "code"
    assert "of the file" in columns["households"].description
    assert {"cells", "dtype", "crs"} <= {column.name for column in shown["src_elevation"]}


def test_every_check_of_a_table_speaks_of_one_quarter_and_the_gates_are_the_warehouses_own(definitions):
    graph = definitions.resolve_asset_graph()
    checks = {key: graph.get(key) for key in graph.asset_check_keys}
    of_warehouse = {key.name for key in checks if key.asset_key == dg.AssetKey("warehouse")}
    assert of_warehouse == set(KINDS)
    for key, node in checks.items():
        assert (node.partitions_def is None) == (key.asset_key == dg.AssetKey("warehouse")), key


def test_all_but_the_warehouse_its_pages_and_what_came_are_partitioned_by_quarter(nodes):
    came = {"arrivals"} if all(n.key != dg.AssetKey("simulated_landing") for n in nodes) else set()
    own = [n for n in nodes if n.group_name not in GROUPS]
    assert {n.key.to_user_string() for n in own if n.partitions_def is None} == {"warehouse", "pages"} | came


def test_quarters_begin_where_a_refresh_could_make_one_so_that_none_is_missing_for_ever(definitions, tmp_path):
    first = Quarter.from_key(definitions.resolve_job_def("quarter").partitions_def.get_first_partition_key())
    if dg.AssetKey("simulated_landing") in definitions.resolve_asset_graph().get_all_asset_keys():
        horizon = yaml.safe_load((load_country("khm").folder / "simulated.yaml").read_text())["horizon"]
        assert str(first) == horizon["first"]
        settings = Settings(home=tmp_path, country="khm", sources="simulated")
        preflight(settings, [first], dt.date(2027, 1, 1))
        with pytest.raises(NotObserved, match=f"ask for {first} or a later quarter"):
            preflight(settings, [first.shift(-1)], dt.date(2027, 1, 1))
    else:
        assert str(first) == load_country("khm").first_quarter


def test_quarters_the_file_and_its_pages_have_to_be_there_by_a_day(definitions):
    graph = definitions.resolve_asset_graph()
    simulated = dg.AssetKey("simulated_landing") in graph.get_all_asset_keys()
    wanted = by_when(Pack([], quarterly(Quarter(2010, 1)), load_country("khm"), simulated))
    for name in ("quarter_seal", "warehouse", "pages"):
        assert graph.get(dg.AssetKey(name)).freshness_policy == wanted, name


def test_what_lands_has_the_partitions_and_the_freshness_of_its_cadence_and_simulated_homes_have_none(definitions):
    graph = definitions.resolve_asset_graph()
    every = {key.path[-1]: graph.get(key) for key in graph.get_all_asset_keys()}
    landed = {name: node for name, node in every.items() if node.group_name in GROUPS}
    if not landed:
        assert dg.AssetKey("simulated_landing") in graph.get_all_asset_keys()
        return
    specs = load_sources(load_country("khm"), simulated=False)
    assert set(landed) == {spec.source_id for spec in specs if spec.package is None}
    for spec in specs:
        if spec.package is not None:
            continue
        node = landed[spec.source_id]
        assert node.is_materializable == (spec.fetch is not None), spec.source_id
        begins = {"once": None, "year": "%Y", "quarter": "%Y-%m-%d"}[spec.cadence]
        assert (node.partitions_def and node.partitions_def.fmt) == begins, spec.source_id
        assert (node.freshness_policy is None) == (spec.cadence == "once"), spec.source_id
        assert node.key in graph.get(dg.AssetKey(f"src_{spec.source_id}")).parent_keys
    (rain,) = [spec for spec in specs if spec.source_id == "rainfall"]
    window = landed["rainfall"].freshness_policy
    assert window.warn_window.days == 92 + rain.fetch.lag_days
    assert window.fail_window > window.warn_window


def test_a_quarter_of_a_yearly_source_lies_downstream_of_its_own_year_or_the_one_before():
    (dep,) = upstream(
        entry("https://example.org/{year}.tif", cadence="year"),
        Pack([], quarterly(Quarter(2010, 1)), load_country("khm"), simulated=False),
    )
    mapped = dep.partition_mapping.get_upstream_mapped_partitions_result_for_partitions(
        quarterly(Quarter(2010, 1)).subset_with_partition_keys(["2026-07-01"]),
        quarterly(Quarter(2010, 1)),
        yearly(2009),
        current_time=dt.datetime(2026, 11, 1, tzinfo=dt.UTC),
    )
    assert set(mapped.partitions_subset.get_partition_keys()) == {"2025"}


def test_no_run_of_a_quarter_fetches(definitions):
    keys = definitions.resolve_job_def("quarter").asset_layer.executable_asset_keys
    assert [key for key in keys if key.path[0] == "landed"] == []


def test_the_schedule_runs_twenty_days_after_a_quarters_end_for_that_quarter(definitions):
    (schedule,) = definitions.schedules
    begins = [one for one in (*definitions.schedules, *definitions.sensors) if one.name == "quarterly_refresh"]
    assert len(begins) == 1
    if schedule in begins:  # of the twin; where real files land, a sensor looks from that day on
        assert schedule.cron_schedule == "0 2 20 1,4,7,10 *"
        assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    else:
        assert begins[0].default_status == dg.DefaultSensorStatus.RUNNING
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


@pytest.mark.slow
def test_only_the_wiring_knows_that_dagster_exists():
    offenders = []
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).parts
        if parts[0] in WIRING:
            continue
        for node in nodes_of(path):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            offenders += [f"{'/'.join(parts)}: {name}" for name in names if name.split(".")[0] == "dagster"]
    assert offenders == []


@pytest.mark.slow
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


@pytest.mark.slow
def test_loading_the_code_location_warns_of_nothing(tmp_path):
    code = (
        "import warnings; warnings.simplefilter('always'); import poverty_assets.definitions as d; from pathlib import Path;"
        f" from poverty_assets.settings import Settings; d.build_definitions(Settings(home=Path({str(tmp_path)!r}))).resolve_asset_graph()"
    )
    answer = subprocess.run([sys.executable, "-W", "always", "-c", code], capture_output=True, text=True, check=True)
    assert [line for line in answer.stderr.splitlines() if "Warning" in line and "dagster" in line.lower()] == []


def test_a_run_that_was_asked_for_several_quarters_says_what_to_ask_for():
    tags = {"dagster/asset_partition_range_start": "2022-07-01", "dagster/asset_partition_range_end": "2022-10-01"}
    with pytest.raises(UsageError, match="a run makes one quarter, and this one was asked for several") as caught:
        quarter_of(SimpleNamespace(run=SimpleNamespace(tags=tags)))
    assert "Remedy: ask for one run a partition" in caught.value.message


def test_every_package_says_what_belongs_in_it():
    for path in PACKAGE.rglob("__init__.py"):
        docstring = ast.get_docstring(tree_of(path)) or ""
        assert "Belongs here" in docstring, path


@pytest.mark.parametrize(("last_day", "due"), [(75, "4,7,10,1"), (20, "2,5,8,11"), (110, "5,8,11,2")])
def test_real_quarters_have_to_be_there_after_they_have_waited_their_longest(last_day, due):
    country = load_country("khm").model_copy(update={"last_day": last_day})
    policy = by_when(Pack([], quarterly(Quarter(2010, 1)), country, simulated=False))
    assert policy.deadline_cron == f"0 2 1 {due} *"
    for month in map(int, due.split(",")):
        deadline = dt.date(2027, month, 1)
        ended = max(
            day
            for year in (2026, 2027)
            for n in (1, 2, 3, 4)
            if (day := Quarter(year, n).end) <= deadline - dt.timedelta(last_day)
        )
        assert dt.timedelta(last_day) < deadline - ended
