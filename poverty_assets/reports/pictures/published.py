"""A picture of figures that others have published.

Belongs here: drawing them. Does not belong here: reading them (``published``).
"""

from __future__ import annotations

import pandas as pd

from poverty_assets.reports.pictures.drawing import Picture, ranked


def headcounts(mpi: pd.DataFrame) -> dict[str, Picture]:
    """Headcount ratios as published, ranked; nothing where there is none."""
    rows = mpi[mpi["statistic"] == "headcount_ratio"]
    if rows.empty:
        return {}
    png = ranked(
        list(rows["area_id"]), rows["estimate"], "Headcount ratio as published", "share of people", False,
        low=rows["ci_low"], high=rows["ci_high"],
    )  # fmt: skip
    return {"plot": Picture(png, "Headcount ratio as published, with 95% intervals")}
