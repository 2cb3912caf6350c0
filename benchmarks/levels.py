"""Every figure of every level beside its truth: what intervals cover and points miss, family by family, and what chance would do.

Belongs here: scores of estimates with draws, one part a seed, and the table of parts put together. Does not belong here: making
estimates (``bench_small_area``), scores that a quarter publishes (``evaluation.scores``).

A part is a frame with one row a level and figure: sums over areas, so that parts of seeds add up. How far chance alone moves a
coverage is found by taking each draw for the truth in turn: the spread of what intervals then cover.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from poverty_assets.arrays import FloatArray
from poverty_assets.measure.measure import Measure, k_value
from poverty_assets.measurement.joint import JointFigures, figures_of_totals
from poverty_assets.measurement.masks import pair_index
from poverty_assets.small_area.figures import Drawn, figures_in_parts
from poverty_assets.small_area.intervals import interval_of_draws

FAMILIES = ("H, A, M0", "censored", "uncensored", "share of both", "lift", "phi")
MIDDLE = (0.35, 0.65)
"""Where a point should lie among its own draws."""
_SUMS = ["n", "inside", "square", "crps", "width", "error", "middle", "tenth", "tenth_n"]


def names_of(measure: Measure) -> pd.DataFrame:
    """``family, figure`` of every figure scored, in the order of `values_of`."""
    ks, ids = [f"{float(k_value(k)):.2f}" for k in measure.cutoffs], measure.indicator_ids
    first, second = pair_index(len(ids))
    pairs = [f"{ids[a]} & {ids[b]}" for a, b in zip(first, second, strict=True)]
    poor = [f"{name} at {k}" for name in ("H", "A", "M0") for k in ks]
    rows = [(FAMILIES[0], name) for name in poor]
    rows += [(FAMILIES[1], f"{name} at {k}") for k in ks for name in ids] + [(FAMILIES[2], name) for name in ids]
    rows += [(family, name) for family in FAMILIES[3:] for name in pairs]
    return pd.DataFrame(rows, columns=["family", "figure"])


def values_of(f: JointFigures) -> FloatArray:
    """The figures as one array, shape (..., q)."""
    censored = f.censored.reshape(*f.censored.shape[:-2], -1)
    parts = [f.headcount_ratio, f.intensity, f.mpi, censored, f.uncensored]
    return np.concatenate([*parts, *(f.pairs[name] for name in ("share_both", "lift", "phi"))], axis=-1)


def score(drawn: Drawn, truth: FloatArray, level: FloatArray, measure: Measure) -> pd.DataFrame:
    """One part: sums over the areas of each level, for every figure.

    Parameters
    ----------
    truth : ndarray, shape (a, q)
        True means of ``small_area.figures.figure_columns`` of the roll-up's areas.
    level : ndarray of str, shape (a,)
        What each area counts as.
    """
    names, split = names_of(measure), truth.shape[1] - (1 << len(measure.dimensions))
    found, true = [], []
    at = 0
    for part in figures_in_parts(drawn, measure):
        rows = slice(at, at + len(part.sets_point))
        true.append(values_of(figures_of_totals(truth[rows, :split], measure)))
        found.append(_of_areas(values_of(part.point), values_of(part.draws), true[-1]))
        at = rows.stop
    columns = {name: np.concatenate([one[name] for one in found], axis=-2) for name in found[0]}
    parts = []
    for one in pd.unique(level):
        own = level == one
        parts.append(_summed({name: v[..., own, :] for name, v in columns.items()}, names).assign(level=one))
    return pd.concat(parts, ignore_index=True)


def _of_areas(point: FloatArray, draws: FloatArray, true: FloatArray) -> dict[str, FloatArray]:
    """Everything of some areas: arrays (a, q), and for ``as_true`` (r, a, q)."""
    interval = interval_of_draws(point, draws)
    low, high = interval["ci_low"] - 1e-7, interval["ci_high"] + 1e-7
    known = np.where(np.isfinite(draws), draws, point)
    r = len(known)
    ordered = np.sort(known, axis=0)
    place = (2 * np.arange(1, r + 1) - r - 1)[:, None, None] / r**2
    spread = (place * ordered).sum(axis=0)
    below = (ordered < point - 1e-9).mean(axis=0), (ordered <= point + 1e-9).mean(axis=0)
    use = np.isfinite(true) & np.isfinite(point)
    return {
        "use": use,
        "inside": (true >= low) & (true <= high),
        "crps": np.abs(known - true).mean(axis=0) - spread,
        "width": high - low,
        "error": point - true,
        "point": point,
        "middle": (below[1] >= MIDDLE[0]) & (below[0] <= MIDDLE[1]),
        "as_true": (known >= low) & (known <= high),
    }


def _summed(areas: dict[str, FloatArray], names: pd.DataFrame) -> pd.DataFrame:
    use, out = areas["use"].astype(bool), names.copy()
    out["n"] = use.sum(axis=0)
    for name in ("inside", "crps", "width", "error", "middle"):
        out[name] = np.where(use, areas[name], 0.0).sum(axis=0)
    out["square"] = np.where(use, areas["error"] ** 2, 0.0).sum(axis=0)
    number = max(len(use) // 10, 1)
    poorest = np.argsort(-np.nan_to_num(areas["point"], nan=-9.0), axis=0, kind="stable")[:number]
    rows = np.take_along_axis(np.where(use, areas["error"], np.nan), poorest, axis=0)
    out["tenth"], out["tenth_n"] = np.nansum(rows, axis=0), np.isfinite(rows).sum(axis=0)
    share = np.where(use, areas["as_true"], 0.0).sum(axis=1) / np.maximum(use.sum(axis=0), 1)  # (r, q)
    out["chance"] = share.std(axis=0)
    for _family, own in names.groupby("family").groups.items():
        out.loc[own, "chance_of_family"] = share[:, own].mean(axis=1).std()
    return out


def table_of(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Parts of several seeds as one row a level and family: means over figures of what each shows over all seeds.

    ``coverage`` and its ``lowest`` figure, ``chance`` (its standard deviation if intervals were right), ``rmse``, ``crps``, ``width``,
    ``tenth`` (bias of the tenth estimated highest) and ``middle`` (share of points amid their draws), all but ``middle`` in percent.
    """
    both = pd.concat(parts, ignore_index=True)
    keys = ["level", "family", "figure"]
    sums = both.groupby(keys, sort=False)[_SUMS].sum()
    n = sums["n"].clip(lower=1)
    shown = pd.DataFrame(
        {
            "coverage": 100 * sums["inside"] / n,
            "rmse": 100 * np.sqrt(sums["square"] / n),
            "crps": 100 * sums["crps"] / n,
            "width": 100 * sums["width"] / n,
            "tenth": 100 * sums["tenth"] / sums["tenth_n"].clip(lower=1),
            "middle": 100 * sums["middle"] / n,
        }
    )[sums["n"] > 0]
    by_family = shown.groupby(level=["level", "family"], sort=False)
    out = by_family.mean()
    out.insert(1, "lowest", by_family["coverage"].min())
    of_seed = both.groupby(["level", "family"], sort=False)["chance_of_family"].apply(lambda v: np.sqrt((v**2).mean()))
    out.insert(2, "chance", 100 * of_seed / np.sqrt(len(parts)))
    return out


def figures_of(parts: list[pd.DataFrame], family: str, figure: str) -> pd.DataFrame:
    """The same of one figure, a row a level."""
    own = [part[(part["family"] == family) & (part["figure"] == figure)] for part in parts]
    return table_of(own).droplevel("family")


def markdown_of(parts: list[pd.DataFrame]) -> str:
    """The table of parts as docs/quality.md has it: a row a level, a column a family; coverage, lowest figure, chance."""
    table = table_of(parts)
    lines = ["| level | " + " | ".join(FAMILIES) + " |", "|" + "---|" * (len(FAMILIES) + 1)]
    for level in pd.unique(table.index.get_level_values("level")):
        own = table.loc[level]
        cells = [
            f"{row.coverage:.1f} ({row.lowest:.0f}; ±{row.chance:.1f})" for row in own.loc[list(FAMILIES)].itertuples()
        ]
        lines.append(f"| {level} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
