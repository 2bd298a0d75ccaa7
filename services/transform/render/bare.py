"""A stored file without its metadata, its pictures untouched. Pure.

Only whole files are rewritten: the answer is None for a file that cannot be followed to its end. What comes after the
end is dropped.
"""

import re
import struct

from services.core.assets import media_types
from services.core.assets.containers import Malformed, Memory, jpeg, png, webp

_PNG_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"sRGB", b"IDAT", b"IEND")
_PNG_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_WEBP_CHUNKS = (b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF")
_WEBP_FLAGS_KEPT = 0x12
"""Of VP8X: alpha and animation. Those that announce ICC, EXIF and XMP go (RFC 9649, 2.7)."""
_FILL = re.compile(rb"\xff\xff")
_JPEG_REMOVED = frozenset({*range(jpeg.APP0, jpeg.APP0 + 16), jpeg.COM} - {jpeg.APP14})
"""Of the application's segments only Adobe's says how to read the picture. Comments are metadata."""


def without_metadata(source: bytes, media_type: str) -> bytes | None:
    """Return the file with nothing but what its picture needs; None for other types, and for malformed files.

    What is said of colours goes too. The caller has made sure that it is nothing that is not assumed without it.
    """
    bare = {media_types.PNG: _png, media_types.WEBP: _webp, media_types.JPEG: _jpeg}.get(media_type)
    return bare(source) if bare else None


def without_texts(source: bytes) -> bytes:
    """Return a PNG without its texts: decoders unpack them, and a hostile text unpacks to a thousand times its size."""
    # Looking at the names of the chunks takes a part of the time that a search in all bytes takes.
    if not any(chunk.name in _PNG_TEXTS for chunk in png.chunks(Memory(source))):
        return source
    view = memoryview(source)
    kept = [view[chunk.start : chunk.end] for chunk in png.chunks(Memory(source)) if chunk.name not in _PNG_TEXTS]
    return b"".join([png.SIGNATURE, *kept])


def _png(source: bytes) -> bytes | None:
    kept = [source[: len(png.SIGNATURE)]]
    for name, start, end in png.chunks(Memory(source)):
        if end > len(source):
            return None
        if name in _PNG_CHUNKS:
            kept.append(source[start:end])
        if name == b"IEND":
            return b"".join(kept)
    return None


def _webp(source: bytes) -> bytes | None:
    if len(source) < webp.HEADER:
        return None
    end = min(webp.riff_end(source[: webp.HEADER]), len(source))
    kept = []
    for found in webp.chunks(Memory(source), end):
        if found.body > end:
            break
        if found.end > end or (found.name == b"VP8X" and found.end == found.body):
            return None
        if found.name in _WEBP_CHUNKS:
            kept.append(_webp_chunk(source, found))
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _webp_chunk(source: bytes, found: webp.Chunk) -> bytes:
    chunk = source[found.start : found.next].ljust(found.next - found.start, b"\0")
    if found.name != b"VP8X":
        return chunk
    return chunk[:8] + bytes([chunk[8] & _WEBP_FLAGS_KEPT]) + chunk[9:]


def _jpeg(source: bytes) -> bytes | None:
    kept = [source[:2]]
    try:
        for segment in jpeg.segments(Memory(source)):
            # Fill bytes are allowed, but no encoder writes them.
            if segment.at > segment.start or _FILL.search(source, segment.body_end, segment.end + 1):
                return None
            if segment.marker not in _JPEG_REMOVED:
                kept.append(source[segment.start : segment.end])
    except Malformed:
        return None
    return b"".join(kept)
