"""A pack whose quarters are published once somebody has approved them."""

from __future__ import annotations

import shutil
from pathlib import Path

from poverty_assets.pack.country import COUNTRIES, load_country


def approved_pack(folder: Path, monkeypatch) -> None:
    """A copy of the default country's pack that says so, in place of the package's."""
    copy = Path(shutil.copytree(load_country("khm").folder, folder / "packs" / "khm"))
    with (copy / "country.yaml").open("a") as file:
        file.write("publication: approved\n")
    monkeypatch.setenv(COUNTRIES, str(copy.parent))
