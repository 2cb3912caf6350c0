"""The UI as a browser, a script and a careless kill meet it."""

import getpass
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import dagster as dg
import pytest
from filelock import FileLock

from poverty_assets import __version__
from poverty_assets.catalog import SCHEMA
from poverty_assets.definitions import build_definitions
from poverty_assets.graph.reuse.step import FULL
from poverty_assets.pack.country import COUNTRIES, load_country
from poverty_assets.quarter import Quarter
from poverty_assets.running.instance import DATABASE, open_instance
from poverty_assets.running.interrupted import give_up_interrupted, living
from poverty_assets.running.publication import follow
from poverty_assets.running.ui import _PATIENCE, MARK
from poverty_assets.settings import Settings
from poverty_assets.warehouse.lake import Lake
from poverty_assets.warehouse.query import answer
from poverty_assets_tests.chromium import opened_chromium
from poverty_assets_tests.integration.conftest import QUARTER
from poverty_assets_tests.integration.refresher import Refresher
from poverty_assets_tests.integration.test_refresh import lake_bytes
from poverty_assets_tests.postgres import postgres

SELECTOR = 'repositoryLocationName: "poverty_assets", repositoryName: "__repository__"'
LAUNCH = """mutation { launchRun(executionParams: {mode: "default", runConfigData: "{}",
  selector: {repositoryLocationName: "poverty_assets", repositoryName: "__repository__", pipelineName: "publish"}}) { __typename } }"""

_WHOLE = f'executionMetadata: {{tags: [{{key: "{FULL}", value: "true"}}]}},'
LAUNCH_WHOLE = LAUNCH.replace("runConfigData:", f"{_WHOLE} runConfigData:")
"""A publication that builds the file though nothing has changed."""

BACKFILL = """mutation { launchPartitionBackfill(backfillParams: {partitionNames: [%s], selector: {
  partitionSetName: "quarter_partition_set", repositorySelector: {%s}}}) { __typename } }"""
PUBLISHED = """{ assetNodes(assetKeys: [{path: ["warehouse"]}]) { staleStatus } sensorOrError(sensorSelector: {%s,
  sensorName: "publish_when_done"}) { ... on Sensor { sensorState { ticks(limit: 1) { skipReason } } } } }"""

JOB_RUNS = """{ pipelineOrError(params: {%s, pipelineName: "%s"}) { ... on Pipeline { runs(limit: 5) {
  tags { key value } repositoryOrigin { repositoryLocationName repositoryName } } } } }"""

FOR_EVER = 300  # seconds; what never comes fails by it, and a busy machine is no reason to fail


def free_port():
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return tried.getsockname()[1]


class Ui:
    """A UI as a process of its own, started as a script starts it in the background."""

    def __init__(self, home, *others, read_only=False):
        self.port, self.log = free_port(), home / "ui.log"
        self.address = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-W", "ignore", "-m", "poverty_assets.cli", "ui", "--port", str(self.port)]
        command += ["--read-only"] if read_only else []
        command += [word for one in ([home, *others] if others else []) for word in ("--home", str(one))]
        environment = {k: v for k, v in os.environ.items() if k != MARK} | {"POVERTY_ASSETS_HOME": str(home)}
        with self.log.open("w") as said:
            self.process = subprocess.Popen(
                command, env=environment, stdout=said, stderr=said,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
            )  # fmt: skip
        self.wait_for(lambda: self.get("/server_info")[0] == 200, "the UI answers")

    def wait_for(self, holds, what, seconds=FOR_EVER, every=0.2):
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, f"{what}: not within {seconds} s\n{self.log.read_text()[-3000:]}"
            threading.Event().wait(every)

    def get(self, path, data=None, **headers):
        request = urllib.request.Request(
            self.address + path, data, {k.replace("_", "-"): v for k, v in headers.items()}
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def ask(self, query):
        data = json.dumps({"query": query}).encode()
        return json.loads(self.get("/graphql", data, Content_Type="application/json")[1])["data"]

    def runs(self, by_people=False):
        """Statuses of all runs, or of those that no sensor asked for: one may do so at any moment."""
        asked = "{ runsOrError { ... on Runs { results { status tags { key } } } } }"
        found = self.ask(asked)["runsOrError"]["results"]
        by_sensor = [any(tag["key"] == "dagster/sensor_name" for tag in run["tags"]) for run in found]
        return [run["status"] for run, own in zip(found, by_sensor, strict=True) if not (by_people and own)]

    def publication(self):
        """What the UI says of the warehouse's freshness, and what its sensor said at its last look."""
        said = self.ask(PUBLISHED % SELECTOR)
        ticks = said["sensorOrError"]["sensorState"]["ticks"]
        return said["assetNodes"][0]["staleStatus"], ticks[0]["skipReason"] if ticks else None

    def processes(self):
        """Every process that came of this UI, itself included."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                environment = (entry / "environ").read_bytes() if entry.name.isdecimal() else b""
            except OSError:
                continue
            if f"{MARK}=".encode() in environment and str(self.log.parent).encode() in environment:
                found.append(int(entry.name))
        return found


def listens_on(processes):
    """Addresses on which any of the processes listens for others, as the system writes them."""
    links = (link for one in processes for link in Path(f"/proc/{one}/fd").iterdir())
    sockets = {str(link.readlink()) for link in links if link.is_symlink()}
    rows = [row.split() for net in ("tcp", "tcp6") for row in Path(f"/proc/net/{net}").read_text().splitlines()[1:]]
    return {row[1].split(":")[0] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in sockets}


@pytest.fixture
def held(home):
    """Nothing is published while this is held: a publication that has started stands in its step, and in its slot of the pool."""
    with FileLock(home / "warehouse/.publish.lock") as lock:
        yield lock


@pytest.fixture
def ui(home):
    started = Ui(home)
    yield started
    if started.process.poll() is None:
        started.process.terminate()
    started.process.wait(timeout=FOR_EVER)


def test_a_page_elsewhere_starts_no_run_and_the_uis_own_page_does_on_this_home_alone(ui, home):
    launch = "/graphql?query=" + urllib.request.quote(LAUNCH)
    body = json.dumps({"query": LAUNCH}).encode()
    refused = [
        ui.get(launch),
        ui.get(launch, b"", Content_Type="application/x-www-form-urlencoded"),
        ui.get("/graphql", body, Content_Type="text/plain"),
        ui.get("/graphql", body, Content_Type="application/json", Origin="http://evil.example"),
        ui.get("/graphql", body, Content_Type="application/json", Host="evil.example"),
        ui.get("/graphql", Upgrade="websocket", Connection="Upgrade", Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==",
               Sec_WebSocket_Version="13", Sec_WebSocket_Protocol="graphql-ws", Origin="http://evil.example"),
    ]  # fmt: skip
    assert [status for status, _ in refused] == [403] * 6
    assert listens_on([ui.process.pid, *ui.processes()]) == {"0100007F"}  # 127.0.0.1
    before = len(ui.runs(by_people=True))
    ui.wait_for(lambda: ui.ask(LAUNCH)["launchRun"]["__typename"] == "LaunchRunSuccess", "the code location is loaded")
    assert len(ui.runs(by_people=True)) == before + 1
    # a run from the command line stands among its job's runs, and says whose it was, why, and how it was made
    for job in ("quarter", "publish"):
        run = ui.ask(JOB_RUNS % (SELECTOR, job))["pipelineOrError"]["runs"][-1]
        tags = {tag["key"]: tag["value"] for tag in run["tags"]}
        assert run["repositoryOrigin"] == {
            "repositoryLocationName": "poverty_assets",
            "repositoryName": "__repository__",
        }
        assert (tags["who"], tags["why"]) == (getpass.getuser(), f"poverty-assets refresh {QUARTER}")
        assert (tags["replicates"], tags["code_version"]) == (os.environ["POVERTY_ASSETS_REPLICATES"], __version__)
        assert tags.get("dagster/partition") == {"quarter": Quarter.from_label(QUARTER).key, "publish": None}[job]
    # which home it is the process has settled: whoever may start a run cannot name a folder
    for resource, key in (
        ("home", "settings"),
        ("home", "settings_json"),
        ("io_manager", "lake"),
        ("io_manager", "root"),
    ):
        elsewhere = f"{{resources: {{{resource}: {{config: {{{key}: '{home / 'elsewhere'}'}}}}}}}}"
        answer = ui.ask(LAUNCH.replace('"{}"', json.dumps(elsewhere)))
        assert answer["launchRun"]["__typename"] == "RunConfigValidationInvalid", key
    assert len(ui.runs(by_people=True)) == before + 1
    assert not (home / "elsewhere").exists()


@pytest.mark.soak
def test_viewers_see_what_ran_and_start_and_switch_nothing(home):
    viewing = Ui(home, read_only=True)
    try:
        viewing.wait_for(lambda: viewing.ask(PUBLISHED % SELECTOR)["assetNodes"], "the code location is loaded")
        before = viewing.runs()
        switch = f'mutation {{ startSensor(sensorSelector: {{{SELECTOR}, sensorName: "heartbeat"}}) {{ __typename }} }}'
        asked = [LAUNCH, BACKFILL % (f'"{Quarter.from_label(QUARTER).key}"', SELECTOR), switch]
        answers = [answer["__typename"] for query in asked for answer in viewing.ask(query).values()]
        assert answers == ["UnauthorizedError"] * 3
        assert viewing.runs() == before != []
    finally:
        viewing.process.terminate()
        assert viewing.process.wait(timeout=FOR_EVER) == 0


LOCATIONS = """{ workspaceOrError { ... on Workspace { locationEntries { name locationOrLoadError { __typename
  ... on PythonError { errorChain { error { message } } } ... on RepositoryLocation {
  repositories { assetNodes { assetKey { path } } } } } } } } }"""


def test_several_homes_are_a_location_each_and_a_broken_one_leaves_the_others_alone(home, tmp_path, monkeypatch):
    for name, country in (("mongolia", "mng"), ("broken", "xyz")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "home.json").write_text(
            json.dumps({"country": country, "sources": "landing", "schema": SCHEMA})
        )
    (tmp_path / "packs" / "xyz").mkdir(parents=True)
    (tmp_path / "packs" / "xyz" / "country.yaml").write_text("iso3: [unclosed")
    monkeypatch.setenv(COUNTRIES, str(tmp_path / "packs"))
    monkeypatch.setenv("POVERTY_ASSETS_COUNTRY", "kgz")  # said of one home, it is no word about several
    several = Ui(home, tmp_path / "mongolia", tmp_path / "broken")
    try:
        entries = {
            one["name"]: one["locationOrLoadError"]
            for one in several.ask(LOCATIONS)["workspaceOrError"]["locationEntries"]
        }
        assert sorted(entries) == ["broken", "home", "mongolia"]
        assert "country.yaml" in json.dumps(entries["broken"]["errorChain"])
        keys = {
            name: {tuple(node["assetKey"]["path"]) for node in entries[name]["repositories"][0]["assetNodes"]}
            for name in ("home", "mongolia")
        }
        assert {("home", "warehouse"), ("home", "dim_area")} <= keys["home"]
        assert {path[0] for path in keys["mongolia"]} == {"mongolia"}
        assert ("mongolia", "src_boundaries_aimag") in keys["mongolia"]
        launched = several.ask(LAUNCH.replace('"poverty_assets"', '"home"'))["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess"
        several.wait_for(lambda: several.runs()[0] == "SUCCESS", "the run succeeds", every=0.5)
    finally:
        several.process.terminate()
        several.process.wait(timeout=FOR_EVER)


def test_a_publication_whose_every_process_is_killed_holds_up_no_refresh(ui, held, home, landing, run_cli):
    ui.wait_for(
        lambda: ui.ask(LAUNCH_WHOLE)["launchRun"]["__typename"] == "LaunchRunSuccess", "the code location is loaded"
    )
    with open_instance(home / "dagster") as instance:
        storage = instance.event_log_storage
        ui.wait_for(lambda: storage.get_concurrency_info("warehouse").claimed_slots, "the publication holds its slot")
    for process in [ui.process.pid, *ui.processes()]:
        os.kill(process, signal.SIGKILL)
    ui.process.wait(timeout=FOR_EVER)
    held.release()
    answer = run_cli(home, "refresh", "--quarter", QUARTER, "--sources", "landing", "--landing", landing)
    assert answer.code == 0, answer.err
    with open_instance(home / "dagster") as instance:
        assert sorted(run.status.value for run in instance.get_runs())[:1] == ["FAILURE"]


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_ten_times_every_process_is_killed_in_a_publication_and_the_next_one_takes_its_usual_time(home):
    draw, usual = random.Random(10), [seconds_of_a_publication(home) for _ in range(2)][-1]
    seconds = [seconds_after_a_kill(home, draw.uniform(0, 0.8) * usual) for _ in range(10)]
    print(
        f"a publication: {usual:.1f} s; after each of ten kills in the midst of one: {[round(each, 1) for each in seconds]}"
    )
    assert max(seconds) < 3 * usual + 10
    assert [path for path in home.rglob("*.tmp*") if path.is_file()] == []


def seconds_after_a_kill(home, delay):
    """Kill every process of a UI so long after its publication took its slot; the publication after it, in seconds.

    How long a publication takes depends on what else the machine does: one that is over by then is no kill, and is tried again sooner.
    """
    while not killed_in_a_publication(home, delay):
        delay /= 2
    return seconds_of_a_publication(home)


def killed_in_a_publication(home, delay):
    """Kill every process of a UI so long after its publication took its slot; returns whether that was in its midst."""
    ui = Ui(home)
    ui.wait_for(lambda: ui.ask(LAUNCH_WHOLE)["launchRun"]["__typename"] == "LaunchRunSuccess", "the code is loaded")
    with open_instance(home / "dagster") as instance:
        slots = instance.event_log_storage.get_concurrency_info
        ui.wait_for(lambda: slots("warehouse").claimed_slots, "the publication holds its slot", every=0.05)
    threading.Event().wait(delay)
    for process in [ui.process.pid, *ui.processes()]:
        os.kill(process, signal.SIGKILL)
    ui.process.wait(timeout=FOR_EVER)
    return publications(home)[0].status == dg.DagsterRunStatus.STARTED


def seconds_of_a_publication(home):
    """As a refresh publishes, everything anew; raises if it does not."""
    settings, started = Settings(home=home), time.monotonic()
    with open_instance(settings.dagster_home) as instance, living(settings.dagster_home) as tags:
        give_up_interrupted(settings.dagster_home)
        definitions = build_definitions(settings)
        assert follow(settings, load_country("khm"), definitions, instance, tags | {FULL: "true"}).rows
    return time.monotonic() - started


@pytest.mark.soak
def test_on_a_server_the_ui_its_daemon_and_its_runs_record_in_postgres(home, monkeypatch):
    with postgres() as server:
        monkeypatch.setenv(DATABASE, server.new_database("records"))
        ui = Ui(home)
        try:
            ui.wait_for(lambda: ui.ask(LAUNCH)["launchRun"]["__typename"] == "LaunchRunSuccess", "the code is loaded")
            ui.wait_for(lambda: ui.runs()[0] == "SUCCESS", "the run succeeds", every=1)
            ui.wait_for(lambda: ui.publication()[1] is not None, "the daemon looks")
        finally:
            ui.process.terminate()
            assert ui.process.wait(timeout=FOR_EVER) == 0
        assert [run.status.value for run in publications(home)] == ["SUCCESS"]
    assert "Traceback" not in ui.log.read_text()


def launch(ui, what=LAUNCH):
    ui.wait_for(lambda: ui.ask(what)["launchRun"]["__typename"] == "LaunchRunSuccess", "the code location is loaded")
    ui.wait_for(lambda: "STARTED" in ui.runs(), "the run starts")
    assert len(ui.processes()) >= 4


STOP = 'mutation { terminateRun(runId: "%s") { __typename } }'


@pytest.mark.soak
def test_a_run_that_is_ended_from_the_ui_is_canceled_and_one_that_is_killed_alone_has_failed(ui, held, home):
    ends = {
        "CANCELED": lambda run: ui.ask(STOP % run.run_id),
        "FAILURE": lambda run: os.kill(forked_last(ui), signal.SIGKILL),
    }
    for status, end in ends.items():
        launch(ui, LAUNCH_WHOLE)
        ui.wait_for(lambda: publications(home)[0].status == dg.DagsterRunStatus.STARTED, "the run starts", every=1)
        ui.wait_for(lambda: ui.runs().count("STARTED") == 1, "it is the only one", every=1)
        end(publications(home)[0])
        ui.wait_for(lambda: publications(home)[0].is_finished, "the run ends", every=1)
        assert publications(home)[0].status.value == status


def forked_last(ui):
    """The newest process of a UI that was forked from the one that has imported everything."""
    forking = {one for one in ui.processes() if b"forkserver" in (Path("/proc") / str(one) / "cmdline").read_bytes()}
    parents = {
        one: int((Path("/proc") / str(one) / "stat").read_text().rpartition(")")[2].split()[1]) for one in forking
    }
    return max(one for one, parent in parents.items() if parent in forking)


def start_stubborn(ui):
    """A process that came of the UI and does not end when it is asked to."""
    environment = (Path("/proc") / str(max(ui.processes())) / "environ").read_bytes().decode().split("\0")
    program = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"
    started = subprocess.Popen(
        [sys.executable, "-c", program],
        env=dict(each.split("=", 1) for each in environment if each),
        stdout=subprocess.PIPE,
    )
    assert started.stdout.readline() == b"up\n"
    return started


def test_sigterm_ends_the_ui_and_all_that_came_of_it_also_while_a_run_is_on_and_what_will_not_end(ui, held):
    launch(ui)
    stubborn = start_stubborn(ui)
    assert stubborn.pid in ui.processes()
    ui.process.terminate()
    assert stubborn.wait(timeout=FOR_EVER) == -signal.SIGKILL
    assert ui.process.wait(timeout=FOR_EVER) == 0
    assert ui.processes() == []
    assert _PATIENCE < 5


@pytest.mark.soak
def test_sigterm_ends_the_ui_within_five_seconds_where_the_machine_has_nothing_else_to_do(ui, held):
    launch(ui)
    for _ in range(2):  # of which the last is queued: two runs at once are the most
        assert ui.ask(LAUNCH)["launchRun"]["__typename"] == "LaunchRunSuccess"
    ui.wait_for(lambda: sorted(ui.runs())[:2] == ["QUEUED", "STARTED"], "one run is on and one waits in the queue")
    started = time.monotonic()
    ui.process.terminate()
    ui.process.wait(timeout=FOR_EVER)
    assert time.monotonic() - started < 5
    assert ui.processes() == []


def test_a_killed_ui_leaves_no_process_behind(ui):
    assert ui.processes()
    ui.process.kill()
    ui.process.wait(timeout=FOR_EVER)
    ui.wait_for(lambda: ui.processes() == [], "what came of it ends")


@pytest.mark.soak
def test_a_backfill_of_six_quarters_leads_to_one_publication_and_the_warehouse_is_never_called_fresh_while_it_is_behind(
    ui, home
):
    six = [Quarter.from_label(QUARTER).shift(-n) for n in range(1, 7)]
    lake = Lake(home / "lake")
    ui.wait_for(lambda: ui.publication() == ("FRESH", "what is published is what the lake holds"), "the sensor looks")
    (before,) = publications(home)
    names = ", ".join(f'"{quarter.key}"' for quarter in six)
    assert ui.ask(BACKFILL % (names, SELECTOR))["launchPartitionBackfill"]["__typename"] == "LaunchBackfillSuccess"
    seen = set()

    def published():
        sealed = set(lake.quarters())
        freshness, said = ui.publication()
        seen.add(freshness)
        assert freshness != "FRESH" or sealed <= published_quarters(home)
        return set(six) <= sealed and freshness == "FRESH" and said == "what is published is what the lake holds"

    ui.wait_for(published, "six quarters are published", seconds=8 * FOR_EVER, every=2)
    assert seen == {"FRESH", "STALE"}
    assert published_quarters(home) == {*six, Quarter.from_label(QUARTER)}
    (done,) = [run for run in publications(home) if run.run_id != before.run_id]
    assert done.tags["quarters"].split(", ") == sorted(quarter.label for quarter in six)


@pytest.mark.soak
def test_execute_all_as_somebody_clicks_it_judges_the_table_in_every_quarter(ui, home):
    ui.wait_for(lambda: ui.publication()[1] is not None, "the code location is loaded")
    before = len(ui.runs(by_people=True))
    with opened_chromium() as browser:
        page = browser.new_page()
        page.goto(f"{ui.address}/assets/fct_mpi?view=checks", timeout=1000 * FOR_EVER)
        page.get_by_role("button", name="Execute all").click(timeout=1000 * FOR_EVER)
        ui.wait_for(lambda: len(ui.runs(by_people=True)) == before + 1, "the run is asked for")
    ui.wait_for(lambda: ui.runs(by_people=True)[0] == "SUCCESS", "the run succeeds", every=1)
    with open_instance(home / "dagster") as instance:
        run = next(run for run in instance.get_runs() if "dagster/from_ui" in run.tags)
        events = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        said = [event.dagster_event.asset_check_evaluation_data for event in events]
    assert {one.partition for one in said} == {quarter.key for quarter in published_quarters(home)}
    assert {"keys", "completeness", "legal_values"} < {one.check_name for one in said}
    assert all(one.passed for one in said if one.check_name == "keys")


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_refresh_while_the_ui_and_a_backfill_are_at_work_waits_for_what_it_must_and_all_is_published(
    ui, home, landing, tmp_path
):
    one, other, third = (Quarter.from_label(QUARTER).shift(-n) for n in (1, 2, 3))
    ui.wait_for(lambda: ui.publication()[1] is not None, "the sensor looks")
    names = ", ".join(f'"{quarter.key}"' for quarter in (one, other))
    assert ui.ask(BACKFILL % (names, SELECTOR))["launchPartitionBackfill"]["__typename"] == "LaunchBackfillSuccess"
    ui.wait_for(lambda: "STARTED" in ui.runs(), "the backfill is at work")
    log = tmp_path / "log"
    with Refresher() as refresher:
        refresher.ask(home=home, landing=landing, log=log, quarters=[one.label, third.label], full=True)
        assert refresher.answer()["code"] == 0, log.read_text()
    assert "Traceback" not in log.read_text()
    ui.wait_for(
        lambda: published_quarters(home) == {Quarter.from_label(QUARTER), one, other, third}, "all is published"
    )
    ui.wait_for(lambda: set(ui.runs()) == {"SUCCESS"}, "every run has succeeded")
    assert [path for path in home.rglob("*.tmp*") if path.is_file()] == []
    alone = tmp_path / "alone"
    with Refresher() as refresher:
        refresher.ask(home=alone, landing=landing, log=log, quarters=[q.label for q in (third, other, one)])
        assert refresher.answer()["code"] == 0, log.read_text()
    lake = lake_bytes(home)
    assert [file for file, content in lake_bytes(alone).items() if lake.get(file) != content] == []


def publications(home):
    with open_instance(home / "dagster") as instance:
        return instance.get_runs(dg.RunsFilter(job_name="publish"))


def published_quarters(home):
    rows = json.loads(answer(home / "warehouse/poverty.duckdb", "SELECT label FROM dim_quarter", "json"))
    return {Quarter.from_label(row["label"]) for row in rows}
