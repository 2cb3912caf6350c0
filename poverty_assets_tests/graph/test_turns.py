"""One run at a time makes a quarter; what a killed one left half written is gone before the next begins."""

import logging
import subprocess
import sys

import dagster as dg
import pytest

from poverty_assets.graph.resources import Home
from poverty_assets.graph.resources.home import FULL
from poverty_assets.kept import is_made_anew
from poverty_assets.running.instance import open_instance
from poverty_assets.settings import TURNS, Settings
from poverty_assets_tests.test_signs_of_life import TURN

KEY = "2022-10-01"


@dg.asset(partitions_def=dg.StaticPartitionsDefinition([KEY]))
def rates(home: Home) -> int:
    return len(list(home.settings.lake.rglob("*.tmp")))


@dg.asset
def anew(home: Home) -> bool:
    return is_made_anew()


class KillsWhomItWaitsFor(logging.Handler):
    def __init__(self, process):
        super().__init__(logging.WARNING)
        self.process, self.said = process, []

    def emit(self, record):
        self.said.append(record.getMessage())
        self.process.kill()


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path, country="khm", sources="landing", landing=tmp_path)


def test_a_run_of_a_quarter_waits_for_another_says_for_whom_and_goes_on_when_that_is_dead(settings):
    place = settings.dagster_home / TURNS / f"{KEY}.lock"
    place.parent.mkdir(parents=True)
    process = subprocess.Popen([sys.executable, "-c", TURN, place], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"up\n"
    left = settings.lake / "fct_mpi" / f"quarter={KEY}" / f".part.parquet.{process.pid}.0a1b2c3d.tmp"
    left.parent.mkdir(parents=True)
    left.write_text("half")
    handler = KillsWhomItWaitsFor(process)
    logging.getLogger("poverty_assets").addHandler(handler)
    try:
        with open_instance(settings.dagster_home) as instance:
            done = dg.materialize([rates], instance=instance, partition_key=KEY, resources={"home": Home.of(settings)})
    finally:
        logging.getLogger("poverty_assets").removeHandler(handler)
        process.communicate()
    assert handler.said == ["waiting for run 1, which is making 2022Q4, too"]
    assert done.success
    assert done.output_for_node("rates") == 0
    assert "run " in place.read_text()


def test_a_full_refresh_makes_anew_in_its_own_run_only(settings):
    with open_instance(settings.dagster_home) as instance:
        asked = {"instance": instance, "resources": {"home": Home.of(settings)}}
        whole, after = dg.materialize([anew], tags={FULL: "true"}, **asked), is_made_anew()
        assert (whole.output_for_node("anew"), after) == (True, False)
        assert not dg.materialize([anew], **asked).output_for_node("anew")
