"""A free port stays free until its server has it."""

import itertools
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import IO, cast

import pytest

from tools.stack import ports
from tools.stack.plan import LOOPBACK, ROOT
from tools.stack.ports import free_ports


def test_the_kernel_gives_none_of_them_to_a_client() -> None:
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert max(free_ports(100)) < first


def test_each_is_given_once_before_all_have_been_given() -> None:
    assert len({*free_ports(50), *free_ports(50)}) == 100


def test_one_that_is_in_use_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    [port, other] = free_ports(2)
    with socket.socket() as used:
        used.bind((LOOPBACK, port))
        monkeypatch.setattr(ports, "_share", lambda: iter([port, other]))
        assert free_ports(2) == [other]


def test_processes_at_the_same_time_get_none_of_each_other() -> None:
    program = "from tools.stack.ports import free_ports; print(*free_ports(200), flush=True); input()"
    command = [sys.executable, "-c", program]
    with ExitStack() as stack:
        running = [
            stack.enter_context(
                subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            for _ in range(3)
        ]
        given = [set(map(int, cast("IO[str]", process.stdout).readline().split())) for process in running]
        own = set(free_ports(200))
        for process in running:
            process.communicate("\n")
    assert [len(one) for one in given] == [200, 200, 200]
    for one, other in itertools.combinations([own, *given], 2):
        assert not one & other
