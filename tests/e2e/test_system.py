"""The system that the other tests run on leaves nothing behind, whatever has happened to it."""

import os
import signal
from pathlib import Path

import pytest

from tests.processes.system import System
from tests.support.waits import wait_until
from tools.stack.running import is_running


def with_children(pid: int) -> set[int]:
    return {pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())}


def test_everything_is_stopped_even_when_a_part_has_died(tmp_path: Path) -> None:
    system = System(tmp_path, {})
    system.add("broken", like="catalog", NAMESPACES_ALLOWED="dumps")
    try:
        system.start("redis", "nginx-cache", "nginx-edge")
        processes = set.union(*(with_children(system.pid(name)) for name in ("redis", "nginx-cache", "nginx-edge")))
        with pytest.raises(AssertionError, match="broken ended with 2"):
            system.start("broken")
        # Its workers outlive it.
        os.kill(system.pid("nginx-cache"), signal.SIGKILL)
        wait_until(lambda: not is_running(system.pid("nginx-cache")))
    finally:
        with pytest.raises(AssertionError, match=r"(?s)nginx-cache had ended with -9.*broken had ended with 2"):
            system.stop()
    wait_until(lambda: not any(map(is_running, processes)))
    assert not system.sockets.exists()
    system.stop()
