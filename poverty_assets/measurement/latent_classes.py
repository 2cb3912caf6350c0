"""Types of households: latent classes of deprivation, fitted to the counts of profiles and carried to areas.

Belongs here: the latent class model, the choice of the number of classes, their stability, membership by profile, and the
tables of both. Does not belong here: counting households (``masks``), other ways to group profiles.

In each class c deprivations are independent with probability q_cj, and a share p_c of households belongs to it (Lazarsfeld
and Henry 1968; Linzer and Lewis 2011, poLCA). Fitting by expectation and maximisation needs only the weighted count of each
of the at most 2^d profiles, so its cost does not depend on how many households there are. The number of classes is the one
with the least BIC. Survey weights are scaled to sum to the number of households, which makes the likelihood a
pseudo-likelihood: BIC then takes households for independent, and in clustered samples leans to more classes, not fewer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from poverty_assets.arrays import FloatArray
from poverty_assets.errors import ContractViolation, UsageError
from poverty_assets.measure.measure import Measure
from poverty_assets.measurement.cluster_totals import divide
from poverty_assets.measurement.masks import Cells, MaskCounts, profile_bits
from poverty_assets.measurement.overlap import share_table

_EDGE = 1e-12  # probabilities are kept this far from 0 and 1, which moves the log-likelihood by less than 1e-9


class LatentClasses:
    """Latent class model of binary deprivations.

    Parameters
    ----------
    n_classes : int, optional
        Number of classes; None lets BIC choose from 1 to ``max_classes``, stopping once two more classes have not
        lowered it.
    max_classes : int
    n_starts : int
        Random starts. All run for a while; the best five run to the end.
    tolerance : float
        Relative gain of the log-likelihood at which iteration stops.
    max_iterations : int
    seed : int
        Of the random starts.

    Attributes
    ----------
    n_classes_ : int
    class_shares_ : ndarray, shape (n_classes_,)
        Largest class first.
    item_probabilities_ : ndarray, shape (n_classes_, d)
        Probability of each deprivation in each class.
    log_likelihood_, bic_ : float
    fits_ : DataFrame
        One row for each number of classes tried: ``n_classes, log_likelihood, n_parameters, aic, bic, n_iterations,
        converged, starts_at_best`` (of the starts run to the end, the share that reached this log-likelihood).

    Examples
    --------
    >>> model = LatentClasses(n_classes=2).fit([0b00, 0b11], [60, 40], n_indicators=2)
    >>> model.class_shares_.round(3).tolist()
    [0.6, 0.4]
    """

    n_classes_: int
    class_shares_: FloatArray
    item_probabilities_: FloatArray
    log_likelihood_: float
    bic_: float
    fits_: pd.DataFrame

    def __init__(
        self,
        n_classes: int | None = None,
        *,
        max_classes: int = 8,
        n_starts: int = 30,
        tolerance: float = 1e-12,
        max_iterations: int = 5000,
        seed: int = 0,
    ) -> None:
        self.n_classes = n_classes
        self.max_classes = max_classes
        self.n_starts = n_starts
        self.tolerance = tolerance
        self.max_iterations = max_iterations
        self.seed = seed

    def fit(self, masks: Any, weight: Any, n_indicators: int, n_households: float | None = None) -> LatentClasses:
        """Learn classes from the weight of each profile.

        Parameters
        ----------
        masks : array-like of int, shape (n_masks,)
        weight : array-like, shape (n_masks,)
            Weighted count of each profile.
        n_indicators : int
        n_households : float, optional
            What the weights are scaled to sum to; by default they stand as they are.

        Returns
        -------
        LatentClasses
            Itself.

        Raises
        ------
        ContractViolation
            If a weight is negative or missing, or none is above 0.
        """
        w = np.asarray(weight, dtype=float)
        if not (np.isfinite(w).all() and (w >= 0).all() and w.sum() > 0):
            raise ContractViolation(
                f"the weights of {len(w)} profiles have {int((~(w >= 0)).sum())} missing or below 0, and sum to {w.sum():g}",
                remedy="give the weighted count of each profile, at least one above 0",
            )
        w = w * (1.0 if n_households is None else n_households / w.sum())
        bits = profile_bits(np.asarray(masks), n_indicators)
        fits: list[_Fit] = []
        rows: list[dict[str, Any]] = []
        for k in [self.n_classes] if self.n_classes is not None else range(1, self.max_classes + 1):
            fits.append(self._fit_one(bits, w, k))
            rows.append(self._row(fits[-1], w.sum(), n_indicators))
            if min(row["bic"] for row in rows) < min(row["bic"] for row in rows[-2:]):
                break  # BIC has risen twice: more classes only take longer, and do not converge
        self.fits_ = pd.DataFrame(rows)
        best = int(self.fits_["bic"].argmin())
        shares, items = fits[best].shares[0], fits[best].items[0]
        order = np.lexsort((*items.T[::-1], -shares))
        self.n_classes_ = len(shares)
        self.class_shares_, self.item_probabilities_ = shares[order], items[order]
        self.log_likelihood_, self.bic_ = (float(self.fits_[name].iloc[best]) for name in ("log_likelihood", "bic"))
        return self

    def posterior(self, masks: Any) -> FloatArray:
        """Probability of each class given the profile, shape (n_masks, n_classes_)."""
        bits = profile_bits(np.asarray(masks), self.item_probabilities_.shape[1])
        joint = _joint(bits, self.class_shares_[None], self.item_probabilities_[None])[0]
        out: FloatArray = (joint / joint.sum(axis=0)).T
        return out

    def _fit_one(self, bits: FloatArray, w: FloatArray, k: int) -> _Fit:
        if k < 1:
            raise UsageError(f"{k} latent classes cannot be fitted", remedy="ask for 1 class or more")
        rng = np.random.default_rng([self.seed, k])
        n_starts = 1 if k == 1 else self.n_starts
        shares, items = np.full((n_starts, k), 1.0 / k), rng.uniform(0.05, 0.95, (n_starts, k, bits.shape[1]))
        first = _iterate(bits, w[None], _Fit(shares, items), 1e-7, min(200, self.max_iterations))
        best = np.argsort(-first.log_likelihood, kind="stable")[:5]
        last = _iterate(bits, w[None], first.take(best), self.tolerance, self.max_iterations)
        order = np.argsort(-last.log_likelihood, kind="stable")
        return last.take(order)

    @staticmethod
    def _row(fit: _Fit, n: float, n_indicators: int) -> dict[str, Any]:
        k, log_likelihood = fit.shares.shape[1], float(fit.log_likelihood[0])
        n_parameters = k * n_indicators + k - 1
        return {
            "n_classes": k,
            "log_likelihood": log_likelihood,
            "n_parameters": n_parameters,
            "aic": 2 * n_parameters - 2 * log_likelihood,
            "bic": np.log(n) * n_parameters - 2 * log_likelihood,
            "n_iterations": fit.n_iterations,
            "converged": bool(fit.converged),
            "starts_at_best": float((fit.log_likelihood > log_likelihood - 1e-4).mean()),
        }


@dataclass(frozen=True)
class _Fit:
    """Several runs side by side: shares (runs, k), item probabilities (runs, k, d), log-likelihood (runs,)."""

    shares: FloatArray
    items: FloatArray
    log_likelihood: FloatArray = field(default_factory=lambda: np.empty(0))
    n_iterations: int = 0
    converged: bool = False

    def take(self, runs: npt.NDArray[np.int64]) -> _Fit:
        return _Fit(self.shares[runs], self.items[runs], self.log_likelihood[runs], self.n_iterations, self.converged)


def _joint(bits: FloatArray, shares: FloatArray, items: FloatArray) -> FloatArray:
    """Probability of class and profile together, shape (runs, k, n_masks)."""
    inside = np.clip(items, _EDGE, 1 - _EDGE)
    log_odds, none = np.log(inside) - np.log1p(-inside), np.log1p(-inside).sum(axis=-1)
    with np.errstate(divide="ignore"):
        constant = np.log(shares) + none
    out: FloatArray = np.exp(log_odds @ bits.T + constant[..., None])
    return out


def _step(
    bits: FloatArray, w: FloatArray, shares: FloatArray, items: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """One round of expectation and maximisation, and the log-likelihood before it."""
    joint = _joint(bits, shares, items)
    total = joint.sum(axis=1, keepdims=True)
    log_likelihood = (w * np.log(np.maximum(total[:, 0], 1e-300))).sum(axis=1)
    member = joint * (w[:, None] / np.maximum(total, 1e-300))
    size = member.sum(axis=2)
    new_items = np.where(size[..., None] > 0, divide(member @ bits, size[..., None]), items)
    return size / w.sum(axis=1)[:, None], new_items, log_likelihood


def _iterate(bits: FloatArray, w: FloatArray, start: _Fit, tolerance: float, most: int) -> _Fit:
    """Rounds of EM for all runs at once until none gains more than ``tolerance`` of its log-likelihood."""
    shares, items, before = start.shares, start.items, np.full(len(start.shares), -np.inf)
    for number in range(1, most + 1):
        new_shares, new_items, now = _step(bits, w, shares, items)
        gain = now - before
        if (gain <= tolerance * np.abs(now)).all() and number > 1:
            return _Fit(shares, items, now, number, True)
        shares, items, before = new_shares, new_items, now
    return _Fit(shares, items, _step(bits, w, shares, items)[2], most, False)


# ---- stability and areas


def class_stability(
    model: LatentClasses, counts: MaskCounts, *, n_replicates: int = 50, n_starts: int = 4, seed: int = 0
) -> FloatArray:
    """Agreement of each class with itself over bootstrap samples of primary sampling units, 0 to 1.

    Parameters
    ----------
    model : LatentClasses
        Fitted to all of ``counts``.
    counts : MaskCounts
        With its sampling units: each replicate draws, within each stratum, as many as there are, with replacement. Without
        them, replicates draw households (multinomial over profiles).
    n_replicates : int
    n_starts : int
        Random starts of each replicate, beside the fitted classes.
    seed : int

    Returns
    -------
    ndarray, shape (n_classes_,)
        Mean Jaccard similarity between the members of the class and those of its match in the replicate, members counted
        by their probabilities (Hennig 2007). Below 0.6 a class should not be trusted, above 0.75 it is stable.
    """
    rng = np.random.default_rng([seed, model.n_classes_])
    weights = _replicate_weights(counts, n_replicates, rng)
    bits = profile_bits(counts.masks, counts.n_indicators)
    k, d = model.item_probabilities_.shape
    own = model.posterior(counts.masks)
    runs = 1 + n_starts
    items = rng.uniform(0.05, 0.95, (n_replicates, runs, k, d))
    items[:, 0] = model.item_probabilities_
    shares = np.full((n_replicates, runs, k), 1.0 / k)
    shares[:, 0] = model.class_shares_
    fit = _iterate(
        bits, np.repeat(weights, runs, axis=0), _Fit(shares.reshape(-1, k), items.reshape(-1, k, d)), 1e-8, 500
    )
    best = fit.log_likelihood.reshape(n_replicates, runs).argmax(axis=1) + runs * np.arange(n_replicates)
    joint = _joint(bits, fit.shares[best], fit.items[best])
    theirs = joint / joint.sum(axis=1, keepdims=True)
    whole = np.asarray(_everyone(counts)[1].sum(axis=0)).ravel()
    return np.mean([_matched_jaccard(own, one.T, whole) for one in theirs], axis=0)


def _everyone(counts: MaskCounts) -> tuple[pd.DataFrame, Any]:
    """Units of all persons and their weight by mask: units of a subgroup of persons count the same households again."""
    rows = np.flatnonzero((counts.units["population"] == "").to_numpy())
    return counts.units.iloc[rows], counts.weight[rows]


def _replicate_weights(counts: MaskCounts, n_replicates: int, rng: np.random.Generator) -> FloatArray:
    """Weight of each profile in each replicate, shape (n_replicates, n_masks)."""
    from scipy import sparse

    units, by_unit = _everyone(counts)
    n_psus = len(counts.psus)
    if not n_psus:
        weight, n = np.asarray(by_unit.sum(axis=0)).ravel(), int(units["n_households"].sum())
        drawn: FloatArray = rng.multinomial(n, weight / weight.sum(), n_replicates).astype(float)
        return drawn
    into = sparse.csr_array(
        (np.ones(len(units)), (units["psu_code"].to_numpy(), np.arange(len(units)))),
        shape=(n_psus, len(units)),
    )
    by_psu = into @ by_unit
    times = np.zeros((n_replicates, n_psus))
    for _, rows in pd.Series(np.arange(n_psus)).groupby(pd.factorize(counts.psus["stratum"])[0]):
        times[:, rows] = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), n_replicates)
    return np.asarray(times @ by_psu, dtype=float)


def _matched_jaccard(own: FloatArray, other: FloatArray, weight: FloatArray) -> FloatArray:
    from scipy.optimize import linear_sum_assignment

    both = np.einsum("m,mij->ij", weight, np.minimum(own[:, :, None], other[:, None, :]))
    either = np.einsum("m,mij->ij", weight, np.maximum(own[:, :, None], other[:, None, :]))
    alike = divide(both, either)
    rows, columns = linear_sum_assignment(-alike)
    out: FloatArray = alike[rows, columns]
    return out


def fit_classes(counts: MaskCounts, model: LatentClasses | None = None) -> LatentClasses:
    """Classes of all households of a survey, its weights scaled to the number of households."""
    units, by_unit = _everyone(counts)
    weight = np.asarray(by_unit.sum(axis=0)).ravel()
    return (model or LatentClasses()).fit(counts.masks, weight, counts.n_indicators, float(units["n_households"].sum()))


def typology(
    counts: MaskCounts, cells: Cells, measure: Measure, model: LatentClasses, *, method: str = "direct"
) -> pd.DataFrame:
    """Size of each class in each cell: the rows of ``fct_typology`` before suppression.

    The share of a class is the mean probability of membership; its error is the sampling error with the classes as fitted.
    """
    keys = {"class_id": np.arange(1, model.n_classes_ + 1)}
    return share_table(counts, cells, model.posterior(counts.masks), keys, measure, method)


def class_profiles(model: LatentClasses, measure: Measure, stability: FloatArray | None = None) -> pd.DataFrame:
    """What each class is: the rows of ``dim_typology`` (``class_id`` 1 is the largest in the country)."""
    k, d = model.item_probabilities_.shape
    steady = np.full(k, np.nan) if stability is None else stability
    return pd.DataFrame(
        {
            "measure_id": measure.measure_id,
            "class_id": np.repeat(np.arange(1, k + 1), d),
            "indicator_id": np.tile(np.array(measure.indicator_ids, dtype=object), k),
            "probability": model.item_probabilities_.ravel(),
            "class_share": np.repeat(model.class_shares_, d),
            "stability": np.repeat(steady, d),
        }
    )
