"""The twin's register of poor households: who is listed, with the errors that registers have.

Belongs here: the visit's score, listing, the yearly file. Does not belong here: true poverty (``truth``).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr

from poverty_assets.quarter import Quarter
from poverty_assets.twin.cambodia.households import Province
from poverty_assets.twin.cambodia.world import World
from poverty_assets.twin.files import write_csv
from poverty_assets.twin.streams import stream

COLUMNS = ["commune_code", "households", "listed", "listed_1", "listed_2", "persons"]


def state_quarter(year: int) -> Quarter:
    """The quarter whose state of affairs the register of a year records."""
    return Quarter(year, 2)


def register_year(quarter: Quarter) -> int:
    """The register in force in a quarter: the last one that was complete by its end."""
    return quarter.year if quarter.number == 4 else quarter.year - 1


def visit_scores(world: World, province: Province, offset: NDArray[np.float64]) -> NDArray[np.float32]:
    """Score that the visit gave to every household of a province: what could be seen, plus errors of visit,
    commune's committee and province's office, less what the commune is used to.

    Parameters
    ----------
    offset : array, shape (n, n_indicators)
        Offsets of all communes of the country as they were seen (``World.seen``).
    """
    r = world.settings.register_
    bits = np.arange(2 ** len(world.settings.indicators))[:, None] >> np.arange(len(world.settings.indicators)) & 1
    table = (bits @ np.asarray(r.weights)).astype(np.float32)
    committee = stream(world.seed, "register", "committee").standard_normal(len(world.areas))
    office = stream(world.seed, "register", "office").standard_normal(len(world.areas.provinces))
    noise = world.settings.noise
    committee = committee * noise.register_commune + office[world.areas.province] * noise.register_province
    if noise.register_local:
        expected = ndtr(offset) @ np.asarray(r.weights)
        committee = committee - noise.register_local * (expected - np.average(expected, weights=world.areas.persons))
    score = table[province.masks(offset[province.communes])]
    score += np.float32(r.wealth) * province.factor
    score += np.float32(r.household_noise) * province.visit
    score += province.spread(committee[province.communes])
    return score


def thresholds(world: World, year: int) -> tuple[float, float]:
    """Scores above which a household is listed at all, and in level 1, in the register of `year`."""
    r = world.settings.register_
    moved = r.threshold_trend * (year - r.reference_year) + world.settings.noise.register_threshold
    return r.threshold + moved, r.threshold_level_1 + moved


def tabulate(world: World, province: Province, year: int, offset: NDArray[np.float64]) -> pd.DataFrame:
    """Rows of the register of one year for the communes of one province, of the country's offsets as they were seen."""
    threshold, threshold_1 = thresholds(world, year)
    counts = world.households(state_quarter(year))[province.communes]
    here = province.existing(counts)
    score = visit_scores(world, province, offset)[here]
    commune = np.repeat(np.arange(len(counts)), counts)
    first = score > threshold_1
    listed = score > threshold
    return pd.DataFrame(
        {
            "commune_code": world.areas.commune_code[province.communes],
            "households": counts,
            "listed": np.bincount(commune[listed], minlength=len(counts)),
            "listed_1": np.bincount(commune[first], minlength=len(counts)),
            "listed_2": np.bincount(commune[listed & ~first], minlength=len(counts)),
            "persons": np.bincount(commune[listed], province.size[here][listed], len(counts)).astype(int),
        }
    )


def write_year(folder: Path, year: int, rows: pd.DataFrame) -> Path:
    """``register_<year>.csv``: households in all, listed, by level, persons in listed households."""
    return write_csv(folder / f"register_{year}.csv", rows.sort_values("commune_code")[COLUMNS])
