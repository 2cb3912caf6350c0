"""The files of a Multiple Indicator Cluster Survey (MICS6), read into the canonical household frame.

Belongs here: what is the same in every country's files: keys, weights, which file a variable of a member is in, deaths of children in
birth histories. Does not belong here: codes of answers (``recodes/mics.yaml``, and the pack's ``surveys/mics.yaml`` where a country's
differ) or the cut-offs of indicators (the measure).

``files`` of ``survey.yaml``: ``household`` (hh), ``members`` (hl), ``women`` (wm), ``children`` (ch) and, where there is one, ``births``
(bh). A variable of a member is taken from the first of hl, wm and ch that has it. Columns that this module adds for the rules, of members:
``in_wm``, ``in_ch`` and ``in_bh`` (1 where the member is listed there), ``has_bh`` (1 where there is a birth history),
``n_child_deaths_5y``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from poverty_assets.errors import ContractViolation
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
from poverty_assets.sources.surveys.rows import refuse_rows
from poverty_assets.sources.surveys.wave import WaveDescription

EXAMPLE = "files: {household: hh.sav, members: hl.sav, women: wm.sav, children: ch.sav}, and births: bh.sav where there is one"
COMPLETED = 1
"""Result of an interview (HH46) that was held."""
_NAMES = DesignNames("hhweight", "hh6", "hhsex", "hh5y", "hh5m", "hh5d")
_LINE = ["hh1", "hh2", "hl1"]
_BIRTH = {"hh1": "cluster", "hh2": "household", "ln": "line", "wdoi": "interviewed", "bh4c": "born", "bh5": "is_alive",
          "bh9c": "months_at_death"}  # fmt: skip
_ADDED = ("in_wm", "in_ch", "in_bh", "has_bh", "n_child_deaths_5y")


def read_mics(
    wave: WaveDescription, measure: Measure, pack: Path | None, lengths: Sequence[int] = ()
) -> tuple[pd.DataFrame, Path]:
    """Household frame of a MICS wave, with the deprivations of a measure.

    Parameters
    ----------
    wave : WaveDescription
    measure : Measure
    pack : Path, optional
        The country's folder, whose ``surveys/mics.yaml`` says what its survey does otherwise.
    lengths : sequence of int
        Digits of the codes of the country's areas.

    Returns
    -------
    DataFrame
        Columns of the canonical frame before typing; households that were not interviewed have weight 0.
    Path
        The file of households.

    Raises
    ------
    MissingFile, UnreadableFile, SpecificationError, ContractViolation
        If a file, a variable or a code is not as the rules say.
    """
    recode = read_recode("mics", pack)
    file = file_of(wave, "household", EXAMPLE)
    needs = {"hh1", "hh2", "hh46", *_NAMES, recode.text("psu"), recode.text("stratum"), *variables(recode.households)}
    needs |= area_needs(wave, recode)
    found = read_variables(wave, file, needs)
    households = with_absent(found.frame, needs, recode, "file of households", file)
    households["household_id"] = household_id(households, "hh1", "hh2")
    # who was not interviewed has weight 0 in most surveys, and an empty one in some
    idle = households["hh46"].notna() & (households["hh46"] != COMPLETED)
    households["hhweight"] = households["hhweight"].mask(idle & households["hhweight"].isna(), 0.0)
    members = _members(wave, recode)
    members["household_id"] = household_id(members, "hh1", "hh2")
    answers, people = evaluated(recode.households, households), evaluated(recode.members, members)
    area_id = areas(wave, SurveyTable(file, households, found.labels), recode, lengths)
    made = design(households, members.set_index("household_id")["hl6"], area_id, _NAMES, recode)
    flags = deprivations(
        measure,
        pd.concat([made[["household_id"]], answers], axis=1),
        pd.concat([members[["household_id"]], people], axis=1),
    )
    return pd.concat([made, flags], axis=1), file


def _members(wave: WaveDescription, recode: Recode) -> pd.DataFrame:
    """Members with their variables of all files, and the columns that this module adds."""
    file = file_of(wave, "members", EXAMPLE)
    needs = {*_LINE, "hl6", *variables(recode.members, _ADDED)}
    members = _one_row_a_line(read_variables(wave, file, needs), _LINE, "file of members")
    for name, key in (("women", "in_wm"), ("children", "in_ch")):
        rest = needs - set(members.columns)
        of = file_of(wave, name, EXAMPLE)
        listed = _one_row_a_line(
            read_variables(wave, of, {"hh1", "hh2", "ln", *rest}), ["hh1", "hh2", "ln"], f"file of {name}"
        )
        members = members.merge(listed.rename(columns={"ln": "hl1"}).assign(**{key: 1.0}), on=_LINE, how="left")
        members[key] = members[key].fillna(0.0)
    return with_absent(_with_deaths(wave, members), needs, recode, "files of members, women and children", file)


def _one_row_a_line(table: SurveyTable, key: list[str], what: str) -> pd.DataFrame:
    absent = [name for name in key if name not in table.frame]
    if absent:
        raise ContractViolation(
            f"{absent[0]} is missing from the {what}", file=table.file, remedy=f"check that this is the {what}"
        )
    doubled = table.frame.duplicated(key, keep=False)
    refuse_rows(doubled, table.frame[key[-1]], "have a line of a household that is there twice", table.file,
                "obtain the file again")  # fmt: skip
    return table.frame


def _with_deaths(wave: WaveDescription, members: pd.DataFrame) -> pd.DataFrame:
    if "births" not in wave.form.files:
        return members.assign(in_bh=0.0, has_bh=0.0, n_child_deaths_5y=float("nan"))
    file = file_of(wave, "births", EXAMPLE)
    births = read_variables(wave, file, set(_BIRTH)).frame
    absent = sorted(set(_BIRTH) - set(births.columns))
    if absent:
        raise ContractViolation(
            f"{absent[0]} is missing from the file of births", file=file, remedy="check that this is the file of births"
        )
    births["bh5"] = births["bh5"].map({1: True, 2: False})
    births["bh9c"] = births["bh9c"].where(births["bh9c"] < 9000)  # 9997 to 9999: age at death is not known
    deaths = deaths_by_mother(births.rename(columns=_BIRTH)).assign(in_bh=1.0)
    deaths = deaths.rename(columns={"cluster": "hh1", "household": "hh2", "line": "hl1"})
    out = members.merge(deaths, on=_LINE, how="left").assign(has_bh=1.0)
    out["in_bh"] = out["in_bh"].fillna(0.0)
    return out
