"""What a register finds: how many poor households there are, how many of them are listed, and how many are not.

Belongs here: ``registers.yaml`` (how well a register finds the poor), the share of households that are poor, and what is found of
them. Does not belong here: who is listed (``counts``), the model of the register's own rate (``model``), estimates of poverty and
their draws, larger areas, ranks (``vulnerability.register_audit``).

The survey counts poor people, a register counts households. The share of households that are poor follows from the share of
people by the mean sizes of poor and other households in the survey: P = (H / s1) / (H / s1 + (1 - H) / s0).

How many of the listed are poor no register says. Two answers are given. At least 1 - L / P of poor households are missed (L
listed, P poor), if everybody listed is poor. What is to be expected follows from how well the register tells poor from other
households: with poverty and listing as two thresholds on a bivariate normal distribution of correlation r, the share of households
that are poor and listed is Phi2(Phi^-1(P), Phi^-1(L); r). r = 0 is a lottery, r = 1 a register that lists the poorest first. It is
a stated figure of the register, with a range; every replicate takes one value of the range, so that intervals hold it too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from poverty_assets.arrays import FloatArray
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.lined_yaml import LinedYaml, read_lined_yaml
from poverty_assets.measure.measure import Measure

_SIZES_PRIOR = 50.0  # households: a published area's ratio of sizes is drawn towards the country's by so many
_NODES = 24  # of Gauss and Legendre: Phi2 to 1e-9 for correlations up to 0.9
_EDGE = 1e-6


@dataclass(frozen=True)
class Targeting:
    """How well a register finds the poor: a tetrachoric correlation, between ``low`` and ``high``."""

    register_id: str
    correlation: float
    low: float
    high: float
    source: str
    is_assumption: bool


def load_targeting(path: Path | str) -> dict[str, Targeting]:
    """Read and check ``registers.yaml``: by register.

    Raises
    ------
    SpecificationError
        If it breaks a rule; the place is the line.
    """
    return {found.register_id: found for found in read_lined_yaml(path, optional=True).collected(_targetings)}


def _targetings(source: LinedYaml) -> list[Targeting]:
    source.check_keys({"registers"})
    found = source.each("registers", _targeting)
    source.check_unique("registers", "register_id")
    return found


def _targeting(part: LinedYaml) -> Targeting:
    part.check_keys({"register_id", "correlation", "low", "high", "source", "assumption", "why"})
    values = []
    for key in ("low", "correlation", "high"):
        value = part.value.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 0.9:
            at = [key] if key in part.value else []
            value = part.noted(float("nan"), f"{key} is {value!r}", "write a number from 0 to 0.9", *at)
        values.append(float(value))
    low, middle, high = values
    if low > middle or middle > high:
        part.noted(None, "the correlation is not between low and high", "order the three", "correlation")
    assumed = part.yes_or_no("assumption")
    return Targeting(
        part.text("register_id"), middle, low, high, part.text("why" if assumed else "source"), assumed
    )  # fmt: skip


def both(p: Any, q: Any, correlation: Any) -> FloatArray:
    """Share above both thresholds of a bivariate normal distribution with margins p and q; the three broadcast.

    Phi2 = p q + integral from 0 to r of the density at the thresholds (Drezner and Wesolowsky 1990).

    Examples
    --------
    By lot, and nearly in order of poverty.

    >>> both(0.2, 0.2, [0.0, 0.9]).round(3).tolist()
    [0.04, 0.15]
    """
    from scipy.special import ndtri

    p, q, r = np.broadcast_arrays(*(np.asarray(x, dtype=float) for x in (p, q, correlation)))
    a, b = ndtri(np.clip(p, _EDGE, 1 - _EDGE)), ndtri(np.clip(q, _EDGE, 1 - _EDGE))
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    total = np.zeros(p.shape)
    for node, weight in zip(nodes, weights, strict=True):
        t = r * (node + 1) / 2
        rest = 1 - t * t
        total += weight * np.exp(-(a * a - 2 * t * a * b + b * b) / (2 * rest)) / np.sqrt(rest)
    share = p * q + r / 2 * total / (2 * np.pi)
    return np.clip(share, np.maximum(p + q - 1, 0.0), np.minimum(p, q))


def household_share(people: Any, ratio: Any) -> FloatArray:
    """Share of households that are poor, of the share of people; ``ratio`` is the size of poor over that of other households.

    Examples
    --------
    Poor households have six members, others four: fewer households than people are poor.

    >>> round(float(household_share(0.3, 6 / 4)), 4)
    0.2222
    """
    h = np.asarray(people, dtype=float)
    return h / (h + (1 - h) * ratio)


def size_ratio(
    households: pd.DataFrame, measure: Measure, published_ids: list[str], hierarchy: Hierarchy
) -> FloatArray:
    """Mean size of poor over that of other households in each published area, drawn towards the country's; 1 without a survey.

    Parameters
    ----------
    households : DataFrame
        ``area_id, weight, hh_size`` and the indicators (lake: ``survey_household``); may be empty.
    """
    if households.empty:
        return np.ones(len(published_ids))
    flags = households[measure.indicator_ids].to_numpy(dtype=float)
    known = np.isfinite(flags).all(axis=1)
    poor = measure.is_poor(measure.scores(flags[known]), measure.cutoffs.poor)
    table = pd.DataFrame(
        {
            "published": hierarchy.ancestor(hierarchy.number(households.loc[known, "area_id"]), hierarchy.published),
            "weight": households.loc[known, "weight"].to_numpy(dtype=float),
            "size": households.loc[known, "hh_size"].to_numpy(dtype=float),
        }
    )
    whole = _mean_size(table[poor]) / _mean_size(table[~poor]) if poor.any() and not poor.all() else 1.0
    out = np.full(len(published_ids), whole)
    for i, published in enumerate(hierarchy.number(published_ids)):
        own = (table["published"] == published).to_numpy()
        if (own & poor).any() and (own & ~poor).any():
            n = float((own & poor).sum())
            ratio = _mean_size(table[own & poor]) / _mean_size(table[own & ~poor])
            out[i] = np.exp((n * np.log(ratio) + _SIZES_PRIOR * np.log(whole)) / (n + _SIZES_PRIOR))
    return out


def _mean_size(table: pd.DataFrame) -> float:
    return float((table["weight"] * table["size"]).sum() / table["weight"].sum())


@dataclass(frozen=True)
class FoundHouseholds:
    """Numbers of households, of finest areas or sums of finest areas.

    Attributes
    ----------
    households, poor : ndarray
    found : ndarray
        Expected to be poor and listed.
    at_most : ndarray
        Poor and listed, if everybody listed is poor.
    """

    households: FloatArray
    poor: FloatArray
    found: FloatArray
    at_most: FloatArray

    def summed(self, matrix: Any) -> FoundHouseholds:
        """Sums of finest areas, by a matrix of all areas by finest ones."""
        return FoundHouseholds(
            *(np.asarray(matrix @ x) for x in (self.households, self.poor, self.found, self.at_most))
        )

    def figures(self) -> dict[str, FloatArray]:
        """Each of ``FIGURES``."""
        some = np.maximum(self.poor, _EDGE)
        return {
            "poor_share": self.poor / self.households,
            "poor_households": self.poor,
            "share_found": self.found / some,
            "share_missed": 1 - self.found / some,
            "share_missed_at_least": 1 - self.at_most / some,
            "missed_households": self.poor - self.found,
        }


FIGURES = (
    "poor_share", "poor_households", "share_found", "share_missed", "share_missed_at_least", "missed_households",
)  # fmt: skip


def found_households(
    households: FloatArray, rate: FloatArray, poor_share: FloatArray, correlation: Any
) -> FoundHouseholds:
    """What a register that lists a share ``rate`` of households finds of the poor; all arguments broadcast.

    Parameters
    ----------
    households, rate : ndarray
    poor_share : ndarray
        Of households.
    correlation : float or ndarray
        How well the register tells poor from other households (`Targeting`).
    """
    poor = poor_share * households
    found = both(poor_share, rate, correlation) * households
    return FoundHouseholds(households * np.ones_like(poor_share), poor, found, np.minimum(rate * households, poor))
