"""Variances by linearisation: by hand, and against R's survey package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from poverty_assets.errors import ContractViolation, UsageError
from poverty_assets.measurement.design import SurveyDesign
from poverty_assets.measurement.intervals import exact_interval, logit_interval, symmetric_interval, t_quantile
from poverty_assets_tests.measurement.jackknife import jackknife

Frames = dict[str, tuple[pd.DataFrame, SurveyDesign]]
POPULATION = {"E": 4421.0, "H": 755.0, "M": 1018.0}  # schools of California by type, as in R's api example


def test_mean_of_two_psus_in_one_stratum() -> None:
    # linearised totals (1 + 3 - 8) / 4 = -1 and (5 + 7 - 8) / 4 = 1; variance 2 / (2 - 1) * (1 + 1) = 4
    design = SurveyDesign.build([1, 1, 1, 1], psu=[1, 1, 2, 2])
    result = design.means([1, 3, 5, 7])
    assert result.estimate.item() == 4
    assert result.se.item() == pytest.approx(2.0)
    assert result.df.item() == 1


def test_total_of_a_simple_random_sample_of_half_the_population() -> None:
    # s^2 = 5/3, n = 4, N = 8: N^2 (1 - n/N) s^2 / n = 64 * 0.5 * 5/12
    design = SurveyDesign.build([2.0] * 4, fpc=[8] * 4)
    assert design.sums([1, 2, 3, 4]).se.item() == pytest.approx(np.sqrt(64 * 0.5 * 5 / 12))


def test_psu_without_a_case_stays_in_the_design() -> None:
    design = SurveyDesign.build(np.ones(6), psu=[1, 1, 2, 2, 3, 3])
    inside = np.array([0, 0, 0, 0, -1, -1])
    kept = design.means([0, 1, 1, 1, 9, 9], domain=inside)
    dropped = SurveyDesign.build(np.ones(4), psu=[1, 1, 2, 2]).means([0, 1, 1, 1])
    assert kept.estimate.item() == dropped.estimate.item() == 0.75
    assert kept.n_psu.item() == 2
    assert kept.se.item() == pytest.approx(dropped.se.item() * np.sqrt((3 / 2) / (2 / 1)))


def test_many_domains_at_once_are_each_domain_alone() -> None:
    rng = np.random.default_rng(3)
    design = SurveyDesign.build(rng.uniform(1, 2, 60), psu=np.arange(60) // 5, stratum=np.arange(60) // 15)
    values, domain = rng.normal(size=(60, 3)), rng.integers(-1, 4, 60)
    together = design.means(values, domain, 4)
    for code in range(4):
        alone = design.means(values, np.where(domain == code, 0, -1))
        np.testing.assert_allclose(together.estimate[code], alone.estimate[0], rtol=1e-13)
        np.testing.assert_allclose(together.se[code], alone.se[0], rtol=1e-12)


def test_domain_without_rows_has_no_estimate() -> None:
    result = SurveyDesign.build(np.ones(4)).means([1, 2, 3, 4], domain=np.array([0, 0, 2, 2]), n_domains=3)
    assert np.isnan(result.estimate[1]).all()
    assert result.n_psu.tolist() == [2, 0, 2]


def test_same_label_in_two_strata_is_two_psus() -> None:
    assert SurveyDesign.build(np.ones(4), psu=[1, 2, 1, 2], stratum=["a", "a", "b", "b"]).n_psu == 4


def test_weights_in_other_units_leave_means_alone() -> None:
    values, w = np.arange(8.0), np.arange(1.0, 9.0)
    one, other = (SurveyDesign.build(scale * w, psu=np.arange(8) // 2).means(values) for scale in (1, 1e6))
    np.testing.assert_allclose([one.estimate, one.se], [other.estimate, other.se], rtol=1e-12)


def test_lonely_stratum_counts_about_the_grand_mean() -> None:
    design = SurveyDesign.build(np.ones(3), psu=[1, 2, 3], stratum=["a", "a", "b"])
    assert design.n_lonely == 1
    # linearised values of the mean 2: -1/3, 0, 1/3; stratum a: 2 * 2 * (1/6)^2, stratum b: (1/3)^2
    assert design.means([1, 2, 3]).se.item() ** 2 == pytest.approx(4 / 36 + 1 / 9)
    removed = SurveyDesign.build(np.ones(3), psu=[1, 2, 3], stratum=["a", "a", "b"], lonely="remove")
    assert removed.means([1, 2, 3]).se.item() ** 2 == pytest.approx(4 / 36)


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"weight": [1, 0, 1]}, ContractViolation, "row 1: 1 weights are not above 0"),
        ({"weight": [1, 1, np.nan]}, ContractViolation, "row 2: 1 weights"),
        ({"psu": [1, None, 2]}, ContractViolation, "row 1: 1 rows have no psu"),
        ({"stratum": ["a", "a", "b"], "lonely": "fail"}, ContractViolation, "1 strata have one PSU only"),
        ({"lonely": "adjusted"}, UsageError, "not a lonely-PSU rule"),
        ({"fpc": [10, 10, 11]}, ContractViolation, "another population size"),
    ],
)
def test_unusable_design_is_refused(options: dict[str, object], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        SurveyDesign.build(**({"weight": [1, 1, 1], "psu": [1, 2, 3]} | options))


@pytest.fixture(scope="module")
def frames(oracles: Path) -> Frames:
    folder = oracles / "survey"
    strat, clus1, clus2, nhanes, lonely = (
        pd.read_csv(folder / f"{name}.csv") for name in ("apistrat", "apiclus1", "apiclus2", "nhanes", "nhanes_lonely")
    )
    for frame in (strat, clus1, clus2):
        frame["aw"] = (frame["awards"] == "Yes").astype(float)

    def of_nhanes(frame: pd.DataFrame, **options: object) -> tuple[pd.DataFrame, SurveyDesign]:
        design = SurveyDesign.build(frame["WTMEC2YR"], psu=frame["SDMVPSU"], stratum=frame["SDMVSTRA"], **options)
        return frame, design

    rules = ("remove", "adjust", "average", "certainty")
    return {
        "apistrat_fpc": (strat, SurveyDesign.build(strat["pw"], stratum=strat["stype"], fpc=strat["fpc"])),
        "apistrat_nofpc": (strat, SurveyDesign.build(strat["pw"], stratum=strat["stype"])),
        "apiclus1_fpc": (clus1, SurveyDesign.build(clus1["pw"], psu=clus1["dnum"], fpc=clus1["fpc"])),
        "apiclus1_nofpc": (clus1, SurveyDesign.build(clus1["pw"], psu=clus1["dnum"])),
        "apiclus2_fpc": (clus2, SurveyDesign.build(clus2["pw"], psu=clus2["dnum"], fpc=clus2["fpc1"],
                                                   ssu=clus2["snum"], fpc_ssu=clus2["fpc2"])),
        "apiclus2_ultimate": (clus2, SurveyDesign.build(clus2["pw"], psu=clus2["dnum"])),
        "nhanes": of_nhanes(nhanes),
        **{f"nhanes_lonely_{rule}": of_nhanes(lonely, lonely=rule) for rule in rules},
    }  # fmt: skip


@pytest.fixture(scope="module")
def answers(oracles: Path) -> pd.DataFrame:
    table = pd.read_csv(oracles / "survey" / "survey_results.csv")
    table = table[~table["stat"].str.startswith(("svyglm", "svychisq", "quantile", "ciprop_likelihood"))]
    return table[~((table["stat"] == "mean") & table["domain"].isna())]


def _domain(frame: pd.DataFrame, name: str) -> np.ndarray:
    if name == "all":
        return np.zeros(len(frame), dtype=np.int64)
    column, value = name.split("=")
    return np.where(frame[column].astype(str) == value, 0, -1)


INTERVALS = {"ciprop_logit", "ciprop_xlogit", "ciprop_beta", "ciprop_mean", "ratio", "mean", "total"}


def _bounds(row: pd.Series, b: float, se: float, n: int) -> tuple[float, float]:
    if row["stat"] in ("ciprop_logit", "ciprop_xlogit"):
        return logit_interval(b, se, row["df"])
    if row["stat"] == "ciprop_beta":
        effective = b * (1 - b) / se**2 * (t_quantile(n - 1) / t_quantile(row["df"])) ** 2  # Korn and Graubard 1998
        return exact_interval(b, effective)
    return symmetric_interval(b, se, row["df"])


@pytest.mark.shared
def test_means_totals_ratios_domains_and_intervals_agree_with_r(frames: Frames, answers: pd.DataFrame) -> None:
    compared = 0
    for _, row in answers[answers["design"].isin(frames) & answers["stat"].isin(INTERVALS)].iterrows():
        frame, design = frames[row["design"]]
        domain = _domain(frame, row["domain"])
        names = row["var"].split("/")
        values = frame[names].to_numpy(dtype=float)
        domain = np.where(np.isnan(values).any(axis=1), -1, domain)  # na.rm: a domain, not a smaller sample
        values = np.nan_to_num(values)
        if row["stat"] == "ratio":
            got = design.ratios(values, [0], [1], domain)
        else:
            got = (design.sums if row["stat"] == "total" else design.means)(values, domain)
        b, se = got.estimate.item(), got.se.item()
        np.testing.assert_allclose([b, se], [row["b"], row["se"]], rtol=1e-9, err_msg=str(dict(row)))
        if not np.isnan(row["lo"]):
            assert design.df == row["df"], dict(row)
            bounds = np.ravel(_bounds(row, b, se, len(frame)))
            np.testing.assert_allclose(bounds, [row["lo"], row["hi"]], rtol=1e-7, err_msg=str(dict(row)))
        compared += 1
    assert compared == 136


@pytest.mark.shared
def test_difference_of_two_domains_agrees_with_r(frames: Frames, answers: pd.DataFrame) -> None:
    rows = answers[answers["stat"] == "diff_E-H"]
    for _, row in rows.iterrows():
        frame, design = frames[row["design"]]
        y, one = frame[row["var"]], np.ones(len(frame))
        scores = [design.scores(y, one, frame["stype"] == stype) for stype in "EH"]
        means = design.means(y, frame["stype"].map({"E": 0, "H": 1}).fillna(-1).astype(int)).estimate.ravel()
        variance = np.array([1, -1]) @ design.covariance(np.column_stack(scores)) @ np.array([1, -1])
        np.testing.assert_allclose([means[0] - means[1], np.sqrt(variance)], [row["b"], row["se"]], rtol=1e-9)
    assert len(rows) == 6


def test_jackknife_of_a_mean_of_equal_psus_is_linearisation() -> None:
    design = SurveyDesign.build(np.ones(6), psu=[1, 1, 2, 2, 3, 3])
    y = np.array([1.0, 2, 4, 4, 5, 9])
    _, se = jackknife(design).estimate(lambda w: np.array([w @ y / w.sum()]))
    assert se.item() == pytest.approx(design.means(y).se.item())


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "design", "variable"),
    [("apistrat_JKn", "apistrat_fpc", "api00"), ("apiclus1_JK1", "apiclus1_nofpc", "api00"),
     ("nhanes_JKn", "nhanes", "HI_CHOL")],
)  # fmt: skip
def test_jackknife_agrees_with_r(frames: Frames, answers: pd.DataFrame, name: str, design: str, variable: str) -> None:
    frame, plan = frames[design]
    known = frame[variable].notna().to_numpy()
    y = frame[variable].fillna(0).to_numpy(dtype=float)
    b, se = jackknife(plan).estimate(lambda w: np.array([(w * known) @ y / (w @ known)]))
    row = answers[answers["design"] == name].iloc[0]
    np.testing.assert_allclose([b.item(), se.item()], [row["b"], row["se"]], rtol=1e-9)
