"""What must hold of a quarter's hazards, and what is to be known of them.

Belongs here: checks of exposure within one quarter. Does not belong here: legal values (``suites``), the same checks over the file about
to be published (``catalog.vulnerability``), counting (``poverty_assets.vulnerability``).
"""

from __future__ import annotations

import pandas as pd

from poverty_assets.graph.checks.suites import CheckFinding

ROUNDED = 1e-6
"""By how much two sums of the same people may differ."""


def people_touched(reach: pd.DataFrame) -> list[CheckFinding]:
    """One finding for each hazard and resolution: areas in which more people are exposed than live in cells that the hazard touches.

    Parameters
    ----------
    reach : DataFrame (catalog: ``hazard_reach``)
    """
    findings = []
    for (hazard, side), rows in reach.groupby(["hazard_id", "cells_to_a_side"], sort=True):
        over = rows[rows["share_exposed"] > rows["share_touched"] + ROUNDED]
        said = "; ".join(
            f"{row.area_id}: {row.share_exposed:.4f} exposed, {row.share_touched:.4f} touched"
            for row in over.head(20).itertuples()
        )
        name = f"{hazard}: people exposed are at most people in cells that it touches, in cells of {side} to a side"
        findings.append(CheckFinding("reach", name, over.empty, "error", said or f"{len(rows)} areas", len(over)))
    return findings


def hazards_of_another_time(hazards: pd.DataFrame) -> list[CheckFinding]:
    """One finding a hazard: whether what measures it was observed in the quarter.

    Parameters
    ----------
    hazards : DataFrame (catalog: ``dim_hazard``)
    """
    findings = []
    for row in hazards.itertuples():
        said = f"{row.source_id}, observed {row.observed_from} to {row.observed_to}"
        name = f"{row.hazard_id} is measured by what was observed in the quarter"
        current = bool(row.is_of_quarter)
        findings.append(CheckFinding("observed", name, current, "warn", said, int(not current)))
    return findings
