"""Independent random streams, one for each name.

Belongs here: making a generator from the seed and a name, and smooth noise on a grid. Does not belong here: what the
numbers are used for.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage


def stream(seed: int, *name: object) -> np.random.Generator:
    """Generator that depends on the seed and the name alone, so that no draw depends on the order of others."""
    words = np.frombuffer(hashlib.sha256("/".join(map(str, name)).encode()).digest(), dtype="<u4")
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence([seed, *(int(word) for word in words)])))


def smooth_noise(
    generator: np.random.Generator, shape: tuple[int, int], sigma: float, *, step: int = 4
) -> NDArray[np.float32]:
    """Gaussian field with mean 0 and standard deviation 1, smooth over `sigma` cells.

    Drawn on a grid `step` times coarser and interpolated, since nothing finer is in it; `step` is reduced for small
    `sigma`.
    """
    step = max(1, min(step, int(sigma // 2)))
    rows, columns = (-(-side // step) + 2 for side in shape)
    coarse = ndimage.gaussian_filter(
        generator.standard_normal((rows, columns), dtype=np.float32), sigma / step, mode="wrap", truncate=3.0
    )
    fine = coarse if step == 1 else ndimage.zoom(coarse, step, order=1, grid_mode=True, mode="nearest")
    fine = fine[: shape[0], : shape[1]]
    return np.asarray((fine - fine.mean()) / fine.std(), dtype=np.float32)
