"""The runner of `make run`, the tests and the bench, with processes that do what the test says."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.waits import wait_until
from tools.stack.joined_log import JoinedLog
from tools.stack.plan import ROOT, Process
from tools.stack.ports import free_ports
from tools.stack.processes import NotReady, Processes

NEVER_READY = f"http://127.0.0.1:{free_ports(1)[0]}/"
STARTER = """
import os, threading, time
from tools.stack.plan import Process
from tools.stack.processes import Processes

plan = [Process(name, ["sh", "-c", "sleep 60 & wait"], dict(os.environ), "") for name in ("here", "in a thread")]
run = Processes(plan, lambda name: open(os.devnull, "ab"))
run.start("here")
thread = threading.Thread(target=run.start, args=("in a thread",))
thread.start()
thread.join()
print(*map(run.pid, run.names), flush=True)
time.sleep(60)
"""
"""Starts two groups of processes, one of them from a thread that has ended when their ids are printed."""


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Processes]:
    made = Processes(
        [
            Process("waits", ["sleep", "60"], dict(os.environ), NEVER_READY),
            Process("ends", ["sh", "-c", "echo why; sleep 60 & exit 3"], dict(os.environ), NEVER_READY),
            Process("stays", ["sh", "-c", "trap '' TERM; echo set; while :; do sleep 60; done"], dict(os.environ), ""),
        ],
        lambda name: (tmp_path / name).open("ab"),
    )
    yield made
    made.kill(*made.names)


def is_there(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_process_that_ends_by_itself_is_noticed_and_leaves_nothing(run: Processes) -> None:
    run.start("waits", "ends")
    with pytest.raises(NotReady, match=r"^ends ended with 3$"):
        run.wait_ready("ends", within=10)
    assert run.ended() == {"ends": 3}
    pids = [run.pid(name) for name in run.names]
    assert run.end(signal.SIGTERM, *run.names, within=10) == []
    assert run.names == []
    wait_until(lambda: not any(map(is_there, pids)))


def members(group: int) -> list[int]:
    """Return the processes of a group that run, or would if they were not frozen."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, of = path.read_text(errors="replace").rpartition(")")[2].split()[:3]
            if int(of) == group and state != "Z":
                found.append(int(path.parent.name))
    return found


def test_processes_end_with_the_one_that_has_started_them_and_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", STARTER], cwd=ROOT, stdout=subprocess.PIPE) as starter:
        assert starter.stdout
        groups = [int(pid) for pid in starter.stdout.readline().split()]
        wait_until(lambda: [len(members(group)) for group in groups] == [2, 2])
        os.killpg(groups[0], signal.SIGSTOP)
        starter.kill()
    wait_until(lambda: not any(map(members, groups)), within=10)


def test_one_that_does_not_answer_in_time_is_named(run: Processes) -> None:
    run.start("waits")
    with pytest.raises(NotReady, match=r"^waits is not ready after 0\.1 s$"):
        run.wait_ready("waits", within=0.1)


def test_one_that_does_not_end_is_killed_and_said(run: Processes, tmp_path: Path) -> None:
    run.start("waits", "stays")
    wait_until(lambda: (tmp_path / "stays").read_text() == "set\n")
    run.send(signal.SIGSTOP, "waits")
    pid = run.pid("stays")
    assert run.end(signal.SIGTERM, "waits", "stays", within=0.3) == ["stays"], "a frozen one is woken to end"
    wait_until(lambda: not is_there(pid))


def test_a_joined_log_has_whole_lines_with_their_names(capsys: pytest.CaptureFixture[str]) -> None:
    log = JoinedLog(5)
    with log.open("one") as first, log.open("other") as second:
        first.write(b"be")
        first.flush()
        second.write(b"whole\n\xff\n")
        second.flush()
        first.write(b"gun")
    log.say("system", "stopped")
    log.close()
    lines = [line.partition(" ")[2] for line in capsys.readouterr().out.splitlines()]
    assert sorted(lines) == ["one   | begun", "other | whole", "other | \N{REPLACEMENT CHARACTER}", "system | stopped"]
