"""What is there to deploy with holds the forms that it is read by, and asks for nothing that this package does not have."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from poverty_assets import cli
from poverty_assets.settings import Settings

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
MANIFESTS = list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8")))
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SECRET = re.compile("PASSWORD|KEY|DATABASE_URL|ALERT_URL")


def containers():
    pods = [one["spec"] for one in MANIFESTS if one["kind"] in ("Deployment", "CronJob")]
    pods = [one.get("jobTemplate", {"spec": one})["spec"]["template"]["spec"] for one in pods]
    return [container for pod in pods for container in pod["containers"]]


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda one: f"{one['kind']}-{one['metadata']['name']}")
def test_manifests_are_kubernetes_own(manifest):
    kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


def test_services_are_compose_own(tmp_path):
    if shutil.which("docker-compose") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no docker-compose: .ci/run must install it")
        pytest.skip("docker-compose is not installed (Debian: docker-compose)")
    environment = {"PATH": os.environ["PATH"], "POSTGRES_PASSWORD": "secret"}
    command = ["docker-compose", "-f", str(DEPLOY / "compose.yaml"), "config"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_settings_and_commands_of_every_container_are_there():
    known = {f"POVERTY_ASSETS_{name.upper()}" for name in Settings.model_fields}
    known |= set(re.findall(r"POVERTY_ASSETS_\w+", (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")))
    asked = {name for service in COMPOSE["services"].values() for name in service.get("environment", {})}
    asked |= {one["name"] for container in containers() for one in container.get("env", [])}
    assert {name for name in asked if name.startswith("POVERTY")} - known == set()
    commands = {command.name or command.callback.__name__ for command in cli.app.registered_commands}
    told = [container["args"][0] for container in containers() if "args" in container]
    assert {*told, COMPOSE["services"]["ui"]["command"][0]} <= commands


def test_no_secret_stands_in_a_file():
    said = [pair for service in COMPOSE["services"].values() for pair in service.get("environment", {}).items()]
    said += [(one["name"], one.get("value", "${}")) for container in containers() for one in container.get("env", [])]
    # without a value, a variable is handed on from the environment
    assert [name for name, value in said if SECRET.search(name) and value is not None and "${" not in value] == []


def test_the_image_takes_extras_that_there_are():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    asked = re.findall(r"'(?:\.|poverty-assets)\[([\w,]+)\]'", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"))
    assert len(asked) == 2
    assert set(",".join(asked).split(",")) <= set(extras)


def test_only_the_proxy_is_reached_from_outside():
    published = {name: service["ports"] for name, service in COMPOSE["services"].items() if "ports" in service}
    assert published == {"ui": ["8080:8080"]}
    assert COMPOSE["services"]["proxy"]["network_mode"] == "service:ui"
    assert "listen 8080;" in (DEPLOY / "proxy.conf").read_text(encoding="utf-8")
