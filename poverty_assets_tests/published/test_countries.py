"""Every country of OPHI's workbooks goes all the way: read, given to areas, held against the identities, ready to be brought down."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from poverty_assets.errors import ContractViolation, InputError
from poverty_assets.measure.measure import Measure, load_measure
from poverty_assets.pack.country import load_country
from poverty_assets.pack.keys import plain_name
from poverty_assets.published.ophi import OphiWorkbook, read_ophi_csv
from poverty_assets.published.regions import RegionMap
from poverty_assets.published.rows import PublishedSource, PublishedTables, published_tables
from poverty_assets.small_area.totals.figures import published_totals
from poverty_assets_tests.measurement import identities
from poverty_assets_tests.measurement.factories import MEASURES

pytestmark = pytest.mark.shared
REFUSED: dict[str, str] = {}
"""Countries that cannot be read, with the reason that the file itself gives: none."""
LACKING = {"nutrition": 11, "cooking_fuel": 6, "child_mortality": 2, "housing": 2}
"""Countries of the subnational workbook whose survey lacks an indicator, by indicator."""
KHM = load_country("khm")
DAY = dt.date(2024, 7, 4)


@dataclass(frozen=True)
class Read:
    """A country: its rows, the measure of what its survey has, shares of its regions, and what is said."""

    tables: PublishedTables
    measure: Measure
    codes: list[str]
    shares: pd.DataFrame
    said: dict[str, str]
    lacking: list[str]


def read(iso3: str, national: OphiWorkbook, subnational: OphiWorkbook, measure: Measure) -> Read:
    """With a pack's map of its regions to areas 001, 002, ..."""
    whole, parts = national.figures(iso3, DAY), subnational.figures(iso3, DAY)
    names = [name for name in dict.fromkeys(parts.frame["area_name"]) if name]
    codes = [f"{number:03d}" for number in range(1, len(names) + 1)]
    areas = pd.DataFrame(
        [
            ("KH", "country", None, iso3),
            *((code, "region", "KH", name) for code, name in zip(codes, names, strict=True)),
        ],
        columns=["area_id", "area_level", "parent_id", "name_en"],
    )
    stated = RegionMap({plain_name(name): (code,) for code, name in zip(codes, names, strict=True)})
    tables = published_tables([PublishedSource(whole.frame), PublishedSource(parts.frame, stated)], areas, KHM)
    people = parts.frame[parts.frame["item"] == "population_share"]
    shares = pd.DataFrame({"area_id": codes, "parent_id": "KH", "share": people["estimate"].to_numpy()})
    lacking = sorted(set(parts.frame.loc[parts.frame["family"] == "lacking", "item"]))
    return Read(tables, measure.without(lacking), codes, shares, {**whole.rounded, **parts.rounded}, lacking)


@pytest.fixture(scope="module")
def countries(landing_khm: Path) -> dict[str, Read | InputError]:
    books = [
        OphiWorkbook(landing_khm / "published" / f"{table}-results-mpi.xlsx", table)
        for table in ("national", "subnational")
    ]
    measure = load_measure(MEASURES / "global_mpi.yaml")
    found: dict[str, Read | InputError] = {}
    for iso3 in books[1].countries:
        try:
            found[iso3] = read(iso3, *books, measure)
        except InputError as error:
            found[iso3] = error
    return found


@pytest.fixture(scope="module")
def whole(countries: dict[str, Read | InputError]) -> dict[str, Read]:
    return {iso3: one for iso3, one in countries.items() if isinstance(one, Read)}


@pytest.mark.slow
def test_every_country_is_read_or_refused_for_a_reason_of_the_file(countries: dict[str, Read | InputError]) -> None:
    refused = {iso3: error.problem for iso3, error in countries.items() if isinstance(error, InputError)}
    assert refused == REFUSED
    assert len(countries) == 102
    assert sum(len(one.codes) for one in countries.values() if isinstance(one, Read)) == 1359


@pytest.mark.slow
def test_an_indicator_that_a_survey_lacks_gives_its_weight_to_its_dimension(whole: dict[str, Read]) -> None:
    lacking = [name for one in whole.values() for name in one.lacking]
    assert pd.Series(lacking).value_counts().to_dict() == LACKING
    for one in whole.values():
        health = [i for i in one.measure.indicators if i.dimension_id == "health"]
        assert float(sum(i.weight for i in health)) == pytest.approx(1 / 3)


@pytest.mark.slow
def test_the_identities_hold_in_every_country(whole: dict[str, Read]) -> None:
    mpi, headcount, contribution, shares = (
        pd.concat([of_country(iso3, table(one)) for iso3, one in whole.items()], ignore_index=True)
        for table in (
            lambda one: one.tables.mpi,
            lambda one: one.tables.headcount.assign(k=0.333333),
            lambda one: one.tables.contribution,
            lambda one: one.shares,
        )
    )
    none_poor = mpi.loc[(mpi["statistic"] == "mpi") & (mpi["estimate"] == 0), "area_id"]
    assert len(none_poor) == 16
    product = identities.mpi_is_intensity_times_headcount(mpi)
    assert (product.n, product.largest < 1e-11) == (1359 + 102 - 16, True), product
    for lacking in {tuple(one.lacking) for one in whole.values()}:
        alike = {iso3: one for iso3, one in whole.items() if tuple(one.lacking) == lacking}
        own, parts = (table[table["area_id"].str[:3].isin(list(alike))] for table in (mpi, headcount))
        gap = identities.mpi_is_weighted_headcounts(own, parts, next(iter(alike.values())).measure)
        assert (gap.n, gap.largest < 1e-11) == (own["area_id"].nunique(), True), (lacking, gap)
    most = identities.censored_at_most_uncensored(headcount)
    assert (most.n, most.largest < 1e-11) == ((headcount["kind"] == "censored").sum(), True), most
    sums = identities.contributions_sum_to_one(contribution)
    assert (sums.n, sums.largest < 1e-6) == (1359 + 102 - 16, True), sums
    gap = identities.whole_is_weighted_parts(mpi, shares)
    assert (gap.n, gap.largest < 1e-6) == (4 * 102, True), gap


def of_country(iso3: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with codes that no other country has."""
    return rows.assign(**{name: iso3 + rows[name] for name in ("area_id", "parent_id") if name in rows})


@pytest.mark.slow
def test_every_country_can_be_brought_down(whole: dict[str, Read]) -> None:
    for iso3, one in whole.items():
        totals = published_totals(one.tables.mpi, one.tables.headcount, one.codes, one.measure)
        assert totals.uncensored.shape == (len(one.codes), len(one.measure.indicators)), iso3
        assert (totals.uncensored_error > 0).all(), iso3


@pytest.mark.slow
def test_a_share_of_one_plus_rounding_is_set_to_one_and_that_is_said(whole: dict[str, Read]) -> None:
    assert {iso3: list(one.said) for iso3, one in whole.items() if one.said} == {
        "UZB": ["Tashkent City, contribution child_mortality"]
    }
    shares = whole["UZB"].tables.contribution["share"]
    assert shares.max() == 1


@pytest.mark.slow
def test_mongolias_region_with_the_code_of_an_aimag_needs_the_packs_word(shared: Path) -> None:
    folder = shared / "realdata" / "mng" / "published"
    workbook = OphiWorkbook(folder / "subnational-results-mpi.xlsx", "subnational").figures("MNG", DAY).frame
    spec = SimpleNamespace(obtain="from HDX")
    coded = read_ophi_csv(SimpleNamespace(path=folder / "global_mpi.csv", spec=spec), "MNG").frame
    names = ["Central", "Eastern", "Khangai", "Ulaanbaatar", "Western"]
    regions = {plain_name(name): (f"R{number}",) for number, name in enumerate(names)}
    nested = [(code, "region", "MN", name) for (code,), name in zip(regions.values(), names, strict=True)]
    nested += [("62", "aimag", "R2", "Uvurkhangai"), ("11", "aimag", "R3", "Ulaanbaatar")]
    areas = pd.DataFrame(
        [("MN", "country", None, "Mongolia"), *nested], columns=["area_id", "area_level", "parent_id", "name_en"]
    )
    country = KHM.model_copy(update={"area_id": "MN"})
    day = coded["observed_from"].max()
    figures = PublishedSource(workbook.assign(observed_from=day)), PublishedSource(coded)
    with pytest.raises(ContractViolation) as caught:
        published_tables(figures, areas, country)
    assert caught.value.problem.startswith("5 published regions cannot be given their areas")
    assert "Khangai has the code MN62, that of aimag 62 Uvurkhangai, which is no region" in caught.value.problem
    mapped = PublishedSource(figures[0].figures, RegionMap(regions))
    tables = published_tables([mapped, figures[1]], areas, country)
    assert sorted(set(tables.mpi["area_id"])) == ["MN", "R0", "R1", "R2", "R3", "R4"]
    assert set(tables.said.warnings) == {"Khangai", "Ulaanbaatar"}
