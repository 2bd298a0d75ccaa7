"""WebP (RFC 9649): either of one picture chunk (2.5, 2.6) or extended, opening with VP8X (2.7).

Kept, byte for byte: pictures, frames, transparency and the ICC profile. Removed: EXIF, XMP, chunks that the
specification does not know, and everything after the end that the header states. The flags of VP8X and the size in the
header follow. An orientation other than upright stays, in an EXIF chunk of its own.
"""

from collections.abc import Iterator
from pathlib import Path

from services.catalog.uploads.stripping.rewriting import Piece, Source, rewrite
from services.core.assets.containers import exif
from services.core.assets.containers.webp import HEADER, Chunk, chunks, riff_end

_PICTURES = frozenset({b"VP8 ", b"VP8L", b"ANMF"})
_LOOKS = _PICTURES | {b"ALPH", b"ANIM", b"ICCP"}
_EXIF_FLAG, _XMP_FLAG = 0x08, 0x04
_VP8X_LENGTH = 10


def strip(path: Path) -> bool:
    """Remove the metadata of a WebP file; see `strip_file`."""
    return rewrite(path, "WebP", _pieces)


def _pieces(source: Source) -> list[Piece]:
    head = source.exactly(0, HEADER)
    if head[:4] != b"RIFF" or head[8:] != b"WEBP":
        raise source.damaged("does not begin as a WebP")
    end = riff_end(head)
    if end > source.size:
        raise source.damaged("is cut short")
    kept = list(_kept(source, list(_whole_chunks(source, end)), end))
    size = 4 + sum(len(piece) if isinstance(piece, bytes) else piece[1] - piece[0] for piece in kept)
    if size == end - 8:
        return [(0, HEADER), *kept]
    return [b"RIFF" + size.to_bytes(4, "little") + b"WEBP", *kept]


def _whole_chunks(source: Source, end: int) -> Iterator[Chunk]:
    reached = HEADER
    for chunk in source.counted(chunks(source, end), "chunks"):
        if chunk.end > end:
            raise source.damaged(f"is cut short in the chunk at byte {chunk.start}")
        yield chunk
        reached = chunk.next
    if reached < end:  # The padding of the last chunk may be missing.
        raise source.damaged("is cut short")


def _kept(source: Source, chunks: list[Chunk], end: int) -> Iterator[Piece]:
    names = [chunk.name for chunk in chunks]
    if names[:1] in ([b"VP8 "], [b"VP8L"]):
        yield from _whole(chunks[0], end)
        return
    if names[:1] != [b"VP8X"] or names.count(b"VP8X") > 1 or chunks[0].end - chunks[0].body != _VP8X_LENGTH:
        raise source.damaged("does not begin with a picture or with exactly one extended header")
    if not _PICTURES.intersection(names):
        raise source.damaged("holds no picture")
    header, flags = chunks[0], source.exactly(chunks[0].body, 1)[0]
    oriented = next((chunk for chunk in chunks if chunk.name == b"EXIF"), None)
    # Without its flag readers do not look at the chunk.
    exif_chunk = _orientation(source, oriented) if oriented and flags & _EXIF_FLAG else b""
    new_flags = flags & ~(_EXIF_FLAG | _XMP_FLAG) | (_EXIF_FLAG if exif_chunk else 0)
    yield header.start, header.body
    yield (header.body, header.body + 1) if new_flags == flags else bytes((new_flags,))
    yield header.body + 1, header.end
    for chunk in chunks[1:]:
        if chunk.name in _LOOKS:
            yield from _whole(chunk, end)
        elif chunk is oriented and exif_chunk:
            same = exif_chunk == source.up_to(chunk.start, chunk.end - chunk.start)
            yield (chunk.start, chunk.end) if same else exif_chunk


def _whole(chunk: Chunk, end: int) -> Iterator[Piece]:
    yield chunk.start, chunk.end
    if chunk.next > chunk.end:
        yield (chunk.end, chunk.next) if chunk.end < end else b"\0"


def _orientation(source: Source, chunk: Chunk) -> bytes:
    block = exif.minimal(exif.orientation(source, chunk.body, chunk.end))
    return b"EXIF" + len(block).to_bytes(4, "little") + block if block else b""
