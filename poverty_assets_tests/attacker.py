"""Who knows everything that is published and that adds up, and solves for what is withheld.

Belongs here: linear systems over published cells, written anew, without any code of the package. Does not belong here: deciding what
is withheld.

An area is the sum of the areas below it in every subgroup, and ``all`` the sum of the values of each subgroup column. Weights of cells
are taken as known, so that a share is as good as a total.
"""

from __future__ import annotations

from collections import defaultdict

import duckdb
import numpy as np
import pandas as pd
from scipy.sparse import csr_array, eye_array, kron, vstack
from scipy.sparse.linalg import lsmr


def solved(cells: pd.DataFrame, parent: dict[str, str]) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """Withheld cells that the published ones give away.

    Parameters
    ----------
    cells : DataFrame
        ``area_id, subgroup, total`` (the truth) and ``known`` (whether it is published).
    parent : dict
        The area above each area.

    Returns
    -------
    set, set
        Cells of some households that linear equations fix; and cells that a published 0 of a whole gives, which are no secret.
    """
    keys = list(zip(cells["area_id"], cells["subgroup"], strict=True))
    total, known = cells["total"].to_numpy(dtype=float), cells["known"].to_numpy(dtype=bool).copy()
    whole_sums = [one for one in wholes(cells, parent) if abs(total[one[1]].sum() - total[one[0]]) < 1e-9]
    zeros = set()
    for whole, parts in whole_sums * 4:  # as many times as there are levels
        if known[whole] and total[whole] == 0:
            zeros |= {keys[i] for i in parts if not known[i]}
            known[parts] = True
    hidden = np.flatnonzero(~known)
    if not len(hidden):
        return set(), zeros
    matrix = np.zeros((len(whole_sums), len(keys)))
    for row, (whole, parts) in enumerate(whole_sums):
        matrix[row, whole], matrix[row, parts] = -1, 1
    _, values, right = np.linalg.svd(matrix[:, hidden], full_matrices=True)
    null = right[(values > 1e-9).sum() :]
    fixed = hidden[(np.abs(null) < 1e-9).all(axis=0)]
    return {keys[i] for i in fixed if total[i] > 0}, zeros


def wholes(cells: pd.DataFrame, parent: dict[str, str]) -> list[tuple[int, list[int]]]:
    """Cells that others are parts of, with those: the areas below one, and the values of a subgroup."""
    place = {key: i for i, key in enumerate(zip(cells["area_id"], cells["subgroup"], strict=True))}
    sums = defaultdict(list)
    for (area, subgroup), i in place.items():
        if (parent.get(area), subgroup) in place:
            sums[place[parent[area], subgroup], ""].append(i)
        if subgroup != "all" and (area, "all") in place:
            sums[place[area, "all"], subgroup.partition("=")[0]].append(i)
    return [(whole, parts) for (whole, _), parts in sums.items()]


def follows(
    cells: pd.DataFrame, parent: dict[str, str], identities: np.ndarray, shown: np.ndarray, zero: np.ndarray
) -> np.ndarray:
    """Withheld figures that everything published together gives, over areas, subgroups and what figures of a cell add up to.

    Parameters
    ----------
    cells : DataFrame, n_cells rows
        ``area_id, subgroup, size``.
    parent : dict
        The area above each area.
    identities : ndarray, shape (n_identities, n_figures)
        Sums of figures of one cell that everybody knows.
    shown, zero : ndarray of bool, shape (n_cells, n_figures)
        What is published, and where the figure is 0: then it is 0 in all parts.

    Returns
    -------
    ndarray of bool, shape (n_cells, n_figures)
    """
    size = cells["size"].to_numpy()
    whole_sums = [one for one in wholes(cells, parent) if abs(size[one[1]].sum() / size[one[0]] - 1) < 1e-9]
    nothing = shown & zero
    for whole, parts in whole_sums * 8:
        nothing[parts] |= nothing[whole]
    links = np.zeros((len(whole_sums), len(cells)))
    for row, (whole, parts) in enumerate(whole_sums):
        links[row, whole], links[row, parts] = -1, 1
    over_areas, over_figures = (
        kron(csr_array(links), eye_array(shown.shape[1])),
        kron(eye_array(len(cells)), csr_array(identities)),
    )
    hidden = ~(shown | nothing).ravel()
    everything = vstack([over_areas, over_figures]).tocsr()[:, hidden]
    start = np.random.default_rng(1).uniform(1, 2, everything.shape[1])
    away = lsmr(everything, everything @ start, atol=1e-14, btol=1e-14, conlim=0, maxiter=20_000)[0]
    answer = np.zeros(shown.size, dtype=bool)
    answer[hidden] = np.abs(start - away) < 1e-6
    return answer.reshape(shown.shape)


def interviewed(
    households: pd.DataFrame, parent: dict[str, str], warehouse: duckdb.DuckDBPyConnection
) -> dict[str, pd.DataFrame]:
    """Direct rows of tables that count some households, each with the interviewed households ``n`` and ``clusters`` behind it.

    Parameters
    ----------
    households : DataFrame
        The survey's, with an indicator a column.
    parent : dict
        The area above each area.
    warehouse : DuckDBPyConnection
        With one quarter.
    """
    names = warehouse.execute("SELECT DISTINCT indicators FROM fct_profile").fetchall()[0][0]
    households = households.dropna(subset=names).reset_index(drop=True)
    bits = households[names].to_numpy(dtype=int)
    columns = {
        ("fct_overlap_pair", a, b): bits[:, i] & bits[:, j]
        for i, a in enumerate(names)
        for j, b in enumerate(names)
        if i < j
    }
    columns |= {("fct_deprivation_count", n, ""): bits.sum(axis=1) == n for n in range(len(names) + 1)}
    sql = "SELECT DISTINCT indicator_id, dimension_id FROM dim_indicator SEMI JOIN fct_profile USING (measure_id)"
    of = dict(warehouse.execute(sql).fetchall())
    sets = warehouse.execute("SELECT DISTINCT dimension_mask, dimensions FROM fct_dimension_overlap").fetchall()
    held = [{of[name] for name, has in zip(names, row, strict=True) if has} for row in bits]
    columns |= {("fct_dimension_overlap", mask, ""): [one == set(listed) for one in held] for mask, listed in sets}
    masks = bits @ (1 << np.arange(len(names)))
    columns |= {("fct_bundle", mask, ""): masks == mask for mask in np.unique(masks)}
    classes = warehouse.execute("SELECT class_id, indicator_id, probability, class_share FROM dim_typology").df()
    odds = [
        rows["class_share"].iloc[0]
        * np.where(bits, p := rows.set_index("indicator_id")["probability"][names].to_numpy(), 1 - p).prod(axis=1)
        for _, rows in classes.groupby("class_id")
    ]
    columns |= {("fct_typology", c + 1, ""): one >= np.sum(odds, axis=0) / 2 for c, one in enumerate(odds)}
    n, clusters = _counted(households, parent, np.column_stack([*columns.values()]).astype(float))
    answer = {}
    for table, first, second in (
        ("fct_overlap_pair", "indicator_a", "indicator_b"),
        ("fct_deprivation_count", "n_deprivations", ""),
        ("fct_dimension_overlap", "dimension_mask", ""),
        ("fct_bundle", "bundle_mask", ""),
        ("fct_typology", "class_id", ""),
    ):
        rows = warehouse.execute(f"SELECT * FROM {table} WHERE method = 'direct'").df()
        if table == "fct_bundle":
            rows = rows[rows["bundle_mask"] >= 0]
        place = {key: i for i, key in enumerate(columns)}
        seconds = rows[second] if second else [""] * len(rows)
        column = [place.get((table, *key), -1) for key in zip(rows[first], seconds, strict=True)]
        row = n.index.get_indexer(pd.MultiIndex.from_frame(rows[["area_id", "subgroup"]]))
        there = (row >= 0) & (np.array(column) >= 0)
        answer[table] = rows.assign(
            n=np.where(there, n.to_numpy()[row, column], 0),
            clusters=np.where(there, clusters.to_numpy()[row, column], 0),
        )
    return answer


def _counted(
    households: pd.DataFrame, parent: dict[str, str], columns: np.ndarray
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Households and clusters of each area and subgroup in which each column holds."""
    adults = households["hh_size"] - households["n_children"]
    groups = [
        pd.Series("all", index=households.index),
        "is_urban=" + households["is_urban"].map({True: "true", False: "false"}),
        *(f"{name}=" + households[name] for name in ("head_sex", "hh_size_class")),
        pd.Series(np.where(households["n_children"] > 0, "age_group=child", None), index=households.index),
        pd.Series(np.where(adults > 0, "age_group=adult", None), index=households.index),
    ]
    psu = households["stratum"] + "/" + households["psu"]
    parts, area = [], households["area_id"]
    while area.notna().any():
        parts += [
            pd.DataFrame({"area_id": area, "subgroup": group, "psu": psu, "row": households.index}) for group in groups
        ]
        area = area.map(parent)
    links = pd.concat(parts).dropna()
    grouped = links.groupby(["area_id", "subgroup", "psu"], sort=True)
    index = grouped.size().index.droplevel("psu")
    at = (grouped.ngroup().to_numpy(), links["row"].to_numpy())
    each = csr_array((np.ones(len(links)), at), shape=(len(index), len(households))) @ columns
    frame = pd.DataFrame(each, index=index)
    return frame.groupby(level=[0, 1]).sum(), (frame > 0).groupby(level=[0, 1]).sum()
