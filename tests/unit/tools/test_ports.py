"""A free port stays free until its server has it."""

import itertools
import socket
from pathlib import Path

import pytest

from tools.stack import ports
from tools.stack.plan import LOOPBACK
from tools.stack.ports import free_ports


def test_the_kernel_gives_none_of_them_to_a_client() -> None:
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert max(free_ports(100)) < first


def test_each_is_given_once() -> None:
    assert len({*free_ports(50), *free_ports(50)}) == 100


def test_one_that_is_in_use_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    [port] = free_ports(1)
    with socket.socket() as used:
        used.bind((LOOPBACK, port))
        monkeypatch.setattr(ports, "_turns", itertools.count(port - ports._PORTS.start))
        assert port not in free_ports(5)


def test_after_the_last_comes_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_turns", itertools.count(len(ports._PORTS) - 1))
    assert set(free_ports(5)) <= set(ports._PORTS)
