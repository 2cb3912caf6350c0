"""The code locations as Dagster knows them: what each loads, and under which name.

Belongs here: ``workspace.yaml`` of the UI, of one home or of several, and the origin that a run from the command line shares with those
of the UI. Does not belong here: what a location holds (``definitions``).

Several homes on one server are a location each, loaded by a process of its own: one that cannot be loaded says so in its place, and
the others do not notice. Dagster knows an asset by its key alone, whatever location it is of; so the keys of each begin with the
location's name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from poverty_assets.atomic import write_text
from poverty_assets.errors import UsageError

if TYPE_CHECKING:
    from dagster._core.remote_origin import RemoteJobOrigin

MODULE, LOCATION = "poverty_assets.definitions", "poverty_assets"
WORKSPACE = f"""\
load_from:
  - python_module:
      module_name: {MODULE}
      location_name: {LOCATION}
"""
_LOADER = '''\
"""The code location of one home among several, as `poverty-assets ui` wrote it."""

import dagster as dg

from poverty_assets.definitions import definitions_of_home


@dg.definitions
def home() -> dg.Definitions:
    """The home {name}."""
    return definitions_of_home({path!r}, {name!r})
'''


def location_names(homes: Sequence[Path]) -> dict[str, Path]:
    """A name for each home: that of its folder, in letters, digits and ``_``, since keys of assets begin with it.

    Raises
    ------
    UsageError
        If a folder is no home, or two would bear one name.
    """
    named: dict[str, Path] = {}
    for home in homes:
        path = home.resolve()
        if not (path / "home.json").is_file():
            raise UsageError(
                "this folder is no home: nothing was ever refreshed in it",
                file=home,
                remedy=f"name another, or make it one: POVERTY_ASSETS_HOME={home} poverty-assets refresh",
            )
        name = re.sub(r"\W", "_", path.name, flags=re.ASCII)
        if name in named:
            raise UsageError(
                f"{named[name]} and {path} would both be called {name!r}",
                remedy="name each home once, or rename one of the folders",
            )
        named[name] = path
    return named


def write_workspace(folder: Path, homes: Mapping[str, Path]) -> Path:
    """Write the workspace of several homes into Dagster's folder, with a file for each that loads it; returns its path."""
    lines = ["load_from:"]
    for name, home in homes.items():
        loader = folder / "locations" / f"{name}.py"
        write_text(loader, _LOADER.format(name=name, path=str(home)))
        lines += ["  - python_file:"]
        lines += [
            f"      {key}: {json.dumps(said)}"
            for key, said in (("relative_path", str(loader)), ("location_name", name))
        ]
    workspace = folder / "workspace_of_several.yaml"
    write_text(workspace, "\n".join(lines) + "\n")
    return workspace


def origin_of(job_name: str, location: str = LOCATION) -> RemoteJobOrigin:
    """A job as the UI knows it."""
    from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
    from dagster._core.remote_origin import (
        ManagedGrpcPythonEnvCodeLocationOrigin,
        RemoteJobOrigin,
        RemoteRepositoryOrigin,
    )
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

    origin = ManagedGrpcPythonEnvCodeLocationOrigin(LoadableTargetOrigin(module_name=MODULE), location)
    return RemoteJobOrigin(RemoteRepositoryOrigin(origin, SINGLETON_REPOSITORY_NAME), job_name)
