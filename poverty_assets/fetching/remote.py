"""A file that is read here and there over HTTP, without being fetched whole.

Belongs here: which bytes are asked for, and that all of them are of one version of the file. Does not belong here: what they mean
(``windows``).
"""

from __future__ import annotations

import io
import re
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

from poverty_assets.fetching.answers import Version
from poverty_assets.fetching.web import NotTheFile, Web

T = TypeVar("T")
_BLOCK = 1 << 16
_MOST_AHEAD = 16
"""Blocks in one request at most where a file is read one piece after the other."""
_KEPT = 1024
"""Blocks in memory."""


class NoRanges(Exception):
    """The server sends the whole file whatever piece it is asked for."""


class FileChanged(Exception):
    """The file has changed since its first piece came: all has to be read anew."""


class RemoteFile:
    """A file of a server, in blocks of 64 KiB; what is read one after the other comes in larger pieces.

    Every request keeps its distance to the one before, is tried again by itself, and waits as long as it is asked to.

    Parameters
    ----------
    web : Web
    address : callable
        Gives the address; with True one that is signed anew, as the one before is not accepted any more.
    pause : float
    headers : dict of str to str
    """

    def __init__(
        self, web: Web, address: Callable[[bool], str], *, pause: float = 0.0, headers: dict[str, str] | None = None
    ) -> None:
        self._web, self._signed, self._pause, self._headers = web, address, pause, headers or {}
        self._version: Version | None = None
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._ahead, self._after = 1, -1
        self.trouble: Exception | None = None
        """What went wrong while somebody read who cannot pass on an error."""

    @property
    def size(self) -> int:
        """Bytes of the whole file.

        Raises
        ------
        FetchFailed, NoRanges
        """
        return self.version.size or 0

    @property
    def version(self) -> Version:
        """What the server says of it.

        Raises
        ------
        FetchFailed, NoRanges
        """
        if self._version is None:
            self._fetch(0, 1)
        return self._version or Version()

    def read(self, start: int, length: int) -> bytes:
        """A piece; shorter where the file ends.

        Raises
        ------
        FetchFailed, NoRanges, FileChanged
        """
        end = min(start + length, self.size)
        if end <= start:
            return b""
        first, last = start // _BLOCK, (end - 1) // _BLOCK
        data = b"".join(self._block(number, last) for number in range(first, last + 1))
        return data[start - first * _BLOCK : end - first * _BLOCK]

    def opened(self, path: str, mode: str = "rb", **more: object) -> io.RawIOBase:
        """The file as one that GDAL can read: rasterio's ``opener``."""
        return _Opened(self)

    def _block(self, number: int, last: int) -> bytes:
        if number not in self._blocks:
            self._ahead = min(2 * self._ahead, _MOST_AHEAD) if number == self._after else 1
            wanted = max(self._ahead, last - number + 1)
            until = next((n for n in range(number, number + wanted) if n in self._blocks), number + wanted)
            self._fetch(number, until)
            self._after = until
        self._blocks.move_to_end(number)
        return self._blocks[number]

    def _fetch(self, first: int, until: int) -> None:
        """Fetch blocks from the first up to, and without, the last."""
        data = self._asked(first * _BLOCK, until * _BLOCK)
        for number in range(first, until):
            self._blocks[number] = data[(number - first) * _BLOCK : (number - first + 1) * _BLOCK]
        while len(self._blocks) > max(_KEPT, until - first):
            self._blocks.popitem(last=False)

    def _asked(self, start: int, end: int) -> bytes:
        def piece(address: str) -> bytes:
            with self._web.tries(address) as attempts:
                for attempt in attempts:
                    with attempt:
                        return self._piece(address, start, end)
            raise AssertionError("unreachable")  # stamina ends with a value or an error

        return self._web.let_in(self._signed, piece)

    def _piece(self, address: str, start: int, end: int) -> bytes:
        ask = {**self._headers, "Range": f"bytes={start}-{end - 1}"}
        with self._web.ask("GET", address, pause=self._pause, headers=ask) as answer:
            kind = answer.headers.get("content-type", "").lower()
            said = re.match(r"bytes (\d+)-(\d+)/(\d+|\*)$", answer.headers.get("content-range", ""))
            if (said and said[3] == "*") or (answer.status_code == 200 and "text/html" not in kind):
                raise NoRanges
            if answer.status_code != 206 or not said or int(said[1]) != start:
                raise NotTheFile("the server sent another piece than it was asked for")
            version = Version.of(answer)
            if self._version is not None and version != self._version:
                raise FileChanged
            data = answer.read()
        if len(data) != min(end, int(said[3])) - start:
            raise NotTheFile("the server sent another piece than it was asked for")
        self._web.count(len(data))
        self._version = version
        return data


class _Opened(io.RawIOBase):
    """One who reads a remote file; errors are kept for who can pass them on, since GDAL cannot."""

    def __init__(self, file: RemoteFile) -> None:
        self._file, self._at = file, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_END:
            offset += self._kept(lambda: self._file.size) or 0
        self._at = offset + (self._at if whence == io.SEEK_CUR else 0)
        return self._at

    def read(self, size: int = -1) -> bytes:
        data = self._kept(lambda: self._file.read(self._at, size if size >= 0 else self._file.size)) or b""
        self._at += len(data)
        return data

    def _kept(self, how: Callable[[], T]) -> T | None:
        if self._file.trouble is None:
            try:
                return how()
            except Exception as error:  # whatever it is, it is raised when GDAL is done
                self._file.trouble = error
        return None
