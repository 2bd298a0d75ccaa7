"""What libvips has in use, by its own count. pyvips does not show it, so the library itself is asked."""

import ctypes
from dataclasses import dataclass

import _libvips

_LIBRARY = ctypes.CDLL(_libvips.__file__)


@dataclass(frozen=True, slots=True)
class Usage:
    """`memory` and `peak` are bytes of pixels, now and at most so far, in so many `allocations`; `files` are open."""

    memory: int
    peak: int
    allocations: int
    files: int


def read() -> Usage:
    """Return what is in use now."""
    return Usage(_ask("mem"), _ask("mem_highwater"), _ask("allocs"), _ask("files"))


def _ask(name: str) -> int:
    function = _LIBRARY[f"vips_tracked_get_{name}"]
    function.restype = ctypes.c_int if name in ("allocs", "files") else ctypes.c_size_t
    return int(function())
