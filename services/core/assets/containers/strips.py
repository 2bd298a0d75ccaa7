"""Where the strips or tiles of a TIFF or a BigTIFF are (TIFF 6.0, sections 2, 3, 15), and whether the file has them."""

import struct
from itertools import zip_longest

from services.core.assets.containers import CutShort, Reader, exactly

_OFFSETS, _LENGTHS = (273, 324), (279, 325)
"""Tags of the strips and of the tiles."""
_NEEDED = frozenset({*_OFFSETS, *_LENGTHS, 258, 320, 338, 339, 347})
"""Those, and what a reader needs for a pixel: bits, colour map, extra samples, sample format, tables of JPEG."""
_SIZES = {1: "B", 3: "H", 7: "B", 4: "I", 16: "Q"}
_ENTRIES_MAX = 65_535
_PARTS_MAX = 1_000_000


def is_ended(source: Reader) -> bool:
    """Return True if all of the first picture is in the file; raises Malformed if it breaks off."""
    head = source.up_to(0, 16)
    order = "<" if head[:1] == b"I" else ">"
    big = head[2:4] in (b"+\0", b"\0+")
    count, entry, value = ("Q", "HHQ", "Q") if big else ("H", "HHI", "I")
    try:
        directory = _one(order + value, head[8:] if big else head[4:])
        entries = directory + struct.calcsize(f"={count}")
        length = struct.calcsize(f"={entry}{value}")
        many_entries = min(_one(order + count, source.up_to(directory, 8)), _ENTRIES_MAX)
        # Behind the last one there is where the next directory is.
        fields = exactly(source, entries, many_entries * length + struct.calcsize(f"={value}"))
        found: dict[int, list[int]] = {}
        for at in range(0, many_entries * length, length):
            tag, kind, many = struct.unpack_from(order + entry, fields, at)
            # The first of a kind counts, as for libtiff: a hostile file could have thousands of a long one.
            if tag not in _NEEDED or tag in found or kind not in _SIZES or many > _PARTS_MAX:
                continue
            needed = struct.calcsize(f"={many}{_SIZES[kind]}")
            held = fields[at + struct.calcsize(f"={entry}") : at + length]
            data = held if needed <= len(held) else exactly(source, _one(order + value, held), needed)
            found[tag] = list(struct.unpack_from(f"{order}{many}{_SIZES[kind]}", data))
    except struct.error:
        raise CutShort("is cut short") from None
    for offsets, lengths in zip(_OFFSETS, _LENGTHS, strict=True):
        parts = zip_longest(found.get(offsets, []), found.get(lengths, []), fillvalue=0)
        if any(start + length > source.size for start, length in parts):
            raise CutShort("is cut short in its picture")
    return True


def _one(layout: str, data: bytes) -> int:
    return int(struct.unpack_from(layout, data)[0])
