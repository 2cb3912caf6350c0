"""The household, person and birth recodes of the DHS Program, read into the canonical household frame.

Belongs here: what is the same in every country's recodes: keys, weights, who lives in the household, ages in months, deaths of
children in birth histories. Does not belong here: codes of answers (``recodes/dhs.yaml``, and the pack's ``surveys/dhs.yaml`` where
a country's differ) or the cut-offs of indicators (the measure).

Variable names are those of the Standard Recode Manual: ``hv``, ``ha``, ``hb``, ``hc`` in the household and person recodes (HR,
PR), ``b`` and ``v`` in the birth recode (BR). Columns that this module adds for the rules: of members
``bmi_for_age_limit`` (BMI two standard deviations below the WHO median, for ages of 15 to 19 years with a known month),
``n_child_deaths_5y`` and ``in_birth_recode``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from poverty_assets.lined_yaml import LinedYaml
from poverty_assets.measure.deprivation import deprivations
from poverty_assets.measure.measure import Measure
from poverty_assets.sources.surveys.files import SurveyTable
from poverty_assets.sources.surveys.recode import (
    DesignNames,
    Recode,
    area_needs,
    areas,
    deaths_by_mother,
    design,
    evaluated,
    file_of,
    household_id,
    read_recode,
    read_variables,
    variables,
    with_absent,
)
from poverty_assets.sources.surveys.wave import WaveDescription

WEIGHT_UNIT = 1e-6
"""DHS weights are stored as whole numbers with six decimals implied."""
EXAMPLE = "files: {household: KHHR82FL.DTA, person: KHPR82FL.DTA, birth: KHBR82FL.DTA}"
_NAMES = DesignNames("hv005", "hv025", "hv219", "hv007", "hv006", "hv016")
_HOUSEHOLD = ("hv001", "hv002", *_NAMES)
_PERSON = ("hv001", "hv002", "hvidx", "hv008", "hv102", "hv104", "hv105", "hv807c", "ha32", "hb32")
_BIRTH = {"v001": "cluster", "v002": "household", "v003": "line", "v008": "interviewed", "b3": "born", "b5": "is_alive",
          "b7": "months_at_death"}  # fmt: skip
_ADDED = ("bmi_for_age_limit", "n_child_deaths_5y", "in_birth_recode")


def read_dhs(
    wave: WaveDescription, measure: Measure, pack: Path | None, lengths: Sequence[int] = ()
) -> tuple[pd.DataFrame, Path]:
    """Household frame of a DHS wave, with the deprivations of a measure.

    Parameters
    ----------
    wave : WaveDescription
        ``survey.yaml`` names the three recodes under ``files``: ``household``, ``person``, ``birth``.
    measure : Measure
    pack : Path, optional
        The country's folder, whose ``surveys/dhs.yaml`` says what its survey does otherwise.
    lengths : sequence of int
        Digits of the codes of the country's areas.

    Returns
    -------
    DataFrame
        Columns of the canonical frame before typing. Only usual members count, and only households of the subsample that was
        measured, as in OPHI's computation of the global MPI.
    Path
        The file of households.

    Raises
    ------
    MissingFile, UnreadableFile, SpecificationError, ContractViolation
        If a file, a variable or a code is not as the rules say.
    """
    recode = read_recode("dhs", pack)
    household_rules = {**recode.households, **({"subsample": recode.subsample} if recode.subsample else {})}
    needs = {*_HOUSEHOLD, recode.text("psu"), recode.text("stratum"), *variables(household_rules)}
    table = _table(wave, "household", needs | area_needs(wave, recode), recode)
    households = table.frame
    members = _table(wave, "person", {*_PERSON, *variables(recode.members, _ADDED)}, recode).frame
    births = _table(wave, "birth", set(_BIRTH), recode).frame
    households["household_id"] = household_id(households, "hv001", "hv002")
    members["household_id"] = household_id(members, "hv001", "hv002")
    area_id = areas(wave, table, recode, lengths)
    if recode.subsample is not None:
        households = households[evaluated({"subsample": recode.subsample}, households)["subsample"] == 1]
    members = members[(members["hv102"] == 1) & members["household_id"].isin(households["household_id"])]
    households = households[households["household_id"].isin(members["household_id"])]
    members = _with_added(members.reset_index(drop=True), births, recode)
    answers, people = evaluated(recode.households, households), evaluated(recode.members, members)
    ages = members.set_index("household_id")["hv105"]
    made = design(
        households.assign(hv005=households["hv005"] * WEIGHT_UNIT), ages, area_id[households.index], _NAMES, recode
    )
    flags = deprivations(
        measure,
        pd.concat([made[["household_id"]], answers], axis=1),
        pd.concat([members[["household_id"]], people], axis=1),
    )
    return pd.concat([made, flags], axis=1), table.file


def child_deaths(births: pd.DataFrame) -> pd.DataFrame:
    """Deaths of children under 18 in the 60 months before the interview, by mother.

    Parameters
    ----------
    births : DataFrame
        ``v001, v002, v003`` (cluster, household, line), ``v008`` (interview) and ``b3`` (birth) in century months, ``b5`` (1
        alive), ``b7`` (age at death in months).

    Returns
    -------
    DataFrame
        ``cluster, household, line, n_child_deaths_5y``; NaN where a child died and nobody knows when.
    """
    return deaths_by_mother(births.rename(columns=_BIRTH))


def _table(wave: WaveDescription, name: str, needs: set[str], recode: Recode) -> SurveyTable:
    file = file_of(wave, name, EXAMPLE)
    found = read_variables(wave, file, needs)
    return SurveyTable(file, with_absent(found.frame, needs, recode, f"{name} recode", file), found.labels)


def _with_added(members: pd.DataFrame, births: pd.DataFrame, recode: Recode) -> pd.DataFrame:
    """Members with the columns that this module adds."""
    deaths = child_deaths(births).assign(in_birth_recode=1.0)
    deaths = deaths.rename(columns={"cluster": "hv001", "household": "hv002", "line": "hvidx"})
    out = members.merge(deaths, on=["hv001", "hv002", "hvidx"], how="left")
    out["in_birth_recode"] = out["in_birth_recode"].fillna(0.0)
    out["bmi_for_age_limit"] = _bmi_for_age_limit(
        out, recode.layer("bmi_for_age_minus_2sd").part("bmi_for_age_minus_2sd")
    )
    return out


def _bmi_for_age_limit(members: pd.DataFrame, table: LinedYaml) -> np.ndarray:
    """BMI two standard deviations below the WHO median for each teenager's sex and month of age; NaN for others."""
    first = int(table.text("first_month"))
    on = members["hv807c"].fillna(members["hv008"])
    months = (on - members["ha32"].fillna(members["hb32"])).to_numpy(dtype=float)
    limit = np.full(len(members), np.nan)
    for sex, code in (("male", 1), ("female", 2)):
        values = np.asarray(table.value[sex], dtype=float)
        inside = (members["hv104"] == code).to_numpy() & (months >= first) & (months < first + len(values))
        limit[inside] = values[(months[inside] - first).astype(int)]
    return limit
