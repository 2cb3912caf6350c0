"""The Dagster graph, one module per group, in the order in which data flows.

Belongs here: assets of at most some twenty lines that take inputs, call one function of a domain package and return its
result with metadata. Does not belong here: computing anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from poverty_assets.graph.assets import (
    approval,
    areas,
    arrivals,
    context,
    estimates,
    evaluation,
    features,
    landed,
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

    from poverty_assets.graph.assets.recipe import Pack

GROUPS = (
    context, vulnerability, areas, features, survey, published, registers, small_area, estimates, evaluation, models,
    publication, pages,
)  # fmt: skip


def build(pack: Pack) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """Every asset of the graph."""
    made: list[dg.AssetsDefinition | dg.AssetSpec] = [publication.SEALED_QUARTERS]
    made += [sources.simulated_landing.wire(pack)] if pack.simulated else landed.build(pack)
    made += [sources.source_asset(spec, pack) for spec in pack.specs]
    made += [recipe.wire(pack, reused=True) for recipe in sources.ASSETS]
    groups = (*GROUPS, *([approval] if pack.country.wants_approval else []), *([] if pack.simulated else [arrivals]))
    return made + [recipe.wire(pack, reused=True) for group in groups for recipe in group.ASSETS]
