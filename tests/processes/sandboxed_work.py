"""Work for a sandbox: it says what it can do there, or does what a hostile file would make it do."""

import os
import resource
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from services.core.sandbox import Refusal


def answer(order: dict[str, Any], source: bytes) -> tuple[dict[str, Any], bytes]:
    return globals()[f"_{order['do']}"](source, **order.get("with", {}))  # type: ignore[no-any-return]


def _echo(source: bytes) -> tuple[dict[str, Any], bytes]:
    return {"length": len(source)}, source


def _measure(source: bytes) -> tuple[dict[str, Any], bytes]:
    return {"length": len(source)}, b""


def _refuse(source: bytes) -> tuple[dict[str, Any], bytes]:
    raise Refusal("it is not a picture")


def _crash(source: bytes) -> tuple[dict[str, Any], bytes]:
    os.abort()


def _be_killed(source: bytes) -> tuple[dict[str, Any], bytes]:
    """End as when the kernel needs memory for others."""
    os.kill(os.getpid(), signal.SIGKILL)
    return {}, b""


def _who(source: bytes) -> tuple[dict[str, Any], bytes]:
    return {"pid": os.getpid()}, b""


def _use(source: bytes, seconds: float) -> tuple[dict[str, Any], bytes]:
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass
    return _who(source)


def _spoil(source: bytes) -> tuple[dict[str, Any], bytes]:
    """Leave the process so that it can do nothing more, as a hostile file could."""
    globals()["answer"] = lambda order, source: _refuse(source)
    return _who(source)


def _look_around(source: bytes) -> tuple[dict[str, Any], bytes]:
    return {
        "environment": sorted(os.environ),
        "descriptors": sorted(int(path.name) for path in Path("/proc/self/fd").iterdir()),
        "niceness": os.nice(0),
        "network": str(Path("/proc/self/ns/net").readlink()),
        "core": resource.getrlimit(resource.RLIMIT_CORE)[0],
    }, b""


def _write(source: bytes, path: str) -> tuple[dict[str, Any], bytes]:
    try:
        Path(path).write_bytes(b"x")
    except OSError as error:
        return {"error": error.strerror}, b""
    return {}, b""


def _harm(source: bytes, folder: str, pid: int) -> tuple[dict[str, Any], bytes]:
    """Try to change a file and its folder, and to reach another process; say what was not forbidden."""
    file = Path(folder, "file")
    attempts: dict[str, Callable[[], object]] = {
        "write": lambda: file.open("r+b").close(),
        "cut": lambda: os.truncate(file, 0),
        "move": lambda: file.rename(file.with_name("moved")),
        "link": lambda: os.link(file, file.with_name("linked")),
        "make": lambda: file.with_name("made").touch(),
        "signal": lambda: os.kill(pid, 0),
        "look": lambda: Path(f"/proc/{pid}/environ").read_bytes(),
        "remove": file.unlink,
    }
    done = []
    for name, attempt in attempts.items():
        with suppress(OSError):
            attempt()
            done.append(name)
    return {"done": done, "read": file.read_text()}, b""


def _connect(source: bytes, port: int) -> tuple[dict[str, Any], bytes]:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError as error:
        return {"error": error.strerror}, b""
    return {}, b""


def _take_memory(source: bytes) -> tuple[dict[str, Any], bytes]:
    return {"bytes": len(bytearray(400 * 2**20))}, b""


def _compute(source: bytes) -> tuple[dict[str, Any], bytes]:
    while True:
        pass


def _sleep(source: bytes) -> tuple[dict[str, Any], bytes]:
    time.sleep(60)
    return {}, b""
