"""Replicates of the figures that later steps compare or combine: changes between quarters, shocks, exposure, the register's audit.

Belongs here: the table ``area_draw``, one row a figure with the values of all its replicates. Does not belong here: what later
steps make of them (``time.change``, ``vulnerability``).

Replicate r of two quarters that rest on the same survey wave uses the same random numbers, so that differences of draws leave
out what both share.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from poverty_assets.arrays import FloatArray
from poverty_assets.measure.measure import Measure, k_value
from poverty_assets.measurement.joint import JointFigures
from poverty_assets.small_area.figures import Drawn, FiguresPart, mpi_keys
from poverty_assets.small_area.wanted import Functionals, Wanted

COLUMNS = (
    "area_id",
    "area_level",
    "statistic",
    "indicator_id",
    "k",
    "method",
    "n_households",
    "estimate",
    "draws",
)


class DrawsInTheMaking:
    """Rows of ``area_draw``: the statistics of ``fct_mpi``, headcounts of every indicator, and functionals."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.parts: list[tuple[FloatArray, npt.NDArray[np.float32]]] = []

    def add(self, part: FiguresPart) -> None:
        """Figures of the next areas."""
        point, draws = _figures(part.mpi_point, part.point), _figures(part.mpi_draws, part.draws)
        self.parts.append((point, draws.astype(np.float32)))

    def finished(self, drawn: Drawn) -> pd.DataFrame:
        """All rows, functionals with them.

        Returns
        -------
        DataFrame
            Columns ``COLUMNS``; ``draws`` holds float32 arrays of equal length; ``indicator_id`` is ``all`` for statistics of the
            measure; ``k`` is that of the measure's poverty cut-off where a statistic has none.
        """
        keys, areas = _keys(self.wanted.measure, self.wanted.functionals), self.wanted.areas
        point, draws = zip(*self.parts, strict=True)
        estimate = np.concatenate([np.concatenate(point), drawn.further_point], axis=1)
        values = np.concatenate([np.concatenate(draws, axis=1), drawn.further_draws], axis=2)
        area = np.repeat(np.arange(len(areas.table)), len(keys))
        out = areas.table.iloc[area][["area_id", "area_level"]].reset_index(drop=True)
        for name in keys:
            out[name] = np.tile(keys[name].to_numpy(), len(areas.table))
        out["method"] = areas.table["method"].to_numpy()[area]
        out["n_households"] = areas.table["n_households"].array.take(area)
        out["estimate"] = estimate.ravel()
        # a draw in which a figure is not defined (nobody is poor) counts as the estimate
        known = np.where(np.isfinite(values), values, estimate[None].astype(np.float32))
        out["draws"] = list(np.ascontiguousarray(np.moveaxis(known, 0, -1)).reshape(len(out), -1))
        return out[list(COLUMNS)]


def no_draws() -> pd.DataFrame:
    """``area_draw`` without rows."""
    return pd.DataFrame(columns=list(COLUMNS))


def draws_matrix(rows: pd.DataFrame) -> npt.NDArray[np.float32]:
    """Replicates of rows of ``area_draw``, shape (rows, r)."""
    if rows.empty:
        return np.zeros((0, 0), dtype=np.float32)
    return np.concatenate(rows["draws"].to_list()).reshape(len(rows), -1).astype(np.float32, copy=False)


def _figures(mpi: FloatArray, f: JointFigures) -> FloatArray:
    return np.concatenate([mpi, f.uncensored, f.censored[..., 1, :]], axis=-1)


def _keys(measure: Measure, functionals: Functionals | None) -> pd.DataFrame:
    ids, poor = measure.indicator_ids, k_value(measure.cutoffs.poor)
    mpi = pd.DataFrame(mpi_keys(measure)).assign(indicator_id="all")
    parts = [
        mpi,
        *(pd.DataFrame({"indicator_id": ids, "k": poor, "statistic": kind}) for kind in ("uncensored", "censored")),
    ]
    if functionals is not None and functionals.statistic:
        parts.append(pd.DataFrame({"statistic": functionals.statistic, "indicator_id": "all", "k": poor}))
    return pd.concat(parts, ignore_index=True)[["statistic", "indicator_id", "k"]]
