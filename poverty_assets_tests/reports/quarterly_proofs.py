"""What each sentence of the quarterly report should say, worked out again from whole tables with pandas.

A proof returns the rows that its sentence is written from, and none where the sentence must not be there. It shares no query with
the report.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from poverty_assets_tests.reports.quarterly_raw import Raw, Rows, top

SURVEY_FACTS = (
    "fct_mpi", "fct_headcount", "fct_contribution", "fct_overlap_pair", "fct_deprivation_count", "fct_bundle",
)  # fmt: skip


def _bounds(row: pd.Series, name: str) -> dict[str, Any]:
    low, high = (None if pd.isna(row[c]) else row[c] for c in ("ci_low", "ci_high"))
    return {name: row["estimate"], f"{name}_low": low, f"{name}_high": high}


def _without_nan(frame: pd.DataFrame) -> Rows:
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


def poor(raw: Raw) -> Rows:
    return _without_nan(raw.mine(raw.statistic("headcount_ratio")))


def absent(raw: Raw) -> Rows:
    return [] if poor(raw) else [{"place": raw.place[raw.subject], "quarter": raw.quarter}]


def change_waves(raw: Raw) -> Rows:
    return _changes(raw, raw.changes(between_surveys=True))


def change(raw: Raw) -> Rows:
    return _changes(raw, raw.changes())


def _changes(raw: Raw, frame: pd.DataFrame) -> Rows:
    verdict = {True: "say_significant", False: "say_not_significant"}
    sure = [{**row, "is": row["ci_low"] > 0 or row["ci_high"] < 0} for row in raw.mine(frame).to_dict("records")]
    return [{**row, "verdict": verdict[row["is"]]} for row in sure]


def change_absent(raw: Raw) -> Rows:
    return [{"quarter": raw.quarter}] if raw.of("fct_change").empty else []


def urban_rural(raw: Raw) -> Rows:
    frame = raw.mine(raw.of("fct_mpi")).dropna(subset=["estimate"])
    frame = frame[frame["is_headline"] & ~frame["suppressed"] & (frame["statistic"] == "headcount_ratio")]
    frame = frame[((frame["k"] - 1 / 3).abs() < 1e-3) & (frame["measure_id"] == raw.measure)].set_index("subgroup")
    if not {"is_urban=true", "is_urban=false"} <= set(frame.index):
        return []
    rural, urban = frame.loc["is_urban=false"], frame.loc["is_urban=true"]
    return [{**_bounds(rural, "rural"), **_bounds(urban, "urban"), "method": rural["method"]}]


def vulnerable(raw: Raw) -> Rows:
    near, severe = (raw.mine(raw.statistic(name, None)) for name in ("vulnerable", "severe"))
    if near.empty or severe.empty:
        return []
    return [{**_bounds(near.iloc[0], "near"), **_bounds(severe.iloc[0], "severe"), "method": near["method"].iloc[0]}]


def rank(raw: Raw) -> Rows:
    frame = raw.mine(raw.ranks()).rename(columns={"rank_low": "first", "rank_high": "last", "n_areas": "areas"})
    return frame.assign(level_key="published").to_dict("records")


def _known(raw: Raw) -> pd.DataFrame:
    return raw.parts(raw.statistic("headcount_ratio").dropna(subset=["ci_low"]))


def _nearest(raw: Raw) -> pd.DataFrame:
    frame = _known(raw)
    return frame[frame["area_id"].str.len() == frame["area_id"].str.len().min()]


def worst(raw: Raw) -> Rows:
    return top(_nearest(raw), "estimate", 3, "area_id")


def levels_absent(raw: Raw) -> Rows:
    levels = ["published", "between", "finest"][raw.subject != "KH" :]
    there = set(_known(raw)["level_key"])
    return [{"level_key": level} for level in levels if level not in there]


def most_poor_people(raw: Raw) -> Rows:
    frame = _nearest(raw).dropna(subset=["population"])
    parts = {"people": "estimate", "people_low": "ci_low", "people_high": "ci_high"}
    return top(frame.assign(**{n: frame[c] * frame["population"] for n, c in parts.items()}), "people", 1, "area_id")


def _chances(raw: Raw) -> pd.DataFrame:
    frame = raw.parts(raw.ranks())
    return frame[frame["level_key"] == "finest"].sort_values(
        ["p_worst_tenth", "estimate", "area_id"], ascending=[False, False, True]
    )


def act(raw: Raw) -> Rows:
    frame = _chances(raw)
    sure = frame[frame["p_worst_tenth"].round(5) >= 0.9]
    said = {"sure": len(sure), "areas": len(frame), "people": sure["population"].sum()}
    return sure.head(3).assign(**said).to_dict("records")


def act_none(raw: Raw) -> Rows:
    frame = _chances(raw)
    return [] if act(raw) else frame[frame["p_worst_tenth"] > 0].head(1).to_dict("records")


def act_far(raw: Raw) -> Rows:
    frame = _chances(raw)
    said = {"place": raw.place[raw.subject], "method": sorted(set(frame["method"]))}
    return [said] if len(frame) and (frame["p_worst_tenth"] == 0).all() else []


def together(raw: Raw) -> Rows:
    frame = raw.mine(raw.pairs()).dropna(subset=["lift_low"])
    return top(frame[frame["share_both"] >= 0.01], "lift", 1, "name_a", "name_b")


def widespread(raw: Raw) -> Rows:
    frame = raw.mine(raw.quoted("fct_headcount")).dropna(subset=["estimate"])
    frame = frame[frame["kind"] == "uncensored"]
    return top(frame.assign(name=frame["indicator_id"].map(raw.indicator).str.lower()), "estimate", 3, "name")


def overlap_absent(raw: Raw) -> Rows:
    return [{"quarter": raw.quarter}] if raw.pairs().empty and pd.isna(raw.wave()["survey_wave"]) else []


def missed(raw: Raw) -> Rows:
    frame = raw.mine(raw.quoted("fct_register_audit")).dropna(subset=["share_missed", "missed_households"])
    frame = frame.rename(columns={"share_missed_ci_low": "missed_low", "share_missed_ci_high": "missed_high"})
    return frame.sort_values("register_id").head(1).to_dict("records")


def gap_tally(raw: Raw) -> Rows:
    frame = raw.parts(raw.quoted("fct_register").dropna(subset=["coverage_gap_ci_low"]))
    frame = frame[frame["level_key"] == "finest"]
    short, over = int((frame["coverage_gap_ci_low"] > 0).sum()), int((frame["coverage_gap_ci_high"] < 0).sum())
    return [{"areas": len(frame), "short": short, "over": over, "method": "register"}] if len(frame) else []


def register_absent(raw: Raw) -> Rows:
    return [{"quarter": raw.quarter}] if raw.of("fct_register").empty and len(raw.all("fct_register")) else []


def threatened(raw: Raw) -> Rows:
    names = raw.of("dim_hazard").set_index("hazard_id")["name_en"].str.lower()
    frame = raw.mine(raw.quoted("fct_hazard"))
    frame = frame[frame["share_poor_exposed"] > 0].assign(hazard=lambda f: f["hazard_id"].map(names))
    bounds = {f"share_poor_exposed_ci_{side}": f"poor_{side}" for side in ("low", "high")}
    found = top(frame.rename(columns=bounds), "share_poor_exposed", 1, "hazard_id")
    titles = raw.of("meta_source").set_index("source_id")["title"]
    for row in found:
        own = raw.of("dim_hazard").set_index("hazard_id").loc[row["hazard_id"]]
        told = {
            "basis": "assumed" if own["is_assumption"] else "published",
            "observed": "now" if own["is_of_quarter"] else "before",
        }
        row |= {"basis": f"say_threshold_{told['basis']}", "observed": f"say_hazard_{told['observed']}"}
        row |= {name: own[name] for name in ("threshold", "tolerance", "unit", "observed_from", "observed_to")}
        row |= {"source": titles.get(own["source_id"], own["source_id"])}
    return found


def threshold(raw: Raw) -> Rows:
    words = raw.of("dim_hazard").set_index("hazard_id")["source_of_threshold"]
    return [{"hazard": row["hazard"], "word": words[row["hazard_id"]]} for row in threatened(raw)]


def sure(raw: Raw) -> Rows:
    frame = _known(raw)
    frame = frame[frame["area_id"].str.len() == frame["area_id"].str.len().max()]
    width = frame["ci_high"] - frame["ci_low"]
    said = {"width": width.median(), "areas": len(frame), "wide": int((width > 0.3).sum())}
    level = {"level_key": frame["level_key"].iloc[0], "method": sorted(set(frame["method"]))} if len(frame) else {}
    return [{**said, **level}] if len(frame) else []


def evidence(raw: Raw) -> Rows:
    frame, quarter = raw.mine(raw.statistic("headcount_ratio")), raw.wave()
    if frame.empty or pd.isna(quarter["survey_wave"]):
        return []
    n, sources = frame["n_households"].iloc[0], raw.of("meta_source").set_index("source_id")["title"]
    wave = sources.get(quarter["survey_wave"], quarter["survey_wave"])
    when = "say_before_quarter" if quarter["is_nowcast"] else "say_within_quarter"
    households = None if pd.isna(n) else int(n)
    return [{"method": frame["method"].iloc[0], "households": households, "wave": wave, "when": when}]


def evidence_published(raw: Raw) -> Rows:
    frame = raw.mine(raw.statistic("headcount_ratio"))
    return [{"method": m} for m in frame["method"]] if pd.isna(raw.wave()["survey_wave"]) else []


def overlap_inferred(raw: Raw) -> Rows:
    frame = raw.mine(raw.pairs()).dropna(subset=["lift_low"])
    methods = sorted(set(frame["method"]) - {"direct"}) if pd.isna(raw.wave()["survey_wave"]) else []
    return [{"method": method} for method in methods[:1]]


def nowcast(raw: Raw) -> Rows:
    quarter = raw.wave()
    meanings = {"trend": "say_is_trend", "nowcast": "say_is_nowcast", "persistence": "say_is_carried_on"}
    how = quarter["nowcast_method"]
    return [{"meaning": meanings[how]}] if quarter["is_nowcast"] and how in meanings else []


def _checks(raw: Raw) -> dict[str, int]:
    frame = raw.of("check_result")
    errors = int((~frame["passed"] & (frame["severity"] == "error")).sum())
    return {"checks": len(frame), "failed": int((~frame["passed"]).sum()), "errors": errors}


def checks(raw: Raw) -> Rows:
    said = _checks(raw)
    return [said] if said["failed"] and not said["errors"] else []


def checks_passed(raw: Raw) -> Rows:
    said = _checks(raw)
    return [said] if said["checks"] and not said["failed"] else []


def checks_stopping(raw: Raw) -> Rows:
    said = _checks(raw)
    return [said] if said["errors"] else []


def suppressed(raw: Raw) -> Rows:
    withheld = pd.concat([raw.of(name)["suppressed"] for name in SURVEY_FACTS])
    said = {"figures": len(withheld), "withheld": int(withheld.sum()), "share": float(withheld.mean())}
    return [said] if said["withheld"] else []


def _there(raw: Raw) -> pd.DataFrame:
    """Sources that the quarter had; those that it went without have rows, too."""
    frame = raw.of("meta_source")
    return frame[frame["sha256"].notna()]


def sources(raw: Raw) -> Rows:
    frame = _there(raw)
    said = {"newest": frame["observed_to"].max(), "oldest": frame["observed_to"].min()}
    return [{"sources": len(frame), **said, "licences": sorted(set(frame["licence"]))}] if len(frame) else []


def sources_simulated(raw: Raw) -> Rows:
    frame = _there(raw)
    count = int(frame["is_simulated"].sum())
    return [{"sources": len(frame), "simulated": count}] if count else []


def preliminary(raw: Raw) -> Rows:
    frame = raw.of("meta_source")
    titles = sorted(frame.loc[frame["is_preliminary"].fillna(False).astype(bool), "title"])
    return [{"n": len(titles), "titles": titles}] if titles else []


def revised(raw: Raw) -> Rows:
    frame = raw.of("meta_revision")
    frame = frame[frame["moved"] > 0].sort_values("revision").tail(1)
    own = ["revision", "moved", "figures", "outside"]
    return [{**row[own].astype(int).to_dict(), "on_day": row["built_at"].date()} for _, row in frame.iterrows()]


def uncounted(raw: Raw) -> Rows:
    within = raw.parts(raw.all("dim_area"))
    parts = within[(within["level_key"] == "finest") & (within["area_id"] != raw.subject)].sort_values("area_id")
    lost = parts[parts["population"].isna() & parts["households"].isna()]
    if not 0 < len(lost) < len(parts):
        return []
    alone = ~lost["parent_id"].duplicated(keep=False) & lost["parent_id"].map(parts["parent_id"].value_counts()).eq(1)
    first = lost.assign(alone=alone).sort_values(["alone", "area_id"], ascending=[False, True])["name_en"].iloc[0]
    return [{"place": raw.place[raw.subject], "n": len(lost), "areas": len(parts), "first": first}]


def alike(raw: Raw) -> Rows:
    within = raw.parts(raw.all("dim_area"))
    parts = within[(within["level_key"] == "finest") & (within["area_id"] != raw.subject)]
    known = parts["population"].notna() | parts["households"].notna()
    return [] if known.any() or parts.empty else [{"place": raw.place[raw.subject], "areas": len(parts)}]


def population(raw: Raw) -> Rows:
    return _people(raw, laid=False)


def population_laid(raw: Raw) -> Rows:
    return _people(raw, laid=True)


def _people(raw: Raw, *, laid: bool) -> Rows:
    own = raw.people.loc[raw.subject]
    if pd.isna(own["population"]) or pd.isna(own["observed_on"]) or pd.notna(own["benchmark_on"]) != laid:
        return []
    titles = raw.of("meta_source").set_index("source_id")["title"]
    days = {
        name: None if pd.isna(day) else pd.Timestamp(day).date() for name, day in own.items() if name.endswith("_on")
    }
    total = int(own["benchmark_total"]) if laid else None
    said = {"source": titles.get(own["source_id"], own["source_id"]), "on_day": days["observed_on"]}
    return [{"place": raw.place[raw.subject], **said, "held": days["benchmark_on"], "total": total}]


def prices(raw: Raw) -> Rows:
    return _prices(raw, "own")


def prices_taken(raw: Raw) -> Rows:
    return _prices(raw, "level_above")


def _prices(raw: Raw, basis: str) -> Rows:
    frame = raw.of("price_change").sort_values("shock_id")
    mine = frame[(frame["area_id"] == raw.subject) & (frame["commodity"] == "basket") & (frame["basis"] == basis)]
    names = raw.of("dim_shock").groupby("shock_id")["name_en"].first()
    titles = raw.of("meta_source").set_index("source_id")["title"]
    return [
        {
            "place": raw.place[raw.subject], "shock": names[row["shock_id"]].lower(), "markets": row["n_markets"],
            "rise": row["price_change"], "rise_low": row["price_change_ci_low"], "rise_high": row["price_change_ci_high"],
            "baseline": row["baseline"], "source": titles.get(row["source_id"], row["source_id"]),
        }
        for row in _without_nan(mine.head(1))
    ]  # fmt: skip


PROOFS: dict[str, Callable[[Raw], Rows]] = {
    function.__name__: function
    for function in (
        poor, absent, change_waves, change, change_absent, urban_rural, vulnerable, rank, worst, levels_absent,
        most_poor_people, act, act_none,
        act_far, together, widespread, overlap_absent, missed, gap_tally, register_absent, threatened, sure, evidence,
        evidence_published, overlap_inferred, uncounted, alike, population, population_laid, prices, prices_taken,
        threshold, nowcast, checks, checks_passed, checks_stopping, suppressed, sources,
        preliminary, revised, sources_simulated,
    )
}  # fmt: skip
