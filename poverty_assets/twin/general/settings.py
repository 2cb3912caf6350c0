"""The form of a ``simulated.yaml`` that names this generator.

Belongs here: what it may state, each with a default, and the check that it hangs together. Does not belong here: any number about a
country, or any use of the numbers.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from pydantic import Field, model_validator

from poverty_assets.errors import MissingFile, UsageError
from poverty_assets.lined_yaml import Form, misfit, raise_misfits, read_lined_yaml
from poverty_assets.quarter import Quarter


class Horizon(Form):
    """First and last quarter that can be written, as ``2018Q1``."""

    first: str
    last: str

    @model_validator(mode="after")
    def _ascends(self) -> Horizon:
        found = []
        for name in ("first", "last"):
            try:
                Quarter.from_label(getattr(self, name))
            except UsageError as error:
                found.append(misfit(error.problem, error.remedy or "", name))
        if not found and self.quarters[0] > self.quarters[1]:
            found.append(misfit(f"{self.first} comes after {self.last}", "write the earlier first", "first"))
        raise_misfits(found)
        return self

    @property
    def quarters(self) -> tuple[Quarter, Quarter]:
        """The two."""
        return Quarter.from_label(self.first), Quarter.from_label(self.last)


class MadeLevel(Form):
    """Areas of a level that are made up where there are no polygons.

    Attributes
    ----------
    within : int
        How many lie in each area of the level above.
    code : str
        Their codes: ``{n}`` is the number within the area above, ``{above}`` that area's code (``"{above}{n:02d}"``).
    """

    within: int = Field(ge=1, le=200)
    code: str


class MadeWave(Form):
    """One survey: clusters are drawn in each published area, in towns and outside."""

    wave: str
    title: str
    start: dt.date
    end: dt.date
    clusters: int = Field(default=12, ge=2)
    households_per_cluster: int = Field(default=15, ge=2)

    @property
    def quarter(self) -> Quarter:
        """The quarter whose state of affairs it finds."""
        return Quarter.containing(self.end)


class MadeRegister(Form):
    """A yearly register: households listed by what could be seen of their deprivations, and by error."""

    years: list[int] = Field(min_length=1)
    share: float = Field(default=0.2, gt=0, lt=1)
    noise: float = Field(default=0.2, ge=0)


class MadeRaster(Form):
    """A raster a quarter: ``level + wealth * (an area's wealth)``, by season, with noise; not below 0."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    unit: str
    level: float
    wealth: float
    noise: float = Field(ge=0)
    season: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)


class GeneralSettings(Form):
    """The whole of ``simulated.yaml``.

    Attributes
    ----------
    areas : dict of str to MadeLevel
        By level, for where no polygons lie in the landing folder. A level whose parents stand in a table of country.yaml has its codes
        there.
    cells_per_degree : int
        Of rasters.
    households : float
        In an area of the finest level, the median; ``spread`` is the standard deviation of the logarithm.
    urban_share : float
        Of areas of the finest level, the densest.
    size_shares : list of float
        Of households with 1, 2, ... members.
    headcount : float
        Share of households deprived in an indicator for which ``headcounts`` has none, at the reference quarter.
    loading, response, cluster_share : float
        Of an indicator on what is common to a household's; on the wealth of its area; share of the first common to a cluster.
    trend, innovation : float
        Change a year, and standard deviation of an area's own change in a quarter, in units of the latent normal.
    """

    generator: str
    horizon: Horizon
    reference_quarter: str
    areas: dict[str, MadeLevel] = Field(default_factory=dict)
    cells_per_degree: int = Field(default=10, ge=1, le=240)
    households: float = Field(default=300, ge=20, le=100_000)
    spread: float = Field(default=0.4, ge=0, le=2)
    urban_share: float = Field(default=0.3, ge=0, le=1)
    size_shares: list[float] = Field(default=[0.1, 0.15, 0.18, 0.2, 0.15, 0.1, 0.07, 0.05], min_length=1)
    headcount: float = Field(default=0.2, gt=0, lt=1)
    headcounts: dict[str, float] = Field(default_factory=dict)
    loading: float = Field(default=0.6, ge=0, lt=1)
    response: float = Field(default=0.45, ge=0)
    cluster_share: float = Field(default=0.2, ge=0, lt=1)
    cluster_households: int = Field(default=60, ge=5)
    trend: float = -0.04
    innovation: float = Field(default=0.02, ge=0)
    surveys: list[MadeWave] = Field(min_length=1)
    register_: MadeRegister | None = Field(default=None, alias="register")
    rasters: list[MadeRaster] = Field(default_factory=list)

    @model_validator(mode="after")
    def _hangs_together(self) -> GeneralSettings:
        found = []
        if abs(sum(self.size_shares) - 1) > 1e-9:
            found.append(misfit(f"size_shares add up to {sum(self.size_shares)}, not 1", "correct them", "size_shares"))
        for name, share in self.headcounts.items():
            if not 0 < share < 1:
                found.append(
                    misfit(
                        f"the headcount of {name} is {share}", "write a share above 0 and below 1", "headcounts", name
                    )
                )
        for i, wave in enumerate(self.surveys):
            if not wave.start < wave.end:
                found.append(
                    misfit(f"fieldwork of {wave.wave} ends before it starts", "correct the days", "surveys", i, "end")
                )
        raise_misfits(found)
        return self

    @property
    def reference(self) -> Quarter:
        """The quarter that headcounts are of."""
        return Quarter.from_label(self.reference_quarter)

    @property
    def years(self) -> range:
        """Years of the horizon."""
        first, last = self.horizon.quarters
        return range(first.year, last.year + 1)

    def check_quarter(self, quarter: Quarter) -> None:
        """Refuse a quarter beyond the horizon (UsageError)."""
        first, last = self.horizon.quarters
        if not first <= quarter <= last:
            raise UsageError(
                f"the simulated twin runs from {first} to {last}; {quarter} lies outside",
                remedy=f"ask for a quarter from {first} to {last}",
            )


def read_settings(path: Path) -> GeneralSettings:
    """Settings from a file ``simulated.yaml``.

    Raises
    ------
    MissingFile, SpecificationError
        If it is absent or does not have the form of `GeneralSettings`; the message names every fault with its line.
    """
    if not path.is_file():
        raise MissingFile("the country has no simulated twin", file=path, remedy="use --sources landing")
    settings: GeneralSettings = read_lined_yaml(path).checked(GeneralSettings)
    return settings
