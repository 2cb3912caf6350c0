"""A measure of multidimensional deprivation, read from its yaml file.

Belongs here: indicators, dimensions, exact weights and cut-offs, and the checks of the file. Does not belong here: the rule
language (``rules``), which household is deprived in what (``deprivation``), estimates (``estimates``).

Weights are exact fractions. A household's deprivation score is a whole number, the sum of the weights over their common
denominator, and it is poor at k = a/b when score * b >= a * denominator: no rounding can move a household across a
cut-off, as it does where weights such as 1/18 are added in floating point.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from math import lcm
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from poverty_assets.errors import SpecificationError
from poverty_assets.lined_yaml import LinedYaml, columns_of, read_lined_yaml
from poverty_assets.measure.rules import Rule, RuleError, parse_rule

SHARED = Path(__file__).parents[1] / "measures"
"""Measures that every country may use."""
Level = Literal["household", "member"]
_TOP_KEYS = {
    "measure_id", "base", "name_*", "source", "cutoffs", "dimensions", "indicators", "columns", "member_columns",
    "derived", "lacks",
}  # fmt: skip
_DIMENSION_KEYS = {"dimension_id", "name_*"}
_INDICATOR_KEYS = {
    "indicator_id", "dimension_id", "name_*", "definition", "definition_*", "cutoff", "weight", "rule",
    "eligibility", "missing", "source",
}  # fmt: skip
_DERIVED_KEYS = {"column_id", "of", "rule", "description"}


class Cutoffs(NamedTuple):
    """Values of k, ascending: people at or above ``vulnerable`` and below ``poor`` are vulnerable (near-poor), those at or
    above ``severe`` severely poor.
    """

    vulnerable: Fraction
    poor: Fraction
    severe: Fraction


@dataclass(frozen=True)
class Dimension:
    """A dimension of deprivation."""

    dimension_id: str
    names: Mapping[str, str]

    @property
    def name_en(self) -> str:
        """Name in English."""
        return self.names["en"]


@dataclass(frozen=True)
class Indicator:
    """One indicator: its names and its definition by language, and the rule that decides it.

    ``eligibility`` false makes the household not deprived. ``missing`` says what an unknown rule means: ``unknown``
    leaves the household out of the estimates, ``not_deprived`` counts it as not deprived. An indicator of weight 0 stands beside the
    measure: it has no part in the score, and headcounts and overlap like any other.
    """

    indicator_id: str
    dimension_id: str
    names: Mapping[str, str]
    definitions: Mapping[str, str]
    cutoff: str
    source: str
    weight: Fraction
    rule: Rule | None = None
    eligibility: Rule | None = None
    missing: Literal["unknown", "not_deprived"] = "unknown"

    @property
    def name_en(self) -> str:
        """Name in English."""
        return self.names["en"]

    @property
    def definition(self) -> str:
        """Definition in English."""
        return self.definitions["en"]


@dataclass(frozen=True)
class Derived:
    """A column that rules may use, made from other columns, of households or of their members."""

    column_id: str
    level: Level
    rule: Rule
    description: str


@dataclass(frozen=True)
class Measure:
    """A measure: indicators with weights that sum to 1, and the cut-offs k that it is published at."""

    measure_id: str
    names: Mapping[str, str]
    source: str
    cutoffs: Cutoffs
    dimensions: tuple[Dimension, ...]
    indicators: tuple[Indicator, ...]
    derived: tuple[Derived, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    member_columns: Mapping[str, str] = field(default_factory=dict)
    file: Path | None = None

    @classmethod
    def of_weights(
        cls,
        measure_id: str,
        weights: Mapping[str, Fraction],
        cutoffs: Cutoffs,
    ) -> Measure:
        """A measure made in code of weights alone, for a user's own indicator columns."""
        words = {"en": measure_id}
        indicators = tuple(
            Indicator(i, "all", words, words, measure_id, measure_id, weight=Fraction(w)) for i, w in weights.items()
        )
        return cls(measure_id, words, measure_id, cutoffs, (Dimension("all", {"en": "all"}),), indicators)

    def without(self, lacking: Collection[str]) -> Measure:
        """The measure of a survey that lacks some of its indicators: those of the same dimension share their weight, each in
        proportion to its own.

        Alkire, Kanagaratnam and Suppa (2024), OPHI MPI Methodological Note 59: so that dimensions keep their weights.

        Raises
        ------
        SpecificationError
            If there is no such indicator, or none is left of a dimension.

        Examples
        --------
        >>> cutoffs = Cutoffs(Fraction(1, 5), Fraction(1, 3), Fraction(1, 2))
        >>> measure = Measure.of_weights("m", {"a": Fraction(1, 2), "b": Fraction(1, 4), "c": Fraction(1, 4)}, cutoffs)
        >>> [str(i.weight) for i in measure.without(["c"]).indicators]
        ['2/3', '1/3']
        """
        unknown = sorted(set(lacking) - set(self.indicator_ids))
        if unknown:
            problem = f"measure {self.measure_id} has no indicator {unknown[0]!r} that a survey could lack"
            raise SpecificationError(problem, file=self.file, remedy=f"use some of: {', '.join(self.indicator_ids)}")
        left = [i for i in self.indicators if i.indicator_id not in lacking]
        whole, kept = (_weight_of_dimensions(some) for some in (self.indicators, left))
        empty = next((name for name in whole if name not in kept), None)
        if empty is not None:
            problem = f"no indicator of dimension {empty} is left: such a survey has no measure {self.measure_id}"
            raise SpecificationError(problem, file=self.file, remedy="use another survey, or another measure")
        factor = {name: whole[name] / kept[name] if kept[name] else Fraction(1) for name in whole}
        return replace(self, indicators=tuple(replace(i, weight=i.weight * factor[i.dimension_id]) for i in left))

    @property
    def name_en(self) -> str:
        """Name in English."""
        return self.names["en"]

    @property
    def indicator_ids(self) -> list[str]:
        """Identifiers, in the order of the file (bit j of a household's mask is indicator j)."""
        return [indicator.indicator_id for indicator in self.indicators]

    @property
    def dimension_ids(self) -> list[str]:
        """Identifiers of the dimensions, in the order of the file."""
        return [dimension.dimension_id for dimension in self.dimensions]

    @property
    def weights(self) -> npt.NDArray[np.float64]:
        """Weights as floating point, shape (d,), for the last step of an estimate only."""
        return np.array([float(indicator.weight) for indicator in self.indicators])

    @cached_property
    def denominator(self) -> int:
        """Common denominator of the weights."""
        return lcm(*(indicator.weight.denominator for indicator in self.indicators))

    @cached_property
    def integer_weights(self) -> npt.NDArray[np.int64]:
        """Weights over the common denominator, shape (d,)."""
        return np.array([int(i.weight * self.denominator) for i in self.indicators], dtype=np.int64)

    def scores(self, deprived: Any) -> npt.NDArray[np.int64]:
        """Deprivation score of each row of a 0/1 matrix (n, d), in parts of ``denominator``."""
        return np.asarray(deprived).astype(np.int64) @ self.integer_weights

    def is_poor(self, scores: Any, k: Fraction) -> npt.NDArray[np.bool_]:
        """Whether the score reaches the cut-off, exactly.

        Examples
        --------
        Weights of 1/18 do not add up exactly in floating point; whole scores do.

        >>> cutoffs = Cutoffs(Fraction(1, 5), Fraction(1, 3), Fraction(1, 2))
        >>> measure = Measure.of_weights("m", {str(i): Fraction(1, 18) for i in range(18)}, cutoffs)
        >>> score = measure.scores(np.array([[1] * 6 + [0] * 12]))
        >>> sum([1 / 18] * 6) >= 1 / 3, measure.is_poor(score, cutoffs.poor).tolist()
        (True, [True])
        """
        return np.asarray(np.asarray(scores) * k.denominator >= k.numerator * self.denominator)

    def dim_indicator(self, languages: Iterable[str] = ("en",)) -> pd.DataFrame:
        """Rows of the table ``dim_indicator``, with names and definitions in these languages."""
        spoken = list(languages)
        rows = [
            {
                "measure_id": self.measure_id, "indicator_id": i.indicator_id, "dimension_id": i.dimension_id,
                **columns_of(i.names, spoken), "definition": i.definition,
                **columns_of(i.definitions, [code for code in spoken if code != "en"], "definition"), "cutoff": i.cutoff,
                "weight": float(i.weight), "source": i.source,
            }
            for i in self.indicators
        ]  # fmt: skip
        return pd.DataFrame(rows)


def _weight_of_dimensions(indicators: Iterable[Indicator]) -> dict[str, Fraction]:
    total: dict[str, Fraction] = {}
    for one in indicators:
        total[one.dimension_id] = total.get(one.dimension_id, Fraction(0)) + one.weight
    return total


def k_value(k: Fraction) -> float:
    """A cut-off as it is written in tables: 0.2, 0.333333, 0.5.

    Examples
    --------
    >>> k_value(Fraction(1, 3))
    0.333333
    """
    return round(float(k), 6)


def load_measure(path: Path | str, columns: Collection[str] | None = None) -> Measure:
    """Read and check a measure.

    Parameters
    ----------
    path : path
        The yaml file.
    columns : collection of str, optional
        Columns that the survey has beyond those that the file itself describes.

    Raises
    ------
    MissingFile
        If there is no such file.
    SpecificationError
        If the file breaks a rule: weights that do not sum to 1, a bad fraction, an unknown column or key, an id twice,
        derived columns that depend on each other in a circle. The place is the line.
    """
    return on_base(read_lined_yaml(path)).collected(lambda source: _measure(source, set(columns or ())))


def measure_files(folder: Path) -> dict[str, Path]:
    """Files of the measures that a country may use: the shared ones, and those of its folder, which go before them."""
    return {path.stem: path for where in (SHARED, folder / "measures") for path in sorted(where.glob("*.yaml"))}


def on_base(source: LinedYaml, above: tuple[Path, ...] = ()) -> LinedYaml:
    """A file that changes a measure (``base``), with all that it leaves as it is.

    What the file says of a dimension or an indicator of that measure, by its id, replaces that; others are added. A shared measure may
    itself be one that changes another. Of each the country's own file goes before the shared one, so that a measure that builds on
    another has it in the country's words.

    Parameters
    ----------
    source : LinedYaml
    above : tuple of Path
        Files that build on this one, the nearest last.
    """
    name = source.value.get("base")
    if name is None:
        return source
    above = (*above, source.file)
    known = {path.stem: path for path in SHARED.glob("*.yaml")}
    known |= {path.stem: path for path in sorted(above[0].parent.glob("*.yaml")) if path not in above}
    if known.get(name, source.file) in above:
        known = {key: path for key, path in known.items() if path not in above}
        source.refuse(
            f"there is no measure {name!r} beneath this one", f"use one of: {', '.join(sorted(known))}", "base"
        )
    under = on_base(read_lined_yaml(known[name]), above)
    beneath = dict(under.value)
    if beneath.get("measure_id") != source.value.get("measure_id"):
        beneath = _without_its_title(beneath)
    value, lines = {**beneath, **source.value}, dict(source.lines)
    for key, of in (("dimensions", "dimension_id"), ("indicators", "indicator_id"), ("derived", "column_id")):
        entries = [dict(entry) for entry in beneath.get(key) or []]
        place = {entry[of]: i for i, entry in enumerate(entries)}
        for i, part in enumerate(source.items(key)):
            at = place.setdefault(str(part.value.get(of)), len(entries))
            entries[at:at] = [{}] if at == len(entries) else []
            entries[at] |= part.value
            within = {line[2:]: number for line, number in source.lines.items() if line[:2] == (key, i)}
            lines |= {(key, at, *rest): number for rest, number in within.items()}
        value[key] = entries
    for key in ("columns", "member_columns"):
        value[key] = {**(under.value.get(key) or {}), **(source.value.get(key) or {})}
    return replace(source, value=value, lines=lines)


def _without_its_title(value: dict[str, Any]) -> dict[str, Any]:
    """What another measure takes from this one: all that is known but its names; its indicators keep their source."""
    kept = {key: said for key, said in value.items() if key in _TOP_KEYS}
    cited = [{"source": value.get("source"), **entry} for entry in value.get("indicators") or []]
    return {**kept, "indicators": cited}


def _measure(source: LinedYaml, columns: set[str]) -> Measure:
    source.check_keys(_TOP_KEYS)
    dimensions = tuple(source.each("dimensions", _dimension))
    indicators = tuple(source.each("indicators", lambda part: _indicator(part, dimensions, source)))
    derived = tuple(source.each("derived", _derived))
    for key, name in (("dimensions", "dimension_id"), ("indicators", "indicator_id"), ("derived", "column_id")):
        if not source.items(key) and key != "derived":
            source.noted(None, f"there are no {key}", f"list the {key}")
        source.check_unique(key, name)
    measure = Measure(
        source.text("measure_id"), source.spoken("name", "name_en"), source.text("source"),
        _cutoffs(source), dimensions, indicators, derived, _described(source, "columns"),
        _described(source, "member_columns"), source.file,
    )  # fmt: skip
    if source.faults:  # what follows would only repeat them
        return measure
    total = sum((i.weight for i in indicators), Fraction(0))
    if total != 1:
        source.noted(None, f"the {len(indicators)} weights sum to {total}, not 1", "correct the weights", "indicators")
    _refuse_unknown_columns(source, measure, columns)
    _refuse_circle(source, measure)
    return _of_a_survey_that_lacks(source, measure)


def _of_a_survey_that_lacks(source: LinedYaml, measure: Measure) -> Measure:
    """The measure without the indicators that the file says the country's surveys lack."""
    lacks = source.value.get("lacks") or []
    if not isinstance(lacks, list) or any(not isinstance(name, str) for name in lacks):
        return source.noted(measure, "lacks is no list of indicators", "write lacks: [indicator_id, ...]", "lacks")
    try:
        return measure.without(lacks)
    except SpecificationError as error:
        return source.noted(measure, error.problem, error.remedy or "", "lacks")


def _fraction(part: LinedYaml, text: Any, *key: str | int, may_be_0: bool = False) -> Fraction:
    try:
        value = Fraction(str(text).replace(" ", ""))
    except (ValueError, ZeroDivisionError):
        value = Fraction(-1)
    if not (0 < value <= 1 or (value == 0 and may_be_0)):
        least = "of 0 or more" if may_be_0 else "above 0"
        part.noted(None, f"{text!r} is not a fraction {least} and at most 1", "write it as in 1/18", *key)
    return value


def _cutoffs(source: LinedYaml) -> Cutoffs:
    values = source.value.get("cutoffs")
    if not isinstance(values, dict) or set(values) != set(Cutoffs._fields):
        remedy = "write cutoffs: {vulnerable: 1/5, poor: 1/3, severe: 1/2}"
        problem = f"cutoffs does not give exactly {', '.join(Cutoffs._fields)}"
        return source.noted(Cutoffs(Fraction(1), Fraction(1), Fraction(1)), problem, remedy, "cutoffs")
    out = Cutoffs(*(_fraction(source, values[name], "cutoffs", name) for name in Cutoffs._fields))
    if not out.vulnerable < out.poor < out.severe:
        source.noted(None, "the cut-offs do not ascend", "write vulnerable below poor below severe", "cutoffs")
    return out


def _dimension(part: LinedYaml) -> Dimension:
    part.check_keys(_DIMENSION_KEYS)
    return Dimension(part.text("dimension_id"), part.spoken("name", "name_en"))


def _indicator(part: LinedYaml, dimensions: tuple[Dimension, ...], source: LinedYaml) -> Indicator:
    part.check_keys(_INDICATOR_KEYS)
    dimension, missing = part.text("dimension_id"), part.choice("missing", ("unknown", "not_deprived"), "unknown")
    known = [d.dimension_id for d in dimensions]
    if dimension and dimension not in known:
        part.noted(None, f"there is no dimension {dimension!r}", f"use one of: {', '.join(known)}", "dimension_id")
    return Indicator(
        indicator_id=part.text("indicator_id"),
        dimension_id=dimension,
        names=part.spoken("name", "name_en"),
        definitions=part.spoken("definition", "definition"),
        cutoff=part.text("cutoff"),
        source=part.text("source") if "source" in part.value else source.text("source"),
        weight=_fraction(part, part.text("weight"), "weight", may_be_0=True),
        rule=_rule(part, "rule"),
        eligibility=_rule(part, "eligibility"),
        missing="not_deprived" if missing == "not_deprived" else "unknown",
    )


def _rule(part: LinedYaml, key: str) -> Rule | None:
    if key not in part.value:
        return None
    try:
        return parse_rule(part.text(key))
    except RuleError as error:
        return part.noted(None, str(error), "see measure/rules.py for what a rule may say", key)


def _derived(part: LinedYaml) -> Derived:
    part.check_keys(_DERIVED_KEYS)
    level, rule = part.choice("of", ("household", "member"), "household"), _rule(part, "rule")
    if rule is None:
        part.refuse("rule is missing", "say how the column is made")
    if level == "member" and rule.member_columns:
        part.refuse("a member's column counts members", "write of: household", "rule")
    of: Level = "member" if level == "member" else "household"
    return Derived(part.text("column_id"), of, rule, part.text("description"))


def _described(source: LinedYaml, key: str) -> dict[str, str]:
    values = source.value.get(key) or {}
    if not isinstance(values, dict):
        return source.noted(
            {}, f"{key} is not a mapping of column to description", f"write {key}: with `name: words`", key
        )
    return {str(name): source.part(key).text(name) for name in values}


def _rules_of(measure: Measure) -> list[tuple[tuple[str | int, ...], Level, Rule]]:
    out: list[tuple[tuple[str | int, ...], Level, Rule]] = []
    for i, indicator in enumerate(measure.indicators):
        for key, rule in (("rule", indicator.rule), ("eligibility", indicator.eligibility)):
            if rule is not None:
                out.append((("indicators", i, key), "household", rule))
    return out + [(("derived", i, "rule"), d.level, d.rule) for i, d in enumerate(measure.derived)]


def _refuse_unknown_columns(source: LinedYaml, measure: Measure, given: set[str]) -> None:
    available = {
        "household": set(measure.columns) | given | {d.column_id for d in measure.derived if d.level == "household"},
        "member": set(measure.member_columns) | given | {d.column_id for d in measure.derived if d.level == "member"},
    }
    for place, level, rule in _rules_of(measure):
        uses = [(c, level) for c in rule.household_columns] + [(c, "member") for c in rule.member_columns]
        for column, of in sorted(uses):
            if column not in available[of]:
                source.noted(
                    None,
                    f"there is no {of} column {column!r}",
                    "correct the name, or describe it under columns, member_columns or derived",
                    *place,
                )


def _refuse_circle(source: LinedYaml, measure: Measure) -> None:
    uses = {d.column_id: d.rule.household_columns | d.rule.member_columns for d in measure.derived}
    settled: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            circle = " -> ".join((*path[path.index(name) :], name))
            place = [d.column_id for d in measure.derived].index(name)
            source.refuse(f"derived columns depend on each other: {circle}", "break the circle", "derived", place)
        if name in uses and name not in settled:
            for other in sorted(uses[name]):
                visit(other, (*path, name))
            settled.add(name)

    for name in uses:
        visit(name, ())
