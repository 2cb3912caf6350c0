"""What each sentence of the quarterly report should say, worked out again from whole tables with pandas.

A proof returns the rows that its sentence is written from, and none where the sentence must not be there. It shares no query with
the report.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from poverty_assets_tests.reports.quarterly_proofs_record import RECORD_PROOFS
from poverty_assets_tests.reports.quarterly_raw import Raw, Rows, level_of, top


def _bounds(frame: pd.DataFrame, name: str, subgroup: str | None = None) -> dict[str, Any]:
    row = frame.iloc[0]
    low, high = (None if pd.isna(row[c]) else row[c] for c in ("ci_low", "ci_high"))
    return {name: row["estimate"], f"{name}_low": low, f"{name}_high": high}


def country_poor(raw: Raw) -> Rows:
    frame = level_of(raw.statistic("headcount_ratio"), "country")
    return [{"place": raw.place[row["area_id"]], **row} for row in frame.to_dict("records")]


def country_intensity(raw: Raw) -> Rows:
    a, m = (level_of(raw.statistic(name), "country") for name in ("intensity", "mpi"))
    return [] if a.empty or m.empty else [{**_bounds(a, "intensity"), **_bounds(m, "mpi")}]


def country_vulnerable(raw: Raw) -> Rows:
    near, severe = (level_of(raw.statistic(name, None), "country") for name in ("vulnerable", "severe"))
    return [] if near.empty or severe.empty else [{**_bounds(near, "near"), **_bounds(severe, "severe")}]


def country_urban_rural(raw: Raw) -> Rows:
    frame = level_of(raw.of("fct_mpi"), "country").dropna(subset=["estimate"])
    frame = frame[frame["is_headline"] & ~frame["suppressed"] & (frame["statistic"] == "headcount_ratio")]
    frame = frame[((frame["k"] - 1 / 3).abs() < 1e-3) & (frame["measure_id"] == raw.measure)].set_index("subgroup")
    if not {"is_urban=true", "is_urban=false"} <= set(frame.index):
        return []
    return [{**_bounds(frame.loc[["is_urban=false"]], "rural"), **_bounds(frame.loc[["is_urban=true"]], "urban")}]


def country_contribution(raw: Raw) -> Rows:
    frame = level_of(raw.quoted("fct_contribution"), "country").dropna(subset=["share"])
    frame = frame[(frame["k"] - 1 / 3).abs() < 1e-3]
    return top(frame.assign(name=frame["indicator_id"].map(raw.indicator).str.lower()), "share", 3, "name")


def country_evidence(raw: Raw) -> Rows:
    frame, quarter = level_of(raw.statistic("headcount_ratio"), "country"), raw.wave()
    if frame.empty or pd.isna(quarter["survey_wave"]):
        return []
    n, sources = frame["n_households"].iloc[0], raw.of("meta_source").set_index("source_id")["title"]
    return [
        {
            "method": frame["method"].iloc[0],
            "households": None if pd.isna(n) else int(n),
            "wave": sources.get(quarter["survey_wave"], quarter["survey_wave"]),
            "when": "say_before_quarter" if quarter["is_nowcast"] else "say_within_quarter",
        }
    ]


def country_evidence_published(raw: Raw) -> Rows:
    frame = level_of(raw.statistic("headcount_ratio"), "country")
    return [{"method": m} for m in frame["method"]] if pd.isna(raw.wave()["survey_wave"]) else []


def country_absent(raw: Raw) -> Rows:
    return [{"quarter": raw.quarter}] if level_of(raw.statistic("headcount_ratio"), "country").empty else []


def pair_largest(raw: Raw) -> Rows:
    return top(level_of(raw.pairs(), "country"), "share_both", 3, "name_a", "name_b")


def pair_strongest(raw: Raw) -> Rows:
    frame = level_of(raw.pairs(), "country").dropna(subset=["lift_ci_low"])
    rows = top(frame[frame["share_both"] >= 0.01], "lift", 1, "name_a", "name_b")
    return [{**row, "lift_low": row["lift_ci_low"], "lift_high": row["lift_ci_high"]} for row in rows]


def pair_where(level: str) -> Callable[[Raw], Rows]:
    def proof(raw: Raw) -> Rows:
        largest, pairs = pair_largest(raw), raw.pairs()
        if not largest:
            return []
        same = (pairs["name_a"] == largest[0]["name_a"]) & (pairs["name_b"] == largest[0]["name_b"])
        found = level_of(pairs[same], level)
        return top(found.assign(place=found["area_id"].map(raw.place)), "share_both", 2, "area_id")

    return proof


def bundle_largest(raw: Raw) -> Rows:
    frame = level_of(raw.bundles(), "country")
    return top(frame[frame["n_deprivations"] >= 2], "share", 2, "bundle_mask")


def bundle_excess(raw: Raw) -> Rows:
    frame = level_of(raw.bundles(), "country")
    frame = frame[(frame["n_deprivations"] >= 2) & (frame["excess_ci_low"] > 0)]
    rows = top(frame, "excess", 1, "bundle_mask")
    return [{**row, "excess_low": row["excess_ci_low"], "excess_high": row["excess_ci_high"]} for row in rows]


def bundle_where(raw: Raw) -> Rows:
    largest, frame = bundle_largest(raw), level_of(raw.bundles(), "province")
    if not largest:
        return []
    frame = frame[frame["bundle_mask"] == largest[0]["bundle_mask"]]
    return top(frame.assign(place=frame["area_id"].map(raw.place)), "share", 1, "area_id")


def count_none(raw: Raw) -> Rows:
    frame = level_of(raw.quoted("fct_deprivation_count"), "country").dropna(subset=["estimate"])
    return frame[frame["n_deprivations"] == 0].to_dict("records")


def overlap_absent(raw: Raw) -> Rows:
    return [{"quarter": raw.quarter}] if raw.pairs().empty and pd.isna(raw.wave()["survey_wave"]) else []


def overlap_inferred(raw: Raw) -> Rows:
    methods = sorted(set(level_of(raw.pairs(), "country")["method"]) - {"direct"})
    return [{"method": method} for method in methods[:1]]


def headcount_largest(raw: Raw) -> Rows:
    frame = level_of(raw.quoted("fct_headcount"), "country").dropna(subset=["estimate"])
    frame = frame[frame["kind"] == "uncensored"]
    return top(frame.assign(name=frame["indicator_id"].map(raw.indicator).str.lower()), "estimate", 3, "name")


def _ranked(raw: Raw, level: str) -> pd.DataFrame:
    frame = level_of(raw.statistic("headcount_ratio"), level).dropna(subset=["ci_low"])
    return frame.assign(place=frame["area_id"].map(raw.place), population=frame["area_id"].map(raw.population))


def worst(level: str, count: int) -> Callable[[Raw], Rows]:
    return lambda raw: top(_ranked(raw, level), "estimate", count, "area_id")


def certainty(level: str) -> Callable[[Raw], Rows]:
    def proof(raw: Raw) -> Rows:
        frame = _ranked(raw, level).sort_values(["estimate", "area_id"], ascending=[False, True])
        if frame.empty:
            return []
        first, others = frame.iloc[0], frame.iloc[1:]
        overlapping = int((others["ci_high"] >= first["ci_low"]).sum())
        said = {"others": len(others), "place": first["place"], "overlapping": overlapping}
        return [said] if overlapping else []

    return proof


def most_poor_people(raw: Raw) -> Rows:
    frame = _ranked(raw, "province").dropna(subset=["population"])
    parts = {"people": "estimate", "people_low": "ci_low", "people_high": "ci_high"}
    frame = frame.assign(**{name: frame[column] * frame["population"] for name, column in parts.items()})
    return top(frame, "people", 1, "area_id")


def levels_absent(raw: Raw) -> Rows:
    return [{"level": level} for level in ("province", "district", "commune") if _ranked(raw, level).empty]


def change_country(raw: Raw) -> Rows:
    rows = level_of(raw.changes(), "country").to_dict("records")
    verdict = {True: "say_significant", False: "say_not_significant"}
    return [{**row, "verdict": verdict[row["is_significant"]]} for row in rows]


def tally(level: str) -> Callable[[Raw], Rows]:
    def proof(raw: Raw) -> Rows:
        frame = level_of(raw.changes(), level)
        sure = (frame["ci_low"] > 0) | (frame["ci_high"] < 0)
        fell, rose = int((sure & (frame["difference"] < 0)).sum()), int((sure & (frame["difference"] > 0)).sum())
        said = {"areas": len(frame), "fell": fell, "rose": rose, "unsure": int((~sure).sum())}
        return [{**said, "by_chance": 0.05 * len(frame)}] if len(frame) else []

    return proof


def moved(level: str, sign: int, count: int) -> Callable[[Raw], Rows]:
    def proof(raw: Raw) -> Rows:
        frame = level_of(raw.changes(), level)
        sure = frame["ci_low"] > 0 if sign > 0 else frame["ci_high"] < 0
        return top(frame[sure].assign(size=lambda f: f["difference"].abs()), "size", count, "area_id")

    return proof


def change_none_significant(raw: Raw) -> Rows:
    frame = raw.changes()
    frame = frame[frame["area_level"] != "country"]
    return [] if frame.empty or (frame["ci_high"] < 0).any() else [{"baseline": raw.baseline}]


def change_absent(raw: Raw) -> Rows:
    return [{"quarter": raw.quarter}] if raw.of("fct_change").empty else []


PROOFS: dict[str, Callable[[Raw], Rows]] = {
    function.__name__: function
    for function in (
        country_poor, country_intensity, country_vulnerable, country_urban_rural, country_contribution, country_evidence,
        country_evidence_published, country_absent, pair_largest, pair_strongest, bundle_largest, bundle_excess, bundle_where,
        count_none, overlap_absent, overlap_inferred, headcount_largest, most_poor_people, levels_absent, change_country,
        change_none_significant, change_absent,
    )
}  # fmt: skip
PROOFS |= RECORD_PROOFS
PROOFS |= {
    "pair_where_published": pair_where("province"),
    "pair_where_finest": pair_where("commune"),
    "worst_published": worst("province", 3),
    "worst_between": worst("district", 2),
    "worst_between2": lambda raw: [],  # this country has one level between
    "worst_finest": worst("commune", 3),
    "worst_published_certainty": certainty("province"),
    "worst_finest_certainty": certainty("commune"),
    "change_published_tally": tally("province"),
    "change_finest_tally": tally("commune"),
    "change_published_fell": moved("province", -1, 3),
    "change_published_rose": moved("province", 1, 2),
    "change_finest_fell": moved("commune", -1, 2),
    "change_finest_rose": moved("commune", 1, 2),
}
