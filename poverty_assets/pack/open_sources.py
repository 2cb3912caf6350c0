"""Sources that serve any country: entries that come with the package, of which a pack names those that it takes.

Belongs here: finding such an entry, and a pack's own words laid over it. Does not belong here: any address (``open_sources/*.yaml``),
or what an entry may say (``source``).

In a pack's file of sources an entry is then ``- {open_source: rainfall}``. What else it states (another feature, the region of an
address) is laid over the entry of that id: mappings are joined, all else stands in place of what was there.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from poverty_assets.errors import SpecificationError
from poverty_assets.lined_yaml import LinedYaml, nearest, read_lined_yaml

FOLDER = Path(__file__).with_name("open_sources")
KEY = "open_source"


def open_sources() -> dict[str, LinedYaml]:
    """Every entry by its ``source_id``, in the order of the files."""
    return _entries(FOLDER)


@cache
def _entries(folder: Path) -> dict[str, LinedYaml]:
    files = [read_lined_yaml(path, list) for path in sorted(folder.glob("*.yaml"))]
    return {str(file.value[i]["source_id"]): file.part(i) for file in files for i in range(len(file.value))}


def with_open_sources(file: LinedYaml) -> LinedYaml:
    """A file of sources with the entries that it takes from the package written out.

    Raises
    ------
    SpecificationError
        If there is no such entry: with file, line and remedy, all of them at once.
    """
    entries: list[Any] = []
    faults = []
    for number, entry in enumerate(file.value):
        if isinstance(entry, dict) and KEY in entry:
            name, known = entry[KEY], open_sources()
            if name not in known:
                faults.append(file.fault(f"there is no open source {name!r}", nearest(name, known), number, KEY))
                continue
            own = {key: value for key, value in entry.items() if key != KEY}
            whole = replace(file.part(number), value=own).laid_over(known[name])
            file, entry = replace(file, borrowed=whole.borrowed), whole.value
        entries.append(entry)
    if faults:
        raise SpecificationError.together(faults)
    return replace(file, value=entries)
