"""Dagster resources: the lake as an IO manager, the home's settings, and who computes.

Belongs here: what hands data between assets and the disk. Does not belong here: computing anything.
"""

from poverty_assets.graph.resources.compute import Compute
from poverty_assets.graph.resources.home import Home
from poverty_assets.graph.resources.lake import LakeIOManager

__all__ = ["Compute", "Home", "LakeIOManager"]
