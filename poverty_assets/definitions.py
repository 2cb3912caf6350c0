"""Everything there is, top to bottom: the code location that Dagster loads.

Belongs here: putting assets, checks, jobs, schedules, sensors and resources together. Does not belong here: making any of them.
Nothing heavy is imported and nothing is read until Dagster asks.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from poverty_assets.graph import assets, jobs, schedules, sensors
from poverty_assets.graph.assets.recipe import Pack
from poverty_assets.graph.checks import asset_checks
from poverty_assets.graph.partitions import quarterly
from poverty_assets.graph.resources import Compute, Home, LakeIOManager
from poverty_assets.pack.as_of import first_served
from poverty_assets.pack.country import load_country, load_sources
from poverty_assets.quarter import Quarter
from poverty_assets.settings import Settings, require_form
from poverty_assets.warehouse.lake import Lake


def build_definitions(
    settings: Settings | None = None, *, location: str | None = None, resource_overrides: dict[str, Any] | None = None
) -> dg.Definitions:
    """Assemble the code location for one home.

    Parameters
    ----------
    settings : Settings, optional
        By default from the environment.
    location : str, optional
        Where several homes are served as one: this one's name, with which the keys of its assets begin.
    resource_overrides : dict, optional
        Resources that tests bring in place of ours.
    """
    settings = settings or Settings()
    country = load_country(settings.country)
    specs = load_sources(country, simulated=settings.is_simulated)
    quarters = quarterly(first_served(specs, Quarter.from_label(country.first_quarter)))
    made = assets.build(Pack(specs, quarters, country, settings.is_simulated))
    checks = asset_checks.build(quarters)
    if location is not None:
        made, checks = under(location, made), under(location, checks)
    approves, lands = country.wants_approval, not settings.is_simulated
    all_jobs = jobs.build(settings, quarters, location, wants_approval=approves)
    return dg.Definitions(
        assets=_with_code(made),
        asset_checks=checks,
        jobs=all_jobs,
        schedules=schedules.build(quarters, all_jobs, lands=lands),
        sensors=sensors.build(wants_approval=approves, lands=lands),
        executor=dg.in_process_executor,
        resources={
            "home": Home.of(settings),
            "compute": Compute(settings=settings),
            "io_manager": LakeIOManager(lake=Lake.of(settings)),
            **(resource_overrides or {}),
        },
    )


def _with_code(made: Sequence[Any]) -> Sequence[Any]:
    """The assets, each with the place of its code, which the UI shows: that of the asset's own function, whatever runs it."""
    with warnings.catch_warnings():
        # places of code are a beta of Dagster's; that one warning would come three hundred times at each start
        warnings.filterwarnings("ignore", message=".*(code_references|CodeReference)", category=dg.BetaWarning)
        return [_placed(one) if isinstance(one, dg.AssetsDefinition) else one for one in made]


def _placed(one: dg.AssetsDefinition) -> dg.AssetsDefinition:
    written = inspect.unwrap(one.node_def.compute_fn.decorated_fn)  # type: ignore[attr-defined]
    place = dg.LocalFileCodeReference(
        file_path=inspect.getfile(written), line_number=inspect.getsourcelines(written)[1]
    )
    shown = {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=[place])}
    return one.map_asset_specs(lambda spec: spec.merge_attributes(metadata=shown))


def under(location: str, made: Sequence[Any]) -> list[Any]:
    """Assets and checks with the location's name before the key of every asset that they name."""
    keys = {key for one in made for key in _keys_of(one)}
    replaced = {key: key.with_prefix(location) for key in keys}
    return [
        one.replace_attributes(key=replaced[one.key])
        if isinstance(one, dg.AssetSpec)
        else one.with_attributes(asset_key_replacements=replaced)
        for one in made
    ]


def _keys_of(one: Any) -> set[dg.AssetKey]:
    if isinstance(one, dg.AssetSpec):
        return {one.key}
    return {*one.keys, *(check.asset_key for check in one.check_keys)}


def definitions_of_home(home: str, location: str) -> dg.Definitions:
    """The code location of one home among several.

    Raises
    ------
    UsageError
        If its lake has another form than this version reads.
    """
    settings = Settings(home=Path(home))
    require_form(settings)
    return build_definitions(settings, location=location)


@dg.definitions
def poverty_assets() -> dg.Definitions:
    """The code location, for the home that the environment names."""
    return build_definitions()
