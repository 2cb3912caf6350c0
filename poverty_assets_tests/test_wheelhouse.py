"""The project can be installed from a folder of wheels, without a network, with everything that it reads of its own."""

import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def run(*arguments, **how):
    done = subprocess.run([str(one) for one in arguments], capture_output=True, text=True, **how)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_target_of_make_asks_for_what_the_runbook_installs():
    asked = run("make", "-n", "-o", ".venv/.ready", "wheelhouse", cwd=ROOT)
    assert "pip wheel --quiet --wheel-dir wheelhouse --constraint constraints.txt '.[khm,fetch,server]'" in asked
    runbook = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
    assert (
        "--no-index --find-links wheelhouse --constraint wheelhouse/constraints.txt 'poverty-assets[khm,fetch,server]'"
        in runbook
    )


def test_every_file_of_the_package_goes_into_its_wheel():
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"][
        "poverty_assets"
    ]
    package = ROOT / "poverty_assets"
    there = {path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    taken = {path for pattern in patterns for path in package.glob(pattern)}
    taken |= {path for path in there if path.suffix == ".py" and (path.parent / "__init__.py").is_file()}
    assert sorted(str(path.relative_to(package)) for path in there - taken) == []
