"""Each source as observed: one asset per entry of the country's ``sources.yaml``.

Belongs here: the assets of group ``sources``. In a home of simulated data they read what the twin wrote. Does not belong
here: readers (``poverty_assets.sources``).
"""

from typing import Any

import dagster as dg
import pandas as pd

from poverty_assets.graph.assets.describe import OWNERS, of_table, picture, source_table
from poverty_assets.graph.partitions import quarter_of
from poverty_assets.graph.resources import Home
from poverty_assets.pack.source import RasterSource, SourceSpec
from poverty_assets.sources.readers import Observation


def build(
    specs: list[SourceSpec], partitions: dg.PartitionsDefinition, *, simulated: bool
) -> list[dg.AssetsDefinition]:
    """All assets of the group."""
    upstream = [twin_landing(specs, partitions)] if simulated else []
    return [*upstream, *(_source(spec, partitions, upstream) for spec in specs), _meta_source(specs, partitions)]


def twin_landing(specs: list[SourceSpec], partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    """The asset that writes the simulated twin's files of a quarter."""

    @dg.asset(
        group_name="sources",
        owners=OWNERS,
        kinds={"python", "geotiff"},
        partitions_def=partitions,
        metadata={"is_simulated": True, "sources": source_table(specs)},
    )
    def simulated_landing(context: dg.AssetExecutionContext, home: Home) -> pd.DataFrame:
        """SIMULATED DATA: files of a simulated twin of the country, in the forms that real sources come in."""
        from poverty_assets.sources.earlier import earlier_times
        from poverty_assets.twin import write_base, write_quarter, write_rasters

        folder, seed = home.country.folder, home.settings.seed
        quarter = quarter_of(context)
        waves = [(s.source_id, {"observed_to": s.observed_to.isoformat()}) for s in specs
                 if s.role == "survey" and s.observed_to and s.observed_to <= quarter.end]  # fmt: skip
        times = earlier_times(sorted(waves, key=lambda wave: wave[1]["observed_to"]), quarter)
        write_base(home.landing, home.settings.truth, country_dir=folder, seed=seed)
        write_quarter(home.landing, home.settings.truth, quarter, country_dir=folder, seed=seed)
        write_rasters(home.landing, sorted(set(times.values())), country_dir=folder, seed=seed)
        return pd.DataFrame({"landing": [home.landing.name], "seed": [seed]})

    return simulated_landing


def _source(
    spec: SourceSpec, partitions: dg.PartitionsDefinition, upstream: list[dg.AssetsDefinition]
) -> dg.AssetsDefinition:
    @dg.asset(
        name=f"src_{spec.source_id}",
        description=f"**{spec.title}.** {spec.description}\n\nPublisher: {spec.publisher}. Licence: {spec.licence}."
        f" Observed: {spec.observed_from or 'each ' + spec.cadence} to {spec.observed_to or 'its end'}."
        f" How to obtain it: {spec.obtain}",
        group_name="sources",
        owners=OWNERS,
        kinds={"python", spec.reader},
        partitions_def=partitions,
        deps=upstream,
        metadata={"sources": source_table([spec]), "is_simulated": spec.is_simulated},
    )
    def source(context: dg.AssetExecutionContext, home: Home) -> Observation:
        observation = home.observe(spec.source_id, quarter_of(context))
        context.add_output_metadata(_noted(observation, spec))
        return observation

    return source


def _noted(observation: Observation, spec: SourceSpec) -> dict[str, Any]:
    noted: dict[str, Any] = {name: str(value) for name, value in observation.metadata.items()}
    if isinstance(spec, RasterSource) and "absent" not in noted:
        from poverty_assets.reports.pictures.drawing import raster_map
        from poverty_assets.sources.raster import raster_of_rows

        raster = raster_of_rows(observation.frame)
        noted["map"] = picture(raster_map(raster.values, raster.bounds, spec.title, spec.is_simulated), spec.title)
    return noted


def _meta_source(specs: list[SourceSpec], partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    @dg.asset(**of_table("meta_source", specs, partitions, deps=[f"src_{spec.source_id}" for spec in specs]))
    def meta_source(context: dg.AssetExecutionContext, home: Home) -> pd.DataFrame:
        from poverty_assets.warehouse.provenance import source_rows

        return source_rows(home.lake, list(home.sources.values()), quarter_of(context))

    return meta_source
