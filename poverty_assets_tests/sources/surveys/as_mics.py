"""A canonical frame written as the files of a MICS: households, members, women, children and births in SPSS files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyreadstat

from poverty_assets_tests.sources.surveys.families import (
    INTERVIEW_MONTH,
    NAN,
    Answers,
    Codes,
    Member,
    Woman,
    answers,
    family,
    numbers_of,
)

SURVEY = """\
title: Made up in the layout of MICS6
fieldwork: {start: 2021-09-15, end: 2022-02-15}
adapter: mics
country: khm
measure: global_mpi
files: {household: hh.sav, members: hl.sav, women: wm.sav, children: ch.sav, births: bh.sav}
"""
FINEST = "columns: {area_id: {column: HH7AREA, digits: 6}}\n"


def write_mics(folder: Path, frame: pd.DataFrame, rng: np.random.Generator, *, with_finest: bool = True) -> Path:
    """Files of the households of a canonical frame, among households that were not interviewed."""
    files: dict[str, list[dict[str, float]]] = {"hh": [], "hl": [], "wm": [], "ch": [], "bh": []}
    for row, at in zip(frame.itertuples(), numbers_of(frame).itertuples(), strict=True):
        keys = {"HH1": float(at.cluster), "HH2": float(at.number)}
        design = {
            "HH46": 1, "HH5D": row.interview_date.day, "HH5M": row.interview_date.month, "HH5Y": row.interview_date.year,
            "HH6": 1 if row.is_urban else 2, "HH7": at.region, "HH7AREA": at.area if with_finest else NAN,
            "HHSEX": 2 if row.head_sex == "female" else 1, "hhweight": row.weight, "PSU": at.cluster, "stratum": at.stratum,
        }  # fmt: skip
        files["hh"].append(keys | design | household_codes(answers(row, rng), rng))
        for line, person in enumerate(family(row, rng), start=1):
            files["hl"].append(keys | {"HL1": line} | member_codes(person, rng))
            own = keys | {"LN": float(line)}
            if person.zscores is not None:
                files["ch"].append(own | child_codes(person.zscores, rng))
            if person.woman is not None:
                files["wm"].append(own | woman_codes(person.woman))
                files["bh"] += [
                    own | birth_codes(birth) for birth in person.woman.births if person.woman.is_interviewed
                ]
    for extra in range(1, 4):  # nobody at home: weight 0, or none
        idle = dict.fromkeys(files["hh"][0], NAN) | {"HH46": 2, "hhweight": 0.0 if extra > 1 else NAN}
        region = {name: files["hh"][0][name] for name in ("HH6", "HH7", "HH7AREA", "PSU", "stratum")}
        files["hh"].append(idle | region | {"HH1": 9000, "HH2": extra})
    for name, rows in files.items():
        pyreadstat.write_sav(pd.DataFrame(rows).astype(float), str(folder / f"{name}.sav"))
    survey = SURVEY + (FINEST if with_finest else _regions(frame))
    (folder / "survey.yaml").write_text(survey, encoding="utf-8")
    return folder


def _regions(frame: pd.DataFrame) -> str:
    codes = ", ".join(f'{int(region)}: "{region}"' for region in sorted(frame["area_id"].str[:2].unique()))
    return f"columns: {{area_id: {{column: HH7, codes: {{{codes}}}}}}}\n"


def household_codes(has: Answers, rng: np.random.Generator) -> dict[str, float]:
    """Variables of hh: modules HC, EU, WS."""
    code = Codes(rng)
    stove = {1.0: [(8, 6), (9, 11), (7, 5), (8, 4), (96, 8)], 0.0: [(1, NAN), (5, NAN), (97, NAN), (6, 3), (6, 1)]}
    fuels = [(99, NAN), (8, 99), (6, 98)] if np.isnan(has.cooks_solid) else stove[has.cooks_solid]
    eu1, eu4 = fuels[rng.integers(len(fuels))]
    out = {
        "EU1": eu1, "EU4": eu4,
        "WS11": code(has.toilet_improved, [11, 12, 13, 18, 21, 22, 31], [14, 23, 41, 51, 95, 96], [99]),
        "WS15": code(has.toilet_shared, [1], [2], [9, NAN]),
        "WS1": code(has.water_improved, [13, 14, 21, 31, 41, 51, 61, 71, 72, 91, 92], [32, 42, 81, 96], [99]),
        "WS3": 1 if has.minutes == 0 else 3,
        "WS4": NAN if has.minutes == 0 else 998 if np.isnan(has.minutes) else has.minutes,
        "HC8": code(has.electricity, [3], [1, 2], [9]),
        "HC4": code(has.bad["floor"], [11, 12, 96], [21, 31, 34], [99]),
        "HC6": code(has.bad["walls"], [12, 24, 96], [31, 36], [99]),
        "HC5": code(has.bad["roof"], [11, 12, 22, 96], [31, 36], [99]),
    }  # fmt: skip
    names = {"radio": "HC7B", "television": "HC9A", "refrigerator": "HC9B", "bicycle": "HC10B", "motorbike": "HC10C",
             "animal_cart": "HC10D", "car": "HC10E", "computer": "HC11", "telephone": "HC12"}  # fmt: skip
    out |= {variable: code(has.assets[asset], [1], [2], [8, 9, NAN]) for asset, variable in names.items()}
    return out | {"HC7A": NAN if np.isnan(has.assets["telephone"]) else 2}


def member_codes(person: Member, rng: np.random.Generator) -> dict[str, float]:
    """Variables of hl: modules HL and ED."""
    told = _schooling(person, rng)
    asked = person.age < 25 and told["ED4"] == 1  # who was never at school is not asked whether this year
    attends = Codes(rng)(person.attends, [1], [2], [9, NAN]) if asked else NAN
    return {"HL4": 1 if person.sex == "male" else 2, "HL6": person.age, "ED9": attends, **told}


def _schooling(person: Member, rng: np.random.Generator) -> dict[str, float]:
    """Level and class of the years completed, in one of the ways in which they may have been told."""
    if np.isnan(person.years):
        return {"ED4": 1, "ED5A": 1 if rng.random() < 0.5 else 8, "ED5B": 98, "ED6": NAN}
    if person.years == 0:
        ways = [{"ED4": 1, "ED5A": 0, "ED5B": NAN, "ED6": NAN}, {"ED4": 1, "ED5A": 1, "ED5B": 1, "ED6": 2}]
        if person.attends == 0 or not 6 <= person.age <= 14:  # who was never at school does not attend
            ways.append({"ED4": 2, "ED5A": NAN, "ED5B": NAN, "ED6": NAN})
        return ways[rng.integers(len(ways))]
    before, level = max((start, level) for start, level in ((0, 1), (6, 2), (9, 3), (12, 4)) if start < person.years)
    done = {"ED4": 1, "ED5A": level, "ED5B": person.years - before, "ED6": 1}
    left_early = {"ED4": 1, "ED5A": level, "ED5B": person.years - before + 1, "ED6": 2}
    return done if rng.random() < 0.7 else left_early


def child_codes(zscores: tuple[float, float], rng: np.random.Generator) -> dict[str, float]:
    """Variables of ch: module AN."""
    out = {}
    for name, z in zip(("HAZ", "WAZ"), zscores, strict=True):
        value, flag = (z, 0) if not np.isnan(z) else [(99.99, NAN), (NAN, NAN), (-7.5, 1)][rng.integers(3)]
        out |= {f"{name}2": value, f"{name}FLAG": flag}
    return out


def woman_codes(woman: Woman) -> dict[str, float]:
    """Variables of wm: module CM."""
    if not woman.is_interviewed:
        return {"WM17": 2, "CM1": NAN, "CM8": NAN, "CM9": NAN, "CM10": NAN}
    dead = sum(not alive for _, alive, _ in woman.births)
    told = {"CM9": dead, "CM10": 0} if dead else {"CM9": NAN, "CM10": NAN}
    return {"WM17": 1, "CM1": 1 if woman.births else 2, "CM8": 1 if dead else 2, **told}


def birth_codes(birth: tuple[int, bool, float]) -> dict[str, float]:
    """A row of bh."""
    since, alive, at_death = birth
    return {"WDOI": INTERVIEW_MONTH, "BH4C": INTERVIEW_MONTH - since, "BH5": 1 if alive else 2,
            "BH9C": 9999 if not alive and np.isnan(at_death) else at_death}  # fmt: skip
