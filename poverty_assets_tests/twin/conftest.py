"""Twins that many tests share: a small one, written once, and the world behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from poverty_assets.quarter import Quarter
from poverty_assets.twin import write_base, write_quarter
from poverty_assets.twin.cambodia import settings, world
from poverty_assets_tests.made_once import made_once

COUNTRY = Path(settings.__file__).resolve().parents[2] / "countries" / "khm"
SEED = 7
REFERENCE = Quarter(2021, 4)


WHOLE = {"small", "full", "full_world"}
"""Fixtures that take seconds."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents and WHOLE.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


class Twin(NamedTuple):
    country_dir: Path
    landing: Path
    truth: Path


def small_country(folder: Path, **changes: Any) -> Path:
    """A country folder whose twin has every commune but few households and years."""
    content = yaml.safe_load(settings.read_text(COUNTRY))
    content |= {"population_scale": 0.05, "population_years": [2021]}
    content["register"]["years"] = [2021]
    content |= changes
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "simulated.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return folder


def small_in(folder: Path) -> Twin:
    return Twin(folder / "country", folder / "landing", folder / "truth")


def write_small(folder: Path, seed: int = SEED) -> Twin:
    twin = small_in(folder)
    small_country(twin.country_dir)
    write_base(twin.landing, twin.truth, country_dir=twin.country_dir, seed=seed)
    write_quarter(twin.landing, twin.truth, REFERENCE, country_dir=twin.country_dir, seed=seed)
    return twin


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Twin:
    return small_in(made_once(tmp_path_factory, "small_twin", write_small))


@pytest.fixture(scope="session")
def full_world() -> world.World:
    return world.build(settings.read_text(COUNTRY), SEED)


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Twin:
    """The whole country's truth at the reference quarter (no landing base: that is what `small` is for)."""
    folder = tmp_path_factory.mktemp("full")
    twin = Twin(COUNTRY, folder / "landing", folder / "truth")
    # what is said of its register holds of the easy twin; whoever lacks what does not depend on it
    write_quarter(twin.landing, twin.truth, REFERENCE, country_dir=COUNTRY, seed=SEED, difficulty="easy")
    return twin
