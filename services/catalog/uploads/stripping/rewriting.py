"""Rewrites a file from ranges of itself. All formats use it, and only this module writes.

A format is a function that reads a `Source` and yields the pieces of the new file in order.
"""

import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, TypeVar

from services.catalog.uploads.opened import Opened
from services.core.assets.containers import Malformed
from services.core.errors import BadRequest, StorageDown

MAX_PARTS = 200_000
"""A file with more segments or chunks is probably an attack on the worker, not a picture."""
_BLOCK = 1024 * 1024

Part = TypeVar("Part")
Range = tuple[int, int]
Piece = Range | bytes
"""A piece of the new file: the bytes [start, end) of the old one, or new bytes."""


def damaged(kind: str, what: str) -> BadRequest:
    """Return the error for a file whose structure is not understood; `what` completes "it …"."""
    return BadRequest(
        f"The {kind} file is damaged: it {what}.",
        "Send the whole file again, or open it in an editor and save it again.",
    )


class Source(Opened):
    """The file that is rewritten; what cannot be followed is damage."""

    def __init__(self, file: BinaryIO, kind: str) -> None:
        super().__init__(file.fileno())
        self._kind = kind

    def exactly(self, start: int, length: int) -> bytes:
        """Return the bytes at a position; raises BadRequest where the file ends before them."""
        data = self.up_to(start, length)
        if len(data) < length:
            raise self.damaged("is cut short")
        return data

    def counted(self, parts: Iterator[Part], kind: str) -> Iterator[Part]:
        """Yield the parts of the file; raises BadRequest if they cannot be followed or are too many."""
        try:
            yield from islice(parts, MAX_PARTS)
            if next(parts, None) is not None:
                raise self.damaged(f"has too many {kind}")
        except Malformed as problem:
            raise self.damaged(str(problem)) from None

    def damaged(self, what: str) -> BadRequest:
        return damaged(self._kind, what)


def rewrite(path: Path, kind: str, plan: Callable[[Source], Iterable[Piece]]) -> bool:
    """Write a file again from its planned pieces; a file that would not change is not written."""
    with path.open("rb") as file:
        source = Source(file, kind)
        pieces = _joined(plan(source))
        head = list(islice(pieces, 2))
        if head == [(0, source.size)]:
            return False
        with replacement(path) as target:
            for piece in chain(head, pieces):
                for block in [piece] if isinstance(piece, bytes) else _blocks(source, *piece):
                    target.write(block)
    return True


@contextmanager
def replacement(path: Path) -> Iterator[BinaryIO]:
    """Open a new file beside another. At the end it replaces the other file; after an error it is removed."""
    # If this process dies, the spool's sweeper knows the owner of the file by its name.
    owner = path.name.partition("~")[0]
    new = path.with_name(f"{owner}~{secrets.token_hex(16)}.part")
    try:
        with open(new, "xb", opener=lambda name, flags: os.open(name, flags, 0o640)) as file:
            yield file
        new.replace(path)
    except OSError as error:
        raise StorageDown(f"The upload cannot be stored: {error.strerror}.") from error
    finally:
        new.unlink(missing_ok=True)


def _joined(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Join adjacent ranges; only one is held at a time."""
    start = end = 0
    for piece in pieces:
        if isinstance(piece, bytes):
            if start < end:
                yield start, end
            start = end = 0
            yield piece
        elif piece[0] == end and start < end:
            end = piece[1]
        else:
            if start < end:
                yield start, end
            start, end = piece
    if start < end:
        yield start, end


def _blocks(source: Source, start: int, end: int) -> Iterator[bytes]:
    while start < end:
        yield source.exactly(start, min(_BLOCK, end - start))
        start += _BLOCK
