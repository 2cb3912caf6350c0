"""One page of the made-up country for all tests of the explorer in a browser: each begins at an address of its own.

Screenshots, the printed page and a saved picture are kept in ``POVERTY_ASSETS_TEST_OUTPUT`` where that names a folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from poverty_assets.reports.explorer import write_explorer
from poverty_assets_tests.chromium import opened_chromium
from poverty_assets_tests.integration.explorer.gestures import PATIENCE, go, settle
from poverty_assets_tests.integration.hands import WIDE
from poverty_assets_tests.made_once import made_once
from poverty_assets_tests.reports import explorer_warehouse as made
from poverty_assets_tests.warehouse.small_lake import KHM


@pytest.fixture(scope="module")
def output(tmp_path_factory) -> Path:
    folder = Path(os.environ.get("POVERTY_ASSETS_TEST_OUTPUT") or tmp_path_factory.mktemp("explorer"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory) -> Path:
    """That of the made-up country, with its page beside it."""

    def make(folder: Path) -> None:
        folder.mkdir()
        write_explorer(made.write_warehouse(folder / "poverty.duckdb"), folder / "explorer.html", KHM)

    return made_once(tmp_path_factory, "browser", make) / "poverty.duckdb"


@pytest.fixture(scope="session")
def file(warehouse) -> Path:
    return warehouse.with_name("explorer.html")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with opened_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def opened(chromium, file) -> Iterator[Any]:
    """The page, opened once, and what it asked of a network or said in the console, which no test may find."""
    context = chromium.new_context(viewport=WIDE, locale="en-GB", accept_downloads=True, has_touch=True)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    troubles: list[str] = []

    def refuse(route: Any) -> None:
        if route.request.url.split("#")[0] == file.as_uri():
            route.continue_()
            return
        if not route.request.url.startswith(("data:", "blob:")):
            troubles.append(f"asked for {route.request.url}")
        route.abort()

    context.route("**/*", refuse)
    context.set_offline(True)
    page.on("console", lambda said: troubles.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto(file.as_uri())
    settle(page)
    yield page, troubles
    context.close()


@pytest.fixture
def page(opened) -> Iterator[Any]:
    page, troubles = opened
    page.set_viewport_size(WIDE)
    page.emulate_media(media="null")
    go(page)
    yield page
    assert troubles == []
