"""Everything there is, top to bottom: the code location that Dagster loads.

Belongs here: putting assets, checks, jobs, schedules, sensors and resources together. Does not belong here: making any of them.
Nothing heavy is imported and nothing is read until Dagster asks.
"""

from __future__ import annotations

from typing import Any

import dagster as dg

from poverty_assets.graph import assets, jobs, schedules, sensors
from poverty_assets.graph.assets.recipe import Pack
from poverty_assets.graph.checks import asset_checks
from poverty_assets.graph.partitions import quarterly
from poverty_assets.graph.resources import Home, LakeIOManager
from poverty_assets.pack.country import load_country, load_sources
from poverty_assets.quarter import Quarter
from poverty_assets.settings import Settings
from poverty_assets.warehouse.lake import Lake


def build_definitions(
    settings: Settings | None = None, *, resource_overrides: dict[str, Any] | None = None
) -> dg.Definitions:
    """Assemble the code location for one home.

    Parameters
    ----------
    settings : Settings, optional
        By default from the environment.
    resource_overrides : dict, optional
        Resources that tests bring in place of ours.
    """
    settings = settings or Settings()
    country = load_country(settings.country)
    specs = load_sources(country, simulated=settings.is_simulated)
    quarters = quarterly(Quarter.from_label(country.first_quarter))
    return dg.Definitions(
        assets=assets.build(Pack(specs, quarters, country, settings.is_simulated)),
        asset_checks=asset_checks.build(quarters),
        jobs=jobs.build(settings),
        schedules=schedules.build(quarters),
        sensors=sensors.build(),
        executor=dg.in_process_executor,
        resources={
            "home": Home.of(settings),
            "io_manager": LakeIOManager(lake=Lake(settings.lake)),
            **(resource_overrides or {}),
        },
    )


@dg.definitions
def poverty_assets() -> dg.Definitions:
    """The code location, for the home that the environment names."""
    return build_definitions()
