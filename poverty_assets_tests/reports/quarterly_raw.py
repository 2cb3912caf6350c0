"""Whole tables of a warehouse, for proofs that share no query with the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from poverty_assets.quarter import Quarter
from poverty_assets_tests.made_country import BETWEEN, FINEST, PUBLISHED, ROOT

Rows = list[dict[str, Any]]


class Raw:
    """Whole tables of a warehouse, what a quarter is compared with, and the area that is asked of."""

    def __init__(self, warehouse: Path, quarter: Quarter, subject: str = "KH") -> None:
        self.connection, self.quarter = duckdb.connect(str(warehouse), read_only=True), pd.Timestamp(quarter.start)
        self.read: dict[str, pd.DataFrame] = {}
        self.measure = self.all("fct_mpi").query("quarter == @self.quarter")["measure_id"].mode().iloc[0]
        against = sorted(self.of("fct_change").query("area_level == 'country'")["baseline_quarter"].unique())
        year_before = pd.Timestamp(quarter.shift(-4).start)
        self.baseline = year_before if year_before in against else (against[-1] if against else None)
        self.indicator = (
            self.all("dim_indicator").query("measure_id == @self.measure").set_index("indicator_id")["name_en"]
        )
        self.area = self.all("dim_area").set_index("area_id")
        self.place = {code: _place(self.area, code) for code in self.area.index}
        self.people = self.of("fct_population").query("age_group == 'all'").set_index("area_id")
        self.subject = subject

    def on(self, subject: str) -> Raw:
        """The same, asked of another area."""
        self.subject = subject
        return self

    def mine(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Rows of the area that is asked of, with its name as people say it."""
        return frame[frame["area_id"] == self.subject].assign(place=self.place[self.subject])

    def parts(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Rows of the areas within it, by their codes, each with its name, people and what its level is called by role."""
        code = frame["area_id"]
        own = frame[code.str.startswith(self.subject.replace(ROOT, "")) & (code != self.subject) & (code != ROOT)]
        role = {PUBLISHED: "published", BETWEEN: "between", FINEST: "finest"}
        return own.assign(
            place=own["area_id"].map(self.place), population=own["area_id"].map(self.people["population"]).astype(float),
            level_key=own["area_level"].map(role),
        )  # fmt: skip

    def all(self, name: str) -> pd.DataFrame:
        if name in self.read:
            return self.read[name]
        without = "EXCLUDE (geometry)" if name == "dim_area" else ""
        frame = self.connection.execute(f"SELECT * {without} FROM {name}").df()
        for column in ("quarter", "baseline_quarter"):
            if column in frame:
                frame[column] = pd.to_datetime(frame[column]).astype("datetime64[s]")
        self.read[name] = frame
        return frame

    def of(self, name: str) -> pd.DataFrame:
        frame = self.all(name)
        return frame[frame["quarter"] == self.quarter]

    def quoted(self, name: str) -> pd.DataFrame:
        frame = self.of(name)
        frame = frame[frame["is_headline"] & ~frame["suppressed"]]
        if "subgroup" in frame:
            frame = frame[frame["subgroup"] == "all"]
        return frame[frame["measure_id"] == self.measure] if "measure_id" in frame else frame

    def statistic(self, name: str, k: float | None = 1 / 3) -> pd.DataFrame:
        frame = self.quoted("fct_mpi")
        frame = frame[(frame["statistic"] == name) & frame["estimate"].notna()]
        return frame if k is None else frame[(frame["k"] - k).abs() < 1e-3]

    def pairs(self) -> pd.DataFrame:
        frame = self.quoted("fct_overlap_pair")
        names = {"name_a": self._lower(frame["indicator_a"]), "name_b": self._lower(frame["indicator_b"])}
        return frame.assign(**names).rename(columns={"lift_ci_low": "lift_low", "lift_ci_high": "lift_high"})

    def changes(self, *, between_surveys: bool = False) -> pd.DataFrame:
        frame = self.quoted("fct_change")
        third = (frame["k"] - 1 / 3).abs() < 1e-3
        frame = frame[third & (frame["statistic"] == "headcount_ratio") & (frame["change"] == "absolute")]
        baseline = self.baseline
        if between_surveys:
            frame = frame[frame["method"] == "direct"]
            against = set(frame["baseline_quarter"])
            baseline = baseline if baseline in against else max(against, default=None)
        return frame[frame["baseline_quarter"] == baseline].dropna(subset=["ci_low"])

    def ranks(self) -> pd.DataFrame:
        frame = self.quoted("fct_rank").dropna(subset=["rank"])
        return frame[(frame["statistic"] == "headcount_ratio") & ((frame["k"] - 1 / 3).abs() < 1e-3)]

    def wave(self) -> dict[str, Any]:
        return self.of("dim_quarter").iloc[0].to_dict()

    def _lower(self, ids: pd.Series) -> pd.Series:
        return ids.map(self.indicator).str.lower()


def _place(area: pd.DataFrame, code: str) -> str:
    name, level, parent = area.loc[code, ["name_en", "area_level", "parent_id"]]
    if level == BETWEEN:
        return f"{name} ({area.loc[parent, 'name_en']})"
    if level == FINEST:
        return f"{name} ({area.loc[parent, 'name_en']}, {area.loc[area.loc[parent, 'parent_id'], 'name_en']})"
    return name


def top(frame: pd.DataFrame, by: str, count: int, *ties: str) -> Rows:
    ascending = [False] + [True] * len(ties)
    return frame.sort_values([by, *ties], ascending=ascending, kind="stable").head(count).to_dict("records")
