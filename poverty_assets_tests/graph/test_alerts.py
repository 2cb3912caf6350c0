"""Word of what failed goes to whom the environment names, and holds no secret."""

import http.server
import json
import logging
import queue
import socketserver

import dagster as dg
import pytest

from poverty_assets.errors import UnreadableFile
from poverty_assets.graph.alerts import MOST_TRIES, Alert, send
from poverty_assets.graph.resources import Home
from poverty_assets.graph.sensors import tell_failures
from poverty_assets.settings import Settings

ALERT = Alert("/srv/poverty", "quarter", "2026Q3", "0123", "no such file")


@pytest.fixture
def posted(serve, monkeypatch):
    """What is posted to the address that the environment names; ``answers`` says with which codes."""
    received = queue.Queue()
    received.answers = iter(())

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.put((self.path, self.headers["Content-Type"], json.loads(body)))
            self.send_response(next(received.answers, 200))
            self.end_headers()

        def log_message(self, *said):
            pass

    monkeypatch.setenv("POVERTY_ASSETS_ALERT_URL", f"http://{serve(Handler)}/hook/hushhush")
    return received


def test_nobody_is_told_where_nobody_is_named(monkeypatch):
    assert send(ALERT) == []


def test_an_address_is_posted_what_failed_and_what_to_do(posted):
    assert send(ALERT) == ["POVERTY_ASSETS_ALERT_URL"]
    path, kind, body = posted.get(timeout=60)
    assert (path, kind) == ("/hook/hushhush", "application/json")
    assert body["text"].startswith("poverty_assets: quarter of 2026Q3 failed in /srv/poverty: no such file")
    assert "poverty-assets status" in body["text"]
    assert (body["job"], body["quarter"], body["run_id"], body["error"]) == (
        "quarter",
        "2026Q3",
        "0123",
        "no such file",
    )


def test_an_address_that_refuses_is_tried_again_but_not_for_ever_and_is_not_told_in_the_log(posted, caplog):
    posted.answers = iter([503, 200])
    assert send(ALERT) == ["POVERTY_ASSETS_ALERT_URL"]
    assert posted.qsize() == 2
    posted.answers = iter([503] * 9)
    with caplog.at_level(logging.WARNING, logger="poverty_assets"):
        assert send(ALERT) == []
    assert posted.qsize() == 2 + MOST_TRIES
    assert "could not be sent" in caplog.text
    assert "hushhush" not in caplog.text


def test_a_mailbox_gets_a_letter(serve, monkeypatch):
    received = queue.Queue()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            self.wfile.write(b"220 here\r\n")
            for line in self.rfile:
                word = line.split()[0].upper()
                if word == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    received.put(b"".join(iter(self.rfile.readline, b".\r\n")).decode())
                self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")

    monkeypatch.setenv("POVERTY_ASSETS_ALERT_MAIL_TO", "engineer@poverty.example")
    monkeypatch.setenv("POVERTY_ASSETS_ALERT_SMTP", serve(Handler))
    assert send(ALERT) == ["POVERTY_ASSETS_ALERT_MAIL_TO"]
    letter = received.get(timeout=60)
    assert "To: engineer@poverty.example" in letter
    assert "poverty_assets: quarter of 2026Q3 failed" in letter.partition("\r\n\r\n")[0]


def test_a_run_that_failed_is_told_of_with_the_cause_of_its_step(posted, tmp_path):
    @dg.op
    def read():
        try:
            raise UnreadableFile("the file is empty", file=tmp_path / "roads.csv", remedy="fetch it again")
        except UnreadableFile as error:
            raise RuntimeError("the step failed") from error

    @dg.job(executor_def=dg.in_process_executor)
    def quarter():
        read()

    settings = Settings(home=tmp_path, sources="landing", landing=tmp_path)
    with dg.DagsterInstance.ephemeral() as instance:
        tags = {"dagster/partition": "2026-07-01"}
        result = quarter.execute_in_process(instance=instance, raise_on_error=False, tags=tags)
        event = next(event for event in result.all_events if event.event_type == dg.DagsterEventType.RUN_FAILURE)
        run = instance.get_run_by_id(result.run_id)
        with dg.build_run_status_sensor_context(
            "tell_failures", event, instance, run, partition_key="2026-07-01", resources={"home": Home.of(settings)}
        ).for_run_failure() as context:
            tell_failures(context)
    _, _, body = posted.get(timeout=60)
    assert (body["job"], body["quarter"], body["run_id"]) == ("quarter", "2026Q3", result.run_id)
    assert body["error"] == f"{tmp_path / 'roads.csv'}: the file is empty; Remedy: fetch it again"
