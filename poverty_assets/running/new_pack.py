"""A new country's folder.

Belongs here: writing the skeleton of a pack. Does not belong here: what a pack may say (``pack``), or whether one is right
(``check_pack``).
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from poverty_assets.errors import UsageError
from poverty_assets.pack.country import COUNTRIES, country_folders

SKELETON = Path(__file__).parents[1] / "skeleton"


def write_skeleton(name: str, to: Path | None = None) -> list[Path]:
    """Write the commented files of a new pack.

    Parameters
    ----------
    name : str
        ISO 3166-1 alpha-3 code; in small letters it is the name of the folder.
    to : path, optional
        Folder of packs, by default the one that ``POVERTY_ASSETS_COUNTRIES`` names.

    Raises
    ------
    UsageError
        If the code is none, there is such a country, or no folder is named.
    """
    if not re.fullmatch("[A-Za-z]{3}", name):
        raise UsageError(f"{name!r} is no ISO 3166-1 alpha-3 code", remedy="write its three letters, as abc")
    named = os.environ.get(COUNTRIES)
    place = to if to is not None else Path(named) if named else None
    if place is None:
        raise UsageError("no folder of packs is named", remedy=f"use --to DIR, and set {COUNTRIES} to it")
    folder = place / name.lower()
    if folder.exists() or name.lower() in country_folders():
        raise UsageError(f"there is a country {name.lower()!r}", remedy="fill that one in, or remove its folder")
    folder.mkdir(parents=True)
    written = []
    for path in sorted(SKELETON.glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        for key, value in (("{name}", name.lower()), ("{iso3}", name.upper()), ("{area_id}", name.upper()[:2])):
            text = text.replace(key, value)
        (folder / path.name).write_text(text, encoding="utf-8")
        written.append(folder / path.name)
    return written
