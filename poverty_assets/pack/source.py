"""What a source is: one entry of ``countries/<code>/sources.yaml``, and which of its releases a quarter may see.

Belongs here: the form of the entry, its loading and checking, and the as-of rule. Does not belong here: reading data
(``readers``), or anything about one country.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from poverty_assets.errors import NotObserved
from poverty_assets.lined_yaml import Form
from poverty_assets.quarter import Quarter

if TYPE_CHECKING:
    import pandas as pd

Role = Literal["areas", "register", "history", "features", "survey", "published", "context"]


class FeatureSpec(Form):
    """One commune feature made from a source: ``statistic`` names how (see ``features.of_source``).

    Models learn from it unless ``covariate`` is false; then it is there for people to look at.
    """

    feature_id: str
    name: str
    unit: str
    statistic: str
    covariate: bool = True
    options: dict[str, Any] = Field(default_factory=dict)


class ColumnContract(Form):
    """One column that is read from a table, and what its values may be.

    ``type`` ``code`` is an area code: digits, padded with zeros on the left to ``digits``; ``flag`` is 0 for the values in
    ``zero_if`` and 1 for any other. ``on_violation`` says what
    happens to a row that breaks the contract: ``refuse`` the file, or ``quarantine`` the row (set aside, counted).
    """

    source: str | list[str] = Field(alias="from")
    type: Literal["code", "integer", "number", "text", "date", "flag"] = "number"
    digits: int = 6
    zero_if: list[str] = Field(default_factory=list)
    minimum: float | None = None
    maximum: float | None = None
    nullable: bool = False
    on_violation: Literal["refuse", "quarantine"] = "refuse"


class RowRule(Form):
    """A rule over two columns of a row: ``left`` is at most ``at_most``."""

    left: str
    at_most: str
    on_violation: Literal["refuse", "quarantine"] = "refuse"


class SourceSpec(Form):
    """One source as its yaml entry states it.

    ``cadence`` is ``once`` (one file), ``year`` or ``quarter`` (``path`` then holds ``{year}`` or ``{label}``, as in
    ``rasters/nightlights_{label}.tif`` with label ``2022Q1``). ``observed_from`` and ``observed_to`` are given for
    ``once``; for the others they follow from the period. A ``reference`` (boundaries, codes and names) is not an
    observation and serves every quarter. A source that is not ``required`` is passed over where its file is absent.
    """

    source_id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    description: str
    role: Role
    reader: str
    path: str
    publisher: str
    licence: str
    url: str
    obtain: str
    cadence: Literal["once", "year", "quarter"] = "once"
    observed_from: dt.date | None = None
    observed_to: dt.date | None = None
    released_on: dt.date | None = None
    is_simulated: bool = False
    required: bool = True
    reference: bool = False
    columns: dict[str, ColumnContract] = Field(default_factory=dict)
    key: list[str] = Field(default_factory=list)
    rules: list[RowRule] = Field(default_factory=list)
    options: dict[str, Any] = Field(default_factory=dict)
    features: list[FeatureSpec] = Field(default_factory=list)

    @model_validator(mode="after")
    def _period_is_stated(self) -> SourceSpec:
        if self.cadence == "once" and (self.observed_from is None or self.observed_to is None):
            raise ValueError(
                f"source {self.source_id}: a source of cadence 'once' states observed_from and observed_to"
            )
        if self.cadence == "year" and "{year}" not in self.path:
            raise ValueError(f"source {self.source_id}: a yearly path holds {{year}}")
        if self.cadence == "quarter" and "{label}" not in self.path:
            raise ValueError(f"source {self.source_id}: a quarterly path holds {{label}}")
        return self


@dataclass(frozen=True)
class Release:
    """The one file of a source that serves a quarter, and the period it observes."""

    spec: SourceSpec
    path: Path
    observed_from: dt.date
    observed_to: dt.date


def release(spec: SourceSpec, quarter: Quarter, landing: Path) -> Release:
    """The release of ``spec`` in the folder ``landing`` that ``quarter`` sees: the last one observed in full by its end.

    The file itself is not looked at.

    Raises
    ------
    NotObserved
        If the source had observed nothing by then.
    """
    if spec.cadence == "once":
        if spec.observed_from is None or spec.observed_to is None:  # the model's validator refuses this
            raise NotObserved(f"source {spec.source_id} states no observed period")
        if spec.observed_to > quarter.end and not spec.reference:
            raise NotObserved(
                f"source {spec.source_id} was observed by {spec.observed_to}, after the quarter's end {quarter.end}",
                remedy=f"ask for a quarter that ends on {spec.observed_to} or later",
            )
        return Release(spec, landing / spec.path, spec.observed_from, spec.observed_to)
    if spec.cadence == "year":
        year = quarter.end.year if (quarter.end.month, quarter.end.day) == (12, 31) else quarter.end.year - 1
        first, last = dt.date(year, 1, 1), dt.date(year, 12, 31)
        path = spec.path.format(year=year)
    else:
        first, last, path = quarter.start, quarter.end, spec.path.format(label=quarter.label)
    if spec.observed_from is not None and first < spec.observed_from:
        raise NotObserved(
            f"source {spec.source_id} begins on {spec.observed_from}, after {first}",
            remedy=f"ask for a quarter that begins on {spec.observed_from} or later",
        )
    return Release(spec, landing / path, first, last)


def covariates(features: pd.DataFrame, specs: Iterable[SourceSpec]) -> pd.DataFrame:
    """Rows of a table of features (``feature_id``) that models may learn from."""
    others = [feature.feature_id for spec in specs for feature in spec.features if not feature.covariate]
    return features[~features["feature_id"].isin(others)]
