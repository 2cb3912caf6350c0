"""Every joint figure of a whole country from one aggregate by bitmask, against one scan of the same columns by DuckDB.

    python -m benchmarks.bench_masks [--runs 7]

3.6 million households x 10 indicators in 1,661 communes, in a Parquet file of 10 indicator columns, weight, household size,
two subgroup columns and the commune. Measured, in a process of its own and turn about:

- floor: DuckDB with 2 threads reads those columns once and sums by commune: persons, persons deprived in each of the ten
  indicators, and the subgroup columns. A narrower floor reads and sums only weight and indicators.
- figures: the file to H, A, M0 at three cut-offs, uncensored and censored headcounts, counts, nine statistics of 45 pairs
  and the 30 most frequent bundles with their expected shares, for country, provinces, districts and communes and six subgroups.

The target is 3 times the floor and 2 GB of memory.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.measure.measure import Cutoffs, Measure
from poverty_assets.measurement.bundles import expected_shares, top_profiles
from poverty_assets.measurement.coding import Columns
from poverty_assets.measurement.joint import figures_of_totals, joint_columns
from poverty_assets.measurement.masks import cells_of, count_masks_parquet

HOUSEHOLDS, COMMUNES, INDICATORS = 3_600_000, 1_661, 10
NAMES = [f"d{j}" for j in range(INDICATORS)]


def communes() -> np.ndarray:
    number = np.arange(COMMUNES)
    return np.array([f"{1 + i // 67:02d}{1 + i % 67 // 8:02d}{1 + i % 67 % 8:02d}" for i in number], dtype=object)


def areas() -> pd.DataFrame:
    codes = sorted({code[:n] for code in communes() for n in (2, 4, 6)})
    level = {2: "province", 4: "district", 6: "commune"}
    return pd.DataFrame(
        {"area_id": codes, "area_level": [level[len(c)] for c in codes], "parent_id": [c[:-2] or "KH" for c in codes]}
    )


def write_households(path: Path, n: int = HOUSEHOLDS, seed: int = 1) -> None:
    """Households sorted by commune, a million at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(seed)
    of_commune, bars = 0.7 * rng.normal(size=COMMUNES), rng.uniform(-0.2, 1.5, INDICATORS)
    writer = None
    for first in range(0, n, 1_000_000):
        number = min(1_000_000, n - first)
        commune = ((first + np.arange(number)) * COMMUNES // n).astype(np.int32)
        hardship = rng.normal(size=number) + of_commune[commune]
        columns: dict[str, Any] = {
            name: (0.8 * hardship + rng.normal(size=number) > bar).astype(np.uint8)
            for name, bar in zip(NAMES, bars, strict=True)
        }
        columns["weight"] = rng.uniform(0.5, 2, number)
        columns["hh_size"] = rng.integers(1, 9, number).astype(np.uint8)
        columns["is_urban"] = rng.random(number) < 0.3
        columns["land_class"] = rng.integers(0, 3, number).astype(np.uint8)
        columns["area_id"] = pa.DictionaryArray.from_arrays(pa.array(commune), pa.array(communes()))
        table = pa.table(columns)
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table, row_group_size=122_880)
    if writer is not None:
        writer.close()


def figures(path: Path, measure: Measure, tree: Hierarchy) -> tuple[Any, Any]:
    counts = count_masks_parquet(path, Columns(tuple(NAMES), ("is_urban", "land_class"), psu=None))
    cells = cells_of(counts, tree)
    joint = figures_of_totals(cells.rollup @ (counts.weight @ joint_columns(counts.masks, measure)), measure)
    cell, column, share, rank = top_profiles(counts, cells)
    expected = expected_shares(counts.masks[column].astype(np.int64), joint.uncensored, cell)
    return joint, (cell, column, share, rank, expected)


def floors(path: Path) -> dict[str, Callable[[], Any]]:
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET threads = 2")

    def query(select: str) -> Callable[[], Any]:
        return lambda: connection.execute(
            f"SELECT area_id, {select} FROM read_parquet(?) GROUP BY area_id", [str(path)]
        ).fetchnumpy()

    people = ", ".join(f"sum(weight * hh_size * {name})" for name in NAMES)
    households = ", ".join(f"sum(weight * {name})" for name in NAMES)
    return {
        "floor": query(f"sum(weight * hh_size), {people}, sum(is_urban::INT), sum(land_class)"),
        "narrow": query(f"sum(weight), {households}"),
    }


def measure_all(path: Path, runs: int) -> None:
    weights = {name: Fraction(1, 6) if j < 4 else Fraction(1, 18) for j, name in enumerate(NAMES)}
    measure, tree = (
        Measure.of_weights("bench", weights, Cutoffs(Fraction(1, 5), Fraction(1, 3), Fraction(1, 2))),
        Hierarchy.of(areas(), root="KH"),
    )
    tasks: dict[str, Callable[[], Any]] = {"figures": lambda: figures(path, measure, tree)}
    tasks["figures"]()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    tasks |= floors(path)
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    processor: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(runs + 1):
        for name, task in tasks.items():
            wall, own = time.perf_counter(), time.process_time()
            task()
            seconds[name].append(time.perf_counter() - wall)
            processor[name].append(time.process_time() - own)
    middle = {name: float(np.median(values[1:])) for name, values in seconds.items()}
    for name in tasks:
        print(
            f"{name:8} {middle[name]:.3f} s (least {min(seconds[name][1:]):.3f}), processor {np.median(processor[name][1:]):.3f} s"
        )
    ratios = [a / b for a, b in zip(seconds["figures"][1:], seconds["floor"][1:], strict=True)]
    print(
        f"figures / floor: {middle['figures'] / middle['floor']:.2f} (median of ratios {np.median(ratios):.2f}; target 3)"
    )
    print(f"figures / narrow floor: {middle['figures'] / middle['narrow']:.2f}")
    last = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(
        f"peak memory: {peak:.2f} GB after one run, {last:.2f} GB after {runs + 2} with DuckDB in the same process (target 2)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--file", type=Path, help="measure on this file, as written by an earlier call")
    chosen = parser.parse_args()
    if chosen.file:
        measure_all(chosen.file, chosen.runs)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "households.parquet"
        write_households(path)
        # Another process, so that making the households does not count as memory of measuring them.
        command = [sys.executable, "-m", "benchmarks.bench_masks"]
        subprocess.run([*command, "--runs", str(chosen.runs), "--file", str(path)], check=True)


if __name__ == "__main__":
    main()
