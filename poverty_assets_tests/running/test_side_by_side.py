"""Quarters in processes of their own: all of them run, what they say arrives, and an error arrives whole."""

import logging
import os
import signal
from pathlib import Path

import pytest

from poverty_assets.errors import MissingFile, PovertyAssetsError
from poverty_assets.running.side_by_side import run_side_by_side


def write(folder: str, name: str) -> None:
    Path(folder, name).write_text(name)
    logging.getLogger("poverty_assets").info("wrote %s", name)


def refuse(name: str) -> None:
    raise MissingFile("no such file", file=name, place="row 3", remedy="put it there")


def die(name: str) -> None:
    logging.getLogger("poverty_assets").info("about to end: %s", name)
    os.kill(os.getpid(), signal.SIGKILL)


def test_every_call_runs_and_its_log_reaches_the_caller(tmp_path, caplog):
    logger = logging.getLogger("poverty_assets")
    logger.addHandler(caplog.handler)
    try:
        run_side_by_side(write, [(str(tmp_path), name) for name in ("one", "two", "three")], 2)
    finally:
        logger.removeHandler(caplog.handler)
    assert {path.name for path in tmp_path.iterdir()} == {"one", "two", "three"}
    assert {record.getMessage() for record in caplog.records} >= {"wrote one", "wrote two", "wrote three"}


def test_an_error_keeps_its_kind_file_place_and_remedy():
    with pytest.raises(MissingFile) as caught:
        run_side_by_side(refuse, [("a.csv",)], 1)
    assert caught.value.message == "a.csv, row 3: no such file\nRemedy: put it there"


def test_a_process_that_is_killed_is_said_and_nobody_waits_for_it():
    with pytest.raises(PovertyAssetsError, match="ended from outside"):
        run_side_by_side(die, [("a",), ("b",)], 2)
