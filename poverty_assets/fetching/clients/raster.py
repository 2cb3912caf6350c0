"""A raster of a server, read in pieces, or whole where the server sends nothing less.

Belongs here: which of the two, and another try where what came cannot be read. Does not belong here: what is read of it (``windows``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from poverty_assets.fetching.download import download, forget
from poverty_assets.fetching.remote import NoRanges, RemoteFile
from poverty_assets.fetching.web import NotTheFile, Web

T = TypeVar("T")


def read_raster(
    web: Web,
    signed: Callable[[bool], str],
    how: Callable[[Path | RemoteFile], T],
    folder: Path,
    *,
    pause: float = 0.0,
    headers: dict[str, str] | None = None,
) -> T:
    """What is made of a raster.

    Parameters
    ----------
    web : Web
    signed : callable
        Gives the address; with True one that is signed anew.
    how : callable
        Reads it.
    folder : Path
        For the whole file, where it is needed.
    pause : float
    headers : dict of str to str

    Raises
    ------
    FetchFailed
    """
    address = signed(False)
    with web.tries(address) as attempts:
        for attempt in attempts:
            with attempt:
                try:
                    return how(RemoteFile(web, signed, pause=pause, headers=headers))
                except NoRanges:
                    return _of_whole(web, signed, how, folder, pause, headers)
    raise AssertionError("unreachable")  # stamina ends with a value or an error


def _of_whole(
    web: Web,
    signed: Callable[[bool], str],
    how: Callable[[Path | RemoteFile], T],
    folder: Path,
    pause: float,
    headers: dict[str, str] | None,
) -> T:
    name = hashlib.sha256(signed(False).partition("?")[0].encode()).hexdigest()[:16]
    piece = folder / f"whole_{name}.tif"
    web.let_in(signed, lambda address: download(web, address, piece, pause=pause, headers=headers))
    try:
        return how(piece)
    except NotTheFile:
        forget(piece)
        raise
