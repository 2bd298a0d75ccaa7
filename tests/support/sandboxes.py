"""The sandboxes that a process of the tests has."""

from collections.abc import Callable
from pathlib import Path

Children = Callable[[], set[str]]
"""Returns the sandboxes that a test has started and that have not ended: those of other tests do not count."""


def sandboxes() -> set[str]:
    """Return the ids of the sandboxes of this process, whichever of its threads has started them.

    A worker of pytest has other children: the systems that tests share.
    """
    ids = b" ".join(_read(path) for path in Path("/proc/self/task").glob("*/children")).decode().split()
    return {number for number in ids if b"services.core.sandbox" in _read(Path(f"/proc/{number}/cmdline"))}


def _read(path: Path) -> bytes:
    """Return a file of a thread or a process; nothing if it has ended."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
