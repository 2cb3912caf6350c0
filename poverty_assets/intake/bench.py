"""What a file is held against: the areas that the landing folder gives, and other sources' rows.

Belongs here: reading each once, and making areas and lists of codes once a process as long as their files do not change. Does not
belong here: any verdict (``gate``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from poverty_assets.errors import InputError
from poverty_assets.geography.areas import areas_from_sources, boundary_source
from poverty_assets.geography.crosswalk import CodeChanges, edition_in_use
from poverty_assets.measure.measure import Measure
from poverty_assets.pack.as_of import Release, release
from poverty_assets.pack.country import Country
from poverty_assets.pack.source import RasterSource, SourceSpec, SurveySource, VectorSource
from poverty_assets.quarter import Quarter
from poverty_assets.sources.landed import landed_files
from poverty_assets.sources.readers import Observation, read_source

T = TypeVar("T")
_AREAS: dict[Any, pd.DataFrame | InputError | None] = {}
_LISTED: dict[Any, set[str]] = {}
_KEPT = 4


@dataclass(frozen=True)
class Bench:
    """The country, its sources and its landing folder, as a quarter sees them.

    Attributes
    ----------
    specs : sequence of SourceSpec
        Of the country; those of official rates are none of them.
    """

    specs: Sequence[SourceSpec]
    quarter: Quarter
    landing: Path
    country: Country
    _read: dict[tuple[str, Path], Observation | InputError] = field(default_factory=dict, compare=False, repr=False)

    def reading(self, found: Release, measure: Measure | None = None) -> Observation:
        """What is read of a release, once for all who ask; not of rasters and surveys, which are large and which nobody asks for.

        Raises
        ------
        InputError
        """
        if isinstance(found.spec, RasterSource | SurveySource):
            return read_source(found, self.country, measure)
        key = (found.spec.source_id, found.path)  # two entries may read one file
        if key not in self._read:
            try:
                self._read[key] = read_source(found, self.country, measure)
            except InputError as error:
                self._read[key] = error
        known = self._read[key]
        if isinstance(known, InputError):
            raise known
        return known

    def rows(self, source_id: str) -> pd.DataFrame | None:
        """Rows of another source; None where there are none, or its file is refused for itself."""
        spec = next((s for s in self.specs if s.source_id == source_id), None)
        if spec is None or not self.is_there(spec):
            return None
        try:
            frame = self.reading(release(spec, self.quarter, self.landing)).frame
        except Exception:  # whatever it is, the verdict on that source tells of it
            return None
        return frame if len(frame) else None

    def is_there(self, spec: SourceSpec) -> bool:
        """Whether the quarter sees a file of a source."""
        try:
            return release(spec, self.quarter, self.landing).path.exists()
        except InputError:
            return False

    @cached_property
    def areas(self) -> pd.DataFrame | None:
        """The areas; None where a file that they are made of is refused for itself, or they cannot be made."""
        made = self._made()
        return made if isinstance(made, pd.DataFrame) else None

    @property
    def areas_fault(self) -> InputError | None:
        """Why the areas cannot be made although each of their files can be read."""
        made = self._made()
        return made if isinstance(made, InputError) else None

    @cached_property
    def listed(self) -> set[str]:
        """Codes that sources of names list, of any year."""
        lists = boundary_source(self.specs).options.names_from
        files = self._files([spec for spec in self.specs if spec.source_id in lists])
        return self._once(_LISTED, files, lambda: self._codes_of(lists))

    def changes(self, spec: SourceSpec) -> CodeChanges:
        """What became of the codes of a source that are of another edition."""
        return CodeChanges.of(spec, self.country, edition_in_use(boundary_source(self.specs), self.country))

    @cached_property
    def outline(self) -> Any:
        """The country's shape; None where there are no areas."""
        import shapely

        if self.areas is None:
            return None
        shape = shapely.from_wkb(self.areas["geometry"].iloc[0])
        shapely.prepare(shape)
        return shape

    def before(self, found: Release) -> Path | None:
        """The file of the release before: of those of a cadence that are there, the last one before it by name."""
        spec = found.spec
        if spec.cadence == "once":
            return None
        pattern = spec.path.replace("{year}", "*").replace("{label}", "*")
        earlier = [path for path in landed_files(self.landing, pattern) if path.name < found.path.name]
        return earlier[-1] if earlier else None

    def _codes_of(self, lists: Sequence[str]) -> set[str]:
        frames = [self.rows(name) for name in lists]
        return {str(code) for frame in frames if frame is not None for code in frame.get("area_code", ())}

    def _made(self) -> pd.DataFrame | InputError | None:
        return self._once(_AREAS, self._files([s for s in self.specs if s.role == "areas"]), self._make)

    def _once(self, kept: dict[Any, T], files: Sequence[Path], make: Callable[[], T]) -> T:
        """What was made of files that are as they were, or made now."""
        key = (self.country.country_id, self.country.folder, *(_state(path) for path in files))
        if key not in kept:
            while len(kept) >= _KEPT:
                kept.pop(next(iter(kept)))
            kept[key] = make()
        return kept[key]

    def _files(self, specs: Sequence[SourceSpec]) -> list[Path]:
        return [
            path
            for spec in specs
            for path in (
                release(spec, self.quarter, self.landing).path,
                *(part for also in _further(spec) for part in landed_files(self.landing, also)),
            )
        ]

    def _make(self) -> pd.DataFrame | InputError | None:
        sources = [s for s in self.specs if s.role == "areas"]
        frames = {s.source_id: self.rows(s.source_id) for s in sources}
        if any(frames[s.source_id] is None and s.required for s in sources):
            return None
        try:
            return areas_from_sources(sources, frames.get, self.country)
        except InputError as error:
            return error


def _further(spec: SourceSpec) -> list[str]:
    return spec.options.also if isinstance(spec, VectorSource) else []


def _state(path: Path) -> tuple[str, int, int]:
    try:
        known = path.stat()
    except OSError:
        return str(path), 0, 0
    return str(path), known.st_mtime_ns, known.st_size
