"""Which household is deprived in what: a measure applied to a survey.

Belongs here: taking an indicator's column as it stands or deciding it by its rule, eligibility, and what an unknown answer
means. Does not belong here: the rule language (``rules``), the reading of surveys (``sources.surveys``).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from poverty_assets.errors import ContractViolation
from poverty_assets.measure.measure import Indicator, Level, Measure
from poverty_assets.measure.rules import Answers, Members, Rule, RuleError


def deprivations(measure: Measure, households: pd.DataFrame, members: pd.DataFrame | None = None) -> pd.DataFrame:
    """Deprivation of each household in each indicator: 1, 0, or NaN where not known.

    Parameters
    ----------
    measure : Measure
    households : DataFrame
        One row a household. A column named as an indicator is taken as it stands; otherwise the rule decides.
    members : DataFrame, optional
        One row a household member, with ``household_id``, for rules over members.

    Returns
    -------
    DataFrame
        Index of ``households``, one float column an indicator.

    Raises
    ------
    ContractViolation
        If an indicator has neither its column nor the columns its rule uses, holds a value other than 0 and 1, or a
        member belongs to no household.
    """
    work = _Derivation(measure, households, members)
    out = {i.indicator_id: work.indicator(i) for i in measure.indicators}
    return pd.DataFrame(out, index=households.index)


class _Derivation:
    """Evaluation of a measure's rules over one survey, each derived column once."""

    def __init__(self, measure: Measure, households: pd.DataFrame, members: pd.DataFrame | None) -> None:
        self.measure, self.households, self.members = measure, households, members
        self.rules = {d.column_id: d for d in measure.derived}
        self.done: dict[str, Answers] = {}
        self.owner = None if members is None else _owners(households, members)

    def indicator(self, indicator: Indicator) -> npt.NDArray[np.float64]:
        name = indicator.indicator_id
        if name in self.households.columns:
            return _flags(self.households[name], name)
        if indicator.rule is None:
            raise ContractViolation(
                f"there is no column {name}, and measure {self.measure.measure_id} has no rule for it",
                remedy=f"map a column to {name} in survey.yaml",
            )
        value = self._truth(indicator.rule, name)
        if indicator.eligibility is not None:
            value = np.where(self._truth(indicator.eligibility, name) == 0, 0.0, value)
        return np.nan_to_num(value, nan=0.0) if indicator.missing == "not_deprived" else value

    def _truth(self, rule: Rule, name: str) -> npt.NDArray[np.float64]:
        value = self._evaluated(rule, "household", name)
        return np.where(value.known, value.true.astype(float), np.nan)

    def _evaluated(self, rule: Rule, level: Level, name: str) -> Answers:
        own = {c: self._column(c, level, name) for c in sorted(rule.household_columns)}
        n = len(self.households)
        members = None
        if level == "member":
            n = len(self.members) if self.members is not None else 0
        elif rule.member_columns or self.owner is not None:
            theirs = {c: self._column(c, "member", name) for c in sorted(rule.member_columns)}
            members = None if self.owner is None else Members(theirs, self.owner)
        try:
            return rule.evaluate(own, n, members)
        except RuleError as error:
            raise ContractViolation(
                f"the rule of {name} fails: {error}", remedy="compare the column's values with the rule in the measure"
            ) from None

    def _column(self, column: str, level: Level, wanted_by: str) -> Answers:
        if column in self.rules and self.rules[column].level == level:
            if column not in self.done:
                self.done[column] = self._evaluated(self.rules[column].rule, level, column)
            return self.done[column]
        frame = self.households if level == "household" else self.members
        if frame is None or column not in frame.columns:
            raise ContractViolation(
                f"{wanted_by} needs the {level} column {column}, which the survey does not have",
                remedy=f"map a column to {column} in survey.yaml, or map {wanted_by} itself (1, 0, empty)",
            )
        return Answers.of(frame[column])


def _owners(households: pd.DataFrame, members: pd.DataFrame) -> npt.NDArray[np.int64]:
    rows = pd.Index(households["household_id"]).get_indexer(pd.Index(members["household_id"]))
    orphans = np.flatnonzero(rows < 0)
    if len(orphans):
        raise ContractViolation(
            f"{len(orphans)} members belong to no household; the first is in "
            f"{members['household_id'].iloc[orphans[0]]!r}",
            place=f"row {orphans[0]}",
            remedy="take the household and the member file of the same survey",
        )
    return np.asarray(rows, dtype=np.int64)


def _flags(series: pd.Series, name: str) -> npt.NDArray[np.float64]:
    values = pd.to_numeric(series, errors="coerce").astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    bad = np.flatnonzero((series.notna().to_numpy() & np.isnan(values)) | ~(np.isnan(values) | np.isin(values, (0, 1))))
    if len(bad):
        raise ContractViolation(
            f"{len(bad)} values of {name} are not 1, 0 or empty; the first is {series.iloc[bad[0]]!r}",
            place=f"row {bad[0]}",
            remedy="write 1 for deprived, 0 for not deprived, nothing where not known",
        )
    return np.asarray(values, dtype=float)
