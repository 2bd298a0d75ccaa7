"""WebP (RFC 9649): a RIFF file of chunks, each padded to an even length (2.3, 2.4)."""

from collections.abc import Iterator
from typing import NamedTuple

from services.core.assets.containers import CutShort, Reader

HEADER = 12
"""Bytes of `RIFF`, the size of what follows, and `WEBP`."""
_HEAD = 8


class Chunk(NamedTuple):
    """A chunk [start, end), without the byte that pads it. Its payload begins at `body`."""

    name: bytes
    start: int
    end: int

    @property
    def body(self) -> int:
        return self.start + _HEAD

    @property
    def next(self) -> int:
        """Where the next chunk begins."""
        return self.end + (self.end - self.start) % 2


def riff_end(header: bytes) -> int:
    """Return where the file ends, as its header of 12 bytes says."""
    return 8 + int.from_bytes(header[4:8], "little")


def is_ended(source: Reader) -> bool:
    """Return True if a file has as many bytes as its header says, as decoders ask; raises Malformed for fewer."""
    if riff_end(source.up_to(0, HEADER)) > source.size:
        raise CutShort("is cut short")
    return True


def chunks(source: Reader, end: int) -> Iterator[Chunk]:
    """Yield the chunks that begin before an end, as long as there is a whole header."""
    at = HEADER
    while at < end and len(head := source.up_to(at, _HEAD)) == _HEAD:
        chunk = Chunk(head[:4], at, at + _HEAD + int.from_bytes(head[4:], "little"))
        yield chunk
        at = chunk.next
