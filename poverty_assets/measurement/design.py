"""Survey design: strata, primary sampling units and weights, and the variance of anything that is a total or a ratio.

Belongs here: Taylor linearisation of totals and ratios, many variables in many domains at once. Does not belong here: the variance
of one stage of selection (``between_units``), how an interval is made (``intervals``), or what is measured (``estimates``).

A domain is never a smaller sample: primary sampling units without a case in the domain stay in the design as zeros, as
in R's ``survey`` and Stata's ``subpop``. The work is done on the totals of each unit in each domain, of which there are
few, so 1,661 finest areas cost hardly more than one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from poverty_assets.arrays import FloatArray, IntArray, group_sums, safe_divide
from poverty_assets.errors import ContractViolation, UsageError
from poverty_assets.measurement.between_units import LONELY_RULES, DomainTotals, LonelyRule, Stage, stage_variance


@dataclass(frozen=True)
class Estimates:
    """Estimates and their standard errors, shape (n_domains, n_statistics), with the domain's degrees of freedom."""

    estimate: FloatArray
    se: FloatArray
    n_psu: IntArray
    df: IntArray


def codes_of(values: Any) -> IntArray:
    """Whole-number codes 0..n-1 of any labels, in sorted order of the labels; a missing label gets -1.

    Examples
    --------
    >>> codes_of(["b", "a", None, "b"]).tolist()
    [1, 0, -1, 1]
    """
    codes, _ = pd.factorize(np.asarray(values) if not isinstance(values, pd.Series) else values, sort=True)
    return np.asarray(codes, dtype=np.int64)


@dataclass(frozen=True)
class SurveyDesign:
    """A stratified sample of primary sampling units (PSUs), drawn with replacement unless an fpc is given.

    Make one with :meth:`build`.

    Attributes
    ----------
    weight : float array, shape (n,)
        Sampling weight of each row.
    psu : int array, shape (n,)
        PSU code 0..n_psu-1, unique across strata.
    first : Stage
        The PSUs.
    lonely : str
        What a stratum with a single PSU contributes: ``adjust`` its square about the grand mean of all PSUs,
        ``remove`` or ``certainty`` nothing, ``average`` the mean of the other strata, ``fail`` an error.
    unit : int array, shape (n,), optional
        Second-stage unit of each row, where the second stage counts.
    second : Stage, optional
        Second-stage units in PSUs.
    """

    weight: FloatArray
    psu: IntArray
    first: Stage
    lonely: LonelyRule = "adjust"
    unit: IntArray | None = None
    second: Stage | None = None

    @classmethod
    def build(
        cls,
        weight: Any,
        *,
        psu: Any = None,
        stratum: Any = None,
        fpc: Any = None,
        ssu: Any = None,
        fpc_ssu: Any = None,
        lonely: LonelyRule = "adjust",
    ) -> SurveyDesign:
        """Read a design from columns, one value a row.

        Parameters
        ----------
        weight : array-like, shape (n,)
            Sampling weights, above 0.
        psu, stratum : array-like, optional
            Labels. PSUs are nested in strata: the same PSU label in two strata is two PSUs. Without ``psu`` every row
            is one; without ``stratum`` there is one stratum.
        fpc : array-like, optional
            PSUs in the population of the row's stratum.
        ssu, fpc_ssu : array-like, optional
            Second-stage unit, and how many of them the row's PSU has. The second stage adds variance only together
            with ``fpc``; without it the PSUs carry it all (the ultimate-cluster variance).
        lonely : str
            The lonely-PSU rule.

        Raises
        ------
        ContractViolation
            If a weight, stratum or PSU is missing, a weight is not above 0, or ``lonely='fail'`` and a stratum has
            one PSU only.
        UsageError
            If the rule is not one of the five.
        """
        if lonely not in LONELY_RULES:
            raise UsageError(f"{lonely!r} is not a lonely-PSU rule", remedy=f"use one of {', '.join(LONELY_RULES)}")
        w = np.asarray(weight, dtype=float)
        n = len(w)
        strata = _labels(stratum if stratum is not None else np.zeros(n, dtype=np.int64), "stratum")
        units = _labels(psu if psu is not None else np.arange(n), "psu")
        _check_weights(w)
        psu_code, psu_stratum = _nest(units, strata)
        n_psu = np.bincount(psu_stratum)
        population = _first_of(fpc, strata, len(n_psu))
        first = Stage(psu_stratum, n_psu, 1.0 - n_psu / population)
        if lonely == "fail" and (n_psu == 1).any():
            raise ContractViolation(
                f"{int((n_psu == 1).sum())} strata have one PSU only",
                remedy="merge each with a neighbouring stratum, or use another lonely-PSU rule",
            )
        if ssu is None or fpc is None:
            return cls(w, psu_code, first, lonely)
        unit, unit_psu = _nest(_labels(ssu, "second-stage unit"), psu_code)
        n_ssu = np.bincount(unit_psu)
        fraction = (n_psu / population)[psu_stratum]
        remaining = 1.0 - n_ssu / _first_of(fpc_ssu, psu_code, len(n_ssu))
        return cls(w, psu_code, first, lonely, unit, Stage(unit_psu, n_ssu, fraction * remaining))

    def reweighted(self, factor: Any) -> SurveyDesign:
        """The same design with every weight multiplied, as from households to the people in them (0 is allowed)."""
        return replace(self, weight=self.weight * np.asarray(factor, dtype=float))

    @property
    def n_psu(self) -> int:
        """PSUs in the whole design."""
        return len(self.first.stratum)

    @property
    def n_lonely(self) -> int:
        """Strata with a single PSU."""
        return int((self.first.n_units == 1).sum())

    @property
    def df(self) -> int:
        """Degrees of freedom of the whole design: PSUs less strata."""
        return self.n_psu - len(self.first.n_units)

    def totals(self, values: Any, domain: Any = None, n_domains: int | None = None) -> DomainTotals:
        """Weighted totals of ``values`` (n, m) by selected unit and domain (codes; -1 is in no domain).

        A missing value makes its domain's totals missing: put the row in no domain.
        """
        v = np.asarray(values, dtype=float).reshape(len(self.weight), -1)
        d = np.zeros(len(v), dtype=np.int64) if domain is None else np.asarray(domain, dtype=np.int64)
        count = int(n_domains if n_domains is not None else max(d.max(initial=0) + 1, 1))
        unit = self.psu if self.unit is None else self.unit
        n_units = int(unit.max(initial=-1)) + 1
        key = np.where(d >= 0, d * n_units + unit, -1)
        cells, inverse = np.unique(key, return_inverse=True)
        offset = int(len(cells) > 0 and cells[0] == -1)
        sums = group_sums(v * self.weight[:, None], inverse - offset, len(cells) - offset)
        cells = cells[offset:]
        return DomainTotals(cells % max(n_units, 1), cells // max(n_units, 1), sums, count)

    def ratios(
        self,
        values: Any,
        numerator: Sequence[int],
        denominator: Sequence[int],
        domain: Any = None,
        n_domains: int | None = None,
    ) -> Estimates:
        """Ratios of totals by domain, with Taylor-linearised standard errors.

        Parameters
        ----------
        values : array-like, shape (n, m)
            Variables.
        numerator, denominator : sequence of int, length r
            Columns of ``values``. A mean is the ratio to a column of ones.
        domain : int array, shape (n,), optional
            Domain code of each row, -1 for none.
        n_domains : int, optional
            How many domains there are.

        Returns
        -------
        Estimates
            Arrays of shape (n_domains, r); NaN where the domain holds none of the denominator.

        Notes
        -----
        The total of a PSU is linearised as sum w (y - R x) / X (Särndal, Swensson and Wretman 1992, section 5.6).
        """
        cells = self.totals(values, domain, n_domains)
        sums = cells.by_domain()
        num, den = np.asarray(numerator), np.asarray(denominator)
        ratio = safe_divide(sums[:, num], sums[:, den])
        scores = cells.totals[:, num] - ratio[cells.domain] * cells.totals[:, den]
        variance = self._variance(replace(cells, totals=safe_divide(scores, sums[cells.domain][:, den])))
        return self._estimates(ratio, variance, cells)

    def means(self, values: Any, domain: Any = None, n_domains: int | None = None) -> Estimates:
        """Weighted means of each column by domain; see :meth:`ratios`."""
        v = np.asarray(values, dtype=float).reshape(len(self.weight), -1)
        m = v.shape[1]
        return self.ratios(np.column_stack([v, np.ones(len(v))]), range(m), [m] * m, domain, n_domains)

    def sums(self, values: Any, domain: Any = None, n_domains: int | None = None) -> Estimates:
        """Weighted totals of each column by domain, with their standard errors."""
        v = np.asarray(values, dtype=float).reshape(len(self.weight), -1)
        cells = self.totals(v, domain, n_domains)
        return self._estimates(cells.by_domain(), self._variance(cells), cells)

    def variance(self, scores: Any) -> FloatArray:
        """Variance of the weighted total of each column of ``scores`` (n, m), shape (m,)."""
        v = np.asarray(scores, dtype=float).reshape(len(self.weight), -1)
        return self._variance(self.totals(v))[0]

    def covariance(self, scores: Any) -> FloatArray:
        """Covariance matrix of the weighted totals of the columns of ``scores`` (n, m), shape (m, m)."""
        v = np.asarray(scores, dtype=float).reshape(len(self.weight), -1)
        left, right = np.triu_indices(v.shape[1])
        both = self.variance(v[:, left] + v[:, right])
        own = self.variance(v)
        out = np.empty((v.shape[1], v.shape[1]))
        out[left, right] = out[right, left] = (both - own[left] - own[right]) / 2
        return out

    def scores(self, numerator: Any, denominator: Any, mask: Any = None) -> FloatArray:
        """Linearised values (n,) of one ratio within ``mask``: their weighted total has the variance of the ratio."""
        inside = np.ones(len(self.weight)) if mask is None else np.asarray(mask, dtype=float)
        y, x = np.asarray(numerator, dtype=float) * inside, np.asarray(denominator, dtype=float) * inside
        total = float(self.weight @ x)
        return (y - float(self.weight @ y) / total * x) / total

    def _estimates(self, estimate: FloatArray, variance: FloatArray, cells: DomainTotals) -> Estimates:
        psu = cells.unit if self.second is None else self.second.stratum[cells.unit]
        pairs = pd.DataFrame({"domain": cells.domain, "psu": psu}).drop_duplicates()
        n_psu = np.bincount(pairs["domain"], minlength=cells.n_domains)
        strata = pairs.assign(psu=self.first.stratum[pairs["psu"]]).drop_duplicates()
        n_strata = np.bincount(strata["domain"], minlength=cells.n_domains)
        return Estimates(estimate, np.sqrt(variance), n_psu, n_psu - n_strata)

    def _variance(self, cells: DomainTotals) -> FloatArray:
        if self.second is None:
            return stage_variance(self.first, cells, self.lonely)
        within = stage_variance(self.second, cells, "remove")
        key = cells.domain * self.n_psu + self.second.stratum[cells.unit]
        keys, inverse = np.unique(key, return_inverse=True)
        sums = group_sums(cells.totals, inverse, len(keys))
        psus = DomainTotals(keys % self.n_psu, keys // self.n_psu, sums, cells.n_domains)
        return within + stage_variance(self.first, psus, self.lonely)


def _labels(values: Any, what: str) -> IntArray:
    codes = codes_of(values)
    missing = np.flatnonzero(codes < 0)
    if len(missing):
        raise ContractViolation(
            f"{len(missing)} rows have no {what}",
            place=f"row {missing[0]}",
            remedy=f"fill in the {what}, or leave those rows out",
        )
    return codes


def _check_weights(weight: FloatArray) -> None:
    bad = np.flatnonzero(~(weight > 0) | ~np.isfinite(weight))
    if len(bad):
        raise ContractViolation(
            f"{len(bad)} weights are not above 0; the first is {weight[bad[0]]}",
            place=f"row {bad[0]}",
            remedy="a row that was not interviewed has no place in the file; leave it out",
        )


def _nest(inner: IntArray, outer: IntArray) -> tuple[IntArray, IntArray]:
    """Codes of ``inner`` units made unique across ``outer`` ones, and the outer code of each."""
    key = outer * (int(inner.max(initial=0)) + 1) + inner
    keys, codes = np.unique(key, return_inverse=True)
    return codes.astype(np.int64), (keys // (int(inner.max(initial=0)) + 1)).astype(np.int64)


def _first_of(values: Any, group: IntArray, n_groups: int) -> FloatArray:
    """One value for each group (they must agree within it); infinity where there are none."""
    out = np.full(n_groups, np.inf)
    if values is None:
        return out
    v = np.asarray(values, dtype=float)
    out[group] = v
    bad = np.flatnonzero(out[group] != v)
    if len(bad):
        raise ContractViolation(
            f"{len(bad)} rows state another population size than the rest of their stratum; the first {v[bad[0]]}",
            place=f"row {bad[0]}",
            remedy="give one population size to all rows of a stratum",
        )
    return out
