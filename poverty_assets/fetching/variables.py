"""A variable of a file that holds several, found though its publisher has renamed it.

Belongs here: finding it by one of its names, else by what its attributes say, in HDF5 and NetCDF. Does not belong here: what its numbers
mean (``clients``).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from poverty_assets.errors import FetchFailed
from poverty_assets.fetching.extra import from_extra
from poverty_assets.fetching.web import NotTheFile

_SHOWN = 8


def variable_of(file: Path, names: Sequence[str], attributes: Mapping[str, Sequence[str]] | None = None) -> str:
    """Where a variable of a file is opened by GDAL.

    Parameters
    ----------
    file : Path
    names : sequence of str
        Its names, of which the first found is taken.
    attributes : mapping of str to sequence of str, optional
        Where it has none of the names: attribute (``standard_name``, ``long_name``) to what it may say, however it is written. Exactly one
        variable must say so.

    Raises
    ------
    NotTheFile
        If the file cannot be read.
    FetchFailed
        If it has no such variable, or several.
    """
    with warnings.catch_warnings():
        from rasterio.errors import NotGeoreferencedWarning, RasterioError

        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            there = _variables(file)
            found = [there[name] for name in names if name in there]
            if found:
                return found[0]
            for attribute, texts in (attributes or {}).items():
                wanted = {_plain(text) for text in texts}
                found = [path for path in there.values() if wanted & {_plain(said) for said in _said(path, attribute)}]
                if len(found) == 1:
                    return found[0]
                if found:
                    raise FetchFailed(
                        f"the file has {len(found)} variables whose {attribute} is {' or '.join(texts)}",
                        remedy="name the one that is wanted in the entry",
                    )
        except RasterioError as error:
            said = str(error).splitlines()[0]
            raise NotTheFile(f"the file cannot be read ({said})", "it came broken: fetch it again") from None
    raise _renamed(names, list(there))


def variable_of_hdf4(
    file: Path, names: Sequence[str], attributes: Mapping[str, Sequence[str]] | None = None
) -> np.ndarray:
    """The numbers of a variable of an HDF4 file, which the GDAL that comes with rasterio does not read.

    Raises
    ------
    NotTheFile, FetchFailed
        As ``variable_of``.
    """
    sd = from_extra("pyhdf.SD")
    try:
        data = sd.SD(str(file))
        there = sorted(data.datasets())
        found = [name for name in names if name in there]
        for attribute, texts in (attributes or {}).items():
            wanted = {_plain(text) for text in texts}
            found += [n for n in there if _plain(str(data.select(n).attributes().get(attribute, ""))) in wanted]
        if found:
            return np.asarray(data.select(found[0]).get())
    except from_extra("pyhdf.error").HDF4Error as error:
        raise NotTheFile(f"the HDF4 file cannot be read ({error})", "it came broken: fetch it again") from None
    raise _renamed(names, there)


def _renamed(names: Sequence[str], there: Sequence[str]) -> FetchFailed:
    return FetchFailed(
        f"the file has no variable {' or '.join(names)}; it has: {', '.join(sorted(there)[:_SHOWN])}",
        remedy="the publisher may have renamed it: add the new name to the entry",
    )


def _variables(file: Path) -> dict[str, str]:
    """Variables of a file, each with where it is opened: of one that has a single variable the file itself."""
    import rasterio

    with rasterio.open(file) as data:
        if data.subdatasets:
            return {path.rpartition("/")[2].rpartition(":")[2]: path for path in data.subdatasets}
        return {str(data.tags(1).get("NETCDF_VARNAME", "")): str(file)} if data.count else {}


def _said(path: str, attribute: str) -> list[str]:
    """What a variable says under an attribute: of HDF5 the attribute's name comes after that of the group."""
    import rasterio

    with rasterio.open(path) as data:
        tags: dict[str, Any] = data.tags() | (data.tags(1) if data.count else {})
    return [
        str(text)
        for name, text in tags.items()
        if name == attribute or name.endswith((f"_{attribute}", f"#{attribute}"))
    ]


def _plain(text: str) -> str:
    return " ".join(text.lower().replace("_", " ").split())
