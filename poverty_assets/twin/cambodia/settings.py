"""The form of ``simulated.yaml`` and its loading.

Belongs here: what a country's twin may state, and the check that it hangs together. Does not belong here: any number
about a country, or any use of the numbers.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from poverty_assets.errors import MissingFile, UsageError
from poverty_assets.lined_yaml import Form, misfit, parse_lined_yaml, raise_misfits
from poverty_assets.quarter import Quarter

FORMAT = 3
"""Raised whenever the generator writes other bytes for the same settings, so that old output is written anew."""


class GridSettings(Form):
    """Raster grid in EPSG:4326; ``west`` and ``north`` are cell edges."""

    west: float
    north: float
    columns: int
    rows: int
    cells_per_degree: int


class PlantedChange(Form):
    """A change put in on purpose, for tests of what the pipeline notices."""

    since: str = Field(alias="from")
    areas: list[str]
    indicators: list[str]
    shift: float


class Break(Form):
    """A shock that registers and satellites hardly see: from a quarter on every commune gains deprivation in all indicators alike.

    By how much is in latent standard deviations normal about ``shift``, with the standard deviation ``province`` between provinces
    and ``commune`` within them; registers and satellites see the share ``seen`` of it.
    """

    since: str = Field(alias="from")
    shift: float = 0.0
    province: float = Field(ge=0)
    commune: float = Field(ge=0)
    seen: float = Field(ge=0, le=1)


class Scenario(Form):
    """Departures from the twin's ordinary course."""

    no_change: bool = False
    planted_change: PlantedChange | None = None
    broken: Break | None = Field(default=None, alias="break")


class ProvinceFigures(Form):
    """Published figures of one province."""

    population: float
    mpi: float
    headcount_ratio: float
    intensity: float
    vulnerable: float
    severe: float
    uncensored: list[float]


class TwinPublished(Form):
    """Published figures at the reference quarter."""

    reference_quarter: str
    provinces: dict[str, ProvinceFigures]


class Region(Form):
    """A survey region of the earlier survey: provinces and their joint headcount ratio."""

    provinces: list[str]
    headcount_ratio: float


class Earlier(Form):
    """Published figures at the earlier quarter."""

    quarter: str
    regions: list[Region]


class ModelSettings(Form):
    """Latent factor model; lists run over the indicators."""

    headcount_floor: float
    loading: list[float]
    loading_second: list[float]
    loading_scale_range: tuple[float, float]
    loading_spread: float
    max_communality: float
    cluster_share: float
    enumeration_area_households: int
    wealth_response: list[float]
    smooth_spread: list[float]
    smooth_km: float
    noise_spread: list[float]
    wealth_access: float
    wealth_smooth: float
    wealth_noise: float
    minority_response: float
    trend_shape: list[float]
    pace_after: float
    season: dict[str, list[float]]
    innovation_district: float
    innovation_commune: float
    innovation_indicator: float


class HouseholdSettings(Form):
    """Number, size and make-up of households."""

    mean_growth: float
    urban_growth: float
    reference_year: int
    size_shares: list[float]
    child_share: float
    elderly_share: float
    female_head: float
    needs_children: list[str]
    needs_younger_adults: list[str]
    urban_share: float


class RegisterSettings(Form):
    """How households come to be listed."""

    years: list[int]
    weights: list[float]
    wealth: float
    household_noise: float
    reference_year: int
    threshold: float
    threshold_level_1: float
    threshold_trend: float


class TwinWave(Form):
    """One survey: its state of the country, fieldwork and design."""

    wave: str
    title: str
    quarter: str
    start: dt.date
    end: dt.date
    psus: int
    households_per_psu: int
    note: str


class AnswerSettings(Form):
    """A further question of the surveys, which ever so many households answer yes to: those with fewer deprivations more often.

    A household's chance is that of a standard normal to lie below ``level + by_deprivation * deprivations + urban`` (in towns) plus
    what its cluster has in common, normal with the standard deviation ``cluster``.
    """

    column: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    level: float
    by_deprivation: float
    urban: float
    cluster: float = Field(ge=0)


class RasterSettings(Form):
    """Levels and seasons of the rasters; lists run over the quarters of a year."""

    rainfall_mm: list[float]
    temperature_c: list[float]
    ndvi_season: list[float]
    flood_season: list[float]
    wealth_in_lights: float


class Difficulty(Form):
    """How much of what registers and satellites show has nothing to do with deprivation, as standard deviations.

    ``register_province`` and ``register_commune`` of what a visit's score gains by its province's and its commune's committee;
    ``look_place`` and ``look_commune`` of a commune's look from space: shared by neighbours, and its own. ``register_local`` is the part
    of a commune's lead over the country that its committee is used to, and takes off every score; ``register_threshold`` what is added
    to the scores from which on households are listed, so that as many are.
    """

    register_province: float = Field(ge=0)
    register_commune: float = Field(ge=0)
    look_place: float = Field(ge=0)
    look_commune: float = Field(ge=0)
    register_local: float = Field(default=0, ge=0, le=1)
    register_threshold: float = 0


class TwinSettings(Form):
    """The whole of ``simulated.yaml``."""

    generator: str
    country: dict[str, str]
    area_names: str
    grid: GridSettings
    horizon: dict[str, str]
    population_scale: float = Field(gt=0, le=1)
    difficulty: str
    difficulties: dict[str, Difficulty]
    scenario: Scenario
    outline: list[tuple[float, float]]
    lake: list[tuple[float, float]]
    rivers: dict[str, list[tuple[float, float]]]
    hills: list[tuple[float, float, float, float]]
    towns: list[tuple[str, float, float, float]]
    province_points: dict[str, list[tuple[float, float]]]
    indicators: list[str]
    weights_18: list[int]
    published: TwinPublished
    published_2014: Earlier
    model: ModelSettings
    households: HouseholdSettings
    minority_share: dict[str, float]
    register_: RegisterSettings = Field(alias="register")
    surveys: list[TwinWave]
    survey_missing: dict[str, float]
    survey_answers: list[AnswerSettings] = Field(default_factory=list)
    points: dict[str, int]
    population_years: list[int]
    protected_share: float = Field(gt=0, lt=1)
    rasters: RasterSettings

    @model_validator(mode="after")
    def _hangs_together(self) -> TwinSettings:
        d = len(self.indicators)
        lengths: dict[str, list[Any]] = {"weights_18": self.weights_18, "register.weights": self.register_.weights}
        for name in ("loading", "loading_second", "wealth_response", "smooth_spread", "noise_spread", "trend_shape"):
            lengths[f"model.{name}"] = getattr(self.model, name)
        for code, figures in self.published.provinces.items():
            lengths[f"published.provinces.{code}.uncensored"] = figures.uncensored
        found = [
            misfit(f"{name} has {len(values)} values for {d} indicators", "give one each", *name.split("."))
            for name, values in lengths.items()
            if len(values) != d
        ]
        if sum(self.weights_18) != 18:
            found.append(misfit(f"weights_18 add up to {sum(self.weights_18)}, not 18", "correct them", "weights_18"))
        if self.difficulty not in self.difficulties:
            known = ", ".join(self.difficulties)
            found.append(misfit(f"there is no difficulty {self.difficulty!r}", f"choose one of {known}", "difficulty"))
        if set(self.province_points) != set(self.published.provinces):
            problem = "province_points and published.provinces name different provinces"
            found.append(misfit(problem, "name the same in both", "province_points"))
        raise_misfits(found)
        return self

    @property
    def noise(self) -> Difficulty:
        """The difficulty chosen."""
        return self.difficulties[self.difficulty]

    @property
    def first_quarter(self) -> Quarter:
        """First quarter that can be written."""
        return Quarter.from_label(self.horizon["first"])

    @property
    def last_quarter(self) -> Quarter:
        """Last quarter that can be written."""
        return Quarter.from_label(self.horizon["last"])

    @property
    def reference_quarter(self) -> Quarter:
        """The quarter that the published figures of the provinces describe."""
        return Quarter.from_label(self.published.reference_quarter)

    def check_quarter(self, quarter: Quarter) -> None:
        """Refuse a quarter beyond the horizon (UsageError)."""
        first, last = self.first_quarter, self.last_quarter
        if not first <= quarter <= last:
            raise UsageError(
                f"the simulated twin runs from {first} to {last}; {quarter} lies outside",
                remedy=f"ask for a quarter from {first} to {last}",
            )


def read_text(country_dir: Path, difficulty: str | None = None) -> str:
    """Text of ``simulated.yaml`` of a country; a difficulty that is given stands in place of the one in the file.

    Raises
    ------
    MissingFile
        If the country has no twin.
    """
    path = Path(country_dir) / "simulated.yaml"
    if not path.is_file():
        raise MissingFile("the country has no simulated twin", file=path, remedy="use --sources landing")
    text = path.read_text(encoding="utf-8")
    return text if difficulty is None else re.sub(r"(?m)^difficulty:\s*\w+", f"difficulty: {difficulty}", text)


def digest(text: str, seed: int) -> str:
    """Hexadecimal digest of settings, seed and format: equal digests mean equal output."""
    return hashlib.sha256(f"{FORMAT}\n{seed}\n{text}".encode()).hexdigest()


def read_settings(path: Path) -> TwinSettings:
    """Settings from a file ``simulated.yaml``."""
    return parse(read_text(path.parent), path)


@lru_cache(maxsize=4)
def parse(text: str, file: Path = Path("simulated.yaml")) -> TwinSettings:
    """Settings from the text of ``simulated.yaml``; ``file`` is what messages name.

    Raises
    ------
    SpecificationError
        If the text is not yaml or does not have the form of `TwinSettings`; the message names every fault with its line.
    """
    settings: TwinSettings = parse_lined_yaml(text, file).checked(TwinSettings)
    return settings
