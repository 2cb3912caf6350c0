"""Countries as data: one folder each with ``country.yaml``, ``sources.yaml`` and ``measures/*.yaml``.

Belongs here: reading those files into checked objects. Does not belong here: any fact about a country in Python.
"""

from __future__ import annotations

import os
import re
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from poverty_assets.errors import SpecificationError, UsageError
from poverty_assets.lined_yaml import Form, LinedYaml, misfit, nearest, raise_misfits, read_lined_yaml
from poverty_assets.pack.census import Census
from poverty_assets.pack.editions import AreaEdition, Editions
from poverty_assets.pack.feature import WeightedFeature
from poverty_assets.pack.fetch_spec import PATIENCE_DAYS
from poverty_assets.pack.growth import Growth
from poverty_assets.pack.keys import AREA_CODE
from poverty_assets.pack.levels import Level, Levels
from poverty_assets.pack.open_sources import with_open_sources
from poverty_assets.pack.source import AnySource, RasterSource, SourceSpec, TableSource, VectorSource
from poverty_assets.quarter import Quarter

COUNTRIES = "POVERTY_ASSETS_COUNTRIES"
"""Setting that names a folder of packs beside those that come with the package."""
_FOLDER = Path(__file__).parents[1] / "countries"


class Named(Form):
    """Something with a name in each language: ``name_en`` and, for each further language, ``name_<code>``."""

    names: dict[str, str]

    @model_validator(mode="before")
    @classmethod
    def _gather_names(cls, value: Any) -> Any:
        if not isinstance(value, dict) or "names" in value:
            return value
        names = {key[len(_NAME) :]: str(text) for key, text in value.items() if _NAME_KEY.match(str(key))}
        if "en" not in names:
            raise misfit("name_en is missing", "add `name_en: ...`")
        return {key: text for key, text in value.items() if not _NAME_KEY.match(str(key))} | {"names": names}

    @property
    def name_en(self) -> str:
        """Name in English."""
        return self.names["en"]


_NAME = "name_"
_NAME_KEY = re.compile(r"name_[a-z]{2,3}$")


class Language(Form):
    """A language of the country's pages.

    Attributes
    ----------
    code : str
        ISO 639 code.
    name : str
        What its speakers call it.
    direction : {"ltr", "rtl"}
    fonts : str, optional
        Fonts that draw its script, as a CSS font-family list.
    """

    code: str = Field(pattern=r"^[a-z]{2,3}$")
    name: str
    direction: Literal["ltr", "rtl"] = "ltr"
    fonts: str | None = None


class Citation(Form):
    """How what is made of the country is cited.

    Attributes
    ----------
    title : str, optional
        Of the data; where none is given, one with the country's name.
    authors : list of str
        Who publishes them: people or offices.
    url, doi : str, optional
        Where they are published.
    """

    title: str | None = None
    authors: list[str] = Field(default_factory=lambda: ["poverty_assets"], min_length=1)
    url: str | None = None
    doi: str | None = None


ENGLISH = Language(code="en", name="English")


class ContextLayer(Named):
    """A layer that maps can show for orientation, and the sources (real and simulated) that it is drawn from."""

    layer_id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    sources: list[str] = Field(min_length=1)


class Country(Named):
    """What the code needs to know about one country.

    Attributes
    ----------
    country_id, iso3, area_id : str
        Name of the folder, ISO 3166-1 alpha-3 code, and the code of the country among its areas.
    names : dict of str to str
        By language; in the file ``name_en``, ``name_<code>``.
    languages : list of Language
        Those of its pages, English among them.
    level_list : list of Level
        ``levels`` in the file.
    stated_crs : str, optional
        ``metric_crs`` in the file: projection for lengths and distances in metres.
    bounds : tuple of float
        West, south, east, north in degrees.
    block_km : float
        Side of the blocks of land that are held out together when models are judged.
    baseline_features : list of str
        Features whose skill alone is shown beside the models.
    leading : list of str
        Features that are known to go with deprivation: each weighs as much as all others together where only published totals are
        brought down to smaller areas, and is published alone where it does better.
    champions : dict of str to str
        Learner that stands for each register's rate.
    edition_list : list of AreaEdition
        ``editions`` in the file, the oldest first.
    censuses : list of Census
        Whose totals a grid of people is laid on.
    growth : Growth, optional
        Growth of income per person: what the last survey is moved by in a baseline that nowcasts are held against.
    context_layers : list of ContextLayer
    aliases : dict of str to str
        Views under old names: the old name to the table or view that it means.
    publication : {"automatic", "approved"}
        Whether a complete quarter is published by itself, or once somebody has approved it.
    last_day : int
        Days after a quarter's end for which its sources are waited for at most.
    citation : Citation
        How a release is cited.
    """

    country_id: str
    iso3: str = Field(pattern=r"^[A-Z]{3}$")
    area_id: str
    languages: list[Language] = Field(default_factory=lambda: [ENGLISH])
    level_list: list[Level] = Field(alias="levels")
    stated_crs: str | None = Field(default=None, alias="metric_crs")
    bounds: tuple[float, float, float, float]
    block_km: float = Field(default=50, gt=0)
    default_measure: str
    first_quarter: str
    baseline_features: list[str] = Field(default_factory=list)
    leading: list[str] = Field(default_factory=list)
    champions: dict[str, str] = Field(default_factory=dict)
    edition_list: list[AreaEdition] = Field(default_factory=list, alias="editions")
    censuses: list[Census] = Field(default_factory=list)
    growth: Growth | None = None
    context_layers: list[ContextLayer] = Field(default_factory=list)
    aliases: dict[str, str] = Field(default_factory=dict)
    publication: Literal["automatic", "approved"] = "automatic"
    last_day: int = Field(default=PATIENCE_DAYS, ge=20)
    citation: Citation = Field(default_factory=Citation)

    @model_validator(mode="after")
    def _hangs_together(self) -> Country:
        west, south, east, north = self.bounds
        found = []
        if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
            found.append(misfit("bounds are not west, south, east, north in degrees", "order the four", "bounds"))
        try:
            Quarter.from_label(self.first_quarter)
        except UsageError as error:
            found.append(misfit(error.problem, error.remedy or "", "first_quarter"))
        spoken = [language.code for language in self.languages]
        if "en" not in spoken or len(set(spoken)) < len(spoken):
            found.append(
                misfit("languages lack en, or one is there twice", "give each once, en among them", "languages")
            )
        raise_misfits([*found, *AreaEdition.faults(self.edition_list), *Census.faults(self.censuses)])
        Levels.check(self.level_list)
        return self

    @property
    def folder(self) -> Path:
        """The country's folder of yaml files."""
        return country_folder(self.country_id)

    @cached_property
    def levels(self) -> Levels:
        """The levels of its areas."""
        return Levels(self.level_list)

    @property
    def wants_approval(self) -> bool:
        """Whether a quarter waits until somebody has approved it."""
        return self.publication == "approved"

    @property
    def metric_crs(self) -> str:
        """Projection for lengths and distances in metres; where none is stated, one of equal areas about the middle of its bounds."""
        west, south, east, north = self.bounds
        about = f"+proj=laea +lat_0={(south + north) / 2:g} +lon_0={(west + east) / 2:g} +datum=WGS84 +units=m +no_defs"
        return self.stated_crs or about

    @cached_property
    def editions(self) -> Editions:
        """The editions of its areas."""
        return Editions(self.edition_list, self.folder if self.edition_list else Path())

    @property
    def block_metres(self) -> float:
        """Side of the blocks of land that are held out together."""
        return 1000.0 * self.block_km

    @property
    def language_codes(self) -> list[str]:
        """Codes of its languages, English first."""
        return ["en", *(language.code for language in self.languages if language.code != "en")]

    def code_at(self, code: str, level: str) -> str | None:
        """Code of the area of a level that the area of this code lies in, by the pack's own rules; None where they do not tell.

        Only where there is no table of areas to ask: where it is built, and for codes of other years.
        """
        if level == self.levels.ids[0] or code == self.area_id:
            return self.area_id
        return self.levels.code_at(code, level)


def country_folders() -> dict[str, Path]:
    """Folders of the countries there are, by name: those that ``POVERTY_ASSETS_COUNTRIES`` names before the package's own."""
    named = os.environ.get(COUNTRIES)
    places = [*([Path(named)] if named else []), _FOLDER]
    return {
        path.parent.name: path.parent for place in reversed(places) for path in sorted(place.glob("*/country.yaml"))
    }


def country_folder(country_id: str) -> Path:
    """The folder of a country.

    Raises
    ------
    UsageError
        If there is none; the message lists those there are.
    """
    there = country_folders()
    if country_id.lower() not in there:
        raise UsageError(
            f"no country {country_id!r}",
            remedy=f"use one of {', '.join(sorted(there))}, or name the folder that holds it in {COUNTRIES}",
        )
    return there[country_id.lower()]


def load_country(country_id: str) -> Country:
    """Read ``country.yaml`` of a country."""
    return read_country(country_folder(country_id) / "country.yaml")


def read_country(path: Path) -> Country:
    """Read and check a file ``country.yaml``.

    Raises
    ------
    SpecificationError
        If it cannot be used, with every key and line at fault.
    """
    country: Country = read_lined_yaml(path).checked(Country)
    return country


def load_sources(country: Country, *, simulated: bool) -> list[SourceSpec]:
    """The country's sources: those of the landing folder, or those that its simulated twin writes, if it has one. Those of official
    rates, which no estimate may know, are not among them."""
    return [spec for spec in _every_source(country, simulated) if spec.role != "truth"]


def load_truth_sources(country: Country, *, simulated: bool) -> list[TableSource]:
    """Sources of official rates: for evaluation alone."""
    return [s for s in _every_source(country, simulated) if isinstance(s, TableSource) and s.role == "truth"]


def _every_source(country: Country, simulated: bool) -> list[SourceSpec]:
    path = country.folder / ("sources_simulated.yaml" if simulated else "sources.yaml")
    return read_sources(path) if path.exists() or not simulated else []


def read_sources(path: Path) -> list[SourceSpec]:
    """Read and check a file of sources.

    Raises
    ------
    SpecificationError
        If it cannot be used, with every entry, key and line at fault.
    """
    file = with_open_sources(read_lined_yaml(path, list))
    specs: list[SourceSpec] = file.checked(list[AnySource])
    names = [spec.source_id for spec in specs]
    features = [(f.feature_id, (i, "features", j)) for i, spec in enumerate(specs) for j, f in enumerate(spec.features)]
    faults = []
    for number, spec in enumerate(specs):
        if spec.source_id in names[:number]:
            faults.append(file.fault(f"source_id {spec.source_id!r} is there twice", "rename one", number, "source_id"))
        if isinstance(spec, VectorSource):
            wanted = [("codes_from", spec.options.codes_from), *(("names_from", n) for n in spec.options.names_from)]
            faults += [
                file.fault(f"there is no source {name!r}", nearest(name, names), number, "options", key)
                for key, name in wanted
                if name is not None and name not in names
            ]
        if isinstance(spec, RasterSource):
            rasters = [other.source_id for other in specs if isinstance(other, RasterSource)]
            faults += [
                file.fault(
                    f"there is no raster {f.options.weight!r}",
                    nearest(f.options.weight, rasters),
                    number,
                    "features",
                    j,
                )
                for j, f in enumerate(spec.features)
                if isinstance(f, WeightedFeature) and f.options.weight not in rasters
            ]
        coded = spec.options.coded_by if isinstance(spec, TableSource) else None
        if coded is not None and coded.source is not None:
            faults += _fault_of_codes(file, number, specs, coded.source)
    outlines = [i for i, spec in enumerate(specs) if isinstance(spec, VectorSource) and spec.options.polygons]
    if not outlines:
        faults.append(
            file.fault("no source gives the boundaries of areas", "state options: {polygons: ...} of the one")
        )
    for number in outlines[1:]:
        faults.append(file.fault("a second source gives the boundaries", "keep one", number, "options", "polygons"))
    for number, (feature_id, place) in enumerate(features):
        if feature_id in (name for name, _ in features[:number]):
            faults.append(file.fault(f"feature_id {feature_id!r} is there twice", "rename one", *place))
    if faults:
        raise SpecificationError.together(faults)
    return specs


def _fault_of_codes(file: LinedYaml, number: int, specs: list[SourceSpec], source: str) -> list[SpecificationError]:
    """What is wrong with a source that gives another its codes: it is not there, is no table, or has to be given codes itself."""
    at = (number, "options", "coded_by", "source")
    other = next((spec for spec in specs if spec.source_id == source), None)
    if other is None:
        return [file.fault(f"there is no source {source!r}", nearest(source, [s.source_id for s in specs]), *at)]
    if not isinstance(other, TableSource) or AREA_CODE not in other.columns:
        problem = f"source {source} has no column area_code of its own"
        return [file.fault(problem, "name a table that has the key's columns and area_code", *at)]
    return []
