"""Each source as observed: one asset per entry of the country's ``sources.yaml``.

Belongs here: the assets of the groups ``sources`` and, by role, ``sources_<role>``. In a home of simulated data they read what the twin
wrote. Which there are the pack decides, so they are made when it is known. Does not belong here: readers (``poverty_assets.sources``).
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import dagster as dg
import pandas as pd

from poverty_assets.graph.assets.describe import OWNERS, picture, source_group, source_schema, source_table, source_tags
from poverty_assets.graph.assets.landed import upstream
from poverty_assets.graph.assets.recipe import KNOWS_NO_QUARTER, Pack, Said, asset, every
from poverty_assets.graph.partitions import quarter_of
from poverty_assets.graph.resources import Home
from poverty_assets.graph.reuse.step import Statement, Step, code_of
from poverty_assets.intake.gate import CHECKS, RefusedFile, SenseFinding, checks_of
from poverty_assets.intake.grounds import grounds_of
from poverty_assets.pack.source import SourceSpec
from poverty_assets.quarter import Quarter
from poverty_assets.sources.readers import Observation


@asset(Said("sources", every, ("python", "geotiff"), metadata={"is_simulated": True}), again=None)
def simulated_landing(context: dg.AssetExecutionContext, home: Home) -> pd.DataFrame:
    """SIMULATED DATA: files of a simulated twin of the country, in the forms that real sources come in."""
    from poverty_assets.sources.earlier import earlier_times, waves_stated
    from poverty_assets.twin import write_base, write_quarter, write_rasters

    quarter, asked = quarter_of(context), home.settings
    chosen: Any = {"country_dir": home.country.folder, "seed": asked.seed, "difficulty": asked.difficulty}
    times = earlier_times(waves_stated(home.specs, quarter), quarter)
    write_base(home.landing, asked.truth, **chosen)
    write_quarter(home.landing, asked.truth, quarter, **chosen)
    write_rasters(home.landing, sorted({time.quarter for time in times}), **chosen)
    return pd.DataFrame({"landing": [home.landing.name], "seed": [asked.seed]})


@asset(Said(of=every), reads=every, again=KNOWS_NO_QUARTER)
def meta_source(context: dg.AssetExecutionContext, home: Home) -> pd.DataFrame:
    """The files that the quarter used."""
    from poverty_assets.warehouse.provenance import source_rows

    return source_rows(home.lake, home.specs, quarter_of(context))


@asset(Said(of=every), reads=every, again=None)  # which figures rest on a source is told by the whole graph
def late_source(context: dg.AssetExecutionContext, home: Home) -> pd.DataFrame:
    """Which figures go without a source whose file was late; tables of figures flag them."""
    from poverty_assets.graph.assets.lineage import pack_of, sources_of
    from poverty_assets.warehouse.provenance import late_sources, rows_of_late

    late = late_sources(home.lake, home.specs, quarter_of(context))
    return rows_of_late(late, sources_of(pack_of(home)) if late else {})


def source_asset(spec: SourceSpec, pack: Pack) -> dg.AssetsDefinition:
    """The asset of one source."""

    @dg.asset(
        name=f"src_{spec.source_id}",
        description=f"**{spec.title}.** {spec.description}\n\nPublisher: {spec.publisher}. Licence: {spec.licence}."
        f" Observed: {spec.observed_from or 'each ' + spec.cadence} to {spec.observed_to or 'its end'}."
        f" How to obtain it: {spec.obtain}",
        group_name=source_group(spec),
        owners=OWNERS,
        tags=source_tags(spec),
        kinds={"python", spec.reader},
        partitions_def=pack.partitions,
        deps=[simulated_landing.name] if pack.simulated else upstream(spec, pack),
        metadata={
            "sources": source_table([spec]),
            "is_simulated": spec.is_simulated,
            "dagster/column_schema": source_schema(spec),
        },
        check_specs=_check_specs(spec, pack),
        code_version=code_of(__name__, source_asset.__name__),
    )
    @_where_not_there(spec)
    def source(context: dg.AssetExecutionContext, home: Home) -> Iterator[dg.Output | dg.AssetCheckResult]:
        try:
            observation, findings = home.admitted(spec.source_id, quarter_of(context))
        except RefusedFile as refused:
            yield from _results(spec, refused.findings)
            raise
        yield dg.Output(observation, metadata=_noted(observation, spec))
        yield from _results(spec, findings)

    return source


def _where_not_there(spec: SourceSpec) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Has a source be read where it is not there already from the same files: its own, and those that its verdict rests on."""
    name = f"src_{spec.source_id}"

    def states(home: Home, quarter: Quarter) -> Statement:
        grounds = grounds_of(spec, quarter, home.landing, home.country, home.specs)
        return Statement(grounds.facts, grounds.files)

    of: dict[str, Any] = {"outputs": (name,), "knows": "what is stated", "states": states}
    return lambda function: Step(name, function, (__name__, source_asset.__name__), **of).wired()


def _check_specs(spec: SourceSpec, pack: Pack) -> list[dg.AssetCheckSpec]:
    """A check of the quarter for each thing that is held of the source's sense."""
    with warnings.catch_warnings():
        # partitioned checks are a preview of Dagster's; that one warning would come a hundred times at each start
        warnings.filterwarnings("ignore", message="Specifying a partitions_def", category=dg.PreviewWarning)
        return [
            dg.AssetCheckSpec(
                name, asset=f"src_{spec.source_id}", description=CHECKS[name], partitions_def=pack.partitions
            )
            for name in checks_of(spec)
        ]


def _results(spec: SourceSpec, findings: Sequence[SenseFinding]) -> Iterator[dg.AssetCheckResult]:
    """What each check of the source's sense found, with the levels at which it refuses."""
    stated = {name: str(value) for name, value in spec.sense.model_dump(exclude_none=True).items() if value != []}
    for name in checks_of(spec):
        own = [finding for finding in findings if finding.check == name]
        failed = [finding.error.message for finding in own if finding.error is not None]
        said = "; ".join(finding.said for finding in own if finding.said) or "nothing to compare"
        yield dg.AssetCheckResult(
            check_name=name,
            passed=not failed,
            severity=dg.AssetCheckSeverity.ERROR,
            description="\n".join(failed) or said,
            metadata=stated,
        )


def _noted(observation: Observation, spec: SourceSpec) -> dict[str, Any]:
    noted: dict[str, Any] = {name: str(value) for name, value in observation.metadata.items()}
    if observation.summary is not None:
        from poverty_assets.reports.pictures.drawing import raster_map

        png = raster_map(observation.summary.overview, spec.title, spec.is_simulated)
        noted["map"] = picture(png, spec.title)
    return noted


ASSETS = (meta_source, late_source)
