"""Who knows everything that is published and that adds up, and solves for what is withheld.

Belongs here: linear systems over published cells, written anew, without any code of the package. Does not belong here: deciding what
is withheld.

An area is the sum of the areas below it in every subgroup, and ``all`` the sum of the values of each subgroup column. Weights of cells
are taken as known, so that a share is as good as a total.
"""

from __future__ import annotations

from collections import defaultdict

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
    place = {key: i for i, key in enumerate(keys)}
    total, known = cells["total"].to_numpy(dtype=float), cells["known"].to_numpy(dtype=bool).copy()
    sums = defaultdict(list)
    for (area, subgroup), i in place.items():
        if (parent.get(area), subgroup) in place:
            sums[place[parent[area], subgroup], ""].append(i)
        if subgroup != "all" and (area, "all") in place:
            sums[place[area, "all"], subgroup.partition("=")[0]].append(i)
    whole_sums = [(whole, parts) for (whole, _), parts in sums.items() if abs(total[parts].sum() - total[whole]) < 1e-9]
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
    place = {key: i for i, key in enumerate(zip(cells["area_id"], cells["subgroup"], strict=True))}
    sums = defaultdict(list)
    for (area, subgroup), i in place.items():
        if (parent.get(area), subgroup) in place:
            sums[place[parent[area], subgroup], ""].append(i)
        if subgroup != "all" and (area, "all") in place:
            sums[place[area, "all"], subgroup.partition("=")[0]].append(i)
    size = cells["size"].to_numpy()
    whole_sums = [
        (whole, parts) for (whole, _), parts in sums.items() if abs(size[parts].sum() / size[whole] - 1) < 1e-9
    ]
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
