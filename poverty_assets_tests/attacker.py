"""Who knows everything that is published and that adds up, and solves for what is withheld.

Belongs here: linear systems over published cells, written anew, without any code of the package. Does not belong here: deciding what
is withheld.

An area is the sum of the areas below it in every subgroup, and ``all`` the sum of the values of each subgroup column. Weights of cells
are taken as known, so that a share is as good as a total.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from scipy.sparse import csr_array, eye_array, kron, vstack
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

CUTOFFS = (0.2, 0.333333, 0.5)


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
    cells: pd.DataFrame,
    parent: dict[str, str],
    identities: np.ndarray,
    shown: np.ndarray,
    zero: np.ndarray,
    *,
    down: bool = True,
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
    down : bool
        Whether a withheld figure that is found to be 0 is taken down to its parts, too.

    Returns
    -------
    ndarray of bool, shape (n_cells, n_figures)
    """
    known = shown
    while True:
        found = known | follows_by_turns(cells, parent, identities, known, zero, down=down)
        found |= _at_once(cells, parent, identities, found)
        known = found | given_by_zeros(cells, parent, found, zero) if down else found
        if not (known & ~found).any():
            return known & ~shown


def _at_once(cells: pd.DataFrame, parent: dict[str, str], identities: np.ndarray, known: np.ndarray) -> np.ndarray:
    """What all sums together give."""
    links, found = _links(cells, parent), np.zeros_like(known)
    for figures, own in _hanging_together(identities):
        hidden = ~known[:, figures]
        if len(figures) > 1 and hidden.any():
            over_areas = kron(links, eye_array(len(figures)))
            over_figures = kron(eye_array(len(cells)), csr_array(own))
            everything = vstack([over_areas, over_figures]).tocsr()[:, hidden.ravel()]
            found[:, figures] = _fixed(everything, hidden.ravel()).reshape(hidden.shape)
    return found


def _hanging_together(identities: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Figures that share an identity with each other, by twos and threes and so on, and their identities; one that is in none stands
    alone, and is followed over areas and subgroups as well by turns."""
    there = csr_array(identities != 0)
    n, group = connected_components(there.T @ there, directed=False)
    for one in range(n):
        figures = np.flatnonzero(group == one)
        own = identities[:, figures]
        yield figures, own[(own != 0).any(axis=1)]


def _complete(cells: pd.DataFrame, parent: dict[str, str]) -> list[tuple[int, list[int]]]:
    """Wholes whose parts leave nothing over."""
    size = cells["size"].to_numpy()
    return [one for one in wholes(cells, parent) if abs(size[one[1]].sum() / size[one[0]] - 1) < 1e-9]


def given_by_zeros(cells: pd.DataFrame, parent: dict[str, str], shown: np.ndarray, zero: np.ndarray) -> np.ndarray:
    """Figures that are shown to be 0, and all their parts, which are no secret; arguments as in `follows`."""
    whole_sums, nothing = _complete(cells, parent), shown & zero
    before = -1
    while before != (before := int(nothing.sum())):
        for whole, parts in whole_sums:
            nothing[parts] |= nothing[whole]
    return nothing


def follows_by_turns(
    cells: pd.DataFrame,
    parent: dict[str, str],
    identities: np.ndarray,
    shown: np.ndarray,
    zero: np.ndarray,
    *,
    down: bool = True,
) -> np.ndarray:
    """`follows` for a whole country: figure by figure over areas and subgroups, then cell by cell over figures, each time with all that
    has been found by then, until a turn finds nothing."""
    links = _links(cells, parent)
    known = shown | given_by_zeros(cells, parent, shown, zero)
    before = -1
    while before != (before := int(known.sum())):
        if down:
            known |= given_by_zeros(cells, parent, known, zero)
        for one in np.flatnonzero(~known.all(axis=0)):
            known[:, one] |= _fixed(links[:, ~known[:, one]], ~known[:, one])
        for cell in np.flatnonzero(~known.all(axis=1)):
            hidden = np.flatnonzero(~known[cell])
            _, values, right = np.linalg.svd(identities[:, hidden], full_matrices=False)
            known[cell, hidden[(right[values > 1e-9] ** 2).sum(axis=0) > 1 - 1e-6]] = True
    return known & ~shown


def _fixed(matrix: csr_array, hidden: np.ndarray) -> np.ndarray:
    """Of all members, the hidden ones that equations in them fix: at 0 in the projections of random vectors on the null space.

    Of a million members that are not fixed one is near 0 by chance; so a second vector has to say the same.
    """
    there = matrix[np.diff(matrix.indptr) > 0]
    square = (there @ there.T + 1e-9 * eye_array(there.shape[0])).tocsc()
    factors = splu(square, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    rng, answer = np.random.default_rng(1), hidden.copy()
    for _ in range(2):
        away = rng.uniform(1, 2, there.shape[1])
        for _ in range(20):
            off = there @ away
            if np.abs(off).max(initial=0) < 1e-11:
                break
            away = away - there.T @ factors.solve(off)
        assert np.abs(there @ away).max(initial=0) < 1e-9
        answer[hidden] &= np.abs(away) < 1e-6
        if not answer.any():
            break
    return answer


def _links(cells: pd.DataFrame, parent: dict[str, str]) -> csr_array:
    """Sums over areas and subgroups: a row a whole, -1 at it and 1 at its parts."""
    whole_sums = _complete(cells, parent)
    rows = np.repeat(np.arange(len(whole_sums)), [1 + len(parts) for _, parts in whole_sums])
    members = np.concatenate([[whole, *parts] for whole, parts in whole_sums])
    signs = np.where(np.append(True, rows[1:] != rows[:-1]), -1.0, 1.0)
    return csr_array((signs, (rows, members)), shape=(len(whole_sums), len(cells)))


@dataclass(frozen=True)
class Told:
    """Everything that direct rows of a published file tell, as figures of cells.

    Attributes
    ----------
    cells : DataFrame, n_cells rows
        ``area_id, subgroup, size`` (persons, weighted) and ``n_households`` of every cell of the survey, published or not.
    figures : list of tuple
        ``(kind, ...)`` of each figure: headcounts, H, M0, near-poor shares, pairs, numbers and sets of dimensions.
    identities, shown
        As `follows` takes them.
    n : ndarray of int, shape (n_cells, n_figures)
        Interviewed households that hold the figure.
    """

    cells: pd.DataFrame
    figures: list[tuple[Any, ...]]
    identities: np.ndarray
    shown: np.ndarray
    n: np.ndarray

    def secrets(self) -> np.ndarray:
        """Figures that are not shown and that somebody holds."""
        return ~self.shown & (self.n > 0)

    def means(self) -> Told:
        """Of means over all households alone: headcounts, H, M0, near-poor shares."""
        own = np.array([figure[0] not in ("both", "number", "dimensions") for figure in self.figures])
        identities = self.identities[(self.identities[:, ~own] == 0).all(axis=1)][:, own]
        figures = [figure for figure, is_mean in zip(self.figures, own, strict=True) if is_mean]
        return Told(self.cells, figures, identities, self.shown[:, own], self.n[:, own])


def told(households: pd.DataFrame, parent: dict[str, str], warehouse: duckdb.DuckDBPyConnection) -> Told:
    """What direct rows tell, of a file with one quarter; ``households`` are the survey's, with an indicator a column."""
    names = warehouse.execute("SELECT DISTINCT indicators FROM fct_profile").fetchall()[0][0]
    households = households.dropna(subset=names).reset_index(drop=True)
    bits = households[names].to_numpy(dtype=int)
    indicator = indicators_of(warehouse, names)
    columns, dimensions = figures_of(bits, indicator), list(dict.fromkeys(indicator["dimension_id"]))
    values = np.column_stack([*columns.values()]).astype(float)
    n, _ = counted(households, parent, (values > 0).astype(float))
    size = _persons(households, parent)
    cells = n.index.to_frame(index=False).set_axis(["area_id", "subgroup"], axis=1)
    cells["size"] = size.loc[n.index].to_numpy()
    cells["n_households"] = counted(households, parent, np.ones((len(households), 1)))[0].loc[n.index, 0].to_numpy()
    figures = list(columns)
    identities = _identities(
        figures, names, indicator["weight"].to_numpy(), [list(indicator["dimension_id"]).count(d) for d in dimensions]
    )
    return Told(cells, figures, identities, _shown(warehouse, n.index, figures), np.rint(n.to_numpy()).astype(int))


def indicators_of(warehouse: duckdb.DuckDBPyConnection, names: list[str]) -> pd.DataFrame:
    """Weight and dimension of some indicators."""
    sql = (
        "SELECT DISTINCT indicator_id, weight, dimension_id FROM dim_indicator SEMI JOIN fct_profile USING (measure_id)"
    )
    return warehouse.execute(sql).df().set_index("indicator_id").loc[names]


def figures_of(bits: np.ndarray, indicator: pd.DataFrame) -> dict[tuple[Any, ...], np.ndarray]:
    """What households of some sets of deprivations (a row each, a column an indicator) count for in each figure."""
    names, score = indicator.index.tolist(), bits @ indicator["weight"].to_numpy()
    columns: dict[tuple[Any, ...], np.ndarray] = {("uncensored", name): bits[:, j] for j, name in enumerate(names)}
    for k in CUTOFFS:
        poor = score >= k - 1e-6
        columns |= {(k, name): bits[:, j] * poor for j, name in enumerate(names)}
        columns |= {("H", k): poor, ("M0", k): poor * score}
    columns["near-poor",] = (score >= CUTOFFS[0] - 1e-6) & (score < CUTOFFS[1] - 1e-6)
    columns |= {("both", a, b): bits[:, i] * bits[:, j] for (i, a), (j, b) in combinations(enumerate(names), 2)}
    columns |= {("number", m): bits.sum(axis=1) == m for m in range(len(names) + 1)}
    dimensions = list(dict.fromkeys(indicator["dimension_id"]))
    touched = [bits[:, (indicator["dimension_id"] == one).to_numpy()].any(axis=1) for one in dimensions]
    number = sum(one.astype(int) << place for place, one in enumerate(touched))
    return columns | {("dimensions", m): number == m for m in range(1 << len(dimensions))}


def _identities(figures: list[tuple[Any, ...]], names: list[str], weights: np.ndarray, widths: list[int]) -> np.ndarray:
    """Sums of figures of one cell that everybody knows, its size being known."""
    place, d = {figure: i for i, figure in enumerate(figures)}, len(names)
    rows: list[dict[tuple[Any, ...], float]] = [
        {("M0", k): -1.0} | {(k, name): float(w) for name, w in zip(names, weights, strict=True)} for k in CUTOFFS
    ]
    rows.append({("near-poor",): -1.0, ("H", CUTOFFS[0]): 1.0, ("H", CUTOFFS[1]): -1.0})
    rows.append({("number", m): 1.0 for m in range(d + 1)})
    rows.append({("number", m): float(m) for m in range(d + 1)} | {("uncensored", name): -1.0 for name in names})
    pairs = {("both", a, b): -1.0 for a, b in combinations(names, 2)}
    rows.append({("number", m): m * (m - 1) / 2 for m in range(d + 1)} | pairs)
    rows.append({("dimensions", m): 1.0 for m in range(1 << len(widths))})
    rows.append({("dimensions", 0): 1.0, ("number", 0): -1.0})
    answer, first = np.zeros((len(rows) + len(widths), len(figures))), 0
    for row, terms in enumerate(rows):
        for figure, times in terms.items():
            answer[row, place[figure]] = times
    for number, width in enumerate(widths):  # of two indicators of a dimension: either, less both, is that dimension
        if width == 2:
            a, b = names[first], names[first + 1]
            row = answer[len(rows) + number]
            row[[place["uncensored", a], place["uncensored", b]]], row[place["both", a, b]] = 1, -1
            row[[place["dimensions", m] for m in range(1 << len(widths)) if m >> number & 1]] = -1
        first += width
    return answer


def _shown(warehouse: duckdb.DuckDBPyConnection, cells: pd.MultiIndex, figures: list[tuple[Any, ...]]) -> np.ndarray:
    """Figures that rows tell, by themselves or with one another."""
    place, shown = {figure: i for i, figure in enumerate(figures)}, np.zeros((len(cells), len(figures)), dtype=bool)

    def rows(table: str, *columns: str) -> Iterator[tuple[int, list[Any]]]:
        sql = f"SELECT area_id, subgroup, {', '.join(columns)} FROM {table} WHERE method = 'direct' AND NOT suppressed"
        frame = warehouse.execute(sql).df()
        at = cells.get_indexer(pd.MultiIndex.from_frame(frame[["area_id", "subgroup"]]))
        for cell, *values in zip(at, *(frame[name] for name in columns), strict=True):
            yield cell, values

    kinds = {"uncensored": "uncensored", "censored_k20": 0.2, "censored": 0.333333, "censored_k50": 0.5}
    for cell, (name, kind) in rows("fct_headcount", "indicator_id", "kind"):
        shown[cell, place[kinds[kind], name]] = True
    intensity, parts = [], defaultdict(list)
    for cell, (statistic, k) in rows("fct_mpi", "statistic", "k"):
        if statistic == "intensity":
            intensity.append((cell, k))
        else:
            names = {"headcount_ratio": ("H", k), "mpi": ("M0", k), "vulnerable": ("near-poor",), "severe": ("H", k)}
            shown[cell, place[names[statistic]]] = True
    for cell, (a, b) in rows("fct_overlap_pair", "indicator_a", "indicator_b"):
        shown[cell, [place["both", a, b], place["uncensored", a], place["uncensored", b]]] = True
    for cell, (m,) in rows("fct_deprivation_count", "n_deprivations"):
        shown[cell, place["number", m]] = True
    for cell, (m,) in rows("fct_dimension_overlap", "dimension_mask"):
        shown[cell, place["dimensions", m]] = True
    for cell, (k, name) in rows("fct_contribution", "k", "indicator_id"):
        parts[cell, k].append(place[k, name])
    for cell, k in intensity:
        both = [place["H", k], place["M0", k]]
        shown[cell, both] |= shown[cell, both].any()
    for (cell, k), some in parts.items():  # shares of M0: with it or one of them, all are known
        shown[cell, [*some, place["M0", k]]] |= shown[cell, [*some, place["M0", k]]].any()
    return shown


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
    n, clusters = counted(households, parent, np.column_stack([*columns.values()]).astype(float))
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


def counted(households: pd.DataFrame, parent: dict[str, str], columns: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Households and clusters of each area and subgroup in which each column holds."""
    links = _of_cells(households, parent)
    grouped = links.groupby(["area_id", "subgroup", "psu"], sort=True)
    index = grouped.size().index.droplevel("psu")
    at = (grouped.ngroup().to_numpy(), links["row"].to_numpy())
    each = csr_array((np.ones(len(links)), at), shape=(len(index), len(households))) @ columns
    frame = pd.DataFrame(each, index=index)
    return frame.groupby(level=[0, 1]).sum(), (frame > 0).groupby(level=[0, 1]).sum()


def _persons(households: pd.DataFrame, parent: dict[str, str]) -> pd.Series:
    """Persons of each area and subgroup, weighted."""
    links = _of_cells(households, parent)
    of = households.iloc[links["row"]].reset_index(drop=True)
    people = np.select(
        [links["subgroup"] == "age_group=child", links["subgroup"] == "age_group=adult"],
        [of["n_children"], of["hh_size"] - of["n_children"]],
        of["hh_size"],
    )
    return (of["weight"] * people).groupby([links["area_id"], links["subgroup"]]).sum()


def _of_cells(households: pd.DataFrame, parent: dict[str, str]) -> pd.DataFrame:
    """A row for each household and each area and subgroup that it is in."""
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
    return pd.concat(parts).dropna().reset_index(drop=True)
