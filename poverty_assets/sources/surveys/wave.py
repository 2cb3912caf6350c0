"""What ``survey.yaml`` says of a wave, before any household is read.

Belongs here: reading and checking that file. Does not belong here: households (``canonical``, ``dhs``).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from poverty_assets.lined_yaml import LinedYaml, read_lined_yaml

_KEYS = {
    "title", "wave", "note", "is_simulated", "design", "fieldwork", "source", "file", "members_file", "columns",
    "member_columns", "indicators", "values", "adapter", "country", "measure", "files",
}  # fmt: skip


@dataclass(frozen=True)
class WaveDescription:
    """A wave as its ``survey.yaml`` describes it."""

    title: str
    wave: str
    is_simulated: bool
    start: dt.date
    end: dt.date
    folder: Path
    spec: LinedYaml


def read_wave_description(folder: Path) -> WaveDescription:
    """Read and check ``survey.yaml``.

    Raises
    ------
    MissingFile
        If the folder has none.
    SpecificationError
        If it has an unknown key or lacks one; the place is the line.
    """
    spec = read_lined_yaml(Path(folder) / "survey.yaml")
    spec.check_keys(_KEYS)
    fieldwork = spec.value.get("fieldwork")
    stated = [fieldwork.get(key) for key in ("start", "end")] if isinstance(fieldwork, dict) else []
    days = [day for day in stated if isinstance(day, dt.date)]
    if len(days) != 2 or days[0] > days[1]:
        spec.refuse(
            "fieldwork does not give a start and an end in this order",
            "write fieldwork: {start: 2021-09-15, end: 2022-02-15}",
            "fieldwork",
        )
    simulated = spec.value.get("is_simulated", False)
    if not isinstance(simulated, bool):
        spec.refuse(f"is_simulated is {simulated!r}", "write true or false", "is_simulated")
    adapter = spec.value.get("adapter", "canonical")
    if adapter not in ("canonical", "dhs"):
        spec.refuse(f"there is no adapter {adapter!r}", "write dhs, or leave the line out", "adapter")
    title = spec.text("title")
    return WaveDescription(title, str(spec.value.get("wave", title)), simulated, days[0], days[1], Path(folder), spec)
