"""Change between two quarters, from the replicates of both.

Belongs here: which quarters are compared, and rows of ``fct_change`` from two tables ``area_draw``. Does not belong here: change
between two survey waves (``measurement.direct_tables.wave_change``), or the interval of a difference (``measurement.change``).

What two estimates have in common does not count as an error of their difference. Where one survey wave stands behind both
quarters, replicate r of both rests on the same random numbers: the covariance of the draws takes the survey's error off. What
has happened since the wave no survey has seen: the variance that areas were found to drift by between waves is added, for the
time between the quarters. Where a nowcast moves estimates, its moves may err by as much as they move (a register that is
renewed once a year moves in one quarter what took four): their mean square over the areas of a level is added too.

Where the waves differ the samples are independent, and the drift since each wave is in the draws already. The model's errors of
an area are alike in both: replicate r of both takes the same random numbers for them (``margins.draw.Streams``), and so much of the
draws' covariance is taken off as the later wave's fit finds to be carried over (``margins.kernel.Parts.carried_error``). Some
hundred draws know the covariance of one area but roughly: what counts is the correlation over all areas of a level, of those with
households in the survey and those without.

There are no rows of method ``direct``: two quarters of one wave have the same direct estimate, and a difference of 0 without
error would say that nothing had changed, which nobody has seen. The rows made here are the ones to quote at every level;
direct change is between waves.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from poverty_assets.arrays import FloatArray
from poverty_assets.catalog import table
from poverty_assets.errors import ContractViolation
from poverty_assets.measurement.change import Change, absolute_change
from poverty_assets.measurement.domains import ALL
from poverty_assets.quarter import Quarter
from poverty_assets.small_area.draws import draws_matrix

KEYS = ("area_id", "statistic", "indicator_id", "k")
SAME_WAVE, NO_DRIFT, OTHER_EDITION = "same_survey_wave", "drift_not_known", "baseline_of_other_areas"
BASELINES = {"quarter on quarter": -1, "year on year": -4}
LEAST_DRIFT = 0.002
"""Least variance of logits that areas are taken to gain in a year (a headcount of 20% by 0.7 points): two waves may show none,
but no area stands still, and without any the least shift of a total would be significant."""
_EDGE = 0.002  # logits of shares nearer to 0 or 1 say little of how far an area moved
_MOST_PASSED_ON = (
    3.0  # a statistic near 0 passes on next to anything: the median over finest areas is kept within reason
)


def baselines(quarter: Quarter, available: Collection[Quarter]) -> list[Quarter]:
    """The quarters that ``quarter`` is compared with: the one before and that of a year before, where there are such."""
    return [earlier for step in BASELINES.values() if (earlier := quarter.shift(step)) in available]


@dataclass(frozen=True)
class Apart:
    """What lies between two quarters that are compared.

    Attributes
    ----------
    baseline_quarter : date
        First day of the earlier quarter.
    years : float
        From the earlier quarter to the later, above 0.
    same_wave : bool
        Whether one survey wave stands behind both.
    drift_variance : float, optional
        Variance that logits of areas gain in a year (``drift.drift_variance``). Without it (no two waves yet) changes within one
        wave have no interval.
    carried : float
        Correlation of the model's errors of two waves, where they differ; 0 where it is not known.
    edition : str, optional
        The edition of areas that both sides are given on.
    made : frozenset of str
        Areas whose earlier figures were put together from areas of another edition.
    """

    baseline_quarter: dt.date
    years: float
    same_wave: bool
    drift_variance: float | None
    carried: float = 0.0
    edition: str | None = None
    made: frozenset[str] = frozenset()

    @property
    def quality_flag(self) -> str:
        """Reasons not to use a change alone, ``ok`` for none."""
        if not self.same_wave:
            return "ok"
        return SAME_WAVE if self.drift_variance is not None else f"{SAME_WAVE},{NO_DRIFT}"

    def flags(self, area_id: pd.Series) -> pd.Series:
        """The same for each row, with areas whose earlier figures are of other areas."""
        made = f"{self.quality_flag},{OTHER_EDITION}".removeprefix("ok,")
        return area_id.isin(self.made).map({True: made, False: self.quality_flag})


def changes(now: pd.DataFrame, before: pd.DataFrame, apart: Apart, *, measure_id: str) -> pd.DataFrame:
    """Absolute change of every statistic that both quarters have.

    Parameters
    ----------
    now, before : DataFrame
        Tables ``area_draw`` of the two quarters (``draws.area_draws``). Statistics that ``fct_change`` does not know are left out.
    apart : Apart
    measure_id : str

    Returns
    -------
    DataFrame (catalog: ``fct_change``)
        Without ``quarter`` and ``is_headline``.

    Raises
    ------
    ContractViolation
        If a figure is there twice, or quarters of one wave have different numbers of replicates.

    Notes
    -----
    The interval lies about the difference of the draws' means, and reaches to the difference of the estimates where that lies
    outside: estimates stay with the survey, draws take any part of the trend since, so that a baseline long after its wave
    has probably gone on as before.
    """
    first, second = _aligned(before, now)
    if first.empty:
        return pd.DataFrame(columns=_columns())
    b0, b1 = (frame["estimate"].to_numpy(dtype=float) for frame in (first, second))
    change, difference = _between(first, second, apart), b1 - b0
    low, high = np.minimum(change.ci_low, difference), np.maximum(change.ci_high, difference)
    rows = second[list(KEYS)].assign(
        baseline_quarter=apart.baseline_quarter,
        area_level=second["area_level"],
        measure_id=measure_id,
        subgroup=ALL,
        change="absolute",
        difference=difference,
        se=change.se,
        ci_low=low,
        ci_high=high,
        is_significant=(low > 0) | (high < 0),
        method=_weaker(first["method"].to_numpy(), second["method"].to_numpy()),
        n_households=_fewer(first["n_households"], second["n_households"]),
        suppressed=False,
        quality_flag=apart.flags(second["area_id"]).to_numpy(),
        edition=apart.edition,
    )
    return rows.loc[np.isfinite(difference), _columns()].reset_index(drop=True)


def _between(first: pd.DataFrame, second: pd.DataFrame, apart: Apart) -> Change:
    """Change of the draws' means, with what has happened since a wave behind both added to its variance."""
    b0, b1 = (frame["estimate"].to_numpy(dtype=float) for frame in (first, second))
    (centre0, away0), (centre1, away1) = (_about_centre(frame) for frame in (first, second))
    if apart.same_wave and away0.shape != away1.shape:
        raise ContractViolation(
            f"the two quarters have {away0.shape[1]} and {away1.shape[1]} replicates of one survey wave",
            remedy="run the earlier quarter again",
        )
    v0, v1 = _mean_square(away0), _mean_square(away1)
    covariance, drifted = np.zeros(len(b0)), np.zeros(len(b0))
    if apart.same_wave:
        # by way of the differences themselves, so that what is equal cancels to the last digit
        away1 -= away0
        covariance = (v0 + v1 - _mean_square(away1)) / 2
        yearly = np.nan if apart.drift_variance is None else max(apart.drift_variance, LEAST_DRIFT)
        drifted = _drifted(second, (b0 + b1) / 2, np.sqrt((v0 + v1) / 2), yearly * apart.years)
        drifted = drifted + _nowcast_doubt(second, b0, b1)
    elif apart.carried and away0.shape == away1.shape:
        covariance = apart.carried * _pooled(second, _mean_product(away0, away1), np.sqrt(v0 * v1))
    return absolute_change(centre0, centre1, np.sqrt(v0), np.sqrt(v1 + drifted), covariance=covariance)


def _columns() -> list[str]:
    return [c.name for c in table("fct_change").lake_columns if c.name not in ("quarter", "is_headline")]


def _aligned(before: pd.DataFrame, now: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of both with the same keys, in the order of ``now``."""
    allowed = next(c.allowed for c in table("fct_change").columns if c.name == "statistic") or ()
    first, second = (f[f["statistic"].isin(allowed)].reset_index(drop=True) for f in (before, now))
    names = list(KEYS)
    for label, frame in (("before", first), ("now", second)):
        twice = frame.duplicated(names)
        if twice.any():
            raise ContractViolation(
                f"{int(twice.sum())} figures of {label} are there twice, the first {frame.loc[twice, names].iloc[0].to_dict()}",
                remedy="give the table of one quarter",
            )
    if first[names].equals(second[names]):
        return first, second
    places = first[names].assign(at0=np.arange(len(first)))
    both = second[names].assign(at1=np.arange(len(second))).merge(places, on=names)
    at0, at1 = (both[at].to_numpy() for at in ("at0", "at1"))
    return first.iloc[at0].reset_index(drop=True), second.iloc[at1].reset_index(drop=True)


def _about_centre(rows: pd.DataFrame) -> tuple[FloatArray, npt.NDArray[np.float32]]:
    """Mean of the draws of each row, and the draws less it."""
    draws = draws_matrix(rows)
    centre = draws.mean(axis=1, dtype=float)
    draws -= centre[:, None].astype(np.float32)
    return centre, draws


def _mean_square(values: npt.NDArray[np.float32]) -> FloatArray:
    return np.asarray(np.einsum("ij,ij->i", values, values) / max(values.shape[1], 1), dtype=float)


def _mean_product(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> FloatArray:
    return np.asarray(np.einsum("ij,ij->i", one, other) / max(one.shape[1], 1), dtype=float)


def _pooled(rows: pd.DataFrame, covariance: FloatArray, scale: FloatArray) -> FloatArray:
    """Covariance of each figure from the correlation over the areas of its level, with and without households."""
    seen = rows["n_households"].fillna(0).astype(float).to_numpy() > 0
    keys = [rows[name] for name in ("area_level", "statistic", "indicator_id", "k")]
    kind = rows.groupby([*keys, pd.Series(seen, index=rows.index)], sort=False).ngroup().to_numpy()
    correlation = np.bincount(kind, covariance) / np.maximum(np.bincount(kind, scale), 1e-300)
    return np.asarray(np.clip(correlation, 0.0, 1.0)[kind] * scale)


def _drifted(rows: pd.DataFrame, share: FloatArray, se: FloatArray, variance: float) -> FloatArray:
    """Variance that each figure gains where the logits of the margins gain ``variance``.

    A headcount ratio moves by more than each of the margins that it is made of, an intensity by less. By how much is read off
    the draws: the errors of each statistic against those of the uncensored headcounts of the same area, on the logit scale.
    """
    spread = np.maximum(share * (1 - share), 1e-6)
    relative = se / spread
    uncensored = (rows["statistic"] == "uncensored").to_numpy()
    area, names = pd.factorize(rows["area_id"])
    number = np.bincount(area, uncensored, len(names))
    with np.errstate(invalid="ignore", divide="ignore"):
        of_margins = np.sqrt(np.bincount(area, np.where(uncensored, relative**2, 0.0), len(names)) / number)
        ratio = relative / of_margins[area]
    kind = rows.groupby(["statistic", "k"], sort=False).ngroup().to_numpy()
    finest = (rows["area_level"] == rows["area_level"].iloc[-1]).to_numpy() & np.isfinite(ratio) & ~uncensored
    passed_on = pd.Series(ratio[finest]).groupby(kind[finest]).median().clip(upper=_MOST_PASSED_ON)
    factor = np.where(uncensored, 1.0, pd.Series(kind).map(passed_on).fillna(1.0).to_numpy())
    return np.asarray(variance * (factor * spread) ** 2)


def _nowcast_doubt(rows: pd.DataFrame, before: FloatArray, now: FloatArray) -> FloatArray:
    """Mean square of the moves of each figure over the areas of a level, on the logit scale; carried to each area's share."""
    kind = rows.groupby(["area_level", "statistic", "indicator_id", "k"], sort=False).ngroup().to_numpy()
    one, other = (np.clip(share, _EDGE, 1 - _EDGE) for share in (before, now))
    square = (np.log(other / (1 - other)) - np.log(one / (1 - one))) ** 2
    known = np.isfinite(square)
    mean = np.bincount(kind, np.where(known, square, 0.0)) / np.maximum(np.bincount(kind, known), 1)
    middle = (one + other) / 2
    return np.asarray(mean[kind] * (middle * (1 - middle)) ** 2)


def _weaker(one: npt.NDArray[np.object_], other: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """Evidence of a difference: that of both, else downscaled if either is, else composite."""
    weak = (one == "downscaled") | (other == "downscaled")
    return np.where(one == other, other, np.where(weak, "downscaled", "composite")).astype(object)


def _fewer(one: pd.Series, other: pd.Series) -> pd.Series:
    """The smaller number of households; not known where either is not."""
    a, b = one.astype("Int64"), other.astype("Int64")
    return a.where(a <= b, b).mask(a.isna() | b.isna())
