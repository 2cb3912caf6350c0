"""Holding a landing folder against the contracts of its sources, without running anything.

Belongs here: reading each file as a refresh would and telling what it would refuse.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from poverty_assets.errors import InputError, MissingFile
from poverty_assets.measure.measure import load_measure, measure_files
from poverty_assets.pack.country import load_country, load_sources, load_truth_sources
from poverty_assets.pack.source import RasterSource, SourceSpec, SurveySource, release
from poverty_assets.quarter import Quarter
from poverty_assets.settings import Settings, chosen_measure
from poverty_assets.sources.landed import landed_files
from poverty_assets.sources.readers import read_source

_FAR = Quarter(9000, 4)


def validate_landing(
    settings: Settings, kept: dict[str, pd.DataFrame] | None = None
) -> Iterator[tuple[str, str | None]]:
    """Each source with None, or with the message of what is wrong. Every file is read once.

    Sources of a cadence are looked up by the newest file that is there.

    Parameters
    ----------
    settings : Settings
    kept : dict, optional
        Takes the rows of each source that could be read, by its id, for whoever holds files against each other; not those of rasters
        and of surveys, which are large and which nobody does.

    Raises
    ------
    MissingFile
        If the folder does not exist.
    """
    folder = settings.landing_folder
    if not folder.is_dir():
        raise MissingFile("no such landing folder", file=folder, remedy="name the folder that holds the files")
    country = load_country(settings.country)
    name = chosen_measure(settings, country.default_measure)
    measure = load_measure(measure_files(country.folder)[name])
    simulated = settings.is_simulated
    for spec in [*load_sources(country, simulated=simulated), *load_truth_sources(country, simulated=simulated)]:
        try:
            found = release(_newest(spec, folder), _FAR, folder)
            if not found.path.exists() and (not spec.required or spec.role == "truth"):
                yield f"{spec.source_id}: absent (optional)", None
                continue
            observation = read_source(found, country, measure)
        except InputError as error:
            yield f"{spec.source_id}", error.message
        else:
            if kept is not None and not isinstance(spec, RasterSource | SurveySource):
                kept[spec.source_id] = observation.frame
            set_aside = sum(observation.quarantined.values())
            yield (
                f"{spec.source_id}: {observation.rows:,} rows" + (f", {set_aside} set aside" if set_aside else ""),
                None,
            )


def _newest(spec: SourceSpec, folder: Path) -> SourceSpec:
    """The source as one of a single file: of those of a cadence the newest that is there."""
    if spec.cadence == "once":
        return spec
    pattern = spec.path.replace("{year}", "*").replace("{label}", "*")
    path = (landed_files(folder, pattern) or [folder / spec.path])[-1]
    period = {"observed_from": spec.observed_from or _FAR.start, "observed_to": spec.observed_to or _FAR.start}
    return spec.model_copy(update={"path": path.relative_to(folder).as_posix(), "cadence": "once", **period})
