"""``poverty-assets`` run in this process."""

import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from poverty_assets import cli


@dataclass
class Answer:
    """What a command did."""

    code: int
    out: str
    err: str


def exit_code(patch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Run ``poverty-assets`` as its entry point does; returns its exit code."""
    patch.setattr(sys, "argv", ["poverty-assets", *map(str, arguments)])
    try:
        cli.main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def answer_of(home: Path, *arguments: object, **variables: str) -> Answer:
    """What a command does on a home, for homes that many tests share: a process of its own would import everything once more."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        for name, value in {**variables, "POVERTY_ASSETS_HOME": str(home), "DAGSTER_HOME": ""}.items():
            patch.setenv(name, value)
        code = exit_code(patch, *arguments)
    return Answer(code, out.getvalue(), err.getvalue())


def unset(patch: pytest.MonkeyPatch, start: str) -> None:
    """Take variables whose names begin so out of the environment."""
    for name in [name for name in os.environ if name.startswith(start)]:
        patch.delenv(name)
