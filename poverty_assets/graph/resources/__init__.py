"""Dagster resources: the lake as an IO manager, and the home's settings.

Belongs here: what hands data between assets and the disk. Does not belong here: computing anything.
"""

from poverty_assets.graph.resources.home import Home
from poverty_assets.graph.resources.lake import LakeIOManager

__all__ = ["Home", "LakeIOManager"]
