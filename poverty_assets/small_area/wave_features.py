"""Features of communes as of the ends of survey waves: what their households are modelled with.

Belongs here: putting features and rates of registers of several earlier times into one table. Does not belong here: making either
(``features``, ``registers``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd

from poverty_assets.features.feature_table import Observed
from poverty_assets.pack.source import SourceSpec, covariates
from poverty_assets.quarter import Quarter
from poverty_assets.sources.earlier import with_days

COLUMNS = ["wave", "quarter_of_wave", "area_id", "feature_id", "value", "observed_on"]


def wave_features(
    seen: Observed,
    now: pd.DataFrame,
    before: Mapping[str, pd.DataFrame],
    specs: list[SourceSpec],
    rates: Callable[[Quarter], pd.DataFrame],
) -> pd.DataFrame:
    """Covariates and rates of registers at each of the earlier times.

    Parameters
    ----------
    seen : Observed
        Its ``earlier`` names the times.
    now : DataFrame (catalog: ``commune_feature``)
    before : mapping of str to DataFrame
        Features at each time.
    specs : list of SourceSpec
    rates : callable
        ``area_id, feature_id, value`` of registers as of a quarter.

    Returns
    -------
    DataFrame with ``COLUMNS``.
    """
    featured = [spec for spec in specs if spec.features]
    parts = []
    for name, then in seen.earlier.items():
        dated = with_days(covariates(before[name], specs), featured, then, seen.landing, now)
        parts.append(pd.concat([dated, rates(then)]).assign(wave=name, quarter_of_wave=str(then))[COLUMNS])
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)
