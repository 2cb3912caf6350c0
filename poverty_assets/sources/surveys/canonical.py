"""The canonical household frame, and the ``survey.yaml`` that maps a wave's file to it.

Belongs here: the columns that every survey ends up with, their checks, and the keyed hash that replaces identifiers. Does not
belong here: opening files (``tables``), deriving indicators of a particular survey (``dhs``).

``survey.yaml`` in the wave's folder::

    title: ...                    # and wave, note, is_simulated, design: words for the catalogue
    fieldwork: {start: 2021-09-15, end: 2022-02-15}
    file: households.parquet      # .csv, .dta, .sav as well
    members_file: members.csv     # only where indicators are derived by rules over members
    columns: {household_id: hhid, psu: ea, ...}
    indicators: {nutrition: d_nutr, ...}
    values: {deprived: 1, not_deprived: 0, not_known: null}

or, for recodes of the DHS Program, ``adapter: dhs``, ``country: khm``, ``measure: global_mpi`` and
``files: {household: KHHR82FL.DTA, person: KHPR82FL.DTA, birth: KHBR82FL.DTA}``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from poverty_assets.errors import ContractViolation
from poverty_assets.lined_yaml import LinedYaml
from poverty_assets.measure.deprivation import deprivations
from poverty_assets.measure.measure import Measure, load_measure
from poverty_assets.pack.country import country_folder
from poverty_assets.sources.surveys.files import read_table
from poverty_assets.sources.surveys.wave import WaveDescription, read_wave_description

REQUIRED = ("household_id", "psu", "stratum", "weight", "hh_size", "area_id")
OPTIONAL = ("is_urban", "head_sex", "n_children", "interview_date")
HASH_BYTES = 16
_TRUE, _FALSE = ("1", "1.0", "true", "yes", "urban"), ("0", "0.0", "false", "no", "rural")
_SEX = {"female": "female", "male": "male", "f": "female", "m": "male", "2": "female", "1": "male"}


def read_wave(folder: Path, *, measure: Measure | None = None, key: bytes | None = None) -> pd.DataFrame:
    """Canonical household frame of a wave.

    Parameters
    ----------
    folder : path
        Holds ``survey.yaml`` and the files that it names.
    measure : Measure, optional
        Whose indicators to give; by default the one that ``survey.yaml`` names (``country`` and ``measure``), or else the
        mapped indicator columns as they are.
    key : bytes, optional
        Secret key of the hash that replaces ``household_id``. Without it the key is the digest of the household file
        itself, so that nobody without the file can test a guess.

    Returns
    -------
    DataFrame
        ``household_id`` (hash), ``psu, stratum`` (text), ``weight``, ``hh_size``, ``area_id`` (text), then those of
        ``is_urban`` (boolean), ``head_sex`` (female, male), ``n_children``, ``interview_date`` and further mapped columns
        that the file has, then one column an indicator (1, 0, NaN).

    Raises
    ------
    MissingFile, UnreadableFile, SpecificationError
        See ``tables.read_table`` and ``read_wave_description``.
    ContractViolation
        If a row or column breaks the contract; the message names file, row, value and remedy.
    """
    wave = read_wave_description(folder)
    spec = wave.spec
    if measure is None and "measure" in spec.value:
        measure = load_measure(_country_file(spec, "measures", spec.text("measure")))
    if spec.value.get("adapter") == "dhs":
        from poverty_assets.sources.surveys.dhs import read_dhs

        if measure is None:
            spec.refuse("measure is missing", "add a line such as measure: global_mpi", "adapter")
        file = Path(folder) / spec.part("files").text("household") if "files" in spec.value else Path(folder)
        frame = read_dhs(wave, _country_file(spec, "surveys", "dhs"), measure)
    else:
        file = Path(folder) / spec.text("file")
        frame = _mapped(wave, file, measure)
    frame = canonical_frame(frame, file)
    secret = key if key is not None else hashlib.blake2b(file.read_bytes(), digest_size=32).digest()
    return frame.assign(household_id=hashed(frame["household_id"], secret))


def hashed(values: pd.Series, key: bytes) -> pd.Series:
    """Keyed hash (BLAKE2b, 128 bits, hexadecimal) of each value; the key is cut to 64 bytes.

    Examples
    --------
    >>> hashed(pd.Series(["1-2", "1-2", "1-3"]), b"key").nunique()
    2
    """
    digests = [hashlib.blake2b(str(v).encode(), key=key[:64], digest_size=HASH_BYTES).hexdigest() for v in values]
    return pd.Series(digests, index=values.index, dtype="str")


def _country_file(spec: LinedYaml, kind: str, name: str) -> Path:
    country = spec.text("country")
    file = country_folder(country) / kind / f"{name}.yaml"
    if not file.is_file():
        spec.refuse(f"country {country} has no {kind}/{name}.yaml", "correct country or measure", "country")
    return file


def _mapped(wave: WaveDescription, file: Path, measure: Measure | None) -> pd.DataFrame:
    """Columns renamed as ``survey.yaml`` says, and indicators as 1, 0, NaN."""
    spec = wave.spec
    raw = read_table(file)
    columns = _renamed(spec, "columns", raw, file)
    indicators = _renamed(spec, "indicators", raw, file)
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        spec.refuse(
            f"{len(missing)} columns are not mapped, the first {missing[0]}",
            f"add `{missing[0]}: <name of the column in {file.name}>` under columns",
            "columns",
        )
    flags_given = {str(name): _coded(indicators[name], spec, file) for name in indicators}
    households = columns.assign(**flags_given)
    if measure is None:
        return households
    members = None
    if "members_file" in spec.value:
        other = file.with_name(spec.text("members_file"))
        members = _answers(_renamed(spec, "member_columns", read_table(other), other), measure.member_columns)
    households = _answers(households, measure.columns)
    given = [name for name in measure.indicator_ids if name in indicators]
    flags = deprivations(measure, households, members)
    kept = [name for name in (*REQUIRED, *OPTIONAL) if name in households]
    rest = [name for name in columns if name not in kept and name not in measure.columns]
    return pd.concat([households[[*kept, *rest]].drop(columns=given, errors="ignore"), flags], axis=1)


def _renamed(spec: LinedYaml, key: str, raw: pd.DataFrame, file: Path) -> pd.DataFrame:
    mapping = spec.value.get(key) or {}
    if not isinstance(mapping, dict):
        spec.refuse(f"{key} is not a mapping", f"write {key}: with `our_name: their_name` lines", key)
    for ours, theirs in mapping.items():
        if theirs not in raw.columns:
            raise ContractViolation(
                f"there is no column {theirs!r} for {ours}; the file has {', '.join(map(str, raw.columns[:8]))}",
                file=file,
                place="header",
                remedy=f"correct the name in {spec.file.name}, line {spec.line(key, ours)}",
            )
    return pd.DataFrame({ours: raw[theirs] for ours, theirs in mapping.items()}, index=raw.index)


def _answers(frame: pd.DataFrame, columns: Iterable[str]) -> pd.DataFrame:
    """Answers as numbers where all that a column holds are numbers (a CSV file holds text)."""
    out = frame.copy()
    for column in set(columns) & set(frame.columns):
        number = pd.to_numeric(frame[column], errors="coerce")
        if (number.notna() | frame[column].isna()).all():
            out[column] = number
    return out


def _coded(values: pd.Series, spec: LinedYaml, file: Path) -> pd.Series:
    codes = {"deprived": 1, "not_deprived": 0, "not_known": None, **(spec.value.get("values") or {})}
    text = values.astype("string").str.strip().str.lower()
    known = {_as_text(codes["deprived"]): 1.0, _as_text(codes["not_deprived"]): 0.0}
    number = pd.to_numeric(text, errors="coerce")
    plain = number.map({1.0: 1.0, 0.0: 0.0}) if set(known) == {"1", "0"} else text.map(known)
    flags = plain.astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    unknown = text.isna() | (text == "") | (text == _as_text(codes["not_known"]))
    bad = np.isnan(flags) & ~unknown.fillna(True).to_numpy(dtype=bool)
    _refuse_rows(bad, values, f"not {codes['deprived']}, {codes['not_deprived']} or empty", file,
                 "write 1 for deprived, 0 for not, nothing where not known; or state other codes under values")  # fmt: skip
    return pd.Series(flags, index=values.index)


def _as_text(code: Any) -> str:
    return "" if code is None else str(code).strip().lower()


def canonical_frame(frame: pd.DataFrame, file: Path) -> pd.DataFrame:
    """Type and check the columns of the canonical frame; indicator and further columns pass as they are.

    Raises
    ------
    ContractViolation
        For the first column with an offending row.
    """
    out = frame.reset_index(drop=True).copy()
    for name in ("household_id", "psu", "stratum", "area_id"):
        out[name] = _text(out[name])
        if name != "area_id":
            _refuse_rows(out[name].isna(), out[name], f"without {name}", file, f"fill in {name}")
    _refuse_rows(out["household_id"].duplicated(keep=False), out["household_id"],
                 "of a household that is there twice", file, "keep one row a household")  # fmt: skip
    out["weight"] = _number(out["weight"], "weight", file)
    _refuse_rows(~(out["weight"] > 0) | np.isinf(out["weight"]), frame["weight"], "with a weight that is not above 0",
                 file, "leave out households that were not interviewed")  # fmt: skip
    out["hh_size"] = _number(out["hh_size"], "hh_size", file)
    _refuse_rows(~(out["hh_size"] >= 1) | (out["hh_size"] % 1 != 0), frame["hh_size"],
                 "with a household size that is not 1 or more", file, "count the usual members")  # fmt: skip
    if "n_children" in out:
        out["n_children"] = _number(out["n_children"], "n_children", file)
        bad = (out["n_children"] < 0) | (out["n_children"] > out["hh_size"])
        _refuse_rows(bad, frame["n_children"], "with more children than members, or fewer than none", file,
                     "count members under 18")  # fmt: skip
    if "is_urban" in out:
        out["is_urban"] = _either(out["is_urban"], "is_urban", file)
    if "head_sex" in out:
        text = _text(out["head_sex"]).str.lower()
        out["head_sex"] = text.map(_SEX)
        _refuse_rows(text.notna() & out["head_sex"].isna(), text, "whose head_sex is not female or male", file,
                     "write female, male, or nothing")  # fmt: skip
    if "interview_date" in out:
        out["interview_date"] = _dates(out["interview_date"], file)
    return out


def _text(values: pd.Series) -> pd.Series:
    """Text without blanks; whole numbers stored as floating point lose their .0."""
    if pd.api.types.is_float_dtype(values.dtype):
        values = values.map(lambda v: None if pd.isna(v) else (str(int(v)) if v == int(v) else str(v)))
    text = values.astype("str").str.strip()
    return text.mask(values.isna() | (text == ""))


def _number(values: pd.Series, name: str, file: Path) -> pd.Series:
    number = pd.to_numeric(values, errors="coerce").astype("float64")
    _refuse_rows(number.isna(), values, f"whose {name} is not a number", file, f"fill in {name}")
    return number


def _either(values: pd.Series, name: str, file: Path) -> pd.Series:
    text = _text(values).str.lower()
    flag = pd.Series(pd.NA, index=values.index, dtype="boolean")
    flag = flag.mask(text.isin(_TRUE), True).mask(text.isin(_FALSE), False)
    _refuse_rows(
        text.notna() & flag.isna(), values, f"whose {name} is not 1, 0 or empty", file, "write 1, 0 or nothing"
    )
    return flag


def _dates(values: pd.Series, file: Path) -> pd.Series:
    dates = pd.to_datetime(values, errors="coerce")
    _refuse_rows(values.notna() & dates.isna(), values, "whose interview_date is not a date", file, "write YYYY-MM-DD")
    return dates.dt.normalize()


def _refuse_rows(bad: Any, values: pd.Series, why: str, file: Path, remedy: str) -> None:
    rows = np.flatnonzero(np.asarray(bad, dtype=bool))
    if len(rows):
        column = f", column {values.name}" if values.name is not None else ""
        raise ContractViolation(
            f"{len(rows)} rows {why}; the first has {values.iloc[rows[0]]!r}",
            file=file,
            place=f"row {rows[0] + 1}{column}",
            remedy=remedy,
        )
