"""make start, stop, status and logs, as far as they go without a whole system."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.waits import wait_until
from tools.stack import background, children, run
from tools.stack.plan import ROOT
from tools.stack.running import Running, is_running


def command(name: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(folder), **variables}
    asked = [sys.executable, "-m", "tools.stack.background", name]
    return subprocess.run(asked, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100)


@pytest.mark.parametrize(("name", "status"), [("stop", 0), ("status", 1), ("logs", 1)])
def test_where_nothing_runs_that_is_said(name: str, status: int, tmp_path: Path) -> None:
    ended = command(name, tmp_path / "data")
    assert (ended.returncode, ended.stdout, ended.stderr) == (status, "TADA does not run.\n", "")


def test_a_start_that_fails_says_why_and_keeps_its_log(tmp_path: Path) -> None:
    ended = command("start", tmp_path / "data", EDGE_PORT="none")
    assert ended.returncode == 2
    assert "TADA cannot start: EDGE_PORT: 'none' is not a valid port" in ended.stderr
    log = tmp_path / "data" / "run" / "tada.log"
    assert ended.stderr.endswith(f"TADA did not start. The whole log is {log}\n")
    assert "EDGE_PORT" in log.read_text()


def test_a_start_says_only_what_it_has_said_itself(tmp_path: Path) -> None:
    log = run.log_of(tmp_path)
    log.parent.mkdir(parents=True)
    log.write_text("from yesterday\n")
    ended = command("start", tmp_path, STORAGE="tape")
    assert "STORAGE: 'tape' is not a valid storage" in ended.stderr
    assert "from yesterday" not in ended.stderr
    assert log.read_text().startswith("from yesterday\n")


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = command("start", tmp_path / "file")
    assert ended.returncode == 2
    assert "cannot be written" in ended.stderr


@pytest.fixture
def started() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that somebody else waits for, as the system of make start is."""
    keeper = children.start([sys.executable, "-c", "import time; time.sleep(60)"])
    yield keeper
    keeper.kill()
    keeper.wait()


def test_stop_waits_until_the_system_has_ended(
    started: "subprocess.Popen[bytes]", tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert background.stop(Running(started.pid, tmp_path, {})) == 0
    assert started.wait() == -signal.SIGTERM
    assert capsys.readouterr().out == "TADA has stopped.\n"


def test_stop_does_not_say_that_a_system_has_stopped_that_has_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )
    process = children.start([sys.executable, "-c", deaf], stdout=subprocess.PIPE)
    assert process.stdout
    process.stdout.readline()
    monkeypatch.setattr(background, "STOP_WITHIN", 0.3)
    assert background.stop(Running(process.pid, tmp_path, {})) == 1
    assert "has not stopped within 0.3 s" in capsys.readouterr().out
    process.kill()
    process.communicate()


def test_a_system_that_is_ready_goes_on_when_nobody_waits_for_it_any_more() -> None:
    readable, writable = os.pipe()
    os.close(readable)
    run.tell(writable, "TADA is ready.")
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(writable)


def test_a_process_that_nobody_has_waited_for_does_not_run() -> None:
    process = children.start([sys.executable, "-c", ""])
    wait_until(lambda: not is_running(process.pid))
    assert process.wait() == 0
    assert not is_running(process.pid)
    assert is_running(os.getpid())


def test_status_says_which_parts_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run.processes_of(tmp_path).parent.mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        planned = {name: f"tcp://127.0.0.1:{each.getsockname()[1]}" for name, each in (("a", server), ("b", closed))}
        run.processes_of(tmp_path).write_text(json.dumps(planned))
        assert background.status(Running(7, tmp_path, {})) == 1
        assert capsys.readouterr().out.splitlines() == [
            f"TADA runs (pid 7) on {tmp_path}",
            "  a  answers",
            "  b  does not answer",
        ]
        run.processes_of(tmp_path).write_text(json.dumps({"a": planned["a"]}))
        assert background.status(Running(7, tmp_path, {})) == 0


def test_the_log_of_a_system_in_the_foreground_is_where_it_was_started(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert background.logs(Running(7, tmp_path, {})) == 1
    assert "make run" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("target", "variables"),
    [
        ("start", {}),
        ("start-standalone", {"STORAGE": "local"}),
        ("start-s3", {"STORAGE": "s3", "DATA_DIR": "data-s3"}),
        ("start-distant-backend", {"STORAGE": "distant", "DATA_DIR": "data-distant-backend"}),
    ],
)
@pytest.mark.parametrize("given", [{}, {"DATA_DIR": "/elsewhere"}])
def test_the_targets_of_make_choose_a_storage(
    target: str, variables: dict[str, str], given: dict[str, str], tmp_path: Path
) -> None:
    """With a Python that writes down what it is told, and without the installation and the documents."""
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "$* STORAGE=$STORAGE DATA_DIR=$DATA_DIR"\n')
    python.chmod(0o755)
    arguments = [f"{name}={value}" for name, value in given.items()]
    environment = {"PATH": os.environ["PATH"]}
    asked = ["make", "-s", "-o", "setup", "-o", "docs", target, f"PY={python}", *arguments]
    ended = subprocess.run(asked, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    expected = {"STORAGE": "", "DATA_DIR": "", **variables, **given}
    said = f"-m tools.stack.background start STORAGE={expected['STORAGE']} DATA_DIR={expected['DATA_DIR']}\n"
    assert ended.stdout == said
