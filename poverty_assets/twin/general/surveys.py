"""Household surveys of a made-up country: clusters of each published area, in towns and outside, then households in them.

Belongs here: selection, weights, the files of a wave. Does not belong here: what households lack (``world``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from poverty_assets.twin.files import write_parquet, write_text
from poverty_assets.twin.general.settings import MadeWave
from poverty_assets.twin.general.world import Made
from poverty_assets.twin.streams import stream


def sample(made: Made, wave: MadeWave) -> pd.DataFrame:
    """Positions of the sampled households, with ``psu, stratum, weight, days`` (days since fieldwork began).

    In each stratum clusters are drawn with equal chances, then so many households in each.
    """
    people, rows = made.people, []
    place = pd.DataFrame({"cluster": people.cluster, "area": people.area}).drop_duplicates("cluster")
    first, length = np.searchsorted(people.cluster, place["cluster"]), np.bincount(people.cluster)
    urban, published = made.is_urban[place["area"]], made.published[place["area"]]
    days = (wave.end - wave.start).days
    for p, code in enumerate(made.published_codes):
        for kind in (False, True):
            frame = np.flatnonzero((published == p) & (urban == kind))
            if not len(frame):
                continue
            stratum = f"{code}-{'urban' if kind else 'rural'}"
            rng = stream(made.seed, "survey", wave.wave, stratum)
            drawn = np.sort(rng.choice(frame, min(wave.clusters, len(frame)), replace=False))
            for number, at in enumerate(drawn.tolist(), start=1):
                take = min(wave.households_per_cluster, int(length[at]))
                picked = first[at] + np.sort(rng.choice(length[at], take, replace=False))
                weight = len(frame) / len(drawn) * length[at] / take
                rows.append((picked, f"{stratum}-{number:03d}", stratum, weight, int(rng.integers(0, days + 1))))
    taken = [len(picked) for picked, *_ in rows]
    frame_of = {
        name: np.repeat(np.array([row[i] for row in rows]), taken)
        for i, name in ((1, "psu"), (2, "stratum"), (3, "weight"), (4, "days"))
    }
    return pd.DataFrame({"at": np.concatenate([picked for picked, *_ in rows]), **frame_of})


def write_wave(folder: Path, made: Made, wave: MadeWave) -> list[Path]:
    """``households.parquet`` and ``survey.yaml`` of one wave."""
    import pyarrow as pa
    import yaml

    drawn, people = sample(made, wave), made.people
    at = drawn["at"].to_numpy()
    masks = made.masks(wave.quarter)[at]
    columns: dict[str, Any] = {
        "household_id": [f"{wave.wave}-{i:06d}" for i in range(1, len(at) + 1)],
        "psu": drawn["psu"],
        "stratum": drawn["stratum"],
        "weight": drawn["weight"],
        "hh_size": people.size[at],
        "area_id": np.array(made.codes)[people.area[at]],
        "is_urban": made.is_urban[people.area[at]],
        "head_sex": np.where(people.female_head[at], "female", "male"),
        "interview_date": (np.datetime64(wave.start) + drawn["days"].to_numpy().astype("timedelta64[D]")).astype(
            "datetime64[D]"
        ),
    }
    own = list(columns)
    for j, name in enumerate(made.measure.indicator_ids):
        columns[name] = (masks >> np.uint16(j) & np.uint16(1)).astype(np.int8)
    description = {
        "title": wave.title,
        "wave": wave.wave,
        "is_simulated": True,
        "fieldwork": {"start": wave.start, "end": wave.end},
        "file": "households.parquet",
        "columns": {name: name for name in own},
        "indicators": {name: name for name in made.measure.indicator_ids},
        "values": {"deprived": 1, "not_deprived": 0, "not_known": None},
    }
    text = yaml.safe_dump(description, sort_keys=False, allow_unicode=True)
    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    return [
        write_parquet(folder / "households.parquet", table, title=wave.title),
        write_text(folder / "survey.yaml", "# Simulated: no household in this file exists.\n" + text),
    ]
