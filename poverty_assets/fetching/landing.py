"""A fetched file held against its contract, put in its place whole, and recorded.

Belongs here: the last steps, between a file that came and a file that is there. Does not belong here: how it came.
"""

from __future__ import annotations

import datetime as dt
import errno
import os
import shutil
from dataclasses import replace
from pathlib import Path

from poverty_assets.atomic import replacing
from poverty_assets.errors import FetchFailed, InputError
from poverty_assets.fetching.addresses import shown
from poverty_assets.fetching.clients.offer import Offer
from poverty_assets.fetching.orders import Order
from poverty_assets.sources.landed import LandedRecord, read_record, write_record
from poverty_assets.sources.readers import digest, read_source

_BEGINNINGS: dict[str, tuple[bytes, ...]] = {
    "geotiff": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    "geopackage": (b"SQLite format 3\0",),
    "geoparquet": (b"PAR1",),
    "flatgeobuf": (b"fgb",),
    "ophi_workbook": (b"PK",),
}
"""How a file of each reader begins; text has no beginning of its own."""


def held(order: Order) -> tuple[str | None, LandedRecord | None]:
    """Digest of the file that is there, and its record if that is of this very file."""
    path = order.release.path
    if not path.is_file():
        return None, None
    sha256, record = digest(path), read_record(path)
    return sha256, record if record is not None and record.sha256 == sha256 else None


def check(order: Order, file: Path) -> None:
    """Read a file as a refresh would.

    Raises
    ------
    FetchFailed
        If a refresh would refuse it.
    """
    with file.open("rb") as stream:
        head = stream.read(16)
    beginnings = (b"PK",) if order.release.path.suffix == ".zip" else _BEGINNINGS.get(order.spec.reader, (b"",))
    if not head.startswith(beginnings):
        raise FetchFailed(
            f"what came is not a file of {order.spec.reader}: it begins with {head[:8]!r}",
            address=order.addresses[0][1],
            remedy="open the address in a browser and see what it gives",
        )
    try:
        read_source(replace(order.release, path=file, landing=file.parent), order.country)
    except InputError as error:
        where = f", {error.place}" if error.place else ""
        raise FetchFailed(
            f"what came cannot be used{where}: {error.problem}",
            address=order.addresses[0][1],
            remedy="the publisher has changed the file, or it came broken: look at it, and correct the entry",
        ) from error


def place(order: Order, offer: Offer, file: Path, now: dt.datetime) -> LandedRecord:
    """Put a checked file where its source has it, and record it. What was there stays whole until then.

    Returns
    -------
    LandedRecord
        With ``replaces`` where another file was there.
    """
    path = order.release.path
    before, of_before = held(order)
    sha256 = digest(file)
    if sha256 != before:
        with replacing(path) as temporary:
            _move(file, temporary)
    record = LandedRecord(
        source_id=order.spec.source_id,
        url=_url(order, offer),
        licence=order.fetch.licence or order.spec.licence,
        publisher=order.spec.publisher,
        citation=order.fetch.citation,
        sha256=sha256,
        size=path.stat().st_size,
        observed_from=order.release.observed_from,
        observed_to=order.release.observed_to,
        released_on=offer.released_on,
        release=offer.release,
        fetched_at=of_before.fetched_at if of_before and before == sha256 else now,
        is_preliminary=order.is_preliminary,
        client=order.fetch.client,
        recipe=order.recipe,
        parts=offer.recorded,
        replaces=before if before != sha256 else of_before.replaces if of_before else None,
    )
    write_record(path, record)
    return record


def _url(order: Order, offer: Offer) -> str:
    """One address to name: that of the file, of the first month, or of the interface that named the parts."""
    if len(offer.parts) == 1:
        return offer.recorded[0].address
    return shown(order.addresses[0][1].replace("{release}", offer.release or ""))


def _move(file: Path, temporary: Path) -> None:
    try:
        os.replace(file, temporary)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.copyfile(file, temporary)  # the home and the landing folder lie on different disks
