"""Features of finest areas as of the ends of survey waves: what their households are modelled with.

Belongs here: putting features and rates of registers of several earlier times into one table. Does not belong here: making either
(``features``, ``registers``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd

from poverty_assets.catalog import table
from poverty_assets.features.feature_table import Observed
from poverty_assets.pack.source import SourceSpec, covariates
from poverty_assets.quarter import Quarter
from poverty_assets.sources.earlier import EarlierTime, with_days

COLUMNS = [column.name for column in table("wave_feature").columns]


def wave_features(
    seen: Observed,
    now: pd.DataFrame,
    before: Mapping[EarlierTime, pd.DataFrame],
    specs: list[SourceSpec],
    rates: Callable[[Quarter], pd.DataFrame],
) -> pd.DataFrame:
    """Covariates and rates of registers at each of the earlier times.

    Parameters
    ----------
    seen : Observed
        Its ``earlier`` names the times.
    now : DataFrame (catalog: ``area_feature``)
    before : mapping of EarlierTime to DataFrame
        Features at each time.
    specs : list of SourceSpec
    rates : callable
        ``register_id, area_id, value`` of registers as of a quarter.

    Returns
    -------
    DataFrame with ``COLUMNS``.
    """
    featured = [spec for spec in specs if spec.features]
    parts = []
    for time in seen.earlier:
        dated = with_days(covariates(before[time], specs), featured, time.quarter, seen.landing, now)
        both = pd.concat([dated.assign(register_id=""), rates(time.quarter).assign(feature_id="")])
        parts.append(both.assign(time_kind=time.kind, wave=time.wave, at_quarter=time.quarter.start)[COLUMNS])
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)
