"""Libraries that not everybody has: those of the extra ``poverty-assets[fetch]``.

Belongs here: importing them, and what is said where they are not there.
"""

from __future__ import annotations

import importlib
from typing import Any

from poverty_assets.errors import UsageError


def from_extra(name: str) -> Any:
    """A module of the extra.

    Raises
    ------
    UsageError
        If it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UsageError(
            f"this source needs the library {name.partition('.')[0]}, which is not installed: {error}",
            remedy="pip install 'poverty-assets[fetch]'",
        ) from error
