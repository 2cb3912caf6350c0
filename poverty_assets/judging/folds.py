"""Blocks of land and the folds of cross-validation made from them.

Belongs here: which block an area lies in, and which fold it is held out in under each design. Does not belong here:
fitting and scoring (``judging.scores``).

Areas near each other resemble each other. Folds drawn at random leave an area's neighbours in the training data, and
flatter the model; folds of whole blocks, or of all that lies in one area of the published level, ask what it knows of places it
has not seen (Roberts et al. 2017, Ecography 40: 913-929).
"""

from __future__ import annotations

import numpy as np

from poverty_assets.errors import SpecificationError

BLOCKS, PUBLISHED_OUT = "block50km", "leave_published_out"
DESIGNS = ("random", BLOCKS, PUBLISHED_OUT)
"""Fold designs by role; ``design_name`` gives the names that are published, of blocks by the side that the pack states."""
BLOCK_METRES = 50_000.0
"""Side of a block where the pack states none."""


def block_ids(xy: np.ndarray, size: float = BLOCK_METRES, origin: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """Number of the square block that each point lies in, counted from 0 from west to east, then south to north.

    Parameters
    ----------
    xy : numpy.ndarray, shape (n, 2)
        Metric coordinates.
    size : float
        Side of a block, in the same units.
    origin : (x, y)
        A corner of the grid of blocks.

    Examples
    --------
    >>> block_ids(np.array([[10.0, 10.0], [60_000.0, 10.0], [20.0, 49_999.0]])).tolist()
    [0, 1, 0]
    """
    cell = np.floor((np.asarray(xy, dtype=float) - np.asarray(origin)) / size).astype(np.int64)
    return np.unique(cell[:, ::-1], axis=0, return_inverse=True)[1].reshape(-1)


def design_name(design: str, published: str, block_metres: float = BLOCK_METRES) -> str:
    """What a fold design is called in ``model_metric``: that which holds out whole areas, by the published level's own id, that of
    blocks by their side.

    Examples
    --------
    >>> design_name("leave_published_out", "region"), design_name("block50km", "region"), design_name("block50km", "region", 120_000)
    ('leave_region_out', 'block50km', 'block120km')
    """
    names = {PUBLISHED_OUT: f"leave_{published}_out", BLOCKS: f"block{block_metres / 1000:g}km"}
    return names.get(design, design)


def fold_ids(design: str, *, blocks: np.ndarray, published: np.ndarray, n_folds: int = 5, seed: int = 0) -> np.ndarray:
    """Fold in which each area is held out, shape (n,), counted from 0.

    Parameters
    ----------
    design : str
        ``random``: areas drawn one by one. ``block50km``: whole blocks, largest first to the emptiest fold, ties in an
        order drawn by the seed, so that folds are of about one size. ``leave_published_out``: a fold for
        each area of the published level.
    blocks, published : numpy.ndarray, shape (n,)
        Labels of each area: its block, and the area of the published level that it lies in.
    """
    if design == "random":
        order = np.random.default_rng(seed).permutation(len(blocks))
        fold = np.empty(len(blocks), dtype=np.int64)
        fold[order] = np.arange(len(blocks)) % n_folds
        return fold
    if design == BLOCKS:
        return _balanced(np.unique(blocks, return_inverse=True)[1], n_folds, seed)
    if design == PUBLISHED_OUT:
        return np.unique(np.asarray(published, dtype=str), return_inverse=True)[1]
    raise SpecificationError(f"{design!r} is not a fold design", remedy=f"one of {', '.join(DESIGNS)}")


def _balanced(group: np.ndarray, n_folds: int, seed: int) -> np.ndarray:
    sizes = np.bincount(group)
    shuffled = np.random.default_rng(seed).permutation(len(sizes))
    filled = np.zeros(n_folds, dtype=np.int64)
    fold_of_group = np.empty(len(sizes), dtype=np.int64)
    for one in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        fold_of_group[one] = int(np.argmin(filled))
        filled[fold_of_group[one]] += sizes[one]
    return fold_of_group[group]
