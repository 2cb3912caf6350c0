"""A published home on the made-up landing folder, and the command line run in this process."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from poverty_assets.pack.country import COUNTRIES, load_country
from poverty_assets.settings import HOUSEHOLD_KEY
from poverty_assets_tests.command_line import Answer, answer_of, exit_code
from poverty_assets_tests.fetching.server import Provider
from poverty_assets_tests.integration.isle import serve, serve_rain, write_pack
from poverty_assets_tests.integration.refresher import Refresher
from poverty_assets_tests.landing import list_few, surveyed_households, write_landing
from poverty_assets_tests.made_once import made_once
from poverty_assets_tests.sources.surveys.as_mics import write_mics

QUARTER = "2022Q4"
ISLES_QUARTERS = ["2025Q3", "2025Q4"]
"""Those of which Isle has every file."""
HOUSEHOLDS = surveyed_households()
"""Of the survey that knows its regions alone."""
SECRET = "Kept-Secret-48151623"
# as few replicates as settings allow: what is tested here is how runs behave, not intervals
os.environ.setdefault("POVERTY_ASSETS_REPLICATES", "20")
os.environ.setdefault("POVERTY_ASSETS_PASSED_ON", "false")


@pytest.fixture
def run_cli(monkeypatch, capfd):
    """Run ``poverty-assets`` as its entry point does; returns exit code and what was printed."""

    def run(home: Path, *arguments: str) -> Answer:
        monkeypatch.setenv("POVERTY_ASSETS_HOME", str(home))
        monkeypatch.setenv("DAGSTER_HOME", "")
        capfd.readouterr()
        code = exit_code(monkeypatch, *arguments)
        printed = capfd.readouterr()
        return Answer(code, printed.out, printed.err)

    return run


@pytest.fixture(scope="session")
def landing(tmp_path_factory) -> Path:
    return made_once(tmp_path_factory, "landing", write_landing)


@pytest.fixture(scope="session")
def isle(tmp_path_factory) -> dict[str, Any]:
    """A refresh of Isle (``isle``) as ``Refresher.ask`` takes it: every step of a quarter at half the cost, for tests of very many."""

    def fetch(folder: Path) -> None:
        with Provider(tagged=True) as provider:
            packs = write_pack(folder / "packs", provider)
            serve(provider, folder)
            serve_rain(provider, 2025, range(7, 13))
            for quarter in ISLES_QUARTERS:
                command = ("fetch", "--country", "isl", "--quarter", quarter)
                done = answer_of(folder / "home", *command, **{COUNTRIES: str(packs)})
                assert done.code == 0, done.err

    folder = made_once(tmp_path_factory, "isle", fetch)
    environment = {COUNTRIES: str(folder / "packs"), "POVERTY_ASSETS_COUNTRY": "isl"}
    return {"landing": folder / "home" / "landing", "quarters": ISLES_QUARTERS[:1], "environment": environment}


@pytest.fixture(scope="session")
def published_home(landing, tmp_path_factory) -> Path:
    """A home with one quarter published from the made-up landing folder; tests copy it."""

    def publish(home: Path) -> None:
        done = answer_of(home, "refresh", "--quarter", QUARTER, "--sources", "landing", "--landing", landing)
        assert done.code == 0, done.err

    return made_once(tmp_path_factory, "published", publish)


@pytest.fixture(scope="session")
def refresher() -> Iterator[Refresher]:
    """The program of refreshes in child processes; it imports everything once for all tests of a process."""
    with Refresher() as program:
        yield program


@pytest.fixture(scope="session")
def isle_whole(isle, refresher, tmp_path_factory) -> dict[str, Any]:
    """A home of Isle's quarter after a refresh that nobody disturbed, and what the refresh answered: its moments and seconds."""

    def publish(folder: Path) -> None:
        folder.mkdir()
        refresher.ask(**isle, home=folder / "home", log=folder / "log")
        answer = refresher.answer()
        assert answer["code"] == 0, (folder / "log").read_text()[-2000:]
        (folder / "answer.json").write_text(json.dumps(answer))

    folder = made_once(tmp_path_factory, "isle_whole", publish)
    return json.loads((folder / "answer.json").read_text()) | {"home": folder / "home"}


@pytest.fixture(scope="session")
def regions(landing, tmp_path_factory) -> Path:
    """A folder with packs, landing and home of a country without hazards, shocks and words of its own, whose survey knows its regions
    alone, and whose register lists few in six areas; its households were hashed with ``SECRET``. Tests copy it."""

    def publish(folder: Path) -> None:
        files = Path(shutil.copytree(landing, folder / "landing"))
        wave = files / "survey" / "dhs_2021_22"
        wave.mkdir(parents=True)
        write_mics(wave, HOUSEHOLDS, np.random.default_rng(3), with_finest=False)
        list_few(files / "registers")
        absent = shutil.ignore_patterns("hazards.yaml", "shocks.yaml", "explorer.yaml")
        shutil.copytree(load_country("khm").folder, folder / "packs" / "khm", ignore=absent)
        refresh_regions(folder)

    return made_once(tmp_path_factory, "regions", publish)


def refresh_regions(folder: Path, *further: str) -> Answer:
    """Refresh the home of such a folder."""
    own = {COUNTRIES: str(folder / "packs"), HOUSEHOLD_KEY: SECRET}
    asked = ("refresh", "--quarter", QUARTER, *further, "--sources", "landing", "--landing", folder / "landing")
    done = answer_of(folder / "home", *asked, **own)
    assert done.code == 0, done.err
    assert SECRET not in done.out + done.err
    return done


def set_landing(home: Path, landing: Path) -> None:
    """Give a home another landing folder than the one that it was made from."""
    claim = json.loads((home / "home.json").read_text())
    (home / "home.json").write_text(json.dumps(claim | {"landing": str(landing)}))


@pytest.fixture
def home(published_home, tmp_path) -> Path:
    return Path(shutil.copytree(published_home, tmp_path / "home"))


@pytest.fixture
def broken(landing, tmp_path) -> Path:
    """A copy of the landing folder for a test to break."""
    return Path(shutil.copytree(landing, tmp_path / "broken"))
