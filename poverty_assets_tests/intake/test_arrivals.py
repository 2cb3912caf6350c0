"""A file that comes is judged once: written down, or moved to quarantine with a report; quarters that it touches are made again."""

import datetime as dt
import json
import os
import shutil

import dagster as dg
import pandas as pd
import pytest

from poverty_assets.graph.assets.arrivals import arrivals as asset
from poverty_assets.graph.assets.recipe import Pack
from poverty_assets.graph.partitions import quarterly
from poverty_assets.graph.resources import Home
from poverty_assets.graph.sensors import look_at_landing, revise
from poverty_assets.intake.arrivals import latest, read_arrivals, receive
from poverty_assets.intake.validation import validate_landing
from poverty_assets.quarter import Quarter
from poverty_assets.running.status import concerns
from poverty_assets.settings import Settings
from poverty_assets.warehouse.lake import SEAL, Lake
from poverty_assets_tests.landing import write_landing

QUARTER = Quarter(2022, 4)
REGISTER = "registers/prism_flood_hazard_index_communes.json"
NOW = dt.datetime.now(dt.UTC)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A home whose landing folder has been looked at for the first time; only to be copied."""
    home = tmp_path_factory.mktemp("arrivals")
    for path in write_landing(home / "landing").rglob("*"):
        os.utime(path, (NOW.timestamp() - 3600, NOW.timestamp() - 3600))
    receive(settings_of(home), NOW)
    return home


@pytest.fixture
def settings(whole, tmp_path):
    return settings_of(shutil.copytree(whole, tmp_path / "home"))


def settings_of(home):
    return Settings(home=home, country="khm", sources="landing", landing=home / "landing")


def make_quarter(settings, quarter, sealed=NOW):
    """A complete quarter that used the files as they are, as far as digests and the seal go."""
    lake, came = Lake(settings.lake), latest(read_arrivals(settings.arrivals))
    for spec in Home.of(settings).specs:
        one = came.get(spec.path)
        if one is not None:
            noted = {"source_id": spec.source_id, "file": one.file, "sha256": one.sha256, "rows": one.rows}
            days = {"observed_from": dt.date(2022, 1, 1), "observed_to": dt.date(2022, 1, 1)}
            lake.write(f"src_{spec.source_id}", quarter, pd.DataFrame({"a": [1]}), noted | days)
    path = lake.write(SEAL, quarter, pd.DataFrame({"file": ["f"], "sha256": ["0" * 64]}))
    os.utime(path, (sealed.timestamp(), sealed.timestamp()))


def change(settings, text):
    """Write the register anew, long enough ago to be whole."""
    path = settings.landing / REGISTER
    path.write_text(text)
    os.utime(path, (NOW.timestamp() - 600, NOW.timestamp() - 600))


def other_figures(settings):
    data = json.loads((settings.landing / REGISTER).read_text())
    data["DataList"][0]["flood_hazard_index"] += 0.5
    return json.dumps(data)


def asked(sensor, settings):
    """What a sensor asks for: why it skips, or the partitions (or reasons) and keys of its runs."""
    with (
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_sensor_context(instance=instance, resources={"home": Home.of(settings)}) as context,
    ):
        said = sensor(context)
    if isinstance(said, dg.SkipReason):
        return said.skip_message
    return [(request.partition_key or request.tags["why"], request.run_key) for request in said.run_requests]


@pytest.mark.slow
def test_every_file_is_written_down_with_digest_origin_licence_and_period(settings):
    came = latest(read_arrivals(settings.arrivals))
    assert {one.verdict for one in came.values()} == {"accepted"}
    one = came[REGISTER]
    assert (len(one.sha256), one.rows, one.origin[:4], bool(one.licence)) == (64, 80, "http", True)
    assert dt.date.fromisoformat(one.observed_from) <= dt.date.fromisoformat(one.observed_to)
    assert receive(settings, NOW) == []
    assert asked(look_at_landing, settings) == "nothing came"


@pytest.mark.slow
def test_a_file_that_is_still_written_is_left_and_one_that_comes_again_as_it_was_does_nothing(settings):
    make_quarter(settings, QUARTER)
    change(settings, (settings.landing / REGISTER).read_text())
    ((why, _),) = asked(look_at_landing, settings)
    assert why == f"1 files came: {REGISTER}"
    assert receive(settings, NOW) == []
    assert (asked(look_at_landing, settings), asked(revise, settings)) == (
        "nothing came",
        "no quarter is touched by what came",
    )
    (settings.landing / REGISTER).write_text(other_figures(settings))
    assert asked(look_at_landing, settings) == "nothing came"


@pytest.mark.slow
def test_an_accepted_file_of_a_made_quarter_makes_its_revision_once_and_of_no_other(settings):
    make_quarter(settings, QUARTER)
    make_quarter(settings, Quarter(2010, 1))
    change(settings, other_figures(settings))
    done = dg.materialize(
        [asset.wire(pack_of(settings))], resources={"home": Home.of(settings)}, instance=dg.DagsterInstance.ephemeral()
    )
    landed, judged = done.asset_materializations_for_node("arrivals")
    assert landed.asset_key == dg.AssetKey(["landed", "flood_hazard_index"])
    assert landed.metadata["state"].value == "accepted"
    assert judged.metadata["accepted"].value == 1
    ((partition, key),) = asked(revise, settings)
    assert partition == QUARTER.key
    assert asked(revise, settings) == [(partition, key)]
    make_quarter(settings, QUARTER)
    assert asked(revise, settings) == "no quarter is touched by what came"


@pytest.mark.slow
def test_a_refused_file_lies_in_quarantine_with_every_row_and_validate_says_the_same(settings):
    make_quarter(settings, QUARTER)
    data = json.loads((settings.landing / REGISTER).read_text())
    for row in data["DataList"][:3]:
        row["flood_hazard_index"] = "much"
    change(settings, json.dumps(data))
    (by_hand,) = [said for _, said in validate_landing(settings) if said is not None]
    (one,) = receive(settings, NOW)
    report = (settings.quarantine / f"{REGISTER}.report.txt").read_text()
    assert (one.verdict, (settings.landing / REGISTER).exists()) == ("refused", False)
    assert by_hand in report
    assert report.count("'much'") == 4
    assert json.loads((settings.quarantine / REGISTER).read_text()) == data
    assert asked(revise, settings) == "no quarter is touched by what came"
    stood = {standing.source_id: standing.state for standing in Home.of(settings).standings(QUARTER)}
    assert stood[one.source_id] == "missing"
    change(settings, json.dumps(data))
    assert receive(settings, NOW) == []
    assert not (settings.landing / REGISTER).exists()


@pytest.mark.slow
def test_status_names_the_sources_that_a_quarter_which_is_due_still_waits_for(settings):
    def due():
        after = dt.datetime(2023, 2, 20, tzinfo=dt.UTC)
        return next(one.what for one in concerns(settings, after) if one.what.startswith("2022Q4 was due"))

    assert "flood_hazard_index" not in due()
    (settings.landing / REGISTER).unlink()
    assert "flood_hazard_index" in due()
    assert due().endswith(" (until 2023-03-16, then it begins without them)")


def pack_of(settings):
    home = Home.of(settings)
    return Pack(home.specs, quarterly(QUARTER), home.country, simulated=False)
