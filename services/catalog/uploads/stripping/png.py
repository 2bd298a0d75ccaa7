"""PNG and APNG.

Kept, byte for byte and with their CRCs: the chunks that affect how the picture looks. Removed: eXIf, texts, times,
chunks that the specification does not know (11.3), and everything after IEND. An orientation other than upright stays,
in an eXIf chunk of its own (11.3.4.5).
"""

import zlib
from collections.abc import Iterator
from pathlib import Path

from services.catalog.uploads.stripping.rewriting import Piece, Source, rewrite
from services.core.assets.containers import exif
from services.core.assets.containers.png import SIGNATURE, Chunk, chunks, sound

_CRITICAL = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
_LOOKS = frozenset(
    {
        *(b"tRNS", b"bKGD", b"hIST", b"pHYs", b"sTER"),
        *(b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"mDCV", b"mDCv", b"cLLI", b"cLLi"),
        *(b"acTL", b"fcTL", b"fdAT"),
    }
)
_LENGTH_MAX = 2**31 - 1


def strip(path: Path) -> bool:
    """Remove the metadata of a PNG file; see `strip_file`."""
    return rewrite(path, "PNG", _pieces)


def _pieces(source: Source) -> Iterator[Piece]:
    if source.up_to(0, len(SIGNATURE)) != SIGNATURE:
        raise source.damaged("does not begin as a PNG")
    yield 0, len(SIGNATURE)
    pictured = oriented = False
    for number, chunk in enumerate(source.counted(chunks(source), "chunks")):
        _check(source, chunk)
        name, start, end = chunk
        if (number == 0) != (name == b"IHDR"):
            raise source.damaged("does not begin with exactly one header")
        if name in _CRITICAL or name in _LOOKS:
            pictured = pictured or name == b"IDAT"
            yield start, end
        elif name == b"eXIf" and not oriented and sound(source, chunk) is not None:
            oriented = True
            made = _orientation(source, chunk)
            if made:
                yield (start, end) if made == source.up_to(start, end - start) else made
        elif not name[0] & 0x20:  # An upper case letter: decoders must not ignore it (5.4).
            raise source.damaged(f"needs an unknown chunk, {name.decode('ascii')}")
        if name == b"IEND":
            if not pictured:
                raise source.damaged("holds no picture")
            return
    raise source.damaged("is cut short")


def _check(source: Source, chunk: Chunk) -> None:
    name, start, end = chunk
    first, last = chunk.data
    if not (name.isascii() and name.isalpha()) or last - first > _LENGTH_MAX:
        raise source.damaged(f"has something other than a chunk at byte {start}")
    if end > source.size:
        raise source.damaged(f"is cut short in the chunk at byte {start}")
    if (name == b"IHDR" and last - first != 13) or (name == b"IEND" and last > first):
        raise source.damaged(f"has a chunk of a wrong length at byte {start}")


def _orientation(source: Source, chunk: Chunk) -> bytes:
    block = exif.minimal(exif.orientation(source, *chunk.data))
    if not block:
        return b""
    return len(block).to_bytes(4, "big") + b"eXIf" + block + zlib.crc32(b"eXIf" + block).to_bytes(4, "big")
