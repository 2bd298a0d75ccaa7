"""Walks through the parts of picture files, without decoding them. Pure: one module for each format.

A walker yields where each part begins and ends, in order. It reads only headers and trusts nothing. A caller checks the
parts that it needs. A part can be as long as its header claims, even beyond the end of the file.
"""

from typing import Protocol


class Reader(Protocol):
    """Bytes that are read by position."""

    @property
    def size(self) -> int: ...

    def up_to(self, start: int, length: int) -> bytes:
        """Return the bytes at a position, fewer or none at the end."""
        ...


class Memory:
    """A Reader of bytes that are in memory."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.size = len(content)

    def up_to(self, start: int, length: int) -> bytes:
        return self._content[start : start + length]


class Malformed(Exception):
    """The parts cannot be followed further. The text completes "The file …"."""


class CutShort(Malformed):
    """The file ends before a part that it has announced."""


def exactly(source: Reader, start: int, length: int) -> bytes:
    """Return the bytes at a position; raises CutShort if the file ends before them."""
    found = source.up_to(start, length)
    if len(found) < length:
        raise CutShort("is cut short")
    return found
