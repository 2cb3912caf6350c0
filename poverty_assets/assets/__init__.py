"""The Dagster graph, one module per group, in the order in which data flows.

Belongs here: assets of at most some twenty lines that take inputs, call one function of a domain package and return its
result with metadata. Does not belong here: computing anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from poverty_assets.assets import (
    areas,
    estimates,
    features,
    models,
    publication,
    published,
    registers,
    small_area,
    sources,
    survey,
)

if TYPE_CHECKING:
    import dagster as dg

    from poverty_assets.sources.spec import SourceSpec

GROUPS = (areas, features, survey, published, registers, small_area, estimates, models, publication)


def build(
    specs: list[SourceSpec], partitions: dg.PartitionsDefinition, *, simulated: bool
) -> list[dg.AssetsDefinition]:
    """Every asset of the graph."""
    made = sources.build(specs, partitions, simulated=simulated)
    return made + [asset for group in GROUPS for asset in group.build(specs, partitions)]
