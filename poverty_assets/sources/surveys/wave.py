"""What ``survey.yaml`` says of a wave, before any household is read.

Belongs here: the form of that file, and checking it. Does not belong here: households (``canonical``), or applying what it says
(``mapped``, ``dhs``, ``mics``).
"""

from __future__ import annotations

import codecs
import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from poverty_assets.lined_yaml import Form, LinedYaml, misfit, nearest, read_lined_yaml
from poverty_assets.sources.surveys.codes import Code, SameCode, lookup, shown

ADAPTERS = ("canonical", "dhs", "mics")
JOINED = ("household_id", "psu", "stratum", "area_id")
"""Columns of the canonical frame that several columns of the file may make together."""
_Whole = Annotated[int, Field(strict=True, ge=1)]
_Text = Annotated[str, BeforeValidator(lambda given: str(given) if type(given) in (int, float) else given)]
_Coded = Annotated[Code, Field(union_mode="smart")]


class ColumnForm(Form):
    """Where a column comes from: a name alone, several names, or a mapping.

    Attributes
    ----------
    column : str or list of str
        Their name; several are joined (see ``mapped.joined``).
    codes : dict or str, optional
        What each value of the file stands for, or the CSV file in the wave's folder (``code, value``) that says it.
    digits : int or list of int, optional
        Digits of an area's code (of each of the columns that make it), where zeros at its beginning were lost.
    labels : bool, optional
        Whether values are compared by their label in the Stata or SPSS file; by default as ``labels`` of the whole file says.
    """

    column: _Text | list[_Text] = Field(min_length=1)
    codes: dict[_Coded, _Coded] | str | None = None
    digits: _Whole | list[_Whole] | None = None
    labels: bool | None = Field(default=None, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, given: Any) -> Any:
        if isinstance(given, dict):
            return given
        if given is None or isinstance(given, bool):
            word = "nothing" if given is None else f"{'yes' if given else 'no'} (true or false), not text"
            raise misfit(f"the name of the column is read as {word}", "put the name in quotes")
        return {"column": given}

    @model_validator(mode="after")
    def _codes_differ(self) -> ColumnForm:
        if isinstance(self.codes, dict):
            _told_apart(self.codes.items(), "codes")
        if isinstance(self.digits, list) and len(self.digits) != len(self.names):
            raise misfit(
                f"{len(self.digits)} digits are given for {len(self.names)} columns", "give one a column", "digits"
            )
        return self

    @property
    def names(self) -> list[str]:
        """Names of the file's columns."""
        return [self.column] if isinstance(self.column, str) else self.column


class Values(Form):
    """Codes of an indicator's column: one code, or a list of codes, for each of the three things that it may say."""

    deprived: _Coded | list[_Coded] = 1
    not_deprived: _Coded | list[_Coded] = 0
    not_known: _Coded | list[_Coded] = None

    @model_validator(mode="after")
    def _codes_differ(self) -> Values:
        if len(self.model_fields_set & {"deprived", "not_deprived"}) == 1:
            raise misfit("only one of deprived and not_deprived is given", "give both")
        _told_apart(self.meanings, None)
        return self

    @property
    def meanings(self) -> list[tuple[Code, float | None]]:
        """Each code with 1, 0, or None."""
        lists = ((self.deprived, 1.0), (self.not_deprived, 0.0), (self.not_known, None))
        listed = [
            (code, meaning) for codes, meaning in lists for code in (codes if isinstance(codes, list) else [codes])
        ]
        # the default of not_known must not stand against a file that leaves cells empty for one of the two
        silent = "not_known" not in self.model_fields_set
        return [(code, meaning) for code, meaning in listed if not (silent and code is None and meaning is None)]

    def __str__(self) -> str:
        codes = [shown(code) for code, _ in self.meanings if code is not None]
        return f"{', '.join(codes)} or empty"


class IndicatorForm(ColumnForm):
    """A column of an indicator, with codes of its own where they are not those of the whole file."""

    values: Values | None = None


class Fieldwork(Form):
    """First and last day of fieldwork."""

    start: dt.date = Field(strict=True)
    end: dt.date = Field(strict=True)

    @model_validator(mode="after")
    def _in_order(self) -> Fieldwork:
        if self.start > self.end:
            raise misfit("fieldwork does not give a start and an end in this order", "exchange the two days")
        return self


class WaveForm(Form):
    """All that ``survey.yaml`` may say."""

    title: _Text = Field(min_length=1)
    wave: _Text | None = None
    note: Any = None
    source: Any = None
    design: Any = None
    is_simulated: bool = Field(default=False, strict=True)
    fieldwork: Fieldwork
    country: str | None = None
    measure: str | None = None
    adapter: str = "canonical"
    file: _Text | None = None
    files: dict[str, _Text] = Field(default_factory=dict)
    members_file: _Text | None = None
    encoding: str | None = None
    labels: bool = Field(default=False, strict=True)
    columns: dict[str, ColumnForm] = Field(default_factory=dict)
    member_columns: dict[str, ColumnForm] = Field(default_factory=dict)
    indicators: dict[str, IndicatorForm] = Field(default_factory=dict)
    values: Values = Field(default_factory=Values)

    @model_validator(mode="after")
    def _hangs_together(self) -> WaveForm:
        if self.adapter not in ADAPTERS:
            raise misfit(f"there is no adapter {self.adapter!r}", nearest(self.adapter, ADAPTERS), "adapter")
        if self.adapter == "canonical" and self.file is None:
            raise misfit("file is missing", "add a line `file: ...`")
        if self.adapter != "canonical" and set(self.columns) - {"area_id"}:
            ours = next(name for name in self.columns if name != "area_id")
            raise misfit(
                f"{ours} is mapped, which adapter {self.adapter} does itself", "map area_id alone", "columns", ours
            )
        try:
            codecs.lookup(self.encoding or "utf-8")
        except LookupError:
            raise misfit(
                f"there is no encoding {self.encoding!r}", "write latin-1, cp1252, cp874 or the like", "encoding"
            ) from None
        for key in ("columns", "member_columns", "indicators"):
            for ours, form in getattr(self, key).items():
                if len(form.names) > 1 and ours not in JOINED:
                    raise misfit(
                        f"{ours} is made of {len(form.names)} columns", f"only {', '.join(JOINED)} may be", key, ours
                    )
                if form.digits is not None and ours != "area_id":
                    raise misfit(f"digits is given for {ours}", "only area_id has digits", key, ours, "digits")
                if ours == "area_id" and isinstance(form.codes, dict):
                    _area_codes_are_text(form.codes, key)
        return self


@dataclass(frozen=True)
class WaveDescription:
    """A wave as its ``survey.yaml`` describes it.

    Attributes
    ----------
    title, wave : str
    is_simulated : bool
    start, end : date
        Of fieldwork.
    folder : Path
    spec : LinedYaml
        The file as it was read, to point at its lines.
    form : WaveForm
        What it says.
    """

    title: str
    wave: str
    is_simulated: bool
    start: dt.date
    end: dt.date
    folder: Path
    spec: LinedYaml
    form: WaveForm


def read_wave_description(folder: Path) -> WaveDescription:
    """Read and check ``survey.yaml``.

    Raises
    ------
    MissingFile
        If the folder has none.
    SpecificationError
        Naming everything that is wrong with it, each with its line: unknown keys, keys that lack, codes that cannot be told apart.
    """
    spec = read_lined_yaml(Path(folder) / "survey.yaml")
    form: WaveForm = spec.checked(WaveForm)
    days = form.fieldwork
    return WaveDescription(
        form.title, form.wave or form.title, form.is_simulated, days.start, days.end, Path(folder), spec, form
    )


def _told_apart(meanings: Any, key: str | None) -> None:
    try:
        lookup(meanings)
    except SameCode as error:
        at = [] if key is None else [key]
        raise misfit(
            f"{error}; codes are compared as numbers where they are numbers", "list each code once", *at
        ) from None


def _area_codes_are_text(codes: dict[Code, Code], key: str) -> None:
    for code, area in codes.items():
        if area is not None and not isinstance(area, str):
            raise misfit(
                f"the code of the area that {shown(code)} stands for is not text, so that zeros at its beginning are lost",
                'put it in quotes, as "01"',
                *(key, "area_id", "codes", str(code)),
            )
