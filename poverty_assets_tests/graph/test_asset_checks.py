"""Checks of tables run alone: of one quarter, and of all that are made, as the UI's "Execute all" asks."""

import dagster as dg
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluation

from poverty_assets.catalog import TABLES
from poverty_assets.graph.checks import asset_checks
from poverty_assets.graph.checks.suites import GROUPS
from poverty_assets.graph.partitions import quarterly
from poverty_assets.graph.resources import Home
from poverty_assets.quarter import Quarter
from poverty_assets.settings import Settings
from poverty_assets.warehouse.lake import Lake
from poverty_assets_tests.integration.test_refresh import lake_bytes
from poverty_assets_tests.warehouse.small_lake import areas, write_quarter
from poverty_assets_tests.warehouse.test_build import reseal

GOOD, BROKEN = Quarter(2022, 3), Quarter(2022, 4)


@pytest.fixture
def settings(tmp_path):
    made = Settings(home=tmp_path, country="khm", sources="landing", landing=tmp_path)
    lake = Lake(made.lake)
    for quarter in (GOOD, BROKEN):
        write_quarter(lake, quarter)
    lake.write("dim_area", BROKEN, areas().assign(area_km2=-1.0))
    reseal(lake, BROKEN)
    return made


@pytest.fixture
def run(settings):
    """Run checks of ``dim_area`` alone, by name; returns whether that succeeded, and what was said by quarter."""
    quarters = quarterly(GOOD)
    checks = next(one for one in asset_checks.build(quarters) if one.node_def.name == "check_dim_area")
    table = dg.AssetSpec("dim_area", partitions_def=quarters)
    named = dg.Definitions(assets=[table], asset_checks=[checks], resources={"home": Home.of(settings)})
    job = named.resolve_implicit_global_asset_job_def()

    def run(names, **how):
        wanted = {dg.AssetCheckKey(table.key, name) for name in names}
        with dg.DagsterInstance.ephemeral() as instance:
            instance.report_runless_asset_event(dg.AssetMaterialization("dim_area", partition=BROKEN.key))
            done = job.get_subset(asset_selection=set(), asset_check_selection=wanted).execute_in_process(
                raise_on_error=False, instance=instance, **how
            )
        said: list[AssetCheckEvaluation] = done.get_asset_check_evaluations()
        of_what_was_made = {one.partition for one in said if one.target_materialization_data}
        assert of_what_was_made == {one.partition for one in said} & {BROKEN.key}
        return done.success, {(one.partition, one.check_name): one.passed for one in said}

    return run


def test_the_button_that_executes_all_may_do_so():
    """Dagster offers it for checks of which each can be run without the others."""
    assert all(one.can_subset for one in asset_checks.build(quarterly(GOOD)))
    assert {"keys", "completeness", "legal_values"} == set(GROUPS)
    assert len(asset_checks.build(quarterly(GOOD))) == len([one for one in TABLES if one.is_one_file])


def test_a_run_that_names_no_quarter_says_of_each_what_it_is_and_changes_nothing(run, settings):
    before = lake_bytes(settings.home)
    success, said = run(["keys", "legal_values"])
    assert success
    assert said == {
        (GOOD.key, "keys"): True,
        (GOOD.key, "legal_values"): True,
        (BROKEN.key, "keys"): True,
        (BROKEN.key, "legal_values"): False,
    }
    assert lake_bytes(settings.home) == before


def test_of_one_quarter_the_checks_that_were_asked_for_speak_of_it_alone(run):
    assert run(["keys"], tags={"dagster/partition": GOOD.key}) == (True, {(GOOD.key, "keys"): True})
    _success, said = run(["legal_values"], tags={"dagster/partition": BROKEN.key})
    assert said == {(BROKEN.key, "legal_values"): False}
