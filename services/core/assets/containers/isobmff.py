"""AVIF and HEIC (ISO/IEC 14496-12 and 23008-12): boxes, of which `meta` says what the primary picture is like."""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from services.core.assets.containers import CutShort, Reader

_PARTS_MAX = 10_000
"""How many boxes of one level, and properties of one picture, are read."""
_META_MAX = 16 * 1024 * 1024
_ASSOCIATIONS_MAX = 256 * 1024
"""Bytes."""
_PROPERTY_MAX = 64
"""Bytes of a property that are read: the numbers at its beginning. A picture can name a large one 255 times."""


class Box(NamedTuple):
    """A box; its content is [body, end)."""

    name: bytes
    body: int
    end: int


class Property(NamedTuple):
    name: bytes
    content: bytes
    """As far as it is read: see `_PROPERTY_MAX`."""


def boxes(source: Reader, start: int, end: int) -> Iterator[Box]:
    """Yield the boxes in [start, end), as long as each of them fits (14496-12, 4.2)."""
    while len(head := source.up_to(start, 16)) >= 8 and start + 8 <= end:
        size, header = int.from_bytes(head[:4], "big"), 8
        if size == 1:
            size, header = int.from_bytes(head[8:16], "big"), 16
        stop = start + size if size else end
        if stop > end or stop < start + header:
            return
        yield Box(head[4:8], start + header, stop)
        start = stop


def is_ended(source: Reader) -> bool:
    """Return True if a file has what it describes; raises Malformed if it breaks off.

    The data of a picture are in a separate box, or in one within the description (14496-12, 8.11.11).
    """
    found = {box.name: box for box in islice(boxes(source, 0, source.size), _PARTS_MAX)}
    meta = found.get(b"meta")
    inside = meta and any(box.name == b"idat" for box in islice(boxes(source, meta.body + 4, meta.end), _PARTS_MAX))
    if not (meta or b"moov" in found) or not (inside or b"mdat" in found):
        raise CutShort("is cut short")
    return True


def primary(source: Reader) -> list[Property]:
    """Return the properties of the primary picture in their order (23008-12, 9.3); none if they cannot be read."""
    meta = _first(source, 0, source.size, b"meta")
    if meta is None or meta.end - meta.body > _META_MAX:
        return []
    parts = {box.name: box for box in islice(boxes(source, meta.body + 4, meta.end), _PARTS_MAX)}
    if not {b"pitm", b"iprp"} <= parts.keys():
        return []
    shared, associations = (_first(source, *parts[b"iprp"][1:], name) for name in (b"ipco", b"ipma"))
    if shared is None or associations is None:
        return []
    known = list(islice(boxes(source, shared.body, shared.end), _PARTS_MAX))
    numbers = _associated(_content(source, associations), _item(_content(source, parts[b"pitm"])))
    found = [known[number - 1] for number in numbers if 0 < number <= len(known)]
    return [Property(box.name, source.up_to(box.body, min(box.end - box.body, _PROPERTY_MAX))) for box in found]


def _first(source: Reader, start: int, end: int, name: bytes) -> Box | None:
    return next((box for box in islice(boxes(source, start, end), _PARTS_MAX) if box.name == name), None)


def _content(source: Reader, box: Box) -> bytes:
    return source.up_to(box.body, box.end - box.body)


def _item(content: bytes) -> int:
    """Return the number in a box `pitm`."""
    return int.from_bytes(content[4:6] if content[:1] == b"\0" else content[4:8], "big")


def _associated(content: bytes, item: int) -> list[int]:
    """Return which properties a box `ipma` gives an item: the first has the number 1."""
    long_items, long_numbers = content[:1] != b"\0", bool(content[3:4] and content[3] & 1)
    at = 8
    width = 4 if long_items else 2
    while at + width < min(len(content), _ASSOCIATIONS_MAX):
        found, count = int.from_bytes(content[at : at + width], "big"), content[at + width]
        at += width + 1
        size = 2 if long_numbers else 1
        if found == item:
            mask = 0x7FFF if long_numbers else 0x7F
            ends = range(at, min(at + count * size, len(content)), size)
            return [int.from_bytes(content[one : one + size], "big") & mask for one in ends]
        at += count * size
    return []
