"""What the numbers of a stored picture mean where no ICC profile says it.

Pure. Everything that shows or inspects a picture uses these functions. Of several statements in a PNG the first of
cICP, iCCP, sRGB, gAMA with cHRM counts (W3C Portable Network Graphics, third edition, 4.3). A statement with a wrong
CRC does not count. In AVIF and HEIC a profile counts before code points.
"""

import struct
from itertools import islice

from services.core.assets import colour_spaces, icc, media_types
from services.core.assets.colour_spaces import BT709, SRGB, Curve, Power, Primaries, Space, srgb_curve
from services.core.assets.containers import Memory, isobmff, png

_STATEMENTS = (b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM")
_PICTURE = (b"PLTE", b"IDAT")
"""What statements come before (5.6)."""
_CHUNKS_MAX = 200_000
_USUAL = 1 / 2.2
"""The gAMA of sRGB (11.3.2.5). Encoders write it for sRGB's curve, which is near."""
_NEAR = 0.05
"""A relative difference of gamma that libpng ignores, too."""
_NEAR_POINT = 0.0025
"""A smaller difference of x or y cannot be seen."""
_GAMMA_RANGE = (0.01, 100.0)
_UNIT = 100_000


def stated(content: bytes, media_type: str) -> Space | None:
    """Return the colour space that a picture states, which may be SRGB.

    None if its ICC profile counts, or if it states nothing. Without a profile, the picture is SRGB then.
    """
    match media_type:
        case media_types.PNG:
            return _of_png(content)
        case media_types.AVIF | media_types.HEIC:
            return _of_properties(isobmff.primary(Memory(content)))
    return None


def profile(content: bytes, media_type: str) -> bytes | None:
    """Return the ICC profile that counts instead of the one that a picture may have, for red, green and blue.

    None if its own counts, or if the picture states nothing. Empty if the picture is SRGB, even if it has a profile.
    """
    space = stated(content, media_type)
    if space is None:
        return None
    return b"" if space == SRGB else icc.profile(space)


def _of_png(content: bytes) -> Space | None:
    found = _statements(content)
    if (codes := found.get(b"cICP")) and len(codes) == 4 and codes[2] == 0:
        space = colour_spaces.of_codes(codes[0], codes[1], full_range=codes[3] != 0)
        if space:
            return space
    if found.get(b"iCCP") is not None:
        return None
    if found.get(b"sRGB") is not None:
        return SRGB
    primaries, curve = _primaries(found.get(b"cHRM")), _curve(found.get(b"gAMA"))
    if primaries or curve:
        return Space(primaries or BT709, curve or srgb_curve)
    return SRGB if b"iCCP" in found else None


def _statements(content: bytes) -> dict[bytes, bytes | None]:
    """Return the statements of a PNG before its picture: the first of each kind, None for a damaged one."""
    source, found = Memory(content), dict[bytes, bytes | None]()
    for chunk in islice(png.chunks(source), _CHUNKS_MAX):
        if chunk.name in _PICTURE:
            break
        if chunk.name in _STATEMENTS and chunk.name not in found:
            found[chunk.name] = png.sound(source, chunk)
    return found


def _curve(gamma: bytes | None) -> Curve | None:
    if gamma is None or len(gamma) != 4:
        return None
    share = int.from_bytes(gamma, "big") / _UNIT
    if not _GAMMA_RANGE[0] <= share <= _GAMMA_RANGE[1]:
        return None
    return srgb_curve if abs(share / _USUAL - 1) <= _NEAR else Power(1 / share)


def _primaries(points: bytes | None) -> Primaries | None:
    if points is None or len(points) != 32:
        return None
    white, red, green, blue = ((x / _UNIT, y / _UNIT) for x, y in struct.iter_unpack(">2I", points))
    found = Primaries(red, green, blue, white)
    if not icc.spans_colours(found):
        return None
    return BT709 if _is_near(found, BT709) else found


def _is_near(one: Primaries, other: Primaries) -> bool:
    points = (
        (a, b)
        for name in ("red", "green", "blue", "white")
        for a, b in zip(getattr(one, name), getattr(other, name), strict=True)
    )
    return all(abs(a - b) <= _NEAR_POINT for a, b in points)


def _of_properties(properties: list[isobmff.Property]) -> Space | None:
    said = [content for name, content in properties if name == b"colr"]
    if any(content[:4] in (b"prof", b"rICC") for content in said):
        return None
    for content in said:
        if content[:4] == b"nclx" and len(content) >= 8:
            return colour_spaces.of_codes(*struct.unpack(">2H", content[4:8]))
    return None
