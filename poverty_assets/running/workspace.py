"""The code location as Dagster knows it: what it loads, and under which name.

Belongs here: ``workspace.yaml`` of the UI, and the origin that a run from the command line shares with those of the UI. Does not belong
here: what the location holds (``definitions``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagster._core.remote_origin import RemoteJobOrigin

MODULE, LOCATION = "poverty_assets.definitions", "poverty_assets"
WORKSPACE = f"""\
load_from:
  - python_module:
      module_name: {MODULE}
      location_name: {LOCATION}
"""


def origin_of(job_name: str) -> RemoteJobOrigin:
    """A job as the UI knows it."""
    from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
    from dagster._core.remote_origin import (
        ManagedGrpcPythonEnvCodeLocationOrigin,
        RemoteJobOrigin,
        RemoteRepositoryOrigin,
    )
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

    location = ManagedGrpcPythonEnvCodeLocationOrigin(LoadableTargetOrigin(module_name=MODULE), LOCATION)
    return RemoteJobOrigin(RemoteRepositoryOrigin(location, SINGLETON_REPOSITORY_NAME), job_name)
