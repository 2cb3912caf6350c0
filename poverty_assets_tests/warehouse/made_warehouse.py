"""A published file of twelve areas and two quarters in which every table that reports read has rows, of any pack.

All figures of an area come from one distribution over the sixteen sets of four deprivations, so that the gate's identities hold.
"""

from __future__ import annotations

import datetime as dt
import shutil
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from poverty_assets.catalog import TABLES
from poverty_assets.geography.counts import MIXED, SOURCE
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.geography.population import population_rows
from poverty_assets.measure.measure import Cutoffs, Measure
from poverty_assets.quarter import Quarter
from poverty_assets.small_area.packed import draw_rows, profile_rows
from poverty_assets.small_area.replicates import collect
from poverty_assets.small_area.rollup import rollup
from poverty_assets.small_area.rows import small_area_rows
from poverty_assets.small_area.wanted import Wanted
from poverty_assets.warehouse.build import publish
from poverty_assets.warehouse.lake import SEAL, Lake
from poverty_assets_tests.made_country import MadeCountry
from poverty_assets_tests.warehouse.small_lake import KHM, columns

BEFORE, NOW = Quarter(2025, 3), Quarter(2026, 3)
MEASURE = "global_mpi"
INDICATORS = ("nutrition", "years_schooling", "sanitation", "drinking_water")
NAMES = ("Nutrition", "Years of schooling", "Sanitation", "Drinking water")
DIMENSIONS = ("health", "education", "living_standards", "living_standards")
WEIGHTS = np.array([0.3, 0.3, 0.2, 0.2])
BITS = (np.arange(16)[:, None] >> np.arange(4) & 1).astype(float)
CUTOFFS = (0.2, 0.333333, 0.5)
MADE = MadeCountry(KHM)
FINEST = MADE.finest


def areas(of: MadeCountry = MADE) -> pd.DataFrame:
    """Squares in a row; names are codes in words."""
    return of.dim_area()


SHRUNK = 0.9
"""People of the earlier quarter, as a share of those of the later."""


def people_of(quarter: Quarter, of: MadeCountry = MADE) -> pd.DataFrame:
    """Rows of ``fct_population``: the register counts everybody, fewer before, and four in ten are children."""
    made = areas(of).assign(**{SOURCE: "idpoor", MIXED: False})
    if quarter == BEFORE:
        made["population"] = (SHRUNK * made["population"]).astype(int)
    rows = population_rows(made, pd.DataFrame(columns=["age_group"]), {"idpoor": dt.date(2024, 12, 31)})
    children = rows.assign(age_group="child", population=rows["population"] * 4 // 10, population_urban=pd.NA)
    return pd.concat([rows, children.assign(persons_per_household=np.nan)], ignore_index=True)


def members(area: str) -> list[str]:
    return MADE.members(area)


def profiles(quarter: Quarter, of: MadeCountry = MADE, fall: float = 0.25) -> dict[str, np.ndarray]:
    """Shares of the sixteen sets: poverty grows from area to area, and falls by a part between the quarters."""
    masks = np.arange(16)
    size = BITS.sum(axis=1)
    found = {}
    for i, code in enumerate(of.finest):
        poorer = 0.15 + 0.05 * i
        shape = poorer**size * np.where((masks & 12) == 12, 3.0, 1.0) * (1 + 0.1 * ((i + masks) % 3))
        share = shape / shape.sum()
        if quarter == NOW:
            share = share * (1 - fall * (size >= 2))
            share[0] += 1 - share.sum()
        found[code] = share
    weights = areas(of).set_index("area_id")["population"]
    for area in of.level:
        inside = of.members(area)
        if area not in found:
            found[area] = np.average([found[c] for c in inside], axis=0, weights=[weights[c] for c in inside])
    return found


def estimate(value: float, width: float = 0.03) -> dict[str, float]:
    low, high = max(value - width, 0.0), min(value + width, 1.0)
    return {"estimate": value, "se": width / 2, "ci_low": low, "ci_high": high}


def evidence(role: str, *, survey: bool) -> dict[str, object]:
    ours = "direct" if role in ("country", "published") else "composite"
    method = ours if survey else "published"
    flag = "ok" if role != "finest" else "wide_interval"
    return {"method": method, "n_households": 120, "suppressed": False, "quality_flag": flag, "is_headline": True}


def mpi_of(share: np.ndarray) -> list[tuple[float, str, float]]:
    score = BITS @ WEIGHTS
    rows = []
    for k in CUTOFFS:
        poor = score >= k - 1e-4
        h = float(share[poor].sum())
        m0 = float((share * score)[poor].sum())
        rows += [(k, "headcount_ratio", h), (k, "intensity", m0 / h), (k, "mpi", m0)]
    near = (score >= CUTOFFS[0] - 1e-4) & (score < CUTOFFS[1] - 1e-4)
    rows += [(CUTOFFS[0], "vulnerable", float(share[near].sum())), (CUTOFFS[2], "severe", rows[6][2])]
    return rows


def censored(share: np.ndarray, k: float) -> np.ndarray:
    return (share[:, None] * BITS)[k - 1e-4 <= BITS @ WEIGHTS].sum(axis=0)


def pair_of(share: np.ndarray, a: int, b: int) -> dict[str, float]:
    pa, pb, both = float(share @ BITS[:, a]), float(share @ BITS[:, b]), float(share @ (BITS[:, a] * BITS[:, b]))
    values = {
        "share_a": pa, "share_b": pb, "share_both": both, "share_b_given_a": both / pa, "share_a_given_b": both / pb,
        "lift": both / (pa * pb), "phi": (both - pa * pb) / np.sqrt(pa * (1 - pa) * pb * (1 - pb)),
        "redundancy": both / min(pa, pb), "odds_ratio": both * (1 - pa - pb + both) / ((pa - both) * (pb - both)),
    }  # fmt: skip
    out = {}
    for name, value in values.items():
        out |= {name: value, f"{name}_se": 0.01, f"{name}_ci_low": value * 0.9, f"{name}_ci_high": value * 1.1}
    return out


def bundles_of(share: np.ndarray) -> list[dict[str, object]]:
    margins = share @ BITS
    expected = np.prod(np.where(BITS == 1, margins, 1 - margins), axis=1)
    order = [0, *(np.argsort(-share[1:], kind="stable") + 1)]
    rows = []
    for rank, mask in enumerate(order):
        excess = share[mask] - expected[mask]
        rows.append(
            {
                "bundle_mask": int(mask), "indicators": [n for bit, n in enumerate(INDICATORS) if mask >> bit & 1],
                "n_deprivations": int(BITS[mask].sum()), "share": share[mask], "share_se": 0.002,
                "share_ci_low": share[mask] * 0.9, "share_ci_high": share[mask] * 1.1, "share_expected": expected[mask],
                "excess": excess, "excess_se": 0.002, "excess_ci_low": excess - 0.004, "excess_ci_high": excess + 0.004,
                "rank": rank,
            }
        )  # fmt: skip
    return rows


def facts(quarter: Quarter, of: MadeCountry = MADE, *, survey: bool) -> dict[str, pd.DataFrame]:
    """Rows of every table of estimates."""
    rows: dict[str, list[dict[str, object]]] = {
        name: []
        for name in (
            "fct_mpi", "fct_headcount", "fct_contribution", "fct_overlap_pair", "fct_deprivation_count", "fct_bundle",
        )
    }  # fmt: skip
    for area, share in profiles(quarter, of).items():
        level = of.level[area]
        role = of.role(level)
        if not survey and role in ("between", "finest"):
            continue
        keys = {"area_id": area, "area_level": level, "measure_id": MEASURE, "subgroup": "all"}
        last = evidence(role, survey=survey)
        width = {"country": 0.01, "published": 0.03, "between": 0.06}.get(role, 0.11 + 0.01 * (len(of.line(area)) % 3))
        if role == "finest":
            width = 0.1 + 0.01 * (1 + of.finest.index(area) % 3)
        for k, statistic, value in mpi_of(share):
            rows["fct_mpi"].append({**keys, "k": k, "statistic": statistic, **estimate(value, width), **last})
        kinds = {"uncensored": share @ BITS}
        kinds |= {
            n: censored(share, k) for n, k in zip(("censored_k20", "censored", "censored_k50"), CUTOFFS, strict=True)
        }
        for kind, values in kinds.items():
            for name, value in zip(INDICATORS, values, strict=True):
                cell = {**keys, "indicator_id": name, "kind": kind, **estimate(float(value), width), **last}
                rows["fct_headcount"].append(cell)
        parts = WEIGHTS * kinds["censored"]
        for name, part in zip(INDICATORS, parts / parts.sum(), strict=True):
            cell = {**keys, "indicator_id": name, "k": CUTOFFS[1], "share": part, "se": 0.01}
            rows["fct_contribution"].append({**cell, "ci_low": part - 0.02, "ci_high": part + 0.02, **last})
        if not survey:
            continue
        for a, b in combinations(range(4), 2):
            names = {"indicator_a": INDICATORS[a], "indicator_b": INDICATORS[b]}
            rows["fct_overlap_pair"].append({**keys, **names, **pair_of(share, a, b), **last})
        counts = np.bincount(BITS.sum(axis=1).astype(int), share, minlength=5)
        for n, value in enumerate(counts):
            rows["fct_deprivation_count"].append({**keys, "n_deprivations": n, **estimate(float(value), width), **last})
        rows["fct_bundle"] += [{**keys, **bundle, **last} for bundle in bundles_of(share)]
    if survey:
        rows["fct_mpi"] += subgroup_rows(of) + withheld_rows(of)
    return {name: pd.DataFrame(found) for name, found in rows.items() if found}


def subgroup_rows(of: MadeCountry) -> list[dict[str, object]]:
    """The country's urban and rural people."""
    keys = {"area_id": of.pack.area_id, "area_level": "country", "measure_id": MEASURE}
    rows = []
    for subgroup, h in (("is_urban=true", 0.1), ("is_urban=false", 0.3)):
        for statistic, value in (("headcount_ratio", h), ("intensity", 0.5), ("mpi", h / 2)):
            cell = {**keys, "subgroup": subgroup, "k": CUTOFFS[1], "statistic": statistic, **estimate(value, 0.02)}
            rows.append({**cell, **evidence("country", survey=True)})
    return rows


def withheld_rows(of: MadeCountry) -> list[dict[str, object]]:
    """The direct estimate of an area with too few households, beside its composite headline."""
    keys = {
        "area_id": of.finest[0],
        "area_level": of.pack.levels.finest,
        "measure_id": MEASURE,
        "subgroup": "all",
        "k": CUTOFFS[1],
    }
    nothing = dict.fromkeys(("estimate", "se", "ci_low", "ci_high"))
    said = {"method": "direct", "n_households": 12, "suppressed": True, "quality_flag": "too_few_households"}
    names = ("headcount_ratio", "intensity", "mpi")
    return [{**keys, "statistic": name, **nothing, **said, "is_headline": False} for name in names]


def change_rows(of: MadeCountry = MADE, *, survey: bool) -> pd.DataFrame:
    """Change of the headcount ratio in a year; wide intervals in small areas, so that only the later ones are significant."""
    if not survey:
        return pd.DataFrame()
    rows = []
    before, now = profiles(BEFORE, of), profiles(NOW, of)
    for area in before:
        level = of.level[area]
        role = of.role(level)
        ratios = [{(k, s): v for k, s, v in mpi_of(p[area])} for p in (before, now)]
        for statistic in ("headcount_ratio", "intensity", "mpi"):
            change = ratios[1][CUTOFFS[1], statistic] - ratios[0][CUTOFFS[1], statistic]
            half = 0.05 if role == "finest" else 0.02
            rows.append(
                {
                    "baseline_quarter": BEFORE.start, "area_id": area, "area_level": level, "measure_id": MEASURE,
                    "subgroup": "all", "k": CUTOFFS[1], "statistic": statistic, "indicator_id": "all", "change": "absolute",
                    "difference": change, "se": half / 2, "ci_low": change - half, "ci_high": change + half,
                    "is_significant": change + half < 0 or change - half > 0, "edition": None, **evidence(role, survey=True),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def register_rows(of: MadeCountry = MADE) -> pd.DataFrame:
    """Three areas list far fewer households than expected; one is withheld."""
    rows = []
    people = areas(of).set_index("area_id")
    for area, level, households in zip(people.index, people["area_level"], people["households"], strict=True):
        row = {
            "area_id": area, "area_level": level, "register_id": "idpoor", "households": households, "listed": households // 10,
            "rate": (households // 10) / households, "method": "register", "suppressed": False, "quality_flag": "ok",
            "is_headline": True,
        }  # fmt: skip
        if level == of.pack.levels.finest:
            expected = 0.35 if area in of.finest[-3:] else 0.12
            gap = expected - row["rate"]
            row |= {
                "modelled_rate": expected,
                "modelled_rate_ci_low": expected - 0.1,
                "modelled_rate_ci_high": expected + 0.1,
            }
            row |= {"coverage_gap": gap, "coverage_gap_ci_low": gap - 0.1, "coverage_gap_ci_high": gap + 0.1}
        if area == of.finest[1]:
            blank = ("listed", "rate", "coverage_gap", "coverage_gap_ci_low", "coverage_gap_ci_high")
            row |= {**dict.fromkeys(blank), "suppressed": True, "quality_flag": "withheld"}
        rows.append(row)
    return pd.DataFrame(rows)


def source_rows(quarter: Quarter, *, simulated: bool) -> pd.DataFrame:
    """A register that is newer in the second quarter, a survey that is new, a raster that is gone, boundaries that stay."""
    sources = {
        "boundaries": ("Boundaries", "a"), "idpoor": ("Register of poor households", "b" if quarter == BEFORE else "c"),
    }  # fmt: skip
    sources |= {"raster": ("Old raster", "d")} if quarter == BEFORE else {"survey_2025_26": ("Survey 2025-26", "e")}
    rows = [
        {
            "source_id": name, "title": title, "publisher": "Publisher", "url": "https://example.org", "licence": "CC BY 4.0",
            "file": f"{name}.csv", "sha256": digest * 64, "observed_from": dt.date(2024, 1, 1),
            "observed_to": dt.date(2024, 12, 31), "released_on": None, "rows": 12, "quarantined": 0, "is_simulated": simulated,
            "state": "present", "expected_on": None,
        }
        for name, (title, digest) in sources.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def figure(name: str, value: float, width: float = 0.01) -> dict[str, float]:
    """A statistic named ``name`` with its error and interval."""
    low, high = max(value - width, 0.0), min(value + width, 1.0)
    return {name: value, f"{name}_se": width / 2, f"{name}_ci_low": low, f"{name}_ci_high": high}


def threat_rows(quarter: Quarter, of: MadeCountry = MADE) -> dict[str, pd.DataFrame]:
    """Hazards, shocks, the register's audit and hot spots of the country and its areas."""
    rows: dict[str, list[dict[str, object]]] = {name: [] for name in (*_THREATS,)}
    for area, share in profiles(quarter, of).items():
        level = of.level[area]
        last, figures = evidence(of.role(level), survey=True), {(k, s): v for k, s, v in mpi_of(share)}
        poor, near = figures[CUTOFFS[1], "headcount_ratio"], figures[CUTOFFS[0], "vulnerable"]
        keys = {"area_id": area, "area_level": level}
        for hazard, exposed in (("flood", 0.4), ("drought", 0.1)):
            part = {**figure("intensity", exposed), **figure("share_exposed", exposed)}
            cell = {**keys, "hazard_id": hazard, **part, **figure("share_poor_exposed", exposed * poor), **last}
            rows["fct_hazard"].append(cell)
        for shock, newly in (("flood", 0.02), ("pandemic", 0.05)):
            cell = {**keys, "measure_id": MEASURE, "shock_id": shock, **figure("near_poor", near), **last}
            cell |= {**figure("near_poor_depth", 0.1), **figure("exposed_near_poor", near * 0.4)}
            rows["fct_vulnerability"].append({**cell, **figure("expected_new_poor", newly * (1 - poor))})
        if level == "country":
            cell = {**keys, "register_id": "idpoor", **figure("poor_share", poor), **figure("share_found", 0.4)}
            cell |= {**figure("share_missed", 0.6), **figure("share_missed_at_least", 0.5), "probability_short": 0.9}
            many = {
                f"{name}{suffix}": 5000.0 for name in ("poor_households", "missed_households") for suffix in _SUFFIXES
            }
            rows["fct_register_audit"].append({**cell, **many, "rank": None, **last})
        if level == of.pack.levels.finest:
            hot = [name for name in (*INDICATORS, "all") if area in of.finest[-2:]]
            n_hot = len([name for name in hot if name != "all"])
            for name in (*INDICATORS, "all"):
                cell = {
                    **keys,
                    "measure_id": MEASURE,
                    "indicator_id": name,
                    **figure("g_star", 0.5),
                    "n_hot": n_hot,
                    **last,
                }
                cell |= {**figure("local_moran", 0.5), "g_star_q": 0.01, "local_moran_q": 0.01, "is_hot": name in hot}
                cell |= {"cluster": "hot" if name in hot else "none", "confidence": 0.9}
                rows["fct_hot_spot"].append({**cell, "n_hot_ci_low": 0.0, "n_hot_ci_high": 4.0})
    rows["dim_hazard"] = [
        {
            "hazard_id": hazard, "name_en": hazard.capitalize(), **_names(of), "source_id": "raster", "unit": "share",
            "threshold": 0.2, "tolerance": 0.1, "is_assumption": True, "source_of_threshold": "assumed",
            "normal_source_id": None, "observed_from": quarter.start, "observed_to": quarter.end, "is_of_quarter": True,
        }
        for hazard in ("flood", "drought")
    ]  # fmt: skip
    rows["dim_shock"] = [
        {
            "shock_id": shock, "measure_id": MEASURE, "indicator_id": "sanitation", "name_en": shock.capitalize(),
            **_names(of), "description": "d", "who": "not_poor", "exposed_to": None, "settlement": None,
            "probability": 0.1, "is_assumption": True, "source": "assumed", "per_price_change": None, "price_source_id": None,
        }
        for shock in ("flood", "pandemic")
    ]  # fmt: skip
    return {name: pd.DataFrame(found) for name, found in rows.items()}


def _names(of: MadeCountry) -> dict[str, str]:
    """A name in each language of the pages but English."""
    return {f"name_{one}": "x" for one in of.pack.language_codes[1:]}


def screening_rows(of: MadeCountry = MADE) -> pd.DataFrame:
    """The survey's own figures: fine, advised against, refused."""
    rows = [
        (of.pack.levels.published, 0.0, 0.0, "fine"),
        *((level, 0.0, 0.25, "advised against") for level in of.pack.levels.between),
        (of.pack.levels.finest, 0.5, 0.25, "refused"),
    ]
    frame = pd.DataFrame(rows, columns=["area_level", "share_without_data", "share_few_clusters", "verdict"])
    return frame.assign(measure_id=MEASURE, indicator_id="all", method="direct", n_areas=4, reason="counted")


def draw_tables(quarter: Quarter, of: MadeCountry = MADE) -> dict[str, pd.DataFrame]:
    """Ranks, draws and joint profiles of the small areas: 40 replicates about the profiles of the quarter."""
    weights = dict(zip(INDICATORS, (Fraction(3, 10), Fraction(3, 10), Fraction(1, 5), Fraction(1, 5)), strict=True))
    measure = Measure.of_weights(MEASURE, weights, Cutoffs(Fraction(1, 5), Fraction(1, 3), Fraction(1, 2)))
    shares, dim = profiles(quarter, of), areas(of)
    centre = np.stack([shares[code] for code in of.finest])
    people = dim.set_index("area_id").loc[list(of.finest), "population"].to_numpy(dtype=float)
    up = rollup(Hierarchy.of(dim), list(of.finest), people, method="modelled")
    rng = np.random.default_rng(quarter.start.toordinal())
    moved = centre * np.exp(0.1 * rng.standard_normal((40, 12, 16)) * BITS.sum(axis=1))
    moved /= moved.sum(axis=2, keepdims=True)
    wanted = Wanted(up, measure)
    tables, draws = small_area_rows(collect(centre, iter(moved), len(moved), wanted), wanted)
    held = pd.DataFrame({"area_id": of.finest, "population": people, "profile": list(centre)})
    return {
        "fct_rank": tables.ranks,
        "fct_draw": draw_rows(draws, held, dim, measure),
        "fct_profile": profile_rows(held, draws, measure),
    }


_THREATS = ("fct_hazard", "fct_vulnerability", "fct_register_audit", "fct_hot_spot", "dim_hazard", "dim_shock")
_SUFFIXES = ("", "_se", "_ci_low", "_ci_high")


def model_rows(quarter: Quarter, of: MadeCountry = MADE) -> dict[str, pd.DataFrame]:
    target = {"target_kind": "register_rate", "target": "idpoor", "learner": "ridge"}
    metric = {
        **target,
        "feature": "",
        "fold_design": "block50km",
        "area_level": of.pack.levels.finest,
        "subgroup": "all",
        "as_of_quarter": quarter.start,
        "metric": "spearman",
    }
    run = {
        **target, "model_id": "register_rate:idpoor:ridge", "chosen_by": "spearman",
        "n_training": 12, "features": ["night_lights"], "registers": [], "training_digest": "0" * 64, "artifact": "models/x",
        "interval_coverage": 0.95,
    }  # fmt: skip
    return {"model_metric": pd.DataFrame([{**metric, "value": 0.66, "n": 12}]), "model_run": pd.DataFrame([run])}


def write_quarter(lake: Lake, quarter: Quarter, of: MadeCountry, *, survey: bool, simulated: bool) -> None:
    """Every table of the quarter, and its seal."""
    others = [None] * len(of.pack.language_codes[1:])
    indicators = [
        (MEASURE, name, dimension, title, *others, "deprived", *others, "none", weight, "made up")
        for name, dimension, title, weight in zip(INDICATORS, DIMENSIONS, NAMES, WEIGHTS, strict=True)
    ]
    frames = {
        "dim_area": areas(of),
        "fct_population": people_of(quarter, of),
        "dim_indicator": pd.DataFrame(indicators, columns=columns("dim_indicator", of.pack)),
        **facts(quarter, of, survey=survey),
        "fct_register": register_rows(of),
        "meta_source": source_rows(quarter, simulated=simulated),
        **model_rows(quarter, of),
        **(threat_rows(quarter, of) if survey else {}),
        **draw_tables(quarter, of),
        **({"screening": screening_rows(of)} if survey else {}),
    }
    if quarter == NOW and survey:
        frames["fct_change"] = change_rows(of, survey=survey)
        noted = {
            "source_id": "survey_2025_26", "file": "survey.csv", "sha256": "0" * 64, "observed_from": dt.date(2025, 10, 1),
            "observed_to": dt.date(2026, 1, 31), "released_on": None, "rows": 1,
        }  # fmt: skip
        household = {
            "household_id": "h",
            "psu": "p",
            "stratum": "s",
            "weight": 1.0,
            "hh_size": 4.0,
            "area_id": of.finest[0],
        }
        lake.write("survey_household", quarter, pd.DataFrame([household]), noted)
    names = [t.name for t in TABLES if t.is_one_file]
    for name in names:
        wanted = columns(name, of.pack)
        lake.write(name, quarter, frames.get(name, pd.DataFrame(columns=wanted)).reindex(columns=wanted))
    checks = [
        ("fct_mpi", "every area", True, "error", "19 areas", 0),
        ("fct_register", "every small area", True, "error", "12 areas", 0),
        ("meta_source", "no row set aside", quarter == BEFORE, "warn", "2 rows set aside", 2 if quarter == NOW else 0),
    ]
    for name, *rest in checks:
        own = ["table_name", "check_name", "passed", "severity", "observed", "failing_rows"]
        lake.write_checks(name, quarter, pd.DataFrame([(name, *rest)], columns=own))
    digests = lake.digests(quarter, names)
    lake.write(SEAL, quarter, pd.DataFrame(sorted(digests.items()), columns=["file", "sha256"]))


def publish_made(
    folder: Path, of: MadeCountry = MADE, *, survey: bool = True, simulated: bool = True, quarters: int = 2
) -> Path:
    """Publish the made-up quarters (the later one alone with ``quarters=1``) into ``folder``; returns the file."""
    lake = Lake(folder / "lake")
    for quarter in (BEFORE, NOW)[-quarters:]:
        write_quarter(lake, quarter, of, survey=survey, simulated=simulated)
    target = folder / "warehouse" / "poverty.duckdb"
    publish(lake, target, of.pack, is_simulated=simulated, run_id="made", now=dt.datetime(2026, 10, 20, 2, 0))
    return target


_MADE: dict[tuple[tuple[str, object], ...], Path] = {}


def shared_made(factory: Any, **options: Any) -> Path:
    """The file of ``publish_made(**options)``, made once in a test session; only to be read."""
    key = tuple(sorted(options.items()))
    if key not in _MADE:
        _MADE[key] = publish_made(factory.mktemp("made"), **options)
    return _MADE[key]


def unfolded(published: Path, folder: Path) -> Path:
    """A copy in which every narrow table is one that can be written to."""
    copy = Path(shutil.copy(published, folder / "poverty.duckdb"))
    with duckdb.connect(str(copy)) as connection:
        for name in (one.name for one in TABLES if one.narrow):
            connection.execute(f'CREATE TABLE unfolded AS FROM "{name}"')
            connection.execute(f'DROP VIEW "{name}"')
            connection.execute(f'ALTER TABLE unfolded RENAME TO "{name}"')
    return copy
