"""Starts processes that end with this one, however it ends: also if it is killed.

A watcher knows of them. It is a process of its own that reads from a pipe to which only this process writes. The end of
the pipe is the end of this process: the watcher then kills what is left, with all that it has started.

A signal of the kernel at the end of a parent (PR_SET_PDEATHSIG) is not enough. It comes when the thread ends that has
started the process, and it does not reach what the process has started itself.
"""

import atexit
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

_watchers: list["subprocess.Popen[bytes]"] = []
"""None before the first start, and then one."""
_starting = threading.Lock()


def start(
    command: list[str], environment: Mapping[str, str] | None = None, **options: Any
) -> "subprocess.Popen[bytes]":
    """Start a process in a session of its own. `options` are those of Popen."""
    with _starting:
        if not _watchers:
            _watchers.append(_watcher())
            atexit.register(_end, _watchers[0])
    pipe = _watchers[0].stdin
    assert pipe
    process = subprocess.Popen(command, env=environment, start_new_session=True, **options)
    with suppress(BrokenPipeError):  # Somebody has killed the watcher.
        os.write(pipe.fileno(), f"{process.pid}\n".encode())
    return process


def _watcher() -> "subprocess.Popen[bytes]":
    quiet = subprocess.DEVNULL
    command = [sys.executable, "-I", "-S", __file__]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, cwd="/", start_new_session=True)


def _end(watcher: "subprocess.Popen[bytes]") -> None:
    assert watcher.stdin
    watcher.stdin.close()
    watcher.wait()


def _watch(lines: Iterable[bytes]) -> None:
    """Read the ids of processes, each the leader of its group; when there are no more lines, kill the groups."""
    begun = {pid: _begun(pid) for pid in map(int, lines)}
    for pid, moment in begun.items():
        # The id of a process that has ended may be that of a stranger now.
        if _begun(pid) in (moment, None):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)


def _begun(pid: int) -> str | None:
    """Return when a process began, as the kernel counts; None if there is no such process, or no /proc."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[19]
    except OSError:
        return None


if __name__ == "__main__":
    _watch(sys.stdin.buffer)
