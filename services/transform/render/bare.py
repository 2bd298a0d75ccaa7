"""A stored file without its metadata, its pictures untouched. Pure.

Only whole files are rewritten: what cannot be followed to its end is None. What comes after the end is dropped.
"""

import struct

_PNG_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"IDAT", b"IEND")
_PNG_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_WEBP_CHUNKS = (b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF")
_WEBP_FLAGS_KEPT = 0x12
"""Of VP8X: alpha and animation. Those that announce ICC, EXIF and XMP go (RFC 9649, 2.7)."""
_JPEG_ALONE = (0x01, *range(0xD0, 0xD9))
"""Markers without a length (ITU-T T.81, B.1.1.3)."""


def without_metadata(source: bytes, media_type: str) -> bytes | None:
    """Return the file with nothing but what its picture needs; None for other types, and for what is not well formed.

    Whoever asks has made sure that the colour profile, which goes too, says nothing that is not assumed without it.
    """
    bare = {"image/png": _png, "image/webp": _webp, "image/jpeg": _jpeg}.get(media_type)
    try:
        return bare(source) if bare else None
    except (struct.error, IndexError):
        return None


def without_texts(source: bytes) -> bytes:
    """Return a PNG without its texts, which decoders unpack, to a thousand times their size if they are made so."""
    if not any(name in source for name in _PNG_TEXTS):
        return source
    kept, at = [source[:8]], 8
    while at + 8 <= len(source):
        size, name = struct.unpack(">I4s", source[at : at + 8])
        if name not in _PNG_TEXTS:
            kept.append(source[at : at + 12 + size])
        at += 12 + size
    return b"".join(kept)


def _png(source: bytes) -> bytes | None:
    kept, at = [source[:8]], 8
    while True:
        size, name = struct.unpack(">I4s", source[at : at + 8])
        end = at + 12 + size
        if end > len(source):
            return None
        if name in _PNG_CHUNKS:
            kept.append(source[at:end])
        if name == b"IEND":
            return b"".join(kept)
        at = end


def _webp(source: bytes) -> bytes | None:
    (size,) = struct.unpack("<I", source[4:8])
    end = min(8 + size, len(source))
    kept, at = [], 12
    while at + 8 <= end:
        name, length = struct.unpack("<4sI", source[at : at + 8])
        after = at + 8 + length + length % 2
        if at + 8 + length > end:
            return None
        chunk = source[at:after].ljust(after - at, b"\0")
        if name == b"VP8X":
            chunk = chunk[:8] + bytes([chunk[8] & _WEBP_FLAGS_KEPT]) + chunk[9:]
        if name in _WEBP_CHUNKS:
            kept.append(chunk)
        at = after
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _jpeg(source: bytes) -> bytes | None:
    kept, at = [source[:2]], 2
    while True:
        if source[at] != 0xFF:
            return None
        marker = source[at + 1]
        if marker == 0xD9:
            kept.append(source[at : at + 2])
            return b"".join(kept)
        if marker in _JPEG_ALONE or marker == 0xFF:
            return None  # Allowed, and never seen outside of a scan.
        (length,) = struct.unpack(">H", source[at + 2 : at + 4])
        end = at + 2 + length
        if marker == 0xDA:
            end = _end_of_scan(source, end)
        # Of the application's segments only Adobe's says how to read the picture. Comments are metadata.
        if not (0xE0 <= marker <= 0xEF or marker == 0xFE) or marker == 0xEE:
            kept.append(source[at:end])
        at = end


def _end_of_scan(source: bytes, at: int) -> int:
    """Return where the next marker is that ends a scan's data."""
    while True:
        at = source.find(b"\xff", at)
        if at < 0:
            raise IndexError
        if source[at + 1] != 0 and not 0xD0 <= source[at + 1] <= 0xD7:
            return at
        at += 2
