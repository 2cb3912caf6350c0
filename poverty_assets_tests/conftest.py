"""What many tests share: where the shared data lies, and skipping by name where it does not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from poverty_assets.workers import DaskWorkers, open_workers

# a busy machine is no reason to fail, nor is yesterday's example to be found again only by chance
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")

ROOT = Path(__file__).resolve().parents[1]
LONG = [
    "test_default_run",
    "test_kill",
    "test_real_run",
    "test_reuse",
    "test_backfill",
    "test_ui",
    "test_regions_only",
    "test_refresh",
    "test_hazards_of_quarter",
    "test_build",
    "test_explorer_browser",
    "test_explorer_tasks",
    "test_revisions",
    "test_bad_input",
    "test_fetch_and_refresh",
    "test_secret",
]


def shared_folder() -> Path:
    """The shared data folder named by ``POVERTY_ASSETS_SHARED`` (default ``../shared`` beside the project)."""
    return Path(os.environ.get("POVERTY_ASSETS_SHARED", ROOT.parent / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    folder = shared_folder()
    if not folder.is_dir():
        pytest.skip(f"shared data folder absent: {folder} (set POVERTY_ASSETS_SHARED)")
    return folder


@pytest.fixture(scope="session")
def cluster() -> Iterator[DaskWorkers]:
    """A scheduler of Dask and two workers, processes of their own."""
    with open_workers("local", 2) as workers:
        assert isinstance(workers, DaskWorkers)
        yield workers


@pytest.fixture(scope="session")
def oracles(shared: Path) -> Path:
    return shared / "oracles"


@pytest.fixture(scope="session")
def landing_khm(shared: Path) -> Path:
    return shared / "realdata" / "khm"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where the shared folder is there and skipping is forbidden (CI), a test that needs it may not be skipped.

    Files of tests that take minutes come first: each file is one process's work, and the short ones fill what time is left.
    """
    items.sort(key=lambda item: LONG.index(item.path.stem) if item.path.stem in LONG else len(LONG))
    config.stash[_MUST_RUN] = os.environ.get("POVERTY_ASSETS_REQUIRE_SHARED") == "1" and shared_folder().is_dir()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
    report = yield
    fixtures = set(getattr(item, "fixturenames", ()))
    if report.skipped and item.config.stash[_MUST_RUN] and fixtures & {"shared", "oracles", "landing_khm"}:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped although the shared folder is there"
    return report


_MUST_RUN = pytest.StashKey[bool]()
