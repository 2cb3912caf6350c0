"""From the raw answers of a well-known survey to households: what its adapters have in common.

Belongs here: the file of rules that countries share, what a pack says otherwise, evaluating the rules, deaths in birth histories, areas,
the design. Does not belong here: names of one survey's variables (``dhs``, ``mics``), or codes of answers (``recodes/*.yaml``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from poverty_assets.errors import ContractViolation
from poverty_assets.lined_yaml import LinedYaml, read_lined_yaml
from poverty_assets.measure.rules import Answers, Rule, RuleError, parse_rule
from poverty_assets.sources.surveys.files import SurveyTable, read_table
from poverty_assets.sources.surveys.mapped import mapped_columns
from poverty_assets.sources.surveys.wave import WaveDescription

MONTHS_OF_RECALL = 60
ADULT_AT_MONTHS = 216
MOTHER = ["cluster", "household", "line"]
_SHARED = Path(__file__).with_name("recodes")
_KEYS = {
    "survey_id", "source", "psu", "stratum", "subsample", "area_variable", "areas", "optional", "households", "members",
    "bmi_for_age_minus_2sd",
}  # fmt: skip


class Ruled(NamedTuple):
    """A rule, and the part of the file that it stands in."""

    rule: Rule
    part: LinedYaml


@dataclass(frozen=True)
class Recode:
    """Rules from a survey's variables to answers: the file that countries share, and what a pack says otherwise.

    Attributes
    ----------
    layers : tuple of LinedYaml
        The pack's file, if it has one, before the shared one.
    households, members : dict of str to Ruled
        In the order in which they are evaluated; a rule of the pack stands in the place of the shared one of its name.
    subsample : Ruled, optional
    optional : frozenset of str
        Variables that may be absent.
    """

    layers: tuple[LinedYaml, ...]
    households: dict[str, Ruled]
    members: dict[str, Ruled]
    subsample: Ruled | None
    optional: frozenset[str]

    def layer(self, key: str) -> LinedYaml:
        """The first file that has a key; the shared one if none has it."""
        return next((layer for layer in self.layers if key in layer.value), self.layers[-1])

    def text(self, key: str) -> str:
        """A text under a key."""
        return self.layer(key).text(key)


def variables(rules: Mapping[str, Ruled], added: Collection[str] = ()) -> set[str]:
    """Variables of the survey that rules use: neither answers of other rules nor columns that an adapter adds."""
    used = {name for ruled in rules.values() for name in ruled.rule.household_columns}
    return used - set(rules) - set(added)


def read_recode(survey: str, pack: Path | None) -> Recode:
    """Read and check the rules of a survey.

    Parameters
    ----------
    survey : str
        ``dhs`` or ``mics``.
    pack : Path, optional
        The country's folder, of which ``surveys/<survey>.yaml`` is read where there is one.

    Raises
    ------
    SpecificationError
        As for every country file; the place is the line.
    """
    own = None if pack is None else pack / "surveys" / f"{survey}.yaml"
    files = [*([own] if own is not None and own.is_file() else []), _SHARED / f"{survey}.yaml"]
    layers = tuple(read_lined_yaml(file) for file in files)
    for layer in layers:
        layer.check_keys(_KEYS)
        for key in ("areas", "households", "members", "bmi_for_age_minus_2sd"):
            if not isinstance(layer.value.get(key, {}), dict):
                layer.refuse(f"{key} is not a mapping", f"write {key}: with `name: value` lines", key)
    found = next((layer for layer in layers if "subsample" in layer.value), None)
    return Recode(
        layers,
        _rules(layers, "households"),
        _rules(layers, "members"),
        None if found is None else Ruled(_rule(found, "subsample"), found),
        frozenset(str(name) for layer in layers for name in layer.value.get("optional") or []),
    )


def _rules(layers: Sequence[LinedYaml], key: str) -> dict[str, Ruled]:
    rules: dict[str, Ruled] = {}
    for layer in reversed(layers):  # a rule that is replaced keeps its place in the order
        if key in layer.value:
            part = layer.part(key)
            rules |= {str(name): Ruled(_rule(part, name), part) for name in part.value}
    return rules


def _rule(part: LinedYaml, name: str) -> Rule:
    try:
        return parse_rule(str(part.value[name]))
    except RuleError as error:
        part.refuse(str(error), "see measure/rules.py for what a rule may say", name)


def evaluated(rules: Mapping[str, Ruled], frame: pd.DataFrame) -> pd.DataFrame:
    """Columns of the rules, in their order; each may use those before it. Numbers, NaN where not known."""
    columns: dict[str, Answers] = {}
    for name, (rule, part) in rules.items():
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


def file_of(wave: WaveDescription, name: str, example: str) -> Path:
    """The file that ``survey.yaml`` names under ``files``."""
    files = wave.form.files
    if name not in files:
        wave.spec.refuse(f"files does not name the {name} recode", f"write {example}", "files")
    return wave.folder / files[name]


def read_variables(wave: WaveDescription, file: Path, needs: set[str]) -> SurveyTable:
    """Those of the variables that a file has; names in small letters."""
    return read_table(file, sorted(needs), encoding=wave.form.encoding)


def with_absent(frame: pd.DataFrame, needs: set[str], recode: Recode, what: str, file: Path) -> pd.DataFrame:
    """Columns of NaN for optional variables that are not there.

    Raises
    ------
    ContractViolation
        If one is not there that is not optional.
    """
    absent = sorted(needs - set(frame.columns))
    missing = [column for column in absent if column not in recode.optional]
    if missing:
        raise ContractViolation(
            f"{len(missing)} variables are missing from the {what}, the first {missing[0]}",
            file=file,
            remedy=f"check that this is the {what}; or list the variable under optional in {recode.layers[0].file.name}",
        )
    return frame.assign(**dict.fromkeys(absent, np.nan))


def household_id(frame: pd.DataFrame, cluster: str, number: str) -> pd.Series:
    """Cluster and number of a household in one."""
    return frame[cluster].astype("int64").astype("str") + "-" + frame[number].astype("int64").astype("str")


def deaths_by_mother(births: pd.DataFrame) -> pd.DataFrame:
    """Deaths of children under 18 in the 60 months before the interview, by mother.

    Parameters
    ----------
    births : DataFrame
        A birth history: those of ``MOTHER``, ``interviewed`` and ``born`` in century months, ``is_alive`` (true, false, NaN),
        ``months_at_death``.

    Returns
    -------
    DataFrame
        ``cluster, household, line, n_child_deaths_5y``; NaN where a child died and nobody knows when.
    """
    dead = births["is_alive"] == 0
    at_death = births["months_at_death"]
    recent = births["interviewed"] - (births["born"] + at_death) <= MONTHS_OF_RECALL
    counted = dead & recent & (at_death < ADULT_AT_MONTHS)
    undated = (dead & (at_death.isna() | births["born"].isna())) | births["is_alive"].isna()
    mothers = births.assign(counted=counted, undated=undated).groupby(MOTHER, as_index=False)
    out = mothers.agg(n_child_deaths_5y=("counted", "sum"), undated=("undated", "any"))
    known = ~out["undated"] | (out["n_child_deaths_5y"] > 0)
    out["n_child_deaths_5y"] = out["n_child_deaths_5y"].astype(float).where(known)
    return out.drop(columns="undated")


def area_needs(wave: WaveDescription, recode: Recode) -> set[str]:
    """Variables that say where a household lives."""
    entry = wave.form.columns.get("area_id")
    return {recode.text("area_variable")} if entry is None else {name.lower() for name in entry.names}


def areas(wave: WaveDescription, households: SurveyTable, recode: Recode, lengths: Sequence[int]) -> pd.Series:
    """Code of each household's area: as ``survey.yaml`` says of ``area_id``, else as the pack does.

    Raises
    ------
    ContractViolation
        If a code stands for no area.
    SpecificationError
        If nothing says what the codes stand for.
    """
    if "area_id" in wave.form.columns:
        return mapped_columns(wave, households, "columns", lengths, in_small_letters=True)["area_id"]
    variable, layer = recode.text("area_variable"), recode.layer("areas")
    if "areas" not in layer.value:
        remedy = f'write columns: {{area_id: {{column: {variable}, codes: {{1: "01"}}}}}}'
        wave.spec.refuse(f"nothing says which area each value of {variable} is", remedy, "adapter")
    named = {int(code): str(area) for code, area in layer.value["areas"].items()}
    codes = households.frame[variable].astype("Int64")
    unknown = sorted({int(code) for code in codes.dropna().unique()} - set(named))
    if unknown:
        raise ContractViolation(
            f"{len(unknown)} codes of {variable} stand for no area, the first {unknown[0]}",
            file=households.file,
            remedy=f"add them to areas in {layer.file.name}, line {layer.line('areas')}, or to codes of area_id in survey.yaml",
        )
    return codes.map(named)


class DesignNames(NamedTuple):
    """Variables of a survey that the columns of the canonical frame are made from."""

    weight: str
    urban: str
    head_sex: str
    year: str
    month: str
    day: str


def design(
    households: pd.DataFrame, ages: pd.Series, area_id: pd.Series, names: DesignNames, recode: Recode
) -> pd.DataFrame:
    """Columns of the canonical frame before typing, with ``household_id``.

    Parameters
    ----------
    households : DataFrame
        With ``household_id`` and the variables of ``names``.
    ages : Series
        Age in years of each member, by ``household_id`` as its index.
    area_id : Series
    names : DesignNames
    recode : Recode
    """
    people = ages.groupby(level=0)
    dates = {"year": households[names.year], "month": households[names.month], "day": households[names.day].fillna(1)}
    urban = households[names.urban]
    return pd.DataFrame(
        {
            "household_id": households["household_id"],
            "psu": households[recode.text("psu")],
            "stratum": households[recode.text("stratum")],
            "weight": households[names.weight],
            "hh_size": households["household_id"].map(people.size()),
            "area_id": area_id,
            "is_urban": (urban == 1).astype("boolean").mask(urban.isna()),
            "head_sex": households[names.head_sex].map({1: "male", 2: "female"}),
            "n_children": households["household_id"].map((ages < 18).groupby(level=0).sum()),
            "interview_date": pd.to_datetime(pd.DataFrame(dates), errors="coerce"),
        }
    )
