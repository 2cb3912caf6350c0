"""One file over HTTP, whole: continued where it broke off, counted, and refused where a page came in its place.

Belongs here: moving bytes into a piece beside which stands what it is a piece of. Does not belong here: what is in the file
(``landing``), or where it goes.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import asdict, astuple
from pathlib import Path

import httpx

from poverty_assets.atomic import write_text
from poverty_assets.errors import FetchFailed
from poverty_assets.fetching.addresses import shown
from poverty_assets.fetching.answers import Version
from poverty_assets.fetching.web import LONGEST_WAIT, NotTheFile, Refused, Web

_PAGE = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*(?:<!doctype html|<html)", re.IGNORECASE)
_TITLE = re.compile(rb"<title[^>]*>\s*(.*?)\s*</title>", re.IGNORECASE | re.DOTALL)
_SPARE = 1.1
"""A disk needs so many times the file's size."""


def download(
    web: Web, address: str, piece: Path, *, pause: float = 0.0, headers: dict[str, str] | None = None
) -> Version:
    """Fetch a file into ``piece``; what lies there of the same version already is continued.

    A server that ignores ranges, or has another version by now, sends the whole file: then it starts anew. As long as a round of tries
    gets further than the one before, there is another, whatever its last try met.

    Raises
    ------
    FetchFailed
        If it did not come whole; the piece stays for the next time.
    """
    piece.parent.mkdir(parents=True, exist_ok=True)
    while True:
        had = _size(piece)
        try:
            with web.tries(address) as attempts:
                for attempt in attempts:
                    with attempt:
                        return _pull(web, address, piece, pause, headers or {})
        except FetchFailed as error:
            worth_more = isinstance(error.__context__, httpx.RequestError | Refused | NotTheFile)
            if not worth_more or _asks_to_stay_away(error.__context__) or _size(piece) <= had:
                raise


def download_told(
    web: Web,
    address: str,
    piece: Path,
    told: Callable[[bool], int | None],
    *,
    pause: float = 0.0,
    headers: dict[str, str] | None = None,
) -> None:
    """Fetch a file of the size that its publisher tells; a server that announces too little sends a part as if it were all.

    Parameters
    ----------
    told : callable
        Gives the size, if the publisher tells any; with True it is asked anew.

    Raises
    ------
    FetchFailed
    """
    with web.tries(address) as attempts:
        for attempt in attempts:
            with attempt:
                download(web, address, piece, pause=pause, headers=headers)
                size = _size(piece)
                if told(False) in (None, size) or told(True) in (None, size):
                    return
                forget(piece)
                raise NotTheFile(
                    f"{size:,} bytes came, and the publisher tells of {told(False):,}",
                    "the publisher may be changing it right now: try again later",
                )


def _asks_to_stay_away(error: BaseException | None) -> bool:
    return isinstance(error, Refused) and error.wait is not None and error.wait > LONGEST_WAIT


def forget(piece: Path) -> None:
    """Remove a piece and what is noted of it."""
    piece.unlink(missing_ok=True)
    _note_of(piece).unlink(missing_ok=True)


def _pull(web: Web, address: str, piece: Path, pause: float, headers: dict[str, str]) -> Version:
    have, known = _size(piece), _noted(piece, address)
    if have and not known.validator:
        have = 0
    ask = {"Range": f"bytes={have}-", "If-Range": str(known.validator)} if have else {}
    if have and have == known.size:
        ask = known.unless  # it came whole, and what was to follow did not
    with web.ask("GET", address, pause=pause, headers={**headers, **ask}) as answer:
        if answer.status_code == 304 and have:
            return known
        begins = re.match(r"bytes (\d+)-", answer.headers.get("content-range", ""))
        version = Version.of(answer)
        another = answer.status_code == 206 and (not begins or int(begins[1]) != have or _differ(version, known))
        if answer.status_code == 416 or another:
            forget(piece)
            raise NotTheFile("the server sent another piece than it was asked for")
        _refuse_a_full_disk(version.size, piece, address)
        chunks = answer.iter_raw()  # as they come: nothing is lost when the connection is
        head = next(chunks, b"")
        if answer.status_code != 206:
            _refuse_a_page(head, answer, address)
            forget(piece)
            write_text(_note_of(piece), json.dumps(asdict(version) | {"address": shown(address)}))
        with piece.open("ab" if answer.status_code == 206 else "wb") as out:
            while head:
                web.count(out.write(head))
                head = next(chunks, b"")
    if version.size is not None and _size(piece) != version.size:
        got = _size(piece)
        forget(piece)
        raise NotTheFile(f"{got:,} bytes came where the server had announced {version.size:,}")
    return version


def _differ(one: Version, other: Version) -> bool:
    """Whether two answers tell of two versions; what one of them does not say does not count."""
    return any(mine and theirs and mine != theirs for mine, theirs in zip(astuple(one), astuple(other), strict=True))


def _refuse_a_page(head: bytes, answer: httpx.Response, address: str) -> None:
    """Refuse HTML that came in place of the file: a later try may be answered better, but not where we were sent on to a login."""
    if "text/html" not in answer.headers.get("content-type", "").lower() and not _PAGE.match(head):
        return
    found = _TITLE.search(head)
    title = f" ({' '.join(found[1].decode('utf-8', 'replace').split())[:80]})" if found else ""
    problem = f"a web page{title} came in place of the file"
    if answer.url.host != httpx.URL(address).host:
        raise FetchFailed(
            f"{problem}, from {answer.url.host}",
            address=shown(address),
            remedy="it may be a login: check the token, and whether the application must be authorised with the publisher first",
        )
    raise NotTheFile(problem)


def _refuse_a_full_disk(size: int | None, piece: Path, address: str) -> None:
    free = shutil.disk_usage(piece.parent).free
    if size is not None and size * _SPARE > free:
        raise FetchFailed(
            f"the file has {size:,} bytes, and the disk has {free:,} left",
            address=shown(address),
            remedy="make room, or name another folder in POVERTY_ASSETS_HOME",
        )


def _note_of(piece: Path) -> Path:
    return piece.with_name(piece.name + ".json")


def _noted(piece: Path, address: str) -> Version:
    """The version that a piece is of; unknown where it came from another address, whose tags may be the same by chance."""
    try:
        said = json.loads(_note_of(piece).read_text(encoding="utf-8"))
        return Version(**said) if said.pop("address") == shown(address) else Version()
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return Version()


def _size(piece: Path) -> int:
    return piece.stat().st_size if piece.is_file() else 0
