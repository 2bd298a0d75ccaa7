"""Free ports for the processes of a system that is there for a while only."""

import errno
import fcntl
import functools
import itertools
import os
import random
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tools.stack.plan import LOOPBACK

_PORTS = range(10_000, 20_000)
"""Below those that the kernel chooses itself: a client of anybody gets none of them before its server has it."""
_SHARE = 250
"""Ports of one process. No other one is given them as long as it lives."""


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on, and that no other process gets from here."""
    return list(itertools.islice(filter(_is_free, _share()), count))


@functools.cache
def _share() -> Iterator[int]:
    """Return the ports of this process, again and again. A lock, which ends with the process, keeps them."""
    folder = Path(tempfile.gettempdir(), f"tada-ports-{os.getuid()}")
    folder.mkdir(exist_ok=True)
    shares = [_PORTS[at : at + _SHARE] for at in range(0, len(_PORTS), _SHARE)]
    for share in random.sample(shares, len(shares)):
        lock = os.open(folder / str(share.start), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
        else:
            return itertools.cycle(share)
    raise RuntimeError(f"{len(shares)} processes have all ports from {_PORTS.start} on")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True
