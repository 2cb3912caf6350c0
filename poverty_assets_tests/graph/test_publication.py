"""What the publication tells the UI: what the gate found, as checks of the warehouse, also where nothing was published."""

import dagster as dg
import pytest

from poverty_assets.errors import GateFailed
from poverty_assets.graph.assets.publication import warehouse
from poverty_assets.graph.assets.recipe import Pack
from poverty_assets.graph.partitions import quarterly
from poverty_assets.graph.resources import Home
from poverty_assets.pack.country import load_country, load_sources
from poverty_assets.quarter import Quarter
from poverty_assets.settings import Settings
from poverty_assets.warehouse.gate import KINDS
from poverty_assets.warehouse.lake import Lake
from poverty_assets.warehouse.opening import write_ahead_log
from poverty_assets_tests.warehouse.small_lake import mpi, write_quarter
from poverty_assets_tests.warehouse.test_build import held_open, reseal

QUARTER = Quarter(2022, 4)


@pytest.fixture
def settings(tmp_path):
    made = Settings(home=tmp_path, country="khm", sources="landing", landing=tmp_path)
    write_quarter(Lake(made.lake), QUARTER)
    return made


@pytest.fixture
def publish(settings):
    """Run the asset alone; returns the run and what its checks said."""
    country = load_country("khm")
    pack = Pack(load_sources(country, simulated=False), quarterly(QUARTER), country, simulated=False)

    def run():
        done = dg.materialize(
            [warehouse.wire(pack)], resources={"home": Home.of(settings)}, raise_on_error=False,
            instance=dg.DagsterInstance.ephemeral(),
        )  # fmt: skip
        return done, {found.check_name: found for found in done.get_asset_check_evaluations()}

    return run


@pytest.mark.slow
def test_every_kind_of_check_is_one_of_the_warehouse(publish):
    done, checks = publish()
    assert done.success
    assert {name: check.passed for name, check in checks.items()} == dict.fromkeys(KINDS, True)


@pytest.mark.slow
def test_a_gate_that_fails_shows_what_it_found_where_the_engineer_looks(publish, settings):
    lake = Lake(settings.lake)
    lake.write("fct_mpi", QUARTER, mpi(0.2, area_id="99"))
    reseal(lake, QUARTER)
    done, checks = publish()
    assert not done.success
    assert {name for name, check in checks.items() if not check.passed} == {"areas"}
    assert "every area is in dim_area: 3 rows, first" in checks["areas"].metadata["failed"].value
    assert not settings.warehouse.exists()
    (failure,) = done.get_step_failure_events()
    assert failure.step_failure_data.error.cause.cls_name == GateFailed.__name__


@pytest.mark.slow
def test_what_a_cut_off_session_left_is_set_aside_though_nothing_else_is_to_be_done(publish, settings):
    assert publish()[0].success
    before = settings.warehouse.read_bytes()
    with held_open(settings.warehouse):
        assert not publish()[0].success
    log = write_ahead_log(settings.warehouse)
    assert log.exists()
    assert publish()[0].success
    assert not log.exists()
    assert settings.warehouse.read_bytes() == before
