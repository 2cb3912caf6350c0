"""Where things live and what was asked for: the settings of one home.

Belongs here: reading the environment, and the paths below the home. Does not belong here: creating anything on import, or
Dagster.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from poverty_assets.atomic import write_text
from poverty_assets.catalog import SCHEMA
from poverty_assets.errors import MissingFile, UnreadableFile, UsageError

HOUSEHOLD_KEY = "POVERTY_ASSETS_HOUSEHOLD_KEY"
SourceKind = Literal["simulated", "landing"]
RUN_SIGNS, PROCESS_SIGNS, TURNS = "runs_at_work", "processes", "turns"
"""Folders below Dagster's home with a sign of life of each run that is on, and of each refresh from the command line, and with whose
turn it is at each quarter."""


class Settings(BaseSettings):
    """Settings from the environment, prefix ``POVERTY_ASSETS_``; the command line overrides them.

    Attributes
    ----------
    home : Path
        Holds ``landing/ lake/ warehouse/ reports/ dagster/``.
    country : str
        Name of a country's folder; by default the one that the home holds.
    sources : {"simulated", "landing"}, optional
        Kind of data; one home holds one of the two and remembers which.
    landing : Path, optional
        Landing folder of real files; default ``<home>/landing``.
    seed : int
        Seed of the simulated twin.
    difficulty : str, optional
        How little registers and satellites of the twin tell, of those that ``simulated.yaml`` states; by default the one that it
        chooses.
    replicates : int
        Replicates behind the intervals of estimates.
    workers : int
        Quarters of one refresh that run at once, each in a process of its own of some 2 GB; no more than there are cores.
    passed_on : bool
        Whether reports of areas are also made as PDF and as a card.
    dask : str
        Who takes rasters and replicates: nothing for threads here, ``local`` for a Dask cluster on this machine, or a scheduler's address.
    keep_days : int
        For how long records and logs of runs are kept after which the same work succeeded again.
    bucket : str
        Where the lake is kept, ``s3://bucket/prefix``; nothing for a folder of the home.
    fetch : bool
        Whether the home fetches by itself what its quarters want; else a person does, or files come another way.
    """

    model_config = SettingsConfigDict(env_prefix="POVERTY_ASSETS_", extra="ignore")

    home: Path = Path("data")
    country: str = "khm"
    sources: SourceKind | None = None
    landing: Path | None = None
    measure: str | None = None
    seed: int = 20260101
    difficulty: str | None = None
    replicates: int = Field(default=200, ge=20, le=2000)
    workers: int = Field(default=2, ge=1, le=64)
    passed_on: bool = True
    dask: str = ""
    keep_days: int = Field(default=180, ge=1)
    bucket: str = ""
    fetch: bool = False

    @model_validator(mode="after")
    def _the_homes_own_country(self) -> Settings:
        if "country" not in self.model_fields_set:
            remembered = _remembered(self.home).get("country")
            if remembered is not None:
                self.country = remembered
        return self

    @property
    def country_is_default(self) -> bool:
        """Whether the country is that of the package, for want of any word of it."""
        return "country" not in self.model_fields_set

    @property
    def lake(self) -> Path:
        """Folder of the Parquet lake, or of copies of what a bucket keeps of it."""
        return self.home / ("lake_copies" if self.bucket else "lake")

    @property
    def warehouse(self) -> Path:
        """The published DuckDB file."""
        return self.home / "warehouse" / "poverty.duckdb"

    @property
    def candidate(self) -> Path:
        """What would be published if everything that waits were approved; its page lies beside it."""
        return self.home / "candidate" / "poverty.duckdb"

    @property
    def arrivals(self) -> Path:
        """Record of what came into the landing folder."""
        return self.home / "arrivals.json"

    @property
    def waiting(self) -> Path:
        """Record of since when quarters are begun by themselves here, and of when was last fetched for which."""
        return self.home / "waiting.json"

    @property
    def quarantine(self) -> Path:
        """Folder of landing files that were refused, each with a report."""
        return self.home / "quarantine"

    @property
    def approvals(self) -> Path:
        """Record of who approved what."""
        return self.home / "approvals.json"

    @property
    def models(self) -> Path:
        """Folder of model artifacts."""
        return self.home / "models"

    @property
    def coverages(self) -> Path:
        """Folder of coverages of grids by areas, which are made again where they are missing."""
        return self.home / "coverage"

    @property
    def decisions(self) -> Path:
        """Folder of decisions on which figures may be shown, which are made again where they are missing."""
        return self.home / "decisions"

    @property
    def waves(self) -> Path:
        """Folder of models of survey waves, which are made again where they are missing."""
        return self.home / "models" / "waves"

    @property
    def fonts(self) -> Path:
        """Folder of fonts cut down to what pages need, which are made again where they are missing."""
        return self.home / "fonts"

    @property
    def made(self) -> Path:
        """Folder of records of what each step was made of, without which everything is made anew."""
        return self.home / "made"

    @property
    def reports(self) -> Path:
        """Folder of pages for people."""
        return self.home / "reports"

    @property
    def written(self) -> list[Path]:
        """Folders that runs write into."""
        made = [self.lake, self.models, self.coverages, self.decisions, self.fonts, self.made]
        folders = [*made, self.warehouse.parent, self.candidate.parent, self.reports]
        return [folder for folder in folders if folder.is_dir()]

    @property
    def dagster_home(self) -> Path:
        """Folder of Dagster's own records."""
        return self.home / "dagster"

    @property
    def truth(self) -> Path:
        """The simulated twin's truth; only evaluation reads it."""
        return self.home / "evaluation" / "truth"

    @property
    def is_simulated(self) -> bool:
        """Whether the home holds simulated data."""
        return self.kind == "simulated"

    @property
    def kind(self) -> SourceKind:
        """The kind of data asked for, else what the home holds, else simulated."""
        return self.sources or ("landing" if _remembered(self.home).get("sources") == "landing" else "simulated")

    @property
    def landing_folder(self) -> Path:
        """Where the files of the sources lie."""
        if self.is_simulated:
            return self.home / "landing" / "simulated"
        remembered = _remembered(self.home).get("landing")
        return self.landing or (Path(remembered) if remembered else self.home / "landing")


def _remembered(home: Path) -> dict[str, Any]:
    path = home / "home.json"
    if not path.is_file():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise UnreadableFile(
            f"what this home holds cannot be read ({error})",
            file=path,
            remedy="bring the file back from a backup; or move it away, and the next refresh writes it as it is asked:"
            " say --sources, --landing and --country then",
        ) from error


def require_form(settings: Settings) -> None:
    """Refuse a home whose lake was written in another form than this version writes.

    Raises
    ------
    UsageError
    """
    held = int(_remembered(settings.home).get("schema", 1))
    if held != SCHEMA and settings.lake.is_dir():
        raise UsageError(
            f"the lake of this home has form {held}, and this version of poverty-assets reads and writes form {SCHEMA}",
            file=settings.home,
            remedy="name a new folder in POVERTY_ASSETS_HOME and refresh your quarters there; what is published here stays readable",
        )


def require_kind(settings: Settings) -> None:
    """Refuse a home that already holds the other kind of data, or another country.

    Raises
    ------
    UsageError
    """
    held = _remembered(settings.home)
    for name, asked in (("sources", settings.kind), ("country", settings.country)):
        if name in held and held[name] != asked:
            raise UsageError(
                f"this home holds {held[name]} and was asked for {asked} ({name})",
                file=settings.home,
                remedy="set POVERTY_ASSETS_HOME to another folder; one home holds one country and one kind of data",
            )


def claim_home(settings: Settings) -> Settings:
    """Make the home, and have it remember what it holds: country, kind of data, landing folder, measure.

    Raises
    ------
    UsageError
        If the home already holds the other kind of data, or another country.
    MissingFile
        If the landing folder does not exist.
    """
    require_form(settings)
    require_kind(settings)
    held = _remembered(settings.home)
    folder = settings.landing_folder
    if not settings.is_simulated and not folder.is_dir():
        raise MissingFile(
            "no such landing folder", file=folder, remedy="name the folder that holds the files: --landing DIR"
        )
    settings.home.mkdir(parents=True, exist_ok=True)
    claim: dict[str, Any] = {"country": settings.country, "sources": settings.kind, "schema": SCHEMA}
    if not settings.is_simulated:
        claim["landing"] = str(folder.resolve())
    if settings.measure or "measure" in held:
        claim["measure"] = settings.measure or held["measure"]
    if claim != held:
        write_text(settings.home / "home.json", json.dumps(claim, indent=1) + "\n")
    return settings


def chosen_measure(settings: Settings, default: str) -> str:
    """The measure asked for, else the home's, else the country's default."""
    return settings.measure or _remembered(settings.home).get("measure", default)


def household_key() -> bytes | None:
    """The secret key of the hash that replaces household identifiers; None: one that only a holder of the household file can make.

    It is no part of ``Settings``, which are written into records of runs: who hashes asks for it at that moment.
    """
    key = os.environ.get(HOUSEHOLD_KEY)
    return key.encode() if key else None
