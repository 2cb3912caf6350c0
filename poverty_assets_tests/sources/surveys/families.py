"""Made-up families that lack what a canonical household says it lacks: nobody here exists.

A household of the canonical frame says how many members it has and what it is deprived in by the global MPI. `family` makes members
of whom that is true (who is out of school, undernourished, has lost a child, or did not answer), and `answers` the things that a
household has or lacks. `as_dhs` and `as_mics` write them in the codes of those surveys.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

INDICATORS = ["nutrition", "child_mortality", "years_schooling", "school_attendance", "cooking_fuel", "sanitation",
              "drinking_water", "electricity", "housing", "assets"]  # fmt: skip
SMALL_ASSETS = ["radio", "television", "telephone", "computer", "animal_cart", "bicycle", "motorbike", "refrigerator"]
NAN = float("nan")
AREAS = ("010203", "010204", "030101", "120101", "120304")
INTERVIEW_MONTH = 1462  # October 2021 in century months


@dataclass
class Woman:
    """What a woman of 15 to 49 years told of her children; births are (months since birth, alive, months at death)."""

    is_interviewed: bool = True
    births: list[tuple[int, bool, float]] = field(default_factory=list)


@dataclass
class Member:
    sex: str
    age: int
    years: float = NAN
    attends: float = NAN
    zscores: tuple[float, float] | None = None
    """Height and weight for age of a child under five."""
    woman: Woman | None = None


def made(n: int, areas: Sequence[str] = AREAS) -> pd.DataFrame:
    """Households of all sizes, with every indicator deprived, not, and not known."""
    rng = np.random.default_rng(0)
    cluster = np.arange(n) // 6
    area = np.array(areas)[cluster % len(areas)]
    size = rng.integers(1, 9, n)
    frame = pd.DataFrame(
        {
            "household_id": [f"h{i}" for i in range(n)], "psu": [f"c{i}" for i in cluster], "weight": rng.uniform(0.2, 900, n),
            "stratum": [f"{code[:2]}-{urban}" for code, urban in zip(area, cluster % 2, strict=True)], "hh_size": size,
            "area_id": area, "is_urban": cluster % 2 == 0, "head_sex": rng.choice(["female", "male"], n),
            "n_children": rng.integers(0, size), "interview_date": pd.Timestamp(2021, 10, 1) + pd.to_timedelta(rng.integers(0, 90, n), "D"),
        }
    )  # fmt: skip
    for name in INDICATORS:
        frame[name] = rng.choice([0, 1, np.nan], n, p=[0.5, 0.4, 0.1])
    return fitting(frame)


def fitting(frame: pd.DataFrame) -> pd.DataFrame:
    """Households with as many members as what they lack needs: a child of school age who is out of school, a small child who
    is undernourished, a woman who lost a child, each where answers of them are given or missing; weights of six decimals."""
    out = frame.copy()
    out["head_sex"] = out["head_sex"].fillna("male")
    needed = (out["school_attendance"] != 0).astype(int) + (out["nutrition"] != 0).astype(int)
    children = np.maximum(out["n_children"].astype(int), needed)
    adults = np.maximum(out["hh_size"].astype(int) - children, np.where(out["head_sex"] == "male", 2, 1))
    return out.assign(n_children=children, hh_size=adults + children, weight=out["weight"].round(6))


def family(household: Any, rng: np.random.Generator) -> list[Member]:
    """Members of a household, the head first."""
    adults, children = int(household.hh_size - household.n_children), int(household.n_children)
    other = "female" if household.head_sex == "male" else "male"
    people = [Member(household.head_sex, int(rng.integers(25, 50)))]
    people += [Member(other if i == 0 else str(rng.choice(["female", "male"])), int(rng.integers(20, 50 if i == 0 else 80)))
               for i in range(adults - 1)]  # fmt: skip
    ages = [int(rng.integers(0, 18)) for _ in range(children)]
    slots = iter(range(children))
    if household.school_attendance != 0:
        ages[next(slots)] = int(rng.integers(6, 15))
    if household.nutrition != 0:
        ages[next(slots)] = int(rng.integers(0, 5))
    people += [Member(str(rng.choice(["female", "male"])), age) for age in ages]
    _schooling(people, household.years_schooling, rng)
    _attendance(people, household.school_attendance, rng)
    _nutrition(people, household.nutrition, rng)
    _mortality(people, household.child_mortality, rng)
    return people


def _schooling(people: list[Member], deprived: float, rng: np.random.Generator) -> None:
    for i, person in enumerate(people):
        if person.age < 12:
            person.years = float(rng.integers(0, max(person.age - 5, 1)))
        elif np.isnan(deprived):
            person.years = NAN
        elif deprived == 1:
            person.years = float(rng.integers(0, 6))
        else:
            person.years = float(rng.integers(6, 13)) if i == 0 else float(rng.choice([0, 3, 5, 6, NAN]))


def _attendance(people: list[Member], deprived: float, rng: np.random.Generator) -> None:
    pupils = [person for person in people if 6 <= person.age <= 14]
    for i, person in enumerate(pupils):
        person.attends = NAN if np.isnan(deprived) else 1.0
        if deprived == 1:
            person.attends = 0.0 if i == 0 else float(rng.choice([0, 1, NAN]))


def _nutrition(people: list[Member], deprived: float, rng: np.random.Generator) -> None:
    small = [person for person in people if person.age < 5]
    for i, person in enumerate(small):
        well = (float(rng.uniform(-1.9, 3).__round__(2)), float(rng.uniform(-1.9, 3).__round__(2)))
        bad = (-2.01, 0.0) if rng.random() < 0.5 else (NAN, -3.5)
        if np.isnan(deprived):
            person.zscores = (NAN, NAN)
        elif deprived == 1:
            person.zscores = bad if i == 0 else [bad, well, (NAN, NAN)][rng.integers(3)]
        else:
            person.zscores = well if i == 0 else [well, (NAN, well[1]), (NAN, NAN)][rng.integers(3)]


def _mortality(people: list[Member], deprived: float, rng: np.random.Generator) -> None:
    women = [person for person in people if person.sex == "female" and 15 <= person.age <= 49]
    alive, long_ago, grown = (24, True, NAN), (100, False, 3.0), (240, False, 230.0)
    for i, person in enumerate(women):
        spared = [Woman(), Woman(births=[alive]), Woman(births=[alive, long_ago]), Woman(births=[grown])]
        unknown = [Woman(is_interviewed=False), Woman(births=[alive, (24, False, NAN)])]
        bereaved = Woman(births=[(30, False, float(rng.integers(0, 25))), alive])
        if np.isnan(deprived):
            person.woman = unknown[rng.integers(2)]
        elif deprived == 1:
            person.woman = bereaved if i == 0 else [*spared, *unknown, bereaved][rng.integers(7)]
        else:
            person.woman = spared[rng.integers(4)] if i == 0 else [*spared, *unknown][rng.integers(6)]


@dataclass(frozen=True)
class Answers:
    """What a household has: improved, solid, bad and the like as 1, 0, NaN."""

    cooks_solid: float
    toilet_improved: float
    toilet_shared: float
    water_improved: float
    minutes: float
    """0 on the premises, NaN not known."""
    electricity: float
    bad: dict[str, float]
    assets: dict[str, float]


def answers(household: Any, rng: np.random.Generator) -> Answers:
    """Answers of a household that make it lack what it lacks."""
    toilet, shared = _either_way(
        household.sanitation, rng, [(0, 0), (0, 1), (0, NAN), (1, 1), (NAN, 1)], [(1, 0), (1, NAN)]
    )
    water, minutes = _either_way(household.drinking_water, rng, [(0, 0), (0, 10), (0, NAN), (1, 30), (1, 90), (NAN, 45)],
                                 [(1, 0), (1, 29), (1, NAN)])  # fmt: skip
    return Answers(
        household.cooking_fuel, toilet, shared, water, minutes, household.electricity, _bad(household.housing, rng),
        _assets(household.assets, rng),
    )  # fmt: skip


def _either_way(
    deprived: float, rng: np.random.Generator, bad: list[tuple[float, float]], good: list[tuple[float, float]]
) -> tuple[float, float]:
    ways = [(NAN, 0.0), (NAN, NAN)] if np.isnan(deprived) else bad if deprived == 1 else good
    return ways[rng.integers(len(ways))]


def _bad(deprived: float, rng: np.random.Generator) -> dict[str, float]:
    parts = ["floor", "walls", "roof"]
    if np.isnan(deprived):
        return dict.fromkeys(parts, NAN)
    values = rng.choice([0, NAN] if deprived == 0 else [0, 1, NAN], 3)
    values[rng.integers(3)] = deprived
    return dict(zip(parts, values.tolist(), strict=True))


def _assets(deprived: float, rng: np.random.Generator) -> dict[str, float]:
    if np.isnan(deprived):
        return dict.fromkeys(["car", *SMALL_ASSETS], NAN)
    small = dict.fromkeys(SMALL_ASSETS, 0.0)
    picked = rng.permutation(SMALL_ASSETS)
    if deprived == 1:
        small[picked[0]] = float(rng.choice([0, 1]))
        small[picked[1]] = float(rng.choice([0, NAN]))
        return {"car": float(rng.choice([0, NAN])), **small}
    if rng.random() < 0.5:
        return {"car": 1.0, **small}
    return {"car": float(rng.choice([0, NAN])), **small, picked[0]: 1.0, picked[1]: 1.0, picked[2]: NAN}


def numbers_of(frame: pd.DataFrame) -> pd.DataFrame:
    """Numbers of cluster, household within it, and stratum, and of the region and the area as codes without zeros."""
    cluster = pd.factorize(frame["psu"])[0] + 1
    return pd.DataFrame(
        {
            "cluster": cluster,
            "number": pd.Series(cluster).groupby(cluster).cumcount().to_numpy() + 1,
            "stratum": pd.factorize(frame["stratum"])[0] + 1,
            "region": frame["area_id"].str[:2].astype(int).to_numpy(),
            "area": frame["area_id"].astype(int).to_numpy(),
        },
        index=frame.index,
    )


class Codes:
    """One of the codes that stand for yes, no, or not known."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def __call__(self, value: float, yes: list[float], no: list[float], unknown: list[float]) -> float:
        codes = unknown if np.isnan(value) else yes if value == 1 else no
        return float(codes[self.rng.integers(len(codes))])
