"""Change between quarters on the simulated twin: what is flagged where nothing changed, and what is found of a planted change.

    python -m benchmarks.bench_change [still | planted | shaken] [--folder DIR] [--replicates 100]
        [--quarters 8] [--province 03] [--points 0.08] [--seed N]

``still``: a twin in which no quarter differs from another but for the surveys' samples and the satellites' noise; eight
quarters, each against the one before and that of a year before, across the arrival of a survey wave. Mark: at most 5% of
communes flagged.

``planted``: the same, but that in one province the headcount ratio rises by 8 points (``--points``) in 2025Q3; 2026Q1 against 2025Q1,
with a wave behind each. Marks: at least 80% of the province's communes move the right way, and the province is flagged; with 15 points, at
least half of its communes with households in both waves are.

``shaken``: the same rise in the ordinary twin, where the whole country moves and the waves before let one expect that.

Without any of them, all. The twins are written to ``--folder`` (else a temporary one), and what is there already is used again.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import yaml

from benchmarks.bench_small_area import COUNTRY, Twin, _areas, _groups
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.measurement.joint import figures_of_profiles
from poverty_assets.pack import country as countries
from poverty_assets.quarter import Quarter
from poverty_assets.settings import Settings, claim_home
from poverty_assets.small_area.margins.fit import Since, fit_margins
from poverty_assets.small_area.replicates import replicate
from poverty_assets.small_area.rollup import rollup
from poverty_assets.small_area.rows import small_area_rows
from poverty_assets.small_area.sample import Survey
from poverty_assets.small_area.time.change import BASELINES, Apart, changes
from poverty_assets.small_area.time.drift import drift_variance, wave_trend
from poverty_assets.small_area.wanted import Options, Wanted
from poverty_assets.twin.cambodia import calibration, settings, truth, world

EARLIER_WAVE, LATER_WAVE = Quarter(2022, 1), Quarter(2026, 1)
"""Quarters in which the fieldwork of the two waves ended: estimates stand on covariates as of these."""
LAST, PLANTED = Quarter(2026, 2), Quarter(2025, 3)
POINTS = 0.08
SCENARIOS = ("still", "planted", "shaken")
TABLES = ("dim_area", "area_feature", "register_count", "survey_household", "survey_household_before")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("scenario", choices=SCENARIOS, nargs="?")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--replicates", type=int, default=100)
    parser.add_argument("--quarters", type=int, default=8)
    parser.add_argument("--province", default="03")
    parser.add_argument("--points", type=float, default=POINTS)
    parser.add_argument("--seed", type=int, default=Settings().seed)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        for scenario in [options.scenario] if options.scenario else SCENARIOS:
            bench = Bench(folder / scenario, scenario, options)
            if scenario == "still":
                bench.still(options.quarters)
            else:
                bench.planted()


class Bench:
    """A twin in a folder, and its estimates by quarter."""

    def __init__(self, folder: Path, scenario: str, options: argparse.Namespace) -> None:
        self.folder, self.province, self.n_replicates = folder, options.province, options.replicates
        self.home, self.seed, province = folder / "home", options.seed, options.province
        content: dict[str, Any] = {"no_change": True}
        if scenario != "still":
            shift = planted_shift(province, options.points, self.seed, still=scenario == "planted")
            indicators = settings.parse(settings.read_text(countries.country_folder(COUNTRY))).indicators
            content = {
                "no_change": scenario == "planted",
                "planted_change": {
                    "from": PLANTED.label,
                    "areas": [province],
                    "indicators": list(indicators),
                    "shift": shift,
                },
            }
            print(
                f"province {province}: {shift:+.3f} latent standard deviations from {PLANTED} for {options.points:+.0%}"
            )
        self.countries = country_with(folder / "countries", content)
        self.twins: dict[Quarter, Twin] = {}
        self.draws: dict[Quarter, pd.DataFrame] = {}
        self.carried: dict[Quarter, float] = {}

    def twin(self, wave: Quarter) -> Twin:
        """The lake as of the end of a wave."""
        if wave not in self.twins:
            with mock.patch.object(countries, "_FOLDER", self.countries):
                materialise(self.home, wave, self.seed)
                self.twins[wave] = Twin(wave, self.seed, self.home)
        return self.twins[wave]

    def estimates(self, quarter: Quarter) -> pd.DataFrame:
        """``area_draw`` of a quarter: persistence since the wave behind it."""
        if quarter not in self.draws:
            started = time.perf_counter()
            twin = self.twin(LATER_WAVE if quarter >= LATER_WAVE else EARLIER_WAVE)
            self.draws[quarter], self.carried[quarter] = estimate(twin, quarter, self.n_replicates)
            print(f"  {quarter} estimated in {time.perf_counter() - started:.0f} s", flush=True)
        return self.draws[quarter]

    def change(self, quarter: Quarter, step: int) -> pd.DataFrame:
        """Rows of ``fct_change`` against the quarter ``step`` away."""
        earlier = quarter.shift(step)
        before, now = self.estimates(earlier), self.estimates(quarter)
        twin = self.twin(LATER_WAVE if quarter >= LATER_WAVE else EARLIER_WAVE)
        started = time.perf_counter()
        apart = Apart(
            baseline_quarter=earlier.start,
            years=-step / 4,
            same_wave=(quarter >= LATER_WAVE) == (earlier >= LATER_WAVE),
            drift_variance=drift_variance(twin.before, twin.sample, twin.province, twin.years_between),
            carried=self.carried[quarter],
        )
        rows = changes(now, before, apart, measure_id=twin.measure.measure_id)
        print(f"{quarter} against {earlier}: {len(rows)} rows in {time.perf_counter() - started:.2f} s")
        return rows

    def still(self, n_quarters: int) -> None:
        """Share of communes flagged, quarter by quarter."""
        flagged = []
        for quarter in [LAST.shift(-back) for back in reversed(range(n_quarters))]:
            for name, step in BASELINES.items():
                rows = self.change(quarter, step)
                poor = headcount_ratio(rows)
                shares = {f"H {level}": f.mean() for level, f in poor.groupby("area_level")["is_significant"]}
                shares["all statistics, commune"] = rows.loc[rows["area_level"] == "commune", "is_significant"].mean()
                flagged.append(shares["H commune"])
                print(f"  {name}: " + ", ".join(f"{k} {v:.2%}" for k, v in shares.items()), flush=True)
        print(
            f"communes flagged with no change, mean of {len(flagged)}: {np.mean(flagged):.2%}; most {max(flagged):.2%}"
        )

    def planted(self) -> None:
        """How the province and its communes move, against the truth."""
        rows = headcount_ratio(self.change(LATER_WAVE, -4))
        true = self.true_change()
        communes = rows[rows["area_level"] == "commune"].set_index("area_id")
        hit = communes.index.str[:2] == self.province
        right = communes.loc[hit, "difference"] > 0
        own = rows[rows["area_id"] == self.province].iloc[0]
        print(
            f"province {self.province}: {own['difference']:+.3f} [{own['ci_low']:+.3f}, {own['ci_high']:+.3f}], true"
            f" {true[self.province]:+.3f}, flagged: {bool(own['is_significant'])}"
        )
        print(
            f"its communes: {right.mean():.1%} of {hit.sum()} move up; {communes.loc[hit, 'is_significant'].mean():.1%} flagged"
        )
        seen = [set(wave.area[wave.area >= 0]) for wave in (self.twin(LATER_WAVE).before, self.twin(LATER_WAVE).sample)]
        both = communes.index.isin([self.twin(LATER_WAVE).communes[i] for i in seen[0] & seen[1]])
        print(
            f"its {int((hit & both).sum())} communes with households in both waves: {communes.loc[hit & both, 'is_significant'].mean():.1%}"
            f" flagged, true change {true[communes.index[hit & both]].mean():+.3f} on average"
        )
        others = rows[(rows["area_level"] == "province") & (rows["area_id"] != self.province)]
        print(f"other provinces flagged: {int(others['is_significant'].sum())} of {len(others)}")
        print(f"communes elsewhere flagged: {communes.loc[~hit, 'is_significant'].mean():.2%}")
        for level, group in rows[rows["area_level"].isin(["province", "commune"])].groupby("area_level"):
            wanted = true[group["area_id"]].to_numpy()
            held = np.mean((group["ci_low"] <= wanted) & (group["ci_high"] >= wanted))
            print(f"{level}: true change within the interval of {held:.1%} of {len(group)}")

    def true_change(self) -> pd.Series:
        """Change of H from 2025Q1 to 2026Q1 in every commune and province, from the twin's truth."""
        shares = []
        for quarter in (LATER_WAVE.shift(-4), LATER_WAVE):
            with mock.patch.object(countries, "_FOLDER", self.countries):
                text = settings.read_text(countries.country_folder(COUNTRY))
                truth.write_truth(self.folder / "truth", world.build(text, self.seed), quarter)
            twin = self.twin(LATER_WAVE)
            twin.quarter, twin.folder = quarter, self.folder / "truth"
            profiles = twin.true_profiles()
            of_provinces = np.stack(
                [
                    np.average(profiles[twin.province == p], axis=0, weights=twin.population[twin.province == p])
                    for p in np.unique(twin.province)
                ]
            )
            names = [*twin.communes, *np.unique([code[:2] for code in twin.communes])]
            poor = figures_of_profiles(np.concatenate([profiles, of_provinces]), twin.measure).headcount_ratio[:, 1]
            shares.append(pd.Series(poor, index=names))
        return shares[1] - shares[0]


def estimate(twin: Twin, quarter: Quarter, n_replicates: int) -> tuple[pd.DataFrame, float]:
    """The trend: the model of the wave with the covariates of the wave, in a quarter some time after; and the correlation of its
    errors with those of the wave before."""
    covariates, sample = twin.covariates(), twin.sample
    middle = pd.Timestamp(twin.quarter.end) - pd.Timedelta(days=45 + twin.years_since * 365.25)
    since = max((pd.Timestamp(quarter.end) - middle).days - 45, 0) / 365.25
    gained = Since(
        since,
        drift_variance(twin.before, sample, twin.province, twin.years_between),
        since * wave_trend(twin.before, sample, twin.years_between),
    )
    margins = fit_margins(Survey(sample, twin.before), covariates, twin.people, since=gained)
    up = rollup(Hierarchy.of(_areas(twin)), twin.communes, twin.population, sampled_households=sample.area_households)
    wanted, options = Wanted(up, twin.measure), Options(n_replicates, wave=twin.quarter.label)
    groups = _groups(twin, covariates.xy)
    drawn = replicate(margins, sample, groups, wanted, options=options)
    return small_area_rows(drawn, wanted)[1], margins.carried or 0.0


def headcount_ratio(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of H at k of one third."""
    return rows[(rows["statistic"] == "headcount_ratio") & rows["k"].between(0.33, 0.34)]


def planted_shift(province: str, points: float, seed: int, *, still: bool) -> float:
    """Shift of all indicators, in latent standard deviations, with which a province's expected H rises by ``points``.

    ``still``: from the state of the reference quarter, where a twin without change stays.
    """
    twin = world.build(settings.read_text(countries.country_folder(COUNTRY)), seed)
    rows = np.flatnonzero(twin.areas.province_code == province)
    start = twin.settings.reference_quarter if still else PLANTED
    offsets, persons = twin.offsets(start)[rows], twin.areas.persons[rows]

    def expected(shift: float) -> float:
        ratio = calibration.expected_headcount_ratio(
            twin.settings, offsets + shift, twin.loading[rows], twin.eligibility
        )
        return float(np.average(ratio, weights=persons))

    low, high = 0.0, 1.5
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if expected(middle) - expected(0.0) < points else (low, middle)
    return round((low + high) / 2, 4)


def country_with(folder: Path, scenario: dict[str, Any]) -> Path:
    """Folder of countries whose twin follows the scenario."""
    shutil.copytree(countries._FOLDER, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    path = folder / COUNTRY / "simulated.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["scenario"] = {"no_change": False, "planted_change": None, **scenario}
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return folder


def materialise(home: Path, quarter: Quarter, seed: int) -> None:
    """Put into the lake of a home what estimates of a quarter need, unless it is there."""
    import dagster as dg

    from poverty_assets.definitions import build_definitions

    if all((home / "lake" / name / f"quarter={quarter.key}").is_dir() for name in TABLES):
        return
    definitions = build_definitions(claim_home(Settings(home=home, seed=seed)))
    selected = dg.AssetSelection.assets(*TABLES).upstream().required_multi_asset_neighbors().upstream()
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    dg.materialize(
        list(definitions.assets or []),
        selection=selected,
        partition_key=quarter.key,
        resources=dict(definitions.resources or {}),
        run_config=quiet,
    )


if __name__ == "__main__":
    main()
