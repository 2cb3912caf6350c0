"""Figures of several published regions as those of the one area that they make up.

Belongs here: what follows from the regions' own figures and their shares of the people. Does not belong here: which regions these are
(``regions``).

Regions are samples of their own, so that errors are independent. With people's shares s of regions r, w = s / sum s:
shares of all people are sum w x; A = M0 / H; the contribution of an indicator is sum w M0 c / sum w M0; se^2 = sum w^2 se^2, and intervals
are of 95% on the logit scale, as those that OPHI publishes.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from poverty_assets.errors import ContractViolation

MERGED = "regions_merged"
_Z = 1.959964  # of the normal distribution, 95%


def merged(rows: pd.DataFrame, shares: pd.Series, area: str) -> pd.DataFrame:
    """Rows of several regions as rows of one.

    Parameters
    ----------
    rows : DataFrame
        ``area_name, family, item, estimate, se, ci_low, ci_high`` (``ophi.COLUMNS``) of the regions of one area.
    shares : Series
        Share of the country's people, by ``area_name``.
    area : str
        The area, named in messages.

    Raises
    ------
    ContractViolation
        If the share of a region is not known, or a region lacks a figure that another has.
    """
    names = list(dict.fromkeys(rows["area_name"]))
    unknown = [name for name in names if not shares.get(name, 0.0) > 0]
    if unknown:
        raise ContractViolation(
            f"{', '.join(names)} are merged into {area}, and no file has {unknown[0]}'s share of the people",
            remedy="read them from the workbook, which has the population shares of regions, or map one of them alone",
        )
    weight = shares[names] / shares[names].sum()
    wide = rows.pivot(index="area_name", columns=["family", "item"], values="estimate").loc[names]
    errors = rows.pivot(index="area_name", columns=["family", "item"], values="se").loc[names]
    w = weight.to_numpy(dtype=float)
    m0 = wide[("mpi", "mpi")].to_numpy(dtype=float)
    found = []
    for family, item in wide.columns:
        value = wide[(family, item)].to_numpy(dtype=float)
        if item in ("persons", "population_share"):
            estimate = float(value.sum())
        elif item == "intensity":
            h = float(w @ wide[("mpi", "headcount_ratio")].to_numpy(dtype=float))
            estimate = float(w @ m0) / h if h > 0 else np.nan
        elif family == "contribution":
            estimate = float((w * m0) @ np.where(m0 > 0, value, 0.0)) / float(w @ m0) if (m0 > 0).any() else np.nan
        else:
            estimate = float(w @ value)
            _refuse_gaps(value, names, item)
        if np.isfinite(estimate):
            found.append((family, item, estimate, *_error(estimate, errors[(family, item)], value, w)))
    made = pd.DataFrame(found, columns=["family", "item", "estimate", "se", "ci_low", "ci_high"])
    return made.assign(area_name=" + ".join(names), observed_from=rows["observed_from"].iloc[0])


def _refuse_gaps(value: np.ndarray, names: list[str], item: str) -> None:
    if not np.isfinite(value).all():
        lacking = names[int(np.flatnonzero(~np.isfinite(value))[0])]
        raise ContractViolation(
            f"{lacking} has no {item}, which the regions that it is merged with have", remedy="leave one of them out"
        )


def _error(estimate: float, se: pd.Series, value: np.ndarray, w: np.ndarray) -> tuple[float, float, float]:
    """Standard error and interval; none where a region that has people in poverty has none."""
    each = se.to_numpy(dtype=float)
    each = np.where(np.isnan(each) & (value == 0), 0.0, each)
    if np.isnan(each).any() or not 0 < estimate < 1 or not (each > 0).any():
        return np.nan, np.nan, np.nan
    error = float(np.sqrt(np.sum((w * each) ** 2)))
    centre, half = np.log(estimate / (1 - estimate)), _Z * error / (estimate * (1 - estimate))
    low, high = (float(1 / (1 + np.exp(-at))) for at in (centre - half, centre + half))
    return error, low, high
