"""What ``explorer.yaml`` of a country may say.

Belongs here: the form of that file and reading it. Does not belong here: putting the page together (``payload``).
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from poverty_assets.catalog.model import FALLBACK
from poverty_assets.lined_yaml import Form, misfit, read_lined_yaml

_LANGUAGE = re.compile(r"[a-z]{2,3}")


class OfferedFeature(Form):
    """A feature that the map offers: its name by language, and the group that it stands under (word ``group_<group>``)."""

    group: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    names: dict[str, str]

    @model_validator(mode="before")
    @classmethod
    def _gather_names(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        names = {key: str(text) for key, text in value.items() if _LANGUAGE.fullmatch(str(key))}
        _refuse_keys(value, names, "group")
        _refuse_unnamed(names)
        return {key: text for key, text in value.items() if key not in names} | {"names": names}


class ShownUnit(Form):
    """How figures of a unit are shown: its name by language, and times or over what (60 shows a share of hours as minutes).

    ``over`` is for units that read better the other way round: minutes for each metre are shown as speed, 0.06 over them in km/h.
    """

    names: dict[str, str]
    times: float = Field(default=1.0, gt=0)
    over: float | None = Field(default=None, gt=0)

    @model_validator(mode="before")
    @classmethod
    def _gather_names(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        names = {key: str(text) for key, text in value.items() if _LANGUAGE.fullmatch(str(key))}
        _refuse_keys(value, names, "times", "over")
        _refuse_unnamed(names)
        return {key: part for key, part in value.items() if key not in names} | {"names": names}

    def shown(self, value: float) -> float:
        """A value of the unit as it is shown; what is shown over nought is not known."""
        if self.over is None:
            return value * self.times
        return self.over / value if value > 0 else math.nan


class ExplorerFacts(Form):
    """The whole of ``explorer.yaml``.

    Features stand in the order in which the map offers them, units as features spell them. ``spellings`` says what search takes for
    the same: each text on the left is read as that on the right, in what is sought as in the names, in this order.
    """

    features: dict[str, OfferedFeature] = Field(default_factory=dict)
    units: dict[str, ShownUnit] = Field(default_factory=dict)
    spellings: dict[str, str] = Field(default_factory=dict)


def _refuse_keys(value: dict[Any, Any], names: dict[str, str], *others: str) -> None:
    """Refuse further keys with what there may be: a text in which a comma is not quoted makes a key of what follows it."""
    wrong = [key for key in value if key not in names and key not in others]
    if wrong:
        remedy = f"use a language code (en, ky) or {' or '.join(others)}; quote a text that holds a comma"
        raise misfit(f"unknown key {wrong[0]!r}", remedy, str(wrong[0]))


def _refuse_unnamed(names: dict[str, str]) -> None:
    if FALLBACK not in names:
        raise misfit(f"there is no name in the language {FALLBACK}", f"add {FALLBACK}: ...")


def read_facts(path: Path) -> ExplorerFacts:
    """Read and check ``explorer.yaml``.

    Raises
    ------
    MissingFile, SpecificationError
        As for every country file; each fault with its line.
    """
    facts: ExplorerFacts = read_lined_yaml(path).checked(ExplorerFacts)
    return facts
