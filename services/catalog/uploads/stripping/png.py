"""PNG and APNG (W3C Portable Network Graphics, third edition): a signature, then chunks up to IEND (5.2, 5.3).

Kept, byte for byte and with their CRCs: the chunks that have a part in what the picture looks like. Removed: eXIf,
texts, times, what the specification does not know (11.3), and whatever lies behind IEND. An orientation other than
upright stays, in an eXIf chunk of its own (11.3.4.5).
"""

import zlib
from collections.abc import Iterator
from pathlib import Path

from services.catalog.uploads.stripping import exif
from services.catalog.uploads.stripping.rewriting import MAX_PARTS, Piece, Source, rewrite

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CRITICAL = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
_LOOKS = frozenset(
    {
        *(b"tRNS", b"bKGD", b"hIST", b"pHYs", b"sTER"),
        *(b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"mDCV", b"mDCv", b"cLLI", b"cLLi"),
        *(b"acTL", b"fcTL", b"fdAT"),
    }
)
_LENGTH_MAX = 2**31 - 1
_AROUND = 12
"""A chunk's length, type and CRC."""


def strip(path: Path) -> bool:
    """Remove the metadata of a PNG file; see `strip_file`."""
    return rewrite(path, "PNG", _pieces)


def _pieces(source: Source) -> Iterator[Piece]:
    if source.up_to(0, len(_SIGNATURE)) != _SIGNATURE:
        raise source.damaged("does not begin as a PNG")
    yield 0, len(_SIGNATURE)
    at = len(_SIGNATURE)
    pictured = oriented = False
    for number in range(MAX_PARTS):
        name, end = _chunk(source, at)
        if (number == 0) != (name == b"IHDR"):
            raise source.damaged("does not begin with exactly one header")
        if name in _CRITICAL or name in _LOOKS:
            pictured = pictured or name == b"IDAT"
            yield at, end
        elif name == b"eXIf" and not oriented:
            oriented = True
            chunk = _orientation(source, at, end)
            if chunk:
                yield (at, end) if chunk == source.up_to(at, end - at) else chunk
        elif not name[0] & 0x20:  # An upper case letter: no decoder may ignore it (5.4).
            raise source.damaged(f"needs a chunk that is not known, {name.decode('ascii')}")
        if name == b"IEND":
            if not pictured:
                raise source.damaged("holds no picture")
            return
        at = end
    raise source.damaged("has too many chunks")


def _chunk(source: Source, at: int) -> tuple[bytes, int]:
    """Return the type of the chunk at a position and where it ends."""
    head = source.exactly(at, 8)
    length, name = int.from_bytes(head[:4], "big"), head[4:]
    if not (name.isascii() and name.isalpha()) or length > _LENGTH_MAX:
        raise source.damaged(f"has something else than a chunk at byte {at}")
    end = at + _AROUND + length
    if end > source.size:
        raise source.damaged(f"is cut short in the chunk at byte {at}")
    if (name == b"IHDR" and length != 13) or (name == b"IEND" and length):
        raise source.damaged(f"has a chunk of a wrong length at byte {at}")
    return name, end


def _orientation(source: Source, at: int, end: int) -> bytes:
    block = exif.minimal(exif.orientation(source, at + 8, end - 4))
    if not block:
        return b""
    return len(block).to_bytes(4, "big") + b"eXIf" + block + zlib.crc32(b"eXIf" + block).to_bytes(4, "big")
