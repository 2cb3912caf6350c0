"""A sign that the daemon lives, in a file and at an address; a monitor that is away harms nothing."""

import datetime as dt
import http.server
import json
import queue

import dagster as dg

from poverty_assets.graph.heartbeat import URL, beat
from poverty_assets.graph.resources import Home
from poverty_assets.graph.sensors import heartbeat
from poverty_assets.settings import Settings

NOW = dt.datetime(2026, 10, 20, 2, tzinfo=dt.UTC)


def test_each_beat_writes_when_it_was(tmp_path, monkeypatch):
    monkeypatch.delenv(URL, raising=False)
    for minute in (0, 1):
        assert beat(tmp_path, NOW.replace(minute=minute)) == "heartbeat.json is written"
        assert json.loads((tmp_path / "heartbeat.json").read_text())["at"] == f"2026-10-20T02:0{minute}:00+00:00"


def test_the_address_is_asked_for_and_one_that_is_away_is_told_without_its_name(serve, tmp_path, monkeypatch):
    asked = queue.Queue()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.put(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *said):
            pass

    monkeypatch.setenv(URL, f"http://{serve(Handler)}/ping/hushhush")
    assert "was asked for" in beat(tmp_path, NOW)
    assert asked.get(timeout=60) == "/ping/hushhush"
    monkeypatch.setenv(URL, "http://127.0.0.1:1/ping/hushhush")
    said = beat(tmp_path, NOW)
    assert "could not be reached" in said
    assert "hushhush" not in said


def test_the_sensor_gives_it_and_asks_for_no_run(tmp_path, monkeypatch):
    monkeypatch.delenv(URL, raising=False)
    resources = {"home": Home.of(Settings(home=tmp_path, sources="landing", landing=tmp_path))}
    with dg.build_sensor_context(resources=resources) as context:
        assert isinstance(heartbeat(context), dg.SkipReason)
    assert (tmp_path / "heartbeat.json").is_file()
