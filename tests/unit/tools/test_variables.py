"""What the variables of `make run` say, without starting anything."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tools.stack import s3, variables
from tools.stack.plan import ROOT, PlanError, Ports
from tools.stack.ports import free_ports


def public_url(folder: Path, **given: str) -> str:
    """Return what the catalog service of a system is told, with these variables."""
    processes = variables.stack({"DATA_DIR": str(folder), **given}).processes()
    return next(process for process in processes if process.name == "catalog").environment["PUBLIC_URL"]


def test_without_a_public_address_it_is_that_of_the_edge(tmp_path: Path) -> None:
    assert public_url(tmp_path, EDGE_PORT="8123") == "http://localhost:8123"


@pytest.mark.parametrize("address", ["", "https://media.example.com"])
def test_a_public_address_that_is_given_stays_as_it_is_also_an_empty_one(tmp_path: Path, address: str) -> None:
    assert public_url(tmp_path, PUBLIC_URL=address) == address


def test_other_variables_that_are_empty_are_as_good_as_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variables, "DOCS", tmp_path)
    found = variables.stack({"LOG_FORMAT": "", "API_PREFIX": "", "TRASH_DAYS": ""}).settings
    assert found == {"LOG_FORMAT": "text", "TRASH_DAYS": "30"}


@pytest.mark.parametrize(
    ("given", "days"),
    [
        ({}, "30"),
        ({"STORAGE": "s3"}, "30"),
        ({"STORAGE": "local", "DELEGATED_STORAGE_METHOD": "DISTANT_BACKEND"}, "30"),
        ({"TRASH_DAYS": "7"}, "7"),
        ({"TRASH_DAYS": "0"}, "0"),
        ({"STORAGE": "distant"}, None),
        ({"DELEGATED_STORAGE_METHOD": "DISTANT_BACKEND"}, None),
    ],
)
def test_deleted_assets_can_be_brought_back_where_the_storage_allows_it(
    given: dict[str, str], days: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "program", lambda: Path(sys.executable))
    for name in ("TRASH_DAYS", "DELEGATED_STORAGE_METHOD"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    plan = {
        process.name: process.environment
        for process in variables.stack({"DATA_DIR": str(tmp_path), **given}).processes()
    }
    assert [plan[name].get("TRASH_DAYS") for name in ("catalog", "jobs")] == [days, days]


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


def test_the_example_of_a_distant_backend_is_part_of_the_system_and_has_its_token(tmp_path: Path) -> None:
    stack = variables.stack({"DATA_DIR": str(tmp_path), "STORAGE": "distant", "BACKEND_PORT": "3102"})
    plan = {process.name: process for process in stack.processes()}
    told = plan["catalog"].environment
    assert told["DELEGATED_STORAGE_METHOD"] == "DISTANT_BACKEND"
    assert told["DELEGATED_STORAGE_HOST"] == "http://127.0.0.1:3102"
    assert told["DELEGATED_STORAGE_TOKEN"] == plan["backend"].environment["BACKEND_TOKEN"]
    assert len(told["DELEGATED_STORAGE_TOKEN"]) > 40
    assert stack.backend_token_file.stat().st_mode & 0o077 == 0
    again = variables.stack({"DATA_DIR": str(tmp_path), "STORAGE": "distant"}).processes()
    assert {told["DELEGATED_STORAGE_TOKEN"]} == {
        process.environment["BACKEND_TOKEN"] for process in again if process.name == "backend"
    }


def test_a_distant_backend_of_ones_own_is_used_and_the_example_is_not_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DELEGATED_STORAGE_HOST", "http://backend:3000")
    given = {"DATA_DIR": str(tmp_path), "STORAGE": "distant", "DELEGATED_STORAGE_HOST": "http://backend:3000"}
    plan = {process.name: process for process in variables.stack(given).processes()}
    assert "backend" not in plan
    assert plan["catalog"].environment["DELEGATED_STORAGE_HOST"] == "http://backend:3000"
    assert plan["catalog"].environment["DELEGATED_STORAGE_METHOD"] == "DISTANT_BACKEND"


@pytest.mark.parametrize("inherited", ["", "STANDALONE", "S3", "DISTANT_BACKEND"])
@pytest.mark.parametrize(
    ("storage", "method"), [("local", "STANDALONE"), ("s3", "S3"), ("distant", "DISTANT_BACKEND"), ("", None)]
)
def test_the_storage_that_is_chosen_counts_whatever_the_environment_has(
    storage: str, method: str | None, inherited: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "program", lambda: Path(sys.executable))
    monkeypatch.setenv("DELEGATED_STORAGE_METHOD", inherited)
    given = {"DATA_DIR": str(tmp_path), "STORAGE": storage, "DELEGATED_STORAGE_METHOD": inherited}
    plan = {process.name: process.environment for process in variables.stack(given).processes()}
    services = [plan[name] for name in ("catalog", "transform", "jobs")]
    expected = inherited if method is None else method
    assert {told["DELEGATED_STORAGE_METHOD"] for told in services} == {expected}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"STORAGE": "tape"}, "STORAGE: 'tape' is not a valid storage; expected local, s3 or distant"),
        ({"STORAGE": "distant", "BACKEND_PORT": "x"}, "BACKEND_PORT: 'x' is not a valid port"),
    ],
)
def test_what_cannot_be_a_storage_stops_the_start(given: dict[str, str], said: str) -> None:
    with pytest.raises(PlanError, match=said):
        variables.stack(given)


def test_the_port_of_the_example_is_looked_at_as_the_others_are(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        given = {name: str(free) for name, free in Ports(*free_ports(7)).by_variable().items()}
        stack = variables.stack(
            {**given, "METRICS_PORT": "0", "DATA_DIR": str(tmp_path), "STORAGE": "distant", "BACKEND_PORT": str(port)}
        )
        with pytest.raises(PlanError, match=f"port {port} cannot be used .* make run BACKEND_PORT="):
            variables.check_ports(stack)
