"""What stands behind published tables, by the graph itself and by the records of runs.

Belongs here: walking the graph of a pack from each table to its sources, and asking Dagster which run made a quarter. Does not belong
here: what is published of it (``warehouse.provenance``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import dagster as dg

from poverty_assets.catalog import TABLES
from poverty_assets.catalog.model import METHODS
from poverty_assets.graph.assets.recipe import Pack
from poverty_assets.graph.partitions import quarterly
from poverty_assets.graph.resources import Home
from poverty_assets.pack.as_of import first_served
from poverty_assets.quarter import Quarter
from poverty_assets.warehouse.lake import SEAL, SOURCE
from poverty_assets.warehouse.provenance import Backing

METHODS_OF = {
    "direct": ("direct",),
    "survey": ("direct",),
    "area": ("modelled", "composite", "downscaled"),
    "published": ("published",),
    "register": ("register",),
}
"""Evidence of the rows that a fact table takes from another, by the first word of its name."""
LATER = {"fct_change": ("area_draw",)}
"""Tables that the publication adds rows to, and what it makes them of."""


def backing(context: dg.AssetExecutionContext, home: Home) -> Backing:
    """What a publication of this home is told: whose word, which runs, which sources."""
    seal = dg.AssetKey([*context.asset_key.path[:-1], SEAL])
    approved = home.desk.approved(dt.datetime.now(dt.UTC)) if home.country.wants_approval else None
    return Backing(approved, runs_of(context.instance, seal, home.lake.quarters()), sources_of(pack_of(home)))


def pack_of(home: Home) -> Pack:
    """A home's pack."""
    first = first_served(home.specs, Quarter.from_label(home.country.first_quarter))
    return Pack(home.specs, quarterly(first), home.country, home.settings.is_simulated)


def runs_of(
    instance: dg.DagsterInstance, seal: dg.AssetKey, quarters: Iterable[Quarter]
) -> dict[Quarter, tuple[str, str]]:
    """The run that sealed each quarter last, and the version of the code that it bears; none where its record is lost."""
    found = {}
    for quarter in quarters:
        asked = dg.AssetRecordsFilter(asset_key=seal, asset_partitions=[quarter.key])
        records = instance.fetch_materializations(asked, limit=1).records
        run = instance.get_run_by_id(records[0].run_id) if records else None
        if run is not None:
            found[quarter] = (run.run_id, run.tags.get("code_version", ""))
    return found


def sources_of(pack: Pack) -> dict[tuple[str, str], list[str]]:
    """Sources behind each published table and method: those from which a path leads to it.

    Of a method the path leads through the tables of that evidence, where the table takes rows from such; else through any.
    """
    from poverty_assets.graph.assets import build

    graph = {
        key.to_user_string(): {one.to_user_string() for one in above}
        for made in build(pack)
        if isinstance(made, dg.AssetsDefinition)
        for key, above in made.asset_deps.items()
    }
    graph["late_source"] = set()  # it is told of every source, and no figure is made of it
    of_assets = {f"{SOURCE}{spec.source_id}": spec.source_id for spec in pack.specs}

    def behind(names: Iterable[str]) -> list[str]:
        reached, left = set(names), list(names)
        while left:
            more = graph.get(left.pop(), set()) - reached
            reached |= more
            left += more
        return sorted(of_assets[name] for name in reached if name in of_assets)

    found: dict[tuple[str, str], list[str]] = {}
    for table in TABLES:
        if not table.is_one_file or table.name not in graph:
            continue
        parents = sorted({*graph[table.name], *LATER.get(table.name, ())})
        if all(column.name != "method" for column in table.columns):
            found[table.name, ""] = behind(parents)
            continue
        for method in METHODS:
            serves = {name: METHODS_OF.get(name.partition("_")[0]) for name in parents}
            has_own = any(method in (of or ()) for of in serves.values())
            found[table.name, method] = behind(
                [n for n, of in serves.items() if not has_own or of is None or method in of]
            )
    return found
