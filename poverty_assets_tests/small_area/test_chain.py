"""The chain from households to tables on a small country, and the pieces of it that a reader can check."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from poverty_assets.catalog import table
from poverty_assets.errors import ContractViolation
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.small_area.association.loadings import fit_association
from poverty_assets.small_area.association.profiles import fit_associations
from poverty_assets.small_area.association.trait import trait_profiles
from poverty_assets.small_area.figures import Drawn
from poverty_assets.small_area.margins.draw import Streams
from poverty_assets.small_area.margins.fit import Margins, fit_margins
from poverty_assets.small_area.margins.kernel import Covariates, fit_kernel, kernel_parts
from poverty_assets.small_area.people import Groups, Inhabitants
from poverty_assets.small_area.replicates import Chain, draw_profiles, replicate, rescaled_bootstrap
from poverty_assets.small_area.rollup import Rollup, rollup
from poverty_assets.small_area.rows import SmallAreaTables, small_area_rows
from poverty_assets.small_area.sample import Sample, Survey, read_sample
from poverty_assets.small_area.wanted import Options, Wanted
from poverty_assets.workers import DaskWorkers, Threads, Workers
from poverty_assets_tests.measurement.factories import make_measure

N, PER_PROVINCE, SIZE = 120, 40, 30


def make_country() -> tuple[pd.DataFrame, list[str], np.ndarray, np.ndarray]:
    """Households of every second commune, commune codes, true margins (n, 3) and one covariate."""
    rng = np.random.default_rng(0)
    province = np.arange(N) // PER_PROVINCE
    x = rng.normal(size=N)
    margins = expit(np.array([-1.0, -0.5, -1.5]) + 0.8 * x[:, None] + 0.3 * rng.normal(size=(N, 3)))
    profiles = trait_profiles(margins, np.full((N, 3), 0.7))
    codes = [f"{p + 1:02d}01{i % PER_PROVINCE + 1:02d}" for i, p in enumerate(province)]
    rows = []
    for i in range(0, N, 2):
        mask = rng.choice(8, SIZE, p=profiles[i] / profiles[i].sum())
        rows.append(pd.DataFrame({"mask": mask, "area_id": codes[i], "psu": f"p{i}", "stratum": codes[i][:2]}))
    frame = pd.concat(rows, ignore_index=True).assign(weight=1.0, hh_size=4)
    for j, name in enumerate("abc"):
        frame[name] = (frame["mask"].to_numpy() >> j) & 1
    return frame, codes, margins, x


@pytest.fixture(scope="module")
def fitted() -> tuple[Sample, Margins, Groups, np.ndarray, list[str]]:
    frame, codes, margins, x = make_country()
    sample = read_sample(frame, ["a", "b", "c"], codes)
    province = np.arange(N) // PER_PROVINCE
    xy = np.column_stack([np.arange(N) * 5_000.0, np.zeros(N)])
    covariates = Covariates(np.zeros((N, 0)), xy, province, x[:, None])
    people = Inhabitants(np.full(N, 2_000.0), np.full(N, 500.0), province)
    found = fit_margins(Survey(sample), covariates, people)
    return sample, found, Groups(province, province), margins, codes


@pytest.fixture(scope="module")
def published(fitted: tuple) -> tuple[Drawn, Rollup, SmallAreaTables]:
    sample, margins, groups, _, codes = fitted
    code = pd.Series(codes)
    areas = pd.concat(
        [
            pd.DataFrame({"area_id": code, "area_level": "commune", "parent_id": code.str[:4]}),
            pd.DataFrame(
                {"area_id": code.str[:4].unique(), "area_level": "district", "parent_id": code.str[:2].unique()}
            ),
            pd.DataFrame({"area_id": code.str[:2].unique(), "area_level": "province", "parent_id": "KH"}),
        ]
    )
    up = rollup(Hierarchy.of(areas, root="KH"), codes, np.full(N, 2_000.0), sampled_households=sample.area_households)
    drawn = replicate(margins, sample, groups, Wanted(up, make_measure()), options=Options(40))
    return drawn, up, small_area_rows(drawn, Wanted(up, make_measure()))[0]


def test_margins_beat_the_mean_and_are_never_0_or_1(fitted: tuple) -> None:
    sample, found, _, true, _ = fitted
    unseen = np.setdiff1d(np.arange(N), sample.sampled)
    error = np.abs(found.shares - true)[unseen].mean()
    assert error < 0.6 * np.abs(true - true.mean(axis=0))[unseen].mean()
    assert ((found.shares > 0) & (found.shares < 1)).all()


def test_the_country_adds_up_to_the_direct_estimate(fitted: tuple) -> None:
    sample, found, _, _, _ = fitted
    direct = sample.means(sample.shares, np.zeros(len(sample.area), dtype=int), 1)[0]
    np.testing.assert_allclose(found.shares.mean(axis=0), direct, atol=1e-9)


@pytest.mark.slow
def test_the_countrys_poverty_and_its_parts_are_the_direct_ones(published: tuple) -> None:
    frame, _, _, _ = make_country()
    measure, tables = make_measure(), published[2]
    score = measure.scores(frame[["a", "b", "c"]].to_numpy())
    poor = measure.is_poor(score, measure.cutoffs.poor)
    country = tables.mpi.query("area_id == 'KH' and k == 0.333333").set_index("statistic")["estimate"]
    assert country["headcount_ratio"] == pytest.approx(poor.mean(), abs=1e-5)
    assert country["mpi"] == pytest.approx((poor * score / measure.denominator).mean(), abs=1e-5)
    kinds = tables.headcount.query("area_id == 'KH'").set_index(["kind", "indicator_id"])["estimate"]
    for name in "abc":
        assert kinds["uncensored", name] == pytest.approx(frame[name].mean(), abs=1e-6)
        assert kinds["censored", name] == pytest.approx((poor * frame[name]).mean(), abs=1e-5)


def test_deprivations_that_shun_each_other_have_draws(fitted: tuple) -> None:
    _, margins, groups, _, codes = fitted
    frame = make_country()[0]
    frame = frame.assign(b=1 - frame["a"])  # who lacks one never lacks the other
    sample = read_sample(frame, ["a", "b", "c"], codes)
    up = rollup(
        Hierarchy.of(pd.DataFrame({"area_id": codes, "area_level": "town", "parent_id": "X"}), root="X"),
        codes,
        np.full(N, 2_000.0),
    )
    drawn = replicate(margins, sample, groups, Wanted(up, make_measure()), options=Options(20))
    assert np.isfinite(drawn.draws).all()


def test_a_point_lies_amid_its_own_draws(published: tuple) -> None:
    drawn = published[0]
    below = (drawn.draws < drawn.point - 1e-9).mean(axis=0), (drawn.draws <= drawn.point + 1e-9).mean(axis=0)
    known = drawn.point > 0.01
    amid = (below[1] >= 0.3) & (below[0] <= 0.7)
    assert amid[known].mean() > 0.95


def test_held_out_predictions_are_those_of_a_fit_without_the_area() -> None:
    frame, codes, _, x = make_country()
    sample = read_sample(frame, ["a", "b", "c"], codes)
    xy = np.column_stack([np.arange(N) * 5_000.0, np.zeros(N)])
    parts = kernel_parts(Covariates(np.zeros((N, 0)), xy, np.arange(N) // PER_PROVINCE, x[:, None]))
    fit = fit_kernel(parts, sample.shares[:, 0], sample.effective, sample.sampled)
    keep = np.arange(len(fit.sampled)) != 7
    kernel = parts.covariance(fit.variances)[np.ix_(fit.sampled, fit.sampled)]
    solved = np.linalg.solve((kernel + np.diag(fit.noise))[np.ix_(keep, keep)], (fit.working - fit.mean)[keep])
    assert fit.held_out[7] == pytest.approx(fit.mean + kernel[7, keep] @ solved, abs=1e-4)  # kernels are float32
    assert fit.held_out_groups(np.arange(len(keep)))[7] == pytest.approx(fit.held_out[7])


def test_strength_of_association_is_found(fitted: tuple) -> None:
    sample, _, _, true, _ = fitted
    one = fit_association(sample, true, np.zeros(N, dtype=int))
    assert np.abs(one.of_areas(np.zeros(1, dtype=int)) - 0.7).max() < 0.25


def test_rescaled_weights_keep_the_total_of_a_stratum_and_a_lonely_cluster() -> None:
    factor = rescaled_bootstrap(np.array([0, 0, 0, 1]), 200, np.random.default_rng(0))
    np.testing.assert_allclose(factor[:, :3].sum(axis=1), 3)
    np.testing.assert_array_equal(factor[:, 3], 1)
    assert factor[:, 0].var() == pytest.approx(1.0, abs=0.3)


def test_tables_have_the_catalogs_columns_and_one_coherent_distribution(published: tuple) -> None:
    _, _, tables = published
    for name, frame in (
        ("fct_mpi", tables.mpi), ("fct_headcount", tables.headcount), ("fct_contribution", tables.contribution),
        ("fct_overlap_pair", tables.pairs), ("fct_deprivation_count", tables.counts),
        ("fct_dimension_overlap", tables.dimensions), ("fct_bundle", tables.bundles),
    ):  # fmt: skip
        assert set(frame) == {c.name for c in table(name).lake_columns} - {"quarter", "is_headline"}
    counts = tables.counts.groupby("area_id")["estimate"].sum()
    np.testing.assert_allclose(counts, 1)
    np.testing.assert_allclose(tables.bundles.groupby("area_id")["share"].sum(), 1, atol=1e-9)
    mpi = tables.mpi.query("statistic == 'mpi' and k == 0.333333").set_index("area_id")["estimate"]
    censored = tables.headcount.query("kind == 'censored'").pivot(
        index="area_id", columns="indicator_id", values="estimate"
    )
    np.testing.assert_allclose(censored[["a", "b", "c"]] @ [1 / 2, 1 / 3, 1 / 6], mpi.loc[censored.index], atol=1e-12)
    assert mpi["01"] == pytest.approx(mpi[[a for a in mpi.index if len(a) == 6 and a[:2] == "01"]].mean())
    assert (tables.mpi["ci_low"] <= tables.mpi["estimate"]).all()
    assert set(tables.mpi["method"]) == {"composite", "modelled"}


def test_replicates_are_the_same_for_the_same_seed(fitted: tuple, published: tuple) -> None:
    sample, margins, groups, _, _ = fitted
    drawn, up, _ = published
    again = replicate(margins, sample, groups, Wanted(up, make_measure()), options=Options(40))
    np.testing.assert_array_equal(again.draws, drawn.draws)


def test_a_survey_without_communes_is_refused() -> None:
    frame, codes, _, _ = make_country()
    with pytest.raises(ContractViolation, match="none of 1800 households"):
        read_sample(frame.assign(area_id="01"), ["a", "b", "c"], codes)


@pytest.mark.slow
def test_whoever_makes_replicates_changes_no_bit(fitted: tuple, cluster: DaskWorkers) -> None:
    sample, margins, groups, _, _ = fitted
    factors = rescaled_bootstrap(sample.stratum, 4, np.random.default_rng(0))
    chain = Chain(margins, sample, fit_associations(sample, margins.shares, groups))

    def drawn(workers: Workers) -> np.ndarray:
        return np.stack([one for both in draw_profiles(chain, factors, Streams.of(1), workers=workers) for one in both])

    here = drawn(Threads(1))
    np.testing.assert_array_equal(here, drawn(Threads(3)))
    np.testing.assert_array_equal(here, drawn(cluster))
