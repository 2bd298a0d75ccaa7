"""A GIF of which libvips shows what is empty as transparent, as browsers do. Pure.

Its decoder takes a canvas for opaque if no frame has a transparent colour, and fills with a colour what such a frame
leaves behind when it is cleared. Frames that show nothing, but have a transparent colour, change both.
"""

import struct
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from services.core.assets.containers import Malformed, Memory, gif
from services.core.assets.containers.gif import TO_BACKGROUND, TO_PREVIOUS, Frame

_KEPT = 1
_DISPOSAL = 0x1C
_TRANSPARENT = 1
_BITS = 2
"""Of a pixel of a frame that shows nothing; GIF has no fewer."""
_CLEAR, _END, _FIRST = 4, 5, 6
"""Codes of such a frame: the two that every frame has, and the first that stands for several pixels."""
_CODES = 4096
_BLOCK = 255


@dataclass(frozen=True, slots=True)
class Shown:
    """A GIF to decode, and which of its frames are the picture's, in their order; none if all of them are."""

    content: bytes
    pages: tuple[int, ...] = ()


def shown(content: bytes, frames_max: int, pixels_max: int) -> Shown:
    """Return a GIF that libvips decodes as browsers do; one of more frames or pixels than are rendered as it is."""
    source, frames = Memory(content), list[Frame]()
    with suppress(Malformed):  # It is shown up to its last whole frame.
        frames.extend(islice(gif.frames(source), frames_max + 1))
    if not 0 < len(frames) <= frames_max or sum(frame.width * frame.height for frame in frames) > pixels_max:
        return Shown(content)
    if not _begins_with_holes(source, frames) and not any(
        _leaves_a_hole(frame, first=number == 0) for number, frame in enumerate(frames[:-1])
    ):
        return Shown(content)
    kept, pages, begun = [content[: frames[0].start]], list[int](), 0
    for number, frame in enumerate(frames):
        pages.append(begun)
        begun += 1
        block = content[frame.start : frame.end]
        if frame is not frames[-1] and _leaves_a_hole(frame, first=number == 0):
            kept += [_keeping(block, frame), _nothing(frame, TO_BACKGROUND)]
            begun += 1
        else:
            kept.append(block)
    return Shown(b"".join([*kept, _nothing(frames[-1], _KEPT), b";"]), tuple(pages))


def _leaves_a_hole(frame: Frame, *, first: bool) -> bool:
    """Say whether a frame is cleared away, but not by the decoder: before the first one there is nothing, too."""
    return (frame.disposal == TO_BACKGROUND and not frame.transparent) or (first and frame.disposal == TO_PREVIOUS)


def _begins_with_holes(source: Memory, frames: list[Frame]) -> bool:
    """Say whether something of the canvas is empty though no frame has a transparent colour."""
    if any(frame.transparent for frame in frames):
        return False
    width, height = gif.canvas(source)
    first = frames[0]
    return bool(first.left or first.top) or first.width < width or first.height < height


def _keeping(block: bytes, frame: Frame) -> bytes:
    """Return the blocks of a frame that is not cleared away."""
    assert frame.control is not None  # It has said that it is to be cleared.
    at = frame.control - frame.start + 3
    return block[:at] + bytes([block[at] & ~_DISPOSAL | _KEPT << 2]) + block[at + 1 :]


def _nothing(frame: Frame, disposal: int) -> bytes:
    """Return a frame at the same place that shows nothing."""
    control = struct.pack("<BBBBHBB", 0x21, 0xF9, 4, disposal << 2 | _TRANSPARENT, 0, 0, 0)
    place = struct.pack("<BHHHHB", 0x2C, frame.left, frame.top, frame.width, frame.height, 0x80)
    return control + place + bytes(6) + bytes([_BITS]) + _blocks(_packed(frame.width * frame.height))


@lru_cache(maxsize=16)
def _packed(pixels: int) -> bytes:
    """Return so many pixels of the first colour, by LZW (GIF89a, appendix F): each code stands for one pixel more."""
    packed, bits, used = bytearray(), 0, 0
    size, following, run = _BITS + 1, _FIRST, 0

    def put(code: int) -> None:
        nonlocal bits, used
        bits |= code << used
        used += size
        while used >= 8:
            packed.append(bits & 0xFF)
            bits, used = bits >> 8, used - 8

    put(_CLEAR)
    while pixels:
        run = min(run + 1, pixels)
        put(_FIRST + run - 2 if run > 1 else 0)
        pixels -= run
        if run > 1:
            following += 1
        if following == _CODES:
            put(_CLEAR)
            size, following, run = _BITS + 1, _FIRST, 0
        elif following == 1 << size:
            size += 1
    put(_END)
    return bytes([*packed, bits])


def _blocks(content: bytes) -> bytes:
    parts = (content[at : at + _BLOCK] for at in range(0, len(content), _BLOCK))
    return b"".join([*(bytes([len(part)]) + part for part in parts), b"\0"])
