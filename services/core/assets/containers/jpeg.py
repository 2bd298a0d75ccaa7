"""JPEG (ITU-T T.81, annex B): markers, each followed by a segment, and picture data after every SOS."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from services.core.assets.containers import CutShort, Malformed, Memory, Reader

SOI, EOI, SOS, APP0, APP1, APP2, APP14, COM = 0xD8, 0xD9, 0xDA, 0xE0, 0xE1, 0xE2, 0xEE, 0xFE
END = bytes((0xFF, EOI))
FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
# DHT, DAC, DQT, DNL, DRI, DHP, EXP
_TABLES = frozenset({0xC4, 0xCC, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF})
_KNOWN = FRAMES | _TABLES | {SOS, COM} | set(range(APP0, APP0 + 16))
# In picture data 0xFF is followed by 0 or by a restart marker; 0xFF before a marker is a fill byte (B.1.1.2, B.1.1.5).
_END_OF_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_FIRST_BLOCK, _BLOCK = 4096, 1024 * 1024
"""Bytes of picture data that are searched at a time: a hostile file can have very many short scans."""
_SEGMENTS_MAX = 200_000
_FIRST_FILL, _FILL_MAX = 64, 65536
_ZEROS = 64
"""Picture data never end with these bytes."""


class Segment(NamedTuple):
    """A segment [start, end) with its fill bytes; its marker begins at `at`. After `body_end` comes picture data."""

    marker: int
    start: int
    at: int
    body_end: int
    end: int


def segments(source: Reader) -> Iterator[Segment]:
    """Yield the segments behind SOI up to EOI, with picture data as part of its SOS; raises Malformed."""
    start = 2
    while True:
        at, marker = _marker(source, start)
        if marker == EOI:
            yield Segment(marker, start, at, at + 2, at + 2)
            return
        body_end = _body_end(source, at, marker)
        end = _scan_end(source, body_end) if marker == SOS else body_end
        yield Segment(marker, start, at, body_end, end)
        start = end


def opening(source: Reader) -> Iterator[Segment]:
    """Yield the segments before the first picture data; raises Malformed. No picture data is read."""
    start = 2
    while True:
        at, marker = _marker(source, start)
        if marker in (SOS, EOI):
            return
        end = _body_end(source, at, marker)
        yield Segment(marker, start, at, end, end)
        start = end


def is_ended(source: Reader) -> bool:
    """Say whether a file has its end mark; if only that is missing, a decoder knows whether all pixels are there.

    Raises Malformed for one that breaks off before its picture.
    """
    marked = source.up_to(source.size - 2, 2) == END
    start, scanned = 2, False
    try:
        for _ in range(_SEGMENTS_MAX):
            at, marker = _marker(source, start)
            scanned = scanned or marker == SOS
            # Something may lie behind the end mark: cameras put previews and films there.
            if marker == EOI or (scanned and marked):
                break
            body_end = _body_end(source, at, marker)
            start = _scan_end(source, body_end) if marker == SOS else body_end
        else:
            return True
    except CutShort:
        if not scanned:
            raise
        if source.up_to(source.size - _ZEROS, _ZEROS) == bytes(_ZEROS):
            raise CutShort("ends in zeros, as after an interrupted transfer") from None
        return False
    except Malformed:
        return True  # Decoders skip unexpected bytes between segments, so a decoder decides.
    if not scanned:
        raise Malformed("holds no picture")
    return True


def mended(content: bytes) -> bytes:
    """Return a file with an end mark, if nothing else is missing as far as its structure says; else the same bytes."""
    if content.endswith(END):
        return content
    try:
        return content if is_ended(Memory(content)) else with_end(content)
    except Malformed:
        return content


def with_end(content: bytes, filling: bytes = b"") -> bytes:
    """Return a file that breaks off in its picture data with a filling and an end mark behind them."""
    return content.removesuffix(b"\xff") + filling + END  # Half an end mark does not count.


def _marker(source: Reader, start: int) -> tuple[int, int]:
    """Return where the next marker begins, after any fill bytes, and its code."""
    head = source.up_to(start, 2)
    if len(head) == 2 and head[0] == 0xFF and head[1] != 0xFF:
        return start, head[1]
    block = source.up_to(start, _FIRST_FILL)
    if not block.strip(b"\xff"):
        block = source.up_to(start, _FILL_MAX)
    code = block.lstrip(b"\xff")
    if not code and len(block) < _FILL_MAX:
        raise CutShort("is cut short")
    fill = len(block) - len(code)
    if not fill or not code:
        raise Malformed(f"has something other than a segment at byte {start}")
    return start + fill - 1, code[0]


def _body_end(source: Reader, at: int, marker: int) -> int:
    if marker not in _KNOWN:
        raise Malformed(f"has an unexpected marker {marker:02X} at byte {at}")
    head = source.up_to(at + 2, 2)
    if len(head) < 2:
        raise CutShort("is cut short")
    length = int.from_bytes(head, "big")
    end = at + 2 + length
    if length < 2:
        raise Malformed(f"is cut short in the segment at byte {at}")
    if end > source.size:
        raise CutShort(f"is cut short in the segment at byte {at}")
    return end


def _scan_end(source: Reader, at: int) -> int:
    """Return where the picture data that begins at a position ends: at the next marker."""
    length = _FIRST_BLOCK
    while block := source.up_to(at, length):
        found = _END_OF_SCAN.search(block)
        if found:
            return at + found.start()
        if len(block) < length:
            break
        at += len(block) - block.endswith(b"\xff")
        length = _BLOCK
    raise CutShort("is cut short in its picture")
