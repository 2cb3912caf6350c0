"""Small-area estimates of the simulated twin against its truth: every mark with its value.

    python -m poverty_assets_tests.benchmarks.bench_small_area [--home DIR] [--quarter 2026Q3] [--replicates 200] [--seed N]

The features, register and households are those that a refresh of the simulated twin put into the lake of a home (that of
``--home``, else one made in a temporary folder); the truth is its ``evaluation/truth``, read after everything has been
estimated.

Over communes with no survey household, unless said: coverage and mean width of 95% intervals of H, M0 and the ten headcounts;
bias in the poorest tenth; standard deviation of estimates over that of the truth; errors of pairs, H and profiles against
independence, given true and given modelled margins; seconds a replicate; the largest difference of benchmarked totals; the
same marks of the downscaling of published totals.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from poverty_assets.countries import country_folder, load_country
from poverty_assets.measurement.joint import JointFigures, figures_of_profiles, figures_of_totals
from poverty_assets.measurement.measure import Measure, load_measure
from poverty_assets.quarter import Quarter
from poverty_assets.settings import Settings
from poverty_assets.small_area.association import trait_profiles
from poverty_assets.small_area.direct import pooled_design_effect, read_sample
from poverty_assets.small_area.downscale import downscale
from poverty_assets.small_area.drift import drift_variance, wave_trend
from poverty_assets.small_area.joint_profiles import independent
from poverty_assets.small_area.kernel import Covariates
from poverty_assets.small_area.margins import fit_margins
from poverty_assets.small_area.replicates import Groups, fit_associations, joint_profiles, replicate
from poverty_assets.small_area.tables import Drawn, _interval, rollup
from poverty_assets.small_area.tilt import Published
from poverty_assets.sources.simulated import settings, truth, world
from poverty_assets.spatial.blocks import block_ids

COUNTRY = "khm"


class Twin:
    """What a refresh of the twin put into a home's lake, and the truth for the end."""

    def __init__(self, quarter: Quarter, seed: int, home: Path) -> None:
        self.country = load_country(COUNTRY)
        self.measure = load_measure(country_folder(COUNTRY) / "measures" / f"{self.country.default_measure}.yaml")
        self.world = world.build(settings.read_text(country_folder(COUNTRY)), seed)
        self.home, self.quarter, self.folder = home, quarter, home / "evaluation" / "truth"
        communes = self._table("dim_area").query("area_level == 'commune'").sort_values("area_id")
        self.dim = communes.set_index("area_id")
        self.communes = communes["area_id"].astype(str).tolist()
        self.province = np.unique([code[:2] for code in self.communes], return_inverse=True)[1]
        self.population, self.households = (self.dim[c].to_numpy(dtype=float) for c in ("population", "households"))
        frames = [self._table("survey_household_before"), self._table("survey_household")]
        self.before, self.sample = (read_sample(f, self.measure.indicator_ids, self.communes) for f in frames)
        self.direct_profiles = self._direct_profiles(frames[1])
        middles = [pd.to_datetime(f["interview_date"]).mean() for f in frames]
        self.years_between = (middles[1] - middles[0]).days / 365.25
        self.years_since = max((pd.Timestamp(quarter.end) - middles[1]).days - 45, 0) / 365.25

    def _table(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(
            self.home / "lake" / name / f"quarter={self.quarter.key}" / "part.parquet", partitioning=None
        )

    def _direct_profiles(self, frame: pd.DataFrame) -> np.ndarray:
        flags = frame[self.measure.indicator_ids].to_numpy(dtype=float)
        keep = np.isfinite(flags).all(axis=1)
        masks = flags[keep].astype(int) @ (1 << np.arange(flags.shape[1]))
        key = self.province[pd.Index(self.communes).get_indexer(frame.loc[keep, "area_id"])]
        size = 1 << flags.shape[1]
        persons = (frame["weight"] * frame["hh_size"])[keep].to_numpy()
        profiles = np.bincount(key * size + masks, persons, (int(self.province.max()) + 1) * size).reshape(-1, size)
        return profiles / profiles.sum(axis=1, keepdims=True)

    def covariates(self) -> Covariates:
        """Features and register of the lake."""
        wide = self._table("commune_feature").pivot(index="area_id", columns="feature_id", values="value")
        register = self._table("register_count").set_index("area_id").reindex(self.communes)
        listed = (register["listed"] / register["households"]).to_numpy(dtype=float)
        urban = self.dim["is_urban"].to_numpy(dtype=float)
        features = np.column_stack([wide.reindex(self.communes).to_numpy(dtype=float), urban])
        east, north = self.dim["centroid_lon"] * 108_700.0, self.dim["centroid_lat"] * 110_600.0
        return Covariates(features, np.column_stack([east, north]), self.province, listed[:, None])

    def true_profiles(self) -> np.ndarray:
        """Share of people with each mask in each commune."""
        frame = truth.read_truth_households(self.folder, self.quarter)
        order = pd.Index(self.communes).get_indexer(frame["commune_code"].cat.categories)
        commune = order[frame["commune_code"].cat.codes.to_numpy()]
        size = 1 << len(self.measure.indicators)
        counts = np.bincount(commune * size + frame["mask"].to_numpy(), frame["hh_size"], len(self.communes) * size)
        counts = counts.reshape(-1, size)
        return counts / counts.sum(axis=1, keepdims=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quarter", default="2026Q3")
    parser.add_argument("--replicates", type=int, default=200)
    parser.add_argument("--seed", type=int, default=Settings().seed)
    parser.add_argument("--home", type=Path)
    options = parser.parse_args()
    quarter = Quarter.from_label(options.quarter)
    with tempfile.TemporaryDirectory() as folder:
        home = options.home or Path(folder)
        if options.home is None:
            environment = {**os.environ, "POVERTY_ASSETS_HOME": str(home), "POVERTY_ASSETS_SEED": str(options.seed)}
            command = [sys.executable, "-m", "poverty_assets.cli", "refresh", "--quarter", quarter.label]
            subprocess.run(command, env=environment, check=True)
        evaluate(Twin(quarter, options.seed, home), options.replicates)


def evaluate(twin: Twin, n_replicates: int) -> None:
    """Estimate, then compare with the truth and print."""
    sample, measure, covariates = twin.sample, twin.measure, twin.covariates()
    groups = _groups(twin, covariates.xy)
    areas = _areas(twin)
    started = time.perf_counter()
    margins = fit_margins(
        sample,
        covariates,
        twin.population,
        households=twin.households,
        design_effect=pooled_design_effect([sample, twin.before]),
        drift=twin.years_since * drift_variance(twin.before, sample, twin.province, twin.years_between),
        trend=twin.years_since * wave_trend(twin.before, sample, twin.years_between),
    )
    print(f"margins fitted in {time.perf_counter() - started:.1f} s")
    started = time.perf_counter()
    totals = direct_totals(twin)
    up = rollup(areas, twin.communes, twin.population, "KH", sampled_households=sample.area_households)
    drawn = replicate(margins, sample, groups, twin.households, up, measure, totals=totals, n_replicates=n_replicates)
    print(f"{(time.perf_counter() - started) / n_replicates:.2f} s a replicate, {n_replicates} replicates")
    provinces = np.column_stack([np.bincount(twin.province, twin.population * c) for c in margins.shares.T])
    provinces /= np.bincount(twin.province, twin.population)[:, None]
    print(f"benchmarked totals: largest difference {np.nanmax(np.abs(provinces - margins.totals)):.1e}")
    true = twin.true_profiles()
    unsampled = np.setdiff1d(np.arange(len(true)), sample.sampled)
    _marks("composite and modelled, communes with no household", drawn, true, unsampled, measure)
    _marks("the same, communes with households", drawn, true, sample.sampled, measure)
    _against_independence("given modelled margins", drawn.profiles, margins.shares, true, unsampled, measure)
    bits_shares = figures_of_profiles(true, measure).uncensored
    fitted = fit_associations(sample, bits_shares, groups)
    given = joint_profiles(bits_shares, fitted.blocks.of_areas(groups.block))
    _against_independence("given true margins", given, bits_shares, true, np.arange(len(true)), measure)
    loading = np.clip(twin.world.loading, -0.96, 0.96)
    ceiling = trait_profiles(bits_shares, loading)
    _against_independence("  with the twin's own loadings", ceiling, bits_shares, true, np.arange(len(true)), measure)
    ceiling = trait_profiles(margins.shares, loading)
    _against_independence("  the same at modelled margins", ceiling, margins.shares, true, unsampled, measure)
    down = rollup(areas, twin.communes, twin.population, "KH", method="downscaled")
    columns = np.column_stack([covariates.features, covariates.leading])
    spread = downscale(
        totals, columns, twin.population, twin.households, twin.province, down, measure, n_replicates=n_replicates // 4
    )
    _marks("downscaled from provinces, all communes", spread, true, np.arange(len(true)), measure)


def direct_totals(twin: Twin) -> Published:
    """Direct figures of the provinces, as they would be published."""
    sample, measure = twin.sample, twin.measure
    f = figures_of_profiles(twin.direct_profiles, measure)
    n = np.bincount(twin.province[sample.area], sample.effective)

    def error(share: np.ndarray) -> np.ndarray:
        return np.sqrt(np.maximum(share * (1 - share), 1e-4) * 1.3 / n.reshape(-1, *[1] * (share.ndim - 1)))

    h = f.headcount_ratio[:, 1]
    return Published(f.uncensored, f.censored[:, 1], h, error(f.uncensored), error(h))


def _groups(twin: Twin, xy: np.ndarray) -> Groups:
    blocks = block_ids(xy)
    return Groups(twin.province, np.unique(twin.province * 10_000 + blocks, return_inverse=True)[1])


def _areas(twin: Twin) -> pd.DataFrame:
    code = pd.Series(twin.communes)
    rows = [pd.DataFrame({"area_id": ["KH"], "area_level": "country", "parent_id": [None]})]
    for level, digits, above in (("province", 2, 0), ("district", 4, 2), ("commune", 6, 4)):
        own = code.str[:digits].drop_duplicates()
        parent = own.str[:above] if above else "KH"
        rows.append(pd.DataFrame({"area_id": own, "area_level": level, "parent_id": parent}))
    return pd.concat(rows, ignore_index=True)


def _marks(title: str, drawn: Drawn, true: np.ndarray, rows: np.ndarray, measure: Measure) -> None:
    """Coverage, width, bias, spread and error of each figure."""
    n, n_figures = len(true), drawn.point.shape[1] - (1 << len(measure.dimensions))
    truth_ = figures_of_profiles(true, measure)
    point = figures_of_totals(drawn.point[-n:, :n_figures], measure)
    draws = figures_of_totals(drawn.draws[:, -n:, :n_figures].astype(float), measure)
    print(f"\n{title} ({len(rows)})\n{'':20}coverage  width    bias  poorest tenth  sd ratio    mean error")
    for name, pick in _figures(measure):
        t, e = pick(truth_)[rows], pick(point)[rows]
        found = _interval(e[:, None], pick(draws)[:, rows, None])
        low, high = found["ci_low"][:, 0], found["ci_high"][:, 0]
        covered = np.mean((t >= low - 1e-9) & (t <= high + 1e-9))
        poorest = np.argsort(-t)[: max(len(rows) // 10, 1)]
        print(
            f"{name:20}{covered:8.3f}{np.mean(high - low):7.3f}{np.mean(e - t):+8.4f}{np.mean((e - t)[poorest]):+15.4f}"
            f"{e.std() / t.std():10.3f}{np.mean(np.abs(e - t)):14.4f}"
        )
    print(f"shares of exactly 0 or 1: {int(np.sum((point.uncensored <= 0) | (point.uncensored >= 1)))}")


def _figures(measure: Measure) -> list[tuple[str, object]]:
    def headcount(j: int):  # type: ignore[no-untyped-def]
        return lambda f: f.uncensored[..., j]

    out = [(name, headcount(j)) for j, name in enumerate(measure.indicator_ids)]
    return [*out, ("H", lambda f: f.headcount_ratio[..., 1]), ("M0", lambda f: f.mpi[..., 1])]


def _against_independence(
    title: str, profiles: np.ndarray, margins: np.ndarray, true: np.ndarray, rows: np.ndarray, measure: Measure
) -> None:
    """How much smaller errors are than those of independent deprivations with the same margins."""
    alone = independent(margins)
    wanted = figures_of_profiles(true, measure)
    parts = []
    for name, error in (("pairs", _pair_error), ("H", _h_error)):
        ours, theirs = (np.mean(error(figures_of_profiles(p, measure), wanted)[rows]) for p in (profiles, alone))
        parts.append(f"{name} {ours:.4f} ({ours / theirs - 1:+.1%})")
    ours, theirs = (0.5 * np.abs(p - true).sum(axis=1)[rows].mean() for p in (profiles, alone))
    parts.append(f"total variation {ours:.4f} ({ours / theirs - 1:+.1%})")
    print(f"{title}, error and against independence: {', '.join(parts)}")


def _pair_error(one: JointFigures, other: JointFigures) -> np.ndarray:
    return np.abs(one.pairs["share_both"] - other.pairs["share_both"])


def _h_error(one: JointFigures, other: JointFigures) -> np.ndarray:
    return np.abs(one.headcount_ratio[:, 1] - other.headcount_ratio[:, 1])


if __name__ == "__main__":
    main()
