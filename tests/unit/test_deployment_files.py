"""The files that containers are built and started by, as the real tools read them."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.core.older_names import OLDER_NAMES
from tools import programs
from tools.stack.plan import ALLOCATOR

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "compose.yaml"
# Each of the others goes on top of compose.yaml.
COMPOSE_FILES = [COMPOSE, *sorted(ROOT.glob("compose.*.yaml")), ROOT / "integrations" / "directus" / "compose.yaml"]
DOCKERFILES = sorted(ROOT.glob("[!.]*/*/Dockerfile"))


def composed(*files: str, **given: str) -> dict[str, Any]:
    """Return what Compose makes of files and variables, without a complaint."""
    # Without .env and a folder of Docker's own settings: what somebody has there must not matter. Nothing is needed.
    clean = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "COMPOSE_DISABLE_ENV_FILE": "1", **given}
    named = [word for file in files for word in ("-f", str(ROOT / file))]
    command = [str(programs.path("docker-compose")), "--project-directory", str(ROOT), *named, "config"]
    said = subprocess.run(command, env=clean, capture_output=True, text=True)
    assert (said.returncode, said.stderr) == (0, "")
    return yaml.safe_load(said.stdout)  # type: ignore[no-any-return]


@pytest.mark.parametrize("file", COMPOSE_FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_compose_reads_its_files_without_a_complaint(file: Path) -> None:
    assert composed(*dict.fromkeys((COMPOSE.name, str(file.relative_to(ROOT)))))["services"]


@pytest.mark.parametrize("file", sorted(ROOT.glob("integrations/*/compose.yaml")), ids=lambda file: file.parent.name)
def test_compose_reads_those_of_integrations_without_a_complaint(file: Path) -> None:
    assert composed(str(file.relative_to(ROOT)))["services"]


def test_compose_passes_on_what_each_service_has_to_say_of_older_names() -> None:
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    # Compose says itself where the nodes are.
    expected = [older for older in OLDER_NAMES if older.fate != "changed"]
    assert [older.name for older in expected if older.name not in services[older.service]["environment"]] == []
    renamed = [older for older in OLDER_NAMES if older.fate == "renamed"]
    for older in renamed:
        for service in ("catalog", "transform", "jobs"):
            passed = services[service]["environment"]
            assert (older.name in passed) == (older.here in passed)


def test_the_file_with_the_older_name_is_that_for_work_on_the_code() -> None:
    older, ours = composed("docker-compose.dev.yml"), composed("compose.yaml", "compose.dev.yaml")
    for part in ("name", "services", "networks", "volumes"):
        assert older[part] == ours[part]


@pytest.mark.parametrize(
    ("given", "internal", "upload"),
    [
        ({}, "127.0.0.1", "127.0.0.1"),
        ({"API_BIND": "10.0.0.5"}, "10.0.0.5", "127.0.0.1"),
        ({"UPLOAD_BIND": "0.0.0.0"}, "127.0.0.1", "0.0.0.0"),
    ],
)
def test_each_entry_is_open_to_this_machine_or_to_the_address_that_is_given_for_it(
    given: dict[str, str], internal: str, upload: str
) -> None:
    ports = composed("compose.yaml", **given)["services"]["cache"]["ports"]
    assert {port["published"]: port["host_ip"] for port in ports} == {"3001": internal, "8082": upload}


@pytest.mark.parametrize(("given", "public"), [({}, "http://localhost:8080"), ({"PUBLIC_URL": ""}, "")])
def test_an_empty_public_address_stays_empty(given: dict[str, str], public: str) -> None:
    assert composed("compose.yaml", **given)["services"]["catalog"]["environment"]["PUBLIC_URL"] == public


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_hadolint_has_nothing_to_say_about_a_dockerfile(file: Path) -> None:
    ended = subprocess.run([Path(sys.prefix) / "bin" / "hadolint", file], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_yamllint_has_nothing_to_say_about_what_is_written_in_yaml() -> None:
    files = [*COMPOSE_FILES, *ROOT.glob("charts/*/*.yaml")]
    command = [sys.executable, "-m", "yamllint", "--strict", "-c", str(ROOT / ".yamllint.yaml"), *map(str, files)]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


@pytest.mark.parametrize("service", ["catalog", "jobs", "transform"])
def test_the_images_give_memory_back_as_make_run_does(service: str) -> None:
    said = (ROOT / "services" / service / "Dockerfile").read_text()
    assert all(f"{name}={value} " in said for name, value in ALLOCATOR.items())
