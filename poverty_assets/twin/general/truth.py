"""The twin's truth: what is so, as opposed to what any source observed. Evaluation alone reads it.

Belongs here: writing the folder of truth. Does not belong here: anything that a pipeline step may use.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from poverty_assets.quarter import Quarter
from poverty_assets.twin.files import write_parquet
from poverty_assets.twin.general.world import Made, register_year
from poverty_assets.twin.truth import TITLE, path_of


def area_figures(made: Made, masks: NDArray[np.uint16], listed: NDArray[np.bool_]) -> pd.DataFrame:
    """True figures of every area of the finest level (``twin.truth.read_truth_areas``)."""
    measure, people, n = made.measure, made.people, len(made.codes)
    flags = (masks[:, None] >> np.arange(len(measure.indicators)) & 1).astype(np.int64)
    score = measure.scores(flags)
    poor, near, severe = (
        measure.is_poor(score, k) for k in (measure.cutoffs.poor, measure.cutoffs.vulnerable, measure.cutoffs.severe)
    )
    persons = np.bincount(people.area, people.size, n)

    def share(which: Any) -> NDArray[np.float64]:
        return np.asarray(np.bincount(people.area, people.size * which, n) / persons)

    households, of_poor = np.bincount(people.area, minlength=n), np.bincount(people.area, poor, n)
    frame: dict[str, Any] = {"area_id": made.codes, "households": households, "population": persons.astype(np.int64)}
    frame |= {name: share(flags[:, j]) for j, name in enumerate(measure.indicator_ids)}
    with np.errstate(invalid="ignore", divide="ignore"):
        frame |= {"headcount_ratio": share(poor), "mpi": share(poor * score / measure.denominator)}
        frame["intensity"] = frame["mpi"] / frame["headcount_ratio"]
        frame |= {"vulnerable": share(near & ~poor), "severe": share(severe)}
        frame["listed_share"] = np.bincount(people.area, listed, n) / households
        frame["poor_listed_share"] = np.bincount(people.area, listed & poor, n) / of_poor
    rank = np.argsort(np.argsort(-made.finest["area_km2"].to_numpy() * -1, kind="stable"))
    return pd.DataFrame(frame).assign(minority_share=0.0, remoteness=rank / max(n - 1, 1))


def write_truth(truth: Path, made: Made, quarter: Quarter) -> list[Path]:
    """``households.parquet`` and ``areas.parquet`` of one quarter."""
    import pyarrow as pa

    people, masks, register = made.people, made.masks(quarter), made.settings.register_
    years = [year for year in register.years if year <= register_year(quarter)] if register is not None else []
    listed = made.listed(max(years)) if years else np.zeros(len(masks), dtype=bool)
    households = pa.table(
        {
            "area_id": pa.DictionaryArray.from_arrays(pa.array(people.area.astype(np.int32)), pa.array(made.codes)),
            "mask": masks,
            "hh_size": people.size,
            "is_urban": made.is_urban[people.area],
            "on_register": listed,
        }
    )
    figures = pa.Table.from_pandas(area_figures(made, masks, listed), preserve_index=False)
    return [
        write_parquet(path_of(truth, quarter, "households"), households, title=TITLE),
        write_parquet(path_of(truth, quarter, "areas"), figures, title=TITLE),
    ]
