"""How the file of a source is fetched from its publisher: the block ``fetch`` of an entry, by its client.

Belongs here: the form of that block, one class a protocol. Does not belong here: what all of them state (``fetch_spec``), opening a
connection (``fetching``), or what the file means once it is there (``source``).
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from poverty_assets.lined_yaml import Form, misfit, nearest, raise_misfits
from poverty_assets.pack.fetch_spec import FIELDS, Combine, FetchBase, fields_in, is_guarded


class FetchSpec(FetchBase):
    """A block ``fetch``, with those that stand for it.

    Attributes
    ----------
    instead : block ``fetch``, optional
        A second provider of the same: asked where the first fails.
    preliminary : block ``fetch``, optional
        What the publisher gives out until the final release is there: fetched while that is not, and replaced by it.
    """

    instead: AnyFetch | None = None
    preliminary: AnyFetch | None = None

    @property
    def providers(self) -> list[AnyFetch]:
        """This block and those that are asked instead, the first first."""
        return [self, *(self.instead.providers if self.instead else [])]  # type: ignore[list-item]


class _MonthsAreCombined(FetchSpec):
    """``combine``: how months become one raster; ``None`` where the address holds no month."""

    combine: Combine | None = None

    @model_validator(mode="after")
    def _say_how_months_are_combined(self) -> _MonthsAreCombined:
        if ("month" in fields_in(self.address)) != (self.combine is not None):
            raise misfit("{month} and combine go together", "state both, or neither", "combine")
        return self


class HttpsFetch(FetchSpec):
    """One file.

    Attributes
    ----------
    sha256 : str, optional
        Its digest, where the file never changes.
    checksum : str, optional
        Address of a file that begins with the digest (MD5 or SHA-256, told by its length).
    link : str, optional
        The address answers with JSON; the file's address stands there under this key.
    """

    client: Literal["https"]
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    checksum: str | None = None
    link: str | None = None

    @model_validator(mode="after")
    def _one_file(self) -> HttpsFetch:
        if "month" in fields_in(self.address):
            raise misfit("an address with {month} gives several files", "use the client cog_window", "address")
        return self


class CogFetch(_MonthsAreCombined):
    """The country's window of a GeoTIFF that is read in pieces.

    Attributes
    ----------
    nodata : float, optional
        Stored number that means "no value", beside the file's own.
    by_quarter : bool
        Months of the calendar become one band for each quarter of the year, January to March first: a climatology.
    """

    readers = ("geotiff",)

    client: Literal["cog_window"]
    nodata: float | None = None
    by_quarter: bool = False

    @model_validator(mode="after")
    def _quarters_are_made_of_months(self) -> CogFetch:
        if self.by_quarter and self.combine is None:
            raise misfit("by_quarter needs months", "write {month} in the address, and combine", "by_quarter")
        return self


class FolderFetch(_MonthsAreCombined):
    """The country's window of GeoTIFFs of which a web page lists the names; ``address`` is the folder, of each month where it holds one.

    Attributes
    ----------
    file : str
        Pattern of the file's name, with ``*``; of several that fit the last by name is taken. ``.gz`` is unpacked.
    looks : str, optional
        Pattern of a file of the same cells that counts cloud-free looks.
    least_looks : int
        Cells with fewer are no values.
    nodata : float, optional
        Stored number that means "no value", beside the file's own.
    """

    readers = ("geotiff",)

    client: Literal["folder"]
    file: str
    looks: str | None = None
    least_looks: int = Field(default=1, ge=1)
    nodata: float | None = None


class CkanFetch(FetchSpec):
    """A file of a data set in a CKAN catalogue; ``address`` is the catalogue.

    Attributes
    ----------
    dataset : str
        Name of the data set; a template as addresses are.
    file : str
        Name of the file within it, as its own address ends or as the catalogue names it; a template as addresses are.
    """

    client: Literal["ckan"]
    dataset: str
    file: str


class RestStep(Form):
    """What each record of the step before is asked further.

    Attributes
    ----------
    address : str
        Holds fields of the record in braces, as ``https://.../units/{uuid}/children``.
    take : dict of str to str
        The answer is no list of records but says more of this one: our name to where in it, as ``0.households``, by position and key. By
        default the answer's records stand in place of this one.
    """

    address: str
    take: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_a_field(self) -> RestStep:
        if not fields_in(self.address):
            raise misfit("the address holds no field of a record", "write {field} where it stands", "address")
        if not is_guarded(re.sub(r"\{\w*\}", "x", self.address)):
            raise misfit("the address is not https", "write https://, or http:// of this machine", "address")
        return self


class RestFetch(FetchSpec):
    """Records that an interface gives out in pages of JSON.

    Attributes
    ----------
    records : str, optional
        Key of the list of records in a page; by default the page is the list.
    parameters : dict of str to str
        Of every request; values are templates.
    page : str, optional
        Parameter that counts pages.
    first_page : int
    next : str, optional
        Key of the next page's address; with neither ``page`` nor ``next`` there is one page.
    steps : list of RestStep
        What is asked of each record, one after the other: down a tree of areas, say.
    body : mapping, optional
        Is posted, as JSON; texts are templates, and ``{bounds}`` alone is the country's bounds as a GeoJSON feature.
    point : str, optional
        Key of a record's point (GeoJSON, or its text), of which ``longitude`` and ``latitude`` are made.
    """

    readers = ("json_records",)

    client: Literal["rest"]
    records: str | None = None
    parameters: dict[str, str] = Field(default_factory=dict)
    page: str | None = None
    first_page: int = 1
    next: str | None = None
    steps: list[RestStep] = Field(default_factory=list)
    body: dict[str, Any] | None = None
    point: str | None = None

    @model_validator(mode="after")
    def _one_way_to_the_next_page(self) -> RestFetch:
        if self.page is not None and self.next is not None:
            raise misfit("both page and next are given", "keep one of the two", "next")
        return self


class SdmxFetch(FetchSpec):
    """Observations of an SDMX service as a table with a column for each dimension, and ``value``; ``address`` is the service.

    Attributes
    ----------
    flow : str
        The data flow, as ``AGENCY,FLOW,1.0``.
    key : str
        Which observations, as in the service's own addresses: ``A..POP``; by default all.
    since : str, optional
        First period that is asked for, a template; the last is that of the order.
    """

    readers = ("csv",)

    client: Literal["sdmx"]
    flow: str
    key: str = ""
    since: str | None = None


class ScenesFetch(FetchSpec):
    """What clients state that lay scenes over each other on one raster in degrees.

    Attributes
    ----------
    combine : {"mean", "minimum", "maximum"}
        How scenes that see the same cell become one value.
    cells_per_degree : int
        Of the raster that is made: 120 are cells of 30 arc-seconds.
    nodata : float
        Stored number that means "no value".
    valid_range : (low, high), optional
        Stored numbers outside it are no values.
    scale, offset : float
        Value = stored * scale + offset; what a scene's own file says of it is not used.
    share_of : list of float
        Stored numbers are classes: the value is the share of a cell that is of these, counted on a lattice of points.
    points : int
        Points along each side of a cell, where they are counted.
    """

    readers = ("geotiff",)

    combine: Literal["mean", "minimum", "maximum"] = "mean"
    cells_per_degree: int = Field(ge=1, le=3600)
    nodata: float
    valid_range: tuple[float, float] | None = None
    scale: float = 1.0
    offset: float = 0.0
    share_of: list[float] = Field(default_factory=list)
    points: int = Field(default=10, ge=1, le=100)


class StacFetch(ScenesFetch):
    """Scenes that a STAC interface finds over the country within the period; ``address`` is its root.

    Attributes
    ----------
    collection, asset : str
        Which scenes, and which file of each.
    any_time : bool
        Scenes are taken whatever their date: of a collection that is one map, dated by when it came out.
    sign : str, optional
        Address that answers with JSON, of which ``token`` is added to the address of every scene.
    """

    client: Literal["stac"]
    collection: str
    asset: str
    any_time: bool = False
    sign: str | None = None


class TilesFetch(ScenesFetch):
    """Tiles of one map in degrees; ``address`` holds ``{lat}`` and ``{lon}``, the south-western corner as ``N09`` and ``E102``.

    Attributes
    ----------
    tile_degrees : int
        Side of a tile. Where there is none (the sea), nothing is laid.
    """

    fills = ("lat", "lon")

    client: Literal["tiles"]
    tile_degrees: int = Field(ge=1, le=90)

    @model_validator(mode="after")
    def _names_a_tile(self) -> TilesFetch:
        if not {*self.fills} <= fields_in(self.address):
            raise misfit("the address does not hold {lat} and {lon}", "write both where a tile is named", "address")
        return self


class IndexFetch(ScenesFetch):
    """Scenes of many bands that a Parquet index lists; ``address`` is the index. A raster of a few bands is made of them.

    A scene is of a year, and each of its bands a direction of the same space: embeddings.

    Attributes
    ----------
    path, year : str
        Columns of the scene's address and of its year.
    bounds : (west, south, east, north)
        Columns of degrees.
    prefix : (str, str)
        How addresses begin in the index, and where they are asked for: https.
    root_of : float, optional
        Stored numbers are signed square roots: value = sign(stored) * (stored / this) ** 2.
    directions : int
        Bands of the raster that is made: sums of all bands along so many directions, which are the same in every year and country.
    """

    client: Literal["index"]
    path: str
    year: str
    bounds: tuple[str, str, str, str]
    prefix: tuple[str, str]
    root_of: float | None = Field(default=None, gt=0)
    directions: int = Field(ge=1, le=64)

    @model_validator(mode="after")
    def _asks_over_https(self) -> IndexFetch:
        if not is_guarded(self.prefix[1]) or self.prefix[1].startswith("s3:"):
            raise misfit("scenes are not asked for over https", "write https:// as the second of prefix", "prefix")
        return self


class VariableFetch(FetchSpec):
    """What clients state that take one variable of files that hold several.

    Attributes
    ----------
    variable : list of str
        Its names, of which the first found is taken: they have changed between versions.
    known_by : dict of str to list of str
        Where the file has none of them: attribute (``standard_name``, ``long_name``) to what it may say of the variable.
    combine : {"mean", "minimum", "maximum"}
        How days or months become one raster.
    """

    readers = ("geotiff",)

    variable: list[str] = Field(min_length=1)
    known_by: dict[str, list[str]] = Field(default_factory=dict)
    combine: Literal["mean", "minimum", "maximum"] = "mean"


class DataStoreFetch(VariableFetch):
    """Days of a variable that a data store of ECMWF gives out on request, in NetCDF, as one raster; ``address`` is its interface.

    Attributes
    ----------
    dataset : str
        Name of the data set.
    request : dict of str to str or list of str
        What is asked for; values are templates, of which those with ``{month}`` become a list. The country's bounds are added as ``area``.
    nodata : float, optional
        Stored number that means "no value", beside the file's own.
    """

    client: Literal["data_store"]
    dataset: str
    request: dict[str, str | list[str]] = Field(min_length=1)
    nodata: float | None = None

    @model_validator(mode="after")
    def _asks_in_words_that_there_are(self) -> DataStoreFetch:
        texts = [text for value in self.request.values() for text in ([value] if isinstance(value, str) else value)]
        known = {*FIELDS, *self.names}
        wrong = sorted({name for text in texts for name in fields_in(text)} - known)
        raise_misfits([misfit(f"the request holds {{{name}}}", nearest(name, known), "request") for name in wrong])
        return self


class EarthdataFetch(VariableFetch):
    """Tiles of a product of NASA's Earthdata (HDF5, or HDF4), as one raster in degrees; ``address`` is the search for granules.

    Attributes
    ----------
    product, version : str
        Short name and version of the collection.
    also : list of str
        Short names of further collections of the same: of another satellite.
    tiles : {"degrees", "sinusoidal"}
        Where tile h, v lies: of ten degrees, or on the sinusoidal grid of MODIS.
    looks : list of str
        Names of the variable that counts cloud-free looks: a cell that was not seen is no dark one. Empty where there is none.
    least_looks : int
        Cells with fewer are no values.
    nodata : float
        Stored number that means "no value".
    valid_range : (low, high), optional
        Stored numbers outside it are no values.
    scale, offset : float
        Value = stored * scale + offset.
    cells_per_degree : int
        Of the raster that is made.
    """

    client: Literal["earthdata"]
    token: str | None = Field(default="EARTHDATA_TOKEN", pattern=r"^[A-Z][A-Z0-9_]*$")
    product: str
    version: str
    also: list[str] = Field(default_factory=list)
    tiles: Literal["degrees", "sinusoidal"] = "degrees"
    looks: list[str] = Field(default_factory=list)
    least_looks: int = Field(default=1, ge=1)
    nodata: float
    valid_range: tuple[float, float] | None = None
    scale: float = 1.0
    offset: float = 0.0
    cells_per_degree: int = Field(ge=1, le=3600)


class PbfFetch(FetchSpec):
    """Points or lines of an OpenStreetMap extract.

    Attributes
    ----------
    keep : dict of str to list of str
        Tag to the values that are kept; an empty list: any. What has one of them is kept.
    shape : {"point", "line"}
        A closed line that is wanted as a point is the middle of its corners.
    tags : list of str
        Columns of the result, beside ``osm_id``; empty text where it has no such tag.
    checksum : str, optional
        Address of a file that begins with the digest.
    """

    readers = ("geoparquet",)

    client: Literal["pbf"]
    keep: dict[str, list[str]] = Field(min_length=1)
    shape: Literal["point", "line"]
    tags: list[str] = Field(min_length=1)
    checksum: str | None = None


class ObjectStoreFetch(FetchSpec):
    """Shapes within the country's bounds from Parquet files in a bucket; ``address`` is ``s3://bucket/prefix/{release}/...``.

    Of several releases the newest is taken that was made by the end of the period; a release begins with its day, and is recorded with the
    file. An address without ``{release}`` is that of the files of the period; one that does not end with a slash is that of one file.

    Attributes
    ----------
    region : str
        Of the bucket.
    endpoint : str, optional
        Where the bucket is asked for, by default at AWS.
    catalogue : str, optional
        Address of the STAC catalogue whose children are the releases; by default they are the bucket's folders.
    release : str, optional
        The one release that is taken, whatever others there are.
    columns : dict of str to str
        Our name to theirs; of nested columns with dots.
    keep : dict of str to list of str
        Their column to the values that are kept; of nested columns with dots.
    bbox : str
        Column with ``xmin``, ``xmax``, ``ymin``, ``ymax`` of each shape.
    points : (str, str), optional
        Columns of longitude and latitude, where the files hold points and no shapes.
    as_points : bool
        Of each shape the middle of its box is taken.
    cells_per_degree : int, optional
        How many shapes have their middle in each cell of a raster is landed, in place of the shapes.
    """

    readers = ("geoparquet",)

    client: Literal["object_store"]
    region: str
    endpoint: str | None = None
    catalogue: str | None = None
    release: str | None = Field(default=None, pattern=r"^\d{4}-\d{2}-\d{2}")
    columns: dict[str, str] = Field(default_factory=dict)
    keep: dict[str, list[str]] = Field(default_factory=dict)
    bbox: str = "bbox"
    points: tuple[str, str] | None = None
    as_points: bool = False
    cells_per_degree: int | None = Field(default=None, ge=1, le=3600)

    @property
    def lands(self) -> tuple[str, ...]:
        """Readers of what it lands."""
        return self.readers if self.cells_per_degree is None else ("geotiff",)

    @model_validator(mode="after")
    def _names_files_in_a_bucket(self) -> ObjectStoreFetch:
        held = fields_in(self.address)
        if not self.address.startswith("s3://") or not held & {"release", "year", "label"}:
            remedy = "name the bucket, and {release} or the period"
            raise misfit("the address is not s3://bucket/.../{release}/...", remedy, "address")
        if self.release is not None and "release" not in held:
            raise misfit("the address holds no {release}", "write it, or leave release out", "release")
        if self.catalogue is not None and ("release" not in held or not is_guarded(self.catalogue)):
            raise misfit(
                "a catalogue is of releases, and at an https address", "write {release}, or leave it out", "catalogue"
            )
        if self.cells_per_degree is not None and self.columns:
            raise misfit("a raster of counts has no columns", "leave columns or cells_per_degree out", "columns")
        return self


AnyFetch = Annotated[
    HttpsFetch
    | CogFetch
    | FolderFetch
    | CkanFetch
    | RestFetch
    | SdmxFetch
    | StacFetch
    | TilesFetch
    | IndexFetch
    | DataStoreFetch
    | EarthdataFetch
    | PbfFetch
    | ObjectStoreFetch,
    Field(discriminator="client"),
]
"""A block ``fetch``, told apart by its ``client``."""


for _form in (
    FetchSpec,
    HttpsFetch,
    CogFetch,
    FolderFetch,
    CkanFetch,
    RestFetch,
    SdmxFetch,
    ScenesFetch,
    StacFetch,
    TilesFetch,
    IndexFetch,
    VariableFetch,
    DataStoreFetch,
    EarthdataFetch,
    PbfFetch,
    ObjectStoreFetch,
):
    _form.model_rebuild()  # a block may hold another, which can be named only here
