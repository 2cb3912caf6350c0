"""Each protocol with a small source: what a provider serves of it, and the entry that fetches it.

Belongs here: one class a way to fetch. A source lies below a root of the provider, so that two providers of the same can stand on one
server, and has releases 1 and 2. Does not belong here: faults (``faults``).
"""

from __future__ import annotations

import datetime as dt
import functools
import gzip
import hashlib
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import rasterio
from rasterio.transform import from_origin

from poverty_assets.pack.source import SourceSpec
from poverty_assets_tests.fetching.conftest import entry, tiff
from poverty_assets_tests.fetching.formats import (
    VARIABLE,
    Bucket,
    answer,
    catalogue,
    extract_of_roads,
    netcdf,
    scene,
    shapes,
    tile,
)
from poverty_assets_tests.fetching.server import Provider

TOKEN = "Let-Me-In-8842"


@functools.cache
def overviewed(release: int) -> bytes:
    """A COG of several blocks, with overviews."""
    rows, columns = np.mgrid[:400, :400]
    with rasterio.MemoryFile() as memory:
        with memory.open(
            driver="COG", width=400, height=400, count=1, dtype="float32", crs="EPSG:4326", nodata=-9999.0, blocksize=128,
            transform=from_origin(99, 13, 0.01, 0.01), overviews="AUTO",
        ) as out:  # fmt: skip
            out.write((rows * 3.0 + columns + release).astype("float32"), 1)
        return memory.read()


@functools.cache
def extract(release: int) -> bytes:
    """An extract of OpenStreetMap; in release 2 a road has another name."""
    with tempfile.TemporaryDirectory() as folder:
        return extract_of_roads(Path(folder), "primary" if release == 1 else "trunk")


class Protocol(ABC):
    """A way to fetch: what is served, and the entry. ``renames`` says that a variable may be renamed by its provider."""

    name: ClassVar[str]
    client: ClassVar[str] = "https"
    cadence: ClassVar[str] = "quarter"
    path: ClassVar[str] = "rasters/rain_{label}.tif"
    reads: ClassVar[dict[str, Any]] = {}
    renames: ClassVar[bool] = False

    @abstractmethod
    def serve(self, provider: Provider, root: str, release: int, *, renamed: bool = False) -> None:
        """Put a release below a root."""

    @abstractmethod
    def fetch(self, provider: Provider, root: str) -> dict[str, Any]:
        """The block ``fetch``, but for what every block has."""

    def spec(self, provider: Provider, roots: list[str], pause: float) -> SourceSpec:
        """The entry, with a provider for each root."""
        more: dict[str, Any] = {}
        for root in reversed(roots):
            said = {"citation": f"Provider {root}", "confirmed": "by the test", "client": self.client, "lag_days": 30}
            more = {**said, "pause_seconds": pause, **self.fetch(provider, root), **({"instead": more} if more else {})}
        spec = entry(str(more.pop("address")), client=self.client, cadence=self.cadence, fetch=more, **self.reads)
        return spec.model_copy(update={"path": self.path})


class Plain(Protocol):
    """A file."""

    name = "https"

    def serve(self, provider: Provider, root: str, release: int, *, renamed: bool = False) -> None:
        provider.put(f"{root}/rain_2026Q3.tif", tiff(float(release)), etag=f'"{release}"')

    def fetch(self, provider: Provider, root: str) -> dict[str, Any]:
        return {"address": provider.at(f"{root}/rain_{{label}}.tif")}


class Digested(Plain):
    """A file beside which its digest lies."""

    name = "https, digest"

    def serve(self, provider: Provider, root: str, release: int, *, renamed: bool = False) -> None:
        super().serve(provider, root, release)
        digest = hashlib.md5(tiff(float(release))).hexdigest()
        provider.answers[f"{root}/rain.md5"] = lambda words: f"{digest}  rain\n".encode()

    def fetch(self, provider: Provider, root: str) -> dict[str, Any]:
        return super().fetch(provider, root) | {"checksum": provider.at(f"{root}/rain.md5")}


class Linked(Protocol):
    """A signed address in a document."""

    name = "https, link"

    def serve(self, provider: Provider, root: str, release: int, *, renamed: bool = False) -> None:
        provider.put(f"{root}/rain.tif", tiff(float(release)), etag=f'"{release}"', signed=True)
        provider.answers[f"{root}/link"] = lambda words: {"download": provider.sign(f"{root}/rain.tif")}

    def fetch(self, provider: Provider, root: str) -> dict[str, Any]:
        return {"address": provider.at(f"{root}/link"), "link": "download"}


class Windowed(Protocol):
    """Windows of three months."""

    name, client, ranges = "cog_window", "cog_window", True

    def serve(self, provider: Provider, root: str, release: int, *, renamed: bool = False) -> None:
        for month in ("07", "08", "09"):
            provider.put(f"{root}/rain.{month}.cog", overviewed(release), etag=f'"{release}"', ranges=self.ranges)

    def fetch(self, provider: Provider, root: str) -> dict[str, Any]:
        return {"address": provider.at(f"{root}/rain.{{month}}.cog"), "combine": "sum"}


class Rangeless(Windowed):
    """Windows of files whose server sends them whole only."""

    name, ranges = "cog_window, whole", False


class Scenes(Protocol):
    """Scenes of a STAC interface at signed addresses."""

    name, client, renames = "stac", "stac", True

    def serve(self, provider: Provider, root: str, release: int, *, renamed: bool = False) -> None:
        items = []
        for number, box in enumerate([(99.0, 9.0, 101.0, 13.0), (101.0, 9.0, 103.0, 13.0)]):
            path = f"{root}/scene_{number}.tif"
            provider.put(path, scene(15000 + 100 * release, box=box), etag=f'"{release}"', signed=True)
            said = {
                "start_datetime": "2026-07-10T00:00:00Z",
                "end_datetime": "2026-07-10T23:59:59Z",
                "updated": f"{release}",
            }
            items.append(
                {
                    "id": f"s{number}",
                    "properties": said,
                    "assets": {"LST_2" if renamed else "LST": {"href": provider.at(path)}},
                }
            )
        provider.answers[f"{root}/stac/search"] = lambda words: {"features": items, "links": []}
        provider.answers[f"{root}/token"] = lambda words: {"token": f"sig=Sig-{provider.signature}-5170"}

    def fetch(self, provider: Provider, root: str) -> dict[str, Any]:
        return {
            "address": provider.at(f"{root}/stac"), "sign": provider.at(f"{root}/token"), "collection": "heat", "asset": "LST",
            "cells_per_degree": 10, "nodata": 0, "scale": 0.02,
        }  # fmt: skip


class Catalogued(Protocol):
    """A file of a CKAN catalogue, which sends on to a signed address."""

    name, client = "ckan", "ckan"

    def serve(self, provider: Provider, root: str, release: int, *, renamed: bool = False) -> None:
        data = tiff(float(release))
        provider.put(f"{root}/store/rain.tif", data, etag=f'"{release}"', signed=True)
        provider.sends_on[f"{root}/download/rain.tif"] = f"{root}/store/rain.tif"
        said = {"name": "Rain", "url": provider.at(f"{root}/download/rain.tif"), "size": len(data)}
        said["last_modified"] = f"2026-10-0{release}T06:00:00"
        provider.answers[f"{root}/api/3/action/package_show"] = lambda words: {"result": {"resources": [said]}}

    def fetch(self, provider: Provider, root: str) -> dict[str, Any]:
        return {"address": provider.at(root), "dataset": "rain-for-{name}", "file": "rain.tif"}


class Counted(Protocol):
    """Records in pages that are counted."""

    name, client, path, renames = "rest", "rest", "rain_{label}.json", True
    reads: ClassVar[dict[str, Any]] = {
        "reader": "json_records", "columns": {"area_code": {"from": "code", "type": "code"}, "n": {"from": "n"}}
    }  # fmt: skip

    def serve(self, provider: Provider, root: str, release: int, *, renamed: bool = False) -> None:
        def page(words: dict[str, str]) -> Any:
            first = 4 * int(words["page"]) - 4
            records = [{"code": f"0101{i:02d}", "n": i * release} for i in range(first, min(first + 4, 10))]
            return {"rows" if renamed else "items": records}

        provider.answers[f"{root}/api"] = page

    def fetch(self, provider: Provider, root: str) -> dict[str, Any]:
        return {"address": provider.at(f"{root}/api"), "records": "items", "page": "page"}


class Chained(Counted):
    """Records in pages each of which names the next."""

    name = "rest, next"

    def serve(self, provider: Provider, root: str, release: int, *, renamed: bool = False) -> None:
        def page(words: dict[str, str]) -> Any:
            number = int(words.get("page", "1"))
            following = provider.at(f"{root}/api?page={number + 1}") if number < 3 else None
            records = [{"code": f"0101{number}{i}", "n": i * release} for i in range(3)]
            return {"rows" if renamed else "items": records, "next": following}

        provider.answers[f"{root}/api"] = page

    def fetch(self, provider: Provider, root: str) -> dict[str, Any]:
        return {"address": provider.at(f"{root}/api"), "records": "items", "next": "next"}


class Observed(Protocol):
    """Observations of an SDMX service."""

    name, client, path = "sdmx", "sdmx", "rain_{label}.csv"
    reads: ClassVar[dict[str, Any]] = {
        "reader": "csv", "columns": {"area_code": {"from": "AREA", "type": "code", "digits": 2}, "persons": {"from": "value"}}
    }  # fmt: skip

    def serve(self, provider: Provider, root: str, release: int, *, renamed: bool = False) -> None:
        rows = {f"{area:02d}": [(2026, 10 * area * release)] for area in range(1, 9)}
        kind = "application/vnd.sdmx.genericdata+xml;version=2.1"
        provider.put(f"{root}/rest/data/NSO,POP,1.0/A.", answer(rows), etag=f'"{release}"', content_type=kind)

    def fetch(self, provider: Provider, root: str) -> dict[str, Any]:
        return {"address": provider.at(f"{root}/rest"), "flow": "NSO,POP,1.0", "key": "A."}


class Granular(Protocol):
    """Tiles of Earthdata that only a token opens; release 2 comes under the variable's new name, which the entry knows."""

    name, client, renames = "earthdata", "earthdata", True

    def serve(self, provider: Provider, root: str, release: int, *, renamed: bool = False) -> None:
        entries = []
        variable = "Brightness" if renamed else VARIABLE if release == 1 else "Radiance"
        for month in (7, 8, 9):
            path, data = f"{root}/VNP46A3.A2026{month:03d}.h28v07.002.h5", tile(float(month * release), 5, variable)
            provider.put(path, data, etag=f'"{release}{variable}"', wants=f"Bearer {TOKEN}")
            last = dt.date(2026, month + 1, 1) - dt.timedelta(1)
            entries.append({
                "id": path, "updated": f"{release}", "time_start": f"2026-{month:02d}-01T00:00:00.000Z",
                "time_end": f"{last}T23:59:59.000Z", "granule_size": len(data) / (1 << 20),
                "links": [{"rel": "http://esipfed.org/ns/fedsearch/1.1/data#", "href": provider.at(path)}],
            })  # fmt: skip
        provider.answers[f"{root}/granules.json"] = lambda words: {"feed": {"entry": entries}}

    def fetch(self, provider: Provider, root: str) -> dict[str, Any]:
        return {
            "address": provider.at(f"{root}/granules.json"), "product": "VNP46A3", "version": "2", "least_looks": 2,
            "variable": ["Radiance", VARIABLE], "looks": [f"{VARIABLE}_Num"], "nodata": -999.9, "cells_per_degree": 10,
        }  # fmt: skip


class Listed(Protocol):
    """Packed files of three months in folders that pages list; release 2 stands beside release 1."""

    name, client = "folder", "folder"

    def serve(self, provider: Provider, root: str, release: int, *, renamed: bool = False) -> None:
        for month in ("07", "08", "09"):
            names = [f"rain_c{number}.tif.gz" for number in range(1, release + 1)]
            page = "".join(f'<a href="{name}">{name}</a>' for name in names).encode()
            data = gzip.compress(tiff(float(release)), mtime=0)
            provider.put(f"{root}/{month}/{names[-1]}", data, etag=f'"{release}"')
            provider.answers[f"{root}/{month}/"] = lambda words, page=page: page

    def fetch(self, provider: Provider, root: str) -> dict[str, Any]:
        return {"address": provider.at(f"{root}/{{month}}/"), "file": "rain_*.tif.gz", "combine": "sum"}


class Requested(Protocol):
    """What a data store makes on request; what is final stays as it is, so that both releases are one."""

    name, client, renames = "data_store", "data_store", True

    def serve(self, provider: Provider, root: str, release: int, *, renamed: bool = False) -> None:
        provider.put(f"{root}/made.nc", netcdf("q" if renamed else "avg_dis"), etag='"q"' if renamed else '"1"')
        said = {"asset": {"value": {"href": provider.at(f"{root}/made.nc")}}}
        job = {"jobID": "j1", "status": "successful"}
        store = f"{root}/retrieve/v1"
        provider.answers[f"{store}/processes/floods/execution"] = lambda words: job
        provider.answers[f"{store}/jobs/j1"] = lambda words: job
        provider.answers[f"{store}/jobs/j1/results"] = lambda words: said

    def fetch(self, provider: Provider, root: str) -> dict[str, Any]:
        return {
            "address": provider.at(root), "dataset": "floods", "token": "EARTHDATA_TOKEN", "variable": ["dis24", "avg_dis"],
            "request": {"month": ["{month}"]}, "combine": "maximum",
        }  # fmt: skip


class Extracted(Protocol):
    """Roads of an extract beside which its digest lies."""

    name, client, cadence, path = "pbf", "pbf", "year", "lines/osm_{year}.parquet"
    reads: ClassVar[dict[str, Any]] = {
        "reader": "geoparquet",
        "options": {"columns": {"road_id": "osm_id"}, "key": ["road_id"]},
    }

    def serve(self, provider: Provider, root: str, release: int, *, renamed: bool = False) -> None:
        data = extract(release)
        provider.put(f"{root}/a-260101.osm.pbf", data, etag=f'"{release}"')
        digest = hashlib.md5(data).hexdigest()
        provider.answers[f"{root}/a.md5"] = lambda words: f"{digest}  a\n".encode()

    def fetch(self, provider: Provider, root: str) -> dict[str, Any]:
        return {
            "address": provider.at(f"{root}/a-{{next_year_2}}0101.osm.pbf"), "checksum": provider.at(f"{root}/a.md5"),
            "keep": {"highway": ["primary", "trunk"]}, "shape": "line", "tags": ["highway", "name"],
        }  # fmt: skip


class Stored(Protocol):
    """Places of GeoParquet files in a bucket; a release is another name in it, and in its catalogue."""

    name, client, path = "object_store", "object_store", "points/places_{label}.parquet"
    reads: ClassVar[dict[str, Any]] = {
        "reader": "geoparquet",
        "options": {"columns": {"place_id": "place_id"}, "key": ["place_id"]},
    }

    def serve(self, provider: Provider, root: str, release: int, *, renamed: bool = False) -> None:
        bucket = Bucket(provider, root.strip("/"))
        for number in range(1, release + 1):
            day = f"2026-0{7 + number}-19.0"
            bucket.put(f"release/{day}/part-0.parquet", shapes([99.5, 100.5 + number / 10, 101.5]))
            bucket.put(f"release/{day}/part-1.parquet", shapes([105.0, 106.0]))
        releases = [f"2026-0{7 + number}-19.0" for number in range(release, 0, -1)]
        provider.answers[f"{root}/catalog.json"] = lambda words: catalogue(releases)

    def fetch(self, provider: Provider, root: str) -> dict[str, Any]:
        return {
            "address": f"s3:/{root}/release/{{release}}/", "region": "us-west-2", "endpoint": provider.at(root).removesuffix(root),
            "catalogue": provider.at(f"{root}/catalog.json"), "columns": {"place_id": "id", "name_en": "names.primary"},
        }  # fmt: skip


PROTOCOLS: list[Protocol] = [
    Plain(), Digested(), Linked(), Windowed(), Rangeless(), Scenes(), Catalogued(), Counted(), Chained(), Observed(), Granular(),
    Extracted(), Stored(), Listed(), Requested(),
]  # fmt: skip
