"""The home, its country and its sources, as one resource that assets ask for.

Belongs here: opening what settings name. Does not belong here: reading the environment (``settings``). Annotations are no strings here:
Dagster reads those of a resource when the class is made.
"""

import datetime as dt
import hashlib
import logging
import os
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
from pydantic import PrivateAttr

from poverty_assets.atomic import sweep
from poverty_assets.features.feature_table import Observed
from poverty_assets.fetching.orders import fetched_unasked
from poverty_assets.intake.arrivals import read_arrivals
from poverty_assets.intake.gate import SenseFinding, admit
from poverty_assets.intake.standing import Standing, standings
from poverty_assets.kept import make_anew
from poverty_assets.measure.measure import Measure, load_measure, measure_files
from poverty_assets.measurement.kept_decisions import KeptDecisions
from poverty_assets.pack.country import Country, load_country, load_sources
from poverty_assets.pack.source import SourceSpec, TableSource
from poverty_assets.quarter import Quarter
from poverty_assets.settings import RUN_SIGNS, TURNS, Settings, chosen_measure
from poverty_assets.signs_of_life import SignOfLife, Turn
from poverty_assets.sources.earlier import EarlierTime
from poverty_assets.sources.raster import RasterCells
from poverty_assets.sources.readers import Observation
from poverty_assets.warehouse.approval import ApprovalDesk
from poverty_assets.warehouse.behind import quarters_behind
from poverty_assets.warehouse.lake import Lake
from poverty_assets.workers import Workers

LOG = logging.getLogger("poverty_assets")
FULL = "poverty_assets/full"
"""Tag of a run that makes everything anew."""


class Home(dg.ConfigurableResource):
    """One home: folders, country, sources.

    Which home that is the process settles when it starts. It is no configuration of a run: whoever may start one could otherwise name
    a folder of their own choosing.

    Attributes
    ----------
    settings : Settings
    """

    settings: dg.ResourceDependency[Settings]
    _sign: SignOfLife | None = PrivateAttr(default=None)
    _turn: Turn | None = PrivateAttr(default=None)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Give a sign of life in the run's name while it is on, so that whoever waits for it finds out that it has died; wait until no
        other run makes the same quarter; clear away what killed processes left half written.

        The sign lies with the records that know the run: where several homes are served as one, they are another home's.
        """
        if context.run is None or context.instance is None:
            return
        make_anew(FULL in context.run.tags)
        run = context.run.run_id
        self._sign = SignOfLife(Path(context.instance.root_directory) / RUN_SIGNS / f"{run}.lock")
        key = context.run.tags.get("dagster/partition")
        if key:
            who = f"run {run[:8]} (process {os.getpid()} on {os.uname().nodename})"
            self._turn = Turn(self.settings.dagster_home / TURNS / f"{key}.lock", who, partial(_tell, key))
        for folder in self.settings.written:
            sweep(folder)

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Take the sign back, let the next run of the quarter begin, and keep again what is made, as the process did before."""
        make_anew(False)
        if self._turn is not None:
            self._turn.end()
        if self._sign is not None:
            self._sign.take_back()

    @classmethod
    def of(cls, settings: Settings) -> "Home":
        """The resource for these settings."""
        return cls(settings=settings)

    @cached_property
    def country(self) -> Country:
        """The country."""
        return load_country(self.settings.country)

    @cached_property
    def sources(self) -> dict[str, SourceSpec]:
        """The country's sources by id."""
        specs = load_sources(self.country, simulated=self.settings.is_simulated)
        return {spec.source_id: spec for spec in specs}

    @property
    def specs(self) -> list[SourceSpec]:
        """The country's sources."""
        return list(self.sources.values())

    def of_role(self, role: str) -> list[SourceSpec]:
        """Those of one role."""
        return [spec for spec in self.specs if spec.role == role]

    def tables_of_role(self, role: str) -> list[TableSource]:
        """The same, as the tables that they are."""
        return [spec for spec in self.of_role(role) if isinstance(spec, TableSource)]

    @cached_property
    def measure(self) -> Measure:
        """The measure that is estimated."""
        name = chosen_measure(self.settings, self.country.default_measure)
        return load_measure(measure_files(self.country.folder)[name])

    def observe(self, source_id: str, quarter: Quarter) -> Observation:
        """Read a source's file as the quarter sees it, once the gate admits it."""
        return self.admitted(source_id, quarter)[0]

    def admitted(self, source_id: str, quarter: Quarter) -> tuple[Observation, list[SenseFinding]]:
        """The same, with what the checks of its sense found."""
        return admit(self.sources[source_id], quarter, self.landing, self.country, self.specs, self.measure)

    @cached_property
    def fetched(self) -> list[SourceSpec]:
        """Sources that the home fetches by itself."""
        return fetched_unasked(self.specs) if self.settings.fetch else []

    def standings(self, quarter: Quarter) -> list[Standing]:
        """How each source stands to a quarter."""
        arrivals = [] if self.settings.is_simulated else read_arrivals(self.settings.arrivals)
        fetched = [spec.source_id for spec in self.fetched]
        return standings(self.specs, self.landing, quarter, arrivals, fetched)

    def survey_waves(self, quarter: Quarter) -> list[tuple[str, dict[str, Any]]]:
        """Survey waves that the quarter sees, in order of the end of fieldwork, with what was noted of each."""
        waves = [spec.source_id for spec in self.sources.values() if spec.role == "survey"]
        noted = [(source_id, self.lake.notes(f"src_{source_id}", quarter)) for source_id in waves]
        return sorted((w for w in noted if "absent" not in w[1]), key=lambda w: w[1]["observed_to"])

    def surveyed_earlier(self, quarter: Quarter) -> bool:
        """Whether the fieldwork of the wave that serves the quarter had ended before it began."""
        waves = self.survey_waves(quarter)
        return bool(waves) and waves[-1][1]["observed_to"] < quarter.start

    @property
    def lake(self) -> Lake:
        """The lake."""
        return Lake.of(self.settings)

    @property
    def desk(self) -> ApprovalDesk:
        """What waits for approval."""
        return ApprovalDesk.of(self.settings)

    def behind(self, now: dt.datetime) -> list[Quarter]:
        """Quarters that may be published now and are not published as they are."""
        if self.country.wants_approval:
            return self.desk.behind(now)
        return quarters_behind(self.lake, self.settings.warehouse)

    def let_through(self, now: dt.datetime) -> str:
        """A digest of what may be published now because somebody approved it; empty where nobody is asked."""
        if not self.country.wants_approval:
            return ""
        approved = sorted(one.lake_digest for one in self.desk.approved(now).values())
        return hashlib.sha256("".join(approved).encode()).hexdigest()

    @property
    def landing(self) -> Path:
        """The landing folder."""
        return self.settings.landing_folder

    def observed(self, source_id: str, quarter: Quarter) -> pd.DataFrame | None:
        """Rows of a source as the quarter sees it; None where it had not been observed or is not there."""
        if "absent" in self.lake.notes(f"src_{source_id}", quarter):
            return None
        return self.lake.read(f"src_{source_id}", quarter)

    def raster(self, source_id: str, quarter: Quarter) -> RasterCells | None:
        """A source that is a raster, as the quarter sees it; None where it had not been observed or is not there."""
        name = f"src_{source_id}"
        return None if "absent" in self.lake.notes(name, quarter) else self.lake.raster(name, quarter)

    def noted(self, frame: pd.DataFrame, notes: dict[str, dict[str, str]]) -> Observation | pd.DataFrame:
        """An asset's rows with what is to be noted of them; the rows alone where there is nothing to note."""
        kept = {note: of for note, of in notes.items() if of}
        return Observation(frame, "", len(frame), metadata=kept) if kept else frame

    @property
    def decided(self) -> KeptDecisions:
        """Where decisions on which figures may be shown are kept."""
        return KeptDecisions(self.settings.decisions)

    def reader(self, quarter: Quarter) -> Callable[[str], pd.DataFrame | None]:
        """`observed` of one quarter, as a function of the source."""
        return partial(self.observed, quarter=quarter)

    def seen(self, quarter: Quarter, earlier: Sequence[EarlierTime], workers: Workers | None = None) -> Observed:
        """What features are made of: the sources as the quarter sees them, and as they were at earlier times."""
        return Observed(
            lambda source_id: self.observed(source_id, quarter),
            lambda source_id: self.lake.notes(f"src_{source_id}", quarter),
            quarter,
            self.landing,
            earlier,
            self.settings.coverages,
            partial(self.raster, quarter=quarter),
            workers,
        )


def _tell(key: str, holder: str) -> None:
    LOG.warning("waiting for %s, which is making %s, too", holder, Quarter.from_key(key))
