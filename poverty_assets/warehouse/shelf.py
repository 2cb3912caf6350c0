"""Where the lake's files are kept: in a folder of this machine, or in a bucket of which the folder holds copies.

Belongs here: the two forms of one shelf (bringing, writing, finding and removing files whole), and what a bucket says of whose it is.
Does not belong here: what the files are (``lake``), or whether a quarter of them is complete (its seal).

A bucket has no rename. Each file is one PUT: readers find the object before it or the new one, never a part, and what a killed process
had put counts for nothing until the seal, which is put last, names its digest. Library: obstore (the extra ``s3``).
"""

from __future__ import annotations

import fnmatch
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from poverty_assets.atomic import replacing, write_text
from poverty_assets.catalog import SCHEMA
from poverty_assets.errors import MachineTrouble, UsageError
from poverty_assets.settings import Settings

T = TypeVar("T")
SETTING = "POVERTY_ASSETS_BUCKET"
_CLAIM = "lake.json"
_NOTE = ".of"
"""Ends the name of what is noted beside a copy: of which object it is, and how the copy looked when that was written."""
_AT_ONCE = 8
_CLIENT = {"timeout": "600s", "connect_timeout": "5s"}  # a raster of a billion cells takes minutes to put
_RETRIES = {"max_retries": 5}


class Shelf(Protocol):
    """Whatever keeps the files; each is known by where it lies below the lake's folder."""

    def here(self, path: Path) -> Path:
        """The path, once the file there is the one that the shelf has, or there is none where it has none."""

    def bring(self, paths: Iterable[Path]) -> None:
        """The same of many, several at a time."""

    def writing(self, path: Path) -> AbstractContextManager[Path]:
        """A temporary path; what is written there becomes the file whole, or not at all."""

    def remove(self, path: Path) -> None:
        """Have no such file."""

    def found(self, pattern: str) -> list[Path]:
        """Files whose place below the folder fits the pattern, in order, also of what others have put meanwhile."""


class Disk:
    """The folder itself.

    Parameters
    ----------
    root : Path
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def here(self, path: Path) -> Path:
        """See ``Shelf``."""
        return path

    def bring(self, paths: Iterable[Path]) -> None:
        """See ``Shelf``."""

    def writing(self, path: Path) -> AbstractContextManager[Path]:
        """See ``Shelf``."""
        return replacing(path)

    def remove(self, path: Path) -> None:
        """See ``Shelf``."""
        path.unlink(missing_ok=True)

    def found(self, pattern: str) -> list[Path]:
        """See ``Shelf``."""
        return sorted(self._root.glob(pattern))


class BucketShelf:
    """A bucket that is asked through the S3 API, with copies of its objects in a folder.

    A copy is used for as long as the bucket has the object that it is of: its list is read once a process, and again when a seal has
    changed, so that a step costs no request for what this machine has made or read before.

    Parameters
    ----------
    address : str
        ``s3://bucket`` or ``s3://bucket/prefix``. Endpoint, region and secrets are those of the environment (``AWS_ENDPOINT_URL``,
        ``AWS_REGION``, ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``).
    root : Path
        Of the copies.
    claim : mapping
        What the lake is of: whoever claims something else is refused.
    """

    def __init__(self, address: str, root: Path, claim: Mapping[str, Any]) -> None:
        self._address, self._root, self._claim = address, root, dict(claim)

    # ------------------------------------------------------------------ files
    def here(self, path: Path) -> Path:
        """See ``Shelf``."""
        key = self._key(path)
        known, own = self._objects.get(key), _noted(path)
        if known == own and (known is not None or not path.exists()):
            return path
        state = self._asked(lambda: _obstore().head(self._store, key), none=True)
        if state is None:
            self._objects.pop(key, None)
            _drop(path)
        elif _token(state) == own:
            self._objects[key] = own
        else:
            self._get(key, path)
        return path

    def bring(self, paths: Iterable[Path]) -> None:
        """See ``Shelf``."""
        wanted = [path for path in paths if self._objects.get(self._key(path)) != _noted(path)]
        if wanted:
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                list(pool.map(self.here, wanted))

    @contextmanager
    def writing(self, path: Path) -> Iterator[Path]:
        """See ``Shelf``. The object is put before the copy is renamed: there is never a copy of what the bucket has not had."""
        key = self._key(path)
        self._claim_it()
        with replacing(path) as temporary:
            yield temporary
            token = _token(self._asked(lambda: _obstore().put(self._store, key, temporary, use_multipart=False)))
        self._objects[key] = token
        _note(path, token)

    def remove(self, path: Path) -> None:
        """See ``Shelf``."""
        if self._objects.pop(self._key(path), None) is not None:
            self._asked(lambda: _obstore().delete(self._store, self._key(path)), none=True)
        _drop(path)

    def found(self, pattern: str) -> list[Path]:
        """See ``Shelf``."""
        begins = pattern.partition("*")[0].rpartition("/")[0]
        there = self._listed(begins)
        held = {key for key in self._objects if key.startswith(f"{begins}/")}
        if any(self._objects.get(key) != token for key, token in there.items()) or held - there.keys():
            self._objects = self._listed()
        return sorted(self._root / key for key in self._objects if fnmatch.fnmatchcase(key, pattern))

    # ------------------------------------------------------------------ requests
    @cached_property
    def _objects(self) -> dict[str, str]:
        """Objects by key with what tells one from the next: as they were when they were last listed, and what was put since."""
        self._require_ours()
        return self._listed()

    @cached_property
    def _store(self) -> Any:
        place = urlsplit(self._address)
        if place.scheme != "s3" or not place.netloc:
            raise UsageError(
                f"{self._address!r} is no address of a bucket", place=SETTING, remedy="write s3://bucket/prefix"
            )
        http = os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")
        return self._asked(
            lambda: _obstore().store.from_url(
                self._address, client_options={**_CLIENT, "allow_http": http}, retry_config=dict(_RETRIES)
            )
        )

    def _listed(self, under: str = "") -> dict[str, str]:
        rows = self._asked(lambda: [one for some in _obstore().list(self._store, under or None) for one in some])
        return {one["path"]: _token(one) for one in rows}

    def _get(self, key: str, path: Path) -> None:
        found = self._asked(lambda: _obstore().get(self._store, key))
        with replacing(path) as temporary:
            with temporary.open("wb") as stream:
                self._asked(lambda: [stream.write(part) for part in found])
            made = found.meta["last_modified"].timestamp()
            os.utime(temporary, (made, made))
        self._objects[key] = _token(found.meta)
        _note(path, self._objects[key])

    def _asked(self, ask: Callable[[], T], *, none: bool = False) -> Any:
        """What the bucket answers; None where that may be that there is no such object.

        Raises
        ------
        MachineTrouble
            If it cannot be reached, or does not let us in.
        """
        try:
            return ask()
        except _obstore().exceptions.AlreadyExistsError:
            raise
        except (OSError, _obstore().exceptions.BaseError) as error:
            if none and isinstance(error, FileNotFoundError):
                return None
            if isinstance(error, OSError) and error.errno is not None:  # of this machine's disk
                raise
            raise MachineTrouble(
                f"the bucket of the lake does not do what it is asked: {str(error).strip().splitlines()[0][:200]}",
                place=self._address,
                remedy=f"see that {SETTING}, AWS_ENDPOINT_URL and the credentials in the environment are right and that the bucket is"
                " there, then run the same again",
            ) from error

    # ------------------------------------------------------------------ whose it is
    def _require_ours(self) -> None:
        found = self._asked(lambda: _obstore().get(self._store, _CLAIM), none=True)
        held = {} if found is None else json.loads(bytes(found.bytes()))
        wrong = [name for name, value in self._claim.items() if held.get(name, value) != value]
        if wrong:
            of = ", ".join(f"{name} {held[name]} and not {self._claim[name]}" for name in wrong)
            raise UsageError(
                f"the lake of this bucket is of {of}",
                file=self._address,
                remedy=f"name another prefix in {SETTING}; one lake holds one country and one kind of data",
            )

    def _claim_it(self) -> None:
        """Say whose it is, before anything is put."""
        if _CLAIM in self._objects:
            return
        text = json.dumps(self._claim, sort_keys=True).encode()
        with suppress(_obstore().exceptions.AlreadyExistsError):  # another process was first
            self._asked(lambda: _obstore().put(self._store, _CLAIM, text, mode="create"))
        self._require_ours()
        self._objects[_CLAIM] = ""

    def _key(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()


def shelf_of(settings: Settings) -> Shelf:
    """The shelf that settings name: the same bucket for as long as a process lives."""
    if not settings.bucket:
        return Disk(settings.lake)
    claim = {"country": settings.country, "sources": settings.kind, "schema": SCHEMA}
    return _bucket(settings.bucket, settings.lake, json.dumps(claim))


@cache
def _bucket(address: str, root: Path, claim: str) -> BucketShelf:
    return BucketShelf(address, root, json.loads(claim))


def _obstore() -> Any:
    try:
        import obstore
        import obstore.exceptions
        import obstore.store
    except ImportError as error:
        raise UsageError(
            f"{SETTING} asks for a bucket, for which obstore is not installed",
            remedy=f"pip install 'poverty-assets[s3]', or unset {SETTING}",
        ) from error
    return obstore


def _token(state: Mapping[str, Any]) -> str:
    """What tells an object from the one before it under the same key."""
    return str(state["e_tag"] or f"{state.get('last_modified')} {state.get('size')}")


def _note(path: Path, token: str) -> None:
    write_text(path.with_name(path.name + _NOTE), json.dumps([token, _state(path)]))


def _noted(path: Path) -> str | None:
    """The object that a copy is of; None where there is no copy, or it was changed since that was noted."""
    try:
        token, state = json.loads(path.with_name(path.name + _NOTE).read_text(encoding="utf-8"))
        return str(token) if state == _state(path) else None
    except (OSError, ValueError):
        return None


def _state(path: Path) -> list[int]:
    found = path.stat()
    return [found.st_ino, found.st_mtime_ns, found.st_size]


def _drop(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.with_name(path.name + _NOTE).unlink(missing_ok=True)
