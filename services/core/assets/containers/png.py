"""PNG and APNG (W3C Portable Network Graphics, third edition): a signature, then chunks up to IEND (5.2, 5.3)."""

from collections.abc import Iterator
from typing import NamedTuple

from services.core.assets.containers import Reader

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEAD = 8
_AROUND = 12
"""Bytes of a chunk's length, name and CRC."""


class Chunk(NamedTuple):
    """A chunk [start, end), from its length to its CRC."""

    name: bytes
    start: int
    end: int

    @property
    def data(self) -> tuple[int, int]:
        return self.start + _HEAD, self.end - 4


def chunks(source: Reader) -> Iterator[Chunk]:
    """Yield the chunks behind the signature, as long as there is a whole header. IEND does not end the walk."""
    at = len(SIGNATURE)
    while len(head := source.up_to(at, _HEAD)) == _HEAD:
        end = at + _AROUND + int.from_bytes(head[:4], "big")
        yield Chunk(head[4:], at, end)
        at = end
