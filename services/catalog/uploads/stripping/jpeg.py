"""JPEG (ITU-T T.81, annex B): markers, each followed by a segment, and picture data after every SOS.

Kept: all that decodes the picture, byte for byte, JFIF's APP0 (ITU-T T.871, 10), the ICC profile in APP2 (ICC.1,
B.4) and Adobe's APP14, which tells CMYK and YCCK apart (T.872, 6.5.3). Removed: EXIF and XMP (APP1), IPTC and Photoshop
(APP13), comments, every other APPn, thumbnails, and whatever lies behind the end of the picture. An orientation other
than upright stays, in an EXIF segment of its own.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from services.catalog.uploads.stripping import exif
from services.catalog.uploads.stripping.rewriting import MAX_PARTS, Piece, Source, rewrite

_SOI, _EOI, _SOS, _APP0, _APP1, _APP2, _APP14, _COM = 0xD8, 0xD9, 0xDA, 0xE0, 0xE1, 0xE2, 0xEE, 0xFE
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
# DHT, DAC, DQT, DNL, DRI, DHP, EXP
_TABLES = frozenset({0xC4, 0xCC, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF})
# In picture data 0xFF is followed by 0 or by a restart marker; 0xFF before a marker is a fill byte (B.1.1.2, B.1.1.5).
_END_OF_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_BLOCK = 1024 * 1024
_FILL_MAX = 65536
_JFIF_LENGTH, _ADOBE_LENGTH = 14, 12


def strip(path: Path) -> bool:
    """Remove the metadata of a JPEG file; see `strip_file`."""
    return rewrite(path, "JPEG", _pieces)


def _pieces(source: Source) -> Iterator[Piece]:
    if source.up_to(0, 2) != bytes((0xFF, _SOI)):
        raise source.damaged("does not begin as a JPEG")
    yield 0, 2
    at = 2
    framed = scanned = oriented = False
    for _ in range(MAX_PARTS):
        start, marker = _marker(source, at)
        if marker == _EOI:
            if not scanned:
                raise source.damaged("holds no picture")
            yield at, start + 2
            return
        end = _segment_end(source, start, marker)
        if marker == _APP1:
            if not oriented and source.up_to(start + 4, len(exif.PREFIX)) == exif.PREFIX:
                oriented = True  # The first EXIF segment counts, as it does for browsers.
                yield from _kept(source, at, start, end, _orientation(source, start, end))
        elif marker == _COM or marker & 0xF0 == _APP0:
            yield from _kept(source, at, start, end, _application(source.exactly(start, end - start)))
        else:
            framed = framed or marker in _FRAMES
            if marker == _SOS:
                if not framed:
                    raise source.damaged("has picture data before its frame header")
                end, scanned = _scan_end(source, end), True
            yield at, end
        at = end
    raise source.damaged("has too many segments")


def _marker(source: Source, at: int) -> tuple[int, int]:
    """Return where the next marker begins, after any fill bytes, and its code."""
    block = source.up_to(at, _FILL_MAX)
    code = block.lstrip(b"\xff")
    if not code and len(block) < _FILL_MAX:
        raise source.damaged("is cut short")
    fill = len(block) - len(code)
    if not fill or not code:
        raise source.damaged(f"has something else than a segment at byte {at}")
    return at + fill - 1, code[0]


def _segment_end(source: Source, start: int, marker: int) -> int:
    if marker not in _FRAMES | _TABLES and marker not in (_SOS, _COM) and marker & 0xF0 != _APP0:
        raise source.damaged(f"has an unexpected marker {marker:02X} at byte {start}")
    length = int.from_bytes(source.exactly(start + 2, 2), "big")
    end = start + 2 + length
    if length < 2 or end > source.size:
        raise source.damaged(f"is cut short in the segment at byte {start}")
    return end


def _scan_end(source: Source, at: int) -> int:
    """Return where the picture data that begins at a position ends: at the next marker."""
    while block := source.up_to(at, _BLOCK):
        found = _END_OF_SCAN.search(block)
        if found:
            return at + found.start()
        if len(block) < _BLOCK:
            break
        at += len(block) - block.endswith(b"\xff")
    raise source.damaged("is cut short in its picture")


def _kept(source: Source, at: int, start: int, end: int, segment: bytes) -> Iterator[Piece]:
    """Yield what becomes of a segment, as a range when it stays as it is."""
    if segment and segment == source.up_to(start, end - start):
        yield at, end
    elif segment:
        yield segment


def _application(segment: bytes) -> bytes:
    """Return what is kept of an application segment or a comment."""
    code, body = segment[1], segment[4:]
    if code == _APP0 and body.startswith(b"JFIF\0") and len(body) >= _JFIF_LENGTH:
        return _segment(_APP0, body[: _JFIF_LENGTH - 2] + b"\0\0")  # No thumbnail: zero wide, zero high.
    if code == _APP2 and body.startswith(b"ICC_PROFILE\0"):
        return segment
    if code == _APP14 and body.startswith(b"Adobe") and len(body) >= _ADOBE_LENGTH:
        return _segment(_APP14, body[:_ADOBE_LENGTH])
    return b""


def _orientation(source: Source, start: int, end: int) -> bytes:
    block = exif.minimal(exif.orientation(source, start + 4, end))
    return _segment(_APP1, exif.PREFIX + block) if block else b""


def _segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body
