"""PNG and APNG (W3C Portable Network Graphics, third edition): a signature, then chunks up to IEND (5.2, 5.3)."""

import zlib
from collections.abc import Iterator
from typing import NamedTuple

from services.core.assets.containers import CutShort, Memory, Reader

SIGNATURE = b"\x89PNG\r\n\x1a\n"
END = b"\0\0\0\0IEND\xaeB\x60\x82"
_HEAD = 8
_AROUND = 12
"""Bytes of a chunk's length, name and CRC."""
_PICTURE = frozenset({b"IHDR", b"iCCP", b"PLTE", b"tRNS", b"IDAT", b"IEND"})


class Chunk(NamedTuple):
    """A chunk [start, end), from its length to its CRC."""

    name: bytes
    start: int
    end: int

    @property
    def data(self) -> tuple[int, int]:
        return self.start + _HEAD, self.end - 4


def is_ended(source: Reader) -> bool:
    """Say whether a file has its end mark; if only that is missing, a decoder knows whether all pixels are there.

    Raises Malformed for one that breaks off in a chunk, or before its picture.
    """
    pictured = False
    marked = source.up_to(source.size - len(END), len(END)) == END
    for chunk in chunks(source):
        pictured = pictured or chunk.name == b"IDAT"
        # A file can have thousands of chunks: they are not read if the end mark is in its place.
        if pictured and (marked or chunk.name == b"IEND"):
            return True
        if chunk.end > source.size:
            raise CutShort(f"is cut short in the chunk at byte {chunk.start}")
    if not pictured:
        raise CutShort("is cut short before its picture")
    return False


def chunks(source: Reader) -> Iterator[Chunk]:
    """Yield the chunks behind the signature, as long as there is a whole header. IEND does not end the walk."""
    at = len(SIGNATURE)
    while len(head := source.up_to(at, _HEAD)) == _HEAD:
        end = at + _AROUND + int.from_bytes(head[:4], "big")
        yield Chunk(head[4:], at, end)
        at = end


def sound(source: Reader, chunk: Chunk) -> bytes | None:
    """Return the data of a chunk; None when its CRC is wrong. Decoders pass over such a chunk if they can (13.2)."""
    first, last = chunk.data
    named = source.up_to(first - 4, last - first + 4)
    crc = source.up_to(last, 4)
    return named[4:] if zlib.crc32(named).to_bytes(4, "big") == crc else None


def pictured(content: bytes) -> bytes:
    """Return a PNG with nothing but its picture and its colour profile. Every CRC is made right.

    A PNG with nothing else is returned as it is, so there is no second copy in memory.
    """
    view, found = memoryview(content), list(chunks(Memory(content)))
    if all(name in _PICTURE and _crc(view, start, end) == view[end - 4 : end] for name, start, end in found):
        return content
    kept: list[bytes | memoryview] = [view[: len(SIGNATURE)]]
    for name, start, end in found:
        if name not in _PICTURE:
            continue
        if end > len(content):  # It is cut short: its reader reports that.
            kept.append(view[start:])
            break
        kept += [view[start : end - 4], _crc(view, start, end)]
    return b"".join(kept)


def _crc(view: memoryview, start: int, end: int) -> bytes:
    return zlib.crc32(view[start + 4 : end - 4]).to_bytes(4, "big")
