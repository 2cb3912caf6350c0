"""Putting rows of different evidence into one fact table, with exactly one headline row per figure.

Belongs here: the order of preference among methods. Does not belong here: making any of the rows.
"""

from __future__ import annotations

import pandas as pd

from poverty_assets.catalog import table

PREFERENCE = ("composite", "direct", "modelled", "downscaled", "register", "published")
"""Evidence to quote, the first that has an unsuppressed row. Our own direct estimate comes before a published one because
it is the one whose microdata, interval and overlap the warehouse can show."""


def combine(name: str, parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Stack the rows of a fact table and mark the headline.

    Parameters
    ----------
    name : str
        Fact table of the catalog.
    parts : list of DataFrame
        Rows without ``is_headline``, each of its own ``method``.

    Returns
    -------
    DataFrame with the columns of the lake, in the catalog's order.
    """
    definition = table(name)
    columns = [column.name for column in definition.lake_columns if column.name != "is_headline"]
    filled = [part[columns] for part in parts if len(part)]
    if not filled:
        return pd.DataFrame(columns=[*columns, "is_headline"])
    rows = pd.concat(filled, ignore_index=True)
    rank = rows["method"].map({method: place for place, method in enumerate(PREFERENCE)})
    # a suppressed row is quoted only where nothing else is there: better "withheld" than no row
    rank = rank + len(PREFERENCE) * rows["suppressed"].astype(bool)
    figure = [key for key in definition.key if key not in ("quarter", "method")]
    best = rank.groupby([rows[key] for key in figure], sort=False).transform("min")
    rows["is_headline"] = (rank == best).to_numpy()
    return rows[[column.name for column in definition.lake_columns]]
