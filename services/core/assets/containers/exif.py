"""The one thing in EXIF that a picture needs to look right: its orientation.

EXIF is a TIFF file without a picture (CIPA DC-008, 4.6.2). Orientation is tag 0x0112 of its first directory, 1 to 8,
where 1 means "as stored" (CIPA DC-008, 4.6.5.1).
"""

import struct

from services.core.assets.containers import Reader, tiff

PREFIX = b"Exif\0\0"
"""Stands before the TIFF header in JPEG; some writers put it into PNG and WebP too."""

UPRIGHT = 1
_ORIENTATION = 0x0112


def minimal(orientation: int) -> bytes:
    """Return an EXIF block, from the TIFF header on, that holds nothing but an orientation; empty for upright."""
    if orientation == UPRIGHT:
        return b""
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, _ORIENTATION, 3, 1, orientation, 0, 0)


def orientation(source: Reader, start: int, end: int) -> int:
    """Return the orientation in the EXIF block [start, end); upright if it has none, or one that is not valid."""
    if source.up_to(start, len(PREFIX)) == PREFIX:
        start += len(PREFIX)
    found = next((field.number for field in tiff.fields(source, start, end) if field.tag == _ORIENTATION), None)
    return found if found is not None and 1 <= found <= 8 else UPRIGHT
