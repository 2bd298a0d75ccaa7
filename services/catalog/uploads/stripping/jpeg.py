"""JPEG (ITU-T T.81).

Kept: everything that decodes the picture, byte for byte, JFIF's APP0 (ITU-T T.871, 10), the ICC profile in APP2 (ICC.1,
B.4) and Adobe's APP14, which tells CMYK and YCCK apart (T.872, 6.5.3). Removed: EXIF and XMP (APP1), IPTC and Photoshop
(APP13), comments, every other APPn, thumbnails, and everything after the end of the picture. An orientation other than
upright stays, in an EXIF segment of its own.
"""

from collections.abc import Iterator
from pathlib import Path

from services.catalog.uploads.stripping.rewriting import Piece, Source, rewrite
from services.core.assets.containers import exif
from services.core.assets.containers.jpeg import (
    APP0,
    APP1,
    APP2,
    APP14,
    COM,
    EOI,
    FRAMES,
    SOI,
    SOS,
    Segment,
    segments,
)

_JFIF_LENGTH, _ADOBE_LENGTH = 14, 12


def strip(path: Path) -> bool:
    """Remove the metadata of a JPEG file; see `strip_file`."""
    return rewrite(path, "JPEG", _pieces)


def _pieces(source: Source) -> Iterator[Piece]:
    if source.up_to(0, 2) != bytes((0xFF, SOI)):
        raise source.damaged("does not begin as a JPEG")
    yield 0, 2
    framed = scanned = oriented = False
    for segment in source.counted(segments(source), "segments"):
        marker = segment.marker
        if marker == EOI:
            if not scanned:
                raise source.damaged("holds no picture")
            yield segment.start, segment.end
        elif marker == APP1:
            if not oriented and source.up_to(segment.at + 4, len(exif.PREFIX)) == exif.PREFIX:
                oriented = True  # The first EXIF segment counts, as it does for browsers.
                yield from _kept(source, segment, _orientation(source, segment))
        elif marker == COM or marker & 0xF0 == APP0:
            yield from _kept(source, segment, _application(source.exactly(segment.at, segment.end - segment.at)))
        else:
            framed = framed or marker in FRAMES
            if marker == SOS:
                if not framed:
                    raise source.damaged("has picture data before its frame header")
                scanned = True
            yield segment.start, segment.end


def _kept(source: Source, segment: Segment, made: bytes) -> Iterator[Piece]:
    """Yield the new form of a segment, as a range if it stays as it is."""
    if made and made == source.up_to(segment.at, segment.end - segment.at):
        yield segment.start, segment.end
    elif made:
        yield made


def _application(segment: bytes) -> bytes:
    """Return what is kept of an application segment or a comment."""
    code, body = segment[1], segment[4:]
    if code == APP0 and body.startswith(b"JFIF\0") and len(body) >= _JFIF_LENGTH:
        return _segment(APP0, body[: _JFIF_LENGTH - 2] + b"\0\0")  # No thumbnail: zero wide, zero high.
    if code == APP2 and body.startswith(b"ICC_PROFILE\0"):
        return segment
    if code == APP14 and body.startswith(b"Adobe") and len(body) >= _ADOBE_LENGTH:
        return _segment(APP14, body[:_ADOBE_LENGTH])
    return b""


def _orientation(source: Source, segment: Segment) -> bytes:
    block = exif.minimal(exif.orientation(source, segment.at + 4, segment.end))
    return _segment(APP1, exif.PREFIX + block) if block else b""


def _segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body
