"""Disclosure control: which cells (area x subgroup) may be published, decided once and applied to every table.

Belongs here: thresholds on unweighted households, complementary suppression over everything that adds up, and blanking
tables by the decision. Does not belong here: any estimate.

Estimates from fewer than 25 households are withheld and those from 25 to 49 flagged (the convention of the DHS Program,
Croft, Marshall and Allen 2018, Guide to DHS Statistics); register counts are withheld under 5. A withheld cell must not
follow from what is published, either. What adds up is known to everyone: an area is the sum of the areas below it (in every
subgroup), and ``all`` is the sum of the values of each subgroup column (in every area). With published numbers of
households and populations, a share is as good as a total. So further cells are withheld until no withheld cell can be
solved for:

1. while some sum has exactly one withheld member, withhold its published member with the fewest households (at a tie the
   smaller area, and a part before its whole);
2. where sums together still fix a withheld cell (the relations, taken as linear equations in the withheld cells, determine
   it), withhold the smallest published member of the sums it stands in, and go on from 1.

Within cells that are published, single figures are withheld, too (``figure_disclosure``).

Country totals are taken last. Each step withholds one cell more, so the procedure ends; and it ends well, since with every
cell of a sum withheld the true table, and any multiple of it, satisfies the equations. A cell without households is no
secret where the number of households is published, and neither hides nor needs hiding there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from poverty_assets.arrays import IntArray
from poverty_assets.catalog import Table
from poverty_assets.errors import ContractViolation
from poverty_assets.geography.hierarchy import Hierarchy
from poverty_assets.measurement.coding import PARTS_PERSONS
from poverty_assets.measurement.domains import ALL
from poverty_assets.measurement.null_space import fixed

if TYPE_CHECKING:
    from scipy.sparse import csr_array

SURVEY_MINIMUM = 25
SURVEY_FLAG_BELOW = 50
REGISTER_MINIMUM = 5
FEW_HOUSEHOLDS = "few_households"
TOO_FEW_HOUSEHOLDS = "too_few_households"
PROTECTS_ANOTHER = "withheld_to_protect_another"


@dataclass(frozen=True)
class Sums:
    """Everything that adds up among cells.

    Attributes
    ----------
    members : list of int arrays
        Each sum: the whole first, then its parts. Numbers from ``n_cells`` on are remainders: households of the whole that
        are in none of its parts (area or subgroup not known). A remainder is never published and hides a part as a
        withheld cell would, so long as it is no smaller than one must be; a smaller one hides nothing and is left out.
    size : int array
        Households of each cell, then of each remainder.
    n_cells : int
    """

    members: list[IntArray]
    size: IntArray
    n_cells: int


def decide(
    cells: pd.DataFrame,
    hierarchy: Hierarchy,
    *,
    minimum: int = SURVEY_MINIMUM,
    flag_below: int = SURVEY_FLAG_BELOW,
    size: str = "n_households",
    size_is_published: bool = True,
    populations: Collection[str] = PARTS_PERSONS,
) -> pd.DataFrame:
    """Which cells are withheld, which flagged, and why.

    Parameters
    ----------
    cells : DataFrame
        ``area_id``, ``subgroup`` and the unweighted households; where a cell stands twice (two measures), its smaller
        number counts. Every cell that is published anywhere must be there.
    hierarchy : Hierarchy
    minimum : int
        Cells of fewer households are withheld.
    flag_below : int
        Cells of fewer households than this are flagged.
    size : str
        Column with the number of households.
    size_is_published : bool
        True for a survey, whose table gives the number of households even where the estimate is withheld. False for a
        register, where the number is the secret: then cells of no household are withheld and protected as others are, and what of a
        whole lies in none of its parts hides nothing, since the audit sums the parts alone.
    populations : collection of str
        Subgroup columns that part persons, not households (``age``): the households of their values overlap. One value
        alone (``age=child`` without ``age=adult``) then says nothing about ``all``.

    Returns
    -------
    DataFrame
        ``area_id, subgroup, n_households, suppressed, flag``; one row a cell, in order of area and subgroup. ``flag`` is
        ``too_few_households``, ``withheld_to_protect_another``, ``few_households`` or ``ok``.

    Raises
    ------
    ContractViolation
        If a number of households is missing or below 0.
    """
    table = _one_row_a_cell(cells, size)
    sums = additive_relations(table, hierarchy, minimum if size_is_published else np.inf, populations)
    n = table["n_households"].to_numpy()
    too_few = n < minimum
    unknown = np.ones(len(sums.size), dtype=bool)
    unknown[: sums.n_cells] = too_few & (n > 0) if size_is_published else too_few
    unknown = protect(sums, unknown, order_of(table, sums, hierarchy))[: sums.n_cells]
    suppressed = too_few | unknown
    flags = np.where(n < flag_below, FEW_HOUSEHOLDS, "ok").astype(object)
    flags[suppressed] = PROTECTS_ANOTHER
    flags[too_few] = TOO_FEW_HOUSEHOLDS
    return table.assign(suppressed=suppressed, flag=flags)


def _one_row_a_cell(cells: pd.DataFrame, size: str) -> pd.DataFrame:
    n = pd.to_numeric(cells[size], errors="coerce")
    wrong = np.flatnonzero(~(n >= 0))
    if len(wrong):
        first = cells.iloc[wrong[0]]
        raise ContractViolation(
            f"{len(wrong)} cells have no number of households; the first is {first['area_id']}, {first['subgroup']}",
            place=f"row {wrong[0]}, column {size}",
            remedy="give the unweighted households of every cell",
        )
    smallest = cells.assign(n_households=n).groupby(["area_id", "subgroup"], sort=True)["n_households"].min()
    return smallest.astype(np.int64).reset_index()


def additive_relations(
    cells: pd.DataFrame,
    hierarchy: Hierarchy,
    minimum: float,
    populations: Collection[str] = PARTS_PERSONS,
) -> Sums:
    """Every sum among cells: areas over the areas below them, and ``all`` over the values of a subgroup column.

    Parameters
    ----------
    cells : DataFrame
        ``area_id, subgroup, n_households``, one row a cell.
    hierarchy, minimum, populations
        As in `decide`.
    """
    number = {cell: row for row, cell in enumerate(zip(cells["area_id"], cells["subgroup"], strict=True))}
    parts: dict[tuple[int, str], list[int]] = defaultdict(list)
    for ((area, subgroup), row), holder in zip(number.items(), hierarchy.holders(cells["area_id"]), strict=True):
        parent = number.get((holder, subgroup))
        if parent is not None:
            parts[parent, ""].append(row)
        whole = number.get((area, ALL))
        if whole is not None and subgroup != ALL:
            parts[whole, subgroup.partition("=")[0]].append(row)
    size = cells["n_households"].tolist()
    members = []
    for (whole, column), rows in parts.items():
        of_persons = column in populations
        if of_persons and len(rows) == 1:
            continue
        outside = size[whole] - sum(size[row] for row in rows)
        if outside >= minimum and not of_persons:
            rows = [*rows, len(size)]
            size.append(outside)
        members.append(np.array([whole, *rows], dtype=np.int64))
    return Sums(members, np.array(size, dtype=np.int64), len(cells))


def order_of(table: pd.DataFrame, sums: Sums, hierarchy: Hierarchy) -> IntArray:
    """Rank of each cell for being withheld: the country last, few households first, then small areas, parts before wholes."""
    number = hierarchy.number(table["area_id"])
    depth = np.where(number >= 0, hierarchy.level[number], 0)
    n_rest = len(sums.size) - len(table)
    keys = (
        np.arange(len(sums.size)),
        np.append(table["subgroup"] == ALL, np.ones(n_rest, dtype=bool)),
        np.append(-depth, np.zeros(n_rest)),
        sums.size,
        np.append(number == 0, np.zeros(n_rest, dtype=bool)),
    )
    order = np.empty(len(sums.size), dtype=np.int64)
    order[np.lexsort(keys)] = np.arange(len(order))
    return order


def protect(sums: Sums, unknown: npt.NDArray[np.bool_], order: IntArray) -> npt.NDArray[np.bool_]:
    """Withhold cells until none that is withheld can be solved for; see the module's docstring."""
    unknown = unknown.copy()
    sums_of: list[list[int]] = [[] for _ in unknown]
    for number, members in enumerate(sums.members):
        for member in members:
            sums_of[member].append(number)
    waiting = list(range(len(sums.members)))
    while True:
        while waiting:
            members = sums.members[waiting.pop()]
            if unknown[members].sum() == 1:
                chosen = _smallest(members, unknown, sums, order)
                if chosen is not None:
                    unknown[chosen] = True
                    waiting += sums_of[chosen]
        solved = determined(sums, unknown)
        solved = solved[solved < sums.n_cells]
        if not len(solved):
            return unknown
        for cell in solved:
            chosen = _nearest(cell, unknown, sums, sums_of, order)
            if chosen is not None:
                unknown[chosen] = True
                waiting += sums_of[chosen]
                break
        else:
            return unknown


def _smallest(members: IntArray, unknown: npt.NDArray[np.bool_], sums: Sums, order: IntArray) -> int | None:
    """The published member that is withheld next: the first in order of `order_of`."""
    candidates = members[~unknown[members] & (sums.size[members] > 0)]
    return int(candidates[np.argmin(order[candidates])]) if len(candidates) else None


def _nearest(
    cell: int, unknown: npt.NDArray[np.bool_], sums: Sums, sums_of: list[list[int]], order: IntArray
) -> int | None:
    """The smallest published cell in the sums of ``cell``, else in the sums of the cells in those, and so on outwards."""
    seen, ring = {cell}, {cell}
    while ring:
        around = {int(m) for member in ring for number in sums_of[member] for m in sums.members[number]}
        chosen = _smallest(np.array(sorted(around), dtype=np.int64), unknown, sums, order)
        if chosen is not None:
            return chosen
        ring = around - seen
        seen |= around
    return None


def determined(sums: Sums, unknown: npt.NDArray[np.bool_]) -> IntArray:
    """Withheld cells that the sums fix, taken as linear equations with everything published known."""
    columns = np.flatnonzero(unknown)
    return columns[fixed(links_of(sums)[:, columns])]


def links_of(sums: Sums) -> csr_array:
    """The sums as equations, one a row: -1 at the whole, 1 at its parts and the remainder."""
    from scipy.sparse import csr_array

    row = np.repeat(np.arange(len(sums.members)), [len(one) for one in sums.members])
    member = np.concatenate([*sums.members, np.empty(0, dtype=np.int64)])
    sign = np.where(np.append(True, row[1:] != row[:-1])[: len(row)], -1.0, 1.0)
    return csr_array((sign, (row, member)), shape=(len(sums.members), len(sums.size)))


# ---- applying the decision


def apply(
    table: pd.DataFrame,
    decisions: pd.DataFrame,
    *,
    of: Table,
    shown: npt.NDArray[np.bool_] | None = None,
    enough: npt.NDArray[np.bool_] | None = None,
    withhold: Sequence[str] | None = None,
    only_if_published: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """The table with withheld cells blanked and flags set; one decision a cell serves every table.

    Parameters
    ----------
    table : DataFrame
        With ``area_id`` and perhaps ``subgroup`` (without it every row is of ``all``), ``quality_flag``.
    decisions : DataFrame
        From `decide`. A cell of the table that is not there is withheld.
    of : Table
        The table of the catalog that the rows are of.
    shown, enough : ndarray of bool, optional
        Whether the figure of each row may be shown (`figures_to_publish`), and whether enough households hold it. A table whose rows
        do not rest on all households of their cell must have the first.
    withhold : sequence of str, optional
        Columns that become NULL in withheld cells. Default: every floating-point column but ``k``.
    only_if_published : mapping, optional
        Rows whose presence tells something (which bundles occur): in withheld cells only rows with these values stay, as
        in ``{"bundle_mask": 0}``.

    Returns
    -------
    DataFrame
        ``suppressed`` and ``quality_flag`` set; the flag of a withheld row says only why it is withheld.

    Raises
    ------
    ContractViolation
        If nothing says who holds the rows of a table that is not of all households.
    """
    _require_holders(table, of, shown)
    keys = pd.MultiIndex.from_arrays(
        [table["area_id"], table["subgroup"] if "subgroup" in table else [ALL] * len(table)]
    )
    known = pd.MultiIndex.from_frame(decisions[["area_id", "subgroup"]])
    row = known.get_indexer(keys)
    suppressed = np.where(row >= 0, decisions["suppressed"].to_numpy(dtype=bool)[row], True)
    reason = np.where(row >= 0, decisions["flag"].to_numpy(dtype=object)[row], TOO_FEW_HOUSEHOLDS)
    if shown is not None:
        why = np.where(shown if enough is None else enough, PROTECTS_ANOTHER, TOO_FEW_HOUSEHOLDS)
        reason, suppressed = np.where(suppressed | shown, reason, why), suppressed | ~shown
    out = table.copy()
    chosen = [c for c in out.columns if out[c].dtype.kind == "f" and c != "k"] if withhold is None else list(withhold)
    for name in chosen:
        out[name] = out[name].mask(suppressed)
    out["suppressed"] = suppressed
    out["quality_flag"] = np.where(suppressed, reason, _both(reason, out["quality_flag"].to_numpy(dtype=object)))
    stays = np.ones(len(out), dtype=bool)
    for name, value in (only_if_published or {}).items():
        stays &= ~suppressed | (out[name] == value).to_numpy()
    return out[stays].reset_index(drop=True)


def _both(reason: npt.NDArray[np.object_], own: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """The flag of a cell and that of its row, as one."""
    flags = [
        flag if mine in ("ok", flag) else mine if flag == "ok" else f"{flag},{mine}"
        for flag, mine in zip(reason, own, strict=True)
    ]
    return np.array(flags, dtype=object)


def _require_holders(rows: pd.DataFrame, of: Table, shown: npt.NDArray[np.bool_] | None) -> None:
    if not of.of_all and shown is None:
        raise ContractViolation(
            f"nothing says how many households hold the {len(rows)} rows of {of.name}",
            remedy="decide on its figures with figures_to_publish, or say in the catalog that they are of all households (of_all)",
        )
