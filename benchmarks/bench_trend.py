"""How far a trend goes on: three harmonised waves of many countries, from the table of changes over time that OPHI publishes.

    python -m benchmarks.bench_trend [--without KHM] [--folder realdata/khm/published]

For every country with three waves or more, the log odds of the national headcount ratio: the change between two waves, carried on in
proportion to time, against the change up to the next. Printed for parts of the trend from none to all: the root mean square and the
median of what is left, its variance a year, and the variance a year with which 95% lie within 1.96 standard deviations. These settle
``PART_OF_TREND`` (``small_area.margins.fit``) and ``WALK`` (``small_area.time.drift``). The country whose estimates are judged is left out.

The variance left holds the sampling errors of three surveys. With a standard error of s of each on the logit scale (some 0.05 where
the headcount ratio is 40%), that is s^2 (1 + (1 + p r)^2 + (p r)^2), r the ratio of the two periods: the last column takes it off.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import pandas as pd

FILE = "global_mpi_trends.csv"
LEAST_YEARS = 1.5
SURVEY_ERROR = 0.05
PARTS = (0.0, 0.25, 0.5, 0.65, 0.75, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    shared = Path(os.environ.get("POVERTY_ASSETS_SHARED", "../shared"))
    parser.add_argument("--folder", type=Path, default=shared / "realdata" / "khm" / "published")
    parser.add_argument("--without", default="KHM")
    options = parser.parse_args()
    if not (options.folder / FILE).is_file():
        print(
            f"{options.folder / FILE} is not there: nothing to be judged. Give --folder, or set POVERTY_ASSETS_SHARED"
        )
        return
    found = successive(pd.read_csv(options.folder / FILE))
    found = found[found["country"] != options.without]
    print(f"{len(found)} successive changes of {found['country'].nunique()} countries, without {options.without}")
    expected, change = found["expected"], found["change"]
    part, error = slope(found)
    print(f"least squares: {part:.2f} of the trend goes on (standard error over countries {error:.2f})")
    print(pd.DataFrame([left_over(part, expected, change, found) for part in PARTS]).to_string(index=False))


def successive(table: pd.DataFrame) -> pd.DataFrame:
    """Change of national log odds between two waves carried on to the next, and the change that came."""
    table = table[table["Admin 1 PCode"].isna() & table["Admin 1 Name"].isna()]
    years = [pd.to_datetime(table[name]).dt.year for name in ("Start Date", "End Date")]
    share = table["Headcount Ratio"].clip(0.3, 99.0) / 100
    waves = pd.DataFrame(
        {"country": table["Country ISO3"], "year": (years[0] + years[1]) / 2, "odds": np.log(share / (1 - share))}
    ).sort_values(["country", "year"])
    by = waves.groupby("country")
    for name in ("year", "odds"):
        waves[f"{name}_before"], waves[f"{name}_next"] = by[name].shift(1), by[name].shift(-1)
    waves["years"], waves["years_next"] = waves["year"] - waves["year_before"], waves["year_next"] - waves["year"]
    waves = waves[(waves["years"] >= LEAST_YEARS) & (waves["years_next"] >= LEAST_YEARS)]
    expected = (waves["odds"] - waves["odds_before"]) * waves["years_next"] / waves["years"]
    return waves.assign(expected=expected, change=waves["odds_next"] - waves["odds"])


def slope(found: pd.DataFrame) -> tuple[float, float]:
    """Part of the trend that went on, by least squares through 0; its jackknife standard error over countries."""

    def of(rows: pd.DataFrame) -> float:
        return float((rows["expected"] * rows["change"]).sum() / (rows["expected"] ** 2).sum())

    without = np.array([of(found[found["country"] != country]) for country in found["country"].unique()])
    return of(found), float(np.sqrt((len(without) - 1) * np.mean((without - without.mean()) ** 2)))


def left_over(part: float, expected: pd.Series, change: pd.Series, found: pd.DataFrame) -> dict[str, float]:
    """What is left of the changes when a part of the trend is expected."""
    left, years, ratio = change - part * expected, found["years_next"], found["years_next"] / found["years"]
    sampling = SURVEY_ERROR**2 * (1 + (1 + part * ratio) ** 2 + (part * ratio) ** 2)
    ends = float((left.abs() / np.sqrt(years)).quantile(0.95) / 1.96) ** 2
    return {
        "part": part,
        "rmse": round(float(np.sqrt(np.mean(left**2))), 3),
        "median": round(float(left.abs().median()), 3),
        "variance a year": round(float(np.mean(left**2 / years)), 4),
        "for 95%": round(ends, 4),
        "for 95%, sampling off": round(ends - float(np.mean(sampling / years)), 4),
    }


if __name__ == "__main__":
    main()
