"""Reading one source file as it is: tables, vectors, rasters, published workbooks.

Belongs here: one small reader a file format, each returning an ``Observation``. Does not belong here: what a source means
(``sources.yaml``), surveys (``surveys``), zonal statistics (``features``).
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from poverty_assets.errors import ContractViolation, MissingFile, NotObserved, UnreadableFile
from poverty_assets.measure.measure import Measure
from poverty_assets.pack.as_of import Release, release
from poverty_assets.pack.country import Country, load_sources
from poverty_assets.pack.keys import AREA_CODE, Codes, read_codes
from poverty_assets.pack.source import (
    CsvSource,
    JsonSource,
    OphiCsvSource,
    OphiWorkbookSource,
    RasterSource,
    SourceSpec,
    SurveySource,
    TableSource,
    VectorSource,
)
from poverty_assets.quarter import Quarter
from poverty_assets.settings import household_key
from poverty_assets.sources.contract import apply_contract, typed_columns
from poverty_assets.sources.landed import LandedRecord, landed_files, read_record
from poverty_assets.sources.lateness import as_noted
from poverty_assets.sources.provenance import check_file, check_present
from poverty_assets.sources.raster import RasterCells, opened_raster
from poverty_assets.sources.raster_summary import Looking, RasterSummary
from poverty_assets.sources.shapes import opened, plain_shapes, refuse_attributes
from poverty_assets.sources.text import csv_rows, decoded, json_value
from poverty_assets.sources.wide import lengthened

MOST_NAMED = 12
"""Columns of a file that a message lists."""


@dataclass
class Observation:
    """What was read from one source.

    Attributes
    ----------
    frame : DataFrame
        Rows of a table; of a vector with a ``geometry`` column (WKB, EPSG:4326); none of a raster.
    sha256 : str
        Digest of the file (of the sorted files of a folder); "" of a raster, of which only the country's window has been read.
    rows : int
        Rows, features or cells that were read.
    quarantined : dict
        Reason to number of rows set aside.
    metadata : dict
        What the lake notes beside the rows: file, digest, period, or why the source is absent.
    raster : RasterCells, optional
        The raster, of which the lake keeps the rows (``kept_raster.rows_in_parts``).
    summary : RasterSummary, optional
        What one look at all of its cells told.
    """

    frame: pd.DataFrame
    sha256: str
    rows: int
    quarantined: dict[str, int] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    raster: RasterCells | None = None
    summary: RasterSummary | None = None


def read_source(found: Release, country: Country, measure: Measure | None = None) -> Observation:
    """Read the file of a release with the reader that its source names.

    Parameters
    ----------
    found : Release
    country : Country
        A raster has to have a valid cell within its bounds.
    measure : Measure, optional
        Whose indicators a survey gives; by default the one that its ``survey.yaml`` names.

    Raises
    ------
    MissingFile, UnreadableFile, MissingCRS, NoDataInBounds, ContractViolation
        See ``errors``; each names the file, the place, the reason and the remedy.
    """
    check_present(found)
    spec, path = found.spec, found.path
    if isinstance(spec, CsvSource):
        return _table(_read_csv(spec, path), spec, found, country)
    if isinstance(spec, JsonSource):
        return _table(_read_json_records(spec, path), spec, found, country)
    if isinstance(spec, VectorSource):
        return _read_vectors(spec, found)
    if isinstance(spec, RasterSource):
        return _read_raster(spec, found, country)
    if isinstance(spec, OphiWorkbookSource | OphiCsvSource):
        return _read_published(spec, found, country)
    if isinstance(spec, SurveySource):
        return _read_survey(path, measure, country)
    raise TypeError(f"nothing reads {type(spec).__name__}")


def observe(
    spec: SourceSpec, quarter: Quarter, landing: Path, country: Country, measure: Measure | None = None
) -> Observation:
    """What a quarter sees of a source: its rows with their provenance, or none with the reason.

    A source that had not been observed by the quarter's end, or that is optional and absent, gives no rows and
    ``metadata["absent"]``.
    """
    try:
        found = release(spec, quarter, landing)
    except NotObserved as error:
        return Observation(pd.DataFrame(), "", 0, metadata={"absent": error.problem})
    if not spec.required and not found.path.exists():
        noted = {} if spec.is_simulated or spec.package is not None else as_noted(found)
        absent = {"absent": f"optional, and there is no {spec.path}"}
        return Observation(pd.DataFrame(), "", 0, metadata=absent | noted)
    observation = read_source(found, country, measure)
    observation.sha256 = observation.sha256 or digest(found.path)
    observation.metadata = {
        "source_id": spec.source_id,
        "file": found.file(landing),
        "sha256": observation.sha256,
        "observed_from": found.observed_from,
        "observed_to": found.observed_to,
        "released_on": spec.released_on,
        "rows": observation.rows,
        "quarantined": observation.quarantined,
    } | observation.metadata
    record = read_record(found.path)
    if record is not None and record.sha256 == observation.sha256:
        _refuse_another_period(found, record)
        observation.metadata |= record.as_noted()
    return observation


def _refuse_another_period(found: Release, record: LandedRecord) -> None:
    """Refuse a fetched file under the name of a quarter or year that it is not of, as an old raster that was copied for a new quarter."""
    stated, own = (record.observed_from, record.observed_to), (found.observed_from, found.observed_to)
    if found.spec.cadence != "once" and stated != own:
        raise ContractViolation(
            f"its record says that it was observed from {stated[0]} to {stated[1]}, not from {own[0]} to {own[1]}",
            file=found.path,
            remedy=f"put the file of that {found.spec.cadence} there, or take file and record away; {found.spec.obtain}",
        )


def digest(path: Path) -> str:
    """SHA-256 of a file, or of the names and contents of a folder's files."""
    sha = hashlib.sha256()
    for part in [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file()):
        if part is not path:
            sha.update(part.relative_to(path).as_posix().encode())
        with part.open("rb") as stream:
            while block := stream.read(1 << 20):
                sha.update(block)
    return sha.hexdigest()


def _read_csv(spec: CsvSource, path: Path) -> pd.DataFrame:
    text = decoded(path, spec.options.encoding, _encoding_remedy(spec, spec.options.encoding))
    return csv_rows(text, path, spec.obtain, _names_read(spec))


def _encoding_remedy(spec: SourceSpec, encoding: str) -> str:
    return f"save the file as {encoding}, or state its encoding in the entry {spec.source_id} of sources.yaml"


def _names_read(spec: TableSource) -> list[str]:
    """Columns of the file that the contract reads and that have but one name."""
    return [one.source for one in spec.columns.values() if isinstance(one.source, str)]


def _read_json_records(spec: JsonSource, path: Path) -> pd.DataFrame:
    text = decoded(path, "utf-8-sig", _encoding_remedy(spec, "UTF-8"))
    value = json_value(text, path, spec.obtain)
    key = spec.options.records
    records = value.get(key) if key and isinstance(value, dict) else value
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise UnreadableFile(
            f"no list of records{f' under {key!r}' if key else ''}",
            file=path,
            remedy="check that this is the right file",
        )
    raw = pd.DataFrame.from_records(records)
    raw.index = pd.RangeIndex(1, len(raw) + 1)
    return raw


def _table(raw: pd.DataFrame, spec: TableSource, found: Release, country: Country) -> Observation:
    """Rows of a table as its entry says: of each year, with codes of areas, by their contract, and up to the end of the period."""
    options, metadata, places = spec.options, {}, None
    if options.wide is not None:
        long = lengthened(raw, options.wide, found.path, last=None if spec.role == "truth" else found.observed_to.year)
        raw, places = long.frame, long.places
        metadata = {
            "observed_from": dt.date(long.years[0], 1, 1),
            "observed_to": dt.date(long.years[-1], 12, 31),
        }
    codes = _codes(spec, found, country)
    frame, quarantine = apply_contract(raw, spec, found.path, codes=codes, places=places)
    rows = len(raw)
    if options.dated_by is not None:
        frame = frame[frame[options.dated_by] <= found.observed_to].reset_index(drop=True)
        rows = len(frame)
    return Observation(frame, digest(found.path), rows, quarantine.reasons, metadata)


def _codes(spec: TableSource, found: Release, country: Country) -> Codes | None:
    """What turns the table's own coding into codes of areas, where it has one: a csv of the pack, or another source."""
    coded = spec.options.coded_by
    if coded is None:
        return None
    if coded.table is not None:
        return read_codes(coded, country.folder)
    other = next(s for s in load_sources(country, simulated=spec.is_simulated) if s.source_id == coded.source)
    released = release(other, found.quarter, found.landing)
    frame = read_source(released, country).frame
    absent = [name for name in (*coded.key, AREA_CODE) if name not in frame]
    if absent:
        raise ContractViolation(
            f"column {absent[0]!r} is missing, by which source {spec.source_id} finds its areas",
            file=released.path,
            remedy=f"name the columns {', '.join((*coded.key, AREA_CODE))} in the entry {other.source_id} of sources.yaml",
        )
    rows = frame[[*coded.key, AREA_CODE]].astype("string").fillna("").to_dict("records")
    return Codes.of(rows, coded.key, other.source_id, released.path, 2)


def _read_vectors(spec: VectorSource, found: Release) -> Observation:
    """The file of a vector source, and those that its entry says are read with it."""
    files = [found.path]
    for pattern in spec.options.also:
        there = landed_files(found.landing, pattern)
        if not there:
            raise MissingFile(
                f"no such file (source {spec.source_id})", file=found.landing / pattern, remedy=spec.obtain
            )
        files += [path for path in there if path not in files]
    for path in files[1:]:
        check_file(path, found)
    if len(files) == 1:
        return _read_vector(spec, found.path)
    parts = [_read_vector(spec, path) for path in files]
    frame = pd.concat([part.frame for part in parts], ignore_index=True)
    origin = [path for path, part in zip(files, parts, strict=True) for _ in range(len(part.frame))]
    for key in spec.options.key:
        doubled = frame[key].duplicated()
        if doubled.any():
            at = int(doubled.idxmax())
            raise ContractViolation(
                f"{int(doubled.sum())} of {len(frame)} features of {len(files)} files: duplicate key;"
                f" first {key} = {frame.loc[at, key]!r}",
                file=origin[at],
                remedy=f"keep one feature of each key; it is also in {origin[int((frame[key] == frame.loc[at, key]).idxmax())]}",
            )
    quarantined: dict[str, int] = {}
    for part in parts:
        for reason, number in part.quarantined.items():
            quarantined[reason] = quarantined.get(reason, 0) + number
    sha = hashlib.sha256("".join(part.sha256 for part in parts).encode()).hexdigest()
    return Observation(frame, sha, len(frame), quarantined)


def _read_vector(spec: VectorSource, path: Path) -> Observation:
    """GeoJSON, GeoPackage, FlatGeobuf, GeoParquet or a zipped shapefile; geometry comes back in EPSG:4326."""
    data = opened(spec, path)
    plain = {new: old for new, old in spec.options.columns.items() if isinstance(old, str)}
    contracts = {new: old for new, old in spec.options.columns.items() if not isinstance(old, str)}
    absent = [old for old in plain.values() if old not in data.columns]
    if absent:
        raise ContractViolation(
            f"{len(absent)} columns missing, first {absent[0]!r}; the file has {_named(data.columns)}",
            file=path,
            place="attributes",
            remedy=f"name the file's own under options: {{columns: ...}} in the entry {spec.source_id} of sources.yaml",
        )
    shapes = plain_shapes(data, spec, path)
    numbered = data.set_axis(range(1, len(data) + 1))
    typed, quarantine = typed_columns(numbered, contracts, spec.source_id, path)
    frame = pd.DataFrame(
        {new: data[plain[new]] if new in plain else typed[new].to_numpy() for new in spec.options.columns}
    )
    refuse_attributes(frame, spec, path)
    for reason, places in shapes.set_aside.items():
        quarantine.add(reason, [place + 1 for place in places])
    frame["geometry"] = shapes.geometry
    kept = frame.drop(index=[row - 1 for row in quarantine.rows]).reset_index(drop=True)
    return Observation(kept, digest(path), len(kept), quarantined=quarantine.reasons)


def _named(columns: Iterable[object]) -> str:
    every = [str(name) for name in columns if name != "geometry"]
    return ", ".join(every[:MOST_NAMED]) + (", ..." if len(every) > MOST_NAMED else "")


def _read_raster(spec: RasterSource, found: Release, country: Country) -> Observation:
    """Read a raster through once, so that a truncated one is found here; the gate and the picture go by what was seen."""
    is_asked = spec.sense.values is not None or spec.sense.mean is not None
    look = Looking(country.bounds if is_asked else None, spec.sense.values)
    raster = opened_raster(found.path, spec.options, season=found.quarter.number, within=country.bounds, look=look)
    noted = dict(look.summary.described)
    return Observation(pd.DataFrame(), "", noted["valid_cells"], metadata=noted, raster=raster, summary=look.summary)


def _read_published(spec: OphiWorkbookSource | OphiCsvSource, found: Release, country: Country) -> Observation:
    from poverty_assets.published.ophi import CSV_COLUMNS, read_ophi_csv, read_ophi_workbook
    from poverty_assets.published.regions import region_map

    if isinstance(spec, OphiCsvSource):
        mapped = region_map(spec.options, country.folder).areas if spec.options.regions else ()
        text = decoded(found.path, "utf-8-sig", _encoding_remedy(spec, "UTF-8"))
        made = read_ophi_csv(found, spec.options.iso3, mapped, csv_rows(text, found.path, spec.obtain, CSV_COLUMNS))
    else:
        made = read_ophi_workbook(found, spec.options.table, spec.options.iso3)
    said = {"left out": made.left_out, "rounded": made.rounded}
    metadata = {note: of for note, of in said.items() if of}
    return Observation(made.frame, digest(found.path), len(made.frame), metadata=metadata)


def _read_survey(path: Path, measure: Measure | None, country: Country) -> Observation:
    """Households of a wave in canonical form. The key of their identifiers is read here and kept nowhere."""
    from poverty_assets.sources.surveys import read_households

    found = read_households(path, measure=measure, key=household_key(), country=country)
    return Observation(found.frame, digest(path), len(found.frame), quarantined=found.left_out)
