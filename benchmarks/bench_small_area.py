"""Small-area estimates of the simulated twin against its truth: every mark with its value.

    python -m benchmarks.bench_small_area [--home DIR] [--quarter 2026Q3] [--replicates 200] [--seed N] [--difficulty easy]
    python -m benchmarks.bench_small_area --levels FILE ...       one seed's part of the table of levels, written to FILE
    python -m benchmarks.bench_small_area --seeds 101 102 ... --folder DIR      parts of seeds, those there left, and their table
    python -m benchmarks.bench_small_area --combine FILE ... [--before FILE ...]      the table of several seeds, beside another

The features, register and households are those that a refresh of the simulated twin put into the lake of a home (that of
``--home``, else one made in a temporary folder, without its estimates); the truth is its ``evaluation/truth``, read after everything
has been estimated.

The table of levels (``levels``): for areas of the finest level without and with households, levels between, the published level, and the
country's towns and countryside, family by family: coverage of 95% intervals, its lowest figure and how far chance alone would move it;
RMSE, CRPS, width; bias of the tenth estimated highest; share of points amid their own draws. Without ``--levels`` also, over communes
with no survey household unless said: coverage and mean width of 95% intervals of H, M0 and the ten headcounts; bias in the poorest
tenth; standard deviation of estimates over that of the truth; errors by urban and rural, remoteness and
minority-heavy provinces; H against a model fitted to H itself; errors of pairs, H and profiles against independence, given true
and given modelled margins; held-out scores of learners; seconds a replicate; the largest difference of the country's totals; the
same marks of the downscaling of published totals.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import levels
from poverty_assets.arrays import group_means
from poverty_assets.evaluation.scores import Compared, compare, profile_scores, scores
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.judging.applicability import applicability
from poverty_assets.judging.folds import block_ids
from poverty_assets.judging.scores import spearman
from poverty_assets.measure.measure import Measure, load_measure
from poverty_assets.measurement.joint import figures_of_profiles
from poverty_assets.pack.country import country_folder, load_country, load_sources
from poverty_assets.pack.source import covariates as modelled_features
from poverty_assets.quarter import Quarter
from poverty_assets.registers.counts import rate_of
from poverty_assets.settings import Settings, claim_home
from poverty_assets.small_area.association.profiles import fit_associations
from poverty_assets.small_area.association.tilt import Published
from poverty_assets.small_area.association.trait import joint_profiles, trait_profiles
from poverty_assets.small_area.figures import Drawn, figure_columns
from poverty_assets.small_area.league import FeatureNames, WaveBefore, compete
from poverty_assets.small_area.margins.fit import Margins, fit_margins
from poverty_assets.small_area.margins.kernel import Covariates
from poverty_assets.small_area.people import Groups, Inhabitants
from poverty_assets.small_area.replicates import replicate
from poverty_assets.small_area.rollup import Rollup, rollup
from poverty_assets.small_area.rows import small_area_rows
from poverty_assets.small_area.sample import Sample, Survey, read_sample
from poverty_assets.small_area.time.drift import since_survey
from poverty_assets.small_area.totals.downscale import downscale
from poverty_assets.small_area.wanted import Options, Wanted
from poverty_assets.twin import truth
from poverty_assets.twin.cambodia import settings, world

COUNTRY = "khm"
MINORITY_HEAVY = 0.1
"""Share of people of ethnic minorities above which a province of the twin counts as minority-heavy."""


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
        self.before_poor, self.sample_poor = (self._poor(f) for f in frames)
        self.direct_profiles = self._direct_profiles(frames[1])
        middles = [pd.to_datetime(f["interview_date"]).mean() for f in frames]
        self.years_between = (middles[1] - middles[0]).days / 365.25
        self.years_since = max((pd.Timestamp(quarter.end) - middles[1]).days - 45, 0) / 365.25

    @property
    def people(self) -> Inhabitants:
        """Who lives in the communes."""
        return Inhabitants(self.population, self.households, self.province)

    def _table(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(
            self.home / "lake" / name / f"quarter={self.quarter.key}" / "part.parquet", partitioning=None
        )

    def _poor(self, frame: pd.DataFrame) -> Sample:
        """The same households with two columns: poor, and poor or nearly so."""
        flags = frame[self.measure.indicator_ids].to_numpy(dtype=float)
        frame = frame[np.isfinite(flags).all(axis=1)]
        score = self.measure.scores(frame[self.measure.indicator_ids].to_numpy(dtype=np.int64))
        cutoffs = self.measure.cutoffs
        poor = {
            name: self.measure.is_poor(score, k) for name, k in (("poor", cutoffs.poor), ("near", cutoffs.vulnerable))
        }
        return read_sample(frame.assign(**poor), list(poor), self.communes)

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
        modelled = modelled_features(self._table("area_feature"), load_sources(load_country(COUNTRY), simulated=True))
        wide = modelled.pivot(index="area_id", columns="feature_id", values="value")
        self.feature_names = [*wide.columns, "is_urban"]
        register = self._table("register_count").set_index("area_id").reindex(self.communes)
        listed = rate_of(register).to_numpy(dtype=float)
        urban = self.dim["is_urban"].to_numpy(dtype=float)
        features = np.column_stack([wide.reindex(self.communes).to_numpy(dtype=float), urban])
        east, north = self.dim["centroid_lon"] * 108_700.0, self.dim["centroid_lat"] * 110_600.0
        xy, district = np.column_stack([east, north]), np.unique(self.dim["parent_id"], return_inverse=True)[1]
        return Covariates(features, xy, self.province, listed[:, None], holder=district)

    def kinds(self, covariates: Covariates) -> pd.DataFrame:
        """``area_id``, and columns whose values part communes into groups in which errors are compared."""
        urban = self.dim["is_urban"].to_numpy(dtype=bool)
        travel = covariates.features[:, self.feature_names.index("travel_time_mean")]
        third = np.digitize(travel, np.nanquantile(travel, [1 / 3, 2 / 3]))
        heavy = {code for code, share in self.world.settings.minority_share.items() if share > MINORITY_HEAVY}
        minority = np.array([code[:2] in heavy for code in self.communes])
        return pd.DataFrame(
            {
                "area_id": self.communes,
                "settlement": np.where(urban, "urban", "rural"),
                "remoteness": np.array(["nearest third", "middle third", "remotest third"])[third],
                "provinces": np.where(minority, "minority-heavy", "other"),
            }
        )

    def true_profiles(self) -> np.ndarray:
        """Share of people with each mask in each commune."""
        frame = truth.read_truth_households(self.folder, self.quarter)
        order = pd.Index(self.communes).get_indexer(frame["area_id"].cat.categories)
        commune = order[frame["area_id"].cat.codes.to_numpy()]
        size = 1 << len(self.measure.indicators)
        counts = np.bincount(commune * size + frame["mask"].to_numpy(), frame["hh_size"], len(self.communes) * size)
        counts = counts.reshape(-1, size)
        return counts / counts.sum(axis=1, keepdims=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quarter", default="2026Q3")
    parser.add_argument("--replicates", type=int, default=200)
    parser.add_argument("--seed", type=int, default=Settings().seed)
    parser.add_argument("--difficulty")
    parser.add_argument("--home", type=Path)
    parser.add_argument("--levels", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+")
    parser.add_argument("--folder", type=Path, default=Path("levels"))
    parser.add_argument("--combine", type=Path, nargs="+")
    parser.add_argument("--before", type=Path, nargs="+")
    options = parser.parse_args()
    if options.seeds:
        options.combine = parts_of(options)
    if options.combine:
        print_levels(options.combine, options.before)
        return
    quarter = Quarter.from_label(options.quarter)
    with tempfile.TemporaryDirectory() as folder:
        home = options.home or Path(folder)
        if not (home / "lake" / "survey_household").is_dir():
            prepare(home, quarter, options.seed, options.difficulty)
        twin = Twin(quarter, options.seed, home)
        if options.levels:
            part, direct = levels_of(twin, options.replicates)
            part.assign(seed=options.seed, direct=direct).to_parquet(options.levels)
            print_levels([options.levels], None)
        else:
            evaluate(twin, options.replicates)


def parts_of(options: argparse.Namespace) -> list[Path]:
    """A file of each seed in the folder, made by a process of its own where it is not there yet: whoever stopped goes on."""
    options.folder.mkdir(parents=True, exist_ok=True)
    files = []
    for seed in options.seeds:
        files.append(options.folder / f"{seed}_{options.difficulty or 'default'}_{options.replicates}.parquet")
        if not files[-1].is_file():
            command = [
                sys.executable,
                "-m",
                "benchmarks.bench_small_area",
                "--seed",
                str(seed),
                "--levels",
                str(files[-1]),
            ]
            command += ["--quarter", options.quarter, "--replicates", str(options.replicates)]
            command += ["--difficulty", options.difficulty] if options.difficulty else []
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            print(f"seed {seed} done", flush=True)
    return files


LAKE = (
    "dim_area",
    "survey_household",
    "survey_household_before",
    "area_feature",
    "register_count",
    "simulated_landing",
)


def prepare(home: Path, quarter: Quarter, seed: int, difficulty: str | None) -> None:
    """Put into a home what estimates are made from, and the truth."""
    import dagster as dg

    from poverty_assets.definitions import build_definitions
    from poverty_assets.graph.jobs import QUARTER
    from poverty_assets.running.instance import open_instance

    asked = Settings(home=home, seed=seed, difficulty=difficulty, country=COUNTRY)
    claim_home(asked)
    with open_instance(asked.dagster_home) as instance:
        job = build_definitions(asked).resolve_job_def(QUARTER)
        keys = job.asset_layer.executable_asset_keys
        wanted = dg.AssetSelection.assets(*[key for key in keys if key.path[-1] in LAKE]).upstream()
        chosen = wanted.required_multi_asset_neighbors().resolve(job.asset_layer.asset_graph) & set(keys)
        job.get_subset(asset_selection=chosen).execute_in_process(instance=instance, partition_key=quarter.key)


def levels_of(twin: Twin, n_replicates: int) -> tuple[pd.DataFrame, float]:
    """The seed's part of the table of levels, and the RMSE of direct H of provinces."""
    sample, covariates, measure = twin.sample, twin.covariates(), twin.measure
    margins = _fit(twin, sample, twin.before, covariates)
    up, level = _scored_areas(twin)
    drawn = replicate(margins, sample, _groups(twin, covariates.xy), Wanted(up, measure), options=Options(n_replicates))
    true = twin.true_profiles()
    part = levels.score(drawn, np.asarray(up.matrix @ (true @ figure_columns(measure))), level, measure)
    weight = twin.population / np.bincount(twin.province, twin.population)[twin.province]
    of_provinces = np.stack([weight[twin.province == p] @ true[twin.province == p] for p in np.unique(twin.province)])
    h, direct = (figures_of_profiles(p, measure).headcount_ratio[:, 1] for p in (of_provinces, twin.direct_profiles))
    return part, float(np.sqrt(np.mean((direct - h) ** 2)))


def _scored_areas(twin: Twin) -> tuple[Rollup, np.ndarray]:
    """Areas of all levels, the country's towns and countryside with them, and what each counts as."""
    from scipy.sparse import csr_array, vstack

    seen = twin.sample.area_households
    up = rollup(Hierarchy.of(_areas(twin)), twin.communes, twin.population, sampled_households=seen)
    urban = twin.dim["is_urban"].to_numpy(dtype=bool)
    weight = np.stack([np.where(own, twin.population, 0.0) for own in (urban, ~urban)])
    more = pd.DataFrame(
        {"area_id": ["urban", "rural"], "area_level": "urban, rural", "method": "composite", "flag": ""}
    )
    table = pd.concat([up.table, more.assign(n_households=pd.NA)], ignore_index=True)
    matrix = csr_array(vstack([up.matrix, csr_array(weight / weight.sum(axis=1, keepdims=True))]))
    level = table["area_level"].to_numpy(dtype=object).copy()
    visited = table["area_id"].map(dict(zip(twin.communes, seen.tolist(), strict=True))).to_numpy(dtype=float)
    level[visited == 0], level[visited > 0] = "commune, none visited", "commune, visited"
    return Rollup(table, matrix), level


def print_levels(files: list[Path], before: list[Path] | None) -> None:
    """The table of levels of all seeds, H by itself, and the same of parts made before."""
    for title, parts in (("now", files), ("before", before or [])):
        read = [pd.read_parquet(file) for file in parts]
        if read:
            seeds = ", ".join(str(part["seed"].iloc[0]) for part in read)
            direct = 100 * float(np.mean([part["direct"].iloc[0] for part in read]))
            print(f"\n{title}: seeds {seeds}; RMSE of direct H of provinces {direct:.2f}")
            print(levels.table_of(read).round(2).to_string())
            print("\nCoverage of each family (its lowest figure; standard deviation by chance)")
            print(levels.markdown_of(read))
            print("\nH")
            print(levels.figures_of(read, levels.FAMILIES[0], "H at 0.33").round(2).to_string())


def evaluate(twin: Twin, n_replicates: int) -> None:
    """Estimate, then compare with the truth and print."""
    sample, measure, covariates = twin.sample, twin.measure, twin.covariates()
    groups, areas = _groups(twin, covariates.xy), Hierarchy.of(_areas(twin))
    started = time.perf_counter()
    margins = _fit(twin, sample, twin.before, covariates)
    print(f"margins fitted in {time.perf_counter() - started:.1f} s")
    started = time.perf_counter()
    totals = direct_totals(twin)
    up = rollup(areas, twin.communes, twin.population, sampled_households=sample.area_households)
    options = Options(n_replicates)
    drawn = replicate(margins, sample, groups, Wanted(up, measure), options=options)
    print(f"{(time.perf_counter() - started) / n_replicates:.2f} s a replicate, {n_replicates} replicates")
    country = group_means(margins.shares, twin.people.as_one, twin.population)
    print(f"benchmarked totals: largest difference {np.nanmax(np.abs(country - margins.totals)):.1e}")
    _compete(twin, margins, covariates)
    direct_h = _fit(twin, twin.sample_poor, twin.before_poor, covariates).shares[:, 0]
    true = twin.true_profiles()
    sampled = np.isin(np.arange(len(true)), sample.sampled)
    compared = _compared(twin, drawn, Wanted(up, measure), true)
    found = scores(compared, twin.kinds(covariates))
    _print_marks("composite and modelled, communes with no household", found, "modelled")
    _print_marks("the same, communes with households", found, "composite")
    _print_fairness(found, twin.kinds(covariates), compared[0])
    h = compared[0].table.loc[~sampled, "true"].to_numpy()
    for name, estimate in (
        ("from profiles", compared[0].table["estimate"].to_numpy()),
        ("by the same kernel fitted to H", direct_h),
    ):
        error, rank = np.abs(estimate[~sampled] - h).mean(), float(spearman(h, estimate[~sampled]))
        print(f"H {name}: mean error {error:.4f}, rank correlation {rank:.3f}")
    _print_profiles("given modelled margins", drawn.profiles, true, ~sampled, measure)
    shares, everywhere = figures_of_profiles(true, measure).uncensored, np.ones(len(true), dtype=bool)
    fitted = fit_associations(sample, shares, groups)
    given = joint_profiles(shares, fitted.loadings)
    _print_profiles("given true margins", given, true, everywhere, measure)
    loading = np.clip(twin.world.loading, -0.96, 0.96)
    _print_profiles("  with the twin's own loadings", trait_profiles(shares, loading), true, everywhere, measure)
    own = trait_profiles(margins.shares, loading)
    _print_profiles("  the same at modelled margins", own, true, ~sampled, measure)
    down = rollup(areas, twin.communes, twin.population, method="downscaled")
    wanted = Wanted(down, measure)
    spread = downscale(totals, covariates, twin.people, wanted, Options(n_replicates // 4))
    found = scores(_compared(twin, spread, wanted, true), twin.kinds(covariates))
    _print_marks("downscaled from provinces, all communes", found, "downscaled")


def _compared(twin: Twin, drawn: Drawn, wanted: Wanted, true: np.ndarray) -> list[Compared]:
    """H, M0 and headcounts of communes beside the true ones."""
    f = figures_of_profiles(true, twin.measure)
    poor = pd.DataFrame({"area_id": twin.communes, "headcount_ratio": f.headcount_ratio[:, 1], "mpi": f.mpi[:, 1]})
    known = poor.join(pd.DataFrame(f.uncensored, columns=twin.measure.indicator_ids))
    return compare(small_area_rows(drawn, wanted)[1], known, twin.measure)


def _fit(twin: Twin, sample: Sample, before: Sample, covariates: Covariates) -> Margins:
    survey = Survey(sample, before)
    since = since_survey(survey, twin.province, twin.years_between, twin.years_since)
    distance, _ = applicability(covariates.features, sample.sampled, covariates.xy)
    return fit_margins(survey, covariates, twin.people, since=since, distance=distance)


def _compete(twin: Twin, margins: Margins, covariates: Covariates) -> None:
    started = time.perf_counter()
    alone = ("nightlights_mean", "population_per_cell_mean")
    found = compete(
        twin.sample,
        margins.fits,
        twin.measure.indicator_ids,
        covariates,
        FeatureNames(tuple(twin.feature_names), ("register",), alone),
        before=WaveBefore(twin.before, np.unique([code[:4] for code in twin.communes], return_inverse=True)[1]),
    )
    took, loss = time.perf_counter() - started, found.metrics[found.metrics["metric"] == "log_loss"]
    wins = pd.Series(found.chosen).value_counts().to_dict()
    print(f"competition in {took:.1f} s; chosen: {wins}; mean log loss over indicators")
    print(loss.pivot_table(index="fold_design", columns=["learner", "feature"], values="value").round(4).to_string())


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


def _print_marks(title: str, found: pd.DataFrame, method: str) -> None:
    """Coverage, width, bias, spread and error of each figure."""
    metrics = ["coverage95", "width95", "bias", "bias_poorest_tenth", "sd_ratio", "mae", "exactly_0_or_1"]
    own = found[found["metric"].isin(metrics) & (found["learner"] == method) & (found["subgroup"] == "all")]
    wide = own.pivot(index="target", columns="metric", values="value")[metrics]
    wide.columns = ["coverage", "width", "bias", "poorest tenth", "sd ratio", "mean error", "0 or 1"]
    print(f"\n{title} ({own['n'].iloc[0]})\n{wide.loc[found['target'].unique()].round(4).to_string()}")


def _print_fairness(found: pd.DataFrame, kinds: pd.DataFrame, poor: Compared) -> None:
    """Errors of H, and the mean over headcounts, in each group of communes with no household."""
    print(f"\n{'':28}communes  H: coverage   width    bias  mean error  headcounts: coverage  mean error")
    width = poor.table.assign(width=poor.table["ci_high"] - poor.table["ci_low"]).merge(kinds, on="area_id")
    width = width[width["method"] == "modelled"]
    for column in kinds.columns.drop("area_id"):
        for name in kinds[column].unique():
            own = found[(found["subgroup"] == f"{column}={name}") & (found["learner"] == "modelled")]
            is_poverty = own["target"].isin(["headcount_ratio", "mpi"])
            h = own[own["target"] == "headcount_ratio"].set_index("metric")
            margins = own[~is_poverty].groupby("metric")["value"].mean()
            print(
                f"{column + ' ' + name:28}{h['n'].iloc[0]:8}{h.loc['coverage95', 'value']:13.3f}"
                f"{width.loc[width[column] == name, 'width'].mean():8.3f}{h.loc['bias', 'value']:+8.4f}"
                f"{h.loc['mae', 'value']:12.4f}{margins['coverage95']:22.3f}{margins['mae']:12.4f}"
            )


def _print_profiles(title: str, profiles: np.ndarray, true: np.ndarray, rows: np.ndarray, measure: Measure) -> None:
    """How much smaller errors are than those of independent deprivations with the same margins."""
    value = profile_scores(profiles, true, rows, measure).set_index("metric")["value"]
    names = {"pairs": "pairs_error", "H": "h_error", "total variation": "total_variation"}
    parts = [f"{name} {value[m]:.4f} ({value[m + '_against_independence']:+.1%})" for name, m in names.items()]
    print(f"{title}, error and against independence: {', '.join(parts)}")


if __name__ == "__main__":
    main()
