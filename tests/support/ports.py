"""Ports for the processes of tests."""

import random
import socket
from contextlib import suppress


def free_run_of_ports(count: int) -> int:
    """Return the first of so many ports in a row that nobody listens on, below those that clients are given."""
    while True:
        first = random.randrange(20000, 32000)
        with suppress(OSError):
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
            return first
