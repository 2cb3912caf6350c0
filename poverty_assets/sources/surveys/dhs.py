"""The household, person and birth recodes of the DHS Program, read into the canonical household frame.

Belongs here: what is the same in every country's recodes: keys, weights, who lives in the household, ages in months, deaths of
children in birth histories. Does not belong here: codes of answers that differ by country (``countries/<code>/surveys/dhs.yaml``)
or the cut-offs of indicators (the measure).

Variable names are those of the Standard Recode Manual: ``hv``, ``ha``, ``hb``, ``hc`` in the household and person recodes (HR,
PR), ``b`` and ``v`` in the birth recode (BR). Columns that this module adds for the rules of the country's file: of members
``bmi_for_age_limit`` (BMI two standard deviations below the WHO median, for ages of 15 to 19 years with a known month),
``n_child_deaths_5y`` and ``in_birth_recode``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from poverty_assets.errors import ContractViolation
from poverty_assets.lined_yaml import LinedYaml, read_lined_yaml
from poverty_assets.measure.deprivation import deprivations
from poverty_assets.measure.measure import Measure
from poverty_assets.measure.rules import Answers, Rule, RuleError, parse_rule
from poverty_assets.sources.surveys.files import read_table
from poverty_assets.sources.surveys.wave import WaveDescription

MONTHS_OF_RECALL = 60
ADULT_AT_MONTHS = 216
WEIGHT_UNIT = 1e-6
"""DHS weights are stored as whole numbers with six decimals implied."""
_KEYS = {
    "survey_id", "source", "stratum", "subsample", "area_variable", "areas", "optional", "households", "members",
    "bmi_for_age_minus_2sd",
}  # fmt: skip
_HOUSEHOLD = ("hv001", "hv002", "hv005", "hv006", "hv007", "hv016", "hv021", "hv025", "hv219")
_PERSON = ("hv001", "hv002", "hvidx", "hv008", "hv102", "hv104", "hv105", "hv807c", "ha32", "hb32")
_BIRTH = ("v001", "v002", "v003", "v008", "b3", "b5", "b7")
_ADDED = ("bmi_for_age_limit", "n_child_deaths_5y", "in_birth_recode")


@dataclass(frozen=True)
class Recode:
    """A country's ``surveys/dhs.yaml``: rules from recode variables to answers."""

    spec: LinedYaml
    households: dict[str, Rule]
    members: dict[str, Rule]
    subsample: Rule | None
    optional: frozenset[str]

    def variables(self, rules: dict[str, Rule]) -> set[str]:
        """Recode variables that rules use."""
        used = {name for rule in rules.values() for name in rule.household_columns}
        return used - set(rules) - set(_ADDED)


def read_recode(path: Path) -> Recode:
    """Read and check a country's ``surveys/dhs.yaml``.

    Raises
    ------
    MissingFile, SpecificationError
        As for every country file; the place is the line.
    """
    spec = read_lined_yaml(path)
    spec.check_keys(_KEYS)
    for key in ("areas", "households", "members", "bmi_for_age_minus_2sd"):
        if not isinstance(spec.value.get(key), dict):
            spec.refuse(f"{key} is missing or not a mapping", f"write {key}: with `name: value` lines", key)
    subsample = _rules(spec, {"subsample": spec.value["subsample"]})["subsample"] if "subsample" in spec.value else None
    optional = frozenset(str(name) for name in spec.value.get("optional") or [])
    households = _rules(spec.part("households"), spec.value["households"])
    return Recode(spec, households, _rules(spec.part("members"), spec.value["members"]), subsample, optional)


def read_dhs(wave: WaveDescription, recode_file: Path, measure: Measure) -> pd.DataFrame:
    """Household frame of a DHS wave, with the deprivations of a measure.

    Parameters
    ----------
    wave : WaveDescription
        ``survey.yaml`` names the three recodes under ``files``: ``household``, ``person``, ``birth``.
    recode_file : path
        The country's ``surveys/dhs.yaml``.
    measure : Measure

    Returns
    -------
    DataFrame
        Columns of the canonical frame before typing. Only usual members count, and only households of the subsample that was
        measured, as in OPHI's computation of the global MPI.

    Raises
    ------
    MissingFile, UnreadableFile, SpecificationError, ContractViolation
        If a file, a variable or a code is not as the country's file says.
    """
    recode = read_recode(recode_file)
    household_rules = {**recode.households, **({"subsample": recode.subsample} if recode.subsample else {})}
    stratum, area = recode.spec.text("stratum"), recode.spec.text("area_variable")
    hr_needs = {*_HOUSEHOLD, stratum, area, *recode.variables(household_rules)}
    households = _recode_table(wave, "household", hr_needs, recode)
    members = _recode_table(wave, "person", {*_PERSON, *recode.variables(recode.members)}, recode)
    births = _recode_table(wave, "birth", set(_BIRTH), recode)
    households["household_id"] = _household_id(households, "hv001", "hv002")
    members["household_id"] = _household_id(members, "hv001", "hv002")
    if recode.subsample is not None:
        households = households[_evaluate(recode.spec, {"subsample": recode.subsample}, households)["subsample"] == 1]
    members = members[(members["hv102"] == 1) & members["household_id"].isin(households["household_id"])]
    households = households[households["household_id"].isin(members["household_id"])]
    members = _with_added(members.reset_index(drop=True), births, recode)
    answers = _evaluate(recode.spec.part("households"), recode.households, households)
    people = _evaluate(recode.spec.part("members"), recode.members, members)
    design = _design(households, members, recode, stratum, area, _file(wave, "household"))
    flags = deprivations(
        measure,
        pd.concat([design[["household_id"]], answers], axis=1),
        pd.concat([members[["household_id"]], people], axis=1),
    )
    return pd.concat([design, flags], axis=1)


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
        ``v001, v002, v003, n_child_deaths_5y``; NaN where a child died and nobody knows when.
    """
    dead = births["b5"] == 0
    recent = births["v008"] - (births["b3"] + births["b7"]) <= MONTHS_OF_RECALL
    counted = dead & recent & (births["b7"] < ADULT_AT_MONTHS)
    undated = (dead & births["b7"].isna()) | births["b5"].isna()
    mothers = births.assign(counted=counted, undated=undated).groupby(["v001", "v002", "v003"], as_index=False)
    out = mothers.agg(n_child_deaths_5y=("counted", "sum"), undated=("undated", "any"))
    known = ~out["undated"] | (out["n_child_deaths_5y"] > 0)
    out["n_child_deaths_5y"] = out["n_child_deaths_5y"].astype(float).where(known)
    return out.drop(columns="undated")


def _file(wave: WaveDescription, name: str) -> Path:
    files = wave.form.files
    if name not in files:
        remedy = "write files: {household: KHHR82FL.DTA, person: KHPR82FL.DTA, birth: KHBR82FL.DTA}"
        wave.spec.refuse(f"files does not name the {name} recode", remedy, "files")
    return wave.folder / files[name]


def _recode_table(wave: WaveDescription, name: str, needs: set[str], recode: Recode) -> pd.DataFrame:
    file = _file(wave, name)
    frame = read_table(file, sorted(needs), encoding=wave.form.encoding).frame
    absent = sorted(needs - set(frame.columns))
    missing = [column for column in absent if column not in recode.optional]
    if missing:
        raise ContractViolation(
            f"{len(missing)} variables are missing from the {name} recode, the first {missing[0]}",
            file=file,
            remedy=f"check that this is the {name} recode; or list the variable under optional in {recode.spec.file.name}",
        )
    return frame.assign(**dict.fromkeys(absent, np.nan))


def _household_id(frame: pd.DataFrame, cluster: str, number: str) -> pd.Series:
    return frame[cluster].astype("int64").astype("str") + "-" + frame[number].astype("int64").astype("str")


def _with_added(members: pd.DataFrame, births: pd.DataFrame, recode: Recode) -> pd.DataFrame:
    """Members with the columns that this module adds."""
    deaths = child_deaths(births).assign(in_birth_recode=1.0)
    deaths = deaths.rename(columns={"v001": "hv001", "v002": "hv002", "v003": "hvidx"})
    out = members.merge(deaths, on=["hv001", "hv002", "hvidx"], how="left")
    out["in_birth_recode"] = out["in_birth_recode"].fillna(0.0)
    out["bmi_for_age_limit"] = _bmi_for_age_limit(out, recode.spec.part("bmi_for_age_minus_2sd"))
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


def _design(
    households: pd.DataFrame, members: pd.DataFrame, recode: Recode, stratum: str, area: str, file: Path
) -> pd.DataFrame:
    areas = {int(code): str(name) for code, name in recode.spec.value["areas"].items()}
    codes = households[area].astype("Int64")
    unknown = sorted({int(code) for code in codes.dropna().unique()} - set(areas))
    if unknown:
        raise ContractViolation(
            f"{len(unknown)} codes of {area} stand for no area, the first {unknown[0]}",
            file=file,
            remedy=f"add them to areas in {recode.spec.file}, line {recode.spec.line('areas')}",
        )
    people = members.groupby("household_id")
    size = people.size()
    children = (members["hv105"] < 18).groupby(members["household_id"]).sum()
    dates = {"year": households["hv007"], "month": households["hv006"], "day": households["hv016"].fillna(1)}
    return pd.DataFrame(
        {
            "household_id": households["household_id"],
            "psu": households["hv021"],
            "stratum": households[stratum],
            "weight": households["hv005"] * WEIGHT_UNIT,
            "hh_size": households["household_id"].map(size),
            "area_id": codes.map(areas),
            "is_urban": (households["hv025"] == 1).astype("boolean").mask(households["hv025"].isna()),
            "head_sex": households["hv219"].map({1: "male", 2: "female"}),
            "n_children": households["household_id"].map(children),
            "interview_date": pd.to_datetime(pd.DataFrame(dates), errors="coerce"),
        }
    )


def _rules(part: LinedYaml, texts: dict[str, object]) -> dict[str, Rule]:
    rules = {}
    for name, text in texts.items():
        try:
            rules[str(name)] = parse_rule(str(text))
        except RuleError as error:
            part.refuse(str(error), "see measure/rules.py for what a rule may say", name)
    return rules


def _evaluate(part: LinedYaml, rules: dict[str, Rule], frame: pd.DataFrame) -> pd.DataFrame:
    """Columns of the rules, in their order; each may use those before it. Numbers, NaN where not known."""
    columns: dict[str, Answers] = {}
    for name, rule in rules.items():
        for column in rule.household_columns:
            if column not in columns:
                if column not in frame.columns:
                    part.refuse(f"there is no variable {column!r}", "list it earlier, or correct its name", name)
                columns[column] = Answers.of(frame[column])
        try:
            columns[name] = rule.evaluate(columns, len(frame))
        except RuleError as error:
            part.refuse(str(error), "compare the rule with the codes of the recode", name)
    return pd.DataFrame({name: columns[name].to_float() for name in rules}, index=frame.index)
