"""The quarter as Dagster's partition, and the year for what lands once a year.

Belongs here: the partitions definition, and the one conversion between a run's partition and a ``Quarter``. Does not belong
here: the calendar itself (``quarter``).
"""

from __future__ import annotations

import dagster as dg

from poverty_assets.errors import UsageError
from poverty_assets.quarter import Quarter


def quarterly(first: Quarter) -> dg.TimeWindowPartitionsDefinition:
    """Quarters from ``first`` to the last complete one; the key is the quarter's first day."""
    return dg.TimeWindowPartitionsDefinition(cron_schedule="0 0 1 1,4,7,10 *", fmt="%Y-%m-%d", start=first.key)


def yearly(first: int) -> dg.TimeWindowPartitionsDefinition:
    """Years from ``first`` to the last complete one, of sources that come once a year; the key is the year."""
    return dg.TimeWindowPartitionsDefinition(cron_schedule="0 0 1 1 *", fmt="%Y", start=str(first))


def quarter_of(context: dg.OpExecutionContext | dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> Quarter:
    """The quarter of a run.

    Raises
    ------
    UsageError
        If the run was asked to cover several quarters at once.
    """
    key = context.run.tags.get("dagster/partition")
    if key is None:
        raise UsageError(
            "a run makes one quarter, and this one was asked for several", remedy="ask for one run a partition"
        )
    return Quarter.from_key(key)
