"""The canonical household frame of a wave.

Belongs here: the columns that every survey ends up with, their checks, and the keyed hash that replaces identifiers. Does not
belong here: opening files (``files``), mapping columns as ``survey.yaml`` says (``mapped``), deriving answers from the recodes of
a particular survey (``dhs``, ``mics``).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from poverty_assets.lined_yaml import LinedYaml
from poverty_assets.measure.measure import Measure, load_measure, measure_files
from poverty_assets.pack.country import Country, country_folder, load_country
from poverty_assets.sources.surveys.codes import as_text
from poverty_assets.sources.surveys.mapped import read_mapped
from poverty_assets.sources.surveys.rows import refuse_rows
from poverty_assets.sources.surveys.wave import WaveDescription, read_wave_description

HASH_BYTES = 16
_TRUE, _FALSE = ("1", "1.0", "true", "yes", "urban"), ("0", "0.0", "false", "no", "rural")
_SEX = {"female": "female", "male": "male", "f": "female", "m": "male", "2": "female", "1": "male"}


@dataclass(frozen=True)
class Households:
    """Households of a wave.

    Attributes
    ----------
    frame : DataFrame
        In canonical form (see ``read_households``).
    left_out : dict
        Why rows of the file are not among them, and how many.
    """

    frame: pd.DataFrame
    left_out: dict[str, int] = field(default_factory=dict)


def read_wave(folder: Path, *, measure: Measure | None = None, key: bytes | None = None) -> pd.DataFrame:
    """The frame of ``read_households``."""
    return read_households(folder, measure=measure, key=key).frame


def read_households(
    folder: Path, *, measure: Measure | None = None, key: bytes | None = None, country: Country | None = None
) -> Households:
    """Households of a wave in canonical form.

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
    country : Country, optional
        Whose codes of areas the file holds, and whose rules an adapter follows, unless ``survey.yaml`` names another.

    Returns
    -------
    Households
        ``household_id`` (hash), ``psu, stratum`` (text), ``weight``, ``hh_size``, ``area_id`` (text), then those of
        ``is_urban`` (boolean), ``head_sex`` (female, male), ``n_children``, ``interview_date`` and further mapped columns
        that the file has, then one column an indicator (1, 0, NaN).

    Raises
    ------
    MissingFile, UnreadableFile, SpecificationError
        See ``files.read_table`` and ``read_wave_description``.
    ContractViolation
        If a row or column breaks the contract; the message names file, row, value and remedy.
    """
    wave = read_wave_description(folder)
    form = wave.form
    if measure is None and form.measure is not None:
        measure = load_measure(_measure_file(wave.spec, form.measure))
    if form.country is not None:
        country = load_country(form.country)
    raw, file = _raw(wave, measure, country)
    found = canonical_frame(raw, file)
    secret = key if key is not None else hashlib.blake2b(file.read_bytes(), digest_size=32).digest()
    frame = found.frame.assign(household_id=hashed(found.frame["household_id"], secret))
    return Households(frame, found.left_out)


def _raw(wave: WaveDescription, measure: Measure | None, country: Country | None) -> tuple[pd.DataFrame, Path]:
    """Households before typing, and the file that their rows are of."""
    lengths = country.levels.digits if country else []
    if wave.form.adapter == "canonical":
        return read_mapped(wave, measure, lengths), wave.folder / str(wave.form.file)
    if measure is None:
        wave.spec.refuse("measure is missing", "add a line such as measure: global_mpi", "adapter")
    from poverty_assets.sources.surveys.dhs import read_dhs
    from poverty_assets.sources.surveys.mics import read_mics

    read = {"dhs": read_dhs, "mics": read_mics}[wave.form.adapter]
    return read(wave, measure, country.folder if country else None, lengths)


def hashed(values: pd.Series, key: bytes) -> pd.Series:
    """Keyed hash (BLAKE2b, 128 bits, hexadecimal) of each value; the key is cut to 64 bytes.

    Examples
    --------
    >>> hashed(pd.Series(["1-2", "1-2", "1-3"]), b"key").nunique()
    2
    """
    digests = [hashlib.blake2b(str(v).encode(), key=key[:64], digest_size=HASH_BYTES).hexdigest() for v in values]
    return pd.Series(digests, index=values.index, dtype="str")


def _measure_file(spec: LinedYaml, name: str) -> Path:
    country = spec.text("country")
    files = measure_files(country_folder(country))
    if name not in files:
        spec.refuse(f"country {country} has no measure {name}", f"use one of: {', '.join(sorted(files))}", "measure")
    return files[name]


def canonical_frame(frame: pd.DataFrame, file: Path) -> Households:
    """Type and check the columns of the canonical frame; indicator and further columns pass as they are.

    Households of weight 0 are left out: they stand for nobody and add nothing to any estimate. Statistical offices give that
    weight to households that were selected and not interviewed.

    Parameters
    ----------
    frame : DataFrame
        Its index is the number of the row in the file, from 0.
    file : Path
        What messages name.

    Raises
    ------
    ContractViolation
        For the first column with an offending row.
    """
    weight = _number(frame["weight"], "weight", file)
    refuse_rows((weight < 0) | np.isinf(weight), frame["weight"], "with a weight below 0, or without end", file,
                "correct the weight; households that were not interviewed may have 0")  # fmt: skip
    idle = weight == 0
    if idle.all():
        refuse_rows(idle, frame["weight"], "have weight 0, which is all", file, "map weight to the column of weights")
    out = frame[~idle].copy()
    out["weight"] = weight[~idle]
    for name in ("household_id", "psu", "stratum", "area_id"):
        out[name] = as_text(out[name])
        if name != "area_id":
            refuse_rows(out[name].isna(), out[name], f"without {name}", file, f"fill in {name}")
    refuse_rows(out["household_id"].duplicated(keep=False), out["household_id"],
                "of a household that is there twice", file, "keep one row a household")  # fmt: skip
    _type_of_people(out, file)
    if "is_urban" in out:
        out["is_urban"] = _either(out["is_urban"], "is_urban", file)
    if "interview_date" in out:
        out["interview_date"] = _dates(out["interview_date"], file)
    left_out = {"households of weight 0": int(idle.sum())} if idle.any() else {}
    return Households(out.reset_index(drop=True), left_out)


def _type_of_people(out: pd.DataFrame, file: Path) -> None:
    """Members, children and the head's sex, in place."""
    given = out["hh_size"]
    out["hh_size"] = _number(given, "hh_size", file)
    refuse_rows(~(out["hh_size"] >= 1) | (out["hh_size"] % 1 != 0), given,
                "with a household size that is not 1 or more", file, "count the usual members")  # fmt: skip
    if "n_children" in out:
        given = out["n_children"]
        out["n_children"] = _number(given, "n_children", file)
        bad = (out["n_children"] < 0) | (out["n_children"] > out["hh_size"])
        refuse_rows(bad, given, "with more children than members, or fewer than none", file,
                     "count members under 18")  # fmt: skip
    if "head_sex" in out:
        text = as_text(out["head_sex"]).str.lower()
        out["head_sex"] = text.map(_SEX)
        refuse_rows(text.notna() & out["head_sex"].isna(), text, "whose head_sex is not female or male", file,
                     "write female, male, or nothing")  # fmt: skip


def _number(values: pd.Series, name: str, file: Path) -> pd.Series:
    number = pd.to_numeric(values, errors="coerce").astype("float64")
    refuse_rows(number.isna(), values, f"whose {name} is not a number", file, f"fill in {name}")
    return number


def _either(values: pd.Series, name: str, file: Path) -> pd.Series:
    text = as_text(values).str.lower()
    flag = pd.Series(pd.NA, index=values.index, dtype="boolean")
    flag = flag.mask(text.isin(_TRUE), True).mask(text.isin(_FALSE), False)
    refuse_rows(text.notna() & flag.isna(), values, f"whose {name} is not 1, 0 or empty", file, "write 1, 0 or nothing")
    return flag


def _dates(values: pd.Series, file: Path) -> pd.Series:
    dates = pd.to_datetime(values, errors="coerce")
    refuse_rows(values.notna() & dates.isna(), values, "whose interview_date is not a date", file, "write YYYY-MM-DD")
    return dates.dt.normalize()
