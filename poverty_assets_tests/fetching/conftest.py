"""What tests of fetching share: a provider on this machine, a session that does not wait, and a small country's order."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import rasterio
import stamina
from pydantic import TypeAdapter
from rasterio.transform import from_origin

from poverty_assets.fetching.fetch import Fetching, Told
from poverty_assets.fetching.web import Web
from poverty_assets.pack.country import Country, load_country
from poverty_assets.pack.open_sources import open_sources
from poverty_assets.pack.source import AnySource, SourceSpec
from poverty_assets.quarter import Quarter
from poverty_assets.sources.lateness import AWAITED, awaited
from poverty_assets_tests.fetching.server import Provider

BOUNDS = (100.0, 10.0, 102.0, 12.0)
QUARTER = Quarter(2026, 3)


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as found:
        yield found


@pytest.fixture
def web() -> Iterator[Web]:
    """Retries without waiting (stamina's testing mode); pauses are asked for and not kept."""
    stamina.set_testing(True, attempts=6, cap=True)
    with httpx.Client(timeout=0.5, follow_redirects=True, max_redirects=5) as client:
        yield Web(client, sleep=lambda seconds: None)
    stamina.set_testing(False)


@pytest.fixture(scope="session")
def country() -> Country:
    return load_country("khm").model_copy(update={"bounds": BOUNDS})


def tiff(
    value: float = 1.0,
    *,
    size: int = 40,
    nodata: float | None = -9999.0,
    corner: tuple[float, float] = (99, 13),
    degrees: float = 4,
    **more: Any,
) -> bytes:
    """A raster of so many degrees from its north-western corner on: four by four around the country."""
    values = np.arange(size * size, dtype="float32").reshape(size, size) * value
    with rasterio.MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=size, height=size, count=1, dtype="float32", crs="EPSG:4326",
            transform=from_origin(*corner, degrees / size, degrees / size), nodata=nodata, **more,
        ) as out:  # fmt: skip
            out.write(values, 1)
        return memory.read()


def entry(
    address: str, *, client: str = "https", cadence: str = "quarter", fetch: dict[str, Any] | None = None, **more: Any
) -> SourceSpec:
    """An entry of a raster that is fetched."""
    path = {"quarter": "rasters/rain_{label}.tif", "year": "rasters/rain_{year}.tif", "once": "rasters/rain.tif"}[
        cadence
    ]
    said = {
        "source_id": "rain", "title": "Rain", "description": "Rain.", "role": "features", "reader": "geotiff", "path": path,
        "publisher": "A provider", "licence": "CC BY 4.0", "url": "https://example.org", "obtain": "Fetch it.", "cadence": cadence,
        "fetch": {
            "client": client, "address": address, "citation": "A provider (2026)", "confirmed": "by the test", "lag_days": 30,
            **(fetch or {}),
        },
        **more,
    }  # fmt: skip
    return TypeAdapter(AnySource).validate_python(said)


def of_package(name: str, provider: Provider, *hosts: str) -> SourceSpec:
    """An open source of the package, with its publishers' hosts at a provider on this machine."""
    text = json.dumps(open_sources()[name].value, default=str)
    for host in hosts:
        text = text.replace(host, provider.address)
    return TypeAdapter(AnySource).validate_python(json.loads(text))


@dataclass
class Bench:
    """A landing folder, and fetching into it."""

    landing: Path
    work: Path
    country: Country
    web: Web

    def fetch(
        self, spec: SourceSpec, *, today: dt.date = dt.date(2026, 11, 20), named: bool = False, **more: Any
    ) -> Told:
        """Fetch one file."""
        (told,) = self.fetching(today, named).fetch([spec], [QUARTER], **more)
        return told

    def probe(self, spec: SourceSpec) -> Told:
        (told,) = self.probed([spec])
        return told

    def probed(self, specs: list[SourceSpec], *, say: Callable[[str], None] = print, **more: Any) -> list[Told]:
        return replace(self.fetching(dt.date(2026, 11, 20), False), say=say).probe(specs, QUARTER, **more)

    def fetching(self, today: dt.date, named: bool) -> Fetching:
        return Fetching(self.country, self.landing, self.work, self.web, today, named=named)

    @property
    def files(self) -> list[str]:
        """Everything in the landing folder, hidden or not, but the note of what is awaited."""
        found = sorted(self.landing.rglob("*"))
        return [path.relative_to(self.landing).as_posix() for path in found if path.is_file() and path.name != AWAITED]

    @property
    def noted(self) -> dict[str, str]:
        """What is awaited."""
        return awaited(self.landing)


@pytest.fixture
def bench(tmp_path: Path, country: Country, web: Web) -> Bench:
    return Bench(tmp_path / "landing", tmp_path / "work", country, web)


def values_of(data: bytes | Path) -> np.ndarray:
    """The first band."""
    with rasterio.open(io.BytesIO(data) if isinstance(data, bytes) else data) as found:
        return found.read(1)
