"""How a stored picture has to be turned to be upright. Pure. Everything that shows or measures a picture uses this
function.

What browsers read counts: EXIF in JPEG, PNG and WebP, the tag of a TIFF, the properties of an AVIF. XMP and texts that
repeat it are not read: editors that have turned the pixels leave them behind.
"""

from itertools import islice

from services.core.assets import media_types
from services.core.assets.containers import Malformed, Memory, exif, isobmff, jpeg, png, webp

UPRIGHT = exif.UPRIGHT
_SWAPPING = (5, 6, 7, 8)
_PARTS_MAX = 200_000
"""Segments or chunks of a file that are looked at."""
_EXIF_FLAG = 0x08
_QUARTERS = {0: 1, 1: 8, 2: 3, 3: 6}
"""Of `irot`, anticlockwise (ISO/IEC 23008-12, 6.5.10), as EXIF has it."""
_MIRRORED = {1: (4, 2), 8: (5, 7), 3: (2, 4), 6: (7, 5)}
"""The same with `imir` after it: rows exchanged, or columns (6.5.12)."""


def of(content: bytes, media_type: str) -> int:
    """Return the orientation of a picture as EXIF numbers it (CIPA DC-008, 4.6.5.1); 1 if nothing is stated."""
    source = Memory(content)
    match media_type:
        case media_types.JPEG:
            return _of_jpeg(source)
        case media_types.PNG:
            return _of_png(source)
        case media_types.WEBP:
            return _of_webp(source)
        case media_types.TIFF:
            return exif.orientation(source, 0, source.size)
        case media_types.AVIF | media_types.HEIC:
            return _of_properties(isobmff.primary(source))
    return UPRIGHT


def turned(width: int, height: int, orientation: int) -> tuple[int, int]:
    """Return the sides of a picture once it is turned upright; the way back is the same."""
    return (height, width) if orientation in _SWAPPING else (width, height)


def _of_jpeg(source: Memory) -> int:
    try:
        for segment in islice(jpeg.opening(source), _PARTS_MAX):
            start = segment.at + 4
            # The first EXIF segment counts.
            if segment.marker == jpeg.APP1 and source.up_to(start, len(exif.PREFIX)) == exif.PREFIX:
                return exif.orientation(source, start, segment.end)
    except Malformed:
        pass
    return UPRIGHT


def _of_png(source: Memory) -> int:
    for chunk in islice(png.chunks(source), _PARTS_MAX):
        if chunk.name == b"eXIf" and png.sound(source, chunk) is not None:
            return exif.orientation(source, *chunk.data)
    return UPRIGHT


def _of_webp(source: Memory) -> int:
    head = source.up_to(0, webp.HEADER)
    announced = False
    for chunk in islice(webp.chunks(source, min(webp.riff_end(head), source.size)), _PARTS_MAX):
        if chunk.name == b"VP8X":
            announced = bool(int.from_bytes(source.up_to(chunk.body, 1)) & _EXIF_FLAG)
        if not announced:  # Without its flag readers do not look at the chunk.
            break
        if chunk.name == b"EXIF":
            return exif.orientation(source, chunk.body, chunk.end)
    return UPRIGHT


def _of_properties(properties: list[isobmff.Property]) -> int:
    found = UPRIGHT
    for name, content in properties:
        if name == b"irot" and content:
            found = _QUARTERS[content[0] & 3]
        elif name == b"imir" and content and found in _MIRRORED:
            found = _MIRRORED[found][content[0] & 1]
    return found
