"""Plain tables of the twin that offices publish: population and households by commune.

Belongs here: yearly counts. Does not belong here: the register (``registers``), surveys.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from poverty_assets.quarter import Quarter
from poverty_assets.twin.cambodia.rasters import cell_persons
from poverty_assets.twin.cambodia.world import World
from poverty_assets.twin.files import write_csv


def write_counts(folder: Path, world: World, year: int) -> Path:
    """``commune_counts_<year>.csv``: mid-year persons and households, and whether the commune is urban."""
    a = world.areas
    persons = np.bincount(a.cell_commune.ravel(), cell_persons(world, year).ravel(), len(a))
    frame = pd.DataFrame(
        {
            "commune_code": a.commune_code.tolist(),
            "population": np.round(persons).astype(int),
            "households": world.households(Quarter(year, 2)),
            "is_urban": np.where(a.is_urban, "true", "false"),
        }
    )
    return write_csv(folder / f"commune_counts_{year}.csv", frame)
