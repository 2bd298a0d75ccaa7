"""What the variables of `make run` say, without starting anything."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.stack import variables
from tools.stack.plan import ROOT, PlanError


def public_url(folder: Path, **given: str) -> str:
    """Return what the catalog service of a system is told, with these variables."""
    processes = variables.stack({"DATA_DIR": str(folder), **given}).processes()
    return next(process for process in processes if process.name == "catalog").environment["PUBLIC_URL"]


def test_without_a_public_address_it_is_that_of_the_edge(tmp_path: Path) -> None:
    assert public_url(tmp_path, EDGE_PORT="8123") == "http://localhost:8123"


@pytest.mark.parametrize("address", ["", "https://media.example.com"])
def test_a_public_address_that_is_given_stays_as_it_is_also_an_empty_one(tmp_path: Path, address: str) -> None:
    assert public_url(tmp_path, PUBLIC_URL=address) == address


def test_other_variables_that_are_empty_are_as_good_as_none() -> None:
    assert variables.stack({"LOG_FORMAT": "", "API_PREFIX": ""}).settings == {"LOG_FORMAT": "text"}


def test_a_variable_that_is_nearly_one_of_make_run_is_named() -> None:
    given = {"TRANSFORM_WORKER": "2", "DATA_DIRS": "x", "EDGE_PORT": "8080", "METRICS_HOST": "127.0.0.1"}
    assert variables.near_misses(given) == {"DATA_DIRS": "DATA_DIR", "TRANSFORM_WORKER": "TRANSFORM_WORKERS"}


def test_make_run_says_so_before_it_starts() -> None:
    environment = {"PATH": os.environ["PATH"], "TRANSFORM_WORKER": "2", "TRANSFORM_WORKERS": "none"}
    command = [sys.executable, "-m", "tools.stack.run"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[0] == (
        "make run does not read TRANSFORM_WORKER. If TRANSFORM_WORKERS is meant, rename it."
    )


def test_a_number_that_is_none_stops_the_start() -> None:
    with pytest.raises(PlanError, match="TRANSFORM_WORKERS: 'none' is not a valid number"):
        variables.stack({"TRANSFORM_WORKERS": "none"})
