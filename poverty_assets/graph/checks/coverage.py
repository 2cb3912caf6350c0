"""How complete a quarter's features and sources are: what is missing, by name.

Belongs here: checks that warn and never block. Does not belong here: legal values (``suites``), one that may block (``hazards``), which
table each is of (``further``).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from poverty_assets.geography.population import FEWEST, MOST, strange_households
from poverty_assets.graph.checks.suites import CheckFinding
from poverty_assets.warehouse.headline import EARLIER

ENOUGH = 0.99
SAME = 0.005
"""How far a figure may lie from the published one of the same survey: rounding, and households left out."""


def feature_coverage(features: pd.DataFrame, areas: pd.DataFrame, level: str) -> list[CheckFinding]:
    """One finding a feature (areas without a value, by name), and one over all features.

    Parameters
    ----------
    features : DataFrame (catalog: ``area_feature``)
    areas : DataFrame (catalog: ``dim_area``)
    level : str
        Whose areas are looked at: the finest.
    """
    finest = areas[areas["area_level"] == level].set_index("area_id")["name_en"]
    present = features[features["area_id"].isin(finest.index)]
    findings, complete = [], pd.Series(True, index=finest.index)
    for feature_id, ids in present.groupby("feature_id", sort=True)["area_id"]:
        missing = finest.index.difference(list(ids))
        complete[missing] = False
        named = ", ".join(f"{code} {finest[code]}" for code in missing[:20]) + (" ..." if len(missing) > 20 else "")
        findings.append(
            CheckFinding(
                "coverage",
                f"{feature_id} for every area",
                len(missing) == 0,
                "warn",
                f"{len(missing)} of {len(finest)} areas missing: {named}" if len(missing) else f"{len(finest)} areas",
                len(missing),
            )
        )
    without = complete.index[~complete]
    named = ", ".join(f"{code} {finest[code]}" for code in without[:30])
    findings.append(
        CheckFinding(
            "coverage",
            f"at least {ENOUGH:.0%} of areas have every feature",
            bool(complete.mean() >= ENOUGH),
            "warn",
            f"{complete.mean():.2%} of {len(finest)} have every feature" + (f"; not: {named}" if len(without) else ""),
            len(without),
        )
    )
    return findings


def household_sizes(people: pd.DataFrame, areas: pd.DataFrame, level: str) -> list[CheckFinding]:
    """One finding: areas of the finest level whose persons per household are no household's: people and households are of different days,
    or one of the two is wrong.

    Parameters
    ----------
    people : DataFrame (catalog: ``fct_population``)
    areas : DataFrame (catalog: ``dim_area``)
    level : str
    """
    strange, known, shown = strange_households(people, areas.set_index("area_id")["name_en"], level)
    name = f"persons per household from {FEWEST:g} to {MOST:g}"
    said = f"{strange} of {known} areas: {shown}" if strange else f"{known} areas"
    return [CheckFinding("people", name, strange == 0, "warn", said, strange)]


def quarantine(noted: dict[str, dict[str, int]]) -> list[CheckFinding]:
    """One finding a source: rows set aside because they break its contract.

    Parameters
    ----------
    noted : dict
        source_id -> reason -> rows.
    """
    findings = []
    for source_id, reasons in sorted(noted.items()):
        rows = sum(reasons.values())
        said = "; ".join(f"{reason}: {n}" for reason, n in sorted(reasons.items())) or "none"
        findings.append(CheckFinding("quarantine", f"{source_id}: no row set aside", rows == 0, "warn", said, rows))
    return findings


def published_figures(regions: dict[str, str], rounded: list[dict[str, str]]) -> list[CheckFinding]:
    """One finding for each region of a published table of which the pack may not know something, and for each figure that was set
    to 0 or 1.

    Parameters
    ----------
    regions : dict
        Region -> what it is (``published.regions.RegionNotes.warnings``).
    rounded : list of dict
        Of each source, figure -> what stood there (``published.ophi.PublishedFigures.rounded``).
    """
    said = {f"published region {region} is an area without doubt": why for region, why in regions.items()}
    said |= {f"published figure {who} is a share": why for each in rounded for who, why in each.items()}
    return [CheckFinding("published", check, False, "warn", why, 1) for check, why in sorted(said.items())]


def national_departures(
    figures: pd.DataFrame, country: str, published: set[int], survey: set[int]
) -> list[CheckFinding]:
    """One finding for each national figure of ours that departs from the published one of the same survey.

    Of the same households by the same definitions both are the same figure: a gap of more than half a point is a mistake in one of
    them, as of a weight, a code or a definition.

    Parameters
    ----------
    figures : DataFrame (catalog: ``fct_mpi``)
    country : str
        Code of the country itself.
    published, survey : set of int
        Years that published figures and the wave that serves the quarter are of.
    """
    own = figures[(figures["area_id"] == country) & (figures["subgroup"] == "all")].assign(k=lambda f: f["k"].round(4))
    wide = own[own["method"].isin(["direct", "published"])].pivot_table(
        index=["measure_id", "statistic", "k"], columns="method", values="estimate"
    )
    if not published & survey or not {"direct", "published"} <= set(wide):
        return []
    wide = wide.dropna(subset=["direct", "published"])
    findings = []
    for (_, statistic, k), row in wide.iterrows():
        apart = float(row["direct"] - row["published"])
        said = f"{row['direct']:.4f} from the survey's households, {row['published']:.4f} published of it"
        name = f"national {statistic} (k {k:g}) is the published one of the same survey"
        findings.append(CheckFinding("published", name, abs(apart) <= SAME, "warn", said, int(abs(apart) > SAME)))
    return findings


FURTHEST = 3.0
"""Standard errors of the difference up to which two figures of one area may lie apart."""


def agreement(mpi: pd.DataFrame, published_level: str) -> list[CheckFinding]:
    """One finding: areas of the published level whose joint profiles give another headcount ratio than the survey itself, by more than
    both are unsure of; in the quarters of the survey's fieldwork, since after it they are of different times.

    Parameters
    ----------
    mpi : DataFrame (lake: ``fct_mpi``)
    """
    rows = mpi[
        (mpi["area_level"] == published_level) & (mpi["statistic"] == "headcount_ratio") & (mpi["subgroup"] == "all")
    ]
    rows = rows[~rows["quality_flag"].str.contains(EARLIER)]
    keys = ["area_id", "k"]
    both = rows[rows["method"] == "composite"].merge(
        rows[rows["method"] == "direct"], on=keys, suffixes=("", "_direct")
    )
    unsure = np.hypot(both["se"], both["se_direct"])
    apart = both[(both["estimate"] - both["estimate_direct"]).abs() > FURTHEST * unsure]
    said = "; ".join(
        f"{row.area_id} at k = {row.k:.2f}: {row.estimate:.3f}, directly {row.estimate_direct:.3f}"
        for row in apart.itertuples()
    )
    name = "joint profiles and direct figures of the published level differ by no more than both are unsure of"
    return [CheckFinding("agreement", name, apart.empty, "warn", said or "none", len(apart))]


def covariate_drift(stable: pd.DataFrame) -> list[CheckFinding]:
    """One finding: which features have drifted from what the estimates were trained on (population stability index).

    Parameters
    ----------
    stable : DataFrame (lake: ``feature_drift``)
        Empty where no survey stands behind the quarter: then there is nothing to drift from.
    """
    from poverty_assets.small_area.time.covariate_drift import DRIFTED, drift_message

    name = f"no feature has drifted from training (population stability index up to {DRIFTED:g})"
    if stable.empty:
        return [CheckFinding("drift", name, True, "warn", "no survey wave to compare with", 0)]
    drifted = int(stable["drifted"].sum())
    return [CheckFinding("drift", name, drifted == 0, "warn", drift_message(stable), drifted)]
