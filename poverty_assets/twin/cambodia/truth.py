"""The twin's truth: what is so, as opposed to what any source observed. Evaluation alone reads it.

Belongs here: writing the folder of truth. Does not belong here: anything that a pipeline step may use.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from poverty_assets.quarter import Quarter
from poverty_assets.twin.cambodia import registers
from poverty_assets.twin.cambodia.households import scores
from poverty_assets.twin.cambodia.world import World
from poverty_assets.twin.files import write_parquet
from poverty_assets.twin.truth import TITLE, path_of


def commune_figures(
    world: World,
    persons: NDArray[np.float64],
    households: NDArray[np.float64],
    listed: NDArray[np.float64],
) -> pd.DataFrame:
    """Figures of communes from their persons, households and listed households by mask, each (n, 2 ** d)."""
    score = scores(world.settings).astype(int)
    poor = score * 3 >= 18
    bits = np.arange(len(score))[:, None] >> np.arange(len(world.settings.indicators)) & 1
    population, number = persons.sum(axis=1), households.sum(axis=1)

    def share(which: NDArray[np.bool_]) -> NDArray[np.float64]:
        return np.asarray(persons[:, which].sum(axis=1) / population)

    mpi = persons @ (score * poor) / 18 / population
    poor_households = households[:, poor].sum(axis=1)
    frame = pd.DataFrame(
        {
            "area_id": world.areas.commune_code.tolist(),
            "households": number.astype(np.int64),
            "population": population.astype(np.int64),
        }
    )
    for j, indicator in enumerate(world.settings.indicators):
        frame[indicator] = persons @ bits[:, j] / population
    with np.errstate(invalid="ignore", divide="ignore"):
        frame["headcount_ratio"] = share(poor)
        frame["intensity"] = mpi / frame["headcount_ratio"].to_numpy()
        frame["mpi"] = mpi
        frame["vulnerable"] = share((score * 5 >= 18) & ~poor)
        frame["severe"] = share(score * 2 >= 18)
        frame["listed_share"] = listed.sum(axis=1) / number
        frame["poor_listed_share"] = listed[:, poor].sum(axis=1) / poor_households
    frame["minority_share"] = world.minority_share
    frame["remoteness"] = world.remoteness
    return frame


def write_truth(truth: Path, world: World, quarter: Quarter) -> list[Path]:
    """``households.parquet`` and ``areas.parquet`` of one quarter."""
    import pyarrow as pa

    n, masks_n = len(world.areas), 2 ** len(world.settings.indicators)
    offsets, counts = world.offsets(quarter), world.households(quarter)
    threshold, _ = registers.thresholds(world, registers.register_year(quarter))
    visited = world.seen(_visit_quarter(world, quarter))
    tables = np.zeros((3, n, masks_n))
    parts = []
    for p in range(len(world.areas.provinces)):
        province = world.province(p)
        here = province.existing(counts[province.communes])
        mask = province.masks(offsets[province.communes])[here]
        seen = registers.visit_scores(world, province, visited)[here]
        on_register = seen > threshold
        size = province.size[here]
        commune = np.repeat(np.arange(len(province.communes)), counts[province.communes])
        cell = commune * masks_n + mask
        for table, weight in zip(tables, (size, None, on_register), strict=True):
            sums = np.bincount(cell, weight, len(province.communes) * masks_n)
            table[province.communes] = sums.reshape(-1, masks_n)
        parts.append((province.communes[commune].astype(np.int16), mask, size, on_register))
    index, mask, size, on_register = (np.concatenate(column) for column in zip(*parts, strict=True))
    codes = pa.DictionaryArray.from_arrays(pa.array(index), pa.array(world.areas.commune_code.tolist()))
    households = pa.table(
        {
            "area_id": codes,
            "mask": mask,
            "hh_size": size,
            "is_urban": world.areas.is_urban[index],
            "on_register": on_register,
        }
    )
    figures = commune_figures(world, *tables)
    return [
        write_parquet(path_of(truth, quarter, "households"), households, title=TITLE),
        write_parquet(
            path_of(truth, quarter, "areas"), pa.Table.from_pandas(figures, preserve_index=False), title=TITLE
        ),
    ]


def _visit_quarter(world: World, quarter: Quarter) -> Quarter:
    """The state that the register in force in `quarter` records, no earlier than the horizon."""
    return max(registers.state_quarter(registers.register_year(quarter)), world.settings.first_quarter)
