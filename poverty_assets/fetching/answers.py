"""What a server says of a file, and answers that need not come again as long as it says the same.

Belongs here: what a file is known again by (``Version``), and answers of catalogues kept beside it: asked for again with what they are
known by, an unchanged one is answered without a body; and dropping those that nobody asks for any more. Does not belong here: asking
(``web``).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx

from poverty_assets.atomic import write_bytes
from poverty_assets.fetching.addresses import SECRETS

_MOST = 32 << 20
"""Bytes of an answer that is kept."""
KEPT_DAYS = 400
"""Days after which an answer is dropped that was not asked for again: what is asked once a year is."""
KEPT_BYTES = 256 << 20
"""Bytes of all that is kept; beyond them what was not asked for longest is dropped."""
_SIGNED = re.compile(rb"([?&]|\\u0026)[\w.-]*" + SECRETS.pattern.encode() + rb"[\w.-]*=", re.IGNORECASE)


@dataclass(frozen=True)
class Version:
    """What a server says of a file: enough to know it again.

    Attributes
    ----------
    size : int, optional
        Bytes; a server that says 0 of a file it has not begun to send says nothing.
    etag, last_modified : str, optional
        As in the headers of these names.
    """

    size: int | None = None
    etag: str | None = None
    last_modified: str | None = None

    @classmethod
    def of(cls, answer: httpx.Response) -> Version:
        """The version that an answer's headers tell."""
        head = answer.headers
        whole = head.get("content-range", "").rpartition("/")[2] or head.get("content-length", "")
        return cls(int(whole) if whole.isdigit() and int(whole) else None, head.get("etag"), head.get("last-modified"))

    @property
    def validator(self) -> str | None:
        """What a piece can be continued by (``If-Range``): a strong tag, else the date."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.last_modified

    @property
    def unless(self) -> dict[str, str]:
        """Headers that ask for a body only where it is another by now."""
        return ({"If-None-Match": self.etag} if self.etag else {}) | (
            {"If-Modified-Since": self.last_modified} if self.last_modified else {}
        )

    @property
    def is_known(self) -> bool:
        """Whether the same file would be known again."""
        return bool(self.etag or self.last_modified)


@dataclass(frozen=True)
class KeptAnswer:
    """The body of an answer.

    Attributes
    ----------
    asked : str
        The whole address.
    data : bytes
    version : Version
    """

    asked: str
    data: bytes
    version: Version


@dataclass(frozen=True)
class KeptAnswers:
    """Answers of the last time.

    Attributes
    ----------
    folder : Path, optional
        Where they lie; None: none are kept.
    writes : bool
        Whether new ones are kept, too.
    """

    folder: Path | None = None
    writes: bool = True

    def of(self, asked: str) -> KeptAnswer | None:
        """What this address answered the last time; None where that is not known, or was changed since."""
        if self.folder is None:
            return None
        try:
            note, _, data = self._file(asked).read_bytes().partition(b"\n")
            said = json.loads(note)
            if hashlib.sha256(data).hexdigest() != said.pop("sha256"):
                return None
            return KeptAnswer(asked, data, Version(**said))
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def keep(self, answer: KeptAnswer) -> None:
        """Keep an answer for the next time, if it can be known again and holds no signed address: secrets are written nowhere."""
        if self.folder is None or not self.writes or not answer.version.is_known:
            return
        if len(answer.data) > _MOST or _SIGNED.search(answer.data):
            return
        note = json.dumps(asdict(answer.version) | {"sha256": hashlib.sha256(answer.data).hexdigest()})
        write_bytes(self._file(answer.asked), note.encode() + b"\n" + answer.data)

    def used(self, answer: KeptAnswer) -> None:
        """Note that an answer still holds."""
        if self.folder is not None and self.writes:
            os.utime(self._file(answer.asked))

    def prune(self, now: float, *, days: int = KEPT_DAYS, most: int = KEPT_BYTES) -> int:
        """Drop answers that nobody asked for within so many days, then the longest unasked until so many bytes are left.

        Parameters
        ----------
        now : float
            Seconds since the epoch.

        Returns
        -------
        int
            How many were dropped.
        """
        if self.folder is None or not self.writes or not self.folder.is_dir():
            return 0
        seen = [(file, file.stat()) for file in self.folder.iterdir() if file.is_file()]
        dropped, left = 0, most
        for file, stat in sorted(seen, key=lambda pair: pair[1].st_mtime, reverse=True):
            left -= stat.st_size
            if left < 0 or now - stat.st_mtime > days * 86_400:
                file.unlink(missing_ok=True)
                dropped += 1
        return dropped

    def _file(self, asked: str) -> Path:
        return (self.folder or Path()) / hashlib.sha256(asked.encode()).hexdigest()[:32]
