"""What ``explorer.yaml`` of a country may say.

Belongs here: the form of that file and reading it. Does not belong here: putting the page together (``payload``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from poverty_assets.lined_yaml import Form, read_lined_yaml


class Words(Form):
    """A text in both languages of the page."""

    en: str
    km: str


class OfferedFeature(Words):
    """A feature that the map offers, and the group that it stands under."""

    group: Literal["people", "light", "services", "roads", "land", "weather"]


class ExplorerFacts(Form):
    """The whole of ``explorer.yaml``; features in the order in which the map offers them, units as features spell them."""

    fonts: str
    levels: dict[str, Words]
    features: dict[str, OfferedFeature]
    units: dict[str, Words]


def read_facts(path: Path) -> dict[str, Any]:
    """Read and check ``explorer.yaml``; its values as they stand there.

    Raises
    ------
    MissingFile, SpecificationError
        As for every country file; each fault with its line.
    """
    file = read_lined_yaml(path)
    file.checked(ExplorerFacts)
    values: dict[str, Any] = file.value
    return values
