"""Draws and joint profiles in small whole numbers, as the published file holds them.

Belongs here: scales, packing and unpacking, and which areas need draws of their own. Does not belong here: replicates (``replicates``,
``draws``), what is asked of the published file (``warehouse.macros``).

A draw takes one byte on its row's own scale, so that a figure of 1% is kept as well as one of 60%: the largest rounding is 1/510 of
the range of the row's draws, a hundredth of their standard deviation or so. A cell of a profile takes two bytes on a scale of square
roots: a sum over cells then errs by some 1e-5, where whole steps of the share itself would err by 1e-4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from poverty_assets.arrays import FloatArray
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.measure.measure import Measure
from poverty_assets.small_area.draws import draws_matrix
from poverty_assets.small_area.ranks import RankedFigure, ranked_figures
from poverty_assets.small_area.rollup import rollup

MOST_DRAWS = 100
CELL = 65535
_STEPS = 255
_DECIMALS = 1e6  # of scales: few decimals take little room
_PUBLISHED = ("headcount_ratio", "mpi", "uncensored", "censored")


@dataclass(frozen=True)
class PackedDraws:
    """Draws as bytes: value = low + step * draw.

    Attributes
    ----------
    low, step : ndarray, shape (n,)
    draws : ndarray of uint8, shape (n, r)
    """

    low: FloatArray
    step: FloatArray
    draws: npt.NDArray[np.uint8]

    @property
    def values(self) -> FloatArray:
        """The draws again, shape (n, r)."""
        return self.low[:, None] + self.step[:, None] * self.draws


def pack(values: npt.NDArray[np.floating]) -> PackedDraws:
    """Rows of draws (n, r) on a scale each; draws are at most half a step off.

    Examples
    --------
    >>> pack(np.array([[0.1, 0.355, 0.2]])).values.round(3).tolist()
    [[0.1, 0.355, 0.2]]
    """
    wide = np.asarray(values, dtype=float)
    low = np.floor(wide.min(axis=1) * _DECIMALS) / _DECIMALS
    step = np.ceil((wide.max(axis=1) - low) / _STEPS * _DECIMALS) / _DECIMALS
    steps = (wide - low[:, None]) / np.where(step > 0, step, 1.0)[:, None]
    return PackedDraws(low, step, np.clip(np.rint(steps), 0, _STEPS).astype(np.uint8))


def pack_profiles(profiles: FloatArray) -> npt.NDArray[np.uint16]:
    """Shares of sets (n, 2^d) as cells."""
    return np.rint(CELL * np.sqrt(np.clip(profiles, 0.0, 1.0))).astype(np.uint16)


def drawn_figures(measure: Measure) -> list[RankedFigure]:
    """Figures whose draws are published: H at each cut-off, M0, and the two headcounts of each indicator."""
    return [figure for figure in ranked_figures(measure) if figure.statistic in _PUBLISHED]


def draw_rows(draws: pd.DataFrame, profiles: pd.DataFrame, areas: pd.DataFrame, measure: Measure) -> pd.DataFrame:
    """Rows of ``fct_draw`` without ``quarter``: the finest level's, and those of larger areas that are not their sums.

    Parameters
    ----------
    draws, profiles : DataFrame (lake: ``area_draw``, ``area_profile``)
    areas : DataFrame (catalog: ``dim_area``)
    """
    if profiles.empty:
        return pd.DataFrame()
    finest = profiles["area_id"].tolist()
    up = rollup(Hierarchy.of(areas), finest, profiles["population"].to_numpy(dtype=float))
    parts = []
    for figure in drawn_figures(measure):
        own = _of_figure(draws, figure).set_index("area_id")
        packed = pack(_first(own.loc[finest]))
        larger = own.index.difference(finest)
        summed = pd.DataFrame(up.matrix @ packed.values, index=up.table["area_id"]).reindex(larger).to_numpy()
        differ = (
            np.abs(_first(own.loc[larger]) - summed).max(axis=1, initial=0.0) > packed.step.max() if len(larger) else []
        )
        others = own.loc[larger[differ]]
        parts += [
            _rows(own.loc[finest], figure, packed),
            *([_rows(others, figure, pack(_first(others)))] if len(others) else []),
        ]
    out = pd.concat(parts, ignore_index=True)
    return out.assign(measure_id=measure.measure_id, suppressed=False, quality_flag="ok", is_headline=True)


def _first(rows: pd.DataFrame) -> npt.NDArray[np.float32]:
    return draws_matrix(rows)[:, :MOST_DRAWS]


def _of_figure(draws: pd.DataFrame, figure: RankedFigure) -> pd.DataFrame:
    same = (draws["statistic"] == figure.statistic) & (draws["indicator_id"] == figure.indicator_id)
    return draws[same & np.isclose(draws["k"].astype(float), figure.k)]


def _rows(own: pd.DataFrame, figure: RankedFigure, packed: PackedDraws) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "area_id": own.index.to_numpy(),
            "area_level": own["area_level"].to_numpy(),
            "figure_id": figure.figure_id,
            "statistic": figure.statistic,
            "indicator_id": figure.indicator_id,
            "indicator_b": figure.indicator_b,
            "k": figure.k,
            "low": packed.low,
            "step": packed.step,
            "draws": list(packed.draws),
            "method": own["method"].to_numpy(),
            "n_households": own["n_households"].array,
        }
    )


def profile_rows(profiles: pd.DataFrame, draws: pd.DataFrame, measure: Measure) -> pd.DataFrame:
    """Rows of ``fct_profile`` without ``quarter``.

    Parameters
    ----------
    profiles, draws : DataFrame (lake: ``area_profile``, ``area_draw``)
    """
    if profiles.empty:
        return pd.DataFrame()
    one = draws.drop_duplicates("area_id").set_index("area_id").loc[profiles["area_id"].tolist()]
    return pd.DataFrame(
        {
            "area_id": profiles["area_id"].to_numpy(),
            "area_level": one["area_level"].to_numpy(),
            "measure_id": measure.measure_id,
            "population": profiles["population"].to_numpy(dtype=float),
            "indicators": [list(measure.indicator_ids)] * len(profiles),
            "profile": list(pack_profiles(np.stack(profiles["profile"].to_list()))),
            "method": one["method"].to_numpy(),
            "n_households": one["n_households"].array,
            "suppressed": False,
            "quality_flag": "ok",
            "is_headline": True,
        }
    )
