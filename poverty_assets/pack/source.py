"""What a source is: one entry of ``countries/<code>/sources.yaml``.

Belongs here: the form of the entry by its reader, and its checking. Does not belong here: what its values can be (``contract``), which
of its releases a quarter may see (``as_of``), what a feature is (``feature``), reading data (``sources.readers``), or anything about
one country.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, SkipValidation, model_validator
from pydantic_core import PydanticCustomError

from poverty_assets.lined_yaml import Form, misfit, raise_misfits
from poverty_assets.pack.census import PeopleOfGrid
from poverty_assets.pack.contract import ColumnContract, RowRule, Sense
from poverty_assets.pack.feature import CellFeature, FeatureSpec, TableFeature, VectorFeature
from poverty_assets.pack.fetch import AnyFetch
from poverty_assets.pack.fetch_spec import PATIENCE_DAYS
from poverty_assets.pack.keys import AREA_CODE, CodedBy, Wide

if TYPE_CHECKING:
    import pandas as pd

Role = Literal["areas", "register", "history", "features", "survey", "published", "context", "truth"]
"""``truth``: official rates, for evaluation alone. `pack.country.load_sources` leaves these out."""

NOTHING_ESTIMATED = "no survey and no published totals: nothing will be estimated"
HOW_TO_ESTIMATE = "add an entry of role survey or published; docs/country-pack.md has that of a workbook of OPHI"


class SourceSpec(Form):
    """What every source states, whatever its reader.

    ``cadence`` is ``once`` (one file), ``year`` or ``quarter`` (``path`` then holds ``{year}`` or ``{label}``, as in
    ``rasters/nightlights_{label}.tif`` with label ``2022Q1``). ``observed_from`` and ``observed_to`` are given for
    ``once``; for the others they follow from the period. A ``reference`` (boundaries, codes and names) is not an
    observation and serves every quarter. A source that is not ``required`` is passed over where its file is absent. The file
    of one with a ``package`` comes with that installed Python package, in place of the landing folder. ``fetch`` says
    how a file comes from the publisher.
    """

    source_id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    description: str
    role: Role
    reader: str
    path: str
    package: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]*$")
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
    fetch: AnyFetch | None = None
    sense: Sense = Sense()
    features: Sequence[FeatureSpec] = ()

    @model_validator(mode="after")
    def _period_is_stated(self) -> SourceSpec:
        if self.cadence == "once":
            absent = [name for name in ("observed_from", "observed_to") if getattr(self, name) is None]
            raise_misfits([misfit(f"{name} is missing", f"add `{name}: YYYY-MM-DD`") for name in absent])
        held = {"year": "{year}", "quarter": "{label}"}.get(self.cadence, "")
        if held not in self.path:
            raise misfit(f"the path of cadence {self.cadence} does not hold {held}", f"write {held} in it", "path")
        return self

    @model_validator(mode="after")
    def _lies_in_the_folder(self) -> SourceSpec:
        if leads_out(self.path):
            raise misfit(f"the path {self.path} leads out of the landing folder", "write a path within it", "path")
        return self

    @model_validator(mode="after")
    def _fetch_lands_what_is_read(self) -> SourceSpec:
        if self.fetch is None:
            return self
        found = []
        for one in self.fetch.providers:
            if one.lands and self.reader not in one.lands:
                problem = f"client {one.client} does not land what reader {self.reader} reads"
                found.append(misfit(problem, f"use the reader {' or '.join(one.lands)}", "fetch", "client"))
        if self.cadence == "quarter" and self.fetch.lag_days > PATIENCE_DAYS:
            problem = f"a quarter waits for at most {PATIENCE_DAYS} days, and this source never comes by then"
            found.append(misfit(problem, "give it the cadence year, or leave fetch out", "fetch", "lag_days"))
        raise_misfits(found)
        return self

    @model_validator(mode="after")
    def _reader_serves_the_role(self) -> SourceSpec:
        table, tables = "use a reader of tables: csv or json_records", (TableSource,)
        needs, remedy = {
            "register": (tables, table),
            "history": (tables, table),
            "truth": (tables, table),
            "survey": ((SurveySource,), "use the reader survey"),
            "published": (
                (OphiWorkbookSource, OphiCsvSource),
                "use a reader of publications: ophi_workbook or ophi_csv",
            ),
        }.get(self.role, ((SourceSpec,), ""))
        if not isinstance(self, needs):
            raise misfit(f"reader {self.reader} gives nothing for role {self.role}", remedy, "reader")
        return self


class AreaAttributes(Form):
    """Columns of a table that say something of areas themselves."""

    population: str | None = None
    households: str | None = None
    is_urban: str | None = None


class OfficialRates(Form):
    """Where the rates of a table of official rates are: a column for each year, or one of rates and one of years.

    Attributes
    ----------
    rates : dict of str to int
        Column of rates -> its year.
    value, year : str, optional
        Columns of a table with a row for each area and year.
    percent : bool
        Rates are of 0 to 100, not shares.
    """

    rates: dict[str, int] = Field(default_factory=dict)
    value: str | None = None
    year: str | None = None
    percent: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> OfficialRates:
        if bool(self.rates) == bool(self.value) or bool(self.value) != bool(self.year):
            raise misfit(
                "rates stand in one way", "state rates: {column: year}, or value and year, names of two columns"
            )
        return self


class TableOptions(Form):
    """Options of every table.

    Attributes
    ----------
    register_id : str, optional
        The register of which this is a release (roles ``register`` and ``history``).
    area_attributes : AreaAttributes, optional
    urban_value : list of str
        Values of the column ``is_urban`` that mean urban.
    absent_is_zero : bool
        Areas of the finest level that the table does not list have 0 in every column.
    points : tuple of str, optional
        Columns of longitude and latitude: the rows are points.
    official : OfficialRates, optional
        Where the rates are, of a table of role ``truth``.
    dated_by : str, optional
        A column of days: rows of after the observed period are not read. Of a series whose file grows, so that an old quarter that is
        run again sees what it saw.
    coded_by : CodedBy, optional
        Where the table has no codes of areas: what turns its own coding into them.
    edition : str, optional
        Edition of areas (country.yaml) that its codes are of. Without it a code is first taken for one of the boundaries in use.
    cross_check : str, optional
        Its column of persons at points: the population of larger areas is held against their sums, and how the two differ is said.
    wide : Wide, optional
        Where it has a column for each year: how they are named. ``observed_from`` and ``observed_to`` are then of all years, and a
        quarter sees the last one that had ended by its end.
    """

    register_id: str | None = None
    area_attributes: AreaAttributes | None = None
    urban_value: list[str] = Field(default_factory=list)
    absent_is_zero: bool = False
    points: tuple[str, str] | None = None
    official: OfficialRates | None = None
    dated_by: str | None = None
    edition: str | None = None
    coded_by: CodedBy | None = None
    cross_check: str | None = None
    wide: Wide | None = None


class TableSource(SourceSpec):
    """A source of rows: what every table states."""

    columns: dict[str, ColumnContract] = Field(min_length=1)
    key: list[str] = Field(default_factory=list)
    rules: list[RowRule] = Field(default_factory=list)
    options: TableOptions = TableOptions()
    features: list[TableFeature] = Field(default_factory=list)

    @property
    def register_id(self) -> str:
        """The register of which it is a release (roles ``register`` and ``history``)."""
        return self.options.register_id or self.source_id

    @property
    def has_codes(self) -> bool:
        """Whether each of its rows says, by a code, which area it is of."""
        return AREA_CODE in self.columns or self.options.coded_by is not None

    @model_validator(mode="after")
    def _hangs_together(self) -> TableSource:
        attributes, coded = self.options.area_attributes, self.options.coded_by
        used: list[tuple[str, tuple[str | int, ...]]] = [
            (name, ("key", i)) for i, name in enumerate(self.key) if name != AREA_CODE or coded is None
        ]
        used += [(name, ("options", "coded_by", "key", i)) for i, name in enumerate(coded.key if coded else ())]
        for i, rule in enumerate(self.rules):
            used += [(rule.left, ("rules", i, "left"))]
            used += [(rule.at_most, ("rules", i, "at_most"))] if rule.at_most else []
            used += [(part, ("rules", i, "parts")) for part in rule.parts]
        for i, size in enumerate(self.sense.against):
            used += [(size.column, ("sense", "against", i, "column"))]
        used += [(name, ("options", "points")) for name in self.options.points or ()]
        rates = self.options.official
        for name in (*rates.rates, *filter(None, (rates.value, rates.year))) if rates else ():
            used += [(name, ("options", "official"))]
        used += [(self.options.dated_by, ("options", "dated_by"))] if self.options.dated_by else []
        for attribute, name in attributes or ():
            used += [(name, ("options", "area_attributes", attribute))] if name else []
        found = [
            misfit(f"there is no column {name!r}", f"use one of: {', '.join(self.columns)}", *place)
            for name, place in used
            if name not in self.columns
        ]
        if self.role in ("register", "history") and self.options.register_id is None:
            found.append(misfit("register_id is missing", "name the register of which it is a release", "options"))
        dated = self.columns.get(self.options.dated_by or "")
        if dated is not None and dated.type != "date":
            found.append(
                misfit(f"column {self.options.dated_by!r} is no date", "give it type: date", "options", "dated_by")
            )
        if bool(attributes and attributes.is_urban) != bool(self.options.urban_value):
            problem = "is_urban and urban_value go together"
            found.append(misfit(problem, "state both, or neither", "options"))
        found += self._truth_is_for_evaluation_alone()
        if coded is not None and AREA_CODE in self.columns:
            problem = "the table has area_code, and coded_by makes it of another coding"
            found.append(misfit(problem, "leave one of the two out", "options", "coded_by"))
        if self.options.wide is not None and (self.cadence != "once" or self.options.dated_by is not None):
            problem = "a table with a column for each year is one file, and its years are its dates"
            found.append(misfit(problem, "state cadence: once and no dated_by", "options", "wide"))
        for i, feature in enumerate(self.features):
            if (feature.statistic == "column") != (self.options.points is None):
                problem = f"{feature.statistic!r} cannot be made of {'points' if self.options.points else 'a table'}"
                remedy = "statistics of points need options.points, and column needs a table with area codes"
                found.append(misfit(problem, remedy, "features", i, "statistic"))
        raise_misfits(found)
        return self

    def _truth_is_for_evaluation_alone(self) -> list[PydanticCustomError]:
        if self.role != "truth":
            problem, remedy = f"official rates are of role truth, not {self.role}", "state role: truth, or leave it out"
            return [misfit(problem, remedy, "options", "official")] if self.options.official else []
        found = []
        if self.options.official is None:
            found.append(misfit("official is missing", "say where the rates are: official: {rates: ...}", "options"))
        if not self.has_codes:
            remedy = "name the column with codes of areas so, or state options: {coded_by: ...}"
            found.append(misfit("there is no column 'area_code'", remedy, "columns"))
        if self.features or self.options.area_attributes:
            problem = "official rates are for evaluation alone"
            found.append(misfit(problem, "leave features and area_attributes out", "features"))
        if self.cadence != "once":
            found.append(misfit("official rates of several years are one file", "state cadence: once", "cadence"))
        return found


class CsvOptions(TableOptions):
    """Options of a csv file."""

    encoding: str = "utf-8-sig"


class CsvSource(TableSource):
    """A csv file."""

    reader: Literal["csv"]
    options: CsvOptions = CsvOptions()


class JsonOptions(TableOptions):
    """Options of a json file: the key under which its list of records stands, if any."""

    records: str | None = None


class JsonSource(TableSource):
    """A json file that holds a list of records."""

    reader: Literal["json_records"]
    options: JsonOptions = JsonOptions()


class VectorOptions(Form):
    """Options of a vector file.

    Attributes
    ----------
    layer : str, optional
        Which layer of a file of several.
    columns : dict of str to str or ColumnContract
        Attributes that are read: our name to the file's, or to a contract, as of a table's column.
    key : list of str
        Columns of ours that have no value twice.
    polygons : str, optional
        The level whose boundaries these are. Then also: ``codes_from``, the source that maps ``shape_id`` to codes, where the
        polygons carry none; ``names_from``, those that name areas, the first that knows a name before the next, and that tell
        which codes there are; ``valid_from``, first day of the boundaries; ``edition``, which of country.yaml's they are of, by default the
        newest.
    outline : bool
        Features are measured to the common outline of all shapes.
    also : list of str
        Further files of the same form, within the landing folder, that are read with the one of ``path`` as one; ``*`` stands for
        any part of a name.
    """

    layer: str | None = None
    columns: dict[str, str | ColumnContract] = Field(default_factory=dict)
    key: list[str] = Field(default_factory=list)
    polygons: str | None = None
    codes_from: str | None = None
    names_from: list[str] = Field(default_factory=list)
    valid_from: dt.date | None = None
    edition: str | None = None
    outline: bool = False
    also: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _hangs_together(self) -> VectorOptions:
        known = ", ".join(self.columns) or "none is read"
        found = [
            misfit(f"there is no column {name!r}", f"use one of: {known}", "key", i)
            for i, name in enumerate(self.key)
            if name not in self.columns
        ]
        for i, path in enumerate(self.also):
            if leads_out(path):
                found.append(
                    misfit(f"the path {path} leads out of the landing folder", "write one within it", "also", i)
                )
        for name in ("codes_from", "names_from", "valid_from", "edition"):
            if getattr(self, name) and self.polygons is None:
                found.append(misfit(f"{name} is of the boundaries of areas", "state polygons, or leave it out", name))
        raise_misfits(found)
        return self


def leads_out(path: str) -> bool:
    """Whether a path of an entry is not within its folder."""
    return Path(path).is_absolute() or ".." in Path(path).parts


class VectorSource(SourceSpec):
    """A file of points, lines or polygons; a shapefile lies in a zip."""

    reader: Literal["geojson", "geopackage", "flatgeobuf", "geoparquet", "shapefile"]
    options: VectorOptions = VectorOptions()
    features: list[VectorFeature] = Field(default_factory=list)


class RasterOptions(Form):
    """Options of a raster.

    Attributes
    ----------
    band : int or "quarter"
        Counted from 1; ``quarter``: the file has a band for each quarter of the year, January to March first.
    nodata : float, optional
        A further stored number that means "no value", beside the file's own.
    valid_range : (low, high), optional
        Stored numbers outside it are not valid. As in product guides, it applies before scale and offset.
    scale, offset : float, optional
        ``value = stored * scale + offset``; the file's own where not given.
    member : str, optional
        The raster's path within the zip that ``path`` names.
    people : PeopleOfGrid, optional
        That its cells are persons, of whom the population of areas is made.
    """

    band: Annotated[int, Field(ge=1)] | Literal["quarter"] = 1
    nodata: float | None = None
    valid_range: tuple[float, float] | None = None
    scale: float | None = None
    offset: float | None = None
    member: str | None = None
    people: PeopleOfGrid | None = None


class RasterSource(SourceSpec):
    """A raster file."""

    reader: Literal["geotiff"]
    options: RasterOptions = RasterOptions()
    features: list[CellFeature] = Field(default_factory=list)


Regions = dict[str, str | list[str] | None]
"""Regions of a published table by their names there: the area that each is, the areas that make it up, or null: left out."""


class PublishedOptions(Form):
    """Options of every published table: whose rows, and which areas its regions are.

    ``regions`` is needed where a region's name has no code of an area in any of the files, or the wrong one: a mapping, or the
    path of a csv table of the pack (``name, area_code``, and ``reason`` where the code is empty; a name of several rows is made up of
    several areas). Several regions with one area are merged into it.
    """

    iso3: str = Field(pattern=r"^[A-Z]{3}$")
    regions: SkipValidation[Regions | str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _regions_are_codes(self) -> PublishedOptions:
        """By itself: of a union, every form would be said to be missed."""
        if isinstance(self.regions, str):
            return self
        if not isinstance(self.regions, dict):
            raise misfit("regions is no mapping of names to codes", "write {Name as published: code}", "regions")
        found = []
        for name, codes in self.regions.items():
            each = codes if isinstance(codes, list) and codes else [codes]
            if codes is not None and not all(isinstance(code, str) for code in each):
                remedy = "write a code in quotes, [codes] of the areas that make it up, or null to leave it out"
                found.append(misfit(f"regions gives {name!r} {codes!r}, which is no code", remedy, "regions", name))
        raise_misfits(found)
        return self


class OphiWorkbookOptions(PublishedOptions):
    """Options of a results workbook of OPHI: also which of the two tables it is."""

    table: Literal["national", "subnational"]


class OphiWorkbookSource(SourceSpec):
    """A results workbook of the global MPI."""

    reader: Literal["ophi_workbook"]
    options: OphiWorkbookOptions


class OphiCsvSource(SourceSpec):
    """A csv of the global MPI as the Humanitarian Data Exchange gives it."""

    reader: Literal["ophi_csv"]
    options: PublishedOptions


class SurveyOptions(Form):
    """Options of a survey; its ``survey.yaml`` says the rest.

    Attributes
    ----------
    edition : str, optional
        Edition of areas (country.yaml) that its codes are of. Without it a code is first taken for one of the boundaries in use.
    """

    edition: str | None = None


class SurveySource(SourceSpec):
    """The folder of a survey wave; its ``survey.yaml`` says the rest."""

    role: Literal["survey"]
    reader: Literal["survey"]
    options: SurveyOptions = SurveyOptions()


AnySource = Annotated[
    CsvSource | JsonSource | VectorSource | RasterSource | OphiWorkbookSource | OphiCsvSource | SurveySource,
    Field(discriminator="reader"),
]
"""An entry of a file of sources, told apart by its ``reader``."""


def covariates(features: pd.DataFrame, specs: Iterable[SourceSpec]) -> pd.DataFrame:
    """Rows of a table of features (``feature_id``) that models may learn from."""
    others = [feature.feature_id for spec in specs for feature in spec.features if not feature.covariate]
    return features[~features["feature_id"].isin(others)]


def grids_of_people(specs: Iterable[SourceSpec]) -> list[RasterSource]:
    """Rasters of which the population of areas is made."""
    return [spec for spec in specs if isinstance(spec, RasterSource) and spec.options.people is not None]


def is_anything_estimated(specs: Iterable[SourceSpec]) -> bool:
    """Whether there is a source that figures of poverty can be made from."""
    return any(spec.role in ("survey", "published") for spec in specs)
