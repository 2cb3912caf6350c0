"""Countries as data: one folder each with ``country.yaml``, ``sources.yaml`` and ``measures/*.yaml``.

Belongs here: reading those files into checked objects. Does not belong here: any fact about a country in Python.
"""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

from pydantic import Field, model_validator

from poverty_assets.errors import SpecificationError, UsageError
from poverty_assets.lined_yaml import Form, misfit, nearest, raise_misfits, read_lined_yaml
from poverty_assets.pack.source import AnySource, SourceSpec, VectorSource
from poverty_assets.quarter import Quarter

COUNTRIES = "POVERTY_ASSETS_COUNTRIES"
"""Setting that names a folder of packs beside those that come with the package."""
_FOLDER = Path(__file__).parents[1] / "countries"


class RenumberedDistrict(Form):
    """A district whose code changed while its communes kept their names."""

    valid_from: dt.date
    old: str = Field(alias="from")
    new: str = Field(alias="to")


class ContextLayer(Form):
    """A layer that maps can show for orientation, and the sources (real and simulated) that it is drawn from."""

    layer_id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name_en: str
    name_km: str
    sources: list[str] = Field(min_length=1)


class Country(Form):
    """What the code needs to know about one country."""

    country_id: str
    iso3: str
    area_id: str
    name_en: str
    name_km: str
    area_digits: dict[str, int]
    metric_crs: str
    bounds: tuple[float, float, float, float]
    default_measure: str
    first_quarter: str
    gazetteer: str
    baseline_features: list[str] = Field(default_factory=list)
    champions: dict[str, str] = Field(default_factory=dict)
    renumbered_districts: list[RenumberedDistrict] = Field(default_factory=list)
    context_layers: list[ContextLayer] = Field(default_factory=list)

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
        raise_misfits(found)
        return self

    @property
    def folder(self) -> Path:
        """The country's folder of yaml files."""
        return country_folder(self.country_id)

    def code_at(self, code: str, level: str) -> str:
        """Code of the area of a level that the area of this code lies in, by the pack's own rule: the code's first digits.

        Only where there is no table of areas to ask: where it is built, and for codes of other years and of villages.
        """
        return code[: self.area_digits[level]] if level in self.area_digits else self.area_id


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
    """Read the country's sources: those of the landing folder, or those that its simulated twin writes."""
    return read_sources(country.folder / ("sources_simulated.yaml" if simulated else "sources.yaml"))


def read_sources(path: Path) -> list[SourceSpec]:
    """Read and check a file of sources.

    Raises
    ------
    SpecificationError
        If it cannot be used, with every entry, key and line at fault.
    """
    file = read_lined_yaml(path, list)
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
