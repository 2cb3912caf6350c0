"""A store of data that makes a file on request: ECMWF's data stores, of which the Early Warning Data Store has floods.

Belongs here: the request, waiting until it is done, and days laid over each other as one raster. The protocol is that of
``ecmwf-datastores-client`` (OGC API processes): a job is posted, looked at until it is done, and its result names a file.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.crs import CRS
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from poverty_assets.atomic import write_text
from poverty_assets.errors import FetchFailed, NotThere
from poverty_assets.fetching.addresses import shown
from poverty_assets.fetching.answers import Version
from poverty_assets.fetching.clients.offer import Offer
from poverty_assets.fetching.download import download, forget
from poverty_assets.fetching.orders import Order
from poverty_assets.fetching.variables import variable_of
from poverty_assets.fetching.web import BadRequest, NotTheFile, Web, secret
from poverty_assets.fetching.windows import Overlaid, RemoteCells, write_cells
from poverty_assets.pack.fetch import DataStoreFetch
from poverty_assets.pack.fetch_spec import is_guarded

_HEADER = "PRIVATE-TOKEN"
_LOOKS = 240
_LONGEST_LOOK = 30.0
_AT_WORK, _DONE = ("accepted", "running"), "successful"


class DataStoreClient:
    """The client ``data_store``."""

    def offer(self, order: Order, web: Web) -> Offer:
        """One part, known again by the request: what is final is not made anew, and a preliminary file is replaced by the final one."""
        fetch = _of(order)
        secret(fetch.token, _HEADER)  # said before anything moves
        return Offer([(_process(order), Version(None, f'"{order.title}"'))])

    def glance(self, order: Order, web: Web) -> Offer:
        """Whether the store has the data set at all: nothing is requested."""
        fetch = _of(order)
        headers = secret(fetch.token, _HEADER)
        web.json(_process(order), _mapping, pause=fetch.pause_seconds, headers=headers)
        return Offer([(_process(order), Version())])

    def make(self, order: Order, offer: Offer, web: Web, folder: Path) -> Path:
        """Ask for it, wait, download it, and write the largest, smallest or mean of its days."""
        fetch = _of(order)
        folder.mkdir(parents=True, exist_ok=True)
        address = _result(order, web, folder / "job.txt")
        piece, made = folder / "made.nc", folder / order.release.path.name
        with web.tries(address) as attempts:
            for attempt in attempts:
                with attempt:
                    download(web, address, piece, pause=fetch.pause_seconds)
                    try:
                        cells = combined_days(piece, fetch)
                    except NotTheFile:
                        forget(piece)
                        raise
                    write_cells(made, [cells])
        return made


def combined_days(file: Path, fetch: DataStoreFetch) -> RemoteCells:
    """The variable's bands laid over each other.

    Raises
    ------
    NotTheFile
        If it is no such file.
    FetchFailed
        If it has not the variable.
    """
    path = variable_of(file, fetch.variable, fetch.known_by)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path) as data:
                if data.transform.is_identity:
                    raise FetchFailed(
                        "the file does not say where its cells lie", remedy="the store has changed its form"
                    )
                over = Overlaid(fetch.combine, (data.height, data.width))
                for band in range(1, data.count + 1):
                    read = data.read(band, masked=True)
                    values = np.ma.filled(read.astype("float64"), np.nan)
                    if fetch.nodata is not None:
                        values[np.ma.getdata(read) == fetch.nodata] = np.nan
                    over.add(values * data.scales[band - 1] + data.offsets[band - 1])
                return RemoteCells(over.values, data.transform, data.crs or CRS.from_epsg(4326))
    except RasterioError as error:
        raise NotTheFile(f"the file cannot be read ({str(error).splitlines()[0]})", "it came broken") from None


def _result(order: Order, web: Web, note: Path) -> str:
    """Address of the file that a job has made: of one that was posted before, if the store still knows it."""
    fetch = _of(order)
    if note.is_file():
        try:
            return _waited_for(note.read_text(encoding="utf-8"), fetch, web)
        except FetchFailed:
            note.unlink()
    headers = secret(fetch.token, _HEADER)
    asked = {name: order.filled_each(value) for name, value in fetch.request.items()}
    west, south, east, north = order.country.bounds
    try:
        job = web.json(
            f"{_process(order)}/execution",
            _job,
            pause=fetch.pause_seconds,
            headers=headers,
            body={"inputs": asked | {"area": [north, west, south, east]}},
        )
    except BadRequest as error:
        raise NotThere(
            f"the store takes no such request ({error.problem}): it has none of the period yet, or its form has changed",
            address=fetch.address,
            remedy="look on the data set's page which days there are, and what the request is now",
        ) from None
    where = f"{fetch.address.rstrip('/')}/retrieve/v1/jobs/{job}"
    write_text(note, where)
    return _waited_for(where, fetch, web)


def _waited_for(job: str, fetch: DataStoreFetch, web: Web) -> str:
    headers = secret(fetch.token, _HEADER)
    pause = max(fetch.pause_seconds, 1.0)
    for _ in range(_LOOKS):
        state = web.json(job, _status, pause=fetch.pause_seconds, headers=headers, keep=False)
        if state == _DONE:
            return web.json(f"{job}/results", _asset, pause=fetch.pause_seconds, headers=headers, keep=False)
        if state not in _AT_WORK:
            raise FetchFailed(
                f"the store could not make the file ({state})",
                address=shown(job),
                remedy="look at it on the store's page",
            )
        web.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_LOOK)
    raise FetchFailed(
        "the store has not made the file yet", address=shown(job), remedy="try again: it goes on meanwhile"
    )


def _process(order: Order) -> str:
    fetch = _of(order)
    return f"{fetch.address.rstrip('/')}/retrieve/v1/processes/{fetch.dataset}"


def _mapping(answer: Any) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise NotTheFile("the answer is not that of a data store", "correct the address in the entry")
    return answer


def _job(answer: Any) -> str:
    found = _mapping(answer).get("jobID")
    if not isinstance(found, str) or not found.replace("-", "").isalnum():
        raise NotTheFile("the answer names no job", "correct the address in the entry")
    return found


def _status(answer: Any) -> str:
    found = _mapping(answer).get("status")
    if not isinstance(found, str):
        raise NotTheFile("the answer does not say how far the job is", "correct the address in the entry")
    return found


def _asset(answer: Any) -> str:
    asset = _mapping(answer).get("asset")
    value = asset.get("value") if isinstance(asset, dict) else None
    href = value.get("href") if isinstance(value, dict) else None
    if not isinstance(href, str) or not is_guarded(href):
        raise NotTheFile("the result names no https address", "correct the address in the entry")
    return href


def _of(order: Order) -> DataStoreFetch:
    if not isinstance(order.fetch, DataStoreFetch):
        raise TypeError(f"{order.fetch.client} is another client's")
    return order.fetch
