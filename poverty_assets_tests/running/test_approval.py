"""A quarter that waits is shown, approved from the command line or as an asset's run, and only then published."""

import datetime as dt

import dagster as dg
import duckdb
import pytest

from poverty_assets.definitions import build_definitions
from poverty_assets.graph.resources import Home
from poverty_assets.graph.sensors import NOTHING_NEW, propose_when_done, publish_when_done
from poverty_assets.quarter import Quarter
from poverty_assets.running.instance import open_instance
from poverty_assets.running.status import concerns
from poverty_assets.settings import Settings, claim_home
from poverty_assets.warehouse.lake import Lake
from poverty_assets_tests.approved import approved_pack
from poverty_assets_tests.command_line import exit_code
from poverty_assets_tests.warehouse.small_lake import write_quarter

QUARTER = Quarter(2022, 4)
TODAY = dt.datetime.now(dt.UTC).date()


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """A home with one complete quarter of made-up figures, of a country whose quarters are approved."""
    approved_pack(tmp_path, monkeypatch)
    monkeypatch.setenv("POVERTY_ASSETS_HOME", str(tmp_path))
    monkeypatch.setenv("DAGSTER_HOME", "")
    monkeypatch.setattr("poverty_assets.reports.pages.write_pages", lambda *_: [])
    made = claim_home(Settings(country="khm", sources="landing", landing=tmp_path))
    write_quarter(Lake(made.lake), QUARTER)
    return made


def command(monkeypatch, capfd, *arguments):
    """Run ``poverty-assets``; exit code and everything that it printed."""
    code = exit_code(monkeypatch, *arguments)
    printed = capfd.readouterr()
    return code, printed.out + printed.err


def look(sensor, instance, settings, cursor=None):
    """What a sensor asks for, in a word, and its cursor."""
    with dg.build_sensor_context(instance=instance, cursor=cursor, resources={"home": Home.of(settings)}) as context:
        said = sensor(context)
    if isinstance(said, dg.SkipReason):
        return said.skip_message, context.cursor
    return said.run_requests[0].tags["why"], context.cursor


@pytest.mark.slow
def test_a_quarter_goes_from_the_lake_by_the_candidate_and_an_approval_into_the_file(settings, monkeypatch, capfd):
    definitions = build_definitions(settings)
    with open_instance(settings.dagster_home) as instance:
        assert look(propose_when_done, instance, settings)[0] == f"not proposed as they are: {QUARTER}"
        assert look(publish_when_done, instance, settings)[0] == NOTHING_NEW
        assert definitions.resolve_job_def("candidate").execute_in_process(instance=instance).success
        assert look(propose_when_done, instance, settings)[0] == NOTHING_NEW
    page = (settings.candidate.parent / "changes.html").read_text()
    assert f"poverty-assets approve {QUARTER} --by" in page
    assert "Headcount ratio (H)" in page
    assert not settings.warehouse.exists()
    waits = [concern for concern in concerns(settings, dt.datetime.now(dt.UTC)) if "waits for approval" in concern.what]
    assert f"approve {QUARTER} --by" in waits[0].remedy
    tomorrow = TODAY + dt.timedelta(days=1)
    code, said = command(monkeypatch, capfd, "approve", str(QUARTER), "--by", "A. Name", "--embargo", str(tomorrow))
    assert (code, settings.warehouse.exists()) == (0, False), said
    assert f"{QUARTER}: approved by A. Name, published on {tomorrow}" in said
    code, said = command(monkeypatch, capfd, "approve", str(QUARTER), "--by", "B. Name, office")
    assert (code, f"Published {QUARTER}" in said) == (0, True), said
    with duckdb.connect(str(settings.warehouse), read_only=True) as connection:
        assert connection.execute("SELECT approved_by FROM meta_build").fetchall() == [("B. Name, office",)]
    assert not settings.candidate.exists()
    code, said = command(monkeypatch, capfd, "approve", str(QUARTER), "--by", "C")
    assert (code, f"{QUARTER} is published as it is" in said) == (2, True)
    with open_instance(settings.dagster_home) as instance:
        assert [run.job_name for run in instance.get_runs()] == ["publish", "approve", "approve", "candidate"]


def test_an_embargo_that_ends_is_noticed_though_no_file_changes(settings, monkeypatch):
    with dg.DagsterInstance.ephemeral() as instance:
        build_candidate(settings)
        desk = Home.of(settings).desk
        desk.approve(QUARTER, "A. Name", dt.datetime.now(dt.UTC), TODAY + dt.timedelta(days=30))
        said, cursor = look(publish_when_done, instance, settings)
        assert (said, look(publish_when_done, instance, settings, cursor)[0]) == (NOTHING_NEW, NOTHING_NEW)
        later = dt.datetime.now(dt.UTC) + dt.timedelta(days=31)
        monkeypatch.setattr("poverty_assets.graph.sensors.dt", Later(later))
        assert look(publish_when_done, instance, settings, cursor)[0] == f"not published as they are: {QUARTER}"


class Later:
    """The module ``datetime`` on another day."""

    UTC = dt.UTC

    def __init__(self, moment):
        self._moment = moment
        self.datetime = self

    def now(self, zone):
        return self._moment


def build_candidate(settings):
    """A file with the digest of what waits, as a candidate has it."""
    settings.candidate.parent.mkdir()
    with duckdb.connect(str(settings.candidate)) as connection:
        connection.execute("CREATE TABLE dim_quarter (quarter DATE, lake_digest VARCHAR)")
        digest = Lake(settings.lake).sealed_digest(QUARTER)
        connection.execute("INSERT INTO dim_quarter VALUES (?, ?)", [QUARTER.start, digest])


def test_where_quarters_are_published_by_themselves_there_is_nothing_to_approve(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("POVERTY_ASSETS_HOME", str(tmp_path))
    claim_home(Settings(country="khm", sources="landing", landing=tmp_path))
    code, said = command(monkeypatch, capfd, "approve", "2022Q4", "--by", "A. Name")
    assert (code, "quarters of Cambodia are published by themselves" in said) == (2, True)
    names = {job.name for job in build_definitions().resolve_all_job_defs()}
    assert names >= {"quarter", "publish"}
    assert not names & {"candidate", "approve"}
