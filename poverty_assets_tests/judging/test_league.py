"""A league of made-up learners: what each sees, averages, what is known beforehand, closed forms, rows, importance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from poverty_assets.judging.baselines import GroupMean, NearestArea
from poverty_assets.judging.league import Contest, Learner, fit_whole, held_out, importance, play
from poverty_assets.judging.scores import share_scores, spearman

N = 40
FOLDS = np.arange(N) % 4


class Line:
    """Weighted least squares through the origin; counts its fits."""

    fits = 0

    def fit(self, X, y, sample_weight=None):
        type(self).fits += 1
        w = np.ones(len(y)) if sample_weight is None else sample_weight
        self.coef_ = np.linalg.lstsq(X.to_numpy() * w[:, None] ** 0.5, (y.T * w**0.5).T, rcond=None)[0]
        return self

    def predict(self, X):
        return X.to_numpy() @ self.coef_


class ClosedLine(Line):
    """The same with held-out predictions that need no further fit of its own."""

    fits = 0

    def fit(self, X, y, sample_weight=None):
        self.seen_ = X, y
        return super().fit(X, y, sample_weight)

    def predict_held_out(self, folds, X, x_folds):
        rows, y = self.seen_
        held, further = np.empty(len(y)), np.empty(len(X))
        for fold in np.union1d(folds, x_folds):
            line = Line().fit(rows[folds != fold], y[folds != fold])
            held[folds == fold] = line.predict(rows[folds == fold])
            further[x_folds == fold] = line.predict(X[x_folds == fold])
        return held, further


def data() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame({"a": rng.normal(size=N), "b": rng.normal(size=N)})


OPEN = Learner("open", lambda seed: Line())
CLOSED = Learner("closed", lambda seed: ClosedLine())
GIVEN = Learner("given", columns=lambda seen: seen["b"].to_numpy(), is_baseline=True, by_published=False)
BOTH = Learner("both", members=("open", "given"))


def test_a_closed_form_answers_as_refitting_does_and_shares_one_fit_between_designs():
    frame = data()
    y = np.where(np.arange(N) % 7 == 0, np.nan, frame["a"] + 0.1 * frame["b"] ** 2)
    contest = Contest(frame, y)
    before = ClosedLine.fits
    for folds in (FOLDS, np.arange(N) % 3):
        found = held_out([OPEN, CLOSED], contest, folds)
        np.testing.assert_allclose(found["open", ""], found["closed", ""], rtol=1e-10)
        assert np.isfinite(found["open", ""]).all()
    assert ClosedLine.fits == before + 1
    assert fit_whole([CLOSED, GIVEN], contest) == {"closed": contest.fits["closed"]}


def test_an_average_and_what_is_known_beforehand():
    frame = data()
    found = held_out([OPEN, GIVEN, BOTH], Contest(frame, frame["a"].to_numpy()), FOLDS)
    np.testing.assert_array_equal(found["given", ""], frame["b"])
    np.testing.assert_allclose(found["both", ""], (found["open", ""] + frame["b"]) / 2)


def test_a_learner_of_some_areas_neither_learns_from_others_nor_predicts_them():
    frame = data()
    y = np.where(np.arange(N) < 20, frame["a"], 99.0)
    some = Learner("some", lambda seed: Line(), rows=lambda seen: np.arange(N) < 20)
    found = held_out([some], Contest(frame, y), FOLDS)["some", ""]
    np.testing.assert_allclose(found[:20], y[:20], atol=1e-10)
    assert np.isnan(found[20:]).all()


def test_every_learner_has_a_row_for_every_target_metric_and_design_that_asks_anything():
    frame, weight = data(), np.ones(N)
    shares = np.column_stack([np.linspace(0.1, 0.9, N), np.linspace(0.3, 0.2, N)])
    folds = {"random": FOLDS, "block50km": np.zeros(N, dtype=int), "leave_published_out": np.arange(N) % 2}
    twice = Learner("twice", columns=lambda seen: shares, by_published=False)
    held, rows = play(
        [OPEN, twice], Contest(frame, shares, weight), folds, lambda p: share_scores(p, shares, weight), ["x", "y"]
    )
    assert list(held) == ["random", "leave_published_out"]
    asked = rows[["fold_design", "learner"]].drop_duplicates().to_numpy().tolist()
    assert asked == [["random", "open"], ["random", "twice"], ["leave_published_out", "open"]]
    assert list(rows.columns) == ["target", "learner", "feature", "fold_design", "metric", "value", "n"]
    assert len(rows) == 3 * 5 * 2
    sure = rows[(rows["learner"] == "twice") & (rows["metric"] == "rmse")]
    assert sure["value"].tolist() == [0, 0]
    assert sure["target"].tolist() == ["x", "y"]
    assert (rows["n"] == N).all()


@pytest.mark.parametrize("one", [OPEN, CLOSED])
def test_importance_is_what_shuffling_a_feature_costs(one):
    frame = data()
    contest = Contest(frame, frame["a"].to_numpy())
    held_out([one], contest, FOLDS)
    found = importance([one], contest, FOLDS, frame, {"a": ["a"], "b": ["b"]})[0]
    assert found["a"] > 0.5
    assert found["b"] == pytest.approx(0, abs=1e-9)


def test_weights_and_targets_of_several_columns_reach_the_fit():
    frame = data()
    y = np.column_stack([frame["a"], 2 * frame["a"]])
    y[0] = 50.0
    weight = np.where(np.arange(N) == 0, 0.0, 1.0)
    found = held_out([OPEN], Contest(frame, y, weight), FOLDS)["open", ""]
    np.testing.assert_allclose(found[1:], y[1:], atol=1e-9)


def test_what_has_no_fit_is_not_fitted():
    with pytest.raises(TypeError, match="given has nothing to fit"):
        Contest(data(), np.zeros(N)).fitted(GIVEN, np.ones(N, dtype=bool))


def test_rank_correlation_of_one_column_is_the_same_among_others_and_as_scipys():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 50, 3)).round(1)
    b[:, 2] = 1.0
    both = spearman(a, b)
    assert both[2] == 0
    for j in range(2):
        assert both[j] == spearman(a[:, j], b[:, j])
        assert both[j] == np.corrcoef(pd.Series(a[:, j]).rank(), pd.Series(b[:, j]).rank())[0, 1]
        assert spearman(b[:, j], a[:, j]) == spearmanr(a[:, j], b[:, j])[0]
        assert spearman(a, b, one_root=True)[j] == pytest.approx(both[j], rel=1e-14)
    assert np.isnan(spearman(np.array([1.0, np.nan, 2.0]), np.arange(3.0)))


def test_an_unweighted_mean_of_groups_is_that_of_equal_weights():
    X, y = pd.DataFrame({"group": ["a", "a", "b"]}), np.array([0.1, 0.3, 0.8])
    asked = pd.DataFrame({"group": ["a", "b", "z"]})
    np.testing.assert_allclose(GroupMean().fit(X, y).predict(asked), [0.2, 0.8, 0.4])
    np.testing.assert_allclose(GroupMean().fit(X, y[:, None], np.ones(3)).predict(asked)[:, 0], [0.2, 0.8, 0.4])


def test_the_nearest_area_answers_in_the_form_of_the_targets():
    xy = np.array([[0.0, 0.0], [10.0, 0.0]])
    assert NearestArea().fit(xy, np.array([1.0, 2.0])).predict(np.array([[9.0, 0.0]])).tolist() == [2.0]
