"""``poverty-assets`` run in this process."""

import sys

import pytest

from poverty_assets import cli


def exit_code(patch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Run ``poverty-assets`` as its entry point does; returns its exit code."""
    patch.setattr(sys, "argv", ["poverty-assets", *map(str, arguments)])
    try:
        cli.main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0
