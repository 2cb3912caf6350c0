"""Household surveys of the twin: two-stage samples, as a statistical office would hand them over.

Belongs here: allocation, selection, weights, missing answers, the files of a wave. Does not belong here: what
households lack (``households``).

Enumeration areas are drawn within strata (province by urban and rural) with probability proportional to their
households, systematically in the order of codes; then households within them with equal chances.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from poverty_assets.quarter import Quarter
from poverty_assets.twin.cambodia.households import Province
from poverty_assets.twin.cambodia.settings import TwinWave
from poverty_assets.twin.cambodia.world import World
from poverty_assets.twin.files import write_parquet, write_text
from poverty_assets.twin.streams import stream

_DAYS_IN_CLUSTER = 3


@dataclass(frozen=True)
class Allocation:
    """Clusters of a wave by stratum: ``(province number, is_urban)`` to number of clusters."""

    psus: dict[tuple[int, bool], int]


def allocate(world: World, wave: TwinWave) -> Allocation:
    """Share the wave's clusters among strata by the square root of their households, at least two each."""
    households = world.households(Quarter.from_label(wave.quarter))
    sizes = {}
    for p in range(len(world.areas.provinces)):
        for urban in (False, True):
            total = int(households[(world.areas.province == p) & (world.areas.is_urban == urban)].sum())
            if total:
                sizes[p, urban] = total
    ideal = np.sqrt(list(sizes.values()))
    ideal *= wave.psus / ideal.sum()
    whole = np.maximum(np.floor(ideal), 2).astype(int)
    for i in np.argsort(-(ideal - whole), kind="stable")[: max(wave.psus - whole.sum(), 0)]:
        whole[i] += 1
    return Allocation(dict(zip(sizes, whole.tolist(), strict=True)))


def _enumeration_areas(
    counts: NDArray[np.intp], size: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Cut each commune's households into areas of about `size`: commune position, first rank and households of each."""
    number = np.maximum(counts // size, 1)
    commune = np.repeat(np.arange(len(counts)), number)
    order = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number)
    start = order * counts[commune] // number[commune]
    return commune, start, (order + 1) * counts[commune] // number[commune] - start


def _select(sizes: NDArray[np.intp], n: int, rng: np.random.Generator) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Systematic selection with probability proportional to size: positions and inclusion probabilities."""
    n = min(n, len(sizes))
    chance = n * sizes / sizes.sum()
    if chance.max() >= 1:  # a stratum of few areas: equal chances instead
        return np.sort(rng.choice(len(sizes), n, replace=False)), np.full(n, n / len(sizes))
    picks = np.searchsorted(np.cumsum(chance), rng.uniform() + np.arange(n), side="right").clip(max=len(sizes) - 1)
    return picks, chance[picks]


@dataclass(frozen=True)
class _Cluster:
    """A sampled enumeration area: its households' positions in the province, and what they have in common."""

    psu: str
    stratum: str
    weight: float
    commune: int
    is_urban: bool
    picked: NDArray[np.intp]
    days: NDArray[np.intp]


def _clusters(
    world: World,
    wave: TwinWave,
    allocation: Allocation,
    p: int,
    province: Province,
    counts: NDArray[np.intp],
    urban: bool,
) -> list[_Cluster]:
    """The sampled enumeration areas of one stratum."""
    code = world.areas.provinces[p]
    stratum = f"{code}-{'urban' if urban else 'rural'}"
    rng = stream(world.seed, "survey", wave.wave, stratum)
    members = np.nonzero(world.areas.is_urban[province.communes] == urban)[0]
    commune, start, size = _enumeration_areas(counts[members], world.settings.model.enumeration_area_households)
    chosen, chance = _select(size, allocation.psus[p, urban], rng)
    clusters = []
    for number, (area, probability) in enumerate(zip(chosen.tolist(), chance.tolist(), strict=True), start=1):
        households = int(size[area])
        take = min(wave.households_per_psu, households)
        at = int(members[commune[area]])
        picked = province.first[at] + start[area] + np.sort(rng.choice(households, take, replace=False))
        arrival = rng.integers(0, (wave.end - wave.start).days - _DAYS_IN_CLUSTER + 1)
        days = arrival + rng.integers(0, _DAYS_IN_CLUSTER, take)
        weight = households / (probability * take)
        clusters.append(_Cluster(f"{stratum}-{number:03d}", stratum, weight, at, urban, picked, days))
    return clusters


def sample_province(
    world: World, wave: TwinWave, allocation: Allocation, p: int, province: Province, masks: NDArray[np.uint16]
) -> pd.DataFrame:
    """Sampled households of one province: the columns of the household file but for the household's identifier, and the
    mask of deprivations."""
    counts = world.households(Quarter.from_label(wave.quarter))[province.communes]
    clusters = [
        cluster
        for urban in (False, True)
        if (p, urban) in allocation.psus
        for cluster in _clusters(world, wave, allocation, p, province, counts, urban)
    ]
    taken = [len(cluster.picked) for cluster in clusters]
    picked = np.concatenate([cluster.picked for cluster in clusters])
    days = np.concatenate([cluster.days for cluster in clusters])
    of_cluster = pd.DataFrame(
        {
            "psu": [cluster.psu for cluster in clusters],
            "stratum": [cluster.stratum for cluster in clusters],
            "weight": [cluster.weight for cluster in clusters],
            "area_id": [str(world.areas.commune_code[province.communes[cluster.commune]]) for cluster in clusters],
            "is_urban": [cluster.is_urban for cluster in clusters],
        }
    )
    frame = of_cluster.loc[np.repeat(np.arange(len(clusters)), taken)].reset_index(drop=True)
    frame.insert(3, "hh_size", province.size[picked].astype(np.int16))
    frame["head_sex"] = np.where(province.female_head[picked], "female", "male")
    frame["interview_date"] = np.datetime64(wave.start) + days.astype("timedelta64[D]")
    frame["n_children"] = province.children[picked].astype(np.int16)
    frame["mask"] = masks[picked]
    return frame


def answers(world: World, wave: TwinWave, sample: pd.DataFrame) -> dict[str, NDArray[np.int8]]:
    """Answers to the further questions of the settings, 1 for yes. Each has a random stream of its own: whatever is asked, all else
    of the twin stays as it is."""
    from scipy.special import ndtr

    bits = np.arange(len(world.settings.indicators), dtype=np.uint16)
    deprivations = (sample["mask"].to_numpy()[:, None] >> bits & np.uint16(1)).sum(axis=1)
    cluster, clusters = pd.factorize(sample["psu"])
    out = {}
    for asked in world.settings.survey_answers:
        rng = stream(world.seed, "survey", wave.wave, "answer", asked.column)
        shared = asked.cluster * rng.standard_normal(len(clusters))[cluster]
        chance = ndtr(
            asked.level + asked.by_deprivation * deprivations + asked.urban * sample["is_urban"].to_numpy() + shared
        )
        out[asked.column] = (rng.uniform(size=len(sample)) < chance).astype(np.int8)
    return out


def write_wave(folder: Path, world: World, wave: TwinWave, sample: pd.DataFrame) -> list[Path]:
    """``households.parquet`` and ``survey.yaml`` of one wave."""
    import pyarrow as pa
    import yaml

    rng = stream(world.seed, "survey", wave.wave, "missing")
    frame = sample.drop(columns="mask")
    frame.insert(0, "household_id", [f"{wave.wave}-{i:06d}" for i in range(1, len(frame) + 1)])
    columns: dict[str, Any] = {name: pa.array(frame[name]) for name in frame.columns}
    further = answers(world, wave, sample)
    columns |= {name: pa.array(values) for name, values in further.items()}
    columns["interview_date"] = pa.array(frame["interview_date"].to_numpy().astype("datetime64[D]"))
    for j, indicator in enumerate(world.settings.indicators):
        missing = rng.uniform(size=len(frame)) < world.settings.survey_missing.get(indicator, 0.0)
        value = (sample["mask"].to_numpy() >> np.uint16(j)) & np.uint16(1)
        columns[indicator] = pa.array(value.astype(np.int8), mask=missing)
    description = {
        "title": wave.title,
        "wave": wave.wave,
        "is_simulated": True,
        "note": wave.note,
        "fieldwork": {"start": wave.start, "end": wave.end},
        "file": "households.parquet",
        "columns": {name: name for name in [*frame.columns, *further]},
        "indicators": {name: name for name in world.settings.indicators},
        "values": {"deprived": 1, "not_deprived": 0, "not_known": None},
        "design": {
            "stages": 2,
            "strata": "province by urban and rural",
            "psu": f"enumeration area of about {world.settings.model.enumeration_area_households} households",
            "weight": "households represented by the sampled household; people are represented by weight times hh_size",
        },
    }
    text = yaml.safe_dump(description, sort_keys=False, allow_unicode=True)
    return [
        write_parquet(folder / "households.parquet", pa.table(columns), title=wave.title),
        write_text(folder / "survey.yaml", "# Simulated: no household in this file exists.\n" + text),
    ]
