"""Quarters in processes of their own: all of them run, what they say arrives, and an error arrives whole."""

import copyreg
import logging
import os
import pickle
import signal
from pathlib import Path

import pytest

from poverty_assets.errors import DefectElsewhere, MissingFile, PovertyAssetsError
from poverty_assets.running.side_by_side import handed_over, run_side_by_side


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


class WantsWords(Exception):
    """As some of Dagster's: it cannot be made again from what it says."""

    def __init__(self, *, words: str) -> None:
        super().__init__(words)


class HoldsOn(Exception):
    """It leads back to itself by way of what it is made from, without end."""

    def __reduce__(self):
        return HoldsOn, (self,)


def stumble(kind: str) -> None:
    raise {"words": WantsWords(words="the pack changed"), "holds": HoldsOn("the pack changed")}[kind]


@pytest.mark.parametrize("kind", ["words", "holds"])
def test_an_error_that_cannot_be_handed_over_is_told_with_where_it_arose(kind, monkeypatch):
    for error in (WantsWords, HoldsOn):  # Dask, where it was imported, has taught pickle a way with errors of its own
        monkeypatch.delitem(copyreg.dispatch_table, error, raising=False)
    with pytest.raises(DefectElsewhere, match="the pack changed") as caught:
        handed_over(stumble, kind)
    assert "in stumble" in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_what_can_be_handed_over_arrives_as_it_is():
    with pytest.raises(MissingFile, match="no such file"):
        handed_over(refuse, "a.csv")
    assert handed_over(max, 1, 2) == 2


def test_a_process_that_is_killed_is_said_and_nobody_waits_for_it():
    with pytest.raises(PovertyAssetsError, match="ended from outside"):
        run_side_by_side(die, [("a",), ("b",)], 2)
