"""The published file: its size by table, publication time, and ten analyst queries, for the quarters of a home and for forty.

    python -m benchmarks.bench_published [--home data] [--quarters 40] [--times 5]

Forty quarters are those of the home, again and again under other labels, linked into a lake in a temporary folder. Rows of a quarter
lie together and are packed apart from those of others, so that repetition packs no better than other rows would; but a survey's own
figures lie in the file once for all quarters that have them, so that forty quarters have as many surveys as the home's quarters have:
give it a home of two or three waves, as there are in ten years. The first publication is made from nothing but the lake; the next one
is that of a night on which one quarter has changed, and takes over the others from the first. Queries are the ten questions of
``docs/analyst.md``, medians over ``--times``. Marks: two quarters 60 MB; forty 600 MB, 60 s, each query 100 ms.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import tempfile
import time
from pathlib import Path
from statistics import median

import duckdb
import pandas as pd

from poverty_assets.pack.country import load_country
from poverty_assets.quarter import Quarter
from poverty_assets.warehouse.build import publish
from poverty_assets.warehouse.lake import SEAL, Lake
from poverty_assets.warehouse.provenance import Backing

COUNTRY = "khm"
LAST = Quarter(2026, 3)
ANALYST = Path(__file__).parents[1] / "docs/analyst.md"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--home", type=Path, default=Path("data"))
    parser.add_argument("--quarters", type=int, default=40)
    parser.add_argument("--times", type=int, default=5)
    asked = parser.parse_args()
    base = Lake(asked.home / "lake")
    for number in (len(base.quarters()), asked.quarters):
        with tempfile.TemporaryDirectory() as folder:
            report(repeated(base, Path(folder) / "lake", number), Path(folder) / "w" / "poverty.duckdb", asked.times)


def repeated(base: Lake, root: Path, number: int) -> Lake:
    """A lake of so many quarters up to `LAST`: the files of the base's, under other labels and newly sealed."""
    lake, own = Lake(root), base.quarters()
    for back in range(number):
        quarter, source = LAST.shift(-back), own[-1 - back % len(own)]
        for file in base.root.rglob(f"quarter={source.key}/part.parquet"):
            target = root / file.relative_to(base.root).parent.with_name(f"quarter={quarter.key}") / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            linked(file, target)
        reseal(lake, base.read(SEAL, source)["file"], quarter, source)
    return lake


def linked(file: Path, target: Path) -> None:
    """The file under another name; a copy where the folder lies on another disk."""
    try:
        os.link(file, target)
    except OSError:
        shutil.copyfile(file, target)


def reseal(lake: Lake, names: pd.Series, quarter: Quarter, source: Quarter) -> None:
    """Seal what was sealed of the source."""
    tables = {name.split("/")[0] for name in names if len(name.split("/")) == 3}
    digests = lake.digests(quarter, tables)
    lake.path(SEAL, quarter).unlink(missing_ok=True)
    lake.write(SEAL, quarter, pd.DataFrame(sorted(digests.items()), columns=["file", "sha256"]))


def report(lake: Lake, target: Path, times: int) -> None:
    """Publish the lake twice, and print size, seconds and milliseconds."""
    country, number = load_country(COUNTRY), len(lake.quarters())
    seconds = []
    for before in ("", "found"):
        start = time.perf_counter()
        backing = Backing(before=before and hashlib.sha256(target.read_bytes()).hexdigest())
        publish(lake, target, country, is_simulated=True, run_id="bench", backing=backing)
        seconds.append(time.perf_counter() - start)
        lake.write(SEAL, LAST, lake.read(SEAL, LAST).iloc[::-1])  # another digest: the newest quarter is new
    print(
        f"\n{number} quarters: {target.stat().st_size / 1e6:.0f} MB; {seconds[0]:.1f} s from the lake, {seconds[1]:.1f} s again"
    )
    with duckdb.connect(str(target), read_only=True) as connection:
        for name, size, rows in sorted(sizes(connection), key=lambda one: -one[1])[:12]:
            print(f"  {name:24} {size / 1e6:8.1f} MB {rows:12,} rows {size / max(rows, 1):8.1f} bytes a row")
        asked = questions()
        spent = {what: median(timed(connection, sql) for _ in range(times)) for what, sql in asked.items()}
        for what, ms in spent.items():
            print(f"  {ms:6.0f} ms  {what}")
        print(f"  slowest of {len(spent)} queries: {max(spent.values()):.0f} ms")


def sizes(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, float, int]]:
    """Name, bytes of its blocks, and rows of each table."""
    (block,) = connection.execute("SELECT block_size FROM pragma_database_size()").fetchone() or (0,)
    tables = connection.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall()
    found = []
    for schema, name in tables:
        (blocks,) = connection.execute(
            f"SELECT count(DISTINCT block_id) FILTER (persistent) FROM pragma_storage_info('{schema}.{name}')"
        ).fetchone() or (0,)
        (rows,) = connection.execute(f'SELECT count(*) FROM "{schema}"."{name}"').fetchone() or (0,)
        found.append((name.removesuffix("_rows"), float(blocks * block), int(rows)))
    return found


def questions() -> dict[str, str]:
    """The ten questions of the analyst's page, and their SQL."""
    text = ANALYST.read_text().split("## Ten questions")[1].split("\n## ")[0]
    found = re.findall(r"\*\*(\d+\. .*?)\*\*.*?```sql\n(.*?)```", text, re.DOTALL)
    return dict(found)


def timed(connection: duckdb.DuckDBPyConnection, sql: str) -> float:
    """Milliseconds of a query whose rows are all fetched."""
    start = time.perf_counter()
    connection.execute(sql).fetchall()
    return 1000 * (time.perf_counter() - start)


if __name__ == "__main__":
    main()
