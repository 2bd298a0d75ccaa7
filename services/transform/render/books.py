"""libvips' own books of what it has in use. pyvips does not read them, so its library is asked."""

import ctypes
from dataclasses import dataclass

import _libvips

_LIBRARY = ctypes.CDLL(_libvips.__file__)


@dataclass(frozen=True, slots=True)
class Books:
    """Bytes of pixels now and at most so far, blocks of them, open files."""

    memory: int
    peak: int
    allocations: int
    files: int


def read() -> Books:
    """Read the books."""
    return Books(_ask("mem"), _ask("mem_highwater"), _ask("allocs"), _ask("files"))


def _ask(name: str) -> int:
    function = _LIBRARY[f"vips_tracked_get_{name}"]
    function.restype = ctypes.c_int if name in ("allocs", "files") else ctypes.c_size_t
    return int(function())
