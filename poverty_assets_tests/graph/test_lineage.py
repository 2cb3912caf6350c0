"""From a figure to its source files, the run and the version of the code that made it, in one query."""

import dagster as dg
import duckdb
import pandas as pd
import pytest

from poverty_assets import __version__
from poverty_assets.catalog import TABLES
from poverty_assets.graph.assets.lineage import sources_of
from poverty_assets.graph.assets.publication import quarter_seal, warehouse
from poverty_assets.graph.assets.recipe import Pack
from poverty_assets.graph.partitions import quarterly
from poverty_assets.graph.resources import Home, LakeIOManager
from poverty_assets.graph.resources.lake import column_lineage
from poverty_assets.pack.country import load_country, load_sources
from poverty_assets.quarter import Quarter
from poverty_assets.settings import Settings
from poverty_assets.warehouse.lake import Lake
from poverty_assets_tests.warehouse.small_lake import DIGEST, columns, write_quarter

QUARTER = Quarter(2022, 4)
COUNTRY = load_country("khm")
FIGURE = """
    SELECT DISTINCT l.source_id, l.file, l.sha256, l.run_id, l.code_version, l.build_run_id, l.build_code_version
    FROM fct_mpi f JOIN v_lineage l ON (l.quarter, l.table_name, l.method) = (f.quarter, 'fct_mpi', f.method)
    WHERE f.area_id = 'KH' AND f.statistic = 'mpi'
"""


@pytest.fixture(scope="module")
def pack():
    return Pack(load_sources(COUNTRY, simulated=False), quarterly(QUARTER), COUNTRY, simulated=False)


@pytest.mark.slow
def test_sources_are_those_from_which_a_path_of_the_graph_leads_to_the_evidence(pack):
    found = sources_of(pack)
    assert {table for table, _ in found} == {table.name for table in TABLES if table.is_one_file}
    direct, composite, published = (set(found["fct_mpi", name]) for name in ("direct", "composite", "published"))
    assert ("dhs_2021_22" in direct, "nightlights" in direct, "ophi_national" in direct) == (True, False, False)
    assert ("dhs_2021_22" in published, "ophi_national" in published) == (False, True)
    assert composite >= direct | {"nightlights", "ophi_national"}
    assert set(found["fct_overlap_pair", "direct"]) == direct
    assert set(found["fct_change", "composite"]) == composite


def test_columns_of_a_fact_lead_to_those_that_they_are_taken_from():
    of_columns = column_lineage(dg.AssetKey("fct_mpi")).deps_by_column
    from_which = {dep.asset_key.to_user_string() for dep in of_columns["estimate"]}
    assert from_which == {"direct_mpi", "area_mpi", "published_mpi"}
    assert {dep.column_name for dep in of_columns["ci_low"]} == {"ci_low"}
    assert "is_headline" not in of_columns
    assert column_lineage(dg.AssetKey("dim_area")) is None


@pytest.mark.slow
def test_one_query_leads_from_a_figure_to_its_files_code_and_runs(pack, tmp_path):
    settings = Settings(home=tmp_path, country="khm", sources="landing", landing=tmp_path)
    lake = Lake(settings.lake)
    write_quarter(lake, QUARTER)
    lake.write("area_draw", QUARTER, pd.DataFrame())
    rows = [(name, "t", "p", "u", "l", f"{name}.csv", DIGEST, QUARTER.start, QUARTER.end, None, 1, 0, False, False, "present", None,
             None, None, None)
            for name in ("dhs_2021_22", "nightlights")]  # fmt: skip
    lake.write("meta_source", QUARTER, pd.DataFrame(rows, columns=columns("meta_source")))
    resources = {"home": Home.of(settings), "io_manager": LakeIOManager(lake=lake)}
    with dg.DagsterInstance.ephemeral() as instance:
        common = {"resources": resources, "instance": instance, "tags": {"code_version": "9.9"}}
        made = dg.materialize([quarter_seal.wire(pack)], partition_key=QUARTER.key, **common)
        built = dg.materialize([warehouse.wire(pack)], **common)
    with duckdb.connect(str(settings.warehouse), read_only=True) as connection:
        answer = connection.execute(FIGURE).fetchall()
    file = ("dhs_2021_22", "dhs_2021_22.csv", DIGEST)
    assert answer == [(*file, made.run_id, "9.9", built.run_id, __version__)]
