"""By when a quarter's work has to be done, as the UI shows it.

Belongs here: freshness policies of what is made of quarters. Does not belong here: those of what lands (``assets.landed``), or when a
quarter is begun (``intake.due``, ``schedules``).
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from poverty_assets.graph.assets.recipe import Pack

_MENDING_DAYS = 7
"""For runs that fail and are mended."""
_LEAST_DAYS = 88
"""That lie between two such firsts of a month; Dagster wants no more."""
OF_TWIN = dg.FreshnessPolicy.cron("0 2 27 1,4,7,10 *", lower_bound_delta=dt.timedelta(days=26, hours=2))
"""A week after the schedule's day; whatever was made since the quarter's end counts."""


def by_when(pack: Pack) -> dg.FreshnessPolicy:
    """A week after the twin's quarters are made; of real data the first of the month that lies a week after a quarter has waited its
    longest, since no earlier day tells of anything but a late source."""
    if pack.simulated:
        return OF_TWIN
    months = -(-(pack.country.last_day + _MENDING_DAYS) // 30)
    due = ",".join(str(1 + (quarter + months) % 12) for quarter in (0, 3, 6, 9))
    return dg.FreshnessPolicy.cron(f"0 2 1 {due} *", lower_bound_delta=dt.timedelta(days=min(28 * months, _LEAST_DAYS)))
