"""GIF (CompuServe, GIF89a): a header, blocks of frames and of what is said about them, a trailer."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from services.core.assets.containers import Malformed, Reader, exactly

_HEADER, _DESCRIPTOR = 13, 10
_EXTENSION, _FRAME, _TRAILER = 0x21, 0x2C, 0x3B
_CONTROL = 0xF9
_BLOCKS_MAX = 400_000
"""As many full blocks as are in 100 MB. More and smaller blocks would only keep a reader busy."""
TO_BACKGROUND, TO_PREVIOUS = 2, 3
"""Disposals: before the next frame, the place of the frame becomes empty, or what it was before the frame."""


class Frame(NamedTuple):
    """A frame of a canvas. Its blocks are [start, end); `disposal` says what becomes of it before the next one."""

    left: int
    top: int
    width: int
    height: int
    disposal: int
    transparent: bool
    """Whether one of its colours is transparent."""
    control: int | None
    """Where its control block begins."""
    start: int
    end: int


def canvas(source: Reader) -> tuple[int, int]:
    head = source.up_to(6, 4)
    return int.from_bytes(head[:2], "little"), int.from_bytes(head[2:], "little")


def frames(source: Reader) -> Iterator[Frame]:
    """Yield the frames up to the trailer; raises Malformed."""
    at = _HEADER + _table(exactly(source, 0, _HEADER)[10])
    start, control, more = at, None, iter(range(_BLOCKS_MAX))
    disposal, transparent = 0, False
    while (kind := exactly(source, at, 1)[0]) != _TRAILER:
        if kind == _EXTENSION:
            if exactly(source, at + 1, 1)[0] == _CONTROL:
                control, flags = at, exactly(source, at + 3, 1)[0]
                disposal, transparent = flags >> 2 & 7, bool(flags & 1)
            at = _blocks_end(source, at + 2, more)
        elif kind == _FRAME:
            descriptor = exactly(source, at, _DESCRIPTOR)
            left, top, width, height = struct.unpack("<4H", descriptor[1:9])
            at = _blocks_end(source, at + _DESCRIPTOR + _table(descriptor[9]) + 1, more)
            yield Frame(left, top, width, height, disposal, transparent, control, start, at)
            start, control, disposal, transparent = at, None, 0, False
        else:
            raise Malformed(f"has something other than a block at byte {at}")


def is_ended(source: Reader) -> bool:
    """Return True if a file has its whole first frame, as that can be shown; raises Malformed if it has not."""
    if source.size > _HEADER and source.up_to(source.size - 2, 2) == bytes((0, _TRAILER)):
        return True  # The file ends after the blocks of a frame.
    if next(frames(source), None) is None:
        raise Malformed("holds no picture")
    return True


def _table(flags: int) -> int:
    """Return the bytes of a colour table, as the flags before it say."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _blocks_end(source: Reader, at: int, more: Iterator[int]) -> int:
    """Return where the data ends that begins at a position: behind an empty block."""
    while True:
        if next(more, None) is None:
            raise Malformed("has too many blocks")
        length = exactly(source, at, 1)[0]
        if not length:
            break
        at += 1 + length
    return at + 1
