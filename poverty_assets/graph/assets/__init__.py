"""The Dagster graph, one module per group, in the order in which data flows.

Belongs here: assets of at most some twenty lines that take inputs, call one function of a domain package and return its
result with metadata. Does not belong here: computing anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from poverty_assets.graph.assets import (
    areas,
    context,
    estimates,
    evaluation,
    features,
    models,
    pages,
    publication,
    published,
    registers,
    small_area,
    sources,
    survey,
    vulnerability,
)

if TYPE_CHECKING:
    import dagster as dg

    from poverty_assets.pack.country import Country
    from poverty_assets.pack.source import SourceSpec

GROUPS = (areas, features, survey, published, registers, small_area, estimates, evaluation, models, publication, pages)


def build(
    specs: list[SourceSpec], partitions: dg.PartitionsDefinition, country: Country, *, simulated: bool
) -> list[dg.AssetsDefinition]:
    """Every asset of the graph."""
    made = sources.build(specs, partitions, simulated=simulated)
    made += context.build(specs, partitions, country)
    made += vulnerability.build(specs, partitions, country)
    return made + [asset for group in GROUPS for asset in group.build(specs, partitions)]
