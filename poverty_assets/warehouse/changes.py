"""Changes between published quarters, made when the warehouse is built.

Belongs here: which pairs of quarters the file holds, and their rows of ``fct_change``. Does not belong here: the difference of two
estimates and its interval (``small_area.time.change``), or change between survey waves, which is in the lake.

A quarter's files in the lake depend on no other quarter, so that backfills share nothing; what compares two quarters is made
from both when both are published. Where boundaries of another edition came between them, the earlier quarter is brought onto the areas of
the later one. Pairs whose quarters are as they were are taken over from the file before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from poverty_assets.catalog import table
from poverty_assets.geography.crosswalk import CodeChanges, map_codes
from poverty_assets.pack.country import Country
from poverty_assets.pack.editions import Parts
from poverty_assets.quarter import Quarter
from poverty_assets.small_area.time.change import Apart, baselines, changes
from poverty_assets.small_area.time.on_edition import OnEdition, on_edition
from poverty_assets.warehouse.headline import flagged_late
from poverty_assets.warehouse.lake import Lake
from poverty_assets.warehouse.narrow import Rows, literal

if TYPE_CHECKING:
    import duckdb

DRAWS = "area_draw"
LATE_SOURCE = "late_source"
_COLUMNS = [column.name for column in table("fct_change").columns]
_FIGURE = [name for name in table("fct_change").key if name != "method"]


@dataclass(frozen=True)
class ChangesHeld:
    """What the file being made has of changes.

    Attributes
    ----------
    sealed : list of Quarter
        Quarters of the lake.
    unchanged : set of Quarter
        Those whose files are the ones that the file before (attached as ``old``) was built from.
    kept : collection of Quarter
        Those that stay as that file has them: what an unchanged quarter's change since then is stands there, too.
    own : mapping of Quarter to Rows
        Rows of ``fct_change`` that the quarters have in the lake.
    beside : Path
        The file; what is made is written beside it, under its name and more.
    is_renewed : bool
        Whether the file is a copy of the one before, in which pairs stand whose quarters are as they were.
    """

    sealed: list[Quarter]
    unchanged: set[Quarter]
    kept: Collection[Quarter]
    own: Mapping[Quarter, Rows]
    beside: Path
    is_renewed: bool = False


def made_changes(
    connection: duckdb.DuckDBPyConnection, lake: Lake, country: Country, held: ChangesHeld
) -> Iterator[Rows]:
    """Rows of quarter against quarter and year against year for the quarters of the lake."""
    read: dict[Quarter, tuple[pd.DataFrame, dict[str, Any]]] = {}
    for quarter in sorted(held.sealed):
        for baseline in baselines(quarter, [*held.sealed, *held.kept]):
            if {quarter, baseline} <= {*held.unchanged, *held.kept}:
                if not held.is_renewed:
                    yield _taken_over(quarter, baseline)
                continue
            if baseline in held.kept:  # the lake does not hold what is published of it
                continue
            for one in (quarter, baseline):
                if one not in read:
                    read[one] = (lake.read(DRAWS, one), lake.notes(DRAWS, one)) if lake.has(DRAWS, one) else _NONE
            rows = _pair(_Pair(lake, country, quarter, baseline), read[quarter], read[baseline])
            if len(rows):
                path = held.beside.with_name(f"{held.beside.name}.{quarter.key}.{baseline.key}.parquet")
                _write(connection, rows.assign(quarter=quarter.start), held.own.get(quarter), path)
                yield Rows("SELECT * FROM read_parquet(?)", (str(path),))
        read = {one: frame for one, frame in read.items() if one >= quarter.shift(-3)}


_NONE: tuple[pd.DataFrame, dict[str, Any]] = (pd.DataFrame(), {})


@dataclass(frozen=True)
class _Pair:
    """A quarter and the one that it is compared with."""

    lake: Lake
    country: Country
    quarter: Quarter
    baseline: Quarter

    @property
    def late(self) -> pd.DataFrame:
        """What either quarter went without because it was late (lake: ``late_source``)."""
        both = [one for one in (self.quarter, self.baseline) if self.lake.has(LATE_SOURCE, one)]
        frames = [self.lake.read(LATE_SOURCE, one) for one in both]
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()

    def on_one_edition(self, rows: pd.DataFrame) -> tuple[OnEdition, str | None]:
        """Figures of the baseline on the areas of the quarter, and the edition of these; as they are where both are of one."""
        now, then = (self.lake.read("dim_area", one) for one in (self.quarter, self.baseline))
        edition, earlier = (_edition(areas) for areas in (now, then))
        if edition is None or earlier is None or edition == earlier:
            return OnEdition(rows, frozenset()), edition
        return on_edition(rows, _became(then, now, self.country, earlier, edition), then, now), edition


def _became(then: pd.DataFrame, now: pd.DataFrame, country: Country, earlier: str, edition: str) -> Parts:
    """What finest areas of an earlier edition became, by the rules that codes of sources are placed by."""
    finest = then[then["area_level"] == country.levels.finest].rename(columns={"area_id": "area_code"})
    codes = finest[["area_code", "name_en"]].reset_index(drop=True)
    changed = CodeChanges(country.editions.between(earlier, edition), first=True)
    rows = map_codes("areas", codes, now, country, set(codes["area_code"]), f"areas of edition {earlier}", changed)
    parts: dict[str, tuple[tuple[str, float], ...]] = {}
    for row in rows.itertuples():
        own = ((row.area_id, row.weight),) if isinstance(row.area_id, str) else ()
        parts[row.source_code] = (*parts.get(row.source_code, ()), *own)
    return parts


def _edition(areas: pd.DataFrame) -> str | None:
    found = areas["edition"].dropna()
    return str(found.iloc[0]) if len(found) else None


def _pair(
    pair: _Pair, now: tuple[pd.DataFrame, dict[str, Any]], before: tuple[pd.DataFrame, dict[str, Any]]
) -> pd.DataFrame:
    quarter, baseline = pair.quarter, pair.baseline
    if now[0].empty or before[0].empty or now[1].get("wave") is None or before[1].get("wave") is None:
        return pd.DataFrame()
    drift, carried = now[1].get("drift_per_year"), now[1].get("wave_error_correlation")
    earlier, edition = pair.on_one_edition(before[0])
    apart = Apart(
        baseline_quarter=baseline.start,
        years=(quarter.start - baseline.start).days / 365.25,
        same_wave=now[1]["wave"] == before[1]["wave"],
        drift_variance=None if drift is None else float(drift),
        carried=0.0 if carried is None else float(carried),
        edition=edition,
        made=earlier.made,
    )
    rows = changes(now[0], earlier.rows, apart, measure_id=str(now[1]["measure_id"]))
    return rows.assign(quality_flag=flagged_late("fct_change", rows, pair.late)) if len(pair.late) else rows


def _write(connection: duckdb.DuckDBPyConnection, rows: pd.DataFrame, own: Rows | None, path: Path) -> None:
    """Rows are quoted but where the file holds another one of the same figure, as change between waves."""
    connection.register("made", rows)
    types = {column.name: column.type for column in table("fct_change").columns}
    picked = ", ".join(f"CAST(m.{name} AS {types[name]}) AS {name}" for name in _COLUMNS if name != "is_headline")
    same = " AND ".join(f"f.{name} = m.{name}" for name in _FIGURE)
    others, values = (own.sql, list(own.values)) if own else ("SELECT * FROM made WHERE false", [])
    connection.execute(
        f"COPY (SELECT {picked}, f.quarter IS NULL AS is_headline FROM made m"
        f" LEFT JOIN (SELECT DISTINCT {', '.join(_FIGURE)} FROM ({others})) f ON {same}) TO {literal(str(path))} (FORMAT parquet)",
        values,
    )
    connection.unregister("made")


def _taken_over(quarter: Quarter, baseline: Quarter) -> Rows:
    return Rows(
        f"SELECT {', '.join(_COLUMNS)} FROM old.main.fct_change"
        " WHERE quarter = ? AND baseline_quarter = ? AND method <> 'direct'",
        (quarter.start, baseline.start),
    )
