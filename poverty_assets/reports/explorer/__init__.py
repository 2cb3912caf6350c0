"""The explorer: one HTML file with maps, profiles and overlaps that opens from disk, without server or network.

Belongs here: reading headline figures from the warehouse, packing them, and putting them into one page with the scripts
that draw them. Does not belong here: estimating anything, or facts about a country (``countries/<id>/explorer.yaml``).
"""

from poverty_assets.reports.explorer.page import write_explorer

__all__ = ["write_explorer"]
