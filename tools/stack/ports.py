"""Ports for the processes of a system that is there for a while only."""

import errno
import itertools
import random
import socket

from tools.stack.plan import LOOPBACK

_PORTS = range(10_000, 20_000)
"""Below those that the kernel chooses itself: a client of anybody gets none of them before its server has it."""
_turns = itertools.count(random.randrange(len(_PORTS)))  # noqa: S311 - not a secret
"""Where the next search begins. One process gets no port twice, and two processes seldom get the same."""


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on."""
    found: list[int] = []
    while len(found) < count:
        port = _PORTS[next(_turns) % len(_PORTS)]
        if _is_free(port):
            found.append(port)
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True
