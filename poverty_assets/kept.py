"""Things that are kept under the digest of all that they were made of, for whoever would make the same again.

Belongs here: digests of values and of code, one maker at a time, and letting go of what nobody has used for longest. Does not belong
here: what is kept, or in which form (``features``, ``small_area``); tables of a quarter are the lake's.

Nothing needs to be struck out when something changes: it is then looked for under another name.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent
_anew = False


def make_anew(yes: bool) -> None:
    """Whether this process makes anew what is kept, and keeps it again."""
    global _anew
    _anew = yes


def is_made_anew() -> bool:
    """Whether what is kept is not to be read."""
    return _anew


def digest_of_values(*values: Any) -> str:
    """Digest of arrays, numbers, texts, and of mappings, sequences and dataclasses of such, to the last bit.

    Examples
    --------
    >>> digest_of_values(np.arange(3), {"a": 1.5}) == digest_of_values(np.arange(3), {"a": 1.5})
    True
    >>> digest_of_values(np.arange(3)) == digest_of_values(np.arange(3.0))
    False
    """
    sha = hashlib.sha256()
    for value in values:
        for part in _parts(value):
            sha.update(part)
    return sha.hexdigest()


def _parts(value: Any) -> Iterator[bytes]:
    if isinstance(value, np.ndarray):
        yield repr((value.dtype.str, value.shape)).encode()
        yield repr(value.tolist()).encode() if value.dtype == object else np.ascontiguousarray(value).tobytes()
    elif is_dataclass(value) and not isinstance(value, type):
        yield type(value).__qualname__.encode()
        for one in fields(value):
            yield from _parts(getattr(value, one.name))
    elif hasattr(value, "tocsr"):
        rows = value.tocsr()
        for part in (np.array(rows.shape), rows.data, rows.indices, rows.indptr):
            yield from _parts(part)
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield from _parts((name, one))
    elif isinstance(value, tuple | list):
        yield f"{len(value)} of".encode()
        for one in value:
            yield from _parts(one)
    elif value is None or isinstance(value, str | bytes | bool | int | float | np.generic):
        yield repr(value).encode()
    else:
        raise TypeError(f"{type(value).__name__} has no digest of its values")


@cache
def digest_of_code(places: tuple[str, ...], libraries: tuple[str, ...]) -> str:
    """Digest of the sources of modules and packages, named by their place below this package, and of versions of libraries."""
    sha = hashlib.sha256(repr([version(name) for name in libraries]).encode())
    for place in places:
        path = ROOT / place
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            sha.update(file.relative_to(ROOT).as_posix().encode())
            sha.update(file.read_bytes())
    return sha.hexdigest()


@contextmanager
def one_at_a_time(file: Path) -> Iterator[None]:
    """One maker of a file: who comes second finds it made."""
    from filelock import FileLock

    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_name(f".{file.name}.lock")):
        yield


def let_go(files: Iterable[Path], most: int) -> None:
    """Delete those that nobody has used for longest, beyond so many."""
    there = []
    for path in files:
        with contextlib.suppress(OSError):  # another process let go of it
            there.append((path.stat().st_mtime_ns, path))
    for _, path in sorted(there)[:-most]:
        path.unlink(missing_ok=True)
        path.with_name(f".{path.name}.lock").unlink(missing_ok=True)
