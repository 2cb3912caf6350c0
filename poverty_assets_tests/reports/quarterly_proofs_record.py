"""Proofs of the report's sentences about registers, hazards, the quality of figures, and sources.

Belongs here: what ``quarterly_proofs`` is for, for those sections.
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from poverty_assets_tests.reports.quarterly_raw import Raw, Rows, level_of, top

SURVEY_FACTS = (
    "fct_mpi",
    "fct_headcount",
    "fct_contribution",
    "fct_overlap_pair",
    "fct_deprivation_count",
    "fct_bundle",
)


def register_country(raw: Raw) -> Rows:
    return (
        level_of(raw.quoted("fct_register"), "country")
        .dropna(subset=["rate"])
        .sort_values("register_id")
        .head(1)
        .to_dict("records")
    )


def gap_tally(raw: Raw) -> Rows:
    frame = raw.gaps()
    said = {
        "areas": len(frame),
        "short": int((frame["gap_low"] > 0).sum()),
        "over": int((frame["gap_high"] < 0).sum()),
    }
    return [said] if len(frame) else []


def gap_largest(raw: Raw) -> Rows:
    frame = raw.gaps()
    return top(frame[frame["gap_low"] > 0], "coverage_gap", 2, "area_id")


def gap_none(raw: Raw) -> Rows:
    frame = raw.gaps()
    return [{"areas": len(frame)}] if len(frame) and not (frame["gap_low"] > 0).any() else []


def gap_skill(raw: Raw) -> Rows:
    scores = raw.of("model_metric").query("metric == 'spearman' and fold_design == 'block50km'")
    scores = scores[scores["target_kind"] == "register_rate"]
    return (
        scores.merge(raw.of("model_run")[["target_kind", "target", "learner"]])
        .sort_values("target")
        .head(1)
        .to_dict("records")
    )


def register_absent(raw: Raw) -> Rows:
    return [{"quarter": raw.quarter}] if raw.of("fct_register").empty and len(raw.all("fct_register")) else []


def audit_country(raw: Raw) -> Rows:
    frame = level_of(raw.quoted("fct_register_audit"), "country").dropna(subset=["share_missed", "missed_households"])
    frame = frame.rename(columns={"share_missed_ci_low": "missed_low", "share_missed_ci_high": "missed_high"})
    return frame.sort_values("register_id").head(1).to_dict("records")


def _hazards(raw: Raw, level: str) -> pd.DataFrame:
    names = raw.of("dim_hazard").set_index("hazard_id")["name_en"].str.lower()
    frame = level_of(raw.quoted("fct_hazard"), level)
    new = {"share_exposed": "exposed", "share_poor_exposed": "poor"}
    bounds = {f"{old}_ci_{side}": f"{name}_{side}" for old, name in new.items() for side in ("low", "high")}
    return frame.rename(columns=bounds).assign(
        hazard=lambda f: f["hazard_id"].map(names), place=lambda f: f["area_id"].map(raw.place)
    )


def hazard_country(raw: Raw) -> Rows:
    return top(_hazards(raw, "country").dropna(subset=["share_exposed"]), "share_exposed", 4, "hazard_id")


def hazard_poor(raw: Raw) -> Rows:
    widest = [row["hazard_id"] for row in hazard_country(raw) if row["share_exposed"] > 0]
    frame = _hazards(raw, "province")
    frame = frame[frame["hazard_id"].isin(widest[:1]) & (frame["share_poor_exposed"] > 0)]
    return top(frame, "share_poor_exposed", 1, "area_id")


def near_poor_exposed(raw: Raw) -> Rows:
    frame = level_of(raw.quoted("fct_vulnerability"), "country").dropna(subset=["exposed_near_poor"])
    new = {f"exposed_near_poor_ci_{side}": f"exposed_{side}" for side in ("low", "high")}
    return frame.rename(columns=new).sort_values("shock_id").head(1).to_dict("records")


def _shocks(raw: Raw, level: str) -> pd.DataFrame:
    names = raw.of("dim_shock").drop_duplicates("shock_id").set_index("shock_id")["name_en"].str.lower()
    frame = level_of(raw.quoted("fct_vulnerability"), level).dropna(subset=["expected_new_poor_ci_low"])
    frame = frame.rename(columns={f"expected_new_poor_ci_{side}": f"new_{side}" for side in ("low", "high")})
    return frame.assign(shock=lambda f: f["shock_id"].map(names), place=lambda f: f["area_id"].map(raw.place))


def shock_country(raw: Raw) -> Rows:
    return top(_shocks(raw, "country"), "expected_new_poor", 4, "shock_id")


def shock_where(raw: Raw) -> Rows:
    frame = _shocks(raw, "province")
    frame = frame[frame["shock_id"].isin([row["shock_id"] for row in shock_country(raw)[:1]])]
    return top(frame, "expected_new_poor", 1, "area_id")


def hot_spots(raw: Raw) -> Rows:
    hot = raw.quoted("fct_hot_spot").drop_duplicates("area_id")["n_hot"]
    said = {"areas": len(hot), "hot": int((hot > 0).sum()), "several": int((hot > 2).sum())}
    return [said] if len(hot) else []


def nowcast(raw: Raw) -> Rows:
    quarter = raw.wave()
    meanings = {
        "trend": "say_is_trend",
        "nowcast": "say_is_nowcast",
        "persistence": "say_is_carried_on",
    }
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


def checks_failed(raw: Raw) -> Rows:
    frame = raw.of("check_result")
    by, ascending = ["severity", "failing_rows", "table_name", "check_name"], [True, False, True, True]
    return frame[~frame["passed"]].sort_values(by, ascending=ascending).head(3).to_dict("records")


def _communes(raw: Raw) -> pd.DataFrame:
    return level_of(raw.statistic("headcount_ratio"), "commune")


def flags(raw: Raw) -> Rows:
    frame = _communes(raw)
    flagged = frame[frame["quality_flag"] != "ok"]
    counts = (
        flagged["quality_flag"]
        .str.split(",")
        .explode()
        .value_counts()
        .sort_index()
        .sort_values(ascending=False, kind="stable")
    )
    if counts.empty:
        return []
    return [{"areas": len(frame), "flagged": len(flagged), "flag": counts.index[0], "times": int(counts.iloc[0])}]


def flags_none(raw: Raw) -> Rows:
    frame = _communes(raw)
    return [{"areas": len(frame)}] if len(frame) and (frame["quality_flag"] == "ok").all() else []


def screening(raw: Raw) -> Rows:
    frame = raw.of("screening")
    frame = frame[(frame["method"] == "direct") & (frame["indicator_id"] == "all") & (frame["verdict"] != "fine")]
    level = raw.all("dim_level").set_index("area_level")
    said = [
        {"many": level.loc[row["area_level"], "plural_en"], "depth": level.loc[row["area_level"], "depth"], "verdict": row["verdict"],
         "without": row["share_without_data"], "few": row["share_few_clusters"]}
        for row in frame.to_dict("records")
    ]  # fmt: skip
    return sorted(said, key=lambda row: row["depth"])


def width(raw: Raw) -> Rows:
    frame = raw.statistic("headcount_ratio").dropna(subset=["ci_low"])
    middle = (frame["ci_high"] - frame["ci_low"]).groupby(frame["area_level"]).median()
    return [
        {"level": level, "width": middle[level]} for level in ("province", "district", "commune") if level in middle
    ]


def wide(raw: Raw) -> Rows:
    frame = _communes(raw).dropna(subset=["ci_low"])
    count = int((frame["ci_high"] - frame["ci_low"] > 0.3).sum())
    return [{"wide": count, "areas": len(frame)}] if count else []


def evidence(raw: Raw) -> Rows:
    counts = _communes(raw)["method"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    return [{"method": method, "areas": int(n)} for method, n in counts.items()]


def suppressed(raw: Raw) -> Rows:
    withheld = pd.concat([raw.of(name)["suppressed"] for name in SURVEY_FACTS])
    said = {"figures": len(withheld), "withheld": int(withheld.sum()), "share": float(withheld.mean())}
    return [said] if said["withheld"] else []


def _sources(raw: Raw) -> tuple[pd.DataFrame, pd.DataFrame]:
    both = raw.all("meta_source")
    return (both[both["quarter"] == day].set_index("source_id") for day in (raw.quarter, raw.previous))


def sources(raw: Raw) -> Rows:
    frame = raw.of("meta_source")
    said = {"newest": frame["observed_to"].max(), "oldest": frame["observed_to"].min()}
    return [{"sources": len(frame), **said, "licences": sorted(set(frame["licence"]))}] if len(frame) else []


def sources_newer(raw: Raw) -> Rows:
    now, before = _sources(raw)
    same = now.loc[now.index.intersection(before.index)]
    newer = same[same["sha256"] != before.loc[same.index, "sha256"]]
    shown = newer.sort_values(["observed_to", "title"], ascending=[False, True]).head(6)
    return [{"previous": raw.previous, "title": title, "count": len(newer)} for title in shown["title"]]


def sources_added(raw: Raw) -> Rows:
    now, before = _sources(raw)
    added = now.loc[now.index.difference(before.index)].sort_values("title").head(6) if len(before) else now.head(0)
    return [{"previous": raw.previous, **row} for row in added.to_dict("records")]


def sources_gone(raw: Raw) -> Rows:
    now, before = _sources(raw)
    gone = before.loc[before.index.difference(now.index)].sort_values("title").head(6)
    return [{"previous": raw.previous, "title": title} for title in gone["title"]]


def sources_same(raw: Raw) -> Rows:
    now, before = _sources(raw)
    same = (
        len(before)
        and set(now.index) == set(before.index)
        and (now["sha256"] == before["sha256"].reindex(now.index)).all()
    )
    return [{"previous": raw.previous}] if same else []


def sources_first(raw: Raw) -> Rows:
    return [{"quarter": raw.quarter}] if raw.previous is None else []


def sources_simulated(raw: Raw) -> Rows:
    frame = raw.of("meta_source")
    count = int(frame["is_simulated"].sum())
    return [{"sources": len(frame), "simulated": count}] if count else []


RECORD_PROOFS: dict[str, Callable[[Raw], Rows]] = {
    function.__name__: function
    for function in (
        register_country, gap_tally, gap_largest, gap_none, gap_skill, register_absent, checks, checks_passed,
        checks_stopping, checks_failed, flags, flags_none, screening, width, wide, evidence, suppressed, sources, sources_newer,
        audit_country, hazard_country, hazard_poor, near_poor_exposed, shock_country, shock_where, hot_spots, nowcast,
        sources_added, sources_gone, sources_same, sources_first, sources_simulated,
    )
}  # fmt: skip
