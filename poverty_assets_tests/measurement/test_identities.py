"""Identities: they find what is broken, and hold in OPHI's published tables up to rounding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from poverty_assets.measure.measure import Measure, load_measure
from poverty_assets.measurement.estimates import MeasureEstimates, estimate_measure
from poverty_assets_tests.measurement import identities
from poverty_assets_tests.measurement.factories import HIERARCHY, MEASURES, make_households, make_measure

THIRD = 0.333333
Tables = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]


@pytest.fixture
def result() -> MeasureEstimates:
    return estimate_measure(make_households(40), make_measure(), HIERARCHY, subgroups=[])


def spoiled(table: pd.DataFrame, column: str, by: float, **key: object) -> pd.DataFrame:
    match = np.logical_and.reduce([(table[name] == value).to_numpy() for name, value in key.items()])
    return table.assign(**{column: table[column] + by * match})


def test_gap_says_how_much_and_where(result: MeasureEstimates) -> None:
    broken = spoiled(result.mpi, "estimate", 0.25, area_id="0101", statistic="mpi", k=THIRD)
    gap = identities.mpi_is_weighted_headcounts(broken, result.headcount, make_measure())
    assert gap.largest == pytest.approx(0.25)
    assert gap.where["area_id"] == "0101"
    assert gap.n == result.mpi["area_id"].nunique()
    assert identities.mpi_is_intensity_times_headcount(broken).where["area_id"] == "0101"


def test_broken_inequalities_are_found(result: MeasureEstimates) -> None:
    more = spoiled(result.headcount, "estimate", 2.0, area_id="KH", indicator_id="b", kind="censored")
    assert identities.censored_at_most_uncensored(more).where["indicator_id"] == "b"
    rising = spoiled(result.mpi, "estimate", 2.0, area_id="02", statistic="headcount_ratio", k=0.5)
    assert identities.falls_with_k(rising).where == {
        "area_id": "02", "measure_id": "m", "subgroup": "all", "method": "direct", "statistic": "headcount_ratio", "k": 0.5,
    }  # fmt: skip
    assert identities.near_poor_and_poor_add_up(rising, make_measure()).largest == pytest.approx(2.0)
    tilted = spoiled(result.contribution, "share", 0.1, area_id="02", indicator_id="a")
    assert identities.contributions_sum_to_one(tilted).largest == pytest.approx(0.1)


def test_whole_without_all_its_parts_is_not_compared(result: MeasureEstimates) -> None:
    parts = pd.DataFrame({"area_id": ["01", "99"], "parent_id": "KH", "share": [0.5, 0.5]})
    assert identities.whole_is_weighted_parts(result.mpi, parts).n == 0


@pytest.fixture(scope="module")
def global_mpi() -> Measure:
    return load_measure(MEASURES / "global_mpi.yaml")


def sheet(file: Path, prefix: str) -> pd.DataFrame:
    """Rows of countries in one sheet of a workbook of OPHI, keyed by country (and region)."""
    book = pd.ExcelFile(file)
    name = next(n for n in book.sheet_names if n.startswith(prefix))
    frame = pd.read_excel(book, sheet_name=name, header=None, skiprows=9)
    return frame[frame[1].astype("str").str.fullmatch("[A-Z]{3}")].reset_index(drop=True)


def published(file: Path, level: str, indicators: list[str]) -> tuple[Tables, pd.DataFrame]:
    """Tables in our form of countries (``national``) or regions (``subnational``) with all ten indicators, and shares."""
    first = {"national": (6, 7, 10, 7), "subnational": (8, 9, 12, 9)}[level]
    prefix = {"national": ("1.1", "1.2", "1.3", "1.6"), "subnational": ("5.1", "5.2", "5.3", "5.5")}[level]
    frames = {}
    for i, p in enumerate(prefix):
        frame = sheet(file, p)
        key = frame[1] + ("" if level == "national" else "|" + frame[6].astype("str"))
        frames[i] = frame.assign(area_id=key)[~key.duplicated(keep=False)]
    numbers = {}
    for i, frame in frames.items():
        columns = list(range(first[i], first[i] + (5 if i == 0 else 10)))
        values = frame.set_index("area_id")[columns].apply(pd.to_numeric, errors="coerce")
        numbers[i] = values / np.array([1, 100, 100, 100, 100]) if i == 0 else values / 100
    whole = numbers[1].dropna().index.intersection(numbers[0].index)
    mpi = numbers[0].loc[whole].set_axis(["mpi", "headcount_ratio", "intensity", "vulnerable", "severe"], axis=1)
    mpi = mpi.melt(ignore_index=False, var_name="statistic", value_name="estimate").reset_index()
    mpi["k"] = mpi["statistic"].map({"vulnerable": 0.2, "severe": 0.5}).fillna(THIRD)

    def long(i: int, value: str) -> pd.DataFrame:
        kept = numbers[i].loc[numbers[i].index.intersection(whole)].set_axis(indicators, axis=1)
        return kept.melt(ignore_index=False, var_name="indicator_id", value_name=value).reset_index()

    head = [long(1, "estimate").assign(kind="censored", k=THIRD), long(3, "estimate").assign(kind="uncensored")]
    shares = pd.DataFrame()
    if level == "subnational":
        frame = frames[0]
        shares = pd.DataFrame(
            {"area_id": frame["area_id"], "parent_id": frame[1], "share": frame[16].astype(float) / 100}
        )
    return (mpi, pd.concat(head, ignore_index=True), long(2, "share").assign(k=THIRD)), shares


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.parametrize("level", ["national", "subnational"])
def test_published_tables_satisfy_the_identities(landing_khm: Path, global_mpi: Measure, level: str) -> None:
    file = landing_khm / "published" / f"{level}-results-mpi.xlsx"
    (mpi, headcount, contribution), _ = published(file, level, global_mpi.indicator_ids)
    gaps = [
        identities.mpi_is_intensity_times_headcount(mpi),
        identities.mpi_is_weighted_headcounts(mpi, headcount, global_mpi),
        identities.censored_at_most_uncensored(headcount),
        identities.contributions_sum_to_one(contribution),
    ]
    for gap in gaps:
        print(f"{level}: {gap.check}: largest gap {gap.largest:.2e} at {gap.where} of {gap.n}")
    for gap in gaps:
        assert gap.largest < 1e-11, gap
        assert gap.n >= (80 if level == "national" else 900), gap


@pytest.mark.slow
@pytest.mark.shared
def test_cambodia_is_the_mean_of_its_provinces(landing_khm: Path, global_mpi: Measure) -> None:
    folder = landing_khm / "published"
    (whole, _, _), _ = published(folder / "national-results-mpi.xlsx", "national", global_mpi.indicator_ids)
    (parts, _, _), shares = published(folder / "subnational-results-mpi.xlsx", "subnational", global_mpi.indicator_ids)
    shares = shares[shares["parent_id"] == "KHM"]
    assert len(shares) == 25
    assert shares["share"].sum() == pytest.approx(1, abs=1e-6)
    gap = identities.whole_is_weighted_parts(pd.concat([whole[whole["area_id"] == "KHM"], parts]), shares)
    print(f"Cambodia: {gap.check}: largest gap {gap.largest:.2e} at {gap.where} of {gap.n}")
    assert gap.n == 4
    assert gap.largest < 1e-11, gap
