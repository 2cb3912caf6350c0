"""Who knows named sets and classes beside all other figures, and a register's table beside its audit.

Belongs here: what ``attacker`` follows for a whole country, for small surveys taken to everything that is published, without any code of
the package. Does not belong here: solving (``attacker``).
"""

from __future__ import annotations

from collections import defaultdict

import duckdb
import numpy as np
import pandas as pd
from scipy.linalg import block_diag

from poverty_assets_tests.attacker import Told, counted, figures_of, indicators_of, solved


def with_sets_and_classes(
    known: Told, households: pd.DataFrame, parent: dict[str, str], warehouse: duckdb.DuckDBPyConnection
) -> Told:
    """What direct rows tell, with each set that somebody holds, and each class; identities are everything linear that figures and sets add
    up to, found over all sets that there could be, and that classes add up to 1: their published probabilities are rounded."""
    names = warehouse.execute("SELECT DISTINCT indicators FROM fct_profile").fetchall()[0][0]
    bits = np.arange(1 << len(names))[:, None] >> np.arange(len(names)) & 1
    classes = _classes(bits, names, warehouse)
    households = households.dropna(subset=names).reset_index(drop=True)
    mask = households[names].to_numpy(dtype=int) @ (1 << np.arange(len(names)))
    sets = np.unique(mask)
    further = [*(("set", int(one)) for one in sets), *(("class", one + 1) for one in range(classes.shape[1]))]
    n, _ = counted(households, parent, np.column_stack([mask[:, None] == sets, classes[mask] >= 0.5]).astype(float))
    cells = pd.MultiIndex.from_frame(known.cells[["area_id", "subgroup"]])
    shown = np.zeros((len(cells), len(further)), dtype=bool)
    for table, kind, column in (("fct_bundle", "set", "bundle_mask"), ("fct_typology", "class", "class_id")):
        sql = f"SELECT area_id, subgroup, {column} FROM {table} WHERE method = 'direct' AND NOT suppressed"
        for area, subgroup, one in warehouse.execute(sql).fetchall():
            if (kind, one) in further:
                shown[cells.get_loc((area, subgroup)), further.index((kind, one))] = True
    figures = figures_of(bits, indicators_of(warehouse, names))
    columns = [*(figures[one] for one in known.figures), *(np.arange(len(bits)) == one for one in sets)]
    linear = _everything_linear(np.column_stack(columns).astype(float))
    of_classes = np.ones((1, classes.shape[1]))
    return Told(
        known.cells,
        [*known.figures, *further],
        block_diag(linear, of_classes),
        np.hstack([known.shown, shown]),
        np.hstack([known.n, np.rint(n.loc[cells].to_numpy()).astype(int)]),
    )


def _classes(bits: np.ndarray, names: list[str], warehouse: duckdb.DuckDBPyConnection) -> np.ndarray:
    """How far a household of each set is of each class."""
    classes = warehouse.execute("SELECT class_id, indicator_id, probability, class_share FROM dim_typology").df()
    odds = []
    for _, rows in classes.groupby("class_id"):
        p = rows.set_index("indicator_id")["probability"][names].to_numpy()
        odds.append(rows["class_share"].iloc[0] * np.where(bits, p, 1 - p).prod(axis=1))
    return np.column_stack(odds) / np.sum(odds, axis=0)[:, None]


def _everything_linear(columns: np.ndarray) -> np.ndarray:
    """Sums of figures that come out the same whatever sets are held, all households together being known."""
    length = np.linalg.norm(columns, axis=0)
    whole = np.column_stack([np.full(len(columns), len(columns) ** -0.5), columns / length])
    _, size, right = np.linalg.svd(whole, full_matrices=True)
    identities = right[(size > 1e-9).sum() :, 1:]
    return np.where(np.abs(identities) > 1e-9, identities / length, 0.0)


def told_by_means(known: Told) -> np.ndarray:
    """Figures of cells that means of the same cell tell, whatever else is shown: these are no secret."""
    means = np.array([figure[0] not in ("both", "number", "dimensions", "set", "class") for figure in known.figures])
    answer = np.zeros_like(known.shown)
    for cell, shown in enumerate(known.shown):
        hidden = np.flatnonzero(~(shown & means))
        _, size, right = np.linalg.svd(known.identities[:, hidden], full_matrices=False)
        answer[cell, hidden[(right[size > 1e-9] ** 2).sum(axis=0) > 1 - 1e-6]] = True
    return answer


def register_cells_found(
    counts: pd.DataFrame, parent: dict[str, str], warehouse: duckdb.DuckDBPyConnection
) -> set[tuple[str, str]]:
    """Register and area of cells under five listed households that the register's table and its audit show, or give away together.

    ``counts`` has ``register_id, area_id, listed`` of finest areas; what larger areas list beside them is taken as known.
    """
    found = set()
    for register, mine in counts.groupby("register_id"):
        total: dict[str, float] = defaultdict(float)
        for area, listed in zip(mine["area_id"], mine["listed"], strict=True):
            while area is not None:
                total[area] += listed
                area = parent.get(area)
        known = set()
        for table, tells in (("fct_register", "rate"), ("fct_register_audit", "share_missed_at_least")):
            sql = f"SELECT area_id FROM {table} WHERE register_id = ? AND {tells} IS NOT NULL"
            known |= {area for (area,) in warehouse.execute(sql, [register]).fetchall()}
        cells = pd.DataFrame({"area_id": [*total], "subgroup": "all", "total": [*total.values()]})
        cells["known"] = cells["area_id"].isin(known)
        few = set(cells.loc[cells["total"] < 5, "area_id"])
        given = {area for area, _ in set.union(*solved(cells, parent))}
        found |= {(str(register), area) for area in few & (known | given)}
    return found
