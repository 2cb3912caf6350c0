"""Countries as data: one folder each with ``country.yaml``, ``sources.yaml`` and ``measures/*.yaml``.

Belongs here: reading those files into checked objects. Does not belong here: any fact about a country in Python.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from poverty_assets.errors import SpecificationError, UsageError
from poverty_assets.pack.source import SourceSpec

_FOLDER = Path(__file__).parents[1] / "countries"


class RenumberedDistrict(BaseModel):
    """A district whose code changed while its communes kept their names."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    valid_from: dt.date
    old: str = Field(alias="from")
    new: str = Field(alias="to")


class ContextLayer(BaseModel):
    """A layer that maps can show for orientation, and the sources (real and simulated) that it is drawn from."""

    model_config = ConfigDict(extra="forbid")

    layer_id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name_en: str
    name_km: str
    sources: list[str] = Field(min_length=1)


class Country(BaseModel):
    """What the code needs to know about one country."""

    model_config = ConfigDict(extra="forbid")

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

    @property
    def folder(self) -> Path:
        """The country's folder of yaml files."""
        return country_folder(self.country_id)

    @property
    def commune_digits(self) -> int:
        """Digits of a commune code."""
        return self.area_digits["commune"]


def country_folder(country_id: str) -> Path:
    """The folder of a country.

    Raises
    ------
    UsageError
        If there is none; the message lists those there are.
    """
    folder = _FOLDER / country_id.lower()
    if not (folder / "country.yaml").is_file():
        known = sorted(path.parent.name for path in _FOLDER.glob("*/country.yaml"))
        raise UsageError(
            f"no country {country_id!r}", remedy=f"use one of {', '.join(known)}, or add a folder under {_FOLDER.name}/"
        )
    return folder


def load_country(country_id: str) -> Country:
    """Read ``country.yaml``."""
    path = country_folder(country_id) / "country.yaml"
    return _validated(TypeAdapter(Country), read_yaml(path), path)


def load_sources(country: Country, *, simulated: bool) -> list[SourceSpec]:
    """Read the country's sources: those of the landing folder, or those that its simulated twin writes.

    Raises
    ------
    SpecificationError
        If the file cannot be used, with the entry and field at fault.
    """
    path = country.folder / ("sources_simulated.yaml" if simulated else "sources.yaml")
    specs: list[SourceSpec] = _validated(TypeAdapter(list[SourceSpec]), read_yaml(path), path)
    for spec in specs:
        if spec.reader == "geotiff":
            spec.options.setdefault("bounds", country.bounds)
    names = [spec.source_id for spec in specs]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise SpecificationError(
            f"{len(doubled)} source_id stated twice, first {doubled[0]}", file=path, remedy="rename one"
        )
    return specs


def read_yaml(path: Path) -> Any:
    """Read a yaml file; a syntax error is reported with its line."""
    import yaml

    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f"line {error.problem_mark.line + 1}"
        raise SpecificationError(
            f"not valid yaml: {error.problem}", file=path, place=line, remedy="mend that line"
        ) from error


def _validated(adapter: TypeAdapter[Any], value: Any, path: Path) -> Any:
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise SpecificationError(
            f"{error.error_count()} entries cannot be used, first: {first['msg']}",
            file=path,
            place=place,
            remedy="mend that entry",
        ) from error
