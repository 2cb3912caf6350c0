"""A household file of any layout, mapped as its ``survey.yaml`` says.

Belongs here: columns renamed, joined and recoded, codes of areas and of indicators. Does not belong here: the form of
``survey.yaml`` (``wave``), opening files (``files``), what a canonical column may hold (``canonical``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from poverty_assets.errors import ContractViolation
from poverty_assets.lined_yaml import nearest
from poverty_assets.measure.deprivation import deprivations
from poverty_assets.measure.measure import Measure
from poverty_assets.sources.surveys.codes import Code, SameCode, as_text, comparable, looked_up, lookup
from poverty_assets.sources.surveys.files import SurveyTable, read_table
from poverty_assets.sources.surveys.rows import refuse_rows
from poverty_assets.sources.surveys.wave import JOINED, ColumnForm, IndicatorForm, Values, WaveDescription

REQUIRED = ("household_id", "psu", "stratum", "weight", "hh_size", "area_id")
OPTIONAL = ("is_urban", "head_sex", "n_children", "interview_date")


def read_mapped(wave: WaveDescription, measure: Measure | None, lengths: Sequence[int] = ()) -> pd.DataFrame:
    """Households of the file that ``survey.yaml`` names, before typing: our columns, and indicators as 1, 0, NaN.

    Parameters
    ----------
    wave : WaveDescription
    measure : Measure, optional
        Whose indicators to give, by its rules where they are not mapped; by default the mapped ones as they are.
    lengths : sequence of int
        Digits of the codes of the country's areas.

    Raises
    ------
    MissingFile, UnreadableFile, SpecificationError, ContractViolation
        If a file, a column or a value is not as ``survey.yaml`` says.
    """
    form, spec = wave.form, wave.spec
    missing = [name for name in REQUIRED if name not in form.columns]
    if missing:
        spec.refuse(
            f"{len(missing)} columns are not mapped, the first {missing[0]}",
            f"add `{missing[0]}: <name of the column in {form.file}>` under columns",
            *(["columns"] if form.columns else []),
        )
    table = read_table(wave.folder / str(form.file), encoding=form.encoding)
    households = mapped_columns(wave, table, "columns", lengths)
    given = {name: _flags(wave, table, name, entry) for name, entry in form.indicators.items()}
    households = households.assign(**given)
    if measure is None:
        return households
    members = _members(wave, measure)
    households = _answers(households, measure.columns)
    try:
        flags = deprivations(measure, households, members)
    except ContractViolation as error:
        raise (
            error
            if error.file
            else ContractViolation(error.problem, file=table.file, place=error.place, remedy=error.remedy)
        ) from error
    kept = [name for name in (*REQUIRED, *OPTIONAL) if name in households]
    rest = [name for name in form.columns if name not in kept and name not in measure.columns]
    plain = households[[*kept, *rest]].drop(
        columns=[name for name in measure.indicator_ids if name in given and name in rest]
    )
    return pd.concat([plain, flags], axis=1)


def _members(wave: WaveDescription, measure: Measure) -> pd.DataFrame | None:
    form = wave.form
    if form.members_file is None:
        return None
    if "household_id" not in form.member_columns:
        wave.spec.refuse(
            "member_columns does not map household_id", "say which household a member is of", "member_columns"
        )
    table = read_table(wave.folder / form.members_file, encoding=form.encoding)
    return _answers(mapped_columns(wave, table, "member_columns"), measure.member_columns)


def mapped_columns(
    wave: WaveDescription,
    table: SurveyTable,
    key: str,
    lengths: Sequence[int] = (),
    *,
    in_small_letters: bool = False,
) -> pd.DataFrame:
    """Our columns under ``key`` of ``survey.yaml`` (``columns``, ``member_columns``) from a table, whose own are in small letters
    where an adapter read it."""
    entries: Mapping[str, ColumnForm] = getattr(wave.form, key)
    if in_small_letters:
        entries = {
            ours: form.model_copy(update={"column": [n.lower() for n in form.names]}) for ours, form in entries.items()
        }
    out = {}
    for ours, entry in entries.items():
        values = _column(wave, table, (key, ours), entry)
        if entry.codes is not None:
            values = _recoded(wave, table, (key, ours), entry, values)
        if ours in JOINED:
            values = as_text(values)
        if ours == "area_id":
            digits = sum(entry.digits) if isinstance(entry.digits, list) else entry.digits
            stored = table.frame[entry.names[0]].dtype
            were_numbers = entry.codes is None and pd.api.types.is_numeric_dtype(stored)
            values = padded(values.rename(ours), digits, lengths, table.file, were_numbers=were_numbers)
        out[ours] = values.rename(ours)
    return pd.DataFrame(out, index=table.frame.index)


def _column(wave: WaveDescription, table: SurveyTable, at: tuple[str, str], entry: ColumnForm) -> pd.Series:
    """The column of an entry as it stands in the file, or by its labels; several columns joined."""
    for name in entry.names:
        if name not in table.frame.columns:
            columns = [str(column) for column in table.frame.columns]
            raise ContractViolation(
                f"there is no column {name!r} for {at[1]}; the file has {', '.join(columns[:8])}",
                file=table.file,
                place="header",
                remedy=f"correct the name in {wave.spec.file.name}, line {wave.spec.line(*at)}; {nearest(name, columns[:8])}",
            )
    parts = [_labelled(wave, table, at, entry, name) for name in entry.names]
    if len(parts) == 1:
        return parts[0]
    if at[1] != "area_id":
        return joined(parts)
    digits = entry.digits
    if not isinstance(digits, list):
        remedy = f"write digits: [{', '.join(['2'] * len(parts))}], the digits that each part has"
        wave.spec.refuse("area_id is made of several columns, and the digits of each are not given", remedy, *at)
    return joined([padded(as_text(p), n, (), table.file) for p, n in zip(parts, digits, strict=True)], "")


def joined(parts: Sequence[pd.Series], between: str = "-") -> pd.Series:
    """Text of several columns as one, empty where a part is; no two different rows give the same.

    A part that itself holds the mark between parts has a stroke before it, so that 1-2, 3 is not 1, 2-3.
    """
    texts = [as_text(part) for part in parts]
    if between:
        texts = [
            text.str.replace("\\", "\\\\", regex=False).str.replace(between, f"\\{between}", regex=False)
            for text in texts
        ]
    out = texts[0]
    for text in texts[1:]:
        out = out + between + text
    return out


def _labelled(
    wave: WaveDescription, table: SurveyTable, at: tuple[str, str], entry: ColumnForm, name: str
) -> pd.Series:
    values = table.frame[name]
    if not (wave.form.labels if entry.labels is None else entry.labels):
        return values
    labels = table.labels.get(name)
    if labels is None:
        if entry.labels:
            wave.spec.refuse(
                f"column {name!r} of {table.file.name} has no labels", "leave out labels: true", *at, "labels"
            )
        return values
    named, unlisted = looked_up(values, {comparable(code): label for code, label in labels.items()})
    return named.mask(unlisted, values)  # a value without a label stays as it is


def _recoded(
    wave: WaveDescription, table: SurveyTable, at: tuple[str, str], entry: ColumnForm, values: pd.Series
) -> pd.Series:
    """Values as ``codes`` says what they stand for."""
    codes = entry.codes
    if isinstance(codes, str):
        codes = _codes_of_file(wave, codes, at)
    meant, unlisted = looked_up(values, lookup((codes or {}).items()))
    source = values.rename("+".join(entry.names))
    refuse_rows(unlisted, source, f"whose {at[1]} is none of the {len(codes or {})} codes listed", table.file,
                f"add the value to codes in {wave.spec.file.name}, line {wave.spec.line(*at)} (null: not known)")  # fmt: skip
    return meant.infer_objects()


def _codes_of_file(wave: WaveDescription, name: str, at: tuple[str, str]) -> dict[Code, Code]:
    """Codes from a CSV file ``code, value`` in the wave's folder."""
    table = read_table(wave.folder / name, encoding=wave.form.encoding)
    frame, absent = table.frame, [column for column in ("code", "value") if column not in table.frame]
    if absent:
        raise ContractViolation(
            f"there is no column {absent[0]!r}",
            file=table.file,
            place="header",
            remedy="name its two columns code and value",
        )
    refuse_rows(frame["code"].isna(), frame["code"], "without a code", table.file, "fill in the code")
    codes = {row.code: None if pd.isna(row.value) else row.value for row in frame.itertuples()}
    try:
        lookup(zip(frame["code"], frame["value"].where(frame["value"].notna(), None), strict=True))
    except SameCode as error:
        raise ContractViolation(str(error), file=table.file, remedy="keep one row a code") from None
    return codes


def padded(
    codes: pd.Series, digits: int | None, lengths: Collection[int], file: Path, *, were_numbers: bool = False
) -> pd.Series:
    """Codes of areas with the zeros at their beginning that a file of numbers lost.

    Parameters
    ----------
    codes : Series of text
    digits : int, optional
        Digits of the codes, as ``survey.yaml`` says.
    lengths : collection of int
        Digits of the codes of the country's areas of each level: a code of one digit less than any of them lost a zero.
    file : Path
    were_numbers : bool
        Whether the file holds numbers, so that a zero cannot have been kept.

    Raises
    ------
    ContractViolation
        If a code has too many digits, or so few that it may be another area's.
    """
    number = codes.str.fullmatch(r"\d+").fillna(False).astype(bool)
    size = codes.str.len().fillna(0).astype(int)
    if digits is None:
        lacks_one, is_whole = (size + 1).isin(list(lengths)), size.isin(list(lengths))
        if were_numbers:
            refuse_rows(number & lacks_one & is_whole, codes,
                        f"whose {codes.name} is an area of one level, or one of another that lost its zero", file,
                        "say digits: in survey.yaml, as in area_id: {column: ..., digits: 6}")  # fmt: skip
        short = number & lacks_one & ~is_whole
        return codes.mask(short, "0" + codes)
    remedy = "write codes of areas as text with their zeros, or map them with codes"
    refuse_rows(number & (size > digits), codes, f"whose {codes.name} has more than {digits} digits", file, remedy)
    below = max((length for length in lengths if length < digits), default=0)
    refuse_rows(number & (size <= below), codes,
                f"whose {codes.name} has so few of its {digits} digits that it may be an area of another level", file,
                remedy)  # fmt: skip
    return codes.mask(number & (size < digits), codes.str.zfill(digits))


def _flags(wave: WaveDescription, table: SurveyTable, name: str, entry: IndicatorForm) -> pd.Series:
    """An indicator's column as 1, 0, NaN."""
    values = _column(wave, table, ("indicators", name), entry)
    if entry.codes is not None:
        values = _recoded(wave, table, ("indicators", name), entry, values)
    listed = entry.values or wave.form.values
    flags, unlisted = looked_up(values, lookup(listed.meanings))
    refuse_rows(unlisted, values.rename(name), f"not {listed}", table.file, _remedy(wave, listed, entry))
    return flags.astype(float).rename(name)


def _remedy(wave: WaveDescription, listed: Values, entry: IndicatorForm) -> str:
    if listed.model_fields_set:
        return f"correct the value, or list it under values in {wave.spec.file.name} (not_known takes a list)"
    return "write 1 for deprived, 0 for not, nothing where not known; or state other codes under values"


def _answers(frame: pd.DataFrame, columns: Iterable[str]) -> pd.DataFrame:
    """Answers as numbers where all that a column holds are numbers (a CSV file holds text)."""
    out = frame.copy()
    for column in set(columns) & set(frame.columns):
        number = pd.to_numeric(frame[column], errors="coerce")
        if (number.notna() | frame[column].isna()).all():
            out[column] = number
    return out
