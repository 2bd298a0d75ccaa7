"""The files that containers are built and started by, as the real tools read them."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools import programs

ROOT = Path(__file__).parents[2]
COMPOSE_FILES = sorted(ROOT.glob("compose*.yaml"))
DOCKERFILES = sorted([*ROOT.glob("services/*/Dockerfile"), *ROOT.glob("gateway/*/Dockerfile")])
TOKENS = {"MEDIA_TOKEN": "m" * 16, "PURGE_TOKEN": "p" * 16}


def composed(*files: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    names = [word for file in files for word in ("-f", file.name)]
    # Without a folder of Docker's own settings and without .env: what somebody has there must not matter.
    clean = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "COMPOSE_DISABLE_ENV_FILE": "1", **environment}
    command = [programs.path("docker-compose"), "--project-directory", ROOT, *names, "config"]
    return subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True)


def read(file: Path) -> Any:
    ended = composed(file, environment=TOKENS)
    assert ended.returncode == 0, ended.stderr
    assert "level=warning" not in ended.stderr, ended.stderr
    return yaml.safe_load(ended.stdout)


@pytest.mark.parametrize("file", COMPOSE_FILES, ids=lambda file: file.name)
def test_compose_reads_its_files_without_a_complaint(file: Path) -> None:
    assert read(file)["services"]


@pytest.mark.parametrize("missing", TOKENS)
def test_compose_says_which_token_is_missing_and_where_it_goes(missing: str) -> None:
    ended = composed(ROOT / "compose.yaml", environment=TOKENS | {missing: ""})
    assert ended.returncode != 0
    assert missing in ended.stderr
    assert ".env" in ended.stderr


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_hadolint_has_nothing_to_say_about_a_dockerfile(file: Path) -> None:
    ended = subprocess.run([Path(sys.prefix) / "bin" / "hadolint", file], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_yamllint_has_nothing_to_say_about_what_is_written_in_yaml() -> None:
    files = [*COMPOSE_FILES, *ROOT.glob("charts/*/*.yaml")]
    command = [sys.executable, "-m", "yamllint", "--strict", "-c", ROOT / ".yamllint.yaml", *files]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
