"""What is read of a source lies in the landing folder, is a plain file, and is what its name says.

Belongs here: looking at a path, and at the first bytes of what lies there. Does not belong here: reading it (``readers``), or the
record of where it came from (``landed``).
"""

from __future__ import annotations

import stat
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from poverty_assets.errors import MissingFile, UnreadableFile
from poverty_assets.pack.as_of import Release
from poverty_assets.pack.source import RasterSource, SourceSpec

MOST_UNPACKED = 4 << 30
"""Bytes that an archive may hold when unpacked."""
_BEGINNINGS = {
    "geojson": (b"{",),
    "geopackage": (b"SQLite format 3\x00",),
    "flatgeobuf": (b"fgb",),
    "geoparquet": (b"PAR1",),
    "geotiff": (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"),
    "ophi_workbook": (b"PK\x03\x04",),
    "shapefile": (b"PK\x03\x04", b"\x00\x00\x27\x0a"),
    "json_records": (b"{", b"["),
}
_ARCHIVE = b"PK\x03\x04"


def check_present(found: Release) -> None:
    """Refuse a file that is absent, empty, elsewhere, or no file.

    Raises
    ------
    MissingFile, UnreadableFile
    """
    check_file(found.path, found)


def check_file(path: Path, found: Release) -> None:
    """The same of one of several files of a release."""
    spec = found.spec
    check_inside(path, found.landing if spec.package is None else None)
    if not path.exists():
        raise MissingFile(f"no such file (source {spec.source_id})", file=path, remedy=spec.obtain)
    if spec.reader == "survey":
        _check_folder(path, found)
        return
    check_plain(path, spec.obtain)
    with path.open("rb") as stream:
        begins = stream.read(512)
    _refuse_other_forms(path, begins, spec)
    if begins.startswith(_ARCHIVE):
        _check_archive(path, spec)


def check_inside(path: Path, folder: Path | None) -> None:
    """Refuse a link that leads nowhere, or out of the folder.

    Raises
    ------
    UnreadableFile
    """
    if path.is_symlink() and not path.exists():
        raise UnreadableFile("the link leads nowhere", file=path, remedy="put the file itself there")
    if folder is not None and not path.resolve().is_relative_to(folder.resolve()):
        raise UnreadableFile(
            "it leads out of the landing folder, so that nothing vouches for what is read",
            file=path,
            remedy="put the file itself into the landing folder",
        )


def check_plain(path: Path, obtain: str) -> None:
    """Refuse what is no regular file, or has no bytes.

    Raises
    ------
    UnreadableFile
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "a pipe" if stat.S_ISFIFO(mode) else "a device or socket"
        raise UnreadableFile(f"it is {kind}, not a file", file=path, remedy=f"put the file there; {obtain}")
    if path.stat().st_size == 0:
        raise UnreadableFile("the file is empty", file=path, remedy=f"replace it; {obtain}")


def _check_folder(path: Path, found: Release) -> None:
    """A wave's folder: every file in it is a plain one."""
    if not path.is_dir():
        raise UnreadableFile("it is a file, not a wave's folder", file=path, remedy=found.spec.obtain)
    for part in sorted(path.rglob("*")):
        check_inside(part, found.landing)
        if not part.is_dir() and not stat.S_ISREG(part.stat().st_mode):
            raise UnreadableFile("it is a pipe, a device or a socket, not a file", file=part, remedy="take it away")


def _refuse_other_forms(path: Path, begins: bytes, spec: SourceSpec) -> None:
    plain = begins.removeprefix(b"\xef\xbb\xbf").lstrip()
    if plain[:200].lower().startswith((b"<!doctype html", b"<html", b"<head")):
        raise UnreadableFile(
            "it is a web page, perhaps one that asks to sign in, saved under the file's name",
            file=path,
            remedy=f"download the file itself; {spec.obtain}",
        )
    wanted = _BEGINNINGS.get(spec.reader, ())
    if isinstance(spec, RasterSource) and spec.options.member is not None:
        wanted = (_ARCHIVE,)
    is_text = spec.reader in ("geojson", "json_records")
    if not wanted or (plain if is_text else begins).startswith(wanted):
        return
    if is_text and (b"\x00" in begins or not plain):  # named better where it is decoded
        return
    if path.suffix == ".zip" and begins.startswith(_ARCHIVE):
        return
    what = (
        "a virtual dataset, which reads other files"
        if b"<VRTDataset" in begins or b"<OGRVRT" in begins
        else "something else"
    )
    raise UnreadableFile(
        f"cannot be read as {spec.reader}: by its first bytes it is {what}",
        file=path,
        remedy=f"replace the file; {spec.obtain}",
    )


def _check_archive(path: Path, spec: SourceSpec) -> None:
    try:
        with ZipFile(path) as archive:
            size = sum(part.file_size for part in archive.infolist())
    except (BadZipFile, OSError, ValueError) as error:
        raise UnreadableFile(
            f"the archive cannot be opened: {error}", file=path, remedy=f"replace the file; {spec.obtain}"
        ) from error
    if size > MOST_UNPACKED:
        raise UnreadableFile(
            f"the archive holds {size:,} bytes; at most {MOST_UNPACKED:,} are unpacked", file=path, remedy=spec.obtain
        )
