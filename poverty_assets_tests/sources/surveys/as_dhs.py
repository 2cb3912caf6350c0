"""A canonical frame written as recodes of the DHS Program: household, person and birth recode in Stata files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyreadstat

from poverty_assets_tests.sources.surveys.families import (
    INTERVIEW_MONTH,
    NAN,
    Answers,
    Codes,
    Member,
    answers,
    family,
    numbers_of,
)

SURVEY = """\
title: Made up in the layout of the DHS
fieldwork: {start: 2021-09-15, end: 2022-02-15}
adapter: dhs
country: khm
measure: global_mpi
files: {household: KHHR82FL.DTA, person: KHPR82FL.DTA, birth: KHBR82FL.DTA}
"""
FINEST = "columns: {area_id: {column: SHAREA, digits: 6}}\n"
"""A variable of the survey's own, in which codes have lost their zeros."""
_PERSON = ["ha13", "ha32", "ha40", "ha65", "hb13", "hb40", "hc70", "hc71", "hv807c"]


def write_dhs(folder: Path, frame: pd.DataFrame, rng: np.random.Generator, *, with_finest: bool = True) -> Path:
    """Recodes of the households of a canonical frame, among households and people that are not to be counted."""
    hr, pr, br = [], [], []
    for row, at in zip(frame.itertuples(), numbers_of(frame).itertuples(), strict=True):
        keys = {"hv001": at.cluster, "hv002": at.number}
        design = {
            "hv005": round(row.weight * 1e6), "hv006": row.interview_date.month, "hv007": row.interview_date.year,
            "hv016": row.interview_date.day, "hv021": at.cluster, "hv022": at.stratum, "hv024": at.region,
            "sharea": at.area if with_finest else NAN, "hv025": 1 if row.is_urban else 2,
            "hv219": 2 if row.head_sex == "female" else 1, "hv027": 0,
        }  # fmt: skip
        hr.append(keys | design | household_codes(answers(row, rng), rng))
        people = family(row, rng)
        pr += [keys | {"hvidx": i, "hv102": 1} | member_codes(p, row, rng) for i, p in enumerate(people, start=1)]
        if rng.random() < 0.1:  # a visitor, who is not one of the household
            pr.append(keys | {"hvidx": 90, "hv102": 0} | member_codes(Member("female", 30, 12.0), row, rng))
        for i, person in enumerate(people, start=1):
            if person.woman is not None and person.woman.is_interviewed:
                br += [birth_codes(keys, i, birth) for birth in person.woman.births]
    for extra in range(1, 4):  # households of the men's interview, in which nobody was measured
        hr.append(hr[0] | {"hv001": 9000, "hv002": extra, "hv027": 1})
        pr.append(pr[0] | {"hv001": 9000, "hv002": extra})
    for name, rows in (("HR", hr), ("PR", pr), ("BR", br)):
        pyreadstat.write_dta(pd.DataFrame(rows).astype(float), str(folder / f"KH{name}82FL.DTA"))
    (folder / "survey.yaml").write_text(SURVEY + (FINEST if with_finest else ""), encoding="utf-8")
    return folder


def household_codes(has: Answers, rng: np.random.Generator) -> dict[str, float]:
    """Variables of the household recode."""
    code = Codes(rng)
    out = {
        "hv226": code(has.cooks_solid, [9, 10, 11, 15, 17], [1, 3, 8, 95], [99]),
        "hv222": NAN,
        "hv205": code(has.toilet_improved, [11, 12, 13, 15, 21, 22, 41], [14, 23, 31, 42, 43, 96], [99]),
        "hv225": code(has.toilet_shared, [1], [0], [9, NAN]),
        "hv201": code(has.water_improved, [11, 21, 31, 41, 51, 61, 71], [32, 42, 43, 96], [99]),
        "hv204": rng.choice([998, 999, NAN]) if np.isnan(has.minutes) else has.minutes or rng.choice([0, 996]),
        "hv206": code(has.electricity, [0], [1], [9, NAN]),
        "hv213": code(has.bad["floor"], [11, 12, 96], [21, 33, 34], [99]),
        "hv214": code(has.bad["walls"], [12, 23, 96], [31, 34], [99]),
        "hv215": code(has.bad["roof"], [12, 21, 96], [31, 33], [99]),
    }
    names = {"radio": "hv207", "television": "hv208", "refrigerator": "hv209", "bicycle": "hv210", "motorbike": "hv211",
             "car": "hv212", "computer": "hv243e", "animal_cart": "hv243c"}  # fmt: skip
    out |= {variable: code(has.assets[asset], [1], [0], [9, NAN]) for asset, variable in names.items()}
    telephone = has.assets["telephone"]
    return out | {"hv221": 0.0 if telephone == 1 else telephone, "hv243a": telephone}


def member_codes(person: Member, household: Any, rng: np.random.Generator) -> dict[str, float]:
    """Variables of the person recode."""
    code = Codes(rng)
    out: dict[str, float] = dict.fromkeys(_PERSON, NAN)
    out |= {
        "hv008": INTERVIEW_MONTH, "hv104": 1 if person.sex == "male" else 2, "hv105": person.age,
        "hv108": rng.choice([98, 99]) if np.isnan(person.years) else person.years,
        "hv121": code(person.attends, [1, 2], [0], [9, NAN]), "hv117": float(person.woman is not None),
        "hv120": float(person.zscores is not None),
    }  # fmt: skip
    if person.zscores is not None:
        out |= {
            name: rng.choice([9996, 9998, NAN]) if np.isnan(z) else round(z * 100)
            for name, z in zip(("hc70", "hc71"), person.zscores, strict=True)
        }
    if person.woman is not None:
        out["ha65"] = 1 if person.woman.is_interviewed else 3
        if person.age >= 20 and rng.random() < 0.5:
            # the women of a household are weighed too: one more who is well, or who was not measured, where that changes nothing
            well = 2150.0 if household.nutrition == 0 else 9998.0
            out |= {"ha13": 0, "ha32": INTERVIEW_MONTH - 12 * person.age, "ha40": well}
    return out


def birth_codes(keys: dict[str, float], line: int, birth: tuple[int, bool, float]) -> dict[str, float]:
    """A row of the birth recode."""
    since, alive, at_death = birth
    return {"v001": keys["hv001"], "v002": keys["hv002"], "v003": line, "v008": INTERVIEW_MONTH, "b3": INTERVIEW_MONTH - since,
            "b5": float(alive), "b7": at_death}  # fmt: skip
