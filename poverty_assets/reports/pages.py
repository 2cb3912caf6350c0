"""Writing every page of a published warehouse.

Belongs here: which pages there are. Does not belong here: what stands on them (``explorer``, ``quarterly``, ``dictionary``).
"""

from __future__ import annotations

from pathlib import Path

from poverty_assets.catalog.columns import FINEST
from poverty_assets.errors import NotObserved
from poverty_assets.pack.country import Country
from poverty_assets.quarter import Quarter

REPORTED = 4
"""Quarters that get a report of their own when the warehouse is published: those that the explorer holds."""


def write_pages(warehouse: Path, folder: Path, country: Country, fonts: Path | None = None) -> list[Path]:
    """Write the explorer, the country's reports of the newest quarters, each area's of the newest and the dictionary; each whole or not
    at all.

    Where no quarter has an estimate there is no explorer. A folder in which fonts are kept adds the PDF and the card of each report of
    the newest quarter.

    Returns
    -------
    list of Path
    """
    from poverty_assets.reports.dictionary import write_dictionary
    from poverty_assets.reports.explorer import write_explorer
    from poverty_assets.reports.passed_on import Forms
    from poverty_assets.reports.quarterly import write_reports

    newest = published_quarters(warehouse)[-REPORTED:]
    reports = write_reports(warehouse, folder, country, newest, None if fonts is None else Forms(fonts).of)
    pages = [*reports, write_dictionary(folder, country)]
    try:
        return [write_explorer(warehouse, folder / "explorer.html", country), *pages]
    except NotObserved:  # quarters of registers and rasters alone have no estimate to draw
        return pages


def published_quarters(warehouse: Path) -> list[Quarter]:
    """Quarters of the file, in order."""
    import duckdb

    with duckdb.connect(str(warehouse), read_only=True) as connection:
        found = connection.execute("SELECT quarter FROM dim_quarter ORDER BY quarter").fetchall()
    return [Quarter.from_key(str(row[0])) for row in found]


def change_pictures(warehouse: Path) -> dict[str, bytes]:
    """Maps of the change of the headcount ratio of small areas up to the newest quarter, one a baseline, with significance."""
    import duckdb

    from poverty_assets.reports.pictures.change import change_map

    sql = f"""
        SELECT c.* FROM fct_change c WHERE c.quarter = (SELECT max(quarter) FROM dim_quarter) AND c.area_level = {FINEST}
          AND c.is_headline AND c.subgroup = 'all' AND c.change = 'absolute' AND c.statistic = 'headcount_ratio'
          AND c.k BETWEEN 0.33 AND 0.34 AND c.method <> 'direct' ORDER BY c.baseline_quarter, c.area_id
    """
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        rows = connection.execute(sql).df()
        areas = connection.execute("SELECT * FROM dim_area").df()
        areas["geometry"] = areas["geometry"].map(bytes)
        found = connection.execute("SELECT bool_or(is_simulated) FROM dim_quarter").fetchone()
    pictures = {}
    for baseline, own in rows.groupby("baseline_quarter", sort=True):
        since, now = (Quarter.containing(day.date()).label for day in (baseline, own["quarter"].iloc[0]))
        title = f"Change of the headcount ratio, {since} to {now}"
        pictures[title] = change_map(own, areas, title, bool(found and found[0]))
    return pictures
