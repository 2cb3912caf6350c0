"""Official rates that a pack carries in its folder ``truth/``, for evaluation alone.

Belongs here: the form of ``truth/truth.yaml`` and of the csv files it lists. Does not belong here: official rates of the landing folder
(sources of role ``truth``), or comparing anything with them (``evaluation.official``, which alone reads this).
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from poverty_assets.errors import SpecificationError
from poverty_assets.lined_yaml import Form, read_lined_yaml

COLUMNS = ("area_id", "year", "value")


class TruthFile(Form):
    """One csv of the folder, with the columns ``area_id, year, value``.

    ``percent``: values are of 0 to 100, not shares.
    """

    file: str = Field(pattern=r"^[a-z][a-z0-9_]*\.csv$")
    title: str
    source: str
    licence: str
    url: str
    percent: bool = False


def read_truth_files(pack: Path) -> list[TruthFile]:
    """Entries of ``truth/truth.yaml``; none where the pack has none.

    Raises
    ------
    SpecificationError
        If an entry is not of its form, or the files and the entries are not the same.
    """
    folder = pack / "truth"
    files = {path.name for path in folder.glob("*.csv")}
    path = folder / "truth.yaml"
    if not path.is_file():
        if files:
            remedy = "write truth.yaml beside it: a list of file, title, source, licence and url"
            problem = "official rates whose source and licence nothing states"
            raise SpecificationError(problem, file=folder / min(files), remedy=remedy)
        return []
    listed = read_lined_yaml(path, list)
    found: list[TruthFile] = listed.checked(list[TruthFile])
    faults = [
        listed.fault(f"there is no file {one.file!r}", "put it into the folder, or leave the entry out", number, "file")
        for number, one in enumerate(found)
        if one.file not in files
    ]
    faults += [
        listed.fault(f"{name} has no entry", "state its title, source, licence and url")
        for name in sorted(files - {one.file for one in found})
    ]
    if faults:
        raise SpecificationError.together(faults)
    return found
