"""The one thing in EXIF that a picture needs to look right: its orientation.

EXIF is a TIFF file without a picture (CIPA DC-008, 4.6.2; TIFF 6.0, section 2). Orientation is tag 0x0112 of its first
directory, 1 to 8, where 1 means "as stored" (CIPA DC-008, 4.6.5.1).
"""

import struct

from services.catalog.uploads.stripping.rewriting import Source

PREFIX = b"Exif\0\0"
"""Stands before the TIFF header in JPEG; some writers put it into PNG and WebP too."""

UPRIGHT = 1
_ORIENTATION = 0x0112
_BYTE_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_VALUE_FORMATS = {1: "B", 3: "H", 4: "I"}
_ENTRY = 12


def minimal(orientation: int) -> bytes:
    """Return an EXIF block, from the TIFF header on, that holds nothing but an orientation; empty for upright."""
    if orientation == UPRIGHT:
        return b""
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, _ORIENTATION, 3, 1, orientation, 0, 0)


def orientation(source: Source, start: int, end: int) -> int:
    """Return the orientation in the EXIF block [start, end); upright when it says none, or nothing sensible."""
    if source.up_to(start, len(PREFIX)) == PREFIX:
        start += len(PREFIX)
    try:
        found = _find(source, start, end)
    except struct.error:  # Shorter than it says: readers take that for no EXIF at all.
        return UPRIGHT
    return found if 1 <= found <= 8 else UPRIGHT


def _find(source: Source, start: int, end: int) -> int:
    header = _within(source, start, 8, end)
    order = _BYTE_ORDERS.get(header[:4])
    if order is None:
        return UPRIGHT
    directory = start + struct.unpack(f"{order}I", header[4:])[0]
    (count,) = struct.unpack(f"{order}H", _within(source, directory, 2, end))
    entries = _within(source, directory + 2, count * _ENTRY, end)
    for at in range(0, len(entries) - _ENTRY + 1, _ENTRY):
        tag, kind, values = struct.unpack_from(f"{order}HHI", entries, at)
        if tag == _ORIENTATION:
            if values != 1 or kind not in _VALUE_FORMATS:
                return UPRIGHT
            return int(struct.unpack_from(f"{order}{_VALUE_FORMATS[kind]}", entries, at + 8)[0])
    return UPRIGHT


def _within(source: Source, start: int, length: int, end: int) -> bytes:
    return source.up_to(start, max(0, min(length, end - start)))
