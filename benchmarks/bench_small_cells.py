"""What an attacker finds of small cells that are put into a landing folder on purpose.

    python -m benchmarks.bench_small_cells LANDING [--quarter 2022Q4] [--communes 64]

A copy of the folder gets a survey of some of its communes, four of them with one to four households, and a register that lists under five
households in some (``small_cells``, ``landing`` of the tests); it is refreshed with few replicates, and everything published is attacked:
means and overlap, all sums solved at once; named sets, each over areas and subgroups; the register's table together with its audit.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import pandas as pd

from benchmarks.bench_disclosure import attacked, known_from
from poverty_assets.quarter import Quarter
from poverty_assets.warehouse.lake import Lake
from poverty_assets_tests import small_cells
from poverty_assets_tests.attacker import Told, counted, solved
from poverty_assets_tests.attacker_of_sets import register_cells_found
from poverty_assets_tests.command_line import answer_of
from poverty_assets_tests.landing import list_few

_TOGETHER = 8  # communes that are surveyed beside each other


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("landing", type=Path)
    parser.add_argument("--quarter", default="2022Q4")
    parser.add_argument("--communes", type=int, default=64)
    asked = parser.parse_args()
    os.environ |= {"POVERTY_ASSETS_REPLICATES": "20", "POVERTY_ASSETS_PASSED_ON": "false"}
    with TemporaryDirectory() as made:
        landing, home = Path(shutil.copytree(asked.landing, Path(made, "landing"))), Path(made, "home")
        put_in(landing, asked.communes)
        done = answer_of(home, "refresh", "--quarter", asked.quarter, "--sources", "landing", "--landing", landing)
        if done.code:
            raise SystemExit(done.err)
        say(home, Quarter.from_label(asked.quarter))


def put_in(landing: Path, n_communes: int) -> None:
    """Put small cells into a landing folder."""
    (register,) = (landing / "registers").glob("prism_idpoor_communes_*.json")
    codes = sorted(row["Adm3_text"] for row in json.loads(register.read_text(encoding="utf-8"))["DataList"])
    starts = np.linspace(0, len(codes) - _TOGETHER, n_communes // _TOGETHER).astype(int)
    chosen = [code for start in starts for code in codes[start : start + _TOGETHER]]
    small_cells.land(landing / "survey" / "dhs_2021_22", chosen, also=(0, 10))
    list_few(landing / "registers", [*chosen[:6], *chosen[40:42], codes[len(codes) // 2]])


def say(home: Path, quarter: Quarter) -> None:
    """Print what is found of each kind."""
    with duckdb.connect(str(home / "warehouse/poverty.duckdb"), read_only=True) as warehouse:
        known, parent = known_from(home, warehouse)
        print("means and overlap, all sums solved at once")
        print(attacked(known, parent).to_string())
        lake = Lake(home / "lake")
        households = lake.read("survey_household", quarter)
        print("named sets: of {} secret ones, {} follow".format(*of_sets(households, known, parent, warehouse)))
        counts = lake.read("register_count", quarter).dropna(subset="listed")
        finest = warehouse.execute("SELECT area_id FROM dim_area WHERE area_level = 'commune'").df()["area_id"]
        counts = counts[counts["area_id"].isin(finest)]
        found = register_cells_found(counts, parent, warehouse)
        print(f"register: of {(counts['listed'] < 5).sum()} communes with under five listed, {len(found)} follow")


def of_sets(
    households: pd.DataFrame, known: Told, parent: dict[str, str], warehouse: duckdb.DuckDBPyConnection
) -> tuple[int, int]:
    """How many sets of cells are secret (of a small cell, or held by one to four), and how many follow over areas and subgroups."""
    names = warehouse.execute("SELECT DISTINCT indicators FROM fct_profile").fetchall()[0][0]
    households = households.dropna(subset=names).reset_index(drop=True)
    mask = households[names].to_numpy(dtype=int) @ (1 << np.arange(len(names)))
    sets = np.unique(mask)
    n, _ = counted(households, parent, (mask[:, None] == sets).astype(float))
    keys, small = ["area_id", "subgroup"], (known.cells["n_households"] < 25).to_numpy()
    sql = "SELECT area_id, subgroup, bundle_mask FROM fct_bundle WHERE method = 'direct' AND NOT suppressed"
    named = warehouse.execute(sql).df()
    n_secret, n_found = 0, 0
    for column, one in enumerate(sets):
        total = n[column].to_numpy()
        shown = n.index.isin(pd.MultiIndex.from_frame(named.loc[named["bundle_mask"] == one, keys]))
        cells = n.index.to_frame(index=False).set_axis(keys, axis=1).assign(total=total, known=shown)
        secret = set(cells.loc[(total > 0) & (small | (total < 5)), keys].itertuples(index=False, name=None))
        n_secret += len(secret)
        n_found += len(solved(cells, parent)[0] & secret) if shown.any() else 0
    return n_secret, n_found


if __name__ == "__main__":
    main()
